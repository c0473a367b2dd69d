/* Finds the spools of one user or of all users. */
#include "cli/shared/spool_dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/shared/accounts.h"
#include "cli/shared/mounts.h"
#include "core/config/state_dir.h"
#include "lib/base/clock.h"
#include "lib/base/dirs.h"
#include "core/log/relay_sign.h"
#include "core/log/spool_file.h"
#include "lib/base/listing.h"

#define HOMES "/home"
#define HOME_STATE ".local/state"
#define SPOOL "/llmobs/spool"
#define LOOSE "/var/tmp"

/* One walk over users. */
struct walk {
    llmobs_user_spool_fn *visit;
    void *ctx;
};

static int open_list(const char *path, bool chosen, struct llmobs_listing *list)
{
    int fd, rc = llmobs_dirs_open(path, chosen, true, &fd);

    if (!rc)
        rc = llmobs_listing_open(list, fd);
    if (!rc)
        list->left = UINT_MAX;
    return rc;
}

static int spool_dirs_visit(const struct walk *walk, const char *path,
                            bool chosen, uid_t uid)
{
    struct llmobs_user_spool place = {
        .path = path, .chosen = chosen, .uid = uid};

    return walk->visit(walk->ctx, &place);
}

/* -- one directory, maybe of several users ------------------------------- */

/* Removes a relay's sign that somebody put in another user's name, and that
 * would keep that user from a relay. Only where root owns the directory. */
static void refuse(int dir, const char *name)
{
    char away[64];
    struct stat st;

    if (geteuid() != 0 || fstat(dir, &st) != 0 || st.st_uid != 0 ||
        (st.st_mode & S_ISVTX) == 0)
        return;
    snprintf(away, sizeof(away), "refused.%lld",
             (long long)llmobs_clock_wall_ns());
    if (renameat(dir, name, dir, away) == 0 && unlinkat(dir, away, 0) != 0)
        (void)unlinkat(dir, away, AT_REMOVEDIR);
}

/* True where the entry belongs to a user: a file of that user's processes, or a
 * relay's sign that the user has made. */
static bool has_owner(int dir, const char *name, struct stat *st)
{
    struct llmobs_spool_name file;
    uid_t uid;

    if (llmobs_spool_name_parse(name, &file))
        return fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW) == 0;
    if (!llmobs_relay_sign_parse(name, &uid) ||
        fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    if (st->st_uid == uid)
        return S_ISREG(st->st_mode);
    refuse(dir, name);
    return false;
}

static int spool_dirs_one(const struct walk *walk, const char *path,
                          bool chosen)
{
    uid_t *users = calloc(LLMOBS_SPOOL_DIRS_MAX, sizeof(*users));
    struct llmobs_listing list;
    size_t count = 0;
    const char *name;
    struct stat st;
    int rc = users ? open_list(path, chosen, &list) : -ENOMEM;

    /* For root each user with files there, else the user itself. */
    if (rc == 0 && geteuid() != 0)
        users[count++] = geteuid();
    while (rc == 0 && geteuid() == 0 && count < LLMOBS_SPOOL_DIRS_MAX &&
           (name = llmobs_listing_next(&list))) {
        size_t i = 0;

        if (!has_owner(list.fd, name, &st))
            continue;
        while (i < count && users[i] != st.st_uid)
            i++;
        users[i] = st.st_uid;
        count += i == count;
    }
    if (rc == 0)
        llmobs_listing_close(&list);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = spool_dirs_visit(walk, path, chosen, users[i]);
    free(users);
    return rc;
}

/* -- all users ------------------------------------------------------------ */

/* True where the directory that the spool is a part of does not exist. On a
 * network file system root may not be allowed to look: then the user's process
 * does. */
static bool is_missing(const char *spool)
{
    char path[PATH_MAX];
    struct stat st;

    snprintf(path, sizeof(path), "%.*s", (int)(strrchr(spool, '/') - spool),
             spool);
    return lstat(path, &st) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

/* Visits a home as its owner; passes over a home that root owns. */
static int visit_home(const struct walk *walk, const char *name,
                      const struct stat *st)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof(path), HOMES "/%s/" HOME_STATE SPOOL, name) >=
            (int)sizeof(path) ||
        is_missing(path))
        return 0;
    return spool_dirs_visit(walk, path, false, st->st_uid);
}

/* Visits a directory where anybody may make one, so its name must be its
 * owner's. */
static int visit_loose(const struct walk *walk, const char *name,
                       const struct stat *st)
{
    char path[PATH_MAX];

    if (!llmobs_config_is_loose(name, st->st_uid))
        return 0;
    snprintf(path, sizeof(path), LOOSE "/%s/spool", name);
    return is_missing(path) ? 0
                            : spool_dirs_visit(walk, path, false, st->st_uid);
}

