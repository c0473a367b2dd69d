#include "core/spool/adopt_inner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fd.h"
#include "core/base/crash_point.h"
#include "core/ledger/ledger_dir.h"
#include "core/spool/spool_file.h"

/* A directory without a file is somebody's who began this moment, or was
 * killed then. */
#define EMPTY_S 60
#define OWNER_LOOK ((size_t)64 * 1024)

/* -- its files ---------------------------------------------------------- */

static int by_file(const void *a, const void *b)
{
    uint32_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

static bool file_number(const char *name, const char *suffix, uint32_t *out)
{
    char *end;
    unsigned long number = strtoul(name, &end, 10);

    *out = (uint32_t)number;
    return *name >= '1' && *name <= '9' && strcmp(end, suffix) == 0 &&
           number < UINT32_MAX;
}

/* Of one process all are old, or none is. */
static void list_names(struct llmobs_adopt *adopt, DIR *dir)
{
    const char *suffix = adopt->old ? "" : LLMOBS_SPOOL_SUFFIX;
    struct dirent *entry;

    while (adopt->file_count < LLMOBS_ADOPT_FILES && (entry = readdir(dir)))
        adopt->file_count += file_number(entry->d_name, suffix,
                                         &adopt->files[adopt->file_count]);
}

static int list_files(struct llmobs_adopt *adopt, const char *path)
{
    DIR *dir;

    adopt->file_count = 0;
    adopt->old = false;
    if (!adopt->files)
        adopt->files = malloc(LLMOBS_ADOPT_FILES * sizeof(*adopt->files));
    if (!adopt->files)
        return -ENOMEM;
    dir = llmobs_fd_list(
        llmobs_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (!dir)
        return -errno;
    list_names(adopt, dir);
    if (adopt->file_count == 0) {
        adopt->old = true;
        rewinddir(dir);
        list_names(adopt, dir);
    }
    closedir(dir);
    qsort(adopt->files, adopt->file_count, sizeof(*adopt->files), by_file);
    return 0;
}

/* -- whose it is -------------------------------------------------------- */

/* The owner in one file. */
static int owner_in(struct llmobs_adopt *adopt, const char *dir, uint32_t file)
{
    int rc = llmobs_adopt_read(adopt, dir, file, OWNER_LOOK);
    struct llmobs_entry entry;
    size_t at = 0;

    while (!rc && !adopt->owner && llmobs_adopt_entry(adopt, &at, &entry))
        if (entry.type == LLMOBS_ENTRY_OWNER)
            rc = llmobs_owner_read(&entry, &adopt->owner);
    return rc ? rc : adopt->owner ? 0 : -ENODATA;
}

/* A file that cannot be read is no reason to take the others for all. */
int llmobs_adopt_find_owner(struct llmobs_adopt *adopt, const char *dir)
{
    int rc = -ENODATA, one;

    if (!adopt->self)
        adopt->self = llmobs_owner_new(adopt->config);
    if (!adopt->self)
        return -ENOMEM;
    llmobs_owner_free(adopt->owner);
    adopt->owner = NULL;
    for (size_t i = 0; i < adopt->file_count && !adopt->owner; i++) {
        one = owner_in(adopt, dir, adopt->files[i]);
        if (one != -ENODATA)
            rc = one;
    }
    return rc;
}

/* A pid means nothing in another namespace, and what is not known is taken for
 * living. Our own pid under another name is what we were before an exec. Who
 * has claimed a directory of another boot or namespace is in its name. */
bool llmobs_adopt_is_dead(const struct llmobs_adopt *adopt,
                          const struct llmobs_record_owner *who,
                          int64_t changed_s)
{
    uint64_t boot = llmobs_owner_boot(adopt->owner);
    uint64_t mine = llmobs_owner_boot(adopt->self);
    uint64_t pidns = llmobs_owner_pidns(adopt->owner);
    uint64_t start;
    bool gone = llmobs_record_start(who->pid, &start) == -ESRCH;

    if (!gone && start && start == who->start && who->pid != getpid())
        return false;
    if (boot && mine && boot != mine)
        return true;
    if (!pidns || pidns != llmobs_owner_pidns(adopt->self))
        return adopt->living &&
               llmobs_live_namespaces_lacks(adopt->living, pidns, changed_s);
    if (gone)
        return true;
    if (start && who->start && start != who->start)
        return true;
    return who->pid == getpid();
}

bool llmobs_adopt_is_for_us(const struct llmobs_adopt *adopt)
{
    return adopt->whose == LLMOBS_ADOPT_ANY ||
           llmobs_owner_same_place(adopt->owner, adopt->self);
}

/* Another may have been faster: then it is gone. */
static int claim(struct llmobs_adopt *adopt, const char *path)
{
    char name[LLMOBS_RECORD_NAME_MAX];

    llmobs_record_self(name);
    if (snprintf(adopt->dir, sizeof(adopt->dir), "%s/%s", adopt->base, name) >=
        (int)sizeof(adopt->dir))
        return -ENAMETOOLONG;
    llmobs_crash_point("claiming");
    if (rename(path, adopt->dir))
        return -errno;
    llmobs_crash_point("claimed");
    return 0;
}

/* What stays of the present directory is not looked at again in this walk. */
void llmobs_adopt_give_up(struct llmobs_adopt *adopt)
{
    size_t count = adopt->given_up_count;
    llmobs_dir_name *list =
        realloc(adopt->given_up, (count + 1) * sizeof(*list));

    if (!list)
        return;
    adopt->given_up = list;
    adopt->given_up_count = count + 1;
    snprintf(list[count], sizeof(*list), "%s", strrchr(adopt->dir, '/') + 1);
}

static bool is_given_up(const struct llmobs_adopt *adopt, const char *name)
{
    for (size_t i = 0; i < adopt->given_up_count; i++)
        if (strcmp(adopt->given_up[i], name) == 0)
            return true;
    return false;
}

/* One that cannot be had does not stand before the others. */
static int open_dir(struct llmobs_adopt *adopt, const char *path)
{
    int rc = claim(adopt, path);

    if (rc)
        return 0;
    adopt->open = true;
    adopt->out = adopt->kept = 0;
    llmobs_owner_config(adopt->owner, adopt->config, &adopt->names);
    rc = llmobs_adopt_survey(adopt);
    if (!rc)
        return 1;
    llmobs_adopt_give_up(adopt);
    llmobs_adopt_leave(adopt);
    return rc == -ENOMEM ? rc : 0;
}

/* -- what is passed over ------------------------------------------------ */

static bool is_old(const char *path)
{
    struct stat st;

    return fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(st.st_mode) &&
           llmobs_clock_wall_ns() / 1000000000 - st.st_mtime > EMPTY_S;
}

/* Killed in its first write, a process leaves nothing that could be read: its
 * owner comes before all else. */
static void remove_stub(struct llmobs_adopt *adopt, const char *dir,
                        const struct llmobs_record_owner *who)
{
    char path[PATH_MAX];
    struct stat st;
    uint64_t start;

    if (!is_old(dir) || llmobs_record_start(who->pid, &start) != -ESRCH)
        return;
    for (size_t i = 0; i < adopt->file_count; i++) {
        llmobs_adopt_path(adopt, dir, adopt->files[i], path);
        if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) ||
            !S_ISREG(st.st_mode) || st.st_size > (off_t)OWNER_LOOK)
            return;
    }
    for (size_t i = 0; i < adopt->file_count; i++) {
        llmobs_adopt_path(adopt, dir, adopt->files[i], path);
        unlink(path);
    }
    rmdir(dir);
}

