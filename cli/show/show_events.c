#include <errno.h>

#include "cli/shared/json_out.h"
#include "cli/show/otlp_lines.h"
#include "cli/show/forms.h"

struct events {
    struct llmobs_view *view;
    struct llmobs_otlp_lines *otlp; /* NULL: the events as stored */
    bool quiet;                     /* one span is enough, and not printed */
    bool notes; /* a walk from the end, which notes the newest events */
    struct llmobs_places places;
    size_t spans;
};

/* True where the event is to be printed; counts it. */
static bool show_events_wants(const struct events *events,
                              const struct llmobs_json *event)
{
    struct llmobs_filter *filter = &events->view->filter;
    struct llmobs_load *load = &events->view->load;

    if (llmobs_load_is_span(event)) {
        load->events++;
        return llmobs_filter_match(filter, event);
    }
    if (llmobs_evaluations_is_one(event))
        return !events->otlp && !events->quiet &&
               llmobs_filter_match_evaluation(filter, event);
    load->bad++;
    return false;
}

static int show_events_give(struct events *events, struct llmobs_text text)
{
    events->view->load.shown++;
    if (events->quiet)
        return 1;
    return events->otlp ? llmobs_otlp_lines_add(events->otlp, text)
                        : llmobs_json_out_print(text);
}

/* Prints the event of a line, or notes its place, where it is wanted.
 * Evaluations do not count as spans: they come with the spans. */
static int show_events_take_line(void *ctx, struct llmobs_text text,
                                 struct llmobs_place place)
{
    struct events *events = ctx;
    struct llmobs_json *event;
    int rc = llmobs_load_parse(&events->view->load, text, &event);

    if (event && show_events_wants(events, event)) {
        rc = events->notes ? llmobs_places_add(&events->places, place)
                           : show_events_give(events, text);
        events->spans += llmobs_load_is_span(event) ? 1 : 0;
    }
    llmobs_json_free(event);
    if (rc == 0 && events->notes && events->spans == events->view->newest)
        rc = 1;
    return rc;
}

/* -- the newest ----------------------------------------------------------- */

/* Reads the noted lines again, the oldest first. */
static int give_noted(struct events *events)
{
    struct llmobs_buf line;
    int rc = 0;

    llmobs_buf_init(&line, LLMOBS_READER_LINE_MAX);
    for (size_t i = events->places.count; rc == 0 && i > 0; i--) {
        rc = llmobs_reader_again(events->view->reader,
                                 events->places.list[i - 1], &line);
        if (rc == 0)
            rc = show_events_give(events,
                                  (struct llmobs_text){line.data, line.len});
        else if (rc == -ESTALE) /* the exporter has removed the file */
            rc = 0;
    }
    llmobs_buf_fini(&line);
    return rc;
}

static int give_newest(struct events *events)
{
    int rc;

    events->notes = true;
    rc = llmobs_reader_walk_back(events->view->reader,
                                 events->view->filter.since_ns,
                                 show_events_take_line, events);
    if (rc >= 0)
        rc = give_noted(events);
    llmobs_places_fini(&events->places);
    return rc;
}

/* -- forms ---------------------------------------------------------------- */

static int give_all(struct events *events)
{
    struct llmobs_view *view = events->view;

    if (view->more)
        return llmobs_reader_more(view->reader, show_events_take_line, events);
    if (view->newest > 0)
        return give_newest(events);
    return llmobs_reader_walk(view->reader, view->filter.since_ns,
                              show_events_take_line, events);
}

int llmobs_view_json(struct llmobs_view *view)
{
    struct events events = {.view = view};

    return give_all(&events);
}

int llmobs_view_otlp(struct llmobs_view *view)
{
    struct llmobs_otlp_lines lines;
    struct events events = {.view = view, .otlp = &lines};
    int rc;

    llmobs_otlp_lines_init(&lines, view->config);
    rc = give_all(&events);
    if (rc == 0)
        rc = llmobs_otlp_lines_flush(&lines);
    view->load.bad += lines.bad;
    llmobs_otlp_lines_fini(&lines);
    return rc;
}

int llmobs_view_quiet(struct llmobs_view *view)
{
    struct events events = {.view = view, .quiet = true};
    int rc = llmobs_reader_walk_back(view->reader, view->filter.since_ns,
                                     show_events_take_line, &events);

    return rc < 0 ? rc : 0;
}
