#include "cli/query/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/shared/escape.h"
#include "cli/shared/suggest.h"
#include "cli/shared/tell.h"

static const struct llmobs_metric_words all[LLMOBS_METRIC_COUNT] = {
    [LLMOBS_METRIC_CALLS] = {"calls", "calls", "CALLS"},
    [LLMOBS_METRIC_ERRORS] = {"errors", "errors", "ERRORS"},
    [LLMOBS_METRIC_ERROR_RATE] = {"error_rate", "error_rate", NULL},
    [LLMOBS_METRIC_TRACES] = {"traces", "traces", "TRACES"},
    [LLMOBS_METRIC_TOKENS_IN] = {"tokens_in", "input_tokens", "IN"},
    [LLMOBS_METRIC_TOKENS_OUT] = {"tokens_out", "output_tokens", "OUT"},
    [LLMOBS_METRIC_CACHED] = {"cached", "cached_tokens", "CACHED"},
    [LLMOBS_METRIC_REASONING] = {"reasoning", "reasoning_tokens", "REASONING"},
    [LLMOBS_METRIC_COST] = {"cost", "cost_usd", "COST"},
    [LLMOBS_METRIC_COST_CALLS] = {"cost_calls", "cost_calls", NULL},
    [LLMOBS_METRIC_LATENCY_P50] = {"latency_p50", "latency_p50_s", "P50"},
    [LLMOBS_METRIC_LATENCY_P95] = {"latency_p95", "latency_p95_s", "P95"},
    [LLMOBS_METRIC_LATENCY_P99] = {"latency_p99", "latency_p99_s", "P99"},
    [LLMOBS_METRIC_TTFT_P50] = {"ttft_p50", "ttft_p50_s", "1ST P50"},
    [LLMOBS_METRIC_TTFT_P95] = {"ttft_p95", "ttft_p95_s", "1ST P95"},
    [LLMOBS_METRIC_TTFT_P99] = {"ttft_p99", "ttft_p99_s", "1ST P99"},
};

static const struct {
    const char *word;
    enum llmobs_metric first;
    size_t count;
} several[] = {{"latency", LLMOBS_METRIC_LATENCY_P50, 3},
               {"ttft", LLMOBS_METRIC_TTFT_P50, 3},
               {"tokens", LLMOBS_METRIC_TOKENS_IN, 3}};

#define SEVERAL (sizeof(several) / sizeof(*several))

const struct llmobs_metric_words *llmobs_metric_words(enum llmobs_metric metric)
{
    return &all[metric];
}

/* Finds the metrics that a word of `len` bytes means; 0: none. */
static size_t find_metrics(const char *word, size_t len,
                           enum llmobs_metric *first)
{
    for (size_t i = 0; i < LLMOBS_METRIC_COUNT; i++) {
        if ((strncmp(all[i].word, word, len) == 0 &&
             all[i].word[len] == '\0') ||
            (strncmp(all[i].column, word, len) == 0 &&
             all[i].column[len] == '\0')) {
            *first = (enum llmobs_metric)i;
            return 1;
        }
    }
    for (size_t i = 0; i < SEVERAL; i++) {
        if (strncmp(several[i].word, word, len) != 0 ||
            several[i].word[len] != '\0')
            continue;
        *first = several[i].first;
        return several[i].count;
    }
    return 0;
}

/* Adds the metrics that a word of `len` bytes means. -EINVAL: none. */
static int add_metrics(struct llmobs_metrics *metrics, const char *word,
                       size_t len)
{
    int label = llmobs_labels_add(&metrics->labels, word, len);
    enum llmobs_metric first = LLMOBS_METRIC_SCORE(label < 0 ? 0 : label);
    size_t count = label < 0 ? find_metrics(word, len, &first) : 1;
    bool all_labels = len == 5 && memcmp(word, "evals", 5) == 0;

    metrics->all_labels |= all_labels;
    for (size_t i = 0; i < count && metrics->count < LLMOBS_METRICS_MAX; i++)
        metrics->list[metrics->count++] = first++;
    return count > 0 || all_labels ? 0 : -EINVAL;
}

bool llmobs_metrics_are(const char *words)
{
    struct llmobs_metrics metrics = {.count = 0};

    for (;; words++) {
        size_t len = strcspn(words, ",");

        if (add_metrics(&metrics, words, len) != 0)
            return false;
        words += len;
        if (*words == '\0')
            return true;
    }
}

static int refuse_metric(const char *words, size_t len)
{
    struct llmobs_suggest suggest;
    char word[LLMOBS_SUGGEST_MAX], shown[LLMOBS_ESCAPE_NAME];

    snprintf(word, sizeof(word), "%.*s", (int)(len < 99 ? len : 99), words);
    llmobs_suggest_init(&suggest, word);
    for (size_t i = 0; i < LLMOBS_METRIC_COUNT; i++)
        llmobs_suggest_offer(&suggest, all[i].word);
    llmobs_tell("llmobs view: --timeseries: no such metric: %s",
                llmobs_escape_name(word, shown));
    llmobs_suggest_end(suggest.best, "`llmobs view --help` lists them");
    return -EINVAL;
}

int llmobs_metrics_read(struct llmobs_metrics *metrics, const char *words)
{
    *metrics = (struct llmobs_metrics){.count = 0};
    for (;; words++) {
        size_t len = strcspn(words, ",");

        if (add_metrics(metrics, words, len) != 0)
            return refuse_metric(words, len);
        words += len;
        if (*words == '\0')
            return 0;
    }
}
