#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/shared/cli.h"
#include "cli/shared/options.h"
#include "cli/shared/reader.h"
#include "cli/rows/filter.h"
#include "cli/rows/load.h"
#include "cli/view/otlp_lines.h"
#include "cli/view/table.h"
#include "core/base/clock.h"
#include "core/config/config.h"
#include "core/config/state_dir.h"

struct view {
    const char *store; /* NULL: by the environment */
    struct llmobs_filter filter;
    bool json;
    bool otlp;
    bool list;
    bool messages;
    bool help;
    struct llmobs_load load;
    struct llmobs_otlp_lines lines;
};

static const char help_text[] =
    "usage: llmobs view [OPTIONS]\n"
    "\n"
    "Shows the spans of the local store: each trace as a tree, oldest first,\n"
    "and the evaluations of each span below it.\n"
    "\n"
    "  --store DIR      another directory than the environment names\n"
    "  --spans          one list of spans, oldest first\n"
    "  --json           the events as stored, one a line\n"
    "  --otlp           the spans as lines of OTLP's JSON, texts included "
    "unless\n"
    "                   LLMOBS_CONTENT is off\n"
    "  --messages       input and output below each span, shortened\n"
    "\n"
    "Only spans that pass all of these:\n"
    "  --service S      --ml-app A       --session ID\n"
    "  --kind K         llm, embedding, workflow, agent, task, tool,\n"
    "                   retrieval\n"
    "  --name N         the name, or a pattern such as 'OpenAI.*'\n"
    "  --tag K:V        a tag; may be given more than once\n"
    "  --trace ID       a trace id or its beginning\n"
    "  --since D        started within D: 90s, 10m, 2h, 7d; files of the\n"
    "                   store that were last written a minute before that\n"
    "                   are not read\n"
    "  --errors         status error\n";

enum option_code {
    OPTION_STORE = 256,
    OPTION_SERVICE,
    OPTION_KIND,
    OPTION_ML_APP,
    OPTION_NAME,
    OPTION_TAG,
    OPTION_SESSION,
    OPTION_TRACE,
    OPTION_SINCE,
    OPTION_ERRORS,
    OPTION_SPANS,
    OPTION_JSON,
    OPTION_OTLP,
    OPTION_MESSAGES
};

