#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/prices/price_files.h"
#include "cli/rows/cost.h"
#include "cli/rows/values.h"
#include "cli/rows/when.h"
#include "cli/shared/cli.h"
#include "cli/shared/escape.h"
#include "cli/shared/options.h"
#include "cli/shared/suggest.h"
#include "cli/view/view.h"
#include "core/base/clock.h"
#include "core/config/state_dir.h"

/* So many values are told where a filter selects nothing. */
#define VALUES_TOLD 8

#define STEP_LEAST 1000000 /* nanoseconds */

/* The user's wishes, as the command line has them. */
struct asked {
    struct llmobs_view view;
    const char *store;  /* NULL: by the environment */
    const char *output; /* NULL: stdout */
    bool exit_status;   /* nothing found is a failure */
    bool quiet;         /* the same, and nothing is printed */
    bool help;
    char **argv;
};

static const char help_text[] =
    "usage: llmobs view [OPTIONS] [ID | last]\n"
    "\n"
    "Shows the spans of the local store: each trace as a tree, oldest first,\n"
    "and the evaluations of each span below it. With the ID of a trace or a\n"
    "span, or its beginning, or with `last`: that one, and all that was said.\n"
    "\n"
    "  --store DIR      another directory than the environment names\n"
    "  --spans          one list of spans, oldest first\n"
    "  -j, --json       the events as stored, one a line\n"
    "  --csv            a line for each span, the newest first, with a "
    "header\n"
    "  --fields LIST    with --csv or --json: these facts of each span, such "
    "as\n"
    "                   start,model,input_tokens; docs/VIEW.md lists them\n"
    "  --summary        calls, errors, latency, first tokens, tokens and cost "
    "in one\n"
    "                   table, also with --json or --csv\n"
    "  --timeseries [METRIC,...]\n"
    "                   the same over time, as lines of bars, or as numbers "
    "with\n"
    "                   --json or --csv: calls, errors, error_rate, traces,\n"
    "                   tokens_in, tokens_out, cached, cost, latency_p50, "
    "_p95,\n"
    "                   _p99, ttft_p50, _p95, _p99\n"
    "  --step D         how long a step of it is, such as 5m\n"
    "  --sessions       a line for each session: traces, calls, tokens, cost, "
    "when;\n"
    "                   -n N: the newest N\n"
    "  --waste          equal requests asked again, retries, loops of tools, "
    "failed\n"
    "                   calls that were paid for; with their callers\n"
    "  --by KEY         with --summary and --timeseries: a line for each "
    "model,\n"
    "                   provider, ml_app, service, kind, session, day or "
    "error\n"
    "  --chrome-trace   the spans as trace events, for ui.perfetto.dev,\n"
    "                   chrome://tracing and speedscope\n"
    "  --otlp           the spans as lines of OTLP's JSON, texts included "
    "unless\n"
    "                   LLMOBS_CONTENT is off\n"
    "  -m, --messages   input and output below each span, shortened\n"
    "  --html FILE      one HTML file for a browser, '-': to stdout; of the\n"
    "                   newest 10000 spans, 64 KiB of each text\n"
    "  --open           the same, opened in a browser; where no FILE is named\n"
    "                   $XDG_RUNTIME_DIR/llmobs-view.html\n"
    "  --full           whole messages, also those that the call before had; "
    "with\n"
    "                   --html: no text is cut\n"
    "  -n, --newest N   the newest N traces; in a form other than trees and\n"
    "                   --chrome-trace so many spans; 0: all; 20 on a "
    "terminal\n"
    "  -f, --follow     the newest 10, or those since T, and then what comes: "
    "a\n"
    "                   trace when its root ends, or after 2 s without a "
    "further\n"
    "                   span; with --spans, --json and --otlp each span at "
    "once\n"
    "  --reverse        newest first\n"
    "  -o, --output FILE\n"
    "                   to FILE instead of stdout\n"
    "  --exit-status    exit with status 1 where no span is found\n"
    "  -q, --quiet      the same, and print nothing\n"
    "\n"
    "On a terminal rows are fitted to its width, and come in a pager:\n"
    "  --wide           all columns, however wide\n"
    "  --color WHEN     auto, always or never\n"
    "  --ascii          lines are drawn with ASCII alone, as where the locale "
    "is\n"
    "                   not of UTF-8\n"
    "  --no-pager       no pager: else $PAGER or less\n"
    "\n"
    "Only spans that pass all of these; a name is exact or a pattern such as\n"
    "'OpenAI.*', in either case of letters, and a ! before it turns it round:\n"
    "  --kind K         llm, embedding, workflow, agent, task, tool,\n"
    "                   retrieval\n"
    "  --name N         --model M        --provider P\n"
    "  --service S      --ml-app A       --session ID\n"
    "  --tag K:V        a tag; may be given more than once\n"
    "  -t, --trace ID   a trace id or its beginning\n"
    "  -s, --since T    started at T or later: 90s, 1h30m, \"1 hour ago\",\n"
    "                   today, yesterday, 13:00, 2026-11-21,\n"
    "                   \"2026-11-21 13:00\", 2026-11-21T13:00:00Z; files of\n"
    "                   the store that were last written a minute before that\n"
    "                   are not read\n"
    "  --until T        started before T\n"
    "  --min-duration D\n"
    "                   took as long: 250ms, 2s, 1m30s\n"
    "  -e, --errors     status error; a tree has the spans above them, too\n"
    "  --grep RE        the name, or a text of the input, the output or the\n"
    "                   error has a match of this pattern of `grep -E`; a\n"
    "                   pattern without capitals matches either case\n"
    "\n"
    "Costs are estimated by the table of prices that ships, or by the files\n"
    "that LLMOBS_PRICES names.\n";

