/* left - events of a connection that threads bring while another is at work
 * there: copies, at most 64 KiB of bytes at once, which may have keys.
 *
 * Threads: any append; the one at work claims and frees. No lock.
 */
#ifndef LLMOBS_LEFT_H
#define LLMOBS_LEFT_H

#include <stdatomic.h>

#include "core/sdk/thread_state.h"
#include "include/engine.h"

struct llmobs_left_event {
    struct llmobs_left_event *next;
    struct llmobs_wire_event event;
    struct llmobs_told told; /* by the thread that brought it */
    char bytes[];            /* of the event */
};

struct llmobs_left {
    _Atomic(struct llmobs_left_event *) newest;
    atomic_size_t size;
};

/* False: too many bytes are left, or there is no memory. */
bool llmobs_left_append(struct llmobs_left *left,
                        const struct llmobs_wire_event *event);

/* Gives all, the oldest first; NULL: there are none. _free wipes and frees one,
 * and gives the next. */
struct llmobs_left_event *llmobs_left_claim(struct llmobs_left *left);
struct llmobs_left_event *llmobs_left_free(struct llmobs_left *left,
                                           struct llmobs_left_event *one);

#endif
