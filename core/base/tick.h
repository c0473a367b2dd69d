/* tick - what somebody wants done while somebody else waits.
 *
 * Owns:    nothing; whoever sets it outlives whoever calls it.
 * Threads: called on the waiting thread, every 20 ms or more often.
 * Errors:  never fails. Limits: it is to be short: the wait goes on after it.
 */
#ifndef LLMOBS_TICK_H
#define LLMOBS_TICK_H

struct llmobs_tick {
    void (*call)(void *ctx); /* NULL: nothing */
    void *ctx;
};

static inline void llmobs_tick_now(const struct llmobs_tick *tick)
{
    if (tick->call)
        tick->call(tick->ctx);
}

#endif
