#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/log/relay_child.h"
#include "cli/shared/cli.h"
#include "cli/shared/deliver.h"
#include "cli/shared/descriptors.h"
#include "cli/shared/ending.h"
#include "cli/shared/options.h"
#include "cli/shared/tell.h"
#include "lib/base/clock.h"
#include "lib/base/dirs.h"
#include "lib/base/log.h"
#include "core/config/config.h"
#include "core/log/relay_sign.h"
#include "core/log/spool_file.h"

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
    int rc = missing ? 0 : llmobs_relay_child_have(&relay->children, place);

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
    return relay->own ? llmobs_relay_serve_own(&relay->children, &place)
                      : llmobs_relay_child_have(&relay->children, &place);
}

static int visit_all(struct relay *relay)
{
    int rc = visit_own(relay);

    if (rc == 0)
        rc = llmobs_spool_dirs_visit(relay->dir, relay->config, visit, relay);
    if (rc == 0)
        llmobs_relay_places_sweep(&relay->children.places);
    if (rc != 0 && rc != -ENOENT)
        llmobs_log_once(LLMOBS_LOG_WARN, "relay", "relay: the spools: %s",
                        strerror(-rc));
    return rc;
}

static void run(struct relay *relay)
{
    const struct timespec left = {LOOK_MS / 1000, 0};
    int number;

    signal(SIGCHLD, SIG_DFL);
    relay->signals = llmobs_ending_block(true);
    do {
        llmobs_relay_children_reap(&relay->children);
        if (relay->children.ended)
            break;
        (void)visit_all(relay);
        number = sigtimedwait(&relay->signals, NULL, &left);
    } while (number != SIGTERM && number != SIGINT);
    llmobs_relay_children_end(&relay->children, &relay->signals);
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
