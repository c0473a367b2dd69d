/* Walks through a store's rows, the newest first, one at a time. */
#include "cli/query/each.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "cli/query/cost.h"
#include "lib/base/grow.h"
#include "lib/base/siphash.h"

#define KEY_MAX ((size_t)1 << 30)
#define TOGETHER 1024 /* rows that are kept together, or their texts */

struct each {
    struct llmobs_load *load;
    struct llmobs_each_spans *spans;
    llmobs_each_row *read;
    void *ctx;
    bool all;                  /* the filter selects every span */
    struct llmobs_texts texts; /* of the last rows */
};

/* -- ids ------------------------------------------------------------------ */

void llmobs_each_fini(struct llmobs_each_spans *spans)
{
    llmobs_buf_fini(&spans->key);
    free(spans->ids);
    free(spans->places);
    free(spans->table);
}

/* The hash of a span's ids; 0: memory ran out. */
static uint64_t hash_of(struct llmobs_each_spans *spans, const char *trace,
                        const char *span)
{
    uint64_t hash;

    if (llmobs_load_key(&spans->key, trace, span) != 0)
        return 0;
    hash = llmobs_siphash_short(spans->secret, spans->key.data, spans->key.len);
    return hash + (hash == 0);
}

/* The place of a hash in the table: its span's, or a free one. */
static uint32_t *place_of(const struct llmobs_each_spans *spans, uint64_t hash)
{
    size_t at = (size_t)hash & (spans->table_cap - 1);

    while (spans->table[at] != 0 && spans->ids[spans->table[at] - 1] != hash)
        at = (at + 1) & (spans->table_cap - 1);
    return &spans->table[at];
}

/* The number of a span that was handed out, from 1 on; 0: none was. */
static uint32_t number_of(struct llmobs_each_spans *spans, const char *trace,
                          const char *span)
{
    uint64_t hash = trace && span ? hash_of(spans, trace, span) : 0;

    return hash != 0 ? *place_of(spans, hash) : 0;
}

/* 1: no span with the ids of the event was handed out before; 0: one was. */
static int is_first(struct llmobs_each_spans *spans,
                    const struct llmobs_json *event)
{
    uint64_t hash = hash_of(spans, llmobs_json_gets(event, "trace_id"),
                            llmobs_json_gets(event, "span_id"));
    size_t cap = spans->table_cap == 0 ? 256 : spans->table_cap * 2;
    uint32_t *place;

    if (spans->count * 2 >= spans->table_cap) {
        free(spans->table);
        spans->table = calloc(cap, sizeof(*spans->table));
        if (!spans->table)
            return -ENOMEM;
        spans->table_cap = cap;
        for (size_t i = 0; i < spans->count; i++)
            *place_of(spans, spans->ids[i]) = (uint32_t)i + 1;
    }
    place = place_of(spans, hash);
    if (*place != 0)
        return 0;
    if (hash == 0 || spans->count == UINT32_MAX ||
        llmobs_grow(&spans->ids, &spans->cap, spans->count,
                    sizeof(*spans->ids)) != 0)
        return -ENOMEM;
    spans->ids[spans->count] = hash;
    *place = (uint32_t)++spans->count;
    return 1;
}

/* -- the newest first ----------------------------------------------------- */

/* 1 ends the walk: as many rows as the caller wants were handed out. */
static int read_line(void *ctx, struct llmobs_text line,
                     struct llmobs_place place)
{
    struct each *each = ctx;
    struct llmobs_load *load = each->load;
    struct llmobs_each_spans *spans = each->spans;
    struct llmobs_row *row = NULL;
    struct llmobs_json *event;
    bool is_span, wanted = false;
    int rc = llmobs_load_parse(load, line, &event);

    if (!event)
        return rc;
    is_span = llmobs_load_is_span(event);
    load->events += is_span ? 1 : 0;
    load->bad += is_span || llmobs_evaluations_is_one(event) ? 0 : 1;
    if (is_span && (each->all || llmobs_filter_match(load->filter, event))) {
        rc = is_first(spans, event);
        /* The walk began at the store's end, so the span with the same ids that
         * was read before is the later one. */
        load->forest.repeated += rc == 0 ? 1 : 0;
        wanted = rc > 0;
        rc = rc < 0 ? rc : 0;
    }
    if (wanted)
        rc = llmobs_row_new(event, place, load->parts, &each->texts, &row);
    if (row && spans->again) {
        rc = llmobs_grow(&spans->places, &spans->place_cap, spans->count - 1,
                         sizeof(*spans->places));
        if (rc == 0)
            spans->places[spans->count - 1] = (struct llmobs_each_place){
                row->start_ns,
                place,
                {row->turn_span
                     ? hash_of(spans, row->turn_trace, row->turn_span)
                     : 0}};
    }
    if (row && rc == 0) {
        llmobs_cost_estimate(row, load->prices);
        row->judged = &load->evaluations;
        row->wanted = true;
        rc = each->read(each->ctx, row, event);
    }
    llmobs_row_free(row);
    if (wanted && ++load->shown % TOGETHER == 0) {
        llmobs_texts_fini(&each->texts);
        each->texts.borrows = true;
    }
    if (rc != 0)
        return rc;
    load->more = load->newest > 0 && load->shown >= load->newest;
    return load->more ? 1 : 0;
}

