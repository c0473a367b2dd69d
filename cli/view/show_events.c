#include <errno.h>
#include <stdio.h>

#include "cli/view/otlp_lines.h"
#include "cli/view/view.h"

struct events {
    struct llmobs_view *view;
    struct llmobs_otlp_lines *otlp; /* NULL: the events as stored */
};

static int print_event(struct llmobs_text text)
{
    fwrite(text.data, 1, text.len, stdout);
    putchar('\n');
    return ferror(stdout) ? -EPIPE : 0;
}

/* True where the event is to be given; counts it. */
static bool wants(const struct events *events, const struct llmobs_json *event)
{
    struct llmobs_filter *filter = &events->view->filter;
    struct llmobs_load *load = &events->view->load;

    if (llmobs_load_is_span(event)) {
        load->events++;
        return llmobs_filter_match(filter, event);
    }
    if (llmobs_evaluations_is_one(event))
        return events->otlp == NULL &&
               llmobs_filter_match_evaluation(filter, event);
    load->bad++;
    return false;
}

static int give_event(const struct events *events,
                      const struct llmobs_json *event, struct llmobs_text text)
{
    if (!wants(events, event))
        return 0;
    events->view->load.shown++;
    return events->otlp != NULL ? llmobs_otlp_lines_add(events->otlp, text)
                                : print_event(text);
}

static int take_line(void *ctx, struct llmobs_text text,
                     struct llmobs_place place)
{
    const struct events *events = ctx;
    struct llmobs_load *load = &events->view->load;
    struct llmobs_json *event = NULL;
    int rc;

    (void)place;
    if (!llmobs_filter_may_match(&events->view->filter, text, false)) {
        load->events++;
        return 0;
    }
    rc = llmobs_json_parse(text, &event);
    if (rc == -EINVAL || rc == -E2BIG) {
        load->bad++;
        return 0;
    }
    if (rc == 0)
        rc = give_event(events, event, text);
    llmobs_json_free(event);
    return rc;
}

static int give_all(struct events *events)
{
    return llmobs_reader_walk(events->view->reader,
                              events->view->filter.since_ns, take_line, events);
}

int llmobs_view_json(struct llmobs_view *view)
{
    struct events events = {view, NULL};

    return give_all(&events);
}

int llmobs_view_otlp(struct llmobs_view *view)
{
    struct llmobs_otlp_lines lines;
    struct events events = {view, &lines};
    int rc;

    llmobs_otlp_lines_init(&lines, view->config);
    rc = give_all(&events);
    if (rc == 0)
        rc = llmobs_otlp_lines_flush(&lines);
    view->load.bad += lines.bad;
    llmobs_otlp_lines_fini(&lines);
    return rc;
}
