#include "cli/query/samples.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query/cell.h"
#include "cli/query/each.h"
#include "lib/base/grow.h"
#include "cli/shared/suggest.h"

#define AT(member) offsetof(struct llmobs_row, member)

/* The ways to group, and where a row has the group's name. */
static const struct {
    const char *word;
    size_t at;
} ways[LLMOBS_BY_COUNT] = {
    [LLMOBS_BY_MODEL] = {"model", AT(model)},
    [LLMOBS_BY_PROVIDER] = {"provider", AT(provider)},
    [LLMOBS_BY_ML_APP] = {"ml_app", AT(ml_app)},
    [LLMOBS_BY_SERVICE] = {"service", AT(service)},
    [LLMOBS_BY_KIND] = {"kind", AT(kind)},
    [LLMOBS_BY_SESSION] = {"session", AT(session)},
    [LLMOBS_BY_DAY] = {"day", 0},
    [LLMOBS_BY_ERROR] = {"error", 0},
};

const char *llmobs_samples_word(enum llmobs_samples_by by)
{
    return ways[by].word;
}

int llmobs_samples_by(const char *word, enum llmobs_samples_by *by,
                      const char **near)
{
    struct llmobs_suggest suggest;

    if (strcmp(word, "ml-app") == 0)
        word = ways[LLMOBS_BY_ML_APP].word;
    llmobs_suggest_init(&suggest, word);
    for (int i = LLMOBS_BY_MODEL; i < LLMOBS_BY_COUNT; i++) {
        if (strcmp(ways[i].word, word) == 0) {
            *by = (enum llmobs_samples_by)i;
            return 0;
        }
        llmobs_suggest_offer(&suggest, ways[i].word);
    }
    *near = suggest.best;
    return -EINVAL;
}

void llmobs_samples_fini(struct llmobs_samples *samples)
{
    llmobs_texts_fini(&samples->names);
    free(samples->list);
    free(samples->groups);
    free(samples->values);
}

/* -- groups --------------------------------------------------------------- */

/* A call that failed without a type is an "error". */
static const char *error_of(const struct llmobs_row *row)
{
    if (!row->failed)
        return NULL;
    return row->error_type ? row->error_type : "error";
}

static const char *group_of(const struct llmobs_samples *samples,
                            const struct llmobs_row *row,
                            char room[LLMOBS_CELL_CLOCK])
{
    enum llmobs_samples_by by = samples->by;

    if (by == LLMOBS_BY_DAY)
        return llmobs_cell_clock(row->start_ns, "%Y-%m-%d", room);
    if (by == LLMOBS_BY_ERROR)
        return error_of(row);
    return by == LLMOBS_BY_NOTHING ? NULL : llmobs_row_text(row, ways[by].at);
}

/* -- samples -------------------------------------------------------------- */

static struct llmobs_sample *new_sample(struct llmobs_samples *samples)
{
    if (llmobs_grow(&samples->list, &samples->cap, samples->count,
                    sizeof(*samples->list)) != 0)
        return NULL;
    return &samples->list[samples->count];
}

/* Drops the tokens and the cost of a span whose calls have them. */
static void forget_tokens(struct llmobs_sample *sample)
{
    sample->input_tokens = sample->output_tokens = -1;
    sample->cached_tokens = sample->reasoning_tokens = -1;
    sample->cost = -1;
}

static int samples_take_row(void *ctx, const struct llmobs_row *row,
                            const struct llmobs_json *event)
{
    struct llmobs_samples *samples = ctx;
    struct llmobs_sample *sample;
    const char *name, *group = NULL, *trace;
    char room[LLMOBS_CELL_CLOCK];

    (void)event;
    if (!samples->spans && !llmobs_row_counts(row))
        return 0;
    name = group_of(samples, row, room);
    if (name)
        group = llmobs_texts_share(&samples->names, name);
    trace = llmobs_texts_share(&samples->names, row->trace_id);
    sample = new_sample(samples);
    if (!sample || !trace || (!group && name))
        return -ENOMEM;
    *sample = (struct llmobs_sample){
        .group = group,
        .trace = trace,
        .start_ns = row->start_ns,
        .duration_ns = row->duration_ns,
        .input_tokens = row->input_tokens,
        .output_tokens = row->output_tokens,
        .cached_tokens = row->cache_read_tokens,
        .reasoning_tokens = row->reasoning_tokens,
        .first_token = row->first_token,
        .cost = row->cost,
        .failed = row->failed,
        .is_call = samples->of_kinds || llmobs_row_is_call(row),
    };
    if (!samples->of_kinds && !llmobs_row_counts(row))
        forget_tokens(sample);
    samples->count++;
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

static int by_group(const void *left, const void *right)
{
    const struct llmobs_sample *a = left, *b = right;
    int order = compare_names(a->group, b->group);

    return order != 0
               ? order
               : (a->start_ns > b->start_ns) - (a->start_ns < b->start_ns);
}

static int by_size(const void *left, const void *right)
{
    const struct llmobs_samples_group *a = left, *b = right;

    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return compare_names(a->name, b->name);
}

static size_t count_groups(const struct llmobs_samples *samples)
{
    size_t count = 1;

    for (size_t i = 1; i < samples->count; i++)
        count += samples->list[i].group != samples->list[i - 1].group ? 1 : 0;
    return count;
}

static void find_groups(struct llmobs_samples *samples)
{
    struct llmobs_samples_group *group = NULL;

    for (size_t i = 0; i < samples->count; i++) {
        struct llmobs_sample *sample = &samples->list[i];

        if (!group || sample->group != group->name) {
            group = &samples->groups[samples->group_count++];
            group->name = sample->group;
            group->list = sample;
        }
        group->count++;
    }
    if (samples->by == LLMOBS_BY_NOTHING)
        samples->group_count = 1;
}

static int samples_sort(struct llmobs_samples *samples)
{
    if (samples->count > 0)
        qsort(samples->list, samples->count, sizeof(*samples->list), by_group);
    samples->groups = calloc(count_groups(samples), sizeof(*samples->groups));
    if (!samples->groups)
        return -ENOMEM;
    find_groups(samples);
    if (samples->by != LLMOBS_BY_DAY && samples->group_count > 1)
        qsort(samples->groups, samples->group_count, sizeof(*samples->groups),
              by_size);
    return 0;
}

int llmobs_samples_read(struct llmobs_samples *samples,
                        struct llmobs_load *load, struct llmobs_reader *reader)
{
    int rc;

    load->parts = LLMOBS_ROW_FACTS;
    samples->of_kinds =
        load->filter->kind.pattern && !load->filter->kind.is_not;
    samples->spans = samples->spans || samples->of_kinds;
    rc = llmobs_each(load, reader, samples_take_row, samples);
    return rc == 0 ? samples_sort(samples) : rc;
}
