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
#include "cli/view/evaluations.h"
#include "cli/view/filter.h"
#include "cli/view/forest.h"
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
    struct llmobs_forest forest;
    struct llmobs_evaluations evaluations;
    struct llmobs_otlp_lines lines;
    size_t events;
    size_t shown;
    size_t bad;
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

/* Puts the lines of a shown row's evaluations below it. */
static int keep_evaluations(struct view *view, const struct llmobs_json *event,
                            struct llmobs_row *row)
{
    struct llmobs_buf lines;
    int rc;

    llmobs_buf_init(&lines, SIZE_MAX / 2);
    rc = llmobs_evaluations_of(&view->evaluations, event, &lines);
    if (rc == 0 && lines.len > 0 && row != NULL && row->wanted)
        rc = llmobs_row_below(row, (struct llmobs_text){lines.data, lines.len});
    llmobs_buf_fini(&lines);
    return rc;
}

/* True where the events go out one by one, as they are read. */
static bool is_raw(const struct view *view)
{
    return view->json || view->otlp;
}

/* Keeps the ids of unwanted spans too, since a tree needs the spans between
 * others. */
static int keep_event(struct view *view, const struct llmobs_json *event,
                      bool wanted)
{
    struct llmobs_row *row = NULL;
    int rc = 0;

    if (wanted || !view->list)
        rc = llmobs_row_new(event, wanted, view->messages, &row);
    if (rc == 0)
        rc = keep_evaluations(view, event, row);
    if (rc == 0 && row != NULL)
        return llmobs_forest_add(&view->forest, row);
    llmobs_row_free(row);
    return rc;
}

static bool is_span(const struct llmobs_json *event)
{
    return llmobs_json_gets(event, "trace_id") != NULL &&
           llmobs_json_gets(event, "span_id") != NULL;
}

static int take_event(struct view *view, const struct llmobs_json *event,
                      struct llmobs_text text)
{
    bool span = is_span(event), wanted;

    if (!span && !llmobs_evaluations_is_one(event)) {
        view->bad++;
        return 0;
    }
    view->events += span ? 1 : 0;
    wanted = llmobs_filter_match(&view->filter, event);
    if (!span && (!view->json || view->otlp))
        return 0;
    view->shown += wanted ? 1 : 0;
    if (is_raw(view) && !wanted)
        return 0;
    if (view->otlp)
        return llmobs_otlp_lines_add(&view->lines, text);
    if (view->json)
        return print_event(text);
    return keep_event(view, event, wanted);
}

static int take_line(void *ctx, struct llmobs_text text)
{
    struct view *view = ctx;
    struct llmobs_json *event = NULL;
    int rc = llmobs_json_parse(text, &event);

    if (rc == -ENOMEM)
        return rc;
    if (rc != 0) {
        view->bad++;
        return 0;
    }
    rc = take_event(view, event, text);
    llmobs_json_free(event);
    return rc;
}

/* Takes an evaluation: all of them are read before the first span. */
static int take_evaluation(void *ctx, struct llmobs_text text)
{
    static const char mark[] = "\"join_on\"";
    struct view *view = ctx;
    struct llmobs_json *event = NULL;
    int rc;

    if (memmem(text.data, text.len, mark, sizeof mark - 1) == NULL)
        return 0;
    rc = llmobs_json_parse(text, &event);
    if (rc == 0 && !is_span(event))
        rc = llmobs_evaluations_add(&view->evaluations, event);
    llmobs_json_free(event);
    return rc == -ENOMEM ? rc : 0;
}

static bool wants_colour(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && (no == NULL || *no == '\0') &&
           term != NULL && strcmp(term, "dumb") != 0;
}

static int print_rows(struct view *view)
{
    int rc = llmobs_forest_sort(&view->forest);

    if (rc == 0 && view->shown == 0)
        return 0;
    if (rc == 0 && view->list)
        return llmobs_table_list(&view->forest, wants_colour());
    if (rc == 0)
        rc = llmobs_forest_grow(&view->forest);
    return rc == 0 ? llmobs_table_tree(&view->forest, wants_colour()) : rc;
}

static void tell(const struct view *view, const char *store,
                 const struct llmobs_reader_report *report)
{
    size_t bad = view->bad + view->lines.bad + report->oversized;

    fflush(stdout);
    if (view->shown == 0)
        fprintf(stderr,
                view->events + report->old == 0
                    ? "llmobs view: no spans in %s\n"
                    : "llmobs view: no such spans in %s\n",
                store);
    if (bad > 0)
        fprintf(stderr, "llmobs view: %zu line%s could not be read as a span\n",
                bad, bad == 1 ? "" : "s");
    bad = llmobs_evaluations_unjoined(&view->evaluations);
    if (bad > 0 && report->old == 0)
        fprintf(stderr,
                "llmobs view: %zu evaluation%s of spans that are not here\n",
                bad, bad == 1 ? "" : "s");
    if (view->forest.repeated > 0)
        fprintf(stderr, "llmobs view: %zu repeated span%s shown once\n",
                view->forest.repeated, view->forest.repeated == 1 ? "" : "s");
}

static int show(struct view *view, const char *store,
                struct llmobs_reader_report *report)
{
    int64_t since = view->filter.since_ns;
    int rc = 0;

    if (!is_raw(view))
        rc = llmobs_reader_walk(store, since, take_evaluation, view, NULL);
    llmobs_evaluations_sort(&view->evaluations);
    if (rc == 0)
        rc = llmobs_reader_walk(store, since, take_line, view, report);
    if (rc == -ENOENT) /* nothing has been stored yet */
        rc = 0;
    if (rc == 0 && view->otlp)
        return llmobs_otlp_lines_flush(&view->lines);
    return rc == 0 && !view->json ? print_rows(view) : rc;
}

static int run(struct view *view)
{
    struct llmobs_config *config = llmobs_cli_config(view->store);
    struct llmobs_reader_report report = {0};
    char store[PATH_MAX] = "";
    int rc = -ENOMEM;

    if (config != NULL) {
        llmobs_otlp_lines_init(&view->lines, config);
        rc = llmobs_config_store_dir(config, store, sizeof store);
    }
    if (rc == 0)
        rc = show(view, store, &report);
    if (rc == 0)
        tell(view, store, &report);
    else if (rc != -EPIPE)
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
    llmobs_forest_init(&view.forest);
    status = run(&view);
    llmobs_forest_fini(&view.forest);
    llmobs_evaluations_fini(&view.evaluations);
    return status;
}
