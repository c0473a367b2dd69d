/* resolve - names to addresses, inside the fork gate, without blocking who
 * asks.
 *
 * Owns:    a few answers for five minutes each, and the look-up under way.
 * Threads: one at a time, as its http client; the look-ups run in a
 *          thread of their own, begun with the first one, so that nobody waits
 *          for a dead name server longer than he wants to.
 * Errors:  -EINPROGRESS until the answer is there; -EHOSTUNREACH: there is no
 *          such name; -ENOMEM.
 * Limits:  LLMOBS_RESOLVE_TEXT_MAX bytes of addresses a name.
 * Fork:    forget: the child begins anew; what its parent had is left alone.
 */
#ifndef LLMOBS_RESOLVE_H
#define LLMOBS_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LLMOBS_RESOLVE_TEXT_MAX 256

struct llmobs_resolve;

/* Gives a resolver; NULL without memory. */
struct llmobs_resolve *llmobs_resolve_new(void);
void llmobs_resolve_free(struct llmobs_resolve *resolve);
void llmobs_resolve_forget(struct llmobs_resolve *resolve);

/* Its thread ends, after the look-up under way. The next one starts another. */
void llmobs_resolve_end(struct llmobs_resolve *resolve);

/* True for a name of this machine's loopback, which nobody is asked for. */
bool llmobs_resolve_is_local(const char *host);

/* Writes the addresses of `host`, "1.2.3.4,::1", in the order in which they
 * shall be tried. Starts a look-up where none is known; `thread` false: does
 * it here, however long it takes. */
int llmobs_resolve_get(struct llmobs_resolve *resolve, const char *host,
                       bool thread, char out[LLMOBS_RESOLVE_TEXT_MAX]);

/* Waits for the look-up under way, at most `ms`. */
void llmobs_resolve_wait(struct llmobs_resolve *resolve, int64_t ms);

/* The addresses of `host` did not answer: look it up again soon. */
void llmobs_resolve_doubt(struct llmobs_resolve *resolve, const char *host);

#endif
