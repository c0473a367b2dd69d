/* Runs `llmobs view`: reads its options into one question. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/log/waiting.h"
#include "cli/query/roots.h"
#include "cli/query/tools.h"
#include "cli/query/values.h"
#include "cli/query/when.h"
#include "cli/shared/cli.h"
#include "cli/shared/destinations.h"
#include "cli/shared/escape.h"
#include "cli/shared/new_file.h"
#include "cli/shared/options.h"
#include "cli/shared/suggest.h"
#include "cli/shared/tell.h"
#include "cli/show/forms.h"
#include "core/config/state_dir.h"
#include "lib/base/file.h"

/* The number of values that the tool names where a filter selects nothing. */
#define VALUES_SHOWN 8

#define STEP_LEAST 1000000 /* nanoseconds */

/* The user's wishes, as the command line has them. */
struct asked {
    struct llmobs_view view;
    const char *store;  /* NULL: the configured store */
    const char *output; /* NULL: stdout */
    bool quiet;         /* prints nothing */
};

/* -- arguments ------------------------------------------------------------- */

static int set_tag(const struct llmobs_cli_option *option, const char *tag)
{
    int rc = llmobs_filter_add_tag(option->to, tag);

    if (rc == -EINVAL)
        return llmobs_cli_refuse("tag", tag,
                                 "not of the form KEY:VALUE or KEY=VALUE");
    return rc == 0 ? 0 : llmobs_cli_refuse("tag", tag, "too many tags");
}

/* Reads a duration of at least STEP_LEAST. */
static int set_step(const struct llmobs_cli_option *option, const char *text)
{
    int64_t *out = option->to;

    if (llmobs_when_duration(text, out) == 0 && *out >= STEP_LEAST)
        return 0;
    return llmobs_cli_refuse(option->name, text,
                             "no duration such as 1s, 5m, 1h");
}

static int set_grep(const struct llmobs_cli_option *option, const char *pattern)
{
    const char *why;

    if (llmobs_filter_set_grep(option->to, pattern, &why) == 0)
        return 0;
    return llmobs_cli_refuse(option->name, pattern, why);
}

static int set_by(const struct llmobs_cli_option *option, const char *words)
{
    char room[LLMOBS_ESCAPE_NAME];
    const char *near;
    int rc = llmobs_by_read(option->to, words, &near);

    if (rc == -EEXIST)
        return llmobs_cli_refuse(option->name, words, "the same key twice");
    if (rc == 0)
        return 0;
    llmobs_tell("llmobs view: --by %s: no such way to group",
                llmobs_escape_name(words, room));
    if (near) {
        llmobs_suggest_end(near, "");
        return -EINVAL;
    }
    llmobs_tell("; one or two of ");
    for (int i = 0; i < LLMOBS_KEY_TAG; i++)
        if (llmobs_key_words((enum llmobs_key)i)->uses & LLMOBS_KEY_GROUP)
            llmobs_tell("%s, ", llmobs_key_words((enum llmobs_key)i)->word);
    llmobs_tell("tag:NAME\n");
    return -EINVAL;
}

static int set_sort(const struct llmobs_cli_option *option, const char *word)
{
    struct llmobs_metrics *sort = option->to;

    if (llmobs_metrics_read(sort, word, false) == 0 && sort->count == 1 &&
        sort->list[0] < LLMOBS_METRIC_COUNT &&
        sort->list[0] != LLMOBS_METRIC_TRACES)
        return 0;
    return llmobs_cli_refuse(option->name, word,
                             "no metric of --summary, such as cost");
}

/* The options of set_form have these as their value. */
enum form { LIST, SUMMARY, BREAKS, OTLP, SERVE };

static int set_form(const struct llmobs_cli_option *option, const char *value)
{
    static int (*const forms[])(struct llmobs_view *) = {
        [LIST] = llmobs_view_list,     [SUMMARY] = llmobs_view_summary,
        [BREAKS] = llmobs_view_breaks, [OTLP] = llmobs_view_otlp,
        [SERVE] = llmobs_view_serve,
    };
    struct llmobs_view *view = option->to;

    (void)value;
    view->form = forms[option->value];
    return 0;
}

static int set_html(const struct llmobs_cli_option *option, const char *value)
{
    struct llmobs_view *view = option->to;

    if (view->form != llmobs_view_serve)
        view->form = llmobs_view_html;
    if (value)
        view->html = value;
    else
        view->open = true;
    return 0;
}

