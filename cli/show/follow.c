/* Shows traces and spans as they come (`llmobs view --follow`). */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/query/tools.h"
#include "cli/shared/ending.h"
#include "cli/shared/tell.h"
#include "cli/show/table.h"
#include "cli/show/forms.h"
#include "lib/base/clock.h"

/* The number of traces, or spans, that are shown at the beginning. */
#define NEWEST 10
/* A trace without its root is shown once no span of it has come for SILENCE_MS,
 * or one has waited for PATIENCE_MS. */
#define SILENCE_MS 2000
#define PATIENCE_MS 10000
/* Spans come in groups: a look at the store waits for the rest of them. */
#define GATHER_MS 20
/* Not every file system reports writes: the time between two looks without a
 * report, and where the kernel reports nothing at all. */
#define LOOK_MS 1000
#define LOOK_BLIND_MS 100
/* Traces, and evaluations, that are kept for spans that come later. */
#define KEPT 256
#define EVALUATIONS_KEPT 1000
/* A trace with more rows is not kept: it may never end. */
#define ROWS_KEPT 5000

/* A trace. A list of spans has only one such trace, which holds all spans. */
struct trace {
    struct trace *next; /* an older one */
    struct llmobs_load load;
    struct llmobs_texts spans; /* the ids of the spans that came */
    int64_t first_ns, last_ns; /* when the first, the last unshown span came */
    bool waits;                /* some spans are not shown yet */
    bool ended;                /* its root has come */
    char id[];
};

struct follow {
    struct llmobs_view *view;
    bool rows; /* else the form prints events itself */
    bool tree;
    int signals;
    int watch; /* -1: the kernel reports nothing */
    dev_t dev; /* the directory */
    ino_t ino;
    struct trace *traces; /* the newest first */
    size_t count;
    struct llmobs_evaluations evaluations;
    bool evaluated; /* some evaluations are new */
    bool ending;
    struct llmobs_table_kept kept;
};

/* -- traces --------------------------------------------------------------- */

static void free_trace(struct trace *trace)
{
    llmobs_load_fini(&trace->load);
    llmobs_texts_fini(&trace->spans);
    free(trace);
}

/* Drops the spans of a list that were shown: it needs them no more. */
static void forget_shown(struct follow *follow)
{
    struct trace **at = &follow->traces, *trace;

    while ((trace = *at)) {
        if (trace->waits ||
            (follow->tree && trace->load.forest.count <= ROWS_KEPT)) {
            at = &trace->next;
            continue;
        }
        *at = trace->next;
        free_trace(trace);
        follow->count--;
    }
}

static int add_span_row(struct trace *trace, const struct llmobs_json *event,
                        struct llmobs_place place)
{
    const char *id = llmobs_json_gets(event, "span_id");

    if (!llmobs_texts_share(&trace->spans, id))
        return -ENOMEM;
    return llmobs_load_add(&trace->load, event, place);
}

static void mark_shown(struct trace *trace)
{
    for (size_t i = 0; i < trace->load.forest.count; i++) {
        trace->load.forest.rows[i]->wanted = false;
        trace->load.forest.rows[i]->path = false;
    }
    trace->waits = false;
}

/* Copies the spans of the trace that were shown at the beginning: later
 * spans may be their children. */
static int copy_shown(const struct follow *follow, struct trace *trace)
{
    const struct llmobs_forest *shown = &follow->view->load.forest;
    struct llmobs_buf line;
    int rc = 0;

    llmobs_buf_init(&line, LLMOBS_READER_LINE_MAX);
    for (size_t i = 0; rc == 0 && i < shown->count; i++) {
        const struct llmobs_row *row = shown->rows[i];
        struct llmobs_json *event;

        if (strcmp(row->trace_id, trace->id) != 0)
            continue;
        rc = llmobs_reader_event(follow->view->reader, row->place, &line,
                                 &event);
        if (event)
            rc = add_span_row(trace, event, row->place);
        llmobs_json_free(event);
    }
    llmobs_buf_fini(&line);
    mark_shown(trace);
    return rc;
}

