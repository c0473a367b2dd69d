#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/drain/purge.h"
#include "cli/shared/cli.h"
#include "cli/shared/escape.h"
#include "core/spool/spool_file.h"

#define USER_S 60

static const char help_text[] =
    "usage: llmobs purge [OPTIONS]\n"
    "\n"
    "Removes what was recorded: the spans of the local store, and the calls "
    "that\n"
    "ended processes left in the spool. What running processes have not "
    "delivered\n"
    "yet stays, and so do the counters. Asks first, where a person can "
    "answer.\n"
    "\n"
    "  --yes        don't ask\n"
    "  --dry-run    only tell what would be removed\n"
    "  --store      the store only\n"
    "  --spool      the spool only\n"
    "  --dir DIR    this spool only\n"
    "  --all        also what running processes keep in the spool, which is "
    "lost\n"
    "               if one is killed before it has delivered, and what nobody\n"
    "               can read\n"
    "  --users      root: of all users, for each as that user, where no "
    "LLMOBS_STORE_DIR\n"
    "               or LLMOBS_SPOOL_DIR names one place for all\n"
    "  --user-time SECS  how long each other user's may take (60)\n"
    "  --json       as one JSON object\n"
    "\n"
    "Exit status: 0 when it is gone, 1 when something stays that should not.\n";

enum {
    OPTION_STORE = 256,
    OPTION_SPOOL,
    OPTION_ALL,
    OPTION_USERS,
    OPTION_USER_TIME
};

static const struct option options[] = {
    {"yes", no_argument, NULL, 'y'},
    {"dry-run", no_argument, NULL, 'n'},
    {"store", no_argument, NULL, OPTION_STORE},
    {"spool", no_argument, NULL, OPTION_SPOOL},
    {"dir", required_argument, NULL, 'd'},
    {"all", no_argument, NULL, OPTION_ALL},
    {"users", no_argument, NULL, OPTION_USERS},
    {"user-time", required_argument, NULL, OPTION_USER_TIME},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* -- arguments ------------------------------------------------------------ */

static int apply(void *ctx, int code, const char *value)
{
    struct llmobs_purge *purge = ctx;
    bool *const flags[] = {&purge->store, &purge->spool, &purge->all,
                           &purge->users};

    if (code >= OPTION_STORE && code <= OPTION_USERS)
        *flags[code - OPTION_STORE] = true;
    else if (code == OPTION_USER_TIME)
        return llmobs_cli_seconds(purge->name, "user-time", value,
                                  &purge->user_s);
    else if (code == 'y')
        purge->yes = true;
    else if (code == 'n')
        purge->dry = true;
    else if (code == 'j')
        purge->json = true;
    else if (code == 'h')
        purge->help = true;
    else if (code == 'd' && *value != '\0')
        purge->dir = value;
    else /* told by getopt_long, but for an empty directory */
        return -EINVAL;
    return 0;
}

static int check_options(struct llmobs_purge *purge)
{
    const char *why = NULL;

    if (purge->dir != NULL && purge->store)
        why = "--dir is a spool's, --store is not";
    else if (purge->users && geteuid() != 0)
        why = "--users is root's";
    else if (!purge->yes && !purge->dry && !isatty(STDIN_FILENO))
        why = "nobody to ask: say --yes, or --dry-run";
    if (why != NULL) {
        fprintf(stderr, "%s: %s\n`%s --help` tells more.\n", purge->name, why,
                purge->name);
        return -EINVAL;
    }
    if (!purge->store && !purge->spool)
        purge->store = purge->spool = true;
    if (purge->dir != NULL)
        purge->store = false;
    return 0;
}

/* -- the places, each in a process of its own ---------------------------- */

static void add_up(struct llmobs_purged *sum, const struct llmobs_purged *one)
{
    sum->files += one->files;
    sum->bytes += one->bytes;
    sum->calls += one->calls;
    sum->living += one->living;
    sum->refused += one->refused;
    sum->unreadable += one->unreadable;
    if (sum->error == 0)
        sum->error = one->error;
}

/* A user may hold up what has become that user's. */
static bool waits_for(const struct llmobs_purge *purge, int fd,
                      const struct llmobs_user_spool *place)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    int rc, user_ms = (int)purge->user_s * 1000;

    do
        rc = poll(&one, 1, place->uid == geteuid() ? -1 : user_ms);
    while (rc < 0 && errno == EINTR);
    return rc > 0;
}

static int run_apart(struct llmobs_purge *purge,
                     const struct llmobs_user_spool *place,
                     struct llmobs_purged *out)
{
    int ends[2];
    pid_t child;
    bool told;

    if (pipe(ends) != 0)
        return -errno;
    fflush(NULL);
    child = fork();
    if (child == 0) {
        llmobs_purge_spool(purge, place, out);
        _exit(write(ends[1], out, sizeof *out) == sizeof *out ? 0 : 1);
    }
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return -EAGAIN;
    }
    told = waits_for(purge, ends[0], place) &&
           read(ends[0], out, sizeof *out) == sizeof *out;
    close(ends[0]);
    /* Its user may have stopped it, also after its word. */
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    return told ? out->error : -ECHILD;
}