enum option_code {
    OPTION_STORE = 256,
    OPTION_REVERSE,
    OPTION_WIDE,
    OPTION_COLOR,
    OPTION_ASCII,
    OPTION_NO_PAGER,
    OPTION_SERVICE,
    OPTION_KIND,
    OPTION_ML_APP,
    OPTION_NAME,
    OPTION_TAG,
    OPTION_SESSION,
    OPTION_UNTIL,
    OPTION_MIN_DURATION,
    OPTION_MODEL,
    OPTION_PROVIDER,
    OPTION_GREP,
    OPTION_SPANS,
    OPTION_CSV,
    OPTION_FIELDS,
    OPTION_CHROME,
    OPTION_SUMMARY,
    OPTION_SERIES,
    OPTION_STEP,
    OPTION_SESSIONS,
    OPTION_WASTE,
    OPTION_BY,
    OPTION_OTLP,
    OPTION_HTML,
    OPTION_OPEN,
    OPTION_FULL,
    OPTION_EXIT_STATUS
};

static const struct option options[] = {
    {"store", required_argument, NULL, OPTION_STORE},
    {"service", required_argument, NULL, OPTION_SERVICE},
    {"kind", required_argument, NULL, OPTION_KIND},
    {"ml-app", required_argument, NULL, OPTION_ML_APP},
    {"name", required_argument, NULL, OPTION_NAME},
    {"tag", required_argument, NULL, OPTION_TAG},
    {"session", required_argument, NULL, OPTION_SESSION},
    {"trace", required_argument, NULL, 't'},
    {"since", required_argument, NULL, 's'},
    {"until", required_argument, NULL, OPTION_UNTIL},
    {"min-duration", required_argument, NULL, OPTION_MIN_DURATION},
    {"model", required_argument, NULL, OPTION_MODEL},
    {"provider", required_argument, NULL, OPTION_PROVIDER},
    {"grep", required_argument, NULL, OPTION_GREP},
    {"errors", no_argument, NULL, 'e'},
    {"spans", no_argument, NULL, OPTION_SPANS},
    {"json", no_argument, NULL, 'j'},
    {"csv", no_argument, NULL, OPTION_CSV},
    {"fields", required_argument, NULL, OPTION_FIELDS},
    {"chrome-trace", no_argument, NULL, OPTION_CHROME},
    {"summary", no_argument, NULL, OPTION_SUMMARY},
    {"timeseries", optional_argument, NULL, OPTION_SERIES},
    {"step", required_argument, NULL, OPTION_STEP},
    {"sessions", no_argument, NULL, OPTION_SESSIONS},
    {"waste", no_argument, NULL, OPTION_WASTE},
    {"by", required_argument, NULL, OPTION_BY},
    {"otlp", no_argument, NULL, OPTION_OTLP},
    {"messages", no_argument, NULL, 'm'},
    {"html", required_argument, NULL, OPTION_HTML},
    {"open", no_argument, NULL, OPTION_OPEN},
    {"newest", required_argument, NULL, 'n'},
    {"reverse", no_argument, NULL, OPTION_REVERSE},
    {"output", required_argument, NULL, 'o'},
    {"wide", no_argument, NULL, OPTION_WIDE},
    {"color", required_argument, NULL, OPTION_COLOR},
    {"ascii", no_argument, NULL, OPTION_ASCII},
    {"no-pager", no_argument, NULL, OPTION_NO_PAGER},
    {"full", no_argument, NULL, OPTION_FULL},
    {"follow", no_argument, NULL, 'f'},
    {"exit-status", no_argument, NULL, OPTION_EXIT_STATUS},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* True for an option that selects spans. */
static bool is_filter(int code)
{
    return (code >= OPTION_SERVICE && code <= OPTION_GREP) || code == 'e' ||
           code == 's' || code == 't';
}

static int refuse(const char *option, const char *value, const char *why)
{
    fprintf(stderr, "llmobs view: --%s %s: %s\n", option, value, why);
    return -EINVAL;
}

static int set_kind(struct llmobs_view *view, const char *kind)
{
    if (llmobs_filter_set_kind(&view->filter, kind) == 0)
        return 0;
    return refuse("kind", kind,
                  "no such kind of span; there are llm, embedding, workflow, "
                  "agent, task, tool, retrieval");
}

static int set_tag(struct llmobs_view *view, const char *tag)
{
    int rc = llmobs_filter_add_tag(&view->filter, tag);

    if (rc == -EINVAL)
        return refuse("tag", tag, "not of the form KEY:VALUE or KEY=VALUE");
    return rc == 0 ? 0 : refuse("tag", tag, "too many tags");
}

static int set_time(const char *option, const char *text, int64_t *out)
{
    if (llmobs_when_parse(text, llmobs_clock_wall_ns(), out) == 0) {
        *out = *out > 0 ? *out : 1; /* 0 stands for no limit */
        return 0;
    }
    return refuse(option, text, "no time such as " LLMOBS_WHEN_FORMS);
}

static int set_min_duration(struct llmobs_view *view, const char *text)
{
    if (llmobs_when_duration(text, &view->filter.min_duration_ns) == 0)
        return 0;
    return refuse("min-duration", text, "no duration such as 250ms, 2s, 1m30s");
}

static int set_grep(struct llmobs_view *view, const char *pattern)
{
    const char *why;

    if (llmobs_filter_set_grep(&view->filter, pattern, &why) == 0)
        return 0;
    return refuse("grep", pattern, why);
}

static int set_by(struct llmobs_view *view, const char *word)
{
    const char *near;

    if (llmobs_samples_by(word, &view->by, &near) == 0)
        return 0;
    fprintf(stderr, "llmobs view: --by: no such way to group");
    llmobs_suggest_end(near,
                       "there are model, provider, ml_app, service, kind, "
                       "session, day, error");
    return -EINVAL;
}

/* The value may be an argument of its own. */
static int set_series(struct llmobs_view *view, const char *words,
                      const char *behind)
{
    view->form = llmobs_view_series;
    if (words == NULL && behind != NULL && llmobs_metrics_are(behind)) {
        words = behind;
        optind++;
    }
    return llmobs_metrics_read(&view->metrics,
                               words != NULL ? words : LLMOBS_METRICS_USUAL);
}

static int set_step(struct llmobs_view *view, const char *text)
{
    if (llmobs_when_duration(text, &view->step_ns) == 0 &&
        view->step_ns >= STEP_LEAST)
        return 0;
    return refuse("step", text, "no duration such as 1s, 5m, 1h");
}

static int set_newest(struct llmobs_view *view, const char *text)
{
    char *end;

    view->newest = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || *text == '-')
        return refuse("newest", text, "not a number");
    view->counted = true;
    return 0;
}