/* Gives the trace of that id, as the newest. */
static int find_trace(struct follow *follow, const char *id, struct trace **out)
{
    struct trace **oldest = NULL, *trace;

    for (struct trace **at = &follow->traces; *at; at = &(*at)->next) {
        trace = *at;
        oldest = trace->waits ? oldest : at;
        if (strcmp(trace->id, id) != 0)
            continue;
        *at = trace->next;
        trace->next = follow->traces;
        follow->traces = trace;
        *out = trace;
        return 0;
    }
    trace = calloc(1, sizeof(*trace) + strlen(id) + 1);
    if (!trace)
        return -ENOMEM;
    strcpy(trace->id, id);
    trace->load.filter = &follow->view->filter;
    llmobs_show_prepare(follow->view, &trace->load, follow->tree);
    if (follow->count >= KEPT && oldest) { /* all its spans are shown */
        struct trace *old = *oldest;

        *oldest = old->next;
        free_trace(old);
        follow->count--;
    }
    trace->next = follow->traces;
    follow->traces = trace;
    follow->count++;
    *out = trace;
    return follow->tree ? copy_shown(follow, trace) : 0;
}

static void set_waiting(struct trace *trace)
{
    trace->last_ns = llmobs_clock_mono_ns();
    if (!trace->waits)
        trace->first_ns = trace->last_ns;
    trace->waits = true;
}

/* -- evaluations ---------------------------------------------------------- */

/* Shows a row with its evaluations if these have changed, even if the row was
 * shown before. */
static int join_row(struct follow *follow, struct trace *trace,
                    struct llmobs_row *row, const struct llmobs_json *event)
{
    struct llmobs_buf lines;
    const char *have = row->evaluations ? row->evaluations : "";
    int rc;

    llmobs_buf_init(&lines, SIZE_MAX / 2);
    rc = llmobs_evaluations_of(&follow->evaluations, event, &lines);
    if (rc == 0 && lines.len > 0 && strcmp(lines.data, have) != 0) {
        row->evaluations =
            llmobs_texts_copy(&trace->load.texts, lines.data, lines.len);
        rc = row->evaluations ? 0 : -ENOMEM;
        row->wanted = true;
        set_waiting(trace);
    }
    llmobs_buf_fini(&lines);
    return rc;
}

/* Reads again the rows of a trace that the filter has chosen. */
static int join_trace(struct follow *follow, struct trace *trace)
{
    struct llmobs_buf line;
    int rc = 0;

    llmobs_buf_init(&line, LLMOBS_READER_LINE_MAX);
    for (size_t i = 0; rc == 0 && i < trace->load.forest.count; i++) {
        struct llmobs_row *row = trace->load.forest.rows[i];
        struct llmobs_json *event;

        if (!row->filled)
            continue;
        rc = llmobs_reader_event(follow->view->reader, row->place, &line,
                                 &event);
        if (event)
            rc = join_row(follow, trace, row, event);
        llmobs_json_free(event);
    }
    llmobs_buf_fini(&line);
    return rc;
}

/* -- lines ---------------------------------------------------------------- */

static int add_span(struct follow *follow, const struct llmobs_json *event,
                    struct llmobs_place place)
{
    const char *id = llmobs_json_gets(event, "span_id");
    const struct llmobs_forest *forest;
    struct trace *trace = NULL;
    size_t shown;
    int rc = find_trace(follow,
                        follow->tree ? llmobs_json_gets(event, "trace_id") : "",
                        &trace);

    if (rc != 0 || llmobs_texts_has(&trace->spans, id, strlen(id)))
        return rc;
    forest = &trace->load.forest;
    shown = trace->load.shown;
    rc = add_span_row(trace, event, place);
    if (rc != 0 || forest->count == 0)
        return rc;
    trace->ended |= forest->rows[forest->count - 1]->parent_id == NULL;
    if (trace->waits)
        trace->last_ns = llmobs_clock_mono_ns();
    if (trace->load.shown == shown)
        return 0;
    set_waiting(trace);
    return join_row(follow, trace, forest->rows[forest->count - 1], event);
}

static int read_new_line(void *ctx, struct llmobs_text text,
                         struct llmobs_place place)
{
    struct follow *follow = ctx;
    struct llmobs_load *load = &follow->view->load;
    struct llmobs_json *event = NULL;
    int rc;

