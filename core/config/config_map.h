/* config_map - the variables that are lists of "key:value": DD_TAGS, from which
 * other values may come, and the additional headers.
 *
 * Limits:  LLMOBS_CONFIG_MAP_MAX entries in a list.
 */
#ifndef LLMOBS_CONFIG_MAP_H
#define LLMOBS_CONFIG_MAP_H

#include "core/config/config_load.h"

#define LLMOBS_CONFIG_MAP_MAX 256

void llmobs_config_settle_tags(struct llmobs_config_loading *loading);
void llmobs_config_settle_headers(struct llmobs_config_loading *loading);

/* Gives "name: value" (free with free()); NULL for a header that may not be
 * added, and when memory runs out. */
char *llmobs_config_header(struct llmobs_config_loading *loading,
                           struct llmobs_text name, struct llmobs_text value);

#endif