static int set_sqlite(const struct llmobs_cli_option *option, const char *path)
{
    struct llmobs_view *view = option->to;

    view->form = llmobs_view_sqlite;
    view->sqlite = path;
    return 0;
}

/* The value may be an argument of its own. */
static int set_series(const struct llmobs_cli_option *option, const char *words)
{
    struct llmobs_view *view = option->to;
    const char *behind = llmobs_cli_next();

    view->form = llmobs_view_series;
    if (!words && behind &&
        llmobs_metrics_read(&view->metrics, behind, false) == 0) {
        optind++;
        return 0;
    }
    return llmobs_metrics_read(&view->metrics,
                               words ? words : LLMOBS_METRICS_USUAL, true);
}

static int set_newest(const struct llmobs_cli_option *option, const char *text)
{
    struct llmobs_view *view = option->to;
    char *end;

    view->newest = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || *text == '-')
        return llmobs_cli_refuse(option->name, text, "not a number");
    view->counted = true;
    return 0;
}

static int set_colour(const struct llmobs_cli_option *option, const char *when)
{
    static const char *const words[] = {
        [LLMOBS_SCREEN_AUTO] = "auto",
        [LLMOBS_SCREEN_ALWAYS] = "always",
        [LLMOBS_SCREEN_NEVER] = "never",
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strcmp(when, words[i]) == 0) {
            *(enum llmobs_screen_when *)option->to = (enum llmobs_screen_when)i;
            return 0;
        }
    return llmobs_cli_refuse(option->name, when, "none of auto, always, never");
}

/* If several traces begin with the id, the newest trace is shown. */
static int set_word(const struct llmobs_cli_option *option, const char *id)
{
    struct llmobs_view *view = option->to;
    char room[LLMOBS_ESCAPE_NAME];

    if (strchr(id, ':') && llmobs_filter_add_bound(&view->filter, id) == 0)
        return llmobs_buf_addf(&view->asked, "%s%s",
                               view->asked.len > 0 ? " " : "", id);
    if (strchr(id, ':')) {
        llmobs_tell("llmobs view: %s: no comparison such as cost:>0.01, "
                    "tokens:<=1000 or duration:>=500ms, or too many\n",
                    llmobs_escape_name(id, room));
        return -EINVAL;
    }
    if (view->whole) {
        llmobs_tell("llmobs view: one ID at most: %s\n",
                    llmobs_escape_name(id, room));
        return -EINVAL;
    }
    if (strcmp(id, "last") == 0) {
        id = NULL;
    } else if (*id == '\0' ||
               id[strspn(id, "0123456789abcdefABCDEF-")] != '\0') {
        llmobs_tell("llmobs view: %s: no id of a trace or a span, nor `last`\n",
                    llmobs_escape_name(id, room));
        return -EINVAL;
    }
    view->must_find |= id != NULL;
    view->filter.id = id;
    if (!view->counted)
        view->newest = 1;
    view->whole = true;
    return 0;
}

static struct asked typed = {
    .view = {.form = llmobs_view_tree, .load = {.filter = &typed.view.filter}}};

#define VIEW typed.view
#define FILTER VIEW.filter
#define NO_OPTION(...)

/* Rows of options that select spans; the HTML page lists those in use. */
#define SELECT(name, set, to, letter)            \
    {                                            \
        name, set, to, letter, 1, 0, &VIEW.asked \
    }