static int set_colour(struct llmobs_view *view, const char *when)
{
    static const char *const words[] = {
        [LLMOBS_SCREEN_AUTO] = "auto",
        [LLMOBS_SCREEN_ALWAYS] = "always",
        [LLMOBS_SCREEN_NEVER] = "never",
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(when, words[i]) == 0) {
            view->colour = (enum llmobs_screen_when)i;
            return 0;
        }
    return refuse("color", when, "not auto, always or never");
}

/* Of an id that several traces begin with, the newest one is meant. */
static int set_id(struct llmobs_view *view, const char *id)
{
    char room[LLMOBS_ESCAPE_NAME];

    if (view->whole) {
        fprintf(stderr, "llmobs view: one ID at a time: %s\n",
                llmobs_escape_name(id, room));
        return -EINVAL;
    }
    if (strcmp(id, "last") != 0) {
        if (*id == '\0' || id[strspn(id, "0123456789abcdefABCDEF-")] != '\0') {
            fprintf(stderr,
                    "llmobs view: %s: no id of a trace or a span, nor `last`\n",
                    llmobs_escape_name(id, room));
            return -EINVAL;
        }
        view->filter.id = id;
    }
    if (!view->counted)
        view->newest = 1;
    view->whole = true;
    return 0;
}

/* Notes a filter, as the page tells it. */
static int note(struct asked *asked, int code, const char *value)
{
    struct llmobs_buf *text = &asked->view.asked;
    const struct option *option = options;

    while (option->name != NULL && option->val != code)
        option++;
    if (option->name == NULL || !is_filter(code))
        return 0;
    return llmobs_buf_addf(text, "%s--%s%s%s", text->len > 0 ? " " : "",
                           option->name, value != NULL ? " " : "",
                           value != NULL ? value : "");
}