/* Asked again after its files were listed: our own has some only when its path
 * is known. */
static bool is_own(const struct llmobs_adopt *adopt, const char *path)
{
    return adopt->own && llmobs_spool_is_at(adopt->own, path);
}

/* -- finding one -------------------------------------------------------- */

/* A directory of the spool: whose name it has, its path, and its files. A
 * foreign one is left to its user, for whom root makes a process. */
bool llmobs_adopt_look_at(struct llmobs_adopt *adopt, const char *name,
                          struct llmobs_record_owner *who, char path[PATH_MAX],
                          int64_t *changed_s)
{
    struct stat st;

    if (!llmobs_record_parse(name, who) ||
        snprintf(path, PATH_MAX, "%s/%s", adopt->base, name) >= PATH_MAX)
        return false;
    if (is_own(adopt, path) ||
        fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) ||
        !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
        return false;
    *changed_s = st.st_ctime;
    return list_files(adopt, path) == 0 && !is_own(adopt, path);
}

/* 1: it is ours now; 0: it is not for us. */
static int try_dir(struct llmobs_adopt *adopt, const char *name, void *ctx)
{
    struct llmobs_record_owner who;
    char path[PATH_MAX];
    int64_t changed_s;
    int rc;

    (void)ctx;
    if (!llmobs_adopt_look_at(adopt, name, &who, path, &changed_s) ||
        is_given_up(adopt, name))
        return 0;
    if (adopt->file_count == 0) {
        if (is_old(path))
            rmdir(path);
        return 0;
    }
    rc = llmobs_adopt_find_owner(adopt, path);
    if (rc == -ENODATA)
        remove_stub(adopt, path, &who);
    if (rc || !llmobs_adopt_is_dead(adopt, &who, changed_s) ||
        !llmobs_adopt_is_for_us(adopt))
        return 0;
    return open_dir(adopt, path);
}

/* Each directory is a link to the one above it, where a file system counts
 * such: it counts ours then, and need not be listed. */
static bool has_ours_alone(const struct llmobs_adopt *adopt, int base)
{
    struct stat st;

    return adopt->own && llmobs_spool_path(adopt->own)[0] &&
           fstat(base, &st) == 0 && st.st_nlink == 3;
}

/* Until a visit answers other than 0; that is the answer. */
int llmobs_adopt_walk(struct llmobs_adopt *adopt,
                      int (*visit)(struct llmobs_adopt *, const char *, void *),
                      void *ctx)
{
    struct dirent *entry;
    DIR *list;
    int fd, rc = llmobs_spool_base(adopt->config, true, &fd);

    if (rc)
        return rc == -ENOENT ? 0 : rc;
    if (has_ours_alone(adopt, fd)) {
        close(fd);
        return 0;
    }
    list = llmobs_fd_list(fd);
    if (!list)
        return -errno;
    while (rc == 0 && !llmobs_adopt_is_late(adopt) && (entry = readdir(list)))
        rc = visit(adopt, entry->d_name, ctx);
    closedir(list);
    return rc;
}

int llmobs_adopt_find(struct llmobs_adopt *adopt)
{
    int rc = llmobs_adopt_walk(adopt, try_dir, NULL);

    if (rc == 0)
        adopt->given_up_count = 0;
    return rc;
}
