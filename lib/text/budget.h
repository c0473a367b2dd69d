/* budget - limits the memory of all captured bodies and encoded events of the
 * process together (LLMOBS_BUFFER_MAX): of calls under way, of events that
 * wait, and of the reading of a body. The copy of a body that a handle keeps
 * for its next calls does not count: libcurl keeps one of the same length.
 *
 * Threads: any; no lock. A body asks for some KiB at a time, not for each add.
 * Errors:  false: there is no room.
 * Limits:  long bodies may take five eighths of the whole; short bodies, and
 *          the ends of long ones, another eighth; the rest is for the reading
 *          of a body, and for memory that nobody counts. A caller that takes by
 *          force may pass the limit: its bytes exist already, or are few.
 * Fork:    a child begins with nothing claimed. It inherits the bytes of its
 *          parent, and does not release them.
 */
#ifndef LLMOBS_BUDGET_H
#define LLMOBS_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

/* The purpose of the bytes. */
enum llmobs_budget_for {
    LLMOBS_BUDGET_WHOLE, /* a body that may be kept whole */
    LLMOBS_BUDGET_ENDS,  /* head and tail of a body that is not whole */
    LLMOBS_BUDGET_READING
};

/* To be called before any other function. 0, as without the call: no limit. */
void llmobs_budget_init(size_t max);

/* Claims `len` bytes, or nothing. */
bool llmobs_budget_claim(size_t len, enum llmobs_budget_for purpose);

/* Claims `len` bytes even where there is no room. */
void llmobs_budget_force(size_t len);

void llmobs_budget_release(size_t len);

#endif