static int spool_dirs_each(const struct walk *walk, const char *path,
                           int (*step)(const struct walk *, const char *,
                                       const struct stat *))
{
    struct llmobs_listing list;
    const char *name;
    struct stat st;
    int rc = open_list(path, true, &list);

    if (rc)
        return rc == -ENOENT ? 0 : rc;
    while (rc == 0 && (name = llmobs_listing_next(&list)))
        if (name[0] != '.' &&
            fstatat(list.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(st.st_mode) && st.st_uid != 0)
            rc = step(walk, name, &st);
    llmobs_listing_close(&list);
    return rc;
}

static int first_error(int first, int second)
{
    return first != 0 ? first : second;
}

int llmobs_spool_dirs_here(const char *dir, const struct llmobs_config *config,
                           llmobs_user_spool_fn *the_visit, void *ctx)
{
    struct walk walk = {the_visit, ctx};
    bool chosen = config->store_dir || config->spool_dir;
    char path[PATH_MAX];
    int rc;

    if (dir)
        return spool_dirs_one(&walk, dir, true);
    rc = llmobs_spool_dir(config, path, sizeof(path));
    if (rc == 0)
        rc = spool_dirs_one(&walk, path, chosen);
    if (rc == -ENOENT)
        rc = 0;
    if (geteuid() != 0 || chosen)
        return rc;
    /* A directory that fails does not keep the others from being visited. */
    rc = first_error(rc, spool_dirs_each(&walk, HOMES, visit_home));
    return first_error(rc, spool_dirs_each(&walk, LOOSE, visit_loose));
}

static int visit_mounts(void *ctx, uid_t uid, pid_t pid, uint64_t mounts)
{
    const struct walk *walk = ctx;
    char path[64];
    struct llmobs_user_spool place = {
        .path = path, .uid = uid, .pid = pid, .mounts = mounts};

    snprintf(path, sizeof(path), "/proc/%d/root" LLMOBS_LOOSE "%u/spool",
             (int)pid, uid);
    return walk->visit(walk->ctx, &place);
}

int llmobs_spool_dirs_visit(const char *dir, const struct llmobs_config *config,
                            llmobs_user_spool_fn *the_visit, void *ctx)
{
    int rc = llmobs_spool_dirs_here(dir, config, the_visit, ctx);
    struct walk walk = {the_visit, ctx};

    if (rc == -EINTR || dir || geteuid() != 0 || config->store_dir ||
        config->spool_dir)
        return rc;
    return first_error(rc, llmobs_mounts_visit(visit_mounts, &walk));
}

/* -- becoming a user ------------------------------------------------------ */

/* The group of a user whom /etc/passwd lacks. That of the user's files is none
 * to believe: a file gets its folder's group there, which may be root's. */
#define NOGROUP 65534

static int become(const struct llmobs_user_spool *place)
{
    const struct llmobs_account *user;
    gid_t gid;

    if (place->uid == geteuid())
        return 0;
    user = llmobs_account_of(place->uid);
    gid = user ? user->gid : NOGROUP;
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
        setresuid(place->uid, place->uid, place->uid) != 0)
        return -errno;
    /* This process's memory has root's key, so other processes of the user must
     * not read it. */
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : -errno;
}

static int put_text(char **field, const char *text, size_t len)
{
    free(*field);
    *field = text ? strndup(text, len) : NULL;
    return !text || *field ? 0 : -ENOMEM;
}

int llmobs_user_spool_enter(const struct llmobs_user_spool *place,
                            struct llmobs_config *config)
{
    size_t len = strlen(place->path), tail = strlen(SPOOL);
    bool state = len > tail && strcmp(place->path + len - tail, SPOOL) == 0;
    bool renames = place->uid != geteuid() && !config->store_dir;
    char path[PATH_MAX];
    int root =
        place->pid != 0 ? llmobs_mounts_open(place->pid, place->mounts) : 0;
    int rc = root < 0 ? root : become(place);

    if (rc == 0 && place->pid != 0)
        return llmobs_mounts_enter(root, config);
    /* For a spool "P/llmobs/spool", sets P as the state directory. */
    if (rc == 0 && renames)
        rc = put_text(&config->home, NULL, 0);
    if (rc == 0 && renames)
        rc = put_text(&config->xdg_state_home, state ? place->path : NULL,
                      state ? len - tail : 0);
    if (rc != 0)
        return rc;
    if (place->chosen)
        return put_text(&config->spool_dir, place->path, strlen(place->path));
    /* By the usual rule, which checks links. */
    rc = llmobs_spool_dir(config, path, sizeof(path));
    return rc == 0 && strcmp(path, place->path) != 0 ? -ENOENT : rc;
}
