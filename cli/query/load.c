/* Loads the rows that a view shows, and skips what it does not need. */
#include "cli/query/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query/cost.h"
#include "cli/shared/tail.h"
#include "lib/text/decimal.h"
#include "lib/text/json_plain.h"

#define NS_PER_S INT64_C(1000000000)
/* A trace id that the library made holds the second in which the trace began.
 * A span of the trace may begin this much later. */
#define ID_AGE_S (24 * 3600)

/* A bit for each end of three digits that an id may have. */
#define ID_BITS 4096

void llmobs_load_fini(struct llmobs_load *load)
{
    llmobs_json_series_fini(&load->series);
    llmobs_json_free(load->event);
    load->event = NULL;
    llmobs_buf_fini(&load->line);
    llmobs_forest_fini(&load->forest);
    llmobs_evaluations_fini(&load->evaluations);
    llmobs_texts_fini(&load->texts);
}

/* -- evaluations ---------------------------------------------------------- */

static int read_evaluation(void *ctx, struct llmobs_text text,
                           struct llmobs_place place)
{
    struct llmobs_load *load = ctx;
    struct llmobs_json *event = NULL;
    int rc;

    (void)place;
    if (llmobs_tail_trace(text).data || /* a span */
        !llmobs_evaluations_may_be_one(text))
        return 0;
    rc = llmobs_json_parse(text, &event);
    if (rc == 0 && llmobs_evaluations_is_one(event))
        rc = llmobs_evaluations_add(&load->evaluations, event);
    llmobs_json_free(event);
    return rc == -ENOMEM ? rc : 0;
}

/* Reads all evaluations first: one may stand before or behind its span. */
int llmobs_load_evaluations(struct llmobs_load *load,
                            struct llmobs_reader *reader, int64_t since_ns)
{
    int rc = llmobs_reader_walk_odd(reader, since_ns, read_evaluation, load);

    llmobs_evaluations_sort(&load->evaluations);
    return rc;
}

/* -- lines ---------------------------------------------------------------- */

#define CUT_MAX ((size_t)1 << 20) /* a longer line is parsed as it is */
#define MISSES 8 /* after which one of so many lines is tried as alike */

/* Copies a line without what was asked and answered: no fact of a row is made
 * of it, and without it lines are much alike. A quote within a text has a
 * backslash before it, so that no text has such a key. */
static struct llmobs_text cut_line(struct llmobs_text line,
                                   struct llmobs_buf *out)
{
    static const char key[] = "put\": {";
    const char *end = line.data + line.len, *copied = line.data, *at = copied;

    llmobs_buf_cut(out, 0);
    while ((at = memmem(at, (size_t)(end - at), key, sizeof(key) - 1))) {
        bool said = at - line.data > 4 && (memcmp(at - 3, "\"in", 3) == 0 ||
                                           memcmp(at - 4, "\"out", 4) == 0);
        size_t depth = 0;

        at += sizeof(key) - 2;
        llmobs_buf_add(out, copied, (size_t)(at - copied));
        copied = at;
        do { /* to the object's end */
            if (*at == '"')
                at = llmobs_json_string_end(at + 1, end);
            else if (*at == '{' || *at == '[')
                depth++;
            else if (*at == '}' || *at == ']')
                depth--;
            if (at == end || ++at == end || depth == LLMOBS_JSON_DEPTH_MAX / 2)
                return line;
        } while (said && depth > 0);
        if (said) {
            llmobs_buf_adds(out, "{}");
            copied = at;
        }
    }
    llmobs_buf_add(out, copied, (size_t)(end - copied));
    return out->error == 0 ? llmobs_buf_text(out) : line;
}

/* Parses a line, without what neither the rows nor the filter need. */
static int parse_line(struct llmobs_load *load, struct llmobs_text line,
                      struct llmobs_json **event)
{
    const struct llmobs_filter *filter = load->filter;
    int rc;

