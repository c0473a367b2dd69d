/* Groups calls, and keeps the numbers of each group. */
#include "cli/query/samples.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query/each.h"
#include "lib/base/grow.h"
#include "lib/base/mix.h"

void llmobs_samples_fini(struct llmobs_samples *samples)
{
    llmobs_texts_fini(&samples->names);
    free(samples->list);
    free(samples->groups);
    free(samples->places);
    for (int i = 0; i < LLMOBS_SAMPLES_KINDS; i++)
        free(samples->numbers[i].list);
    free(samples->values);
    free(samples->scores);
}

#define PLACES ((size_t)1 << 16) /* a power of two */

/* -- groups --------------------------------------------------------------- */

static const struct llmobs_samples_group none = {.tokens = {-1, -1, -1, -1},
                                                 .cost = -1};

/* The group of these names, which are shared texts, a new one if need be; NULL:
 * memory ran out. */
static struct llmobs_samples_group *group_of(
    struct llmobs_samples *samples, const char *const names[LLMOBS_BY_KEYS])
{
    uint64_t hash =
        llmobs_mix((uintptr_t)names[0] + llmobs_mix((uintptr_t)names[1]));
    struct llmobs_samples_group *group = NULL;
    uint32_t *place;

    if (!samples->places)
        samples->places = calloc(PLACES, sizeof(*samples->places));
    if (!samples->places)
        return NULL;
    place = &samples->places[hash & (PLACES - 1)];
    for (size_t id = *place; id > 0; id = group->next) {
        group = &samples->groups[id - 1];
        if (memcmp(group->names, names, sizeof(group->names)) == 0)
            return group;
    }
    if (samples->group_count == UINT32_MAX ||
        llmobs_grow(&samples->groups, &samples->group_cap, samples->group_count,
                    sizeof(*group)) != 0)
        return NULL;
    group = &samples->groups[samples->group_count];
    *group = none;
    memcpy(group->names, names, sizeof(group->names));
    group->id = samples->group_count;
    group->next = *place;
    *place = (uint32_t)++samples->group_count;
    return group;
}

/* Adds a sample to the sums of a group, and its numbers to the group's. */
static int add_to(struct llmobs_samples *samples,
                  struct llmobs_samples_group *group,
                  const struct llmobs_sample *sample, bool numbers)
{
    const double values[] = {(double)sample->duration_ns, sample->first_token,
                             sample->trace ? (double)(uintptr_t)sample->trace
                                           : -1};

    group->count++;
    group->calls += sample->is_call;
    group->failed += sample->is_call && sample->failed;
    group->costs += sample->is_call && sample->cost >= 0;
    if (sample->cost >= 0)
        group->cost = (group->cost < 0 ? 0 : group->cost) + sample->cost;
    for (size_t i = 0; i < 4; i++) {
        int64_t *sum = &group->tokens[i], more = sample->tokens[i];

        if (more >= 0 && __builtin_add_overflow(*sum < 0 ? 0 : *sum, more, sum))
            *sum = INT64_MAX;
        if (i < 2 && more > 0 &&
            __builtin_add_overflow(group->both, more, &group->both))
            group->both = INT64_MAX;
    }
    if (sample->tokens[2] >= 0 && sample->tokens[0] > 0 &&
        __builtin_add_overflow(group->cachable, sample->tokens[0],
                               &group->cachable))
        group->cachable = INT64_MAX;
    for (int i = 0; numbers && sample->is_call && i < LLMOBS_SAMPLES_KINDS;
         i++) {
        struct llmobs_samples_numbers *to = &samples->numbers[i];

        if (!(values[i] >= 0))
            continue;
        if (to->count == UINT32_MAX ||
            llmobs_grow(&to->list, &to->cap, to->count, sizeof(*to->list)) != 0)
            return -ENOMEM;
        to->list[to->count] =
            (struct llmobs_samples_number){values[i], group->last[i]};
        group->last[i] = (uint32_t)++to->count;
    }
    return 0;
}

int llmobs_samples_sum(struct llmobs_samples *samples,
                       const struct llmobs_sample *list, size_t count,
                       struct llmobs_samples_group *out)
{
    int rc = 0;

    *out = none;
    samples->sorted = NULL;
    out->list = list;
    out->kept = count;
    for (int i = 0; i < LLMOBS_SAMPLES_KINDS; i++)
        samples->numbers[i].count = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = add_to(samples, out, &list[i], true);
    return rc;
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
    struct llmobs_samples_group *group;
    struct llmobs_sample sample = {.scores = samples->score_count};
    const char *names[LLMOBS_BY_KEYS] = {NULL};
    bool counts = samples->of_kinds || llmobs_row_counts(row);
    int scored = add_scores(samples, row, event);

