/* relay_sign - the file by which a relay says that it delivers a spool.
 *
 * A relay is a process that delivers for all others of its user. It holds a
 * lock on the file LLMOBS_RELAY_SIGN of the spool, with the user's number
 * behind that name, as long as it lives, and writes there for which
 * destinations it works, as hashes (owner.h). Another process only reads the
 * file, without a request and without waiting. The kernel drops the lock when
 * the relay ends, however it ends; a relay that hangs is noticed by the file's
 * time, which a working relay renews (LLMOBS_RELAY_RENEW_MS). Only the user can
 * make the file (file.h), so nobody else can claim to be the relay.
 *
 * A relay that a program's start or the library has started works for one
 * owner's destinations alone. Its sign has the begin of their hash behind the
 * user's number, so that a spool has one such relay for each destination and
 * key, beside the relay for all.
 *
 * Owns:    a llmobs_relay_sign owns its descriptor, from _write to _remove.
 * Threads: _write, _renew, _is_there, _remove: one; the rest: any.
 * Errors:  negative errno. -EBUSY: another relay has the sign.
 * Limits:  LLMOBS_RELAY_HASHES hashes; a sign that was not renewed for
 *          LLMOBS_RELAY_STALE_MS does not count.
 * Fork:    the lock belongs to the descriptor: a child that closes its copy
 *          does not drop it.
 */
#ifndef LLMOBS_RELAY_SIGN_H
#define LLMOBS_RELAY_SIGN_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/log/owner.h"

#define LLMOBS_RELAY_SIGN "relay."
#define LLMOBS_RELAY_HASHES 4
#define LLMOBS_RELAY_RENEW_MS 2000
#define LLMOBS_RELAY_STALE_MS 10000

struct llmobs_relay_sign {
    int fd;                           /* -1: no sign */
    const struct llmobs_owner *owner; /* whose destinations alone it works for;
                                       * NULL: the relay for all */
};

/* Puts the sign into the opened spool `dir`, for the destinations of these
 * owners. */
int llmobs_relay_sign_write(struct llmobs_relay_sign *sign, int dir,
                            const struct llmobs_owner *const *owners,
                            size_t count);
/* Says that the relay works still. */
int llmobs_relay_sign_renew(const struct llmobs_relay_sign *sign);
/* False where somebody has removed the sign, or the whole spool. */
bool llmobs_relay_sign_is_there(const struct llmobs_relay_sign *sign, int dir);
/* From here on no process leaves its entries to this relay. */
void llmobs_relay_sign_remove(struct llmobs_relay_sign *sign, int dir);

/* To be called before a relay for these destinations is started: 0 for one of
 * several callers, in three seconds; -EBUSY: one lives, or another process
 * starts one. _give_up: the start has failed. */
int llmobs_relay_sign_begin(int dir, const struct llmobs_owner *owner);
void llmobs_relay_sign_give_up(int dir, const struct llmobs_owner *owner);

/* True where a living relay has its sign in the opened spool `dir`, reads files
 * of this version (entry.h), and works for the destinations of this owner
 * (NULL: of any version, for any). */
bool llmobs_relay_sign_is_up(int dir, const struct llmobs_owner *owner);

/* True where a relay of this version lives that may have claimed files of this
 * owner, even one that hangs. `mine`: the caller's own sign, which does not
 * count; or NULL. */
bool llmobs_relay_sign_is_held(int dir, const struct llmobs_owner *owner,
                               const struct llmobs_relay_sign *mine);

/* As llmobs_relay_sign_is_up, for a process that begins. In a directory of
 * several users, such as /tmp, makes an empty file if the sign is missing: by
 * that file root's relay finds a user whose processes leave nothing else. */
bool llmobs_relay_sign_meet(int dir, const struct llmobs_owner *owner);

/* True for the name of a sign; gives the user in it. */
bool llmobs_relay_sign_parse(const char *name, uid_t *uid);

/* Whether a process with this configuration has a relay. */
enum llmobs_relay {
    LLMOBS_RELAY_NONE,
    LLMOBS_RELAY_OF_OTHERS, /* a relay works for other destinations, or is of
                             * another version */
    LLMOBS_RELAY_UP
};
enum llmobs_relay llmobs_relay_find(const struct llmobs_config *config);

#endif