static const struct option options[] = {
    {"store", required_argument, NULL, OPTION_STORE},
    {"service", required_argument, NULL, OPTION_SERVICE},
    {"kind", required_argument, NULL, OPTION_KIND},
    {"ml-app", required_argument, NULL, OPTION_ML_APP},
    {"name", required_argument, NULL, OPTION_NAME},
    {"tag", required_argument, NULL, OPTION_TAG},
    {"session", required_argument, NULL, OPTION_SESSION},
    {"trace", required_argument, NULL, OPTION_TRACE},
    {"since", required_argument, NULL, OPTION_SINCE},
    {"errors", no_argument, NULL, OPTION_ERRORS},
    {"spans", no_argument, NULL, OPTION_SPANS},
    {"json", no_argument, NULL, OPTION_JSON},
    {"otlp", no_argument, NULL, OPTION_OTLP},
    {"messages", no_argument, NULL, OPTION_MESSAGES},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int refuse(const char *option, const char *value, const char *why)
{
    fprintf(stderr, "llmobs view: --%s %s: %s\n", option, value, why);
    return -EINVAL;
}

static int set_kind(struct view *view, const char *kind)
{
    if (!llmobs_filter_kind_known(kind))
        return refuse("kind", kind, "no such kind of span");
    view->filter.kind = kind;
    return 0;
}

static int set_tag(struct view *view, const char *tag)
{
    int rc = llmobs_filter_tag(&view->filter, tag);

    if (rc == -EINVAL)
        return refuse("tag", tag, "not of the form KEY:VALUE");
    return rc == 0 ? 0 : refuse("tag", tag, "too many tags");
}

static int set_since(struct view *view, const char *text)
{
    if (llmobs_filter_since(&view->filter, text, llmobs_clock_wall_ns()) != 0)
        return refuse("since", text, "not a duration such as 90s, 10m, 2h");
    return 0;
}

static int apply(void *ctx, int code, const char *value)
{
    struct view *view = ctx;

    switch (code) {
    case OPTION_STORE:
        view->store = value;
        return 0;
    case OPTION_SERVICE:
        view->filter.service = value;
        return 0;
    case OPTION_KIND:
        return set_kind(view, value);
    case OPTION_ML_APP:
        view->filter.ml_app = value;
        return 0;
    case OPTION_NAME:
        view->filter.name = value;
        return 0;
    case OPTION_TAG:
        return set_tag(view, value);
    case OPTION_SESSION:
        view->filter.session = value;
        return 0;
    case OPTION_TRACE:
        view->filter.trace = value;
        return 0;
    case OPTION_SINCE:
        return set_since(view, value);
    case OPTION_ERRORS:
        view->filter.errors = true;
        return 0;
    case OPTION_SPANS:
        view->list = true;
        return 0;
    case OPTION_JSON:
        view->json = true;
        return 0;
    case OPTION_OTLP:
        view->otlp = true;
        return 0;
    case OPTION_MESSAGES:
        view->messages = true;
        return 0;
    case 'h':
        view->help = true;
        return 0;
    default: /* getopt_long has printed the error */
        return -EINVAL;
    }
}

static int print_event(struct llmobs_text text)
{
    fwrite(text.data, 1, text.len, stdout);
    putchar('\n');
    return ferror(stdout) ? -EPIPE : 0;
}

/* True where the events go out one by one, as they are read. */
static bool is_raw(const struct view *view)
{
    return view->json || view->otlp;
}

static bool is_span(const struct llmobs_json *event)
{
    return llmobs_json_gets(event, "trace_id") != NULL &&
           llmobs_json_gets(event, "span_id") != NULL;
}

static int give_event(struct view *view, const struct llmobs_json *event,
                      struct llmobs_text text)
{
    struct llmobs_load *load = &view->load;
    bool span = is_span(event);

    if (!span && !llmobs_evaluations_is_one(event)) {
        load->bad++;
        return 0;
    }
    load->events += span ? 1 : 0;
    if ((!span && view->otlp) || !llmobs_filter_match(&view->filter, event))
        return 0;
    load->shown++;
    return view->otlp ? llmobs_otlp_lines_add(&view->lines, text)
                      : print_event(text);
}

static int take_line(void *ctx, struct llmobs_text text,
                     struct llmobs_place place)
{
    struct view *view = ctx;
    struct llmobs_json *event = NULL;
    int rc;

    (void)place;
    if (!llmobs_filter_may_match(&view->filter, text, false)) {
        view->load.events++;
        return 0;
    }
    rc = llmobs_json_parse(text, &event);
    if (rc == -EINVAL || rc == -E2BIG)
        view->load.bad++;
    else if (rc == 0)
        rc = give_event(view, event, text);
    llmobs_json_free(event);
    return rc == -ENOMEM || rc == -EPIPE ? rc : 0;
}

static bool wants_colour(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && (no == NULL || *no == '\0') &&
           term != NULL && strcmp(term, "dumb") != 0;
}

static int print_rows(struct view *view, struct llmobs_reader *reader)
{
    struct llmobs_table_style style = {
        .colour = wants_colour(), .messages = view->messages ? reader : NULL};

    if (view->load.shown == 0)
        return 0;
    return view->list ? llmobs_table_list(&view->load.forest, &style)
                      : llmobs_table_tree(&view->load.forest, &style);
}

static void tell(const struct view *view, const char *store,
                 const struct llmobs_reader_report *report)
{
    const struct llmobs_load *load = &view->load;
    size_t bad = load->bad + view->lines.bad + report->oversized;

    fflush(stdout);
    if (load->shown == 0)
        fprintf(stderr,
                load->events + report->old == 0
                    ? "llmobs view: no spans in %s\n"
                    : "llmobs view: no such spans in %s\n",
                store);
    if (bad > 0)
        fprintf(stderr, "llmobs view: %zu line%s could not be read as a span\n",
                bad, bad == 1 ? "" : "s");
    bad = llmobs_evaluations_unjoined(&load->evaluations);
    if (bad > 0 && report->old == 0)
        fprintf(stderr,
                "llmobs view: %zu evaluation%s of spans that are not here\n",
                bad, bad == 1 ? "" : "s");
    if (load->forest.repeated > 0)
        fprintf(stderr, "llmobs view: %zu repeated span%s shown once\n",
                load->forest.repeated, load->forest.repeated == 1 ? "" : "s");
}

static int show(struct view *view, struct llmobs_reader *reader)
{
    int rc;

    if (is_raw(view)) {
        rc = llmobs_reader_walk(reader, view->filter.since_ns, take_line, view);
        return rc == 0 && view->otlp ? llmobs_otlp_lines_flush(&view->lines)
                                     : rc;
    }
    view->load.filter = &view->filter;
    view->load.parts = LLMOBS_ROW_FACTS;
    view->load.tree = !view->list;
    rc = llmobs_load_rows(&view->load, reader);
    return rc == 0 ? print_rows(view, reader) : rc;
}

static int show_store(struct view *view, const char *store)
{
    static const struct llmobs_reader_report nothing;
    struct llmobs_reader *reader = NULL;
    int rc = llmobs_reader_open(store, &reader);

    if (rc == 0)
        rc = show(view, reader);
    if (rc == -ENOENT) /* nothing has been stored yet */
        rc = 0;
    if (rc == 0)
        tell(view, store,
             reader != NULL ? llmobs_reader_report(reader) : &nothing);
    llmobs_reader_close(reader);
    return rc;
}

static int run(struct view *view)
{
    struct llmobs_config *config = llmobs_cli_config(view->store);
    char store[PATH_MAX] = "";
    int rc = -ENOMEM;

    if (config != NULL) {
        llmobs_otlp_lines_init(&view->lines, config);
        rc = llmobs_config_store_dir(config, store, sizeof store);
    }
    if (rc == 0)
        rc = show_store(view, store);
    if (rc != 0 && rc != -EPIPE)
        fprintf(stderr, "llmobs view: %s: %s\n", store, strerror(-rc));
    llmobs_otlp_lines_fini(&view->lines);
    llmobs_config_free(config);
    return rc == 0 ? LLMOBS_CLI_OK : LLMOBS_CLI_FAILED;
}

int llmobs_cmd_view(int argc, char **argv)
{
    struct view view = {.store = NULL};
    int status;

    if (llmobs_cli_parse(argc, argv, options, apply, &view) != 0)
        return LLMOBS_CLI_USAGE;
    if (view.help) {
        fputs(help_text, stdout);
        return LLMOBS_CLI_OK;
    }
    llmobs_load_init(&view.load);
    status = run(&view);
    llmobs_load_fini(&view.load);
    return status;
}