    llmobs_tools_add(text);
    if (!llmobs_filter_may_match(&follow->view->filter, text, true))
        return 0;
    rc = llmobs_json_parse(text, &event);
    if (rc == 0 && llmobs_load_is_span(event))
        rc = add_span(follow, event, place);
    else if (rc == 0 && llmobs_evaluations_is_one(event)) {
        if (follow->evaluations.count == EVALUATIONS_KEPT)
            llmobs_evaluations_fini(&follow->evaluations);
        rc = llmobs_evaluations_add(&follow->evaluations, event);
        follow->evaluated |= rc == 0;
        rc = rc == -EINVAL ? 0 : rc;
    } else if (rc != -ENOMEM) {
        load->bad++;
        rc = 0;
    }
    llmobs_json_free(event);
    return rc;
}

/* -- showing -------------------------------------------------------------- */

/* When the trace is to be shown. */
static int64_t due_ns(const struct follow *follow, const struct trace *trace)
{
    int64_t silence = trace->last_ns + SILENCE_MS * LLMOBS_NS_PER_MS;
    int64_t patience = trace->first_ns + PATIENCE_MS * LLMOBS_NS_PER_MS;

    if (!follow->tree || trace->ended || follow->ending)
        return 0;
    return silence < patience ? silence : patience;
}

/* The trace that is due first; NULL: none waits. */
static struct trace *first_due(const struct follow *follow)
{
    struct trace *first = NULL;

    for (struct trace *at = follow->traces; at; at = at->next)
        if (at->waits &&
            (!first || due_ns(follow, at) <= due_ns(follow, first)))
            first = at;
    return first;
}

static int show_due(struct follow *follow)
{
    struct trace *trace;
    int rc = 0;

    while (rc == 0 && (trace = first_due(follow)) &&
           due_ns(follow, trace) <= llmobs_clock_mono_ns()) {
        rc = llmobs_load_order(&trace->load, follow->view->reader);
        llmobs_view_look_at_screen(follow->view);
        if (rc == 0)
            rc = llmobs_show_print(follow->view, &trace->load, follow->tree);
        follow->view->load.shown++;
        mark_shown(trace);
    }
    if (fflush(stdout) != 0 && rc == 0)
        rc = -EPIPE;
    return rc;
}

/* -- the store ------------------------------------------------------------ */

/* The watch begins before the first look, so that it misses no write. */
static int open_store(struct follow *follow)
{
    struct llmobs_view *view = follow->view;
    struct stat st;

    if (follow->watch >= 0)
        close(follow->watch);
    follow->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (follow->watch >= 0 &&
        inotify_add_watch(follow->watch, view->store,
                          IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF |
                              IN_MOVE_SELF | IN_ONLYDIR) < 0) {
        close(follow->watch);
        follow->watch = -1;
    }
    if (stat(view->store, &st) != 0)
        return -errno;
    follow->dev = st.st_dev;
    follow->ino = st.st_ino;
    return llmobs_reader_open(view->store, &view->reader);
}

static void close_store(struct follow *follow)
{
    struct llmobs_view *view = follow->view;
    size_t bad = view->load.bad, shown = view->load.shown;

    if (view->reader)
        bad += llmobs_reader_report(view->reader)->oversized;
    llmobs_reader_close(view->reader);
    view->reader = NULL;
    while (follow->traces) {
        struct trace *trace = follow->traces;

        follow->traces = trace->next;
        free_trace(trace);
    }
    follow->count = 0;
    /* The rows that were shown have places in the files of that reader. */
    llmobs_load_fini(&view->load);
    view->load = (struct llmobs_load){
        .filter = &view->filter, .bad = bad, .shown = shown};
}

/* Reads the new lines, in the directory that has the store's name now. */
static int look_at_store(struct follow *follow)
{
    struct llmobs_view *view = follow->view;
    struct stat st;
    bool same = view->reader && stat(view->store, &st) == 0 &&
                st.st_dev == follow->dev && st.st_ino == follow->ino;
    int rc = 0;

    if (!same && view->reader) {
        follow->ending = true; /* of all that waits */
        rc = show_due(follow);
        follow->ending = false;
        close_store(follow);
    }
    if (rc == 0 && !same) {
        rc = open_store(follow);
        if (rc == -ENOENT)
            return 0;
        /* A store that was not there before: all its lines are new. */
        if (rc == 0 && follow->rows) {
            rc = llmobs_reader_walk(view->reader, 0, NULL, read_new_line,
                                    follow);
        } else if (rc == 0) {
            view->newest = 0;
            view->more = false;
            rc = view->form(view);
            view->more = true;
        }
    }
    if (rc == 0)
        rc = follow->rows
                 ? llmobs_reader_more(view->reader, read_new_line, follow)
                 : view->form(view);
    if (rc != 0 || !follow->evaluated)
        return rc;
    follow->evaluated = false;
    llmobs_evaluations_sort(&follow->evaluations);
    for (struct trace *at = follow->traces; rc == 0 && at; at = at->next)
        rc = join_trace(follow, at);
    return rc;
}

