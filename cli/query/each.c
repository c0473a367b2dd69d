#include "cli/query/each.h"

#include <errno.h>

#include "cli/query/cost.h"

#define KEY_MAX ((size_t)1 << 30)
#define TEXTS_OF 1024 /* rows whose texts are kept together */

struct each {
    struct llmobs_load *load;
    llmobs_each_row *read;
    void *ctx;
    bool all;                  /* the filter selects every span */
    struct llmobs_texts texts; /* of the last rows */
    struct llmobs_texts seen;  /* the ids of the spans that were handed out */
    struct llmobs_buf key;
};

/* 1 ends the walk: as many rows as the caller wants were handed out. */
static int read_line(void *ctx, struct llmobs_text line,
                     struct llmobs_place place)
{
    struct each *each = ctx;
    struct llmobs_load *load = each->load;
    size_t before = each->seen.count;
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
        if (rc == 0 && !llmobs_texts_share(&each->seen, each->key.data))
            rc = -ENOMEM;
        /* The walk began at the store's end, so the span with the same ids that
         * was read before is the later one. */
        wanted = rc == 0 && each->seen.count > before;
        load->forest.repeated += rc == 0 && !wanted ? 1 : 0;
    }
    if (wanted)
        rc = llmobs_row_new(event, place, load->parts, &each->texts, &row);
    if (row) {
        llmobs_cost_estimate(row, load->prices);
        row->judged = &load->evaluations;
        rc = each->read(each->ctx, row, event);
    }
    llmobs_row_free(row);
    llmobs_json_free(event);
    if (wanted && ++load->shown % TEXTS_OF == 0)
        llmobs_texts_fini(&each->texts);
    if (rc != 0)
        return rc;
    load->more = load->newest > 0 && load->shown >= load->newest;
    return load->more ? 1 : 0;
}

int llmobs_each(struct llmobs_load *load, struct llmobs_reader *reader,
                llmobs_each_row *read, void *ctx)
{
    struct each each = {.load = load, .read = read, .ctx = ctx};
    struct llmobs_pick pick;
    int rc;

    each.all = llmobs_filter_passes_all(load->filter);
    llmobs_buf_init(&each.key, KEY_MAX);
    rc = llmobs_reader_walk_back(reader, load->filter->since_ns,
                                 llmobs_filter_pick(load->filter, &pick),
                                 read_line, &each);
    llmobs_buf_fini(&each.key);
    llmobs_texts_fini(&each.texts);
    llmobs_texts_fini(&each.seen);
    return rc < 0 ? rc : 0;
}
