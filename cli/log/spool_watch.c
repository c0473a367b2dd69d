#include "cli/log/spool_watch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "core/log/spool_name.h"

/* Entries come in groups: this long after the first event the other events of
 * the group have come. */
#define GATHER_MS 5
/* During constant writes wait reports no more often than this, so that many
 * entries share one look at the spool and one request. */
#define BUSY_MS 40

int llmobs_spool_watch_open(struct llmobs_spool_watch *watch, const char *base)
{
    int rc = 0;

    snprintf(watch->base, sizeof(watch->base), "%s", base);
    watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch->fd < 0)
        return -errno;
    if (inotify_add_watch(watch->fd, base, IN_CLOSE_WRITE | IN_ONLYDIR) < 0) {
        rc = -errno;
        close(watch->fd);
        watch->fd = -1;
    }
    return rc;
}

/* Reads the events that are there; true: one of them is news: something was
 * written to a process's file, or events were lost. */
static bool read_events(struct llmobs_spool_watch *watch)
{
    _Alignas(struct inotify_event) char bytes[8192];
    const struct inotify_event *event;
    struct llmobs_spool_name name;
    bool news = false;
    ssize_t len;

    while ((len = read(watch->fd, bytes, sizeof(bytes))) > 0) {
        for (size_t at = 0; at < (size_t)len;
             at += sizeof(*event) + event->len) {
            event = (const struct inotify_event *)(const void *)(bytes + at);
            news |=
                event->mask & IN_Q_OVERFLOW ||
                (event->len > 0 && llmobs_spool_name_parse(event->name, &name));
        }
        if ((size_t)len < sizeof(bytes) / 2)
            break; /* no more events are there */
    }
    return news;
}

static bool poll_until(const struct llmobs_spool_watch *watch, int64_t until_ns)
{
    struct pollfd wait = {.fd = watch->fd, .events = POLLIN};
    int64_t now = llmobs_clock_mono_ns();
    int64_t blind_ns = now + LLMOBS_SPOOL_WATCH_BLIND_MS * LLMOBS_NS_PER_MS;
    struct timespec left;

    if (watch->fd < 0 && until_ns > blind_ns)
        until_ns = blind_ns;
    left = llmobs_clock_wait(until_ns > now ? until_ns - now : 0);
    return ppoll(&wait, 1, &left, NULL) > 0;
}

/* Sleeps while more events of the group come. */
static void gather(struct llmobs_spool_watch *watch)
{
    int64_t now = llmobs_clock_mono_ns();
    int64_t until = now + GATHER_MS * LLMOBS_NS_PER_MS;
    struct timespec left;

    if (until < watch->told_ns + BUSY_MS * LLMOBS_NS_PER_MS)
        until = watch->told_ns + BUSY_MS * LLMOBS_NS_PER_MS;
    left = llmobs_clock_wait(until - now);
    (void)nanosleep(&left, NULL);
    watch->told_ns = llmobs_clock_mono_ns();
}

/* The events of the caller's own notes are news, too: one more look finds that
 * there is nothing, and writes nothing. */
bool llmobs_spool_watch_wait(struct llmobs_spool_watch *watch, int64_t until_ns)
{
    bool news = read_events(watch);

    while (!news && poll_until(watch, until_ns))
        news = read_events(watch);
    if (!news)
        return false;
    gather(watch);
    (void)read_events(watch);
    return true;
}
