/* config_file - the configuration file: lines NAME=value.
 *
 * Errors:  a wrong line is reported by its number, and never by its text, which
 *          may be a key.
 * Limits:  LLMOBS_CONFIG_FILE_MAX bytes; a larger file is ignored. Where a file
 *          exists but is ignored, or has a wrong line about content, content is
 *          off.
 */
#ifndef LLMOBS_CONFIG_FILE_H
#define LLMOBS_CONFIG_FILE_H

#include "core/config/config_load.h"

#define LLMOBS_CONFIG_FILE_MAX 65536

/* Reads the file into loading->file, its last line first, so that the last of
 * several lines with one name counts. `named`: the user named the file, so its
 * absence is reported. */
void llmobs_config_read_file(struct llmobs_config_loading *loading,
                             const char *path, bool named);

/* The value of the first variable with this name, as getenv gives it; NULL when
 * unset or empty. */
const char *llmobs_config_find(const char *const *env, const char *name);

/* The value in the file that was read; NULL when unset or empty there. */
const char *llmobs_config_from_file(const struct llmobs_config_loading *loading,
                                    const char *name, bool *by_file);

#endif