int llmobs_each(struct llmobs_load *load, struct llmobs_reader *reader,
                struct llmobs_each_spans *spans, llmobs_each_row *read,
                void *ctx)
{
    struct llmobs_each_spans own = {.again = false};
    struct each each = {.load = load,
                        .spans = spans ? spans : &own,
                        .read = read,
                        .ctx = ctx,
                        .texts.borrows = true};
    struct llmobs_pick pick;
    int rc;

    each.all = llmobs_filter_passes_all(load->filter);
    llmobs_buf_init(&each.spans->key, KEY_MAX);
    (void)!getrandom(each.spans->secret, sizeof(own.secret), 0);
    rc = llmobs_reader_walk_back(reader, load->filter->since_ns,
                                 llmobs_filter_pick(load->filter, &pick),
                                 read_line, &each);
    llmobs_texts_fini(&each.texts);
    llmobs_each_fini(&own);
    return rc < 0 ? rc : 0;
}

/* -- in their order ------------------------------------------------------- */

static const struct llmobs_each_place *sorted; /* while qsort runs */

static int by_start(const void *left, const void *right)
{
    const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

    if (sorted[a].start_ns != sorted[b].start_ns)
        return sorted[a].start_ns < sorted[b].start_ns ? -1 : 1;
    return (a > b) - (a < b);
}

/* Gives the numbers of the spans in the order of time, and numbers the turns of
 * conversations, as a forest does. */
static int order(struct llmobs_each_spans *spans, uint32_t **out)
{
    struct llmobs_each_place *places = spans->places;
    uint32_t *numbers = malloc(spans->count * sizeof(*numbers));

    if (!numbers)
        return -ENOMEM;
    for (size_t i = 0; i < spans->count; i++) {
        const uint64_t before = places[i].before;

        numbers[i] = (uint32_t)i;
        places[i].talk = before != 0 ? *place_of(spans, before) : 0;
        places[i].turns = before == 0;
    }
    sorted = places;
    qsort(numbers, spans->count, sizeof(*numbers), by_start);
    for (size_t i = 0; i < spans->count; i++) {
        struct llmobs_each_place *at = &places[numbers[i]], *before, *first;

        before = at->talk > 0 ? &places[at->talk - 1] : at;
        at->talk = numbers[i];
        if (before->start_ns >= at->start_ns)
            continue;
        first = &places[before->talk];
        at->talk = before->talk;
        if (first->turns > 0)
            at->turns = before == first ? 2 : before->turns + 1;
        if (at->turns > first->turns)
            first->turns = at->turns;
    }
    *out = numbers;
    return 0;
}

int llmobs_each_again(const struct llmobs_load *load,
                      struct llmobs_reader *reader,
                      struct llmobs_each_spans *spans, bool reverse,
                      llmobs_each_row *read, void *ctx)
{
    struct llmobs_load part = {.filter = load->filter,
                               .parts = load->parts,
                               .prices = load->prices,
                               .evaluations = load->evaluations};
    const struct llmobs_each_place *places = spans->places;
    const struct llmobs_forest *forest = &part.forest;
    const size_t count = spans->count;
    struct llmobs_buf line;
    uint32_t *numbers = NULL;
    int64_t last = 0;
    int rc = order(spans, &numbers);

    llmobs_buf_init(&line, LLMOBS_READER_LINE_MAX);
    for (size_t n = 0, end; rc == 0 && n < count; n = end) {
        /* Spans that began at the same time are in one part, where the forest
         * puts them in the order of their ids. Where a file was cut or written
         * again, the line at a place may be another one. */
        for (end = n; rc == 0 && end < count; end++) {
            uint32_t number = numbers[reverse ? count - 1 - end : end];
            struct llmobs_place place = places[number].place;
            struct llmobs_json *event = NULL;

            if (end - n >= TOGETHER && places[number].start_ns != last)
                break;
            last = places[number].start_ns;
            rc = llmobs_reader_again(reader, place, &line);
            if (rc == 0)
                rc = llmobs_load_parse(&part, llmobs_buf_text(&line), &event);
            if (event &&
                number_of(spans, llmobs_json_gets(event, "trace_id"),
                          llmobs_json_gets(event, "span_id")) == number + 1)
                rc = llmobs_load_add(&part, event, place);
            rc = rc == -ESTALE ? 0 : rc;
        }
        if (rc == 0)
            rc = llmobs_load_order(&part, reader);
        /* The other parts have the turns and the parents of these rows, too. */
        for (size_t i = 0; rc == 0 && i < forest->count; i++) {
            struct llmobs_row *row =
                forest->rows[reverse ? forest->count - 1 - i : i];
            uint32_t number = number_of(spans, row->trace_id, row->span_id) - 1;
            uint32_t parent = number_of(spans, row->trace_id, row->parent_id);
            const struct llmobs_each_place *at = &places[number];
            struct llmobs_row talk = {.turns = places[at->talk].turns};
            bool first = at->talk == number;

            row->turn = first ? at->turns > 0 : at->turns;
            row->turns = first ? at->turns : 0;
            row->talk = &talk;
            row->family = parent == number + 1 ? 0 : parent;
            rc = read(ctx, row, NULL);
        }
        llmobs_forest_fini(&part.forest);
        llmobs_texts_fini(&part.texts);
    }
    llmobs_buf_fini(&line);
    free(numbers);
    part.evaluations = (struct llmobs_evaluations){0};
    llmobs_load_fini(&part);
    return rc;
}
