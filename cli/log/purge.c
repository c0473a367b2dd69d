/* Runs the command `llmobs purge`: counts, asks and removes. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/shared/apart.h"
#include "cli/shared/cli.h"
#include "cli/shared/escape.h"
#include "cli/shared/options.h"
#include "cli/shared/spool_dirs.h"
#include "cli/shared/tell.h"
#include "lib/base/dirs.h"
#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "core/config/state_dir.h"
#include "core/export/store.h"
#include "core/ledger/ledger.h"
#include "lib/base/listing.h"
#include "lib/base/stats.h"
#include "core/event/link_file.h"
#include "core/log/adopt.h"
#include "core/log/live_namespaces.h"
#include "core/log/spool_file.h"
#include "core/log/spool.h"
#include "cli/query/evaluations.h"
#include "cli/query/load.h"
#include "cli/shared/tail.h"
#include "cli/query/texts.h"
#include "cli/shared/reader.h"
#include "lib/text/json.h"

#define USAGE_FILE "usage"
#define LOCK_MS 2000
#define COUNT_TRIES 4
#define COUNT_AGAIN_MS 20
#define USER_S 60

/* How much was removed, or would be removed, for one user or for all users. */
struct purged {
    union {
        struct {
            uint64_t files; /* of the store, with the file of refused entries */
            uint64_t bytes;
            uint64_t spans, evaluations, traces; /* of the store */
            uint64_t calls;                      /* of the spool */
            uint64_t living;  /* calls of running processes: not removed */
            uint64_t refused; /* not the user's, or no regular files: not
                               * removed */
            uint64_t unreadable;
        };
        uint64_t counts[9];
    };
    int64_t first_ns, last_ns; /* when spans began; 0: there are none */
    int error;
};

struct purge {
    const char *name; /* of the command */
    const char *dir;  /* NULL: the user's own spool; with `users` all */
    bool store;
    bool spool;
    bool all;
    bool users;
    bool yes;
    bool dry;
    bool json;
    long user_s; /* the time for each other user */
    struct llmobs_config *config;
    struct llmobs_live_namespaces living;
    struct purged sum; /* in a child: only of the child's place */
    bool theirs;       /* the place that is visited is another user's */
};

/* A directory while its files are removed. */
struct folder {
    struct purge *purge;
    const char *path;
    int fd;
    bool store;                 /* else it is the spool's */
    struct llmobs_texts traces; /* the ids of its traces, each once */
};

/* -- what files of the store hold ------------------------------------------ */

#define ID_MAX 64 /* of an id at the end of a line */

static int count_span(struct folder *folder, const char *trace,
                      int64_t start_ns)
{
    struct purged *sum = &folder->purge->sum;

    if (!llmobs_texts_share(&folder->traces, trace))
        return -ENOMEM;
    if (sum->spans++ == 0 || start_ns < sum->first_ns)
        sum->first_ns = start_ns;
    if (start_ns > sum->last_ns)
        sum->last_ns = start_ns;
    return 0;
}

/* The start of a span whose line the exporter wrote: the last key of that name.
 * No text has an unescaped quote. -1: only a parser can tell. */
static int64_t start_of(struct llmobs_text line)
{
    static const char key[] = "\"start_ns\":";
    const char *at = line.data, *stop = line.data + line.len, *found = NULL;
    char digits[24] = "", *end;
    int64_t start;

    while ((at = memmem(at, (size_t)(stop - at), key, sizeof(key) - 1)))
        found = at += sizeof(key) - 1;
    if (!found || stop - found < (ptrdiff_t)sizeof(digits))
        return -1;
    memcpy(digits, found, sizeof(digits) - 1);
    start = strtoll(digits, &end, 10);
    return end > digits && *end == ',' ? start : -1;
}

/* Reads a line in the exporter's form without a parser. Lines that nobody can
 * read do not count. */
static int count_line(void *ctx, struct llmobs_text line,
                      struct llmobs_place place)
{
    struct folder *folder = ctx;
    struct llmobs_text id = llmobs_tail_trace(line);
    struct llmobs_json *event = NULL;
    char trace[ID_MAX];
    int64_t start_ns;
    int rc;

