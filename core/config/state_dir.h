/* state_dir - the directories for the files of this user: the store and all
 * else.
 *
 * Both functions write a path for the effective user. -ENAMETOOLONG.
 */
#ifndef LLMOBS_STATE_DIR_H
#define LLMOBS_STATE_DIR_H

#include "core/config/config.h"

/* The directory of the local store. */
int llmobs_config_store_dir(const struct llmobs_config *config, char *out,
                            size_t cap);

/* The directory of all other files, beside the store, or the store's own if
 * LLMOBS_STORE_DIR names the store; and `leaf` behind it: "/..." or "". */
int llmobs_config_base_dir(const struct llmobs_config *config, const char *leaf,
                           char *out, size_t cap);

#endif