    if (scored < 0 || (scored == 0 && !counts))
        return scored;
    for (size_t i = 0; i < samples->by.count; i++) {
        names[i] =
            llmobs_key_of(&samples->by.keys[i], row, event, &samples->names);
        if (names[i])
            names[i] = llmobs_texts_share(&samples->names, names[i]);
    }
    group = group_of(samples, names);
    if (samples->keeps)
        sample.trace = llmobs_texts_share(&samples->names, row->trace_id);
    if (samples->names.failed || !group)
        return -ENOMEM;
    samples->scored += counts ? 0 : 1;
    sample.group = group->id;
    sample.start_ns = row->start_ns;
    sample.duration_ns = row->duration_ns;
    sample.first_token = row->first_token;
    sample.failed = row->failed;
    sample.is_call = samples->of_kinds || llmobs_row_is_call(row);
    /* Of another span its calls have the tokens and the cost. */
    sample.tokens[0] = counts ? row->input_tokens : -1;
    sample.tokens[1] = counts ? row->output_tokens : -1;
    sample.tokens[2] = counts ? row->cache_read_tokens : -1;
    sample.tokens[3] = counts ? row->reasoning_tokens : -1;
    sample.cost = counts ? row->cost : -1;
    llmobs_lack_add(&samples->lack, row);
    (void)add_to(samples, &samples->all, &sample, false);
    if (add_to(samples, group, &sample, !samples->keeps) != 0)
        return -ENOMEM;
    if (!samples->keeps && scored == 0) {
        samples->score_count = sample.scores;
        return 0;
    }
    if (llmobs_grow(&samples->list, &samples->cap, samples->count,
                    sizeof(sample)) != 0)
        return -ENOMEM;
    samples->list[samples->count++] = sample;
    return 0;
}

/* -- order ---------------------------------------------------------------- */

static int by_group(const void *left, const void *right)
{
    const struct llmobs_sample *a = left, *b = right;

    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    return (a->start_ns > b->start_ns) - (a->start_ns < b->start_ns);
}

/* The names are shared texts: equal names have one address. NULL comes last. */
static int by_names(const void *left, const void *right)
{
    const struct llmobs_samples_group *a = left, *b = right;

    for (size_t i = 0; i < LLMOBS_BY_KEYS; i++)
        if (a->names[i] != b->names[i])
            return !a->names[i]   ? 1
                   : !b->names[i] ? -1
                                  : strcmp(a->names[i], b->names[i]);
    return 0;
}

/* Sorts the dearest group first. A group that has a cost comes before a group
 * that has none, and all before the one without the fact. */
static int by_size(const void *left, const void *right)
{
    const struct llmobs_samples_group *a = left, *b = right;
    bool known = a->names[0] || a->names[1];

    if (known != (b->names[0] || b->names[1]))
        return known ? -1 : 1;
    if (a->cost != b->cost)
        return a->cost > b->cost ? -1 : 1;
    if (a->both != b->both)
        return a->both > b->both ? -1 : 1;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return by_names(a, b);
}

/* Sorts the samples that are kept, by their groups, and the groups. */
static int sort_groups(struct llmobs_samples *samples)
{
    size_t count = samples->group_count;

    if (samples->count > 0)
        qsort(samples->list, samples->count, sizeof(*samples->list), by_group);
    samples->all.list = samples->list;
    samples->all.kept = samples->count;
    for (size_t i = 0; i < samples->count; i++) {
        struct llmobs_samples_group *group =
            &samples->groups[samples->list[i].group];

        if (group->kept++ == 0)
            group->list = &samples->list[i];
    }
    if (count > 1)
        qsort(samples->groups, count, sizeof(*samples->groups),
              samples->by.keys[0].key == LLMOBS_KEY_DAY ||
                      samples->by.keys[0].key == LLMOBS_KEY_WEEK
                  ? by_names
                  : by_size);
    return count == 0 ? 0
                      : llmobs_by_shorten(&samples->by, samples->groups->names,
                                          sizeof(*samples->groups), count);
}

int llmobs_samples_read(struct llmobs_samples *samples,
                        struct llmobs_load *load, struct llmobs_reader *reader)
{
    int rc;

    load->parts = LLMOBS_ROW_FACTS;
    for (size_t i = 0; i < samples->by.count; i++)
        if (llmobs_key_is_said(&samples->by.keys[i]))
            load->parts = LLMOBS_ROW_ALL;
    samples->of_kinds = load->filter->keys[LLMOBS_KEY_KIND].pattern &&
                        !load->filter->keys[LLMOBS_KEY_KIND].is_not;
    samples->all = none;
    load->bare = true;
    rc = llmobs_load_evaluations(load, reader, load->filter->since_ns);
    if (samples->by.count == 0 && !group_of(samples, none.names))
        rc = -ENOMEM;
    if (samples->all_labels)
        llmobs_labels_add_all(&samples->labels, &load->evaluations);
    if (rc == 0)
        rc = llmobs_each(load, reader, NULL, add_sample, samples);
    return rc == 0 ? sort_groups(samples) : rc;
}