    (void)place;
    if (id.data && id.len < ID_MAX && (start_ns = start_of(line)) >= 0) {
        memcpy(trace, id.data, id.len);
        trace[id.len] = '\0';
        return count_span(folder, trace, start_ns);
    }
    rc = llmobs_json_parse(line, &event);
    if (rc == 0 && llmobs_load_is_span(event))
        rc = count_span(folder, llmobs_json_gets(event, "trace_id"),
                        llmobs_json_to_int(llmobs_json_get(event, "start_ns")));
    else if (rc == 0 && llmobs_evaluations_is_one(event))
        folder->purge->sum.evaluations++;
    llmobs_json_free(event);
    return rc == -ENOMEM ? rc : 0;
}

/* -- files ----------------------------------------------------------------- */

/* True for a regular file of the user; false for a link. */
static bool is_own(const struct folder *folder, const char *name,
                   struct stat *st)
{
    return fstatat(folder->fd, name, st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(st->st_mode) && st->st_uid == geteuid();
}

/* Counts what a file of the store holds before it is removed. A file that
 * cannot be read is removed as well. */
static void remove_file(struct folder *folder, const char *name)
{
    char path[LLMOBS_ESCAPE_NAME], file[LLMOBS_ESCAPE_NAME];
    const struct purge *purge = folder->purge;
    struct purged *out = &folder->purge->sum;
    struct stat st;
    int fd = -1;

    if (!is_own(folder, name, &st)) {
        out->refused++;
        if (!purge->dry)
            llmobs_tell("%s: %s/%s: not a file of yours\n", purge->name,
                        llmobs_escape_name(folder->path, path),
                        llmobs_escape_name(name, file));
        return;
    }
    if (folder->store)
        fd = llmobs_fd_open(folder->fd, name,
                            O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0) {
        (void)llmobs_reader_lines(fd, count_line, folder);
        close(fd);
    }
    if (!purge->dry && unlinkat(folder->fd, name, 0) != 0) {
        if (errno != ENOENT && out->error == 0)
            out->error = -errno;
        return;
    }
    out->files++;
    /* A file that a reader has closed takes far less of the disk than its size.
     */
    out->bytes += (uint64_t)st.st_size < LLMOBS_SPOOL_CLOSED
                      ? (uint64_t)st.st_size
                      : (uint64_t)st.st_blocks * 512;
}

/* Removes the files of the store, or those that stand beside the spool's. */
static int purge_folder(struct folder *folder, bool chosen)
{
    struct llmobs_listing list;
    const char *name;
    struct stat st;
    int lock = -1;
    int rc = llmobs_dirs_open(folder->path, chosen, true, &folder->fd);

    if (rc == 0)
        rc = llmobs_listing_open(&list, folder->fd);
    if (rc != 0)
        return rc == -ENOENT ? 0 : rc;
    list.left = UINT_MAX;
    /* A writer that gets the lock of the current file looks whether its file
     * still has that name, so nothing that is written after this is removed. */
    if (folder->store && !folder->purge->dry &&
        is_own(folder, LLMOBS_STORE_FILE, &st)) {
        lock = llmobs_file_open(folder->fd, LLMOBS_STORE_FILE, O_RDWR);
        rc = lock < 0 ? lock : llmobs_file_lock(lock, F_WRLCK, LOCK_MS);
        if (lock >= 0 && rc != -EBUSY) /* some file systems have no locks */
            rc = 0;
    }
    while (rc == 0 && (name = llmobs_listing_next(&list)))
        if (!folder->store) {
            /* Removes what stands beside the files of processes: the refused
             * entries, and the files with the usage and with links. With --all
             * also those files. */
            struct llmobs_spool_name file;
            char links[sizeof(LLMOBS_LINK_FILE) + 20];

            snprintf(links, sizeof(links), LLMOBS_LINK_FILE "%lu",
                     (unsigned long)geteuid());
            if (strcmp(name, LLMOBS_REJECTED) == 0)
                remove_file(folder, name);
            else if ((strcmp(name, USAGE_FILE) == 0 ||
                      strcmp(name, links) == 0) &&
                     !folder->purge->dry)
                unlinkat(folder->fd, name, 0);
            else if (!folder->purge->dry && folder->purge->all &&
                     llmobs_spool_name_parse(name, &file))
                remove_file(folder, name);
        } else if (llmobs_store_has(name))
            remove_file(folder, name);
        else if (strcmp(name, LLMOBS_STORE_TRIMMED) == 0 && !folder->purge->dry)
            unlinkat(folder->fd, name, 0);
    if (folder->store && !folder->purge->dry) /* last: a viewer may be at it */
        unlinkat(folder->fd, LLMOBS_MARKS_FILE, 0);
    if (lock >= 0)
        close(lock);
    llmobs_listing_close(&list);
    return rc;
}

/* -- the spool ------------------------------------------------------------ */

static void purge_spool(struct purge *purge)
{
    struct llmobs_adopt *adopt =
        llmobs_adopt_new(purge->config, LLMOBS_ADOPT_ANY, &purge->living);
    const struct timespec pause = {0, COUNT_AGAIN_MS * 1000000};
    struct llmobs_adopt_counts left = {0};
    struct purged *sum = &purge->sum;
    char path[PATH_MAX];
    struct folder folder = {.purge = purge, .path = path, .fd = -1};
    int rc = adopt ? 0 : -ENOMEM;

    if (rc == 0) {
        if (!purge->dry) {
            /* Takes calls over by the same code that delivers them: it knows
             * which processes are dead, and no two processes take the same
             * call. */
            struct llmobs_adopted adopted;

            llmobs_adopt_set_all(adopt);
            while ((rc = llmobs_adopt_next(adopt, &adopted)) == 1) {
                llmobs_stats_add(adopted.uncounted ? LLMOBS_STAT_captured
                                                   : LLMOBS_STAT_adopted,
                                 1);
                llmobs_stats_add(LLMOBS_STAT_purged, 1);
                ++sum->calls;
                llmobs_adopt_release(adopt, &adopted.spooled, 1);
            }
        }
    }
    /* A running process may remove a file after its name was listed and before
     * it is read, so an unreadable entry is tried several times. */
    for (int i = 0;
         rc == 0 && (i == 0 || (i < COUNT_TRIES && left.unreadable > 0)); i++) {
        if (i > 0)
            nanosleep(&pause, NULL);
        rc = llmobs_adopt_count(adopt, &left);
    }
    if (rc == 0)
        rc = llmobs_spool_dir(purge->config, path, sizeof(path));
    if (rc == 0)
        rc = purge_folder(&folder, purge->config->spool_dir != NULL);
    if (rc == 0 && purge->dry)
        sum->calls += left.ours + left.others + left.set_aside;
    if (rc == 0 && purge->all) {
        sum->calls += left.living;
    } else if (rc == 0) {
        sum->living = left.living;
        sum->unreadable = left.unreadable;
    }
    llmobs_adopt_free(adopt);
    if (!purge->dry)
        llmobs_ledger_close(purge->config);
    if (sum->error == 0)
        sum->error = rc;
}

/* -- the places, each in a process of its own ---------------------------- */

/* Purges one user's store and spool. For another user it leaves out a
 * configured store, which is not that user's own. */
static int purge_apart(void *ctx, int entered, int fd)
{
    struct purge *purge = ctx;
    struct purged *out = &purge->sum;

    /* -ENOENT: the user's spool is at another path */
    *out = (struct purged){.error = entered == -ENOENT ? 0 : entered};
    if (entered == 0 && purge->store &&
        !(purge->theirs && purge->config->store_dir)) {
        char path[PATH_MAX];
        struct folder folder = {
            .purge = purge, .path = path, .fd = -1, .store = true};
        int rc = llmobs_config_store_dir(purge->config, path, sizeof(path));

        if (rc == 0)
            rc = purge_folder(&folder, purge->config->store_dir != NULL);
        purge->sum.traces = folder.traces.count;
        llmobs_texts_fini(&folder.traces);
        if (purge->sum.error == 0)
            purge->sum.error = rc;
    }
    if (entered == 0 && purge->spool)
        purge_spool(purge);
    return write(fd, out, sizeof(*out)) == sizeof(*out) ? 0 : 1;
}

/* Purges a place, and adds what came of it to the sum. The child's user may
 * have stopped it, even after it sent its result. */
static int run_apart(struct purge *purge, const struct llmobs_user_spool *place)
{
    struct purged out = {0}, *sum = &purge->sum;
    struct llmobs_apart child;
    struct pollfd one = {.events = POLLIN};
    int rc;

    purge->theirs = place->uid != geteuid();
    out.error =
        llmobs_apart_start(&child, 0, place, purge->config, purge_apart, purge);
    if (out.error == 0) {
        one.fd = child.fd;
        do
            rc = poll(&one, 1, purge->theirs ? (int)purge->user_s * 1000 : -1);
        while (rc < 0 && errno == EINTR);
        if (rc <= 0 || read(child.fd, &out, sizeof(out)) != sizeof(out))
            out.error = -ECHILD;
        (void)llmobs_apart_end(&child, true);
    }
    if (out.spans > 0 && (sum->spans == 0 || out.first_ns < sum->first_ns))
        sum->first_ns = out.first_ns;
    if (out.last_ns > sum->last_ns)
        sum->last_ns = out.last_ns;
    for (size_t i = 0; i < sizeof(sum->counts) / sizeof(*sum->counts); i++)
        sum->counts[i] += out.counts[i];
    if (sum->error == 0)
        sum->error = out.error;
    return out.error;
}

static int purge_visit(void *ctx, const struct llmobs_user_spool *place)
{
    struct purge *purge = ctx;
    bool own = place->uid == geteuid();
    int rc;

    /* The first visit was that of this user's own spool, unless --dir names
     * one. */
    if (purge->dir ? !own && !purge->users : own)
        return 0;
    rc = run_apart(purge, place);
    if (rc != 0)
        llmobs_apart_tell(purge->name, place->path, "it", rc);
    return 0;
}

static int purge_go(struct purge *purge)
{
    int rc = 0;

    memset(&purge->sum, 0, sizeof(purge->sum));
    (void)llmobs_live_namespaces_read("/proc", &purge->living);
    if (!purge->dir) {
        char path[PATH_MAX];
        struct llmobs_user_spool place = {.path = path,
                                          .chosen =
                                              purge->config->spool_dir != NULL,
                                          .uid = geteuid()};

        rc = llmobs_spool_dir(purge->config, path, sizeof(path));
        if (rc == 0)
            rc = run_apart(purge, &place);
        if (rc != 0)
            llmobs_tell("%s: %s\n", purge->name,
                        rc == -ECHILD ? "it broke off" : strerror(-rc));
        purge->sum.error = rc;
    }
    if (purge->dir || purge->users)
        rc = llmobs_spool_dirs_visit(purge->dir, purge->config, purge_visit,
                                     purge);
    llmobs_live_namespaces_free(&purge->living);
    if (rc != 0 && purge->sum.error == 0) {
        if (rc == -ENOENT && purge->dir)
            llmobs_cli_no_store(purge->name, purge->dir);
        else
            llmobs_tell("%s: %s: %s\n", purge->name,
                        purge->dir ? purge->dir : "spool", strerror(-rc));
        purge->sum.error = rc;
    }
    return purge->sum.error;
}

/* -- telling, asking ------------------------------------------------------ */

static void print_count(const char *before, uint64_t count, const char *name)
{
    printf("%s%" PRIu64 " %s%s", before, count, name, count == 1 ? "" : "s");
}

/* Prints "13:16", with the day where it is not that of `day`. */
static void print_time(int64_t ns, const struct tm *day, struct tm *out)
{
    time_t at = (time_t)(ns / 1000000000);
    char text[64] = "?";
    bool same;

    if (!localtime_r(&at, out))
        memset(out, 0, sizeof(*out));
    same = out->tm_yday == day->tm_yday && out->tm_year == day->tm_year;
    strftime(text, sizeof(text), same ? "%H:%M" : "%Y-%m-%d %H:%M", out);
    fputs(text, stdout);
}

static void purge_tell(const struct purge *purge)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    const struct purged *sum = &purge->sum;
    double size = (double)sum->bytes / 1024;
    struct tm today = {0}, first, last;
    time_t now = time(NULL);
    size_t unit = 0;

