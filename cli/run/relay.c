#include "cli/run/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/file.h"

struct llmobs_relayed {
    atomic_size_t len;
    char data[LLMOBS_RELAY_MAX];
};

static void keep(struct llmobs_relayed *kept, const char *data, size_t len)
{
    size_t have = atomic_load(&kept->len);

    if (len > LLMOBS_RELAY_MAX - have)
        len = LLMOBS_RELAY_MAX - have;
    memcpy(kept->data + have, data, len);
    atomic_store(&kept->len, have + len);
}

/* Passes bytes on. When the reader of the output has gone, closes the pipe, so
 * that the command notices this as it would without a relay. */
static void pass_on(int from, struct llmobs_relayed *kept)
{
    char part[16384];
    ssize_t n;

    for (;;) {
        n = read(from, part, sizeof(part));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        keep(kept, part, (size_t)n);
        if (llmobs_file_write(STDOUT_FILENO, part, (size_t)n))
            return;
    }
}

/* Runs until the command's output ends; a signal for the command does not end
 * it. */
static void run_relay_run(struct llmobs_relay *relay)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    close(relay->pipe[1]);
    pass_on(relay->pipe[0], relay->kept);
    _exit(0);
}

int llmobs_relay_begin(struct llmobs_relay *relay)
{
    int rc;

    relay->pid = 0;
    relay->kept = mmap(NULL, sizeof(*relay->kept), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (relay->kept == MAP_FAILED) {
        relay->kept = NULL;
        return -errno;
    }
    rc = pipe2(relay->pipe, O_CLOEXEC) == 0 ? 0 : -errno;
    if (rc == 0) {
        relay->pid = fork();
        if (relay->pid == 0)
            run_relay_run(relay);
        if (relay->pid > 0)
            return 0;
        rc = -errno;
        llmobs_relay_leave(relay);
    }
    munmap(relay->kept, sizeof(*relay->kept));
    relay->kept = NULL;
    return rc;
}

void llmobs_relay_enter(const struct llmobs_relay *relay)
{
    if (relay->kept)
        dup2(relay->pipe[1], STDOUT_FILENO);
}

void llmobs_relay_leave(struct llmobs_relay *relay)
{
    if (!relay->kept)
        return;
    close(relay->pipe[0]);
    close(relay->pipe[1]);
}

struct llmobs_text llmobs_relay_take(struct llmobs_relay *relay, int ms)
{
    const struct timespec moment = {0, 1000000};
    struct llmobs_text text = {NULL, 0};

    if (!relay->kept)
        return text;
    for (; ms > 0 && waitpid(relay->pid, NULL, WNOHANG) == 0; ms--)
        nanosleep(&moment, NULL);
    text.len = atomic_load(&relay->kept->len);
    text.data = relay->kept->data;
    return text;
}
