/* Runs the command `llmobs relay`: watches spools until it may end. */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/shared/apart.h"
#include "cli/shared/cli.h"
#include "cli/shared/deliver.h"
#include "cli/shared/descriptors.h"
#include "cli/shared/ending.h"
#include "cli/shared/guard.h"
#include "cli/shared/open_libcurl.h"
#include "cli/shared/options.h"
#include "cli/shared/spool_dirs.h"
#include "cli/shared/tell.h"
#include "lib/base/clock.h"
#include "lib/base/dirs.h"
#include "lib/base/log.h"
#include "core/config/config.h"
#include "core/log/relay_sign.h"
#include "core/log/spool_file.h"
#include "core/deliver/drain.h"
#include "cli/log/relay_places.h"

/* -- the processes of a relay ---------------------------------------------- */

/* One for each spool, which becomes the spool's user. A user may stop or kill
 * the process of that user's spool, and harms nobody else: a new process is
 * started a moment later. */

struct llmobs_relay_children {
    struct llmobs_config *config;
    const struct llmobs_config *unset; /* of an environment without settings */
    long idle_s;                       /* 0: a child never ends by itself */
    bool ended;        /* all children have ended, as they had no work or no
                        * spool */
    int64_t served_ns; /* when a child last ran */
    struct llmobs_relay_places places;
};

/* How long a child may take to end. */
#define LATE_MS 2000
/* The time between two counts of the spool's bytes. */
#define ROOM_MS 1000
/* The time between two looks for containers that have ended. */
#define LIVING_MS 10000
/* The time between two looks for clients that live and make no calls. */
#define CLIENTS_MS 5000
/* For how long a process relies on its last look for a sign (spool_relay.c),
 * and for how long the sign of a relay may be locked by one that looks. */
#define RELIES_MS 1200
#define LOCKED_MS 1000
/* The exit status of a child that cannot serve its spool, and of one that had
 * no work for `idle_s`. */
#define FAILED 1
#define IDLE 3

/* -- in the child process ------------------------------------------------- */

struct watch {
    int fd;          /* -1: the spool has no watch */
    int64_t told_ns; /* when it last reported an event; 0: never */
    char base[PATH_MAX];
};

struct child {
    const struct llmobs_relay_children *children;
    const struct llmobs_user_spool *place;
    pid_t parent;
    struct llmobs_relay_sign sign;
    struct watch watch;
    struct llmobs_adopt *adopt;
    struct llmobs_live_namespaces living;
    int64_t renewed_ns;
    int64_t living_ns; /* when it last read the namespaces */
    int64_t room_ns;   /* when it last counted the bytes of the spool */
    int64_t busy_ns;   /* when the spool was last in use */
    bool idle;
    bool own;           /* it serves one owner alone, in this process */
    uint64_t taken;     /* entries, at the last look */
    int64_t clients_ns; /* when it last looked for clients */
};

/* Inotify tells a child that something was written to its spool. The child
 * looks at once after a time without writes, every BUSY_MS during constant
 * writes, so that many entries share one look and one request, and every
 * BLIND_MS where the kernel has no watch left. A lost event costs time and no
 * more: the child looks again by itself. */
#define BUSY_MS 40
#define BLIND_MS 50
/* Entries come in groups: this long after the first event the other events of
 * the group have come. */
#define GATHER_MS 5

/* Reads the events that are there; true: one of them is news: something was
 * written to a process's file, or events were lost. */
static bool read_events(struct watch *watch)
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

/* Sleeps until something is written, `until_ns` (monotonic) at the latest.
 * True: something was written. A signal ends the sleep. The events of the
 * child's own notes are news, too: one more look finds that there is nothing,
 * and writes nothing. */
