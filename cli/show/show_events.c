/* Prints events as they are stored, or as lines of OTLP. */
#include <errno.h>

#include "cli/shared/json_out.h"
#include "cli/show/forms.h"
#include "core/export/otlp_traces.h"

/* A line of OTLP holds at most so many spans, of so many bytes in the store; a
 * larger span is alone in its line. A Collector's otlpjsonfile receiver cuts a
 * line after 1 MiB. */
#define OTLP_SPANS 64
#define OTLP_BYTES (256u * 1024)

/* The spans for the next line of OTLP's JSON. A line is one
 * ExportTraceServiceRequest, as a Collector's file exporter writes it. Such a
 * file has one kind of data (OpenTelemetry, protocol/file-exporter.md), so
 * evaluations are not written. */
struct otlp {
    const struct llmobs_config *config;
    bool content;
    struct llmobs_buf text; /* the events, one behind the other */
    size_t ends[OTLP_SPANS];
    size_t count;
};

struct events {
    struct llmobs_view *view;
    struct otlp *otlp; /* NULL: the events as stored */
    bool quiet;        /* one span is enough, and not printed */
    bool places_only;  /* a walk from the end, which only finds the newest */
    struct llmobs_places places;
    size_t spans;
};

/* -- lines of OTLP -------------------------------------------------------- */

static int print_otlp(struct events *events)
{
    struct otlp *otlp = events->otlp;
    struct llmobs_text texts[OTLP_SPANS];
    struct llmobs_buf line;
    size_t from = 0, left_out = 0;
    int rc;

    for (size_t i = 0; i < otlp->count; i++) {
        texts[i].data = otlp->text.data + from;
        texts[i].len = otlp->ends[i] - from;
        from = otlp->ends[i];
    }
    llmobs_buf_init(&line, SIZE_MAX / 2);
    rc = llmobs_otlp_traces(otlp->config, otlp->content, texts, otlp->count,
                            &line, &left_out);
    if (rc == 0)
        rc = llmobs_json_out_print(llmobs_buf_text(&line));
    else if (rc == -EINVAL) /* OTLP can hold none of the events */
        rc = 0;
    llmobs_buf_fini(&line);
    llmobs_buf_cut(&otlp->text, 0);
    otlp->count = 0;
    events->view->load.bad += left_out;
    return rc;
}

/* -- events --------------------------------------------------------------- */

static int print_event(struct events *events, struct llmobs_text text)
{
    struct otlp *otlp = events->otlp;
    int rc = 0;

    events->view->load.shown++;
    if (events->quiet)
        return 1;
    if (!otlp)
        return llmobs_json_out_print(text);
    if (otlp->count == OTLP_SPANS || otlp->text.len + text.len > OTLP_BYTES)
        rc = print_otlp(events);
    if (rc == 0)
        rc = llmobs_buf_add(&otlp->text, text.data, text.len);
    if (rc == 0)
        otlp->ends[otlp->count++] = otlp->text.len;
    return rc;
}

/* Prints the event of a line, or adds its place, where it is wanted.
 * Evaluations do not count as spans: they come with the spans. */
static int read_event_line(void *ctx, struct llmobs_text text,
                           struct llmobs_place place)
{
    struct events *events = ctx;
    struct llmobs_filter *filter = &events->view->filter;
    struct llmobs_load *load = &events->view->load;
    struct llmobs_json *event;
    bool wanted = false;
    int rc = llmobs_load_parse(load, text, &event);

    if (event && llmobs_load_is_span(event)) {
        load->events++;
        wanted = llmobs_filter_match(filter, event);
    } else if (event && llmobs_evaluations_is_one(event)) {
        wanted = !events->otlp && !events->quiet &&
                 llmobs_filter_match_evaluation(filter, event);
    } else if (event) {
        load->bad++;
    }
    if (wanted) {
        rc = events->places_only ? llmobs_places_add(&events->places, place)
                                 : print_event(events, text);
        events->spans += llmobs_load_is_span(event) ? 1 : 0;
    }
    if (rc == 0 && events->places_only && events->spans == events->view->newest)
        rc = 1;
    return rc;
}

/* -- forms ---------------------------------------------------------------- */

static int print_events(struct events *events)
{
    struct llmobs_view *view = events->view;
    struct llmobs_pick room, *pick = llmobs_filter_pick(&view->filter, &room);

    if (view->more)
        return llmobs_reader_more(view->reader, read_event_line, events);
    if (view->newest > 0) {
        /* Finds the newest events, reads their lines again, and prints the
         * oldest first. */
        struct llmobs_buf line;
        int rc;

        events->places_only = true;
        rc = llmobs_reader_walk_back(view->reader, view->filter.since_ns, pick,
                                     read_event_line, events);
        llmobs_buf_init(&line, LLMOBS_READER_LINE_MAX);
        for (size_t i = events->places.count; rc >= 0 && i > 0; i--) {
            rc = llmobs_reader_again(view->reader, events->places.list[i - 1],
                                     &line);
            if (rc == 0)
                rc = print_event(events, llmobs_buf_text(&line));
            else if (rc == -ESTALE) /* the exporter has removed the file */
                rc = 0;
        }
        llmobs_buf_fini(&line);
        llmobs_places_fini(&events->places);
        return rc > 0 ? 0 : rc;
    }
    return llmobs_reader_walk(view->reader, view->filter.since_ns, pick,
                              read_event_line, events);
}

int llmobs_view_json(struct llmobs_view *view)
{
    struct events events = {.view = view};

    return print_events(&events);
}

/* The texts of messages are written unless LLMOBS_CONTENT is off: the owner let
 * the library store them, and the same owner runs this command. */
int llmobs_view_otlp(struct llmobs_view *view)
{
    struct otlp otlp = {.config = view->config,
                        .content = view->config->privacy.content !=
                                   LLMOBS_CONTENT_OFF};
    struct events events = {.view = view, .otlp = &otlp};
    int rc;

    view->config->otlp.signals[LLMOBS_SIGNAL_TRACES].json = true;
    llmobs_buf_init(&otlp.text, SIZE_MAX / 2);
    rc = print_events(&events);
    if (rc == 0)
        rc = print_otlp(&events);
    llmobs_buf_fini(&otlp.text);
    return rc;
}

int llmobs_view_quiet(struct llmobs_view *view)
{
    struct events events = {.view = view, .quiet = true};
    struct llmobs_pick room, *pick = llmobs_filter_pick(&view->filter, &room);
    int rc = llmobs_reader_walk_back(view->reader, view->filter.since_ns, pick,
                                     read_event_line, &events);

    return rc < 0 ? rc : 0;
}
