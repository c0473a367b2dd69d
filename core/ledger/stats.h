/* stats - what happened to every exchange, counted once.
 *
 * captured + adopted = delivered + pending + left + all dropped_* +
 * unconfirmed + purged, at any quiet moment. What one process leaves in the
 * spool another adopts.
 *
 * Who counts a call does so in the order of LLMOBS_STATS: kept, captured (or
 * adopted), what settles it, released. Whoever reads them backwards sees
 * nothing that has not its cause.
 *
 * Threads: any; atomic counters, of release and acquire.
 * Fork:    a child begins at zero (llmobs_stats_reset).
 */
#ifndef LLMOBS_STATS_H
#define LLMOBS_STATS_H

#include <stdbool.h>
#include <stdint.h>

/* X(name): the counters, in the order in which a call is counted. Those named
 * dropped_..., delivered, unconfirmed and purged end what captured began; any
 * other only tells something beside the sum. */
#define LLMOBS_STATS(X)                                                      \
    X(kept)            /* in the spool, adopted ones included */             \
    X(captured)        /* exchanges and spans given to the buffer or lost */ \
    X(adopted)         /* taken over from processes that are gone */         \
    X(delivered)       /* accepted by the exporter */                        \
    X(unconfirmed)     /* candidates that were no LLM call */                \
    X(left)            /* left in the spool when the process ended */        \
    X(dropped_full)    /* the buffer was full */                             \
    X(dropped_memory)  /* no memory */                                       \
    X(dropped_export)  /* refused by the exporter for good */                \
    X(dropped_expired) /* older than the intake takes */                     \
    X(dropped_exit)    /* not delivered when the process ended */            \
    X(dropped_died)    /* pending when the process was killed */             \
    X(evaluations)     /* of those delivered: evaluation metrics */          \
    X(purged)          /* a person had it removed from the spool */          \
    X(released)        /* let go of there; the rest of kept is left */       \
    X(sent_store)      /* accepted by the exporter of that name: an event */ \
    X(sent_agent)      /* may count for several */                           \
    X(sent_agentless)

enum llmobs_stat {
#define X(name) LLMOBS_STAT_##name,
    LLMOBS_STATS(X)
#undef X
        LLMOBS_STAT_COUNT
};

void llmobs_stats_add(enum llmobs_stat stat, uint64_t n);
uint64_t llmobs_stats_get(enum llmobs_stat stat);
const char *llmobs_stats_name(enum llmobs_stat stat);

/* The counter of what the exporter of that name accepted; LLMOBS_STAT_COUNT,
 * which nobody counts, for another name. */
enum llmobs_stat llmobs_stats_sent(const char *exporter);

/* True for the counters that make up captured, with what is pending. By name,
 * for those of another version. */
bool llmobs_stats_settles(enum llmobs_stat stat);
bool llmobs_stats_name_settles(const char *name);

void llmobs_stats_reset(void);

#endif
