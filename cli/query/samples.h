/* samples - the numbers of many calls of models, in groups.
 *
 * Owns:    its samples and the names of groups, until fini.
 * Threads: one; days are in the zone of TZ.
 * Errors:  -ENOMEM, -errno of the store.
 * Limits:  memory: 16 bytes a number of a call of which percentiles are made;
 *          where the samples are kept, some 100 bytes more.
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
    size_t group;      /* which of the groups */
    const char *trace; /* NULL where the samples are not kept */
    int64_t start_ns;  /* at most 0: unknown */
    int64_t duration_ns;
    int64_t tokens[4];  /* in, out, cached, of reasoning */
    double first_token; /* seconds */
    double cost;
    size_t scores; /* where its scores begin, one for each label */
    bool failed;
    bool is_call; /* a call, or a span of a kind that the filter names */
};

/* The numbers of calls of which percentiles are made, of each kind. */
enum llmobs_samples_kind {
    LLMOBS_SAMPLES_LENGTHS, /* nanoseconds */
    LLMOBS_SAMPLES_FIRSTS,  /* seconds */
    LLMOBS_SAMPLES_TRACES,  /* the addresses of their ids, which are shared */
    LLMOBS_SAMPLES_KINDS
};

/* Some samples together. A sum is -1 where no sample has the number. */
struct llmobs_samples_group {
    const char *names[LLMOBS_BY_KEYS]; /* NULL: without such a fact */
    size_t id;                         /* its number before they were sorted */
    uint32_t next; /* group of the same place, from 1 on; 0: none */
    size_t count;
    int64_t calls, failed, tokens[4];
    int64_t cachable; /* the input of those whose cached tokens are known */
    int64_t both;     /* the tokens in and out */
    long double cost; /* its digits are more than the sum's rounding takes */
    int64_t costs;    /* the calls of which the cost is known */
    uint32_t last[LLMOBS_SAMPLES_KINDS]; /* among the numbers, from 1 on */
    const struct llmobs_sample *list;    /* those that are kept, neighbours */
    size_t kept;
};

struct llmobs_samples_numbers {
    struct llmobs_samples_number {
        double value;
        uint32_t before; /* of the same group, from 1 on; 0: none */
    } * list;
    size_t count, cap;
};

/* The caller sets the first four; all else is zero at first. Where labels are
 * asked for, spans with a score are samples too, though not calls. */
struct llmobs_samples {
    struct llmobs_by by;
    bool keeps;      /* the list has all samples; else those with a score */
    bool all_labels; /* also of all evaluations */
    struct llmobs_labels labels; /* of evaluations */
    bool of_kinds;               /* the filter names kinds */
    double *scores;              /* NAN: the span has none */
    size_t score_count, score_cap;
    size_t scored; /* the samples that are there for a score alone */
    struct llmobs_texts names;
    struct llmobs_lack lack;
    struct llmobs_sample *list;
    size_t count, cap;
    struct llmobs_samples_group all;
    struct llmobs_samples_group *groups; /* the dearest first, then those
                                            with the most tokens, then those
                                            without the fact; days in their
                                            order */
    size_t group_count, group_cap;
    uint32_t *places; /* the groups by a hash of their names */
    struct llmobs_samples_numbers numbers[LLMOBS_SAMPLES_KINDS];
    double *values; /* room for percentiles: those of `sorted` */
    size_t value_cap, value_count;
    const struct llmobs_samples_group *sorted;
    enum llmobs_samples_kind sorted_kind;
};

void llmobs_samples_fini(struct llmobs_samples *samples);

/* Reads the calls, or the spans of the kinds that the filter names, among the
 * spans that `load` selects, and makes the groups, whose samples that are kept
 * stand in the order of time. "By nothing" makes one group, even without any
 * call. */
int llmobs_samples_read(struct llmobs_samples *samples,
                        struct llmobs_load *load, struct llmobs_reader *reader);

/* Makes a group of neighbours in the list; there is one such group at a time.
 */
int llmobs_samples_sum(struct llmobs_samples *samples,
                       const struct llmobs_sample *list, size_t count,
                       struct llmobs_samples_group *out);

#endif