static int apply(void *ctx, int code, const char *value)
{
    struct asked *asked = ctx;
    struct llmobs_view *view = &asked->view;

    if (note(asked, code, value) != 0)
        return -EINVAL;
    switch (code) {
    case OPTION_STORE:
        asked->store = value;
        return 0;
    case OPTION_SERVICE:
        llmobs_filter_set(&view->filter.service, value);
        return 0;
    case OPTION_KIND:
        return set_kind(view, value);
    case OPTION_ML_APP:
        llmobs_filter_set(&view->filter.ml_app, value);
        return 0;
    case OPTION_NAME:
        llmobs_filter_set(&view->filter.name, value);
        return 0;
    case OPTION_TAG:
        return set_tag(view, value);
    case OPTION_SESSION:
        llmobs_filter_set(&view->filter.session, value);
        return 0;
    case 't':
        view->filter.trace = value;
        return 0;
    case 's':
        return set_time("since", value, &view->filter.since_ns);
    case OPTION_UNTIL:
        return set_time("until", value, &view->filter.until_ns);
    case OPTION_MIN_DURATION:
        return set_min_duration(view, value);
    case OPTION_MODEL:
        llmobs_filter_set(&view->filter.model, value);
        return 0;
    case OPTION_PROVIDER:
        llmobs_filter_set(&view->filter.provider, value);
        return 0;
    case OPTION_GREP:
        return set_grep(view, value);
    case 'e':
        view->filter.errors = true;
        return 0;
    case OPTION_SPANS:
        view->form = llmobs_view_list;
        return 0;
    case 'j':
        view->format = LLMOBS_SHEET_JSON;
        return 0;
    case OPTION_CSV:
        view->format = LLMOBS_SHEET_CSV;
        return 0;
    case OPTION_FIELDS:
        return llmobs_fields_choose(&view->fields, value);
    case OPTION_SUMMARY:
        view->form = llmobs_view_summary;
        return 0;
    case OPTION_SERIES:
        return set_series(view, value, asked->argv[optind]);
    case OPTION_WASTE:
        view->form = llmobs_view_waste;
        return 0;
    case OPTION_SESSIONS:
        view->form = llmobs_view_sessions;
        return 0;
    case OPTION_STEP:
        return set_step(view, value);
    case OPTION_BY:
        return set_by(view, value);
    case OPTION_CHROME:
        view->form = llmobs_view_chrome;
        return 0;
    case OPTION_OTLP:
        view->form = llmobs_view_otlp;
        return 0;
    case 'm':
        view->messages = true;
        return 0;
    case OPTION_HTML:
        view->form = llmobs_view_html;
        view->html = value;
        return 0;
    case OPTION_OPEN:
        view->form = llmobs_view_html;
        view->open = true;
        return 0;
    case OPTION_FULL:
        view->full = true;
        return 0;
    case OPTION_REVERSE:
        view->reverse = true;
        return 0;
    case OPTION_WIDE:
        view->wide = true;
        return 0;
    case OPTION_COLOR:
        return set_colour(view, value);
    case OPTION_ASCII:
        view->ascii = true;
        return 0;
    case OPTION_NO_PAGER:
        view->no_pager = true;
        return 0;
    case 'o':
        asked->output = value;
        return 0;
    case LLMOBS_CLI_WORD:
        return set_id(view, value);
    case 'n':
        return set_newest(view, value);
    case 'f':
        view->follow = true;
        return 0;
    case OPTION_EXIT_STATUS:
        asked->exit_status = true;
        return 0;
    case 'q':
        asked->exit_status = asked->quiet = true;
        return 0;
    case 'h':
        asked->help = true;
        return 0;
    default: /* llmobs_cli_parse prints the fault */
        return -EINVAL;
    }
}

