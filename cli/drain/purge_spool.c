#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/drain/purge.h"
#include "cli/shared/escape.h"
#include "core/base/dirs.h"
#include "core/base/fd.h"
#include "core/base/file.h"
#include "core/export/exporter.h"
#include "core/ledger/ledger.h"
#include "core/ledger/ledger_dir.h"
#include "core/ledger/stats.h"
#include "core/spool/adopt.h"
#include "core/spool/spool_file.h"

#define USAGE_FILE "usage"
#define LOCK_MS 2000
#define COUNT_TRIES 4
#define COUNT_AGAIN_MS 20

/* -- files ---------------------------------------------------------------- */

/* A directory while its files go. */
struct folder {
    const struct llmobs_purge *purge;
    const char *path;
    int fd;
    struct llmobs_purged *out;
};

static int open_folder(struct folder *folder, bool chosen, DIR **list)
{
    int fd, rc = llmobs_dirs_open(folder->path, chosen, true, &fd);

    *list = NULL;
    if (rc != 0)
        return rc == -ENOENT ? 0 : rc;
    folder->fd = fd;
    *list = llmobs_fd_list(fd);
    return *list != NULL ? 0 : -errno;
}

/* A file of the user's own, and no link to one. */
static bool is_own(const struct folder *folder, const char *name,
                   struct stat *st)
{
    return fstatat(folder->fd, name, st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(st->st_mode) && st->st_uid == geteuid();
}

static void refuse(const struct folder *folder, const char *name)
{
    char path[LLMOBS_ESCAPE_NAME], file[LLMOBS_ESCAPE_NAME];

    folder->out->refused++;
    if (!folder->purge->dry)
        fprintf(stderr, "%s: %s/%s: not a file of yours\n", folder->purge->name,
                llmobs_escape_name(folder->path, path),
                llmobs_escape_name(name, file));
}

static void remove_file(const struct folder *folder, const char *name)
{
    struct llmobs_purged *out = folder->out;
    struct stat st;

    if (!is_own(folder, name, &st)) {
        refuse(folder, name);
        return;
    }
    if (!folder->purge->dry && unlinkat(folder->fd, name, 0) != 0) {
        if (errno != ENOENT && out->error == 0)
            out->error = -errno;
        return;
    }
    out->files++;
    out->bytes += (uint64_t)st.st_size;
}

/* -- the store ------------------------------------------------------------ */

/* A writer looks, once it has the lock, whether its file is still the one of
 * that name: with the lock nothing goes that was written after our begin. */
static int lock_current(const struct folder *folder, int *out)
{
    struct stat st;
    int fd, rc;

    *out = -1;
    if (folder->purge->dry || !is_own(folder, LLMOBS_STORE_FILE, &st))
        return 0;
    fd = llmobs_file_open(folder->fd, LLMOBS_STORE_FILE, O_RDWR);
    if (fd < 0)
        return fd;
    rc = llmobs_file_lock(fd, F_WRLCK, LOCK_MS);
    if (rc == -EBUSY)
        close(fd);
    else
        *out = fd; /* a file system without locks has no such care */
    return rc == -EBUSY ? rc : 0;
}

static void purge_store(const struct llmobs_purge *purge,
                        const struct llmobs_config *config,
                        struct llmobs_purged *out)
{
    char path[PATH_MAX];
    struct folder folder = {purge, path, -1, out};
    struct dirent *entry;
    DIR *list = NULL;
    int lock = -1;
    int rc = llmobs_config_store_dir(config, path, sizeof path);

