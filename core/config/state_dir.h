/* state_dir - the directories for the files of this user: the store and all
 * else.
 *
 * The first two functions write a path for the effective user. -ENAMETOOLONG.
 * Without a home that is "/var/tmp/llmobs-UID", where anybody may make a
 * directory: if another user has that name, "llmobs-UID.N", N from 1 to
 * LLMOBS_LOOSE_LAST. The user's own one counts, else the first that is free.
 */
#ifndef LLMOBS_STATE_DIR_H
#define LLMOBS_STATE_DIR_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/config/config.h"

#define LLMOBS_LOOSE "/var/tmp/llmobs-"
#define LLMOBS_LOOSE_LAST 9
#define LLMOBS_LOOSE_SIZE 64

/* The directory of the local store. */
int llmobs_config_store_dir(const struct llmobs_config *config, char *out,
                            size_t cap);

/* The directory of all other files, beside the store, or the store's own if
 * LLMOBS_STORE_DIR names the store; and `leaf` behind it: "/..." or "". */
int llmobs_config_base_dir(const struct llmobs_config *config, const char *leaf,
                           char *out, size_t cap);

/* True for the name of such a directory of the user's, without its path. */
bool llmobs_config_is_loose(const char *name, uid_t uid);

/* True for a path below such a directory where another user has the first of
 * these names: gives that name. */
bool llmobs_config_taken(const char *path, char name[LLMOBS_LOOSE_SIZE]);

#endif