static bool watch_wait(struct watch *watch, int64_t until_ns)
{
    struct pollfd wait = {.fd = watch->fd, .events = POLLIN};
    bool news = read_events(watch);
    int64_t now = llmobs_clock_mono_ns();
    struct timespec left;

    if (watch->fd < 0 && until_ns > now + BLIND_MS * LLMOBS_NS_PER_MS)
        until_ns = now + BLIND_MS * LLMOBS_NS_PER_MS;
    while (!news) {
        now = llmobs_clock_mono_ns();
        left = llmobs_clock_wait(until_ns > now ? until_ns - now : 0);
        if (ppoll(&wait, 1, &left, NULL) <= 0)
            return false;
        news = read_events(watch);
    }
    now = llmobs_clock_mono_ns();
    until_ns = now + GATHER_MS * LLMOBS_NS_PER_MS;
    if (until_ns < watch->told_ns + BUSY_MS * LLMOBS_NS_PER_MS)
        until_ns = watch->told_ns + BUSY_MS * LLMOBS_NS_PER_MS;
    left = llmobs_clock_wait(until_ns - now);
    (void)nanosleep(&left, NULL);
    watch->told_ns = llmobs_clock_mono_ns();
    (void)read_events(watch);
    return true;
}

/* True where `ms` have passed since *last_ns, or *last_ns is 0; then sets it to
 * now. */
static bool is_time(int64_t *last_ns, int64_t ms)
{
    int64_t now = llmobs_clock_mono_ns();

    if (*last_ns != 0 && now - *last_ns < ms * LLMOBS_NS_PER_MS)
        return false;
    *last_ns = now;
    return true;
}

/* Renews the sign. A child whose sign is gone ends, and the next child makes a
 * new sign. */
static void renew(void *ctx)
{
    struct child *child = ctx;
    bool has = false;
    int base;

    if (!is_time(&child->renewed_ns, LLMOBS_RELAY_RENEW_MS))
        return;
    (void)llmobs_relay_sign_renew(&child->sign);
    if (llmobs_spool_open_dir(child->children->config, false, &base) == 0) {
        has = llmobs_relay_sign_is_there(&child->sign, base);
        close(base);
    }
    if (!has)
        llmobs_ending_stop();
}

/* Lists the live namespaces. Only root sees all of them; others get none. */
static void read_living(struct child *child)
{
    if (!is_time(&child->living_ns, LIVING_MS))
        return;
    llmobs_live_namespaces_free(&child->living);
    (void)llmobs_live_namespaces_read("/proc", &child->living);
}

static bool has_processes(const char *base)
{
    struct llmobs_spool_name name;
    struct dirent *entry;
    DIR *dir = opendir(base);
    bool any = false;
    uint64_t start;

    while (dir && !any && (entry = readdir(dir)))
        any = llmobs_spool_name_parse(entry->d_name, &name) &&
              name.who.pid != getpid() &&
              llmobs_process_start(name.who.pid, &start) == 0 &&
              !llmobs_process_is_another(&name.who, start);
    if (dir)
        closedir(dir);
    return any;
}

static void remove_sign(struct child *child)
{
    int base = -1;

    (void)llmobs_spool_open_dir(child->children->config, false, &base);
    llmobs_relay_sign_remove(&child->sign, base);
    if (base >= 0)
        close(base);
}

static int put_sign(struct child *child)
{
    const struct llmobs_owner *owners[LLMOBS_ADOPT_OWNERS];
    size_t count = llmobs_adopt_owners(child->adopt, owners);
    int base, rc = llmobs_spool_open_dir(child->children->config, false, &base);

    if (rc != 0)
        return rc;
    if (child->own)
        child->sign.owner = owners[0];
    rc = llmobs_relay_sign_write(&child->sign, base, owners, count);
    if (rc == -EBUSY && child->own && llmobs_relay_sign_is_up(base, owners[0]))
        rc = -EALREADY;
    close(base);
    return rc;
}

static bool is_idle_for(const struct child *child, int64_t now)
{
    long idle_s = child->children->idle_s;

    return idle_s != 0 &&
           now - child->busy_ns >= idle_s * 1000 * LLMOBS_NS_PER_MS;
}

/* A relay of one owner's destinations ends although calls wait for a peer that
 * is away: the next client starts another. Other owners' files are no news. It
 * looks once more without its sign: a process that had seen the sign may have
 * left a call meanwhile. */
static void look_for_clients(struct child *child, int64_t now)
{
    const struct timespec moment = {RELIES_MS / 1000,
                                    RELIES_MS % 1000 * LLMOBS_NS_PER_MS};
    uint64_t taken = llmobs_stats_get(LLMOBS_STAT_adopted) +
                     llmobs_stats_get(LLMOBS_STAT_captured);

    if (taken != child->taken || (is_time(&child->clients_ns, CLIENTS_MS) &&
                                  llmobs_adopt_has_clients(child->adopt)))
        child->busy_ns = now;
    child->taken = taken;
    if (!is_idle_for(child, now))
        return;
    remove_sign(child);
    (void)nanosleep(&moment, NULL);
    if ((llmobs_adopt_has_clients(child->adopt) ||
         llmobs_adopt_has_left(child->adopt)) &&
        put_sign(child) == 0) {
        child->busy_ns = now;
        return;
    }
    child->idle = true;
    llmobs_ending_stop();
}