/* -- waiting -------------------------------------------------------------- */

/* Waits for new events, the next trace that is due, or the end: by a signal, or
 * where nobody reads stdout any more. */
static int wait_for_event(struct follow *follow)
{
    struct pollfd fds[] = {{follow->signals, POLLIN, 0},
                           {follow->watch, POLLIN, 0},
                           {STDOUT_FILENO, 0, 0}};
    const struct timespec rest = {0, GATHER_MS * LLMOBS_NS_PER_MS};
    const struct trace *trace = first_due(follow);
    bool blind = follow->watch < 0 || !follow->view->reader;
    int64_t ms = blind ? LOOK_BLIND_MS : LOOK_MS, left = ms;
    char events[4096];

    if (trace)
        left =
            (due_ns(follow, trace) - llmobs_clock_mono_ns()) / LLMOBS_NS_PER_MS;
    if (poll(fds, 3, (int)(left < 0 ? 0 : left < ms ? left + 1 : ms)) < 0)
        return errno == EINTR ? 0 : -errno;
    if (fds[2].revents & (POLLERR | POLLHUP))
        return -EPIPE;
    follow->ending = fds[0].revents != 0;
    if (fds[1].revents != 0) {
        /* A group of events comes together: it reads them all. */
        (void)nanosleep(&rest, NULL);
        while (read(follow->watch, events, sizeof(events)) > 0)
            ;
    }
    return 0;
}

/* -- the form ------------------------------------------------------------- */

static int begin_following(struct follow *follow)
{
    struct llmobs_view *view = follow->view;
    sigset_t signals;
    int emptied = 0, rc = open_store(follow);

    if (rc == 0 || rc == -ENOENT)
        emptied = llmobs_view_empty_file(follow->view);
    if (emptied != 0)
        return emptied;
    if (rc == 0) { /* shows what was there at the beginning */
        if (!view->counted && view->filter.since_ns == 0)
            view->newest = NEWEST;
        view->counted = true;
        rc = view->form(view);
        view->newest = 0;
        view->more = true;
    }
    if (rc == -ENOENT) {
        llmobs_tell("llmobs view: no such directory yet: %s; waiting for it\n",
                    follow->view->store);
        rc = 0;
    }
    if (fflush(stdout) != 0 && rc == 0)
        rc = -EPIPE;
    /* Until here a signal ends the process. */
    signals = llmobs_ending_block(false);
    follow->signals = signalfd(-1, &signals, SFD_CLOEXEC);
    return rc == 0 && follow->signals < 0 ? -errno : rc;
}

bool llmobs_view_follows(const struct llmobs_view *view)
{
    return view->form == llmobs_view_tree || view->form == llmobs_view_list ||
           view->form == llmobs_view_json || view->form == llmobs_view_otlp;
}

int llmobs_view_follow(struct llmobs_view *view)
{
    struct follow follow = {
        .view = view,
        .tree = view->form == llmobs_view_tree,
        .rows =
            view->form == llmobs_view_tree || view->form == llmobs_view_list,
        .signals = -1,
        .watch = -1,
    };
    int rc;

    view->kept = &follow.kept;
    rc = begin_following(&follow);
    while (rc == 0 && !follow.ending) {
        rc = wait_for_event(&follow);
        if (rc == 0)
            rc = look_at_store(&follow);
        if (rc == 0)
            rc = show_due(&follow);
        forget_shown(&follow);
    }
    close_store(&follow);
    llmobs_evaluations_fini(&follow.evaluations);
    if (follow.watch >= 0)
        close(follow.watch);
    if (follow.signals >= 0)
        close(follow.signals);
    view->kept = NULL;
    return rc == -EPIPE ? 0 : rc;
}
