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
 * PAGER is empty or "cat", or if TERM is dumb. `to_end`: the pager begins with
 * the last page. From then on SIGPIPE and SIGINT do not end the process: when
 * the user leaves the pager, stdout gives an error. 0: there is none. */
static pid_t pager_begin(bool to_end)
{
    const char *command = getenv("PAGER"), *term = getenv("TERM");
    char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, NULL, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    int ends[2];

    if (!command)
        command = "less";
    if (!term || strcmp(term, "dumb") == 0 || *command == '\0' ||
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

/* Ends the output and waits until the user leaves the pager. */
static void pager_end(pid_t pager)
{
    if (pager == 0)
        return;
    fflush(stdout);
    clearerr(stdout); /* the user has left the pager: no error */
    close(STDOUT_FILENO);
    while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
        continue;
}

/* -- the rows -------------------------------------------------------------- */

/* Adds which part of the store is shown. It gives no total: counting would take
 * as long as showing all. */
static int add_window(struct llmobs_view *view, struct llmobs_buf *line,
                      bool tree)
{
    const struct llmobs_load *load = &view->load;
    const char *what = tree ? "trace" : "span";
    int64_t oldest = INT64_MAX;

    for (size_t i = 0; i < load->forest.count; i++) {
        const struct llmobs_row *row = load->forest.rows[i];

        if (row->wanted && row->start_ns < oldest)
            oldest = row->start_ns;
    }
    if (load->newest == 1)
        llmobs_buf_addf(line, "the newest %s, since ", what);
    else
        llmobs_buf_addf(line, "the newest %zu %ss, since ", load->newest, what);
    llmobs_columns_time(line, oldest, true);
    return llmobs_buf_adds(line, "; -n 0 shows all");
}

/* True where a cost is shown; it may be the provider's own. */
static bool has_cost(const struct llmobs_load *load)
{
    for (size_t i = 0; i < load->forest.count; i++)
        if (load->forest.rows[i]->cost >= 0)
            return true;
    return false;
}

/* Prints below the rows how many more there are, and where costs come from. */
static int print_rest(struct llmobs_view *view, const struct llmobs_load *load,
                      bool tree)
{
    char source[LLMOBS_COST_NOTE];
    struct llmobs_buf line;
    int rc = 0;

    fflush(stdout); /* the user sees the rows while the rest is counted */
    llmobs_buf_init(&line, 512);
    if (load->more && view->filter.id)
        rc = llmobs_buf_adds(
            &line, "older traces have such an id, too; -n 0 shows all");
    else if (load->more && !view->whole && !view->follow)
        rc = add_window(view, &line, tree);
    if (rc == 0 && view->prices && !view->cost_printed && has_cost(load)) {
        view->cost_printed = true;
        rc = llmobs_buf_addf(&line, "%sCOST: %s", line.len > 0 ? "   " : "",
                             llmobs_cost_source(view->prices, source));
    }
    if (rc == 0 && line.len > 0) {
        putchar('\n');
        llmobs_wrap_print(&view->screen, LLMOBS_PAINT_DIM, 0, line.data);
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
    bool whole = view->whole || view->full;
    struct llmobs_table_style style = {
        .screen = view->screen,
        .filter = &view->filter,
        .messages = view->messages || whole ? view->reader : NULL,
        .whole = whole,
        .repeat = view->full,
        .reverse = view->reverse,
        .kept = view->kept,
    };
    struct llmobs_lack lack = {0};
    char note[LLMOBS_LACK_NOTE];
    int rc = tree ? llmobs_table_tree(&load->forest, &style)
                  : llmobs_table_list(&load->forest, &style);

    for (size_t i = 0; rc == 0 && view->whole && i < load->forest.count; i++)
        if (load->forest.rows[i]->wanted)
            llmobs_lack_add(&lack, load->forest.rows[i]);
    if (lack.calls > 0) { /* how many calls of a trace told no tokens */
        putchar('\n');
        llmobs_wrap_print(&view->screen, LLMOBS_PAINT_DIM, 0,
                          llmobs_lack_note(&lack, note));
    }
    if (rc == 0 && view->screen.terminal)
        return print_rest(view, load, tree);
    if (rc == 0 && !view->cost_printed && has_cost(load)) {
        view->cost_printed = true;
        llmobs_view_report_prices(view);
    }
    return rc;
}

static int print_rows(struct llmobs_view *view, bool tree)
{
    struct llmobs_load *load = &view->load;
    pid_t pager = 0;
    int rc;

    llmobs_show_prepare(view, load, tree);
    load->newest = view->newest;
    if (!view->counted && !view->whole && view->screen.terminal)
        load->newest = LLMOBS_VIEW_NEWEST;
    rc = llmobs_load_rows(load, view->reader);
    if (rc != 0 || load->shown == 0)
        return rc;
    /* Where the screen cannot show all rows the pager begins with the newest,
     * which are the last. */
    if (view->screen.terminal && !view->no_pager && !view->follow)
        pager = pager_begin(load->newest > 0 && !view->reverse &&
                            !view->whole && view->screen.lines > 0 &&
                            load->shown + 2 * load->forest.trace_count >
                                view->screen.lines);
    rc = llmobs_show_print(view, load, tree);
    if (pager > 0 && rc == -EPIPE) /* the user has left it */
        rc = 0;
    pager_end(pager);
    return rc;
}

int llmobs_view_tree(struct llmobs_view *view)
{
    return print_rows(view, true);
}

int llmobs_view_list(struct llmobs_view *view)
{
    return print_rows(view, false);
}