    if (purge->json) {
        printf("{\"dry_run\":%s,\"files\":%" PRIu64 ",\"bytes\":%" PRIu64
               ",\"spans\":%" PRIu64 ",\"traces\":%" PRIu64
               ",\"evaluations\":%" PRIu64 ",\"calls\":%" PRIu64
               ",\"of_running\":%" PRIu64 ",\"unreadable\":%" PRIu64
               ",\"refused\":%" PRIu64 "}\n",
               purge->dry ? "true" : "false", sum->files, sum->bytes,
               sum->spans, sum->traces, sum->evaluations, sum->calls,
               sum->living, sum->unreadable, sum->refused);
        return;
    }
    fputs(purge->dry ? "would remove" : "removed", stdout);
    if (purge->store) {
        for (; size >= 1023.95 && unit < 3; unit++)
            size /= 1024;
        if (sum->bytes < 1024)
            print_count(" ", sum->bytes, "byte");
        else
            printf(" %.1f %s", size, units[unit]);
        (void)localtime_r(&now, &today);
        print_count(": ", sum->spans, "span");
        print_count(" in ", sum->traces, "trace");
        if (sum->evaluations > 0)
            print_count(" and ", sum->evaluations, "evaluation");
        if (sum->spans > 0) {
            fputs(", ", stdout);
            print_time(sum->first_ns, &today, &first);
        }
        if (sum->spans > 0 &&
            sum->last_ns / 60000000000 != sum->first_ns / 60000000000) {
            fputs(" to ", stdout);
            print_time(sum->last_ns, &first, &last);
        }
    }
    if (purge->spool)
        print_count(purge->store ? "; " : " ", sum->calls, "call");
    if (purge->spool)
        fputs(" of the spool", stdout);
    if (sum->living > 0)
        printf("; of running processes stay %" PRIu64, sum->living);
    if (sum->unreadable > 0)
        printf("; unreadable %" PRIu64, sum->unreadable);
    if (sum->refused > 0)
        printf("; not yours %" PRIu64, sum->refused);
    putchar('\n');
}

