/* descriptors STATE PORT: a connection in a state (unused, idle, answered), and
 * each way in which a child, or a thread, lets its number go. Then the child
 * calls by the same number, if it has memory of its own; behind it the parent
 * calls by the connection, which it has still. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#pragma GCC diagnostic ignored "-Wunused-function"
#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "plain.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

static const char *self, *where;
extern char **environ;

static void call(int fd)
{
    send_model(fd, "gpt-test");
    answer((void *)(intptr_t)fd);
}

/* ---- ways to let a number go ---- */

static void by_close(int fd)
{
    close(fd);
}

static void by_syscall(int fd)
{
    syscall(SYS_close, fd);
}

static void by_range(int fd)
{
    syscall(SYS_close_range, (unsigned)fd, (unsigned)fd, 0);
}

static void by_shutdown(int fd)
{
    close(dup(fd));
    close(fd);
}

static void by_file(int fd)
{
    int null = open("/dev/null", O_RDWR);

    dup2(null, fd);
    close(null);
    close(fd);
}

static void by_file_unseen(int fd)
{
    int null = open("/dev/null", O_RDWR);

    syscall(SYS_dup3, null, fd, 0);
    close(null);
    if (write(fd, "POST /v1/chat", 13) != 13)
        exit(5);
    syscall(SYS_close, fd);
}

/* ---- ways to have a connection by it again ---- */

static void again_by_socket(int fd)
{
    int got = dial();

    if (got != fd && (dup2(got, fd) != fd || close(got) != 0))
        exit(6);
}

/* By a number that is not the one. */
static int dial_above(void)
{
    int low = dial(), got = fcntl(low, F_DUPFD, 300);

    close(low);
    return got;
}

static void again_by_dup2(int fd)
{
    int got = dial_above();

    if (dup2(got, fd) != fd)
        exit(6);
    close(got);
}

static void again_by_dup3(int fd)
{
    int got = dial_above();

    if (dup3(got, fd, O_CLOEXEC) != fd)
        exit(6);
    close(got);
}

static void again_by_fcntl(int fd)
{
    int got = dial_above();

    if (fcntl(got, F_DUPFD_CLOEXEC, fd) != fd)
        exit(6);
    close(got);
}

static void nothing(int fd)
{
    (void)fd;
}

static const struct way {
    void (*leaves)(int);
    void (*has)(int);
} ways[] = {
    {by_close, again_by_socket}, {by_syscall, again_by_socket},
    {by_range, again_by_socket}, {by_shutdown, again_by_socket},
    {by_file, again_by_socket},  {by_file_unseen, again_by_socket},
    {nothing, again_by_dup2},    {nothing, again_by_dup3},
    {by_close, again_by_dup2},   {by_range, again_by_dup2},
    {by_range, again_by_fcntl},
};
#define WAYS (int)(sizeof(ways) / sizeof(*ways))

/* ---- children ---- */

static void work(int fd, int way)
{
    ways[way].leaves(fd);
    ways[way].has(fd);
    call(fd);
    fflush(stdout);
}

static void *work_in_thread(void *fd)
{
    work((int)(intptr_t)fd, 0);
    return NULL;
}

static void in_thread(void *(*what)(void *), int fd)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, what, (void *)(intptr_t)fd) != 0)
        exit(7);
    pthread_join(thread, NULL);
}

