/* tick - a function that a waiting function calls again and again, for a caller
 * that has work to do meanwhile.
 *
 * Owns:    nothing; the object behind `ctx` outlives the wait.
 * Threads: called on the waiting thread, every 20 ms or more often.
 * Limits:  the call must be short: the wait goes on only after it.
 */
#ifndef LLMOBS_TICK_H
#define LLMOBS_TICK_H

struct llmobs_tick {
    void (*call)(void *ctx); /* NULL: nothing is called */
    void *ctx;
};

static inline void llmobs_tick_now(const struct llmobs_tick *tick)
{
    if (tick->call)
        tick->call(tick->ctx);
}

#endif