#define SELECT_KEY(id, word, name, ...) \
    SELECT(name, llmobs_filter_option, &FILTER.keys[LLMOBS_KEY_##id], 0),

static const struct llmobs_cli_option options[] = {
    LLMOBS_CLI_VALUE("store", llmobs_cli_text, &typed.store),
    LLMOBS_KEYS(NO_OPTION, SELECT_KEY) SELECT("tag", set_tag, &FILTER, 0),
    SELECT("trace", llmobs_cli_text, &FILTER.trace, 't'),
    SELECT("since", llmobs_when_set, &FILTER.since_ns, 's'),
    SELECT("until", llmobs_when_set, &FILTER.until_ns, 0),
    SELECT("grep", set_grep, &FILTER, 0),
    {"errors", llmobs_cli_flag, &FILTER.errors, 'e', 0, true, &VIEW.asked},
    {"spans", set_form, &VIEW, 0, 0, LIST, NULL},
    {"json", llmobs_cli_pick, &VIEW.format, 'j', 0, LLMOBS_SHEET_JSON, NULL},
    LLMOBS_CLI_PICK("csv", &VIEW.format, LLMOBS_SHEET_CSV),
    LLMOBS_CLI_VALUE("fields", llmobs_view_set_fields, &VIEW.fields),
    {"summary", set_form, &VIEW, 0, 0, SUMMARY, NULL},
    {"why-cache", set_form, &VIEW, 0, 0, BREAKS, NULL},
    {"timeseries", set_series, &VIEW, 0, optional_argument, 0, NULL},
    LLMOBS_CLI_VALUE("step", set_step, &VIEW.step_ns),
    LLMOBS_CLI_VALUE("by", set_by, &VIEW.by),
    LLMOBS_CLI_VALUE("sort", set_sort, &VIEW.sort),
    {"otlp", set_form, &VIEW, 0, 0, OTLP, NULL},
    {"messages", llmobs_cli_flag, &VIEW.messages, 'm', 0, true, NULL},
    LLMOBS_CLI_VALUE("html", set_html, &VIEW),
    {"open", set_html, &VIEW, 0, 0, 0, NULL},
    LLMOBS_CLI_VALUE("sqlite", set_sqlite, &VIEW),
    {"serve", set_form, &VIEW, 0, 0, SERVE, NULL},
    LLMOBS_CLI_VALUE("port", llmobs_cli_port, &VIEW.port),
    {"newest", set_newest, &VIEW, 'n', 1, 0, NULL},
    LLMOBS_CLI_FLAG("reverse", &VIEW.reverse),
    {"output", llmobs_cli_text, &typed.output, 'o', 1, 0, NULL},
    LLMOBS_CLI_FLAG("wide", &VIEW.wide),
    LLMOBS_CLI_VALUE("color", set_colour, &VIEW.colour),
    LLMOBS_CLI_FLAG("ascii", &VIEW.ascii),
    LLMOBS_CLI_FLAG("no-pager", &VIEW.no_pager),
    LLMOBS_CLI_FLAG("full", &VIEW.full),
    {"follow", llmobs_cli_flag, &VIEW.follow, 'f', 0, true, NULL},
    LLMOBS_CLI_FLAG("exit-status", &VIEW.must_find),
    {"quiet", llmobs_cli_flag, &typed.quiet, 'q', 0, true, NULL},
    LLMOBS_CLI_WORDS(set_word, &VIEW)};

/* Chooses the form by all options together; refuses options that do not go with
 * it. */
static int choose_form(struct asked *asked)
{
    struct llmobs_view *view = &asked->view;
    bool spans =
        view->form == llmobs_view_tree || view->form == llmobs_view_list;
    bool chosen = view->fields.count > 0, series;
    bool to_stdout = view->html && strcmp(view->html, "-") == 0;
    const char *why = NULL;

    if (spans && view->format == LLMOBS_SHEET_JSON && !chosen)
        view->form = llmobs_view_json;
    else if (spans && view->format != LLMOBS_SHEET_WORDS)
        view->form = llmobs_view_fields;
    series = view->form == llmobs_view_series;
    if (chosen && view->form != llmobs_view_fields)
        why = "--fields is for --csv and --json of spans";
    else if (view->by.count > 0 && !series && view->form != llmobs_view_summary)
        why = "--by is for --summary and --timeseries";
    else if (view->sort.count > 0 &&
             (view->form != llmobs_view_summary || view->by.count == 0))
        why = "--sort is for --summary --by";
    else if (view->step_ns > 0 && !series)
        why = "--step is for --timeseries";
    else if (view->form == llmobs_view_serve && (view->html || view->whole))
        why = "--serve is a page of the store: no --html, no ID";
    else if (view->port > 0 && view->form != llmobs_view_serve)
        why = "--port is for --serve";
    else if (asked->output && view->form == llmobs_view_html && !to_stdout)
        why = "the page has a file of its own: no -o";
    else if (view->sqlite && (asked->output || view->html || view->open))
        why = "--sqlite has a file of its own: no -o, no page";
    else if (view->open && to_stdout)
        why = "--open needs a file";
    else if (view->follow && (asked->quiet || !llmobs_view_follows(view)))
        why = "--follow goes with traces, --spans, --json and --otlp: any "
              "other form needs all spans at once";
    if (!why)
        return 0;
    llmobs_tell("llmobs view: %s\n", why);
    return -EINVAL;
}

/* -- the answer ------------------------------------------------------------ */

/* Prints "; services: support-bot, nightly": the user may mean one of these. */
static void report_values(const struct llmobs_values *values)
{
    llmobs_tell("; %ss: ", values->name);
    for (size_t i = 0; i < values->count && i < VALUES_SHOWN; i++)
        llmobs_tell("%s%s", i > 0 ? ", " : "", values->list[i]);
    if (values->count > VALUES_SHOWN)
        fputs(", ...", stderr);
}

static void report_bad(size_t bad)
{
    if (bad > 0)
        llmobs_tell("llmobs view: %zu line%s could not be read as a span\n",
                    bad, bad == 1 ? "" : "s");
}

static void report_rest(const struct llmobs_view *view)
{
    static const char form[] = "%Y-%m-%d %H:%M:%S";
    const struct llmobs_load *load = &view->load;
    const struct llmobs_reader_report *report =
        llmobs_reader_report(view->reader);
    bool all = report->old == 0;
    bool empty = load->events + report->old + report->passed == 0;
    size_t bad;
    int64_t trimmed_ns = llmobs_reader_trimmed(view->reader), newest_ns;
    char room[LLMOBS_CELL_CLOCK];

    fflush(stdout);
    if (load->shown == 0) {
        newest_ns = llmobs_values_newest(view->reader);
        llmobs_tell("llmobs view: no %sspans in %s", empty ? "" : "such ",
                    view->store);
        if (!empty)
            (void)llmobs_values_missed(&view->filter, view->reader,
                                       report_values);
        if (newest_ns < view->filter.since_ns &&
            llmobs_cell_clock(newest_ns, form, room))
            llmobs_tell("; the newest began at %s", room);
        fputc('\n', stderr);
    }
    if (load->more && view->filter.id && !view->screen.terminal)
        llmobs_tell("llmobs view: older traces have such an id, too; -n 0 "
                    "shows all\n");
    empty = empty && load->shown == 0;
    if (view->waiting > 0 || empty)
        llmobs_destinations_tell("llmobs view", view->config, empty);
    /* The newest N need nothing that went. */
    if (trimmed_ns > view->filter.since_ns && !view->load.more)
        llmobs_tell("llmobs view: spans before %s are gone: the store was full "
                    "(LLMOBS_STORE_MAX)\n",
                    llmobs_cell_clock(trimmed_ns, form, room));
    report_bad(load->bad + report->oversized);
    bad = llmobs_evaluations_unjoined(&load->evaluations);
    if (bad > 0 && all && load->newest == 0 && !load->bare)
        llmobs_tell(
            "llmobs view: %zu evaluation%s of spans that are not here\n", bad,
            bad == 1 ? "" : "s");
    if (load->forest.repeated > 0)
        llmobs_tell("llmobs view: %zu repeated span%s shown once\n",
                    load->forest.repeated,
                    load->forest.repeated == 1 ? "" : "s");
}

static int show_store(const struct asked *asked, struct llmobs_view *view)
{
    char *trace = NULL;
    int rc;

    llmobs_tools_of(view->store);
    llmobs_roots_of(view->store);
    if (view->form == llmobs_view_serve)
        return llmobs_view_serve(view);
    if (view->follow) {
        rc = llmobs_view_follow(view);
        report_bad(view->load.bad);
        return rc;
    }
    rc = llmobs_reader_open(view->store, &view->reader);
    if ((rc == 0 || rc == -ENOENT) && !asked->store) {
        view->waiting = llmobs_waiting_join(view->config, &view->reader);
        rc = view->waiting < 0 ? view->waiting : view->reader ? 0 : rc;
    }
    /* Trees know traces; other forms read spans. So if the user asks for one
     * trace, the filter gets its id. */
    if (rc == 0 && !asked->quiet && view->whole && !view->counted &&
        view->form != llmobs_view_tree && view->form != llmobs_view_breaks) {
        view->newest = 0;
        rc = llmobs_load_newest_trace(&view->filter, view->reader, &trace);
    }
    if (trace) {
        view->filter.trace = trace;
        view->filter.trace_whole = true;
    }
    if (rc == 0)
        rc = asked->quiet ? llmobs_view_quiet(view) : view->form(view);
    if (rc == 0 && !asked->quiet)
        report_rest(view);
    llmobs_reader_close(view->reader);
    view->filter.trace = trace ? NULL : view->filter.trace;
    free(trace);
    return rc;
}

static void report_error(const char *store, int rc)
{
    if (rc == -ENOENT)
        llmobs_cli_no_store("llmobs view", store);
    else if (rc != 0 && rc != -EPIPE && rc != -ECANCELED)
        llmobs_tell("llmobs view: %s: %s\n", store, strerror(-rc));
}

/* A configured store that does not exist is just empty, since no call may have
 * been made yet. */
static int answer(void *ctx)
{
    struct asked *asked = ctx;
    struct llmobs_view *view = &asked->view;
    int rc;

    llmobs_view_look_at_screen(view);
    rc = show_store(asked, view);
    if (!asked->quiet || rc != -ENOENT)
        report_error(view->store, rc);
    if (rc == -ENOENT && !asked->store) {
        if (!asked->quiet)
            llmobs_destinations_tell("llmobs view", view->config, true);
        /* A page that was asked for is not there. */
        rc = view->html ? -ECANCELED : 0;
    }
    if (rc == 0 && view->must_find && view->load.shown == 0)
        rc = -ECANCELED;
    return rc == 0 ? 0 : -ECANCELED;
}

/* Writes the answer to the file --output. If the command fails, an existing
 * file stays as it was. A link that another user made is not followed. */
static int answer_into(struct asked *asked)
{
    bool lives = asked->view.follow || asked->view.form == llmobs_view_serve;
    const char *path = asked->output;
    char target[PATH_MAX];
    struct stat st;
    int rc, fd;

    if (!path || strcmp(path, "-") == 0 || asked->quiet)
        return answer(asked);
    rc = llmobs_file_reach(path, true);
    if (rc == 0 && (lives || (stat(path, &st) == 0 && !S_ISREG(st.st_mode)))) {
        /* Connects stdout to what is no regular file, or to the file of a form
         * that goes on. Only the owner may read a file, even if it was there
         * before. If stdout was closed, open may give its number, and then that
         * stays open. */
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0 || fstat(fd, &st) != 0 ||
            (S_ISREG(st.st_mode) && fchmod(fd, 0600) != 0) ||
            dup2(fd, STDOUT_FILENO) < 0)
            rc = -errno;
        if (fd >= 0 && fd != STDOUT_FILENO)
            close(fd);
        asked->view.into_file = lives;
        if (rc == 0)
            rc = answer(asked);
    } else if (rc == 0) {
        rc = llmobs_new_file_of_stdout(realpath(path, target) ? target : path,
                                       0600, answer, asked);
    }
    return llmobs_new_file_tell("llmobs view", path, rc);
}

/* Gives the exit status. */
static int run_view(struct asked *asked)
{
    struct llmobs_view *view = &asked->view;
    char store[PATH_MAX] = "";
    int rc = -ENOMEM;

    view->config = llmobs_cli_config(asked->store);
    if (view->config)
        rc = llmobs_config_store_dir(view->config, store, sizeof(store));
    view->store = store;
    if (view->filter.bound_count > 0)
        llmobs_view_prices(view);
    view->filter.prices = view->prices;
    if (rc != 0)
        report_error(store, rc);
    else if (!llmobs_cli_spares_store("llmobs view", asked->output, store) ||
             !llmobs_cli_spares_store("llmobs view", view->html, store) ||
             !llmobs_cli_spares_store("llmobs view", view->sqlite, store))
        rc = -ECANCELED;
    else
        rc = answer_into(asked);
    llmobs_config_free(view->config);
    return rc == 0 ? LLMOBS_CLI_OK : LLMOBS_CLI_FAILED;
}

#pragma weak mallopt

int llmobs_cmd_view(int argc, char **argv)
{
    int status;

#ifdef M_MMAP_THRESHOLD
    /* The lists of a large store are moved as they grow, and leave no holes,
     * whatever was freed before; musl does so always. */
    if (mallopt)
        (void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
    llmobs_buf_init(&VIEW.asked, SIZE_MAX / 2);
    status = llmobs_cli_parse(argc, argv, options);
    VIEW.must_find |= typed.quiet;
    if (status < 0)
        status = choose_form(&typed) != 0 ? LLMOBS_CLI_USAGE : run_view(&typed);
    llmobs_prices_free(VIEW.prices);
    llmobs_buf_fini(&VIEW.asked);
    llmobs_load_fini(&VIEW.load);
    llmobs_filter_fini(&FILTER);
    return status;
}