int llmobs_cmd_purge(int argc, char **argv)
{
    static struct purge purge = {.user_s = USER_S};
    static const struct llmobs_cli_option options[] = {
        LLMOBS_CLI_FLAG("yes", &purge.yes),
        LLMOBS_CLI_FLAG("dry-run", &purge.dry),
        LLMOBS_CLI_FLAG("store", &purge.store),
        LLMOBS_CLI_FLAG("spool", &purge.spool),
        LLMOBS_CLI_VALUE("dir", llmobs_cli_filled, &purge.dir),
        LLMOBS_CLI_FLAG("all", &purge.all),
        LLMOBS_CLI_FLAG("users", &purge.users),
        LLMOBS_CLI_VALUE("user-time", llmobs_cli_seconds, &purge.user_s),
        LLMOBS_CLI_FLAG("json", &purge.json),
        LLMOBS_CLI_END};
    const struct purged *sum = &purge.sum;
    const char *why = NULL;
    char answer[8] = "";
    int status = llmobs_cli_parse(argc, argv, options);

    if (status >= 0)
        return status;
    purge.name = argv[0];
    if (purge.dir && purge.store)
        why = "--dir is a spool's, --store is not";
    else if (purge.users && geteuid() != 0)
        why = "--users is root's";
    else if (!purge.yes && !purge.dry && !isatty(STDIN_FILENO))
        why = "nobody to ask: say --yes, or --dry-run";
    if (why)
        return llmobs_cli_wrong(why, "");
    if (!purge.store && !purge.spool)
        purge.store = purge.spool = true;
    if (purge.dir)
        purge.store = false;
    purge.config = llmobs_cli_config(NULL);
    if (!purge.config)
        return LLMOBS_CLI_FAILED;
    status = LLMOBS_CLI_FAILED;
    if (!purge.yes && !purge.dry) {
        purge.dry = true;
        (void)purge_go(&purge);
        purge_tell(&purge);
        purge.dry = false;
        fflush(stdout);
        fputs("Remove it? [y/N] ", stderr);
        purge.yes = fgets(answer, sizeof(answer), stdin) &&
                    (answer[0] == 'y' || answer[0] == 'Y');
    }
    if (purge.yes || purge.dry) {
        (void)purge_go(&purge);
        purge_tell(&purge);
        if (sum->error == 0 && sum->refused == 0 && sum->unreadable == 0)
            status = LLMOBS_CLI_OK;
    }
    llmobs_config_free(purge.config);
    return status;
}
