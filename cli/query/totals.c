#include "cli/query/totals.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- sums ----------------------------------------------------------------- */

static int64_t calls_of(const struct llmobs_sample *list, size_t count)
{
    int64_t calls = 0;

    for (size_t i = 0; i < count; i++)
        calls += list[i].is_call ? 1 : 0;
    return calls;
}

static int64_t failed_of(const struct llmobs_sample *list, size_t count)
{
    int64_t failed = 0;

    for (size_t i = 0; i < count; i++)
        failed += list[i].is_call && list[i].failed ? 1 : 0;
    return failed;
}

static int64_t tokens_of(const struct llmobs_sample *sample,
                         enum llmobs_metric metric)
{
    switch (metric) {
    case LLMOBS_METRIC_TOKENS_IN:
        return sample->input_tokens;
    case LLMOBS_METRIC_TOKENS_OUT:
        return sample->output_tokens;
    case LLMOBS_METRIC_CACHED:
        return sample->cached_tokens;
    default:
        return sample->reasoning_tokens;
    }
}

static struct llmobs_cell sum_tokens(const struct llmobs_sample *list,
                                     size_t count, enum llmobs_metric metric)
{
    int64_t sum = -1;

    for (size_t i = 0; i < count; i++) {
        int64_t tokens = tokens_of(&list[i], metric);

        if (tokens < 0)
            continue;
        if (__builtin_add_overflow(sum < 0 ? 0 : sum, tokens, &sum))
            sum = INT64_MAX;
    }
    return llmobs_cell_count(sum);
}

static struct llmobs_cell sum_cost(const struct llmobs_sample *list,
                                   size_t count, enum llmobs_metric metric)
{
    double sum = -1;
    int64_t known = 0;

    for (size_t i = 0; i < count; i++) {
        if (list[i].cost < 0)
            continue;
        sum = (sum < 0 ? 0 : sum) + list[i].cost;
        known += list[i].is_call ? 1 : 0;
    }
    if (metric == LLMOBS_METRIC_COST_CALLS)
        return llmobs_cell_count(known);
    if (sum > LLMOBS_COST_MAX)
        sum = LLMOBS_COST_MAX;
    return llmobs_cell_real(LLMOBS_CELL_MONEY, sum);
}

/* -- percentiles ---------------------------------------------------------- */

static int by_value(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

static int reserve_values(struct llmobs_samples *samples, size_t count)
{
    int64_t *values;

    if (count <= samples->value_cap)
        return 0;
    values = reallocarray(samples->values, count, sizeof(*values));
    if (!values)
        return -ENOMEM;
    samples->values = values;
    samples->value_cap = count;
    return 0;
}

/* The bits of a double as an integer: of doubles that are not negative these
 * have the same order. */
static int64_t bits_of(double real)
{
    int64_t bits;

    memcpy(&bits, &real, sizeof(bits));
    return bits;
}

static double real_of(int64_t bits)
{
    double real;

    memcpy(&real, &bits, sizeof(real));
    return real;
}

/* Sets *out to the value of that rank, -1 where none is known. */
static int find_rank(struct llmobs_samples *samples,
                     const struct llmobs_sample *list, size_t count,
                     bool first_token, unsigned percent, int64_t *out)
{
    size_t known = 0;

    *out = -1;
    if (reserve_values(samples, count) != 0)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        int64_t value = !first_token ? list[i].duration_ns
                        : list[i].first_token >= 0
                            ? bits_of(list[i].first_token)
                            : -1;

        if (value >= 0 && list[i].is_call)
            samples->values[known++] = value;
    }
    if (known == 0)
        return 0;
    qsort(samples->values, known, sizeof(*samples->values), by_value);
    *out = samples->values[(known * percent + 99) / 100 - 1];
    return 0;
}

