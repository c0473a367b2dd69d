/* work - how much is done for one body: a budget of steps, and a time.
 *
 * A peer chooses the cost of its body: a byte that must be replaced, a value
 * that is built and freed. So each pass asks for its steps, of some three
 * nanoseconds, before it takes them. Beyond the budget it gives up as if its
 * memory had ended, and so do its callers. The function that began the budget
 * then knows the reason and reads less of the body.
 *
 * Threads: one at a time works by a budget, the one that holds the worker's
 *          gate; all others work without. _until: any thread.
 * Limits:  the clock is read once in LLMOBS_WORK_LOOK steps.
 * Fork:    a child has no budget until it begins one.
 */
#ifndef LLMOBS_WORK_H
#define LLMOBS_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LLMOBS_WORK_LOOK (INT64_C(1) << 17)
#define LLMOBS_WORK_ALL INT64_MAX

/* About a quarter of a second on a slow machine: a body of 16 MiB that is
 * mostly text takes half of it. */
#define LLMOBS_WORK_BODY INT64_C(80000000)

/* The cost of a byte or of a value, in steps. */
#define LLMOBS_WORK_ODD 10   /* a character beyond ASCII, or an escape */
#define LLMOBS_WORK_MEND 16  /* one that is replaced */
#define LLMOBS_WORK_VALUE 64 /* one that is made, and freed some day */

/* Begins a budget for the calling thread, in the place of any other. */
void llmobs_work_begin(int64_t most);

/* Ends it. 0; -E2BIG: it was not enough; -ETIMEDOUT: the time was over. */
int llmobs_work_end(void);

/* Takes steps from the calling thread's budget, where it has one. False: it is
 * used up, or the time is over; it stays so until the end. */
bool llmobs_work_do(size_t steps);

/* True where the calling thread has a budget: else its steps need no count. */
bool llmobs_work_is_counted(void);

/* True: the time of the calling thread's budget was over, and nobody takes what
 * it does. */
bool llmobs_work_is_late(void);

/* The end of all work by a budget (monotonic; INT64_MAX: none), and the end of
 * that of the thread that holds the gate: the earlier one counts. */
void llmobs_work_until(int64_t mono_ns);
void llmobs_work_by(int64_t mono_ns);

#endif
