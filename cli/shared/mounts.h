/* mounts - the places of users in mount namespaces other than this one, such as
 * the /var/tmp of a unit with PrivateTmp or DynamicUser.
 *
 * Root alone reads /proc here, and no file of such a namespace: a place there
 * may be a file system that never answers. The child that has become the user
 * looks (apart.h), and is ended after its time.
 *
 * Owns:    nothing.
 * Threads: one.
 * Errors:  negative errno; a process that ends meanwhile is passed over.
 * Limits:  living processes of this pid namespace, whose user is not root;
 *          LLMOBS_MOUNTS_USER namespaces of a user; /var/tmp/llmobs-UID alone.
 */
#ifndef LLMOBS_MOUNTS_H
#define LLMOBS_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/config/config.h"

#define LLMOBS_MOUNTS_KEY 512
#define LLMOBS_MOUNTS_USER 32

/* The effective user of a process. */
int llmobs_mounts_user(pid_t pid, uid_t *uid);

/* Names what a process sees at an absolute path: device, and place on it. Two
 * processes with the same text see the same directory. False: not known. */
bool llmobs_mounts_key(pid_t pid, const char *path,
                       char key[LLMOBS_MOUNTS_KEY]);

/* Visits each namespace where a user has a process, and /var/tmp is another
 * directory than here, with that process; a visit that does not give 0 ends
 * this. Says on stderr where a kernel without openat2 keeps it from that. */
typedef int llmobs_mounts_fn(void *ctx, uid_t uid, pid_t pid, uint64_t mounts);
int llmobs_mounts_visit(llmobs_mounts_fn *visit, void *ctx);

/* For a child: opens the root of the process, as root. Gives the descriptor. */
int llmobs_mounts_open(pid_t pid, uint64_t mounts);

/* Then as the user: finds the user's directory below that root, by no link, and
 * sets it in the configuration. -ENOENT: there is none. */
int llmobs_mounts_enter(int root, struct llmobs_config *config);

#endif
