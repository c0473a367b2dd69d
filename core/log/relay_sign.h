/* relay_sign - the file by which a relay says that it delivers a spool.
 *
 * A relay is a process that delivers for all others of its user. It holds a
 * lock on the file LLMOBS_RELAY_SIGN of the spool, with the user's number
 * behind that name, as long as it lives, and writes there for which
 * destinations it works, as hashes (owner.h). Another process reads the file:
 * no request, no wait. The kernel drops the lock when the relay ends, however
 * it ends; a relay that hangs is noticed by the file's time, which a working
 * one renews (LLMOBS_RELAY_RENEW_MS). Nobody but the user can make the file
 * (file.h), and so nobody else can claim to be the relay.
 *
 * Owns:    a llmobs_relay_sign owns its descriptor, from put to take_down.
 * Threads: put, renew, is_there, take_down: one; the others: any.
 * Errors:  negative errno. -EBUSY: another relay has the sign.
 * Limits:  LLMOBS_RELAY_HASHES hashes; a sign that was not renewed for
 *          LLMOBS_RELAY_STALE_MS counts as none.
 * Fork:    the lock belongs to the descriptor: a child that closes its copy
 *          does not drop it.
 */
#ifndef LLMOBS_RELAY_SIGN_H
#define LLMOBS_RELAY_SIGN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/log/owner.h"

#define LLMOBS_RELAY_SIGN "relay."
#define LLMOBS_RELAY_HASHES 4
#define LLMOBS_RELAY_RENEW_MS 2000
#define LLMOBS_RELAY_STALE_MS 10000

struct llmobs_relay_sign {
    int fd; /* -1: none */
};

/* Puts the sign into the opened spool `dir`, for the destinations of these
 * owners. */
int llmobs_relay_sign_put(struct llmobs_relay_sign *sign, int dir,
                          const struct llmobs_owner *const *owners,
                          size_t count);
/* -ETIME: the relay was late, and others have delivered without it. */
int llmobs_relay_sign_renew(const struct llmobs_relay_sign *sign);
/* False where somebody has removed the sign, or the spool with it. */
bool llmobs_relay_sign_is_there(const struct llmobs_relay_sign *sign, int dir);
/* No process leaves its entries to this relay from here on. */
void llmobs_relay_sign_take_down(struct llmobs_relay_sign *sign);

/* True where a living relay has its sign in the opened spool `dir`, and works
 * for the destinations of this owner (NULL: for any). */
bool llmobs_relay_sign_is_up(int dir, const struct llmobs_owner *owner);

/* The same, for a process that begins. In a directory of several users, as
 * /tmp is one, it leaves the file, empty, where there is none: by that root's
 * relay finds a user whose processes leave nothing else. */
bool llmobs_relay_sign_meet(int dir, const struct llmobs_owner *owner);

/* True for the name of a sign; gives the user in it. */
bool llmobs_relay_sign_parse(const char *name, uid_t *uid);

/* Looks for the relay of a process with this configuration. */
enum llmobs_relay {
    LLMOBS_RELAY_NONE,
    LLMOBS_RELAY_OF_OTHERS, /* it works for other destinations */
    LLMOBS_RELAY_UP
};
enum llmobs_relay llmobs_relay_find(const struct llmobs_config *config);

#endif
