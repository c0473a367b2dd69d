#include "cli/show/pager.h"

#include <fcntl.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char *command_of(void)
{
    const char *pager = getenv("PAGER"), *term = getenv("TERM");

    if (!term || strcmp(term, "dumb") == 0)
        return "";
    return pager ? pager : "less";
}

/* Starts the command with `input` as its stdin. */
static pid_t start_pager(const char *command, int input)
{
    char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char *)command, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;

    if (posix_spawn_file_actions_init(&actions) != 0)
        return 0;
    if (posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO) != 0 ||
        posix_spawn(&pid, "/bin/sh", &actions, NULL, argv, environ) != 0)
        pid = 0;
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

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

void llmobs_pager_begin(struct llmobs_pager *pager, bool to_end)
{
    const char *command = command_of();
    int ends[2];

    pager->pid = 0;
    if (*command == '\0' || strcmp(command, "cat") == 0 ||
        !is_on_path(command) || pipe2(ends, O_CLOEXEC) != 0)
        return;
    setenv("LESS", to_end ? "FRX+G" : "FRX", 0);
    setenv("LV", "-c", 0);
    pager->pid = start_pager(command, ends[0]);
    if (pager->pid > 0) {
        fflush(stdout);
        dup2(ends[1], STDOUT_FILENO);
        signal(SIGPIPE, SIG_IGN);
        signal(SIGINT, SIG_IGN);
        signal(SIGQUIT, SIG_IGN);
    }
    close(ends[0]);
    close(ends[1]);
}

void llmobs_pager_end(struct llmobs_pager *pager)
{
    if (pager->pid == 0)
        return;
    fflush(stdout);
    clearerr(stdout); /* the user has left the pager: no error */
    close(STDOUT_FILENO);
    while (waitpid(pager->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    pager->pid = 0;
}
