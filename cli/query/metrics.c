/* Computes sums, rates and percentiles of samples. */
#include "cli/query/metrics.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
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
    [LLMOBS_METRIC_CACHE_RATE] = {"cache_rate", "cache_rate", NULL},
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

int llmobs_metrics_read(struct llmobs_metrics *metrics, const char *words,
                        bool tells)
{
    struct llmobs_suggest suggest;
    char word[LLMOBS_SUGGEST_MAX], shown[LLMOBS_ESCAPE_NAME];

    *metrics = (struct llmobs_metrics){.count = 0};
    for (;; words++) {
        size_t len = strcspn(words, ",");

        if (add_metrics(metrics, words, len) != 0) {
            if (!tells)
                return -EINVAL;
            snprintf(word, sizeof(word), "%.*s", (int)(len < 99 ? len : 99),
                     words);
            llmobs_suggest_init(&suggest, word);
            for (size_t i = 0; i < LLMOBS_METRIC_COUNT; i++)
                llmobs_suggest_offer(&suggest, all[i].word);
            llmobs_tell("llmobs view: --timeseries: no such metric: %s",
                        llmobs_escape_name(word, shown));
            llmobs_suggest_end(suggest.best, "`llmobs view --help` lists them");
            return -EINVAL;
        }
        words += len;
        if (*words == '\0')
            return 0;
    }
}

/* -- the numbers ---------------------------------------------------------- */

static int by_value(const void *left, const void *right)
{
    const double *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

/* Sorts the numbers of a group's calls that are known. */
static int sort_values(struct llmobs_samples *samples,
                       enum llmobs_samples_kind kind,
                       const struct llmobs_samples_group *group)
{
    const struct llmobs_samples_numbers *numbers = &samples->numbers[kind];
    size_t calls = (size_t)group->calls, count = 0;
    double *values = samples->values;

    if (samples->sorted == group && samples->sorted_kind == kind)
        return 0;
    if (calls > samples->value_cap) {
        values = reallocarray(values, calls, sizeof(*values));
        if (!values)
            return -ENOMEM;
        samples->values = values;
        samples->value_cap = calls;
    }
    for (; group == &samples->all && count < numbers->count; count++)
        values[count] = numbers->list[count].value;
    for (uint32_t at = group->last[kind]; at > 0;
         at = numbers->list[at - 1].before)
        values[count++] = numbers->list[at - 1].value;
    if (count > 0)
        qsort(values, count, sizeof(*values), by_value);
    samples->value_count = count;
    samples->sorted = group;
    samples->sorted_kind = kind;
    return 0;
}

int llmobs_metric_get(struct llmobs_samples *samples, enum llmobs_metric metric,
                      const struct llmobs_samples_group *group,
                      struct llmobs_cell *out)
{
    static const unsigned percents[LLMOBS_METRIC_COUNT] = {
        [LLMOBS_METRIC_LATENCY_P50] = 50, [LLMOBS_METRIC_LATENCY_P95] = 95,
        [LLMOBS_METRIC_LATENCY_P99] = 99, [LLMOBS_METRIC_TTFT_P50] = 50,
        [LLMOBS_METRIC_TTFT_P95] = 95,    [LLMOBS_METRIC_TTFT_P99] = 99};
    enum llmobs_samples_kind kind =
        metric == LLMOBS_METRIC_TRACES     ? LLMOBS_SAMPLES_TRACES
        : metric >= LLMOBS_METRIC_TTFT_P50 ? LLMOBS_SAMPLES_FIRSTS
                                           : LLMOBS_SAMPLES_LENGTHS;
    int64_t traces = 0;
    size_t known;
    double value;
    int rc;

    if (metric >= LLMOBS_METRIC_COUNT) { /* a mean, or of how many spans */
        size_t label = (size_t)(metric - LLMOBS_METRIC_COUNT) / 2;
        int64_t scored = 0, finite = 0;
        double sum = 0;

        for (size_t i = 0; i < group->kept; i++) {
            value = samples->scores[group->list[i].scores + label];
            scored += isnan(value) ? 0 : 1;
            finite += isfinite(value) ? 1 : 0;
            sum += isfinite(value) ? value : 0;
        }
        *out = metric == LLMOBS_METRIC_SCORED(label) ? llmobs_cell_count(scored)
               : finite == 0
                   ? llmobs_cell_text(NULL)
                   : (struct llmobs_cell){.kind = LLMOBS_CELL_NUMBER,
                                          .real = sum / (double)finite};
    } else if (metric == LLMOBS_METRIC_CALLS) {
        *out = llmobs_cell_count(group->calls);
    } else if (metric == LLMOBS_METRIC_ERRORS) {
        *out = llmobs_cell_count(group->failed);
    } else if (metric == LLMOBS_METRIC_ERROR_RATE) {
        *out = llmobs_cell_real(LLMOBS_CELL_SHARE,
                                group->calls > 0 ? (double)group->failed /
                                                       (double)group->calls
                                                 : -1);
    } else if (metric == LLMOBS_METRIC_CACHE_RATE) {
        *out = llmobs_cell_real(
            LLMOBS_CELL_SHARE, group->cachable > 0 ? (double)group->tokens[2] /
                                                         (double)group->cachable
                                                   : -1);
    } else if (metric == LLMOBS_METRIC_COST) {
        value = (double)group->cost;
        *out =
            llmobs_cell_real(LLMOBS_CELL_MONEY,
                             value > LLMOBS_COST_MAX ? LLMOBS_COST_MAX : value);
    } else if (metric == LLMOBS_METRIC_COST_CALLS) {
        *out = llmobs_cell_count(group->costs);
    } else if (metric != LLMOBS_METRIC_TRACES && percents[metric] == 0) {
        *out =
            llmobs_cell_count(group->tokens[metric - LLMOBS_METRIC_TOKENS_IN]);
    } else if ((rc = sort_values(samples, kind, group)) != 0) {
        return rc;
    } else if (metric == LLMOBS_METRIC_TRACES) {
        for (size_t i = 0; i < samples->value_count; i++)
            traces += i == 0 || samples->values[i] > samples->values[i - 1];
        *out = llmobs_cell_count(traces);
    } else {
        known = samples->value_count;
        value = known > 0
                    ? samples->values[(known * percents[metric] + 99) / 100 - 1]
                    : -1;
        *out = metric >= LLMOBS_METRIC_TTFT_P50
                   ? llmobs_cell_real(LLMOBS_CELL_SECONDS, value)
                   : llmobs_cell_length((int64_t)value);
    }
    return 0;
}
