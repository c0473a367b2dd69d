#include "cli/show/live.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/query/cost.h"
#include "cli/query/evaluations.h"
#include "cli/query/load.h"
#include "cli/show/body.h"
#include "cli/show/page_row.h"
#include "lib/base/clock.h"

/* -- the store ------------------------------------------------------------- */

static size_t lines_end(const struct llmobs_live *live)
{
    return live->first + live->places.count;
}

static void forget_old(struct llmobs_live *live)
{
    struct llmobs_places *places = &live->places;
    size_t gone = places->count - LLMOBS_LIVE_KEPT;

    if (places->count < 2 * LLMOBS_LIVE_KEPT)
        return;
    memmove(places->list, places->list + gone,
            LLMOBS_LIVE_KEPT * sizeof(*places->list));
    places->count = LLMOBS_LIVE_KEPT;
    live->first += gone;
}

static int add_place(void *ctx, struct llmobs_text text,
                     struct llmobs_place place)
{
    struct llmobs_live *live = ctx;

    (void)text;
    forget_old(live);
    return llmobs_places_add(&live->places, place);
}

void llmobs_live_close(struct llmobs_live *live)
{
    llmobs_reader_close(live->reader);
    live->reader = NULL;
    llmobs_places_fini(&live->places);
    live->places = (struct llmobs_places){0};
    live->first = 0;
}

int llmobs_live_look(struct llmobs_live *live)
{
    int64_t now = llmobs_clock_mono_ns();
    struct stat st;
    int rc = 0;

    if (live->looked_ns != 0 &&
        now - live->looked_ns < LLMOBS_LIVE_LOOK_MS * LLMOBS_NS_PER_MS)
        return 0;
    live->looked_ns = now;
    if (stat(live->store, &st) != 0)
        st = (struct stat){.st_ino = 0};
    if (st.st_ino != 0 &&
        (!live->reader || st.st_dev != live->dev || st.st_ino != live->ino)) {
        llmobs_live_close(live); /* another directory has the store's name */
        live->epoch++;
        live->dev = st.st_dev;
        live->ino = st.st_ino;
        rc = llmobs_reader_open(live->store, &live->reader);
    }
    if (rc == 0 && live->reader)
        rc = llmobs_reader_more(live->reader, add_place, live);
    return rc == -ENOENT ? 0 : rc;
}

/* -- positions ------------------------------------------------------------- */

static void write_position(const struct llmobs_live *live, size_t number,
                           char out[LLMOBS_LIVE_POSITION])
{
    snprintf(out, LLMOBS_LIVE_POSITION, "%lu-%zu", live->epoch, number);
}

void llmobs_live_position(const struct llmobs_live *live,
                          char out[LLMOBS_LIVE_POSITION])
{
    write_position(live, lines_end(live), out);
}

bool llmobs_live_is_last(const struct llmobs_live *live, const char *position)
{
    char last[LLMOBS_LIVE_POSITION];

    llmobs_live_position(live, last);
    return strcmp(position, last) == 0;
}

/* Reads a position whose lines are known; false: it is no such. */
static bool read_position(const struct llmobs_live *live, const char *position,
                          size_t *number)
{
    char again[LLMOBS_LIVE_POSITION];
    char *dash;

    if (strtoul(position, &dash, 10) != live->epoch || *dash != '-')
        return false;
    *number = strtoul(dash + 1, NULL, 10);
    write_position(live, *number, again);
    return strcmp(again, position) == 0 && *number >= live->first &&
           *number <= lines_end(live);
}

/* -- events ---------------------------------------------------------------- */

struct live_writer {
    struct llmobs_live *live;
    struct llmobs_page_body body;
    struct llmobs_buf line, rows;
};

static int add_row(struct live_writer *w, const struct llmobs_json *event)
{
    struct llmobs_texts texts = {0};
    struct llmobs_row *row = NULL;
    int rc;

    if (!llmobs_load_is_span(event))
        return llmobs_buf_adds(&w->rows, "null");
    rc = llmobs_row_new(event, (struct llmobs_place){0}, LLMOBS_ROW_ALL, &texts,
                        &row);
    if (rc == 0) {
        llmobs_cost_estimate(row, w->live->prices);
        rc = llmobs_page_row_add(&w->rows, row, event);
    }
    llmobs_row_free(row);
    llmobs_texts_fini(&texts);
    return rc;
}

/* A line that is gone, or is no event, is passed over. */
static int write_line(struct live_writer *w, struct llmobs_place place)
{
    struct llmobs_json *event = NULL;
    int rc = llmobs_reader_event(w->live->reader, place, &w->line, &event);

    if (rc == 0 && event &&
        (llmobs_load_is_span(event)
             ? llmobs_filter_match(w->live->filter, event)
             : llmobs_evaluations_is_one(event))) {
        if (w->rows.len > 0)
            rc = llmobs_buf_addc(&w->rows, ',');
        if (rc == 0)
            rc = add_row(w, event);
        if (rc == 0)
            rc = llmobs_page_body_write(
                &w->body, (struct llmobs_text){w->line.data, w->line.len},
                event);
    }
    llmobs_json_free(event);
    return rc == -ENOMEM || rc == -EIO ? rc : 0;
}

static int write_lines(struct live_writer *w, size_t number)
{
    const struct llmobs_live *live = w->live;
    size_t end = lines_end(live), most = number + LLMOBS_LIVE_LINES;
    char at[LLMOBS_LIVE_POSITION];
    int rc = 0;

    if (end > most)
        end = most;
    while (rc == 0 && number < end && w->body.written < LLMOBS_LIVE_BYTES)
        rc = write_line(w, live->places.list[number++ - live->first]);
    if (rc != 0)
        return rc;
    write_position(live, number, at);
    fprintf(w->body.out, "{\"at\":\"%s\",\"more\":%s,\"rows\":[", at,
            number < lines_end(live) ? "true" : "false");
    if (w->rows.len > 0)
        fwrite(w->rows.data, 1, w->rows.len, w->body.out);
    fputs("]}", w->body.out);
    return 0;
}

int llmobs_live_write(struct llmobs_live *live, const char *position, FILE *out)
{
    struct live_writer w = {.live = live};
    size_t number;
    int rc;

    if (!read_position(live, position, &number)) {
        fputs("{\"again\":true}", out);
        return 0;
    }
    llmobs_page_body_init(&w.body, out, live->full);
    llmobs_buf_init(&w.line, LLMOBS_READER_LINE_MAX);
    llmobs_buf_init(&w.rows, SIZE_MAX / 2);
    rc = write_lines(&w, number);
    llmobs_page_body_fini(&w.body);
    llmobs_buf_fini(&w.line);
    llmobs_buf_fini(&w.rows);
    return rc;
}
