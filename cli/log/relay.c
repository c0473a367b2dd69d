#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/log/background.h"
#include "cli/log/relay_child.h"
#include "cli/shared/cli.h"
#include "cli/shared/options.h"
#include "cli/shared/tell.h"
#include "lib/base/clock.h"
#include "lib/base/dirs.h"
#include "lib/base/hazard.h"
#include "lib/base/log.h"
#include "core/config/config.h"
#include "core/log/spool_file.h"

/* The time between two looks for spools of users that have none so far. */
#define LOOK_MS 2000

struct relay {
    const char *dir; /* NULL: the configured spool; for root, all users' */
    long idle_s;     /* 0: never ends by itself */
    bool background;
    struct llmobs_config *config;
    struct llmobs_config *unset;
    sigset_t signals;
    struct llmobs_relay_children children;
};

/* `unset` is the configuration of a process whose environment says nothing. */
static int log_relay_load_config(struct relay *relay)
{
    static const char *none[] = {NULL};

    relay->config = llmobs_config_load((const char **)environ, NULL, NULL);
    relay->unset = llmobs_config_load(none, NULL, NULL);
    if (!relay->config || !relay->unset)
        return -ENOMEM;
    /* The store's directory is where a process has its spool, too. */
    if (!relay->config->store_dir || relay->unset->store_dir)
        return 0;
    relay->unset->store_dir = strdup(relay->config->store_dir);
    return relay->unset->store_dir ? 0 : -ENOMEM;
}

/* True where a user has only a store, and no spool yet. False where root may
 * not look, as on a network file system: then the user's process looks. */
static bool log_relay_is_missing(const char *path)
{
    struct stat st;

    return lstat(path, &st) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

/* Starts a process for a spool; a failure does not end the walk. */
static int log_relay_visit(void *ctx, const struct llmobs_user_spool *place)
{
    struct relay *relay = ctx;
    int rc = log_relay_is_missing(LLMOBS_HAZARD(in_vain, place->path, "/"))
                 ? 0
                 : llmobs_relay_child_have(&relay->children, place);

    if (rc != 0)
        llmobs_log_once(LLMOBS_LOG_ERROR, "relay child",
                        "relay: %s: no process for this spool: %s", place->path,
                        strerror(-rc));
    return 0;
}

/* This user's spool has its child from the start on: without a sign the first
 * process would not find the relay. */
static int log_relay_visit_own(struct relay *relay)
{
    struct llmobs_user_spool place = {.path = relay->dir,
                                      .chosen = relay->dir != NULL,
                                      .uid = geteuid(),
                                      .gid = getegid()};
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
    return llmobs_relay_child_have(&relay->children, &place);
}

static int visit_all(struct relay *relay)
{
    int rc = log_relay_visit_own(relay);

    if (rc == 0 && !relay->background)
        rc = llmobs_spool_dirs_visit(relay->dir, relay->config, log_relay_visit,
                                     relay);
    if (rc == 0)
        llmobs_relay_places_sweep(&relay->children.places);
    if (rc != 0 && rc != -ENOENT)
        llmobs_log_once(LLMOBS_LOG_WARN, "relay", "relay: the spools: %s",
                        strerror(-rc));
    return rc;
}

static bool log_relay_wait_some(const struct relay *relay)
{
    const struct timespec left = {LOOK_MS / 1000, 0};
    int number = sigtimedwait(&relay->signals, NULL, &left);

    return number != SIGTERM && number != SIGINT;
}

static void log_relay_run(struct relay *relay)
{
    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&relay->signals);
    sigaddset(&relay->signals, SIGCHLD);
    sigaddset(&relay->signals, SIGTERM);
    sigaddset(&relay->signals, SIGINT);
    sigprocmask(SIG_BLOCK, &relay->signals, NULL);
    do {
        llmobs_relay_children_reap(&relay->children);
        if (relay->children.ended)
            break;
        if (visit_all(relay) != 0 && relay->background)
            break;
    } while (log_relay_wait_some(relay));
    llmobs_relay_children_end(&relay->children, &relay->signals);
}

static int log_relay_begin(struct relay *relay)
{
    int rc = 1;

    relay->children.idle_s = relay->idle_s;
    relay->children.gives_way = relay->background;
    if (relay->background)
        rc = llmobs_relay_background(relay->config);
    relay->config->relay = false;
    llmobs_cli_have_spool(relay->config);
    if (rc >= 0)
        return rc;
    llmobs_log(LLMOBS_LOG_WARN, "relay: none started: %s",
               rc == -EBUSY ? "one runs, for other destinations"
                            : strerror(-rc));
    return rc;
}

int llmobs_cmd_relay(int argc, char **argv)
{
    static struct relay relay;
    static const struct llmobs_cli_option options[] = {
        LLMOBS_CLI_VALUE("idle", llmobs_cli_seconds, &relay.idle_s),
        LLMOBS_CLI_FLAG("background", &relay.background),
        LLMOBS_CLI_VALUE("dir", llmobs_cli_filled, &relay.dir), LLMOBS_CLI_END};
    int rc = llmobs_cli_parse(argc, argv, options);

    if (rc >= 0)
        return rc;
    if (log_relay_load_config(&relay) != 0) {
        llmobs_tell("%s: %s\n", argv[0], strerror(ENOMEM));
        return LLMOBS_CLI_FAILED;
    }
    llmobs_log_init(relay.config->log_path,
                    (enum llmobs_log_level)relay.config->log_level);
    relay.children.config = relay.config;
    relay.children.unset = relay.unset;
    rc = log_relay_begin(&relay);
    if (rc > 0)
        log_relay_run(&relay);
    return rc >= 0 ? LLMOBS_CLI_OK : LLMOBS_CLI_FAILED;
}
