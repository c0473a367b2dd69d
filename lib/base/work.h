/* work - limits the work on one body: by a budget of steps, and by a time.
 *
 * The peer chooses how much work its body is: how many bytes to replace, how
 * many values to make and free. So each pass over the body asks for its steps,
 * of some three nanoseconds, before it takes them. Beyond the budget the pass
 * fails as if memory had run out, and so do its callers. The function that
 * began the budget then knows the reason and reads less of the body.
 *
 * Threads: only the thread that has the worker's turn has a budget; all others
 *          work without one. _until: any thread.
 * Limits:  reads the clock once in LLMOBS_WORK_LOOK steps.
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
#define LLMOBS_WORK_MEND 16  /* a character that is replaced */
#define LLMOBS_WORK_VALUE 64 /* a value that is made, and freed later */

/* Begins a budget for the calling thread; it replaces any other. */
void llmobs_work_begin(int64_t most);

/* Ends the budget. 0; -E2BIG: it was not enough; -ETIMEDOUT: no time was left.
 */
int llmobs_work_end(void);

/* Takes steps from the calling thread's budget; true where the thread has no
 * budget. False: the budget is used up, or the time is over; then each later
 * call is false as well, until llmobs_work_end. */
bool llmobs_work_do(size_t steps);

/* The same for few steps at a time, which `some` gathers. */
static inline bool llmobs_work_some(size_t *some, size_t steps)
{
    size_t all = *some += steps;

    if (all < 1024)
        return true;
    *some = 0;
    return llmobs_work_do(all);
}

/* True when the time of the calling thread's budget is over: nobody waits for
 * the result of its work. */
bool llmobs_work_is_late(void);

/* Sets the time at which work by a budget ends (monotonic; INT64_MAX: never):
 * _until for every thread, _by for the thread that has the worker's turn. The
 * earlier time counts. */
void llmobs_work_until(int64_t mono_ns);
void llmobs_work_by(int64_t mono_ns);

#endif