static void wait_for_news(void *ctx, int64_t until_ns)
{
    struct child *child = ctx;
    int64_t now = llmobs_clock_mono_ns();
    bool news = watch_wait(&child->watch, until_ns);
    long idle_s = child->children->idle_s;
    struct llmobs_adopt_counts left = {0};
    uint64_t bytes;

    renew(child);
    read_living(child);
    /* Other processes read from a file how full the spool is. */
    if (news && is_time(&child->room_ns, ROOM_MS))
        (void)llmobs_spool_usage(child->children->config, &bytes);
    if (child->own) {
        look_for_clients(child, now);
        return;
    }
    if (!news && idle_s != 0 && !is_idle_for(child, now))
        return;
    /* It goes on where the spool has processes, or calls for its destination.
     */
    if (news || idle_s == 0 ||
        llmobs_adopt_count(child->adopt, &left) == -EBUSY || left.ours > 0 ||
        has_processes(child->watch.base)) {
        child->busy_ns = now;
        return;
    }
    child->idle = true;
    atomic_store(&llmobs_ending, true);
}

/* While another relay has the spool, this one waits for its end: so a new
 * version can be started before the old one is stopped. -ETIME: the time of an
 * idle relay is up. */
static int wait_for_sign(struct child *child)
{
    const struct timespec moment = {0,
                                    (child->own ? 5 : 200) * LLMOBS_NS_PER_MS};
    int64_t idle_ns = child->children->idle_s * 1000 * LLMOBS_NS_PER_MS;
    int64_t began = llmobs_clock_mono_ns();
    int rc;

    if (child->own)
        idle_ns = LOCKED_MS * LLMOBS_NS_PER_MS;
    while ((rc = put_sign(child)) == -EBUSY && !atomic_load(&llmobs_ending)) {
        if (idle_ns != 0 && llmobs_clock_mono_ns() - began >= idle_ns)
            return -ETIME;
        (void)nanosleep(&moment, NULL);
    }
    return atomic_load(&llmobs_ending) ? -EINTR : rc;
}

static int open_child(struct child *child)
{
    struct llmobs_config *config = child->children->config;
    struct watch *watch = &child->watch;
    int rc = llmobs_spool_dir(config, watch->base, sizeof(watch->base));

    if (rc != 0)
        return rc;
    read_living(child);
    child->adopt = llmobs_adopt_new(config, LLMOBS_ADOPT_SAME, &child->living);
    if (!child->adopt)
        return -ENOMEM;
    rc = llmobs_adopt_set_relay(child->adopt,
                                child->own ? config : child->children->unset,
                                &child->sign);
    if (rc != 0)
        return rc;
    rc = wait_for_sign(child);
    child->renewed_ns = llmobs_clock_mono_ns();
    if (rc != 0)
        return rc;
    watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch->fd >= 0 && inotify_add_watch(watch->fd, watch->base,
                                            IN_CLOSE_WRITE | IN_ONLYDIR) < 0) {
        close(watch->fd);
        watch->fd = -1;
    }
    if (watch->fd < 0)
        llmobs_log(LLMOBS_LOG_WARN,
                   "relay: %s: no inotify: it looks for calls every %d ms",
                   watch->base, BLIND_MS);
    return 0;
}

static int relay_child_serve(struct child *child)
{
    const struct llmobs_relay_waits waits = {wait_for_news, renew, child};
    int rc = open_child(child);

    if (rc != 0)
        return rc;
    llmobs_cli_open_libcurl();
    llmobs_guard_begin();
    child->busy_ns = llmobs_clock_mono_ns();
    rc = llmobs_drain(child->children->config, child->adopt, &waits,
                      &llmobs_ending);
    if (rc == 0)
        remove_sign(child);
    return rc;
}