    if (load->parts != LLMOBS_ROW_ALL && !filter->grep &&
        !filter->keys[LLMOBS_KEY_TOOL].pattern &&
        !filter->keys[LLMOBS_KEY_PROMPT].pattern && line.len < CUT_MAX) {
        if (load->line.max == 0)
            llmobs_buf_init(&load->line, CUT_MAX);
        line = cut_line(line, &load->line);
        if (load->misses < MISSES || load->misses % MISSES == 0) {
            rc = llmobs_json_series_parse(&load->series, line, event);
            load->misses = load->series.alike ? 0 : load->misses + 1;
            return rc;
        }
        load->misses++;
    }
    llmobs_json_free(load->event);
    rc = llmobs_json_parse(line, event);
    load->event = *event;
    return rc;
}

/* -- spans ---------------------------------------------------------------- */

bool llmobs_load_is_span(const struct llmobs_json *event)
{
    return llmobs_json_gets(event, "trace_id") &&
           llmobs_json_gets(event, "span_id");
}

int llmobs_load_key(struct llmobs_buf *key, const char *trace, const char *span)
{
    char digits[LLMOBS_DECIMAL_MAX];
    size_t len = trace ? strlen(trace) : 0;

    /* The trace's length comes first: an id may hold any character. */
    llmobs_buf_cut(key, 0);
    llmobs_buf_add(key, digits, llmobs_decimal_write_int((int64_t)len, digits));
    llmobs_buf_addc(key, ' ');
    llmobs_buf_add(key, trace ? trace : "", len);
    return llmobs_buf_adds(key, span ? span : "");
}

int llmobs_load_parse(struct llmobs_load *load, struct llmobs_text line,
                      struct llmobs_json **event)
{
    int rc;

    *event = NULL;
    if (!llmobs_filter_may_match(load->filter, line, false)) {
        load->events++;
        return 0;
    }
    rc = parse_line(load, line, event);
    load->bad += rc == -EINVAL || rc == -E2BIG;
    return rc == -EINVAL || rc == -E2BIG ? 0 : rc;
}

static int add_row(struct llmobs_load *load, const struct llmobs_json *event,
                   struct llmobs_place place, bool wanted)
{
    struct llmobs_row *row = NULL;
    struct llmobs_buf lines;
    int rc = llmobs_row_new(event, place, wanted ? load->parts : LLMOBS_ROW_IDS,
                            &load->texts, &row);

    if (rc != 0)
        return rc;
    llmobs_cost_estimate(row, load->prices);
    row->wanted = wanted;
    load->shown += wanted ? 1 : 0;
    llmobs_buf_init(&lines, SIZE_MAX / 2);
    rc = llmobs_evaluations_of(&load->evaluations, event, &lines);
    if (rc == 0 && lines.len > 0) {
        row->evaluations =
            llmobs_texts_copy(&load->texts, lines.data, lines.len);
        rc = row->evaluations ? 0 : -ENOMEM;
    }
    llmobs_buf_fini(&lines);
    if (rc == 0)
        return llmobs_forest_add(&load->forest, row);
    llmobs_row_free(row);
    return rc;
}

/* A tree needs the ids of unwanted spans too. */
int llmobs_load_add(struct llmobs_load *load, const struct llmobs_json *event,
                    struct llmobs_place place)
{
    bool wanted = llmobs_filter_passes_all(load->filter) ||
                  llmobs_filter_match(load->filter, event);

    load->events++;
    return wanted || load->tree ? add_row(load, event, place, wanted) : 0;
}

/* Takes a line of the store, if the filter does not exclude its trace and
 * `window` has the trace; NULL: any trace. */
static int read_span_of(struct llmobs_load *load,
                        const struct llmobs_texts *traces,
                        struct llmobs_text text, struct llmobs_place place)
{
    struct llmobs_json *event;
    const char *trace;
    int rc;

    if (!llmobs_filter_may_match(load->filter, text, load->tree)) {
        load->events++;
        return 0;
    }
    rc = parse_line(load, text, &event);
    if (rc == -ENOMEM)
        return rc;
    if (rc != 0 || !llmobs_load_is_span(event)) {
        load->bad += rc == 0 && llmobs_evaluations_is_one(event) ? 0 : 1;
        return 0;
    }
    trace = llmobs_json_gets(event, "trace_id");
    if (!traces || llmobs_texts_has(traces, trace, strlen(trace)))
        return llmobs_load_add(load, event, place);
    load->events++;
    return 0;
}

static int read_line(void *ctx, struct llmobs_text text,
                     struct llmobs_place place)
{
    return read_span_of(ctx, NULL, text, place);
}

