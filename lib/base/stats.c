/* Counts outcomes in atomic counters. */
#include "lib/base/stats.h"

#include <stdatomic.h>
#include <string.h>

static _Atomic uint64_t counters[LLMOBS_STAT_COUNT];

static const char *const names[LLMOBS_STAT_COUNT] = {
#define X(name) #name,
    LLMOBS_STATS(X)
#undef X
};

static bool is_known_stat(enum llmobs_stat stat)
{
    return (unsigned)stat < LLMOBS_STAT_COUNT;
}

void llmobs_stats_add(enum llmobs_stat stat, uint64_t n)
{
    if (is_known_stat(stat))
        atomic_fetch_add_explicit(&counters[stat], n, memory_order_release);
}

uint64_t llmobs_stats_get(enum llmobs_stat stat)
{
    if (!is_known_stat(stat))
        return 0;
    return atomic_load_explicit(&counters[stat], memory_order_acquire);
}

const char *llmobs_stats_name(enum llmobs_stat stat)
{
    return is_known_stat(stat) ? names[stat] : "unknown";
}

enum llmobs_stat llmobs_stats_sent(const char *exporter)
{
    for (int i = LLMOBS_STAT_sent_store; i <= LLMOBS_STAT_sent_otlp_logs; i++)
        if (strcmp(names[i] + strlen("sent_"), exporter) == 0)
            return (enum llmobs_stat)i;
    return LLMOBS_STAT_COUNT;
}

/* Compares numbers, not names, as a short process asks for all at its end. */
bool llmobs_stats_is_outcome(enum llmobs_stat stat)
{
    return stat == LLMOBS_STAT_delivered || stat == LLMOBS_STAT_sampled_out ||
           stat == LLMOBS_STAT_unconfirmed || stat == LLMOBS_STAT_left ||
           stat == LLMOBS_STAT_purged ||
           (stat >= LLMOBS_STAT_dropped_full &&
            stat <= LLMOBS_STAT_dropped_died);
}

/* A later release may have dropped for a reason that has no number here. */
bool llmobs_stats_is_outcome_name(const char *name)
{
    for (int i = 0; i < LLMOBS_STAT_COUNT; i++)
        if (strcmp(names[i], name) == 0)
            return llmobs_stats_is_outcome((enum llmobs_stat)i);
    return strncmp(name, "dropped_", 8) == 0;
}

bool llmobs_stats_any_unseen(void)
{
    bool any = false;

    for (int i = LLMOBS_STAT_wrapped; i <= LLMOBS_STAT_tls_left; i++)
        any |= llmobs_stats_get((enum llmobs_stat)i) > 0;
    return any;
}

void llmobs_stats_reset(void)
{
    for (int i = 0; i < LLMOBS_STAT_COUNT; i++)
        atomic_store_explicit(&counters[i], 0, memory_order_relaxed);
}