/* Chooses the form by all options together. */
static int choose(struct llmobs_view *view)
{
    bool spans =
        view->form == llmobs_view_tree || view->form == llmobs_view_list;
    bool chosen = view->fields.count > 0;

    if (spans && view->format == LLMOBS_SHEET_JSON && !chosen)
        view->form = llmobs_view_json;
    else if (spans && view->format != LLMOBS_SHEET_WORDS)
        view->form = llmobs_view_fields;
    if (chosen && view->form != llmobs_view_fields) {
        fprintf(stderr,
                "llmobs view: --fields is for --csv and --json of spans\n");
        return -EINVAL;
    }
    if (view->by != LLMOBS_BY_NOTHING && view->form != llmobs_view_summary &&
        view->form != llmobs_view_series) {
        fprintf(stderr,
                "llmobs view: --by is for --summary and --timeseries\n");
        return -EINVAL;
    }
    if (view->step_ns > 0 && view->form != llmobs_view_series) {
        fprintf(stderr, "llmobs view: --step is for --timeseries\n");
        return -EINVAL;
    }
    if (view->open && view->html != NULL && strcmp(view->html, "-") == 0) {
        fprintf(stderr, "llmobs view: --open needs a file\n");
        return -EINVAL;
    }
    return 0;
}

/* -- the answer ------------------------------------------------------------ */

/* "; services: support-bot, nightly": one of them may be meant. */
static void tell_values(const struct llmobs_values *values)
{
    fprintf(stderr, "; %s: ", values->plural);
    for (size_t i = 0; i < values->count && i < VALUES_TOLD; i++)
        fprintf(stderr, "%s%s", i > 0 ? ", " : "", values->list[i]);
    if (values->count > VALUES_TOLD)
        fputs(", ...", stderr);
}

/* Says when the newest span began, where only older ones are there. */
static void tell_newest(const struct llmobs_view *view)
{
    int64_t ns = llmobs_values_newest(view->reader);
    time_t at = (time_t)(ns / 1000000000);
    char text[64];
    struct tm tm;

    if (ns > 0 && ns < view->filter.since_ns && localtime_r(&at, &tm) != NULL &&
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm) > 0)
        fprintf(stderr, "; the newest began at %s", text);
}

static void tell_nothing(const struct llmobs_view *view)
{
    bool empty =
        view->load.events + llmobs_reader_report(view->reader)->old == 0;

    fprintf(stderr, "llmobs view: no %sspans in %s", empty ? "" : "such ",
            view->store);
    if (!empty)
        (void)llmobs_values_missed(&view->filter, view->reader, tell_values);
    tell_newest(view);
    fputc('\n', stderr);
}

void llmobs_view_prices(struct llmobs_view *view)
{
    if (view->prices == NULL)
        (void)llmobs_price_files_load("llmobs view", &view->prices);
    view->load.prices = view->prices;
}

void llmobs_view_tell_prices(const struct llmobs_view *view)
{
    char source[LLMOBS_COST_NOTE];

    if (view->prices != NULL && view->load.shown > 0)
        fprintf(stderr, "llmobs view: costs are %s\n",
                llmobs_cost_source(view->prices, source));
}

static void tell_bad(size_t bad)
{
    if (bad > 0)
        fprintf(stderr, "llmobs view: %zu line%s could not be read as a span\n",
                bad, bad == 1 ? "" : "s");
}

static void tell(const struct llmobs_view *view)
{
    const struct llmobs_load *load = &view->load;
    bool all = llmobs_reader_report(view->reader)->old == 0;
    size_t bad;

    fflush(stdout);
    if (load->shown == 0)
        tell_nothing(view);
    tell_bad(load->bad + llmobs_reader_report(view->reader)->oversized);
    bad = llmobs_evaluations_unjoined(&load->evaluations);
    if (bad > 0 && all && load->newest == 0)
        fprintf(stderr,
                "llmobs view: %zu evaluation%s of spans that are not here\n",
                bad, bad == 1 ? "" : "s");
    if (load->forest.repeated > 0)
        fprintf(stderr, "llmobs view: %zu repeated span%s shown once\n",
                load->forest.repeated, load->forest.repeated == 1 ? "" : "s");
}

