/* Shows trees and lists of spans, through a pager. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/query/cost.h"
#include "cli/query/each.h"
#include "cli/show/wrap.h"
#include "cli/show/columns.h"
#include "cli/show/forms.h"
#include "cli/show/table.h"

/* -- the pager ------------------------------------------------------------- */

extern char **environ;

/* Looks for the first word of a command on PATH: a shell that does not find it
 * would swallow the output. */
static bool is_on_path(const char *command)
{
    size_t len = strcspn(command, " \t");
    char *path = getenv("PATH") ? strdup(getenv("PATH")) : NULL;
    char *rest = path, *dir, full[4096];
    bool found = false;

    if (command[len] != '\0' || strchr(command, '/') ||
        strspn(command, "abcdefghijklmnopqrstuvwxyz-") < len)
        found = true; /* a line for the shell, or a path */
    while (!found && rest && (dir = strsep(&rest, ":"))) {
        snprintf(full, sizeof(full), "%s/%s", dir, command);
        found = access(full, X_OK) == 0;
    }
    free(path);
    return found;
}

/* Connects stdout to the pager that PAGER names, else to less; to no pager if
 * PAGER is empty or "cat", or if TERM is dumb. Where the screen cannot show all
 * rows the pager begins with the newest, which are the last. From then on
 * SIGPIPE and SIGINT do not end the process: when the user leaves the pager,
 * stdout gives an error. 0: there is none. */
static pid_t pager_begin(const struct llmobs_view *view)
{
    const struct llmobs_load *load = &view->load;
    bool to_end =
        load->newest > 0 && !view->reverse && !view->whole &&
        view->screen.lines > 0 &&
        load->shown + 2 * load->forest.trace_count > view->screen.lines;
    const char *command = getenv("PAGER"), *term = getenv("TERM");
    char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, NULL, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    int ends[2];

    if (!command)
        command = "less";
    if (!view->screen.terminal || view->no_pager || view->follow || !term ||
        strcmp(term, "dumb") == 0 || *command == '\0' ||
        strcmp(command, "cat") == 0 || !is_on_path(command) ||
        pipe2(ends, O_CLOEXEC) != 0)
        return 0;
    setenv("LESS", to_end ? "FRX+G" : "FRX", 0);
    setenv("LV", "-c", 0);
    argv[2] = (char *)(uintptr_t)command;
    if (posix_spawn_file_actions_init(&actions) == 0) {
        if (posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO) !=
                0 ||
            posix_spawn(&pid, "/bin/sh", &actions, NULL, argv, environ) != 0)
            pid = 0;
        posix_spawn_file_actions_destroy(&actions);
    }
    if (pid > 0) {
        fflush(stdout);
        dup2(ends[1], STDOUT_FILENO);
        signal(SIGPIPE, SIG_IGN);
        signal(SIGINT, SIG_IGN);
        signal(SIGQUIT, SIG_IGN);
    }
    close(ends[0]);
    close(ends[1]);
    return pid;
}

/* Ends the output and waits until the user leaves the pager, which may be
 * before the end and is no error. Gives the print's result. */
static int pager_end(pid_t pager, int rc)
{
    if (pager == 0)
        return rc;
    fflush(stdout);
    clearerr(stdout);
    close(STDOUT_FILENO);
    while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
        continue;
    return rc == -EPIPE ? 0 : rc;
}

/* -- the rows -------------------------------------------------------------- */

/* The rows of one print. */
struct shown {
    struct llmobs_view *view;
    struct llmobs_table_style style;
    struct llmobs_table *table;
    struct llmobs_lack lack;
    int64_t oldest;
    bool cost; /* one is shown; it may be the provider's own */
};

static int begin_table(struct shown *shown, struct llmobs_view *view, bool tree)
{
    bool whole = view->whole || view->full;

    *shown = (struct shown){
        .view = view,
        .style = {.screen = view->screen,
                  .filter = &view->filter,
                  .messages = view->messages || whole ? view->reader : NULL,
                  .whole = whole,
                  .repeat = view->full,
                  .reverse = view->reverse,
                  .kept = view->kept},
        .oldest = INT64_MAX};
    return llmobs_table_new(&shown->table, !tree, &shown->style);
}

static int measure_row(void *ctx, const struct llmobs_row *row,
                       const struct llmobs_json *event)
{
    struct shown *shown = ctx;

    (void)event;
    shown->cost |= row->cost >= 0;
    if (row->wanted && row->start_ns < shown->oldest)
        shown->oldest = row->start_ns;
    if (row->wanted && shown->view->whole)
        llmobs_lack_add(&shown->lack, row);
    return llmobs_forest_shows(row) ? llmobs_table_measure(shown->table, row)
                                    : 0;
}

/* Ends the print: says how many calls of a trace told no tokens, how many more
 * rows there are, and where costs come from. */