static pid_t by_bare_clone(void)
{
    return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static pid_t by_own_fork(void)
{
    pid_t (*own)(void) = (pid_t(*)(void))dlsym(RTLD_DEFAULT, "_Fork");

    return own ? own() : fork();
}

static void child(int fd, pid_t (*forks)(void), void (*what)(int), int way)
{
    pid_t pid = forks();

    if (pid == 0) {
        if (what)
            what(fd);
        else
            work(fd, way);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

static void grandchild(int fd)
{
    child(fd, fork, NULL, 0);
}

static void behind_vfork(int fd)
{
    pid_t pid = vfork();

    if (pid == 0) {
        close(fd);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    work(fd, 0);
}

/* A child of vfork is the first that uses a connection in the memory of a child
 * that no function tells of. */
static void behind_use(int fd)
{
    pid_t pid = vfork();

    if (pid == 0) {
        close(dial());
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    work(fd, 0);
}

static void behind_exec(int fd)
{
    char number[12];

    sprintf(number, "%d", fd);
    execl(self, self, "executed", where, number, (char *)NULL);
    _exit(8);
}

static void by_child_of_thread(int fd)
{
    in_thread(work_in_thread, fd);
}

static void *forks_in_thread(void *fd)
{
    child((int)(intptr_t)fd, fork, NULL, 0);
    return NULL;
}

/* Behind daemon(), whose fork is libc's own; the pipe's end tells of its end.
 */
static void as_daemon(int fd)
{
    if (daemon(1, 1) == 0)
        work(fd, 0);
}

static void daemons(int fd)
{
    int ends[2];
    char byte;
    pid_t pid;

    if (pipe(ends) != 0)
        exit(9);
    pid = fork();
    if (pid == 0) {
        close(ends[0]);
        as_daemon(fd);
        _exit(0);
    }
    close(ends[1]);
    waitpid(pid, NULL, 0);
    (void)!read(ends[0], &byte, 1);
    close(ends[0]);
}

/* Children that share the memory, and so may change nothing there. */
static void vforks(int fd, int how)
{
    int null = open("/dev/null", O_RDWR);
    pid_t pid = vfork();

    if (pid == 0) {
        if (how == 0)
            close(fd);
        else if (how == 1)
            dup2(null, fd);
        else
            close(dup(fd));
        if (how == 2)
            execl("/bin/true", "true", (char *)NULL);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    close(null);
}

static void spawns(int fd)
{
    posix_spawn_file_actions_t all;
    char *argv[] = {(char[]){"true"}, NULL};
    pid_t pid;

    posix_spawn_file_actions_init(&all);
    posix_spawn_file_actions_addclose(&all, fd);
    posix_spawn_file_actions_adddup2(&all, 2, fd);
    if (posix_spawn(&pid, "/bin/true", &all, NULL, argv, environ) == 0)
        waitpid(pid, NULL, 0);
    posix_spawn_file_actions_destroy(&all);
}

/* Each has one call in a child, but those that share the memory. */
static void one(int fd, int which)
{
    switch (which - WAYS) {
    case 0:
        child(fd, by_bare_clone, NULL, 0);
        break;
    case 1:
        child(fd, by_own_fork, NULL, 0);
        break;
    case 2:
        child(fd, fork, grandchild, 0);
        break;
    case 3:
        child(fd, fork, behind_vfork, 0);
        break;
    case 4:
        child(fd, fork, behind_exec, 0);
        break;
    case 5:
        child(fd, fork, by_child_of_thread, 0);
        break;
    case 6:
        in_thread(forks_in_thread, fd);
        break;
    case 7:
        daemons(fd);
        break;
    case 8:
    case 9:
    case 10:
        vforks(fd, which - WAYS - 8);
        break;
    case 11:
        spawns(fd);
        break;
    case 12:
        child(fd, by_bare_clone, behind_use, 0);
        break;
    default:
        child(fd, fork, NULL, which);
    }
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    self = argv[0];
    where = argv[2];
    port = atoi(where);
    if (argc == 4) {
        work(atoi(argv[3]), 0);
        _exit(0);
    }
    for (int i = 0; i < WAYS + 13; i++) {
        int fd = dial();

        printf("%d\n", i);
        if (strcmp(argv[1], "idle") == 0)
            call(fd);
        if (strcmp(argv[1], "answered") == 0)
            send_model(fd, "gpt-test");
        fflush(stdout);
        one(fd, i);
        if (strcmp(argv[1], "answered") == 0)
            answer((void *)(intptr_t)fd);
        call(fd);
        close(fd);
    }
    return 0;
}