static int find_percentile(struct llmobs_samples *samples,
                           enum llmobs_metric metric,
                           const struct llmobs_sample *list, size_t count,
                           struct llmobs_cell *out)
{
    static const unsigned percents[LLMOBS_METRIC_COUNT] = {
        [LLMOBS_METRIC_LATENCY_P50] = 50, [LLMOBS_METRIC_LATENCY_P95] = 95,
        [LLMOBS_METRIC_LATENCY_P99] = 99, [LLMOBS_METRIC_TTFT_P50] = 50,
        [LLMOBS_METRIC_TTFT_P95] = 95,    [LLMOBS_METRIC_TTFT_P99] = 99};
    bool first_token = metric >= LLMOBS_METRIC_TTFT_P50;
    int64_t value;
    int rc =
        find_rank(samples, list, count, first_token, percents[metric], &value);

    *out = !first_token ? llmobs_cell_length(value)
                        : llmobs_cell_real(LLMOBS_CELL_SECONDS,
                                           value < 0 ? -1 : real_of(value));
    return rc;
}

/* -- scores --------------------------------------------------------------- */

static struct llmobs_cell mean_score(const struct llmobs_samples *samples,
                                     enum llmobs_metric metric,
                                     const struct llmobs_sample *list,
                                     size_t count)
{
    size_t label = (size_t)(metric - LLMOBS_METRIC_COUNT) / 2;
    int64_t scored = 0, known = 0;
    double sum = 0;

    for (size_t i = 0; i < count; i++) {
        double score = samples->scores[list[i].scores + label];

        scored += isnan(score) ? 0 : 1;
        known += isfinite(score) ? 1 : 0;
        sum += isfinite(score) ? score : 0;
    }
    if (metric == LLMOBS_METRIC_SCORED(label))
        return llmobs_cell_count(scored);
    return (struct llmobs_cell){.kind = known > 0 ? LLMOBS_CELL_NUMBER
                                                  : LLMOBS_CELL_UNKNOWN,
                                .real = known > 0 ? sum / (double)known : 0};
}

/* -- traces --------------------------------------------------------------- */

/* The ids are shared texts: equal ids have the same address. */
static int count_traces(struct llmobs_samples *samples,
                        const struct llmobs_sample *list, size_t count,
                        struct llmobs_cell *out)
{
    size_t traces = 0, calls = 0;

    if (reserve_values(samples, count) != 0)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        if (list[i].is_call)
            samples->values[calls++] = (int64_t)(intptr_t)list[i].trace;
    if (calls > 0)
        qsort(samples->values, calls, sizeof(*samples->values), by_value);
    for (size_t i = 0; i < calls; i++)
        traces += i == 0 || samples->values[i] != samples->values[i - 1];
    *out = llmobs_cell_count((int64_t)traces);
    return 0;
}

int llmobs_totals_get(struct llmobs_samples *samples, enum llmobs_metric metric,
                      const struct llmobs_sample *list, size_t count,
                      struct llmobs_cell *out)
{
    int64_t calls;

    switch (metric) {
    case LLMOBS_METRIC_CALLS:
        *out = llmobs_cell_count(calls_of(list, count));
        return 0;
    case LLMOBS_METRIC_ERRORS:
        *out = llmobs_cell_count(failed_of(list, count));
        return 0;
    case LLMOBS_METRIC_ERROR_RATE:
        calls = calls_of(list, count);
        *out = llmobs_cell_real(
            LLMOBS_CELL_SHARE,
            calls > 0 ? (double)failed_of(list, count) / (double)calls : -1);
        return 0;
    case LLMOBS_METRIC_TRACES:
        return count_traces(samples, list, count, out);
    case LLMOBS_METRIC_TOKENS_IN:
    case LLMOBS_METRIC_TOKENS_OUT:
    case LLMOBS_METRIC_CACHED:
    case LLMOBS_METRIC_REASONING:
        *out = sum_tokens(list, count, metric);
        return 0;
    case LLMOBS_METRIC_COST:
    case LLMOBS_METRIC_COST_CALLS:
        *out = sum_cost(list, count, metric);
        return 0;
    default:
        if (metric >= LLMOBS_METRIC_COUNT) {
            *out = mean_score(samples, metric, list, count);
            return 0;
        }
        return find_percentile(samples, metric, list, count, out);
    }
}