static int run_apart(void *ctx, int entered, int fd)
{
    struct child *child = ctx;
    int rc = entered;

    (void)fd;
    llmobs_ending_begin();
    /* The kernel forgets the signal at the parent's end when a process changes
     * its user, and sends none for a parent that is gone. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != child->parent)
        _exit(0);
    if (rc == 0)
        rc = relay_child_serve(child);
    if (rc == -ETIME || (rc == 0 && child->idle))
        return IDLE;
    /* A user may have no spool, and may remove it at any time. */
    if (rc != 0 && rc != -EINTR)
        llmobs_log(rc == -ENOENT ? LLMOBS_LOG_DEBUG : LLMOBS_LOG_ERROR,
                   "relay: %s: %s", child->place->path, strerror(-rc));
    return rc != 0 ? FAILED : 0;
}

/* -- in the process that starts them --------------------------------------- */

/* Starts the child of a spool that has none. */
static int relay_child_have(struct llmobs_relay_children *children,
                            const struct llmobs_user_spool *spool)
{
    struct llmobs_relay_place *place =
        llmobs_relay_places_meet(&children->places, spool->uid, spool->path);
    struct child child = {.children = children,
                          .place = spool,
                          .parent = getpid(),
                          .sign = {-1, NULL},
                          .watch = {.fd = -1}};
    struct llmobs_apart apart = {0, -1};
    int rc;

    if (!place)
        return -ENOSPC;
    if (place->pid != 0 || llmobs_clock_mono_ns() < place->again_ns)
        return 0;
    rc = llmobs_apart_start(&apart, LLMOBS_APART_MUTE, spool, children->config,
                            run_apart, &child);
    place->pid = apart.pid;
    return rc;
}

/* Notes which children have ended. */
static void relay_children_reap(struct llmobs_relay_children *children)
{
    int64_t now = llmobs_clock_mono_ns();
    size_t known = 0, idle = 0, failed = 0;

    for (size_t i = 0; i < LLMOBS_RELAY_PLACES; i++) {
        struct llmobs_relay_place *place = &children->places.list[i];
        int status;

        if (place->pid != 0 &&
            waitpid(place->pid, &status, WNOHANG) == place->pid) {
            status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
            idle += status == IDLE;
            failed += status == FAILED;
            llmobs_relay_place_ended(place, status == FAILED);
        }
        known += place->pid != 0;
    }
    if (known > 0 || children->served_ns == 0)
        children->served_ns = now;
    if (children->idle_s != 0 &&
        now - children->served_ns >= children->idle_s * 1000 * LLMOBS_NS_PER_MS)
        failed++;
    children->ended =
        known == 0 && (idle > 0 || (children->idle_s != 0 && failed > 0));
}

/* Sends the signal to all children, and waits for their end, LATE_MS at most.
 */
static void end_by(struct llmobs_relay_children *children,
                   const sigset_t *signals, int number)
{
    int64_t until = llmobs_clock_mono_ns() + LATE_MS * LLMOBS_NS_PER_MS;

    for (size_t i = 0; i < LLMOBS_RELAY_PLACES; i++)
        if (children->places.list[i].pid != 0)
            kill(children->places.list[i].pid, number);
    for (size_t i = 0; i < LLMOBS_RELAY_PLACES; i++) {
        pid_t *pid = &children->places.list[i].pid;

        while (*pid != 0) {
            int64_t now = llmobs_clock_mono_ns();
            struct timespec left = llmobs_clock_wait(until - now);

            if (waitpid(*pid, NULL, WNOHANG) != 0)
                *pid = 0;
            else if (now >= until)
                break;
            else
                (void)sigtimedwait(signals, NULL, &left);
        }
    }
}

/* Tells all children to end, and kills those that take too long. One that waits
 * for a file system the kernel keeps, and this process leaves. */
static void relay_children_end(struct llmobs_relay_children *children,
                               const sigset_t *signals)
{
    end_by(children, signals, SIGTERM);
    end_by(children, signals, SIGKILL);
    llmobs_relay_places_free(&children->places);
}

/* The time between two looks for spools of users that have none so far. */
#define LOOK_MS 2000
/* How long a starter waits for the sign of its relay in the background, and the
 * time between two looks for the sign. */
#define SIGN_MS 500
#define SIGN_LOOK_MS 1
/* A relay that ends at once may have found another relay, which needs this time
 * to put up its sign. */
