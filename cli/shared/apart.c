/* Forks a child for work with another user's rights. */
#include "cli/shared/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/shared/escape.h"
#include "cli/shared/tell.h"
#include "lib/base/clock.h"

/* A killed child may take a second to end. */
#define KILLED_NS 1000000000

/* So that a place that never answers holds up nobody who reads the output. */
static void release_output(int but)
{
    int none = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = 1; none >= 0 && fd <= 2; fd++)
        if (fd != but)
            (void)dup2(none, fd);
}

int llmobs_apart_start(struct llmobs_apart *child, int flags,
                       const struct llmobs_user_spool *place,
                       struct llmobs_config *config, llmobs_apart_fn *work,
                       void *ctx)
{
    bool mute = flags == LLMOBS_APART_MUTE;
    int ends[2] = {-1, -1}, error;
    pid_t pid;

    if (!mute && pipe2(ends, O_CLOEXEC | flags) != 0)
        return -errno;
    fflush(NULL);
    pid = fork();
    error = errno;
    if (pid == 0) {
        if (!mute)
            close(ends[0]);
        if (place && place->pid != 0)
            release_output(ends[1]);
        _exit(work(ctx, place ? llmobs_user_spool_enter(place, config) : 0,
                   ends[1]));
    }
    if (!mute)
        close(ends[1]);
    if (pid < 0 && !mute)
        close(ends[0]);
    if (pid > 0)
        *child = (struct llmobs_apart){pid, ends[0]};
    return pid < 0 ? -error : 0;
}

int llmobs_apart_receive(const struct llmobs_apart *child, int64_t ms,
                         struct llmobs_buf *text)
{
    int64_t until = llmobs_clock_mono_ns() + ms * LLMOBS_NS_PER_MS;
    char part[16384];
    ssize_t n;

    for (;;) {
        struct pollfd ready = {child->fd, POLLIN, 0};
        int64_t left = (until - llmobs_clock_mono_ns()) / LLMOBS_NS_PER_MS;

        if (left <= 0)
            return -ETIMEDOUT;
        if (poll(&ready, 1, (int)left) <= 0)
            continue;
        n = read(child->fd, part, sizeof(part));
        if (n <= 0)
            return n < 0 ? -errno : 0;
        if (llmobs_buf_add(text, part, (size_t)n) != 0)
            return -EFBIG;
    }
}

int llmobs_apart_end(struct llmobs_apart *child, bool now)
{
    struct timespec pause = {0, 1 << 14};
    int status = 0;
    pid_t ended;

    if (now)
        kill(child->pid, SIGKILL);
    /* It stays where the kernel waits for a file system that never answers. */
    while ((ended = waitpid(child->pid, &status, now ? WNOHANG : 0)) == 0 &&
           pause.tv_nsec < KILLED_NS) {
        (void)nanosleep(&pause, NULL);
        pause.tv_nsec *= 2;
    }
    while (ended < 0 && errno == EINTR)
        ended = waitpid(child->pid, &status, 0);
    close(child->fd);
    child->pid = 0;
    return status;
}

void llmobs_apart_tell(const char *command, const char *path, const char *broke,
                       int error)
{
    char room[LLMOBS_ESCAPE_NAME];

    llmobs_escape_name(path, room);
    if (error == -ECHILD)
        llmobs_tell("%s: %s: %s broke off\n", command, room, broke);
    else
        llmobs_tell("%s: %s: %s\n", command, room, strerror(-error));
}
