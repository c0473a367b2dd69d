#include "cli/query/each.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "cli/query/cost.h"
#include "lib/base/siphash.h"

#define KEY_MAX ((size_t)1 << 30)
#define TEXTS_OF 1024 /* rows whose texts are kept together */

struct each {
    struct llmobs_load *load;
    llmobs_each_row *read;
    void *ctx;
    bool all;                  /* the filter selects every span */
    struct llmobs_texts texts; /* of the last rows */
    struct llmobs_buf key;
    /* Of the spans that were handed out a hash of their ids, under a key of
     * this walk: nobody can make ids that have the same, and of a million spans
     * two have it in one of 37 million walks. */
    uint64_t secret[2], *seen;
    size_t count, cap; /* a power of two */
};

/* The place of a hash in the table: its own, or a free one. */
static uint64_t *place_of(uint64_t *seen, size_t cap, uint64_t hash)
{
    size_t at = (size_t)hash & (cap - 1);

    while (seen[at] != 0 && seen[at] != hash)
        at = (at + 1) & (cap - 1);
    return &seen[at];
}

/* 1: no span with the ids of `key` was handed out before; 0: one was. */
static int is_first(struct each *each)
{
    uint64_t *place, *more, hash;
    size_t cap = each->cap == 0 ? 256 : each->cap * 2;

    if (each->count * 2 >= each->cap) {
        more = calloc(cap, sizeof(*more));
        if (!more)
            return -ENOMEM;
        for (size_t i = 0; i < each->cap; i++)
            if (each->seen[i] != 0)
                *place_of(more, cap, each->seen[i]) = each->seen[i];
        free(each->seen);
        each->seen = more;
        each->cap = cap;
    }
    hash = llmobs_siphash_short(each->secret, each->key.data, each->key.len);
    hash += hash == 0; /* 0: the place is free */
    place = place_of(each->seen, each->cap, hash);
    if (*place != 0)
        return 0;
    *place = hash;
    each->count++;
    return 1;
}

/* 1 ends the walk: as many rows as the caller wants were handed out. */
static int read_line(void *ctx, struct llmobs_text line,
                     struct llmobs_place place)
{
    struct each *each = ctx;
    struct llmobs_load *load = each->load;
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
        rc = llmobs_load_key(&each->key, event);
        if (rc == 0)
            rc = is_first(each);
        /* The walk began at the store's end, so the span with the same ids that
         * was read before is the later one. */
        load->forest.repeated += rc == 0 ? 1 : 0;
        wanted = rc > 0;
        rc = rc < 0 ? rc : 0;
    }
    if (wanted)
        rc = llmobs_row_new(event, place, load->parts, &each->texts, &row);
    if (row) {
        llmobs_cost_estimate(row, load->prices);
        row->judged = &load->evaluations;
        rc = each->read(each->ctx, row, event);
    }
    llmobs_row_free(row);
    if (wanted && ++load->shown % TEXTS_OF == 0) {
        llmobs_texts_fini(&each->texts);
        each->texts.borrows = true;
    }
    if (rc != 0)
        return rc;
    load->more = load->newest > 0 && load->shown >= load->newest;
    return load->more ? 1 : 0;
}

int llmobs_each(struct llmobs_load *load, struct llmobs_reader *reader,
                llmobs_each_row *read, void *ctx)
{
    struct each each = {
        .load = load, .read = read, .ctx = ctx, .texts.borrows = true};
    struct llmobs_pick pick;
    int rc;

    each.all = llmobs_filter_passes_all(load->filter);
    llmobs_buf_init(&each.key, KEY_MAX);
    (void)!getrandom(each.secret, sizeof(each.secret), 0);
    rc = llmobs_reader_walk_back(reader, load->filter->since_ns,
                                 llmobs_filter_pick(load->filter, &pick),
                                 read_line, &each);
    llmobs_buf_fini(&each.key);
    llmobs_texts_fini(&each.texts);
    free(each.seen);
    return rc < 0 ? rc : 0;
}