#define OTHER_MS 50
/* A relay that a program's start or the library has started ends when it has
 * had no client for this time. */
#define IDLE_S 60
/* The wait ends after this time, even if a disk hangs. */
#define HANGS_S 2

struct relay {
    const char *dir; /* NULL: the configured spool; for root, all users' */
    bool background; /* a relay of this environment's destinations is to run
                      * beside the command */
    bool own;        /* this process is that relay */
    sigset_t signals;
    struct llmobs_config *config; /* the children's, too */
    struct llmobs_relay_children children;
};

static int load_config(struct relay *relay)
{
    static const char *none[] = {NULL};
    struct llmobs_config *unset = llmobs_config_load(none, NULL, NULL);

    relay->config = llmobs_config_load((const char **)environ, NULL, NULL);
    if (!relay->config || !unset)
        return -ENOMEM;
    relay->children.config = relay->config;
    relay->children.unset = unset;
    if (!relay->config->store_dir || unset->store_dir)
        return 0;
    /* The store's directory is where a process has its spool, too. */
    unset->store_dir = strdup(relay->config->store_dir);
    return unset->store_dir ? 0 : -ENOMEM;
}

/* Starts a process for a spool; a failure does not end the walk. A user may
 * have only a store yet. Where root may not look, as on a network file system,
 * the user's process looks. */
static int visit(void *ctx, const struct llmobs_user_spool *place)
{
    struct relay *relay = ctx;
    struct stat st;
    bool missing =
        lstat(place->path, &st) != 0 && (errno == ENOENT || errno == ENOTDIR);
    int rc = missing ? 0 : relay_child_have(&relay->children, place);

    if (rc != 0)
        llmobs_log_once(LLMOBS_LOG_ERROR, "relay child",
                        "relay: %s: no process for this spool: %s", place->path,
                        strerror(-rc));
    return 0;
}

/* This user's spool has its relay from the start on: without a sign the first
 * process would not find it. */
static int visit_own(struct relay *relay)
{
    struct llmobs_user_spool place = {
        .path = relay->dir, .chosen = relay->dir != NULL, .uid = geteuid()};
    struct child child = {.children = &relay->children,
                          .place = &place,
                          .sign = {-1, NULL},
                          .watch = {.fd = -1},
                          .own = true};
    char path[PATH_MAX];
    int fd, rc;

    if (!relay->dir) {
        rc = llmobs_spool_dir(relay->config, path, sizeof(path));
        if (rc != 0)
            return rc;
        place.path = path;
        place.chosen = relay->config->spool_dir || relay->config->store_dir;
    }
    rc = llmobs_dirs_have(place.path, place.chosen, &fd);
    if (rc != 0)
        return rc;
    close(fd);
    if (!relay->own)
        return relay_child_have(&relay->children, &place);
    /* Serves the spool for the configuration's destinations alone, in this
     * process, until it has had no client for idle_s. Gives way to a relay that
     * lives. */
    llmobs_ending_begin();
    rc = relay_child_serve(&child);
    return rc == -ETIME || rc == -EALREADY || rc == -EINTR ? 0 : rc;
}

static void run(struct relay *relay)
{
    const struct timespec left = {LOOK_MS / 1000, 0};
    int number, rc;

    signal(SIGCHLD, SIG_DFL);
    relay->signals = llmobs_ending_block(true);
    do {
        relay_children_reap(&relay->children);
        if (relay->children.ended)
            break;
        rc = visit_own(relay);
        if (rc == 0)
            rc =
                llmobs_spool_dirs_here(relay->dir, relay->config, visit, relay);
        if (rc == 0)
            llmobs_relay_places_sweep(&relay->children.places);
        if (rc != 0 && rc != -ENOENT)
            llmobs_log_once(LLMOBS_LOG_WARN, "relay", "relay: the spools: %s",
                            strerror(-rc));
        number = sigtimedwait(&relay->signals, NULL, &left);
    } while (number != SIGTERM && number != SIGINT);
    relay_children_end(&relay->children, &relay->signals);
}

/* -- a relay that the command leaves behind -------------------------------- */

static void detach(const struct llmobs_config *config)
{
    setsid();
    llmobs_cli_release_descriptors(false);
    /* The directory may be on a disk that is to be unmounted. */
    if (!config->log_path || *config->log_path == '/')
        (void)!chdir("/");
}

