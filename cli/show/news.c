#include "cli/show/news.h"

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

static size_t news_end(const struct llmobs_news *news)
{
    return news->first + news->places.count;
}

static void forget_old(struct llmobs_news *news)
{
    struct llmobs_places *places = &news->places;
    size_t gone = places->count - LLMOBS_NEWS_KEPT;

    if (places->count < 2 * LLMOBS_NEWS_KEPT)
        return;
    memmove(places->list, places->list + gone,
            LLMOBS_NEWS_KEPT * sizeof(*places->list));
    places->count = LLMOBS_NEWS_KEPT;
    news->first += gone;
}

static int news_take_line(void *ctx, struct llmobs_text text,
                          struct llmobs_place place)
{
    struct llmobs_news *news = ctx;

    (void)text;
    forget_old(news);
    return llmobs_places_add(&news->places, place);
}

void llmobs_news_close(struct llmobs_news *news)
{
    llmobs_reader_close(news->reader);
    news->reader = NULL;
    llmobs_places_fini(&news->places);
    news->places = (struct llmobs_places){0};
    news->first = 0;
}

/* Opens the directory that has the store's name now. */
static int news_open(struct llmobs_news *news, const struct stat *st)
{
    llmobs_news_close(news);
    news->epoch++;
    news->dev = st->st_dev;
    news->ino = st->st_ino;
    return llmobs_reader_open(news->store, &news->reader);
}

int llmobs_news_look(struct llmobs_news *news)
{
    int64_t now = llmobs_clock_mono_ns();
    struct stat st;
    int rc = 0;

    if (news->looked_ns != 0 &&
        now - news->looked_ns < LLMOBS_NEWS_LOOK_MS * LLMOBS_NS_PER_MS)
        return 0;
    news->looked_ns = now;
    if (stat(news->store, &st) != 0)
        st = (struct stat){.st_ino = 0};
    if (st.st_ino != 0 &&
        (!news->reader || st.st_dev != news->dev || st.st_ino != news->ino))
        rc = news_open(news, &st);
    if (rc == 0 && news->reader)
        rc = llmobs_reader_more(news->reader, news_take_line, news);
    return rc == -ENOENT ? 0 : rc;
}

/* -- positions ------------------------------------------------------------- */

static void position_write(const struct llmobs_news *news, size_t number,
                           char out[LLMOBS_NEWS_POSITION])
{
    snprintf(out, LLMOBS_NEWS_POSITION, "%lu-%zu", news->epoch, number);
}

void llmobs_news_position(const struct llmobs_news *news,
                          char out[LLMOBS_NEWS_POSITION])
{
    position_write(news, news_end(news), out);
}

bool llmobs_news_is_last(const struct llmobs_news *news, const char *position)
{
    char last[LLMOBS_NEWS_POSITION];

    llmobs_news_position(news, last);
    return strcmp(position, last) == 0;
}

/* Reads a position whose lines are known; false: it is no such. */
static bool position_read(const struct llmobs_news *news, const char *position,
                          size_t *number)
{
    char again[LLMOBS_NEWS_POSITION];
    char *dash;

    if (strtoul(position, &dash, 10) != news->epoch || *dash != '-')
        return false;
    *number = strtoul(dash + 1, NULL, 10);
    position_write(news, *number, again);
    return strcmp(again, position) == 0 && *number >= news->first &&
           *number <= news_end(news);
}

/* -- events ---------------------------------------------------------------- */

struct news_writer {
    struct llmobs_news *news;
    struct llmobs_page_body body;
    struct llmobs_buf line, rows;
};

static int news_add_row(struct news_writer *w, const struct llmobs_json *event)
{
    struct llmobs_texts texts = {0};
    struct llmobs_row *row = NULL;
    int rc;

    if (!llmobs_load_is_span(event))
        return llmobs_buf_adds(&w->rows, "null");
    rc = llmobs_row_new(event, (struct llmobs_place){0}, LLMOBS_ROW_ALL, &texts,
                        &row);
    if (rc == 0) {
        llmobs_cost_estimate(row, w->news->prices);
        rc = llmobs_page_row_add(&w->rows, row, event);
    }
    llmobs_row_free(row);
    llmobs_texts_fini(&texts);
    return rc;
}

static bool news_selects(struct llmobs_news *news,
                         const struct llmobs_json *event)
{
    return llmobs_load_is_span(event) ? llmobs_filter_match(news->filter, event)
                                      : llmobs_evaluations_is_one(event);
}

/* A line that is gone, or is no event, is passed over. */
static int news_add(struct news_writer *w, struct llmobs_place place)
{
    struct llmobs_json *event = NULL;
    int rc = llmobs_reader_event(w->news->reader, place, &w->line, &event);

    if (rc == 0 && event && news_selects(w->news, event)) {
        if (w->rows.len > 0)
            rc = llmobs_buf_addc(&w->rows, ',');
        if (rc == 0)
            rc = news_add_row(w, event);
        if (rc == 0)
            rc = llmobs_page_body_write(
                &w->body, (struct llmobs_text){w->line.data, w->line.len},
                event);
    }
    llmobs_json_free(event);
    return rc == -ENOMEM || rc == -EIO ? rc : 0;
}

static int news_write(struct news_writer *w, size_t number)
{
    const struct llmobs_news *news = w->news;
    size_t end = news_end(news), most = number + LLMOBS_NEWS_LINES;
    char at[LLMOBS_NEWS_POSITION];
    int rc = 0;

    if (end > most)
        end = most;
    while (rc == 0 && number < end && w->body.written < LLMOBS_NEWS_BYTES)
        rc = news_add(w, news->places.list[number++ - news->first]);
    if (rc != 0)
        return rc;
    position_write(news, number, at);
    fprintf(w->body.out, "{\"at\":\"%s\",\"more\":%s,\"rows\":[", at,
            number < news_end(news) ? "true" : "false");
    if (w->rows.len > 0)
        fwrite(w->rows.data, 1, w->rows.len, w->body.out);
    fputs("]}", w->body.out);
    return 0;
}

int llmobs_news_write(struct llmobs_news *news, const char *position, FILE *out)
{
    struct news_writer w = {.news = news};
    size_t number;
    int rc;

    if (!position_read(news, position, &number)) {
        fputs("{\"again\":true}", out);
        return 0;
    }
    llmobs_page_body_init(&w.body, out, news->full);
    llmobs_buf_init(&w.line, LLMOBS_READER_LINE_MAX);
    llmobs_buf_init(&w.rows, SIZE_MAX / 2);
    rc = news_write(&w, number);
    llmobs_page_body_fini(&w.body);
    llmobs_buf_fini(&w.line);
    llmobs_buf_fini(&w.rows);
    return rc;
}
