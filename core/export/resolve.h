/* resolve - looks names up, inside the fork gate, without blocking the caller.
 *
 * Owns:    a few answers, for five minutes each, and the look-up under way.
 * Threads: one thread at a time, as its http client. Each look-up runs in a
 *          thread of its own, which ends with it, so that a caller need not
 *          wait for a dead name server.
 * Errors:  -EINPROGRESS until the answer is there; -EHOSTUNREACH: the name does
 *          not exist; -ENOMEM.
 * Limits:  LLMOBS_RESOLVE_TEXT_MAX bytes of addresses for a name.
 * Fork:    forget: the child begins anew, and leaves its parent's look-up
 *          alone.
 */
#ifndef LLMOBS_RESOLVE_H
#define LLMOBS_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LLMOBS_RESOLVE_TEXT_MAX 256

struct llmobs_resolve;

/* Gives a resolver; NULL when memory runs out. */
struct llmobs_resolve *llmobs_resolve_new(void);
void llmobs_resolve_free(struct llmobs_resolve *resolve);
void llmobs_resolve_forget(struct llmobs_resolve *resolve);

/* True for a name of this machine's loopback, which needs no name server. */
bool llmobs_resolve_is_local(const char *host);

/* Writes the addresses of `host`, "1.2.3.4,::1", in the order in which to try
 * them. If it knows no address, it starts a look-up; if `thread` is false, it
 * does the look-up itself, however long that takes. */
int llmobs_resolve_get(struct llmobs_resolve *resolve, const char *host,
                       bool thread, char out[LLMOBS_RESOLVE_TEXT_MAX]);

/* Waits for the look-up under way, at most `ms`. */
void llmobs_resolve_wait(struct llmobs_resolve *resolve, int64_t ms);

/* The addresses of `host` did not answer: it will be looked up again soon. */
void llmobs_resolve_doubt(struct llmobs_resolve *resolve, const char *host);

#endif
