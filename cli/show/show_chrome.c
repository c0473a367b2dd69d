#include <errno.h>
#include <stdio.h>

#include "cli/shared/tell.h"
#include "cli/show/fields.h"
#include "cli/show/lanes.h"
#include "cli/show/forms.h"
#include "lib/text/decimal.h"

#define NS_PER_US 1000
/* Viewers number processes and threads from 1. */
#define FIRST 1

struct trace_events {
    struct llmobs_fields args; /* the fields that each span gets */
    struct llmobs_buf line;
    struct llmobs_lanes lanes;
    size_t written;
    size_t left_out;
};

static int show_chrome_print_line(struct trace_events *events)
{
    fputs(events->written++ == 0 ? "\n" : ",\n", stdout);
    fwrite(events->line.data, 1, events->line.len, stdout);
    return ferror(stdout) ? -EPIPE : 0;
}

/* Adds nanoseconds as microseconds, exactly. */
static int add_us(struct llmobs_buf *out, const char *key, int64_t ns)
{
    char digits[LLMOBS_DECIMAL_MAX + 4];
    size_t len = llmobs_decimal_write_int(ns / NS_PER_US, digits);
    int rc = llmobs_buf_adds(out, key);

    digits[len++] = '.';
    for (int64_t unit = NS_PER_US / 10; unit > 0; unit /= 10)
        digits[len++] = (char)('0' + ns / unit % 10);
    return rc | llmobs_buf_add(out, digits, len);
}

static int show_chrome_add_text(struct llmobs_buf *out, const char *key,
                                const char *text)
{
    int rc = llmobs_buf_adds(out, key);

    return rc | llmobs_cell_add_json(out, llmobs_cell_text(text));
}

/* Adds the facts that are known. */
static int add_args(struct trace_events *events, const struct llmobs_row *row)
{
    const struct llmobs_fields *args = &events->args;
    struct llmobs_cell cells[LLMOBS_FIELDS_MAX];
    const char *before = ",\"args\":{\"";
    struct llmobs_buf *out = &events->line;
    int rc = 0;

    llmobs_fields_cells(args, row, NULL, NULL, cells);
    for (size_t i = 0; rc == 0 && i < args->count; i++) {
        if (cells[i].kind == LLMOBS_CELL_UNKNOWN)
            continue;
        rc = llmobs_buf_adds(out, before);
        rc |= llmobs_buf_adds(out, args->columns[i].name);
        rc |= llmobs_buf_adds(out, "\":");
        rc |= llmobs_cell_add_json(out, cells[i]);
        before = ",\"";
    }
    return rc | llmobs_buf_adds(out, "}}");
}

/* A span of unknown length is an instant: its end is not known. */
static int show_chrome_print_span(struct trace_events *events,
                                  const struct llmobs_row *row, size_t number)
{
    struct llmobs_buf *out = &events->line;
    int rc;

    llmobs_buf_cut(out, 0);
    rc = llmobs_buf_addf(out, "{\"ph\":\"%s\",\"pid\":%zu,\"tid\":%u",
                         row->duration_ns < 0 ? "i\",\"s\":\"t" : "X",
                         number + FIRST,
                         (unsigned)events->lanes.seats[row->mark].lane + FIRST);
    if (rc == 0)
        rc = add_us(out, ",\"ts\":", row->start_ns);
    if (rc == 0 && row->duration_ns >= 0)
        rc = add_us(out, ",\"dur\":", row->duration_ns);
    if (rc == 0)
        rc = show_chrome_add_text(out, ",\"name\":", row->name);
    if (rc == 0)
        rc = show_chrome_add_text(out, ",\"cat\":", row->kind);
    if (rc == 0 && row->failed)
        rc = llmobs_buf_adds(out, ",\"cname\":\"terrible\"");
    if (rc == 0)
        rc = add_args(events, row);
    return rc == 0 ? show_chrome_print_line(events) : rc;
}

/* Names the trace, which a viewer shows as a process. */
static int print_name(struct trace_events *events,
                      const struct llmobs_row *root, size_t number)
{
    struct llmobs_buf name;
    int rc;

    llmobs_buf_init(&name, SIZE_MAX / 2);
    llmobs_buf_cut(&events->line, 0);
    rc = llmobs_buf_addf(&name, "%s, trace %s", root->name, root->trace_id);
    rc |= llmobs_buf_addf(&events->line,
                          "{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":"
                          "%zu,\"args\":{",
                          number + FIRST);
    if (rc == 0)
        rc = show_chrome_add_text(&events->line, "\"name\":", name.data);
    rc |= llmobs_buf_adds(&events->line, "}}");
    llmobs_buf_fini(&name);
    return rc == 0 ? show_chrome_print_line(events) : rc;
}

static int show_chrome_print_trace(struct trace_events *events,
                                   const struct llmobs_forest_trace *trace,
                                   size_t number)
{
    int rc = print_name(events, trace->root, number);

    llmobs_lanes_set(&events->lanes, trace);
    for (size_t i = 0; rc == 0 && i < events->lanes.count; i++) {
        if (events->lanes.rows[i]->start_ns > 0)
            rc = show_chrome_print_span(events, events->lanes.rows[i], number);
        else
            events->left_out++;
    }
    return rc;
}

static int print_all(struct trace_events *events,
                     const struct llmobs_forest *forest)
{
    int rc = llmobs_lanes_init(&events->lanes, forest);

    fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[", stdout);
    for (size_t i = 0; rc == 0 && i < forest->trace_count; i++)
        rc = show_chrome_print_trace(events, &forest->traces[i], i);
    fputs("\n]}\n", stdout);
    llmobs_lanes_fini(&events->lanes);
    if (events->left_out > 0)
        llmobs_tell("llmobs view: %zu span%s without a start left out\n",
                    events->left_out, events->left_out == 1 ? "" : "s");
    return rc != 0 ? rc : ferror(stdout) ? -EPIPE : 0;
}

int llmobs_view_chrome(struct llmobs_view *view)
{
    static const char args[] =
        "span_id,parent_id,model,provider,status,error_type,"
        "error_message,first_token_s,input_tokens,output_tokens,"
        "cache_read_tokens,cache_write_tokens,reasoning_tokens,cost_usd,"
        "ml_app,service,env,session";
    struct trace_events events = {.written = 0};
    struct llmobs_load *load = &view->load;
    int rc = llmobs_fields_choose(&events.args, args);

    llmobs_buf_init(&events.line, SIZE_MAX / 2);
    llmobs_view_prices(view);
    load->parts = LLMOBS_ROW_FACTS;
    load->tree = true;
    load->bare = true;
    load->newest = view->newest;
    if (rc == 0)
        rc = llmobs_load_rows(load, view->reader);
    if (rc == 0)
        rc = print_all(&events, &load->forest);
    if (rc == 0)
        llmobs_view_tell_prices(view);
    llmobs_buf_fini(&events.line);
    return rc;
}
