/* stats - counters of what happened to the calls; each call is counted once.
 *
 * captured + adopted = delivered + sampled_out + pending + left + all dropped_*
 * + unconfirmed + purged, whenever no call is being counted. A call that one
 * process leaves in the spool is adopted by another.
 *
 * A thread counts a call in the order of LLMOBS_STATS: kept, captured (or
 * adopted), the counter that settles it, released. So counters are written
 * cause first, and a reader who walks them backwards never sees an effect
 * without its cause.
 *
 * Threads: any; the counters are atomic, written with release and read with
 *          acquire.
 * Fork:    a child begins at zero (llmobs_stats_reset).
 */
#ifndef LLMOBS_STATS_H
#define LLMOBS_STATS_H

#include <stdbool.h>
#include <stdint.h>

/* X(name): the counters, in the order in which a call is counted. delivered,
 * sampled_out, unconfirmed, left, purged and those named dropped_... settle a
 * captured or adopted call; the others stand beside that sum. Where one of
 * several destinations did not get a call, that one decides. */
#define LLMOBS_STATS(X)                                                        \
    X(kept)             /* written to the spool, adopted, or fell back */      \
    X(captured)         /* exchanges and spans given to the buffer or lost */  \
    X(adopted)          /* taken from the spools of ended processes */         \
    X(delivered)        /* accepted by the exporter */                         \
    X(sampled_out)      /* kept from OTLP by the sampler */                    \
    X(unconfirmed)      /* candidates that were no LLM call */                 \
    X(left)             /* left in the spool when the process ended */         \
    X(dropped_full)     /* the buffer was full */                              \
    X(dropped_memory)   /* no memory */                                        \
    X(dropped_export)   /* refused by the exporter for good */                 \
    X(dropped_rejected) /* accepted, and thrown away by the receiver */        \
    X(dropped_unsaid)   /* evaluations that OTLP's logs cannot express */      \
    X(dropped_expired)  /* too old for Datadog: in the store, marked */        \
    X(dropped_program)  /* refused by the program's own processor */           \
    X(dropped_exit)     /* not delivered when the process ended */             \
    X(dropped_died)     /* pending when the process was killed */              \
    X(evaluations)      /* delivered events that are evaluations */            \
    X(fell_back)        /* of left: in the store, in a destination's place */  \
    X(recovered)        /* of these: moved to the spool, or gone */            \
    X(purged)           /* removed from the spool by `llmobs purge` */         \
    X(released)         /* removed from the spool; kept - released remain */   \
    X(sent_store)       /* sent_NAME: accepted by the exporter NAME; */        \
    X(sent_agent)       /* several exporters may accept one event */           \
    X(sent_agentless)                                                          \
    X(sent_otlp)                                                               \
    X(sent_otlp_logs)                                                          \
    X(sent_otlp_metrics)  /* spans whose sums an OTLP receiver accepted */     \
    X(lost_otlp_metrics)  /* spans whose sums the receiver refused for good */ \
    X(link_file_failed)   /* times that the file of links was unusable */      \
    X(hook_failed)        /* times that a hook of LLMOBS_INBOUND failed */     \
    X(wrapped)            /* objects that may call libcurl past the library */ \
    X(unjudged)           /* requests on unseen handles: maybe LLM calls */    \
    X(unfollowed)         /* connections of which calls may pass unseen */     \
    X(unread_streams)     /* requests to a provider: gRPC, websockets */       \
    X(intercept_left)     /* connections that --intercept left unread; */      \
    X(intercept_expired)  /* as its certificates count no more; */             \
    X(intercept_many)     /* as no files were left for more; */                \
    X(intercept_odd)      /* as they began with no TLS, or an odd one; */      \
    X(intercept_server)   /* as the server did not prove its name; */          \
    X(intercept_refused)  /* as a program took none of its certificates */     \
    X(tls_left)           /* processes whose own OpenSSL is left alone */      \
    X(tls_inside)         /* processes whose own OpenSSL is observed */        \
    X(fork_beside_thread) /* forks that went on beside a thread of ours */     \
    X(intercepted)        /* connections that --intercept has read */          \
    X(headers_added)  /* requests without libcurl that got trace headers */    \
    X(headers_own)    /* that got none: they have their own; */                \
    X(headers_signed) /* the head may be signed; */                            \
    X(headers_large)  /* the head is large; */                                 \
    X(headers_cut)    /* the end of the head went in pieces; */                \
    X(headers_way)    /* they went in a way that can take none */              \
    X(headers_lost)   /* of headers_added: others were sent, or none */

enum llmobs_stat {
#define X(name) LLMOBS_STAT_##name,
    LLMOBS_STATS(X)
#undef X
        LLMOBS_STAT_COUNT
};

void llmobs_stats_add(enum llmobs_stat stat, uint64_t n);
uint64_t llmobs_stats_get(enum llmobs_stat stat);
const char *llmobs_stats_name(enum llmobs_stat stat);

/* The counter of the events that the exporter of that name accepted;
 * LLMOBS_STAT_COUNT, which counts nothing, for another name. */
enum llmobs_stat llmobs_stats_sent(const char *exporter);

/* True for the counters that are the outcome of a call. The name is asked for
 * where another version of the library may have written the counter. */
bool llmobs_stats_is_outcome(enum llmobs_stat stat);
bool llmobs_stats_is_outcome_name(const char *name);

/* True where calls may have passed unseen, of which no more is known: one of
 * the counters from wrapped to tls_left has counted. */
bool llmobs_stats_any_unseen(void);

void llmobs_stats_reset(void);

#endif
