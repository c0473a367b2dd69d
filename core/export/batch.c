#include "core/export/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    struct llmobs_json *event; /* NULL: left out, or already written */
    struct llmobs_otlp_origin origin;
};

struct entries {
    const struct llmobs_otlp_batch *batch;
    struct llmobs_otlp_writer writer;
    struct entry *list;
    size_t count;
};

/* Writes the events with the first event's origin, and frees them. */
static void write_records(struct entries *e, size_t first)
{
    struct llmobs_otlp_writer *w = &e->writer;
    const struct llmobs_otlp_origin *origin = &e->list[first].origin;
    struct llmobs_json *kept = e->list[first].event;

    for (size_t i = first; i < e->count; i++) {
        struct entry *entry = &e->list[i];

        if (!entry->event || !llmobs_otlp_origin_equal(origin, &entry->origin))
            continue;
        e->batch->write(e->batch, w, entry->event);
        if (entry->event != kept)
            llmobs_json_free(entry->event);
        entry->event = NULL;
    }
    llmobs_json_free(kept); /* `origin` borrows from it */
}

static void write_resource(struct entries *e, size_t first)
{
    const struct llmobs_otlp_batch *batch = e->batch;
    struct llmobs_text none = {NULL, 0};

    llmobs_otlp_open_records(&e->writer, &batch->lists, &e->list[first].origin,
                             none);
    write_records(e, first);
    llmobs_otlp_close_records(&e->writer, batch->config->otlp.semconv);
}

/* Keeps the events that have a record; counts the other events. */
static int read_events(struct entries *e, const struct llmobs_text *events,
                       size_t count, size_t *left_out)
{
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = &e->list[e->count];
        int rc = llmobs_json_parse(events[i], &entry->event);

        if (rc == -ENOMEM)
            return rc;
        if (rc == 0 && e->batch->takes(e->batch, entry->event)) {
            llmobs_otlp_origin_read(entry->event, &entry->origin);
            e->count++;
            continue;
        }
        llmobs_json_free(entry->event);
        entry->event = NULL;
        ++*left_out;
    }
    return 0;
}

static int write_all(struct entries *e, struct llmobs_buf *out)
{
    const struct llmobs_otlp_batch *batch = e->batch;

    llmobs_otlp_begin(&e->writer, out,
                      batch->config->otlp.signals[batch->signal].json);
    llmobs_otlp_list(&e->writer, batch->lists.resources);
    for (size_t i = 0; i < e->count; i++)
        if (e->list[i].event)
            write_resource(e, i);
    llmobs_otlp_close_list(&e->writer);
    return llmobs_otlp_end(&e->writer);
}

int llmobs_otlp_batch_write(const struct llmobs_otlp_batch *batch,
                            const struct llmobs_text *events, size_t count,
                            struct llmobs_buf *out, size_t *left_out)
{
    struct entries e = {.batch = batch};
    int rc;

    *left_out = 0;
    e.list = calloc(count ? count : 1, sizeof(*e.list));
    if (!e.list)
        return -ENOMEM;
    rc = read_events(&e, events, count, left_out);
    if (rc == 0)
        rc = e.count ? write_all(&e, out) : -EINVAL;
    for (size_t i = 0; i < e.count; i++)
        llmobs_json_free(e.list[i].event);
    free(e.list);
    return rc;
}