static int end_table(struct shown *shown, const struct llmobs_load *load,
                     bool tree, int rc)
{
    struct llmobs_view *view = shown->view;
    char source[LLMOBS_COST_NOTE], note[LLMOBS_LACK_NOTE];
    const char *what = tree ? "trace" : "span";
    struct llmobs_buf line;

    if (rc == 0 && shown->lack.calls > 0) {
        putchar('\n');
        llmobs_wrap_print(&view->screen, LLMOBS_PAINT_DIM,
                          llmobs_lack_note(&shown->lack, note));
    }
    if (rc == 0 && !view->screen.terminal && !view->cost_printed &&
        shown->cost) {
        view->cost_printed = true;
        llmobs_view_report_prices(view);
    }
    if (rc != 0 || !view->screen.terminal)
        return rc;
    fflush(stdout); /* the user sees the rows while the rest is counted */
    llmobs_buf_init(&line, 512);
    if (load->more && view->filter.id)
        llmobs_buf_adds(&line,
                        "older traces have such an id, too; -n 0 shows all");
    else if (load->more && !view->whole && !view->follow) {
        /* It gives no total: counting would take as long as showing all. */
        llmobs_buf_adds(&line, "the newest ");
        if (load->newest > 1)
            llmobs_buf_addf(&line, "%zu ", load->newest);
        llmobs_buf_addf(&line, "%s%s, since ", what,
                        load->newest == 1 ? "" : "s");
        llmobs_columns_time(&line, shown->oldest, true);
        llmobs_buf_adds(&line, "; -n 0 shows all");
    }
    if (view->prices && !view->cost_printed && shown->cost) {
        view->cost_printed = true;
        llmobs_buf_addf(&line, "%sCOST: %s", line.len > 0 ? "   " : "",
                        llmobs_cost_source(view->prices, source));
    }
    rc = line.error;
    if (rc == 0 && line.len > 0) {
        putchar('\n');
        llmobs_wrap_print(&view->screen, LLMOBS_PAINT_DIM, line.data);
    }
    llmobs_buf_fini(&line);
    return rc;
}

void llmobs_show_prepare(struct llmobs_view *view, struct llmobs_load *load,
                         bool tree)
{
    llmobs_view_prices(view);
    load->parts = view->screen.columns > 0 ? LLMOBS_ROW_ALL : LLMOBS_ROW_FACTS;
    load->tree = tree;
    load->paths = view->filter.errors || view->filter.id;
    load->prices = view->prices;
}

int llmobs_show_print(struct llmobs_view *view, const struct llmobs_load *load,
                      bool tree)
{
    const struct llmobs_forest *forest = &load->forest;
    struct shown shown;
    int rc = begin_table(&shown, view, tree);

    for (size_t i = 0; rc == 0 && i < forest->count; i++)
        rc = measure_row(&shown, forest->rows[i], NULL);
    if (rc == 0)
        rc = llmobs_table_begin(shown.table);
    if (rc == 0 && tree)
        rc = llmobs_table_tree(shown.table, forest);
    for (size_t i = 0; rc == 0 && !tree && i < forest->count; i++) {
        const struct llmobs_row *row =
            forest->rows[view->reverse ? forest->count - 1 - i : i];

        if (row->wanted)
            rc = llmobs_table_row(shown.table, row, NULL);
    }
    rc = end_table(&shown, load, tree, rc);
    llmobs_table_free(shown.table);
    return rc;
}

static void prepare(struct llmobs_view *view, bool tree)
{
    llmobs_show_prepare(view, &view->load, tree);
    view->load.newest = view->newest;
    if (!view->counted && !view->whole && view->screen.terminal)
        view->load.newest = LLMOBS_VIEW_NEWEST;
}

int llmobs_view_tree(struct llmobs_view *view)
{
    pid_t pager;
    int rc;

    prepare(view, true);
    rc = llmobs_load_rows(&view->load, view->reader);
    if (rc != 0 || view->load.shown == 0)
        return rc;
    pager = pager_begin(view);
    return pager_end(pager, llmobs_show_print(view, &view->load, true));
}

/* The rows of a list are too many to be kept: they are read once to be
 * measured, and then in their order to be printed. */
int llmobs_view_list(struct llmobs_view *view)
{
    struct llmobs_each_spans spans = {.again = true};
    struct llmobs_load *load = &view->load;
    struct shown shown;
    pid_t pager;
    int rc;

    prepare(view, false);
    rc = llmobs_load_evaluations(load, view->reader, view->filter.since_ns);
    if (rc == 0)
        rc = begin_table(&shown, view, false);
    if (rc != 0)
        return rc;
    rc = llmobs_each(load, view->reader, &spans, measure_row, &shown);
    if (rc == 0 && load->shown > 0) {
        pager = pager_begin(view);
        rc = llmobs_table_begin(shown.table);
        if (rc == 0)
            rc = llmobs_each_again(load, view->reader, &spans, view->reverse,
                                   llmobs_table_row, shown.table);
        rc = pager_end(pager, end_table(&shown, load, false, rc));
    }
    llmobs_table_free(shown.table);
    llmobs_each_fini(&spans);
    return rc;
}