/* -- the newest ----------------------------------------------------------- */

/* The traces that a walk from the end has found. */
struct window {
    struct llmobs_load *load;
    const struct llmobs_reader *reader;
    struct llmobs_texts traces;  /* their ids, shared */
    int64_t since_ns;            /* where the second walk begins */
    uint64_t bits[ID_BITS / 64]; /* by the ends of their ids */
};

static bool is_of_window(const void *ctx, const uint8_t *trace)
{
    const struct window *window = ctx;
    size_t bit = trace[14] % 16u << 8 | trace[15];
    char id[2 * LLMOBS_MARKS_TRACE + 1];

    if (!(window->bits[bit / 64] >> bit % 64 & 1))
        return false;
    for (size_t i = 0; i < LLMOBS_MARKS_TRACE; i++)
        snprintf(id + 2 * i, 3, "%02x", trace[i]);
    return llmobs_texts_has(&window->traces, id, 2 * LLMOBS_MARKS_TRACE);
}

/* Adds the trace; 1: it is one more than the caller wants. */
static int add_trace(struct window *window, const char *trace, int64_t start_ns,
                     struct llmobs_place place)
{
    int64_t written_ns = llmobs_reader_written(window->reader, place);
    int64_t begin_ns = start_ns, start_s = start_ns / NS_PER_S, id_s;
    char digits[9] = "";
    size_t bit;

    /* The time in an id that the library made; a stranger's may be anything. */
    strncat(digits, trace, sizeof(digits) - 1);
    id_s = (int64_t)strtoul(digits, NULL, 16);
    if (id_s <= start_s && id_s >= start_s - ID_AGE_S)
        begin_ns = id_s * NS_PER_S;
    if (!llmobs_texts_has(&window->traces, trace, strlen(trace))) {
        if (window->load->newest > 0 &&
            window->traces.count == window->load->newest) {
            window->load->more = true;
            return 1;
        }
        if (!llmobs_texts_share(&window->traces, trace))
            return -ENOMEM;
        bit = strlen(trace) < 3
                  ? 0
                  : strtoul(trace + strlen(trace) - 3, NULL, 16) % ID_BITS;
        window->bits[bit / 64] |= UINT64_C(1) << bit % 64;
    }
    if (written_ns < begin_ns) /* by another clock, or the file is a copy */
        begin_ns = written_ns;
    if (begin_ns < window->since_ns)
        window->since_ns = begin_ns;
    return 0;
}

/* Parses a line from the end of the store; NULL in *event where it is no span
 * that the filter selects. */
static int parse_wanted(struct llmobs_filter *filter, struct llmobs_text text,
                        struct llmobs_json **event)
{
    int rc;

    *event = NULL;
    if (!llmobs_filter_may_match(filter, text, false))
        return 0;
    rc = llmobs_json_parse(text, event);
    if (rc == 0 && llmobs_load_is_span(*event) &&
        llmobs_filter_match(filter, *event))
        return 0;
    llmobs_json_free(*event);
    *event = NULL;
    return rc == -ENOMEM ? rc : 0;
}

static int find_traces(void *ctx, struct llmobs_text text,
                       struct llmobs_place place)
{
    struct window *window = ctx;
    struct llmobs_json *event;
    int rc = parse_wanted(window->load->filter, text, &event);

    if (event)
        rc = add_trace(window, llmobs_json_gets(event, "trace_id"),
                       llmobs_json_to_int(llmobs_json_get(event, "start_ns")),
                       place);
    else
        window->load->events++;
    llmobs_json_free(event);
    return rc;
}

/* True where the line may belong to one of the wanted traces. Its own trace_id
 * decides where it can be found without a parser. Otherwise each trace_id in
 * the line may be its own: one of them is wanted, or has an escape. */
static bool names_trace(const struct window *window, struct llmobs_text text)
{
    static const char key[] = "\"trace_id\"";
    const char *at = text.data, *stop = text.data + text.len;
    struct llmobs_text own = llmobs_tail_trace(text);

    if (own.data)
        return llmobs_texts_has(&window->traces, own.data, own.len);
    while ((at = memmem(at, (size_t)(stop - at), key, sizeof(key) - 1))) {
        const char *end;

        at += sizeof(key) - 1;
        while (at < stop && (*at == ' ' || *at == ':'))
            at++;
        if (at == stop || *at != '"' ||
            !(end = memchr(at + 1, '"', (size_t)(stop - at) - 1)))
            continue;
        at++;
        if (end > at &&
            (memchr(at, '\\', (size_t)(end - at)) ||
             llmobs_texts_has(&window->traces, at, (size_t)(end - at))))
            return true;
    }
    return false;
}