/* Starts a relay for this environment's destinations in a new process. It gets
 * a session of its own and none of this process's descriptors, and is not a
 * child of the command that started it. Returns 1 in the new process. Returns 0
 * in this process when no relay is wanted, or when one delivers for these
 * destinations. If two relays are started at the same time, one of them ends at
 * once. */
static int start_in_background(const struct llmobs_config *config)
{
    pid_t pid;

    /* With these settings a process would not leave its calls to a relay. */
    if (!llmobs_cli_observing(config) || !config->relay ||
        config->spool_max <= 0 ||
        config->otlp.signals[LLMOBS_SIGNAL_METRICS].on)
        return 0;
    alarm(HANGS_S); /* a forked child has no alarm */
    if (llmobs_relay_find(config) == LLMOBS_RELAY_UP)
        return 0;
    pid = fork();
    if (pid < 0)
        return -errno;
    if (pid > 0) {
        const struct timespec moment = {0, SIGN_LOOK_MS * LLMOBS_NS_PER_MS};
        int64_t now = llmobs_clock_mono_ns();
        int64_t until = now + SIGN_MS * LLMOBS_NS_PER_MS;
        bool ended = false;

        for (; now < until; now = llmobs_clock_mono_ns()) {
            if (llmobs_relay_find(config) == LLMOBS_RELAY_UP)
                return 0;
            if (!ended && waitpid(pid, NULL, WNOHANG) == pid) {
                ended = true;
                until = now + OTHER_MS * LLMOBS_NS_PER_MS;
            }
            (void)nanosleep(&moment, NULL);
        }
        return ended ? -ECHILD : -ETIMEDOUT;
    }
    detach(config);
    return 1;
}

/* -- the command ----------------------------------------------------------- */

static int begin(struct relay *relay)
{
    int rc = 1;

    if (relay->background)
        rc = start_in_background(relay->config);
    else if (relay->own)
        detach(relay->config);
    if (rc == 1) {
        /* The key lives on in this process's memory alone, where `ps` does not
         * look: what the kernel shows as its environment is overwritten. Not
         * what the loader may still read. */
        size_t count = 0;
        char **anew;

        while (environ[count])
            count++;
        anew = calloc(count + 1, sizeof(*anew));
        for (size_t i = 0; anew && i < count; i++)
            anew[i] = strdup(environ[i]);
        for (size_t i = 0; anew && i < count; i++)
            if (anew[i] && strncmp(environ[i], "LD_", 3) != 0)
                explicit_bzero(environ[i], strlen(environ[i]));
        if (anew)
            environ = anew;
    }
    relay->own |= relay->background;
    relay->config->relay = false;
    llmobs_cli_have_spool(relay->config);
    if (rc < 0)
        llmobs_log(LLMOBS_LOG_WARN, "relay: none started: %s", strerror(-rc));
    return rc;
}

int llmobs_cmd_relay(int argc, char **argv)
{
    static struct relay relay;
    static const struct llmobs_cli_option options[] = {
        LLMOBS_CLI_VALUE("idle", llmobs_cli_seconds, &relay.children.idle_s),
        LLMOBS_CLI_FLAG("background", &relay.background),
        LLMOBS_CLI_FLAG("own", &relay.own),
        LLMOBS_CLI_VALUE("dir", llmobs_cli_filled, &relay.dir), LLMOBS_CLI_END};
    int rc = llmobs_cli_parse(argc, argv, options);

    if (rc >= 0)
        return rc;
    if (relay.children.idle_s == 0 && (relay.own || relay.background))
        relay.children.idle_s = IDLE_S;
    if (load_config(&relay) != 0) {
        llmobs_tell("%s: %s\n", argv[0], strerror(ENOMEM));
        return LLMOBS_CLI_FAILED;
    }
    llmobs_log_init(relay.config->log_path,
                    (enum llmobs_log_level)relay.config->log_level);
    rc = begin(&relay);
    if (rc > 0 && relay.own)
        rc = visit_own(&relay);
    else if (rc > 0)
        run(&relay);
    if (rc < 0)
        llmobs_log(LLMOBS_LOG_WARN, "relay: it ends: %s", strerror(-rc));
    return rc >= 0 ? LLMOBS_CLI_OK : LLMOBS_CLI_FAILED;
}