    if (rc == 0)
        rc = open_folder(&folder, config->store_dir != NULL, &list);
    if (rc == 0 && list != NULL)
        rc = lock_current(&folder, &lock);
    while (rc == 0 && list != NULL && (entry = readdir(list)) != NULL)
        if (llmobs_store_has(entry->d_name))
            remove_file(&folder, entry->d_name);
    if (lock >= 0)
        close(lock);
    if (list != NULL)
        closedir(list);
    if (out->error == 0)
        out->error = rc;
}

/* -- the spool ------------------------------------------------------------ */

static void count_gone(const struct llmobs_adopted *adopted)
{
    llmobs_stats_add(
        adopted->uncounted ? LLMOBS_STAT_captured : LLMOBS_STAT_adopted, 1);
    llmobs_stats_add(LLMOBS_STAT_purged, 1);
}

/* By the very code that delivers them: it knows who is dead, and no two take
 * the same. */
static int purge_dead(struct llmobs_adopt *adopt, struct llmobs_purged *out)
{
    struct llmobs_adopted adopted;
    int rc;

    while ((rc = llmobs_adopt_next(adopt, &adopted)) == 1) {
        count_gone(&adopted);
        out->calls++;
        llmobs_exchange_free(adopted.exchange);
        llmobs_adopt_let_go(adopt, &adopted.spooled, 1);
    }
    return rc;
}

/* All files of one process, whoever it is. */
static void remove_process(const struct folder *base, const char *name)
{
    char path[2 * PATH_MAX];
    struct folder folder = *base;
    struct dirent *entry;
    struct stat st;
    DIR *list;
    int fd;

    if (fstatat(base->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid()) {
        refuse(base, name);
        return;
    }
    fd =
        openat(base->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    list = llmobs_fd_list(fd);
    if (list == NULL)
        return;
    folder.fd = fd;
    folder.path = path;
    snprintf(path, sizeof path, "%s/%s", base->path, name);
    while ((entry = readdir(list)) != NULL)
        if (llmobs_spool_is_file(entry->d_name))
            remove_file(&folder, entry->d_name);
    closedir(list);
    unlinkat(base->fd, name, AT_REMOVEDIR);
}

/* Beside the directories of processes: what the peer refused, how much there
 * was, and a directory for the next one, in which nothing ought to be. */
static void remove_rest(const struct folder *folder, const char *name)
{
    struct llmobs_record_owner who;

    if (strcmp(name, LLMOBS_REJECTED) == 0)
        remove_file(folder, name);
    else if (strcmp(name, USAGE_FILE) == 0 && !folder->purge->dry)
        unlinkat(folder->fd, name, 0);
    else if (!folder->purge->dry &&
             (strcmp(name, LLMOBS_SPOOL_SPARE) == 0 ||
              (folder->purge->all && llmobs_record_parse(name, &who))))
        remove_process(folder, name);
}

static int purge_rest(const struct llmobs_purge *purge,
                      const struct llmobs_config *config,
                      struct llmobs_purged *out)
{
    char path[PATH_MAX];
    struct folder folder = {purge, path, -1, out};
    struct dirent *entry;
    DIR *list = NULL;
    int rc = llmobs_spool_dir(config, path, sizeof path);

    if (rc == 0)
        rc = open_folder(&folder, config->spool_dir != NULL, &list);
    while (rc == 0 && list != NULL && (entry = readdir(list)) != NULL)
        remove_rest(&folder, entry->d_name);
    if (list != NULL)
        closedir(list);
    return rc;
}

/* A running process may remove a file between its name and its bytes: what
 * cannot be read a few times cannot be read. */
static int count(struct llmobs_adopt *adopt, struct llmobs_adopt_left *left)
{
    const struct timespec pause = {0, COUNT_AGAIN_MS * 1000000};
    int rc = llmobs_adopt_count(adopt, left);

    for (int i = 1; i < COUNT_TRIES && rc == 0 && left->unreadable > 0; i++) {
        nanosleep(&pause, NULL);
        rc = llmobs_adopt_count(adopt, left);
    }
    return rc;
}

/* What is left counts as gone where all of it goes. */
static void count_left(const struct llmobs_purge *purge,
                       const struct llmobs_adopt_left *left,
                       struct llmobs_purged *out)
{
    if (purge->dry)
        out->calls += left->ours + left->others;
    if (purge->all) {
        out->calls += left->living;
        return;
    }
    out->living += left->living;
    out->unreadable += left->unreadable;
}

static void purge_spool(const struct llmobs_purge *purge,
                        const struct llmobs_config *config,
                        struct llmobs_purged *out)
{
    struct llmobs_adopt *adopt = llmobs_adopt_new(config, LLMOBS_ADOPT_ANY);
    struct llmobs_adopt_left left = {0};
    int rc = adopt != NULL ? 0 : -ENOMEM;

    if (rc == 0) {
        llmobs_adopt_living(adopt, &purge->living);
        if (!purge->dry)
            rc = purge_dead(adopt, out);
    }
    if (rc == 0)
        rc = count(adopt, &left);
    if (rc == 0)
        rc = purge_rest(purge, config, out);
    if (rc == 0)
        count_left(purge, &left, out);
    llmobs_adopt_free(adopt);
    if (!purge->dry)
        llmobs_ledger_close(config);
    if (out->error == 0)
        out->error = rc;
}

/* -- one place ------------------------------------------------------------ */

/* Another's files lie in that user's own store only. */
void llmobs_purge_spool(const struct llmobs_purge *purge,
                        const struct llmobs_user_spool *place,
                        struct llmobs_purged *out)
{
    bool theirs = place->uid != geteuid();

    out->error = llmobs_user_spool_enter(place, purge->config);
    if (out->error == -ENOENT) /* another place of the same user's */
        out->error = 0;
    else if (out->error == 0) {
        if (purge->store && !(theirs && purge->config->store_dir != NULL))
            purge_store(purge, purge->config, out);
        if (purge->spool)
            purge_spool(purge, purge->config, out);
    }
}
