/* samples - the numbers of many calls of models, in groups.
 *
 * Owns:    its samples and the names of groups, until fini.
 * Threads: one; days are in the zone of TZ.
 * Errors:  -ENOMEM, -errno of the store.
 * Limits:  memory: some 90 bytes a call.
 *
 * Calls are the spans of the kinds llm and embedding, but not the workflow span
 * of a call through a gateway: the gateway reports the call. Where the filter
 * names kinds, the spans of these kinds are counted instead. The samples also
 * include other spans whose tokens count (llmobs_row_counts).
 */
#ifndef LLMOBS_SAMPLES_H
#define LLMOBS_SAMPLES_H

#include "cli/query/keys.h"
#include "cli/query/cost.h"
#include "cli/query/load.h"

/* A number is -1 where the call does not have it. Tokens and cost of a span
 * that does not count (llmobs_row_counts) are -1. */
struct llmobs_sample {
    const char *group[LLMOBS_BY_KEYS]; /* NULL: the call has no such fact */
    const char *trace;
    int64_t start_ns; /* at most 0: unknown */
    int64_t duration_ns;
    int64_t input_tokens;
    int64_t output_tokens;
    int64_t cached_tokens;
    int64_t reasoning_tokens;
    double first_token; /* seconds */
    double cost;
    size_t scores; /* where its scores begin, one for each label */
    bool failed;
    bool is_call; /* a call, or a span of a kind that the filter names */
};

/* Samples that are neighbours in the list. */
struct llmobs_samples_group {
    const char *names[LLMOBS_BY_KEYS]; /* NULL: without such a fact */
    struct llmobs_sample *list;
    size_t count;
    int64_t tokens; /* of both ways */
    double cost;    /* -1: unknown */
};

/* The caller sets the first three; all else is zero at first. Where labels are
 * asked for, spans with a score are samples too, though not calls. */
struct llmobs_samples {
    struct llmobs_by by;
    bool all_labels;             /* also of all evaluations */
    struct llmobs_labels labels; /* of evaluations */
    bool of_kinds;               /* the filter names kinds */
    double *scores;              /* NAN: the span has none */
    size_t score_count, score_cap;
    size_t scored; /* the samples that are there for a score alone */
    struct llmobs_texts names;
    struct llmobs_lack lack;
    struct llmobs_sample *list;
    size_t count, cap;
    struct llmobs_samples_group *groups; /* the dearest first, then those
                                            with the most tokens, then those
                                            without the fact; days in their
                                            order */
    size_t group_count;
    double *values; /* room for percentiles */
    size_t value_cap;
};

void llmobs_samples_fini(struct llmobs_samples *samples);

/* Reads the calls, or the spans of the kinds that the filter names, among the
 * spans that `load` selects, and makes the groups, each in the order of time.
 * "By nothing" makes one group, even without any call. */
int llmobs_samples_read(struct llmobs_samples *samples,
                        struct llmobs_load *load, struct llmobs_reader *reader);

#endif