static int visit(void *ctx, const struct llmobs_user_spool *place)
{
    struct llmobs_purge *purge = ctx;
    struct llmobs_purged out = {0};
    bool own = place->uid == geteuid();
    char room[LLMOBS_ESCAPE_NAME];
    int rc;

    /* Our own place was the first, unless another one was named. */
    if (purge->dir != NULL ? !own && !purge->users : own)
        return 0;
    rc = run_apart(purge, place, &out);
    if (rc != 0)
        fprintf(stderr, "%s: %s: %s\n", purge->name,
                llmobs_escape_name(place->path, room),
                rc == -ECHILD ? "it broke off" : strerror(-rc));
    out.error = rc;
    add_up(&purge->sum, &out);
    return 0;
}

static int visit_own(struct llmobs_purge *purge)
{
    char path[PATH_MAX];
    struct llmobs_user_spool place = {path, purge->config->spool_dir != NULL,
                                      geteuid(), getegid()};
    struct llmobs_purged out = {0};
    int rc = llmobs_spool_dir(purge->config, path, sizeof path);

    if (rc == 0)
        rc = run_apart(purge, &place, &out);
    if (rc != 0)
        fprintf(stderr, "%s: %s\n", purge->name,
                rc == -ECHILD ? "it broke off" : strerror(-rc));
    out.error = rc;
    add_up(&purge->sum, &out);
    return rc;
}

static int go(struct llmobs_purge *purge)
{
    int rc = 0;

    memset(&purge->sum, 0, sizeof purge->sum);
    (void)llmobs_living_read("/proc", &purge->living);
    if (purge->dir == NULL)
        rc = visit_own(purge);
    if (purge->dir != NULL || purge->users)
        rc = llmobs_spool_dirs_visit(purge->dir, purge->config, visit, purge);
    llmobs_living_free(&purge->living);
    if (rc != 0 && purge->sum.error == 0) {
        fprintf(stderr, "%s: %s: %s\n", purge->name,
                purge->dir != NULL ? purge->dir : "spool", strerror(-rc));
        purge->sum.error = rc;
    }
    return purge->sum.error;
}

/* -- telling, asking ------------------------------------------------------ */

static void tell(const struct llmobs_purge *purge)
{
    const struct llmobs_purged *sum = &purge->sum;

    if (purge->json) {
        printf("{\"dry_run\":%s,\"files\":%" PRIu64 ",\"bytes\":%" PRIu64
               ",\"calls\":%" PRIu64 ",\"of_running\":%" PRIu64
               ",\"unreadable\":%" PRIu64 ",\"refused\":%" PRIu64 "}\n",
               purge->dry ? "true" : "false", sum->files, sum->bytes,
               sum->calls, sum->living, sum->unreadable, sum->refused);
        return;
    }
    printf("%s %" PRIu64 " file%s of %" PRIu64 " bytes, %" PRIu64
           " call%s of the spool",
           purge->dry ? "would remove" : "removed", sum->files,
           sum->files == 1 ? "" : "s", sum->bytes, sum->calls,
           sum->calls == 1 ? "" : "s");
    if (sum->living > 0)
        printf("; of running processes stay %" PRIu64, sum->living);
    if (sum->unreadable > 0)
        printf("; unreadable %" PRIu64, sum->unreadable);
    if (sum->refused > 0)
        printf("; not yours %" PRIu64, sum->refused);
    putchar('\n');
}

/* What would go, and whether it shall. */
static bool is_wanted(struct llmobs_purge *purge)
{
    char answer[8] = "";

    purge->dry = true;
    (void)go(purge);
    tell(purge);
    purge->dry = false;
    fputs("Remove it? [y/N] ", stdout);
    fflush(stdout);
    return fgets(answer, sizeof answer, stdin) != NULL &&
           (answer[0] == 'y' || answer[0] == 'Y');
}

int llmobs_cmd_purge(int argc, char **argv)
{
    static struct llmobs_purge purge;
    const struct llmobs_purged *sum = &purge.sum;

    purge.name = argv[0];
    purge.user_s = USER_S;
    if (llmobs_cli_parse(argc, argv, options, apply, &purge) != 0)
        return LLMOBS_CLI_USAGE;
    if (purge.help) {
        fputs(help_text, stdout);
        return LLMOBS_CLI_OK;
    }
    if (check_options(&purge) != 0)
        return LLMOBS_CLI_USAGE;
    purge.config = llmobs_cli_config(NULL);
    if (purge.config == NULL)
        return LLMOBS_CLI_FAILED;
    if (!purge.yes && !purge.dry && !is_wanted(&purge)) {
        llmobs_config_free(purge.config);
        return LLMOBS_CLI_FAILED;
    }
    (void)go(&purge);
    tell(&purge);
    llmobs_config_free(purge.config);
    return sum->error == 0 && sum->refused == 0 && sum->unreadable == 0
               ? LLMOBS_CLI_OK
               : LLMOBS_CLI_FAILED;
}