static int read_line_of_traces(void *ctx, struct llmobs_text text,
                               struct llmobs_place place)
{
    struct window *window = ctx;

    if (!names_trace(window, text)) {
        window->load->events++;
        return 0;
    }
    return read_span_of(window->load, &window->traces, text, place);
}

static int read_traces(struct llmobs_load *load, struct llmobs_reader *reader)
{
    struct window window = {
        .load = load, .reader = reader, .since_ns = INT64_MAX};
    struct llmobs_pick pick;
    int64_t since = load->filter->since_ns;
    int rc = llmobs_reader_walk_back(reader, since,
                                     llmobs_filter_pick(load->filter, &pick),
                                     find_traces, &window);

    if (rc >= 0 && window.traces.count > 0) {
        if (window.since_ns > since)
            since = window.since_ns;
        load->events = 0;
        rc = llmobs_load_evaluations(load, reader, since);
        pick = (struct llmobs_pick){.takes = is_of_window, .ctx = &window};
        if (rc == 0)
            rc = llmobs_reader_walk(reader, since, &pick, read_line_of_traces,
                                    &window);
    }
    llmobs_texts_fini(&window.traces);
    return rc < 0 ? rc : 0;
}

/* The search for one trace. */
struct search {
    struct llmobs_filter *filter;
    char *trace;
};

static int find_newest(void *ctx, struct llmobs_text text,
                       struct llmobs_place place)
{
    struct search *search = ctx;
    struct llmobs_json *event;
    int rc = parse_wanted(search->filter, text, &event);

    (void)place;
    if (event) {
        search->trace = strdup(llmobs_json_gets(event, "trace_id"));
        rc = search->trace ? 1 : -ENOMEM;
    }
    llmobs_json_free(event);
    return rc;
}

int llmobs_load_newest_trace(struct llmobs_filter *filter,
                             struct llmobs_reader *reader, char **trace)
{
    struct search search = {.filter = filter};
    struct llmobs_pick pick;
    int rc = llmobs_reader_walk_back(reader, filter->since_ns,
                                     llmobs_filter_pick(filter, &pick),
                                     find_newest, &search);

    *trace = search.trace;
    return rc < 0 ? rc : 0;
}

/* -- all ------------------------------------------------------------------ */

int llmobs_load_order(struct llmobs_load *load, struct llmobs_reader *reader)
{
    struct llmobs_buf line;
    int rc;

    load->forest.paths = load->tree && load->paths;
    rc = llmobs_forest_sort(&load->forest);
    if (rc == 0 && load->tree)
        rc = llmobs_forest_grow(&load->forest);
    /* Fills the rows of ids alone that stand above the wanted ones. */
    llmobs_buf_init(&line, LLMOBS_READER_LINE_MAX);
    for (size_t i = 0; rc == 0 && load->forest.paths && i < load->forest.count;
         i++) {
        struct llmobs_row *row = load->forest.rows[i];
        struct llmobs_json *event;

        if (row->filled || !row->path)
            continue;
        rc = llmobs_reader_event(reader, row->place, &line, &event);
        if (event)
            rc = llmobs_row_fill(row, event, load->parts, &load->texts);
        llmobs_cost_estimate(row, load->prices);
        llmobs_json_free(event);
    }
    llmobs_buf_fini(&line);
    return rc;
}

int llmobs_load_rows(struct llmobs_load *load, struct llmobs_reader *reader)
{
    struct llmobs_pick room, *pick = llmobs_filter_pick(load->filter, &room);
    int64_t since = load->filter->since_ns;
    int rc;

    if (load->newest > 0 || load->filter->id) {
        rc = read_traces(load, reader);
    } else {
        rc = llmobs_load_evaluations(load, reader, since);
        if (rc == 0)
            rc = llmobs_reader_walk(reader, since, pick, read_line, load);
    }
    return rc < 0 ? rc : llmobs_load_order(load, reader);
}
