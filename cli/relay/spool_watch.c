#include "cli/relay/spool_watch.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/ledger/ledger_dir.h"

/* Entries come in groups: so long after the first event the others are there,
 * too. */
#define GATHER_MS 5

static void watch_process(struct llmobs_spool_watch *watch, const char *name)
{
    struct llmobs_record_owner who;
    char path[sizeof(watch->base) + LLMOBS_RECORD_NAME_MAX + 1];

    if (!llmobs_record_parse(name, &who))
        return;
    snprintf(path, sizeof(path), "%s/%s", watch->base, name);
    if (inotify_add_watch(watch->fd, path,
                          IN_CLOSE_WRITE | IN_ONLYDIR | IN_DONT_FOLLOW) < 0 &&
        (errno == ENOSPC || errno == ENOMEM))
        watch->blind = true;
}

static int watch_all(struct llmobs_spool_watch *watch)
{
    struct dirent *entry;
    DIR *dir = opendir(watch->base);

    if (dir == NULL)
        return -errno;
    while ((entry = readdir(dir)) != NULL)
        watch_process(watch, entry->d_name);
    closedir(dir);
    return 0;
}

int llmobs_spool_watch_open(struct llmobs_spool_watch *watch, const char *base)
{
    int rc = 0;

    snprintf(watch->base, sizeof(watch->base), "%s", base);
    watch->blind = true;
    watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch->fd < 0)
        return -errno;
    watch->blind = false;
    if (inotify_add_watch(watch->fd, base,
                          IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0)
        rc = -errno;
    if (rc == 0)
        rc = watch_all(watch);
    if (rc != 0)
        llmobs_spool_watch_close(watch);
    return rc;
}

void llmobs_spool_watch_close(struct llmobs_spool_watch *watch)
{
    if (watch->fd >= 0)
        close(watch->fd);
    watch->fd = -1;
    watch->blind = true;
}

static void read_events(struct llmobs_spool_watch *watch)
{
    _Alignas(struct inotify_event) char bytes[8192];
    const struct inotify_event *event;
    ssize_t len;

    while ((len = read(watch->fd, bytes, sizeof(bytes))) > 0)
        for (size_t at = 0; at < (size_t)len;
             at += sizeof(*event) + event->len) {
            event = (const struct inotify_event *)(const void *)(bytes + at);
            if (event->mask & IN_Q_OVERFLOW)
                (void)watch_all(watch);
            else if (event->len > 0 && event->mask & (IN_CREATE | IN_MOVED_TO))
                watch_process(watch, event->name);
        }
}

static bool poll_until(const struct llmobs_spool_watch *watch, int64_t until_ns)
{
    struct pollfd wait = {.fd = watch->fd, .events = POLLIN};
    int64_t now = llmobs_clock_mono_ns();
    int64_t blind_ns = now + LLMOBS_SPOOL_WATCH_BLIND_MS * LLMOBS_NS_PER_MS;
    struct timespec left;

    if (watch->blind && until_ns > blind_ns)
        until_ns = blind_ns;
    left = llmobs_clock_wait(until_ns > now ? until_ns - now : 0);
    return ppoll(&wait, 1, &left, NULL) > 0;
}

bool llmobs_spool_watch_wait(struct llmobs_spool_watch *watch, int64_t until_ns)
{
    const struct timespec gather = {0, GATHER_MS * LLMOBS_NS_PER_MS};

    if (!poll_until(watch, until_ns))
        return false;
    (void)nanosleep(&gather, NULL);
    read_events(watch);
    return true;
}
