#include "cli/query/samples.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query/each.h"
#include "lib/base/grow.h"

void llmobs_samples_fini(struct llmobs_samples *samples)
{
    llmobs_texts_fini(&samples->names);
    free(samples->list);
    free(samples->groups);
    free(samples->values);
    free(samples->scores);
}

/* -- samples -------------------------------------------------------------- */

/* Adds a score for each label; 1: the span has one. */
static int add_scores(struct llmobs_samples *samples,
                      const struct llmobs_row *row,
                      const struct llmobs_json *event)
{
    int any = 0;

    for (size_t i = 0; i < samples->labels.count; i++) {
        struct llmobs_score score = {.score = NAN};
        int rc = llmobs_evaluations_find(
            row->judged, event,
            samples->labels.list[i] + sizeof(LLMOBS_LABEL_MARK) - 1, &score);

        if (rc < 0 || llmobs_grow(&samples->scores, &samples->score_cap,
                                  samples->score_count, sizeof(double)) != 0)
            return -ENOMEM;
        samples->scores[samples->score_count++] = score.score;
        any |= rc;
    }
    return any;
}

static int add_sample(void *ctx, const struct llmobs_row *row,
                      const struct llmobs_json *event)
{
    struct llmobs_samples *samples = ctx;
    struct llmobs_sample *sample;
    const char *group[LLMOBS_BY_KEYS] = {NULL}, *trace;
    size_t scores = samples->score_count;
    int rc = add_scores(samples, row, event);

    if (rc < 0 || (rc == 0 && !samples->of_kinds && !llmobs_row_counts(row)))
        return rc;
    for (size_t i = 0; i < samples->by.count; i++) {
        group[i] =
            llmobs_key_of(&samples->by.keys[i], row, event, &samples->names);
        if (group[i])
            group[i] = llmobs_texts_share(&samples->names, group[i]);
    }
    trace = llmobs_texts_share(&samples->names, row->trace_id);
    if (samples->names.failed ||
        llmobs_grow(&samples->list, &samples->cap, samples->count,
                    sizeof(*sample)) != 0)
        return -ENOMEM;
    sample = &samples->list[samples->count++];
    samples->scored += !samples->of_kinds && !llmobs_row_counts(row) ? 1 : 0;
    *sample = (struct llmobs_sample){
        .trace = trace,
        .start_ns = row->start_ns,
        .duration_ns = row->duration_ns,
        .input_tokens = row->input_tokens,
        .output_tokens = row->output_tokens,
        .cached_tokens = row->cache_read_tokens,
        .reasoning_tokens = row->reasoning_tokens,
        .first_token = row->first_token,
        .cost = row->cost,
        .scores = scores,
        .failed = row->failed,
        .is_call = samples->of_kinds || llmobs_row_is_call(row),
    };
    memcpy(sample->group, group, sizeof(group));
    if (!samples->of_kinds && !llmobs_row_counts(row)) {
        /* Its calls have the tokens and the cost. */
        sample->input_tokens = sample->output_tokens = -1;
        sample->cached_tokens = sample->reasoning_tokens = -1;
        sample->cost = -1;
    }
    llmobs_lack_add(&samples->lack, row);
    return 0;
}

/* -- order ---------------------------------------------------------------- */

/* The names are shared texts: equal names have one address. NULL comes last. */
static int compare_names(const char *a, const char *b)
{
    if (a == b)
        return 0;
    if (!a || !b)
        return !a ? 1 : -1;
    return strcmp(a, b);
}

static int compare_groups(const char *const a[LLMOBS_BY_KEYS],
                          const char *const b[LLMOBS_BY_KEYS])
{
    int order = 0;

    for (size_t i = 0; order == 0 && i < LLMOBS_BY_KEYS; i++)
        order = compare_names(a[i], b[i]);
    return order;
}

static int by_group(const void *left, const void *right)
{
    const struct llmobs_sample *a = left, *b = right;
    int order = compare_groups(a->group, b->group);

    return order != 0
               ? order
               : (a->start_ns > b->start_ns) - (a->start_ns < b->start_ns);
}

static bool is_unknown(const struct llmobs_samples_group *group)
{
    for (size_t i = 0; i < LLMOBS_BY_KEYS; i++)
        if (group->names[i])
            return false;
    return true;
}

/* Sorts the dearest group first. A group that has a cost comes before a group
 * that has none. */
static int by_size(const void *left, const void *right)
{
    const struct llmobs_samples_group *a = left, *b = right;
    bool known = !is_unknown(a);

    if (known == is_unknown(b))
        return known ? -1 : 1;
    if (a->cost != b->cost)
        return a->cost > b->cost ? -1 : 1;
    if (a->tokens != b->tokens)
        return a->tokens > b->tokens ? -1 : 1;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return compare_groups(a->names, b->names);
}

static int sort_groups(struct llmobs_samples *samples)
{
    size_t count = 1;
    struct llmobs_samples_group *group = NULL;

    if (samples->count > 0)
        qsort(samples->list, samples->count, sizeof(*samples->list), by_group);
    for (size_t i = 1; i < samples->count; i++)
        count += compare_groups(samples->list[i].group,
                                samples->list[i - 1].group) != 0;
    samples->groups = calloc(count, sizeof(*samples->groups));
    if (!samples->groups)
        return -ENOMEM;
    for (size_t i = 0; i < samples->count; i++) {
        struct llmobs_sample *sample = &samples->list[i];
        const int64_t tokens[] = {sample->input_tokens, sample->output_tokens};

        if (!group || compare_groups(sample->group, group->names) != 0) {
            group = &samples->groups[samples->group_count++];
            memcpy(group->names, sample->group, sizeof(group->names));
            group->list = sample;
            group->cost = -1;
        }
        group->count++;
        for (size_t k = 0; k < 2; k++)
            if (tokens[k] > 0 && __builtin_add_overflow(
                                     group->tokens, tokens[k], &group->tokens))
                group->tokens = INT64_MAX;
        if (sample->cost >= 0)
            group->cost = (group->cost < 0 ? 0 : group->cost) + sample->cost;
    }
    if (samples->by.count == 0)
        samples->group_count = 1;
    if (samples->by.keys[0].key != LLMOBS_KEY_DAY && samples->group_count > 1)
        qsort(samples->groups, samples->group_count, sizeof(*samples->groups),
              by_size);
    return llmobs_by_shorten(&samples->by, samples->groups->names,
                             sizeof(*samples->groups), samples->group_count);
}

int llmobs_samples_read(struct llmobs_samples *samples,
                        struct llmobs_load *load, struct llmobs_reader *reader)
{
    int rc;

    load->parts = LLMOBS_ROW_FACTS;
    samples->of_kinds = load->filter->keys[LLMOBS_KEY_KIND].pattern &&
                        !load->filter->keys[LLMOBS_KEY_KIND].is_not;
    rc = llmobs_load_evaluations(load, reader);
    if (samples->all_labels)
        llmobs_labels_add_all(&samples->labels, &load->evaluations);
    if (rc == 0)
        rc = llmobs_each(load, reader, add_sample, samples);
    return rc == 0 ? sort_groups(samples) : rc;
}