static int show_store(const struct asked *asked, struct llmobs_view *view)
{
    int rc;

    if (view->follow) {
        rc = llmobs_view_follow(view);
        tell_bad(view->load.bad);
        return rc;
    }
    rc = llmobs_reader_open(view->store, &view->reader);
    if (rc == 0)
        rc = asked->quiet ? llmobs_view_quiet(view) : view->form(view);
    if (rc == 0 && !asked->quiet)
        tell(view);
    llmobs_reader_close(view->reader);
    return rc;
}

static void tell_error(const char *store, int rc)
{
    if (rc == -ENOENT)
        llmobs_cli_no_store("llmobs view", store);
    else if (rc != 0 && rc != -EPIPE && rc != -ECANCELED)
        fprintf(stderr, "llmobs view: %s: %s\n", store, strerror(-rc));
}

/* Leads stdout into the file, which only its owner may read, also where the
 * file was there before. A user who has closed stdout gets its number here. */
static int lead_to(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct stat st;
    int rc = 0;

    if (fd < 0 || fstat(fd, &st) != 0 ||
        (S_ISREG(st.st_mode) && fchmod(fd, 0600) != 0) ||
        dup2(fd, STDOUT_FILENO) < 0) {
        rc = -ECANCELED;
        fprintf(stderr, "llmobs view: %s: %s\n", path, strerror(errno));
    }
    if (fd >= 0 && fd != STDOUT_FILENO)
        close(fd);
    return rc;
}

void llmobs_view_look_at_screen(struct llmobs_view *view)
{
    llmobs_screen_init(&view->screen, view->colour);
    view->screen.ascii |= view->ascii;
    if (view->wide)
        view->screen.columns = 0;
}

/* The exit status. A store that the environment names may be empty yet. */
static int run(struct asked *asked)
{
    struct llmobs_view *view = &asked->view;
    char store[PATH_MAX] = "";
    int rc = -ENOMEM;

    view->config = llmobs_cli_config(asked->store);
    if (view->config != NULL)
        rc = llmobs_config_store_dir(view->config, store, sizeof store);
    view->store = store;
    if (rc == 0 && asked->output != NULL)
        rc = lead_to(asked->output);
    llmobs_view_look_at_screen(view);
    if (rc == 0)
        rc = show_store(asked, view);
    if (!asked->quiet || rc != -ENOENT)
        tell_error(store, rc);
    llmobs_config_free(view->config);
    if (rc == -ENOENT && asked->store == NULL)
        rc = 0;
    if (rc == 0 && asked->exit_status && view->load.shown == 0)
        return LLMOBS_CLI_FAILED;
    return rc == 0 ? LLMOBS_CLI_OK : LLMOBS_CLI_FAILED;
}

static int check_follow(const struct asked *asked)
{
    if (!asked->view.follow ||
        (llmobs_view_follows(&asked->view) && !asked->quiet))
        return 0;
    fprintf(stderr,
            "llmobs view: --follow goes with traces, --spans, --json and "
            "--otlp: any other form needs all spans at once\n");
    return -EINVAL;
}

int llmobs_cmd_view(int argc, char **argv)
{
    struct asked asked = {.view = {.form = llmobs_view_tree}, .argv = argv};
    int status;

    llmobs_load_init(&asked.view.load);
    llmobs_buf_init(&asked.view.asked, SIZE_MAX / 2);
    if (llmobs_cli_parse_words(argc, argv, "n:o:s:t:efjmq", options, apply,
                               &asked) != 0 ||
        (!asked.help &&
         (choose(&asked.view) != 0 || check_follow(&asked) != 0))) {
        status = LLMOBS_CLI_USAGE;
    } else if (asked.help) {
        fputs(help_text, stdout);
        status = LLMOBS_CLI_OK;
    } else {
        status = run(&asked);
    }
    llmobs_prices_free(asked.view.prices);
    llmobs_buf_fini(&asked.view.asked);
    llmobs_load_fini(&asked.view.load);
    llmobs_filter_fini(&asked.view.filter);
    return status;
}
