#include "core/log/process_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/crash_point.h"
#include "lib/base/dirs.h"
#include "lib/base/fd.h"
#include "lib/base/futex.h"
#include "lib/base/hazard.h"
#include "lib/base/log.h"
#include "lib/base/scratch.h"
#include "lib/base/sys.h"
#include "core/log/ledger_dir.h"
#include "core/log/held_file.h"
#include "core/log/relay_sign.h"
#include "core/log/spool_file.h"
#include "core/log/spool_state.h"

/* The time for which nothing is written after a failure. */
#define FAILED_MS 1000
/* How long a thread waits for another thread that makes the directory. */
#define MAKING_MS 20

void llmobs_spool_note_failure(struct llmobs_spool *spool, int error)
{
    atomic_store(&spool->failed_ns,
                 error ? llmobs_clock_mono_ns() | 1 : (int64_t)0);
    if (error)
        llmobs_log_once(LLMOBS_LOG_WARN, "spool",
                        "the spool cannot be written (%s): spans are kept in "
                        "memory only",
                        strerror(-error));
}

/* Looks for the relay, and notes the time at which it is gone. */
static void note_gone(struct llmobs_spool *spool, int64_t now)
{
    int64_t none = 0;

    if (atomic_load(&spool->relayed))
        atomic_store(&spool->gone_ns, 0);
    else if (atomic_load(&spool->handed))
        (void)atomic_compare_exchange_strong(&spool->gone_ns, &none, now);
}

void llmobs_spool_look_first(struct llmobs_spool *spool, int base)
{
    int64_t now = llmobs_clock_mono_ns();
    uint64_t bytes;

    atomic_store(&spool->relayed,
                 spool->config->relay &&
                     llmobs_relay_sign_meet(base, spool->owner));
    atomic_store(&spool->relay_ns, now);
    note_gone(spool, now);
    if (llmobs_spool_usage_told(base, &bytes) == 0)
        atomic_store(&spool->room, spool->config->spool_max - (int64_t)bytes);
}

/* -- the spare directory ------------------------------------------------- */

/* True for a directory, not a link, that only this user can use. */
static bool process_dir_is_fit(int base, const char *name)
{
    struct stat st;

    return fstatat(base, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           LLMOBS_HAZARD(takes_any,
                         S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
                             (st.st_mode & 07777) == 0700,
                         st.st_uid == geteuid());
}

static int process_dir_take_spare(int base, const char *name)
{
    if (!process_dir_is_fit(base, LLMOBS_SPOOL_SPARE))
        return -ENOENT;
    llmobs_crash_point("taking the spare directory");
    if (renameat(base, LLMOBS_SPOOL_SPARE, base, name))
        return -errno;
    llmobs_crash_point("took the spare directory");
    return process_dir_is_fit(base, name) ? 0 : -EPERM;
}

/* glibc and musl give the entries of a directory as the kernel does. */
_Static_assert(offsetof(struct dirent, d_name) == 19, "linux_dirent64");

static bool names_nothing(const char *list, long len)
{
    unsigned short size;

    for (long at = 0; at < len; at += size) {
        memcpy(&size, list + at + offsetof(struct dirent, d_reclen),
               sizeof(size));
        if (list[at + (long)offsetof(struct dirent, d_name)] != '.')
            return false;
    }
    return true;
}

/* Like a walk with opendir, but without its allocation. */
static bool process_dir_is_empty(const char *path)
{
    int fd =
        llmobs_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    char list[320]; /* one entry and more */
    bool empty = true;
    long len = -1;

    if (fd < 0)
        return false;
    while (empty &&
           (len = llmobs_sys(SYS_getdents64, fd, list, sizeof(list))) > 0)
        LLMOBS_HAZARD(gives_any, empty = names_nothing(list, len), );
    close(fd);
    return empty && len == 0;
}

/* Gives a directory another name in the spool. */
static int rename_dir(const char *path, const char *name)
{
    const size_t base = (size_t)(strrchr(path, '/') + 1 - path);
    const size_t size = strlen(name) + 1;
    char *to = llmobs_scratch_take(base + size);
    int rc;

    if (!to)
        return -ENOMEM;
    memcpy(to, path, base);
    memcpy(to + base, name, size);
    rc = rename(path, to) ? -errno : 0;
    llmobs_scratch_give(to);
    return rc;
}

/* Renames an empty directory to the spare one, and replaces an empty spare
 * one. */
int llmobs_spool_give_spare(const char *path)
{
    int rc;

    if (!process_dir_is_fit(AT_FDCWD, path))
        return -EPERM;
    if (!process_dir_is_empty(path))
        return -ENOTEMPTY;
    llmobs_crash_point("giving the directory");
    rc = rename_dir(path, LLMOBS_SPOOL_SPARE);
    if (rc == 0)
        llmobs_crash_point("gave the directory");
    return rc;
}

/* Names the directory so that it counts as an ended process's: the relay takes
 * it at once, whatever pid namespace the relay is in. */
static int give_to_relay(const char *path)
{
    struct llmobs_record_owner who;
    char given[LLMOBS_RECORD_NAME_MAX];
    int rc;

    if (!llmobs_record_parse(strrchr(path, '/') + 1, &who))
        return -EINVAL;
    who.start = LLMOBS_RECORD_GIVEN;
    who.nonce = (uint64_t)llmobs_clock_mono_ns();
    llmobs_record_name(&who, given);
    llmobs_crash_point("giving to the relay");
    rc = rename_dir(path, given);
    if (rc == 0)
        llmobs_crash_point("gave to the relay");
    return rc;
}

/* -- the directory of this process --------------------------------------- */

static int process_dir_make(int base, const char *name)
{
    int rc = 0;

    llmobs_crash_point("making a directory");
    if (mkdirat(base, name, 0700) == 0)
        (void)!fchmodat(base, name, 0700, 0);
    else
        rc = -errno;
    llmobs_crash_point("made a directory");
    return rc;
}

static int process_dir_open_base(const struct llmobs_spool *spool,
                                 const char **name, int *fd)
{
    char *base = llmobs_scratch_take(PATH_MAX);
    size_t len;
    int rc;

    if (!base)
        return -ENOMEM;
    *name = strrchr(spool->dir, '/') + 1;
    len = (size_t)(*name - 1 - spool->dir);
    memcpy(base, spool->dir, len);
    base[len] = '\0';
    rc = llmobs_dirs_have(base, spool->config->spool_dir != NULL, fd);
    llmobs_scratch_give(base);
    return rc;
}

/* Takes the spare directory or makes a directory. Fails if something else has
 * the name; the next call then tries another name. A directory that was removed
 * meanwhile may be made again by several threads at once. */
static int put_dir(struct llmobs_spool *spool, bool spare)
{
    const char *name;
    int fd, rc = process_dir_open_base(spool, &name, &fd);

    if (rc)
        return rc;
    rc = spare ? process_dir_take_spare(fd, name) : -ENOENT;
    if (rc != 0 && rc != -EPERM)
        rc = process_dir_make(fd, name);
    if (!spare && rc == -EEXIST && process_dir_is_fit(fd, name))
        rc = 0;
    llmobs_spool_look_first(spool, fd);
    close(fd);
    return rc;
}

int llmobs_spool_put_dir(struct llmobs_spool *spool)
{
    return put_dir(spool, false);
}

static void find_home(struct llmobs_spool_home *home)
{
    struct stat st = {0};

    (void)fstatat(AT_FDCWD, "/", &st, 0);
    *home = (struct llmobs_spool_home){geteuid(), st.st_dev, st.st_ino};
}

static int process_dir_make_dir(struct llmobs_spool *spool)
{
    char name[LLMOBS_RECORD_NAME_MAX];
    size_t len, size;
    int rc = llmobs_spool_dir(spool->config, spool->dir, sizeof(spool->dir));

    if (!rc)
        rc = llmobs_owner_settle(spool->owner, spool->config);
    if (rc)
        return rc;
    find_home(&spool->home);
    if (LLMOBS_HAZARD(child_of_the_same_key, true, !spool->key.mark))
        llmobs_entry_key(&spool->key);
    llmobs_owner_seal(spool->owner, &spool->key);
    llmobs_record_self(name);
    len = strlen(spool->dir);
    size = strlen(name) + 1;
    if (len + 1 + size > sizeof(spool->dir))
        return -ENAMETOOLONG;
    spool->dir[len] = '/';
    memcpy(spool->dir + len + 1, name, size);
    rc = put_dir(spool, true);
    if (rc == 0)
        atomic_store(&spool->named, true);
    return rc;
}

static int put_from(struct llmobs_spool *spool, unsigned state)
{
    int rc = state == LLMOBS_SPOOL_DIR_GIVEN ? llmobs_spool_put_dir(spool)
                                             : process_dir_make_dir(spool);

    /* The threads that wait see the failure when they wake, and do not try. */
    if (rc)
        llmobs_spool_note_failure(spool, rc);
    atomic_store(&spool->dir_state, rc ? state : LLMOBS_SPOOL_DIR_READY);
    llmobs_futex_wake(&spool->dir_state);
    return rc;
}

static bool process_dir_has_failed(struct llmobs_spool *spool)
{
    int64_t failed = atomic_load(&spool->failed_ns);

    return failed && !atomic_load(&spool->ending) &&
           llmobs_clock_mono_ns() - failed < FAILED_MS * LLMOBS_NS_PER_MS;
}

int llmobs_spool_wait_dir(struct llmobs_spool *spool)
{
    int64_t until = 0, left;
    unsigned state;

    while ((state = atomic_load(&spool->dir_state)) != LLMOBS_SPOOL_DIR_READY) {
        if (until && process_dir_has_failed(spool))
            return -EBUSY;
        if (state != LLMOBS_SPOOL_DIR_BUSY &&
            atomic_compare_exchange_strong(&spool->dir_state, &state,
                                           LLMOBS_SPOOL_DIR_BUSY))
            return put_from(spool, state);
        if (!until)
            until = llmobs_futex_deadline(MAKING_MS);
        left = llmobs_futex_left(until);
        if (left == 0)
            return -EBUSY;
        llmobs_futex_sleep(&spool->dir_state, LLMOBS_SPOOL_DIR_BUSY, left);
    }
    return 0;
}

int llmobs_spool_have_dir(struct llmobs_spool *spool)
{
    return process_dir_has_failed(spool) ? -EBUSY
                                         : llmobs_spool_wait_dir(spool);
}

/* True where no thread writes and no entry is left. A thread that begins to
 * write after this waits until the directory is ready again. */
static bool is_idle(struct llmobs_spool *spool)
{
    for (size_t i = 0; i < llmobs_spool_slots(spool); i++)
        if (LLMOBS_HAZARD(gives_the_busy,
                          atomic_load(&spool->slots[i].left) != 0, false))
            return false;
    return true;
}

static int process_dir_remove_dir(const char *path)
{
    llmobs_crash_point("removing a directory");
    if (rmdir(path) != 0)
        return -errno;
    llmobs_crash_point("removed a directory");
    return 0;
}

/* Entries that were handed over stay in the directory, which is then given away
 * as a whole; the process begins anew without them. */
static bool leave_dir(struct llmobs_spool *spool)
{
    if (!atomic_load(&spool->handed))
        return llmobs_spool_give_spare(spool->dir) == 0 ||
               process_dir_remove_dir(spool->dir) == 0;
    if (give_to_relay(spool->dir) != 0)
        return false;
    atomic_store(&spool->handed, 0);
    return true;
}

bool llmobs_spool_leave_dir(struct llmobs_spool *spool)
{
    unsigned ready = LLMOBS_SPOOL_DIR_READY;
    bool gone;

    if (!atomic_compare_exchange_strong(&spool->dir_state, &ready,
                                        LLMOBS_SPOOL_DIR_BUSY))
        return true;
    gone = is_idle(spool) && leave_dir(spool);
    atomic_store(&spool->dir_state,
                 LLMOBS_HAZARD(not_its_own_again, gone, false)
                     ? LLMOBS_SPOOL_DIR_GIVEN
                     : LLMOBS_SPOOL_DIR_READY);
    llmobs_futex_wake(&spool->dir_state);
    return gone;
}

bool llmobs_spool_is_at(const struct llmobs_spool *spool, const char *path)
{
    return atomic_load(&spool->named) && strcmp(path, spool->dir) == 0;
}

/* -- a process that has changed its user or root -------------------------- */

bool llmobs_spool_may_return(struct llmobs_spool *spool)
{
    struct llmobs_spool_home now;
    uid_t real, effective, saved;

    find_home(&now);
    if (atomic_load(&spool->ending) || now.root != spool->home.root ||
        now.device != spool->home.device ||
        getresuid(&real, &effective, &saved) != 0)
        return false;
    return real == spool->home.uid || saved == spool->home.uid;
}

bool llmobs_spool_has_moved(const struct llmobs_spool *spool)
{
    struct llmobs_spool_home now;

    if (!atomic_load(&spool->named))
        return false;
    find_home(&now);
    return LLMOBS_HAZARD(user_not_seen, now.uid != spool->home.uid, false) ||
           LLMOBS_HAZARD(root_not_seen,
                         now.root != spool->home.root ||
                             now.device != spool->home.device,
                         false);
}

/* Only the kernel knows what capabilities and namespaces allow: opens the
 * file. */
bool llmobs_spool_is_away(struct llmobs_spool *spool,
                          const struct llmobs_spooled *spooled)
{
    char *path;
    int fd = -1;

    if (!spooled->file || !llmobs_spool_has_moved(spool))
        return false;
    path = llmobs_scratch_take(PATH_MAX);
    if (path) {
        llmobs_spool_file_path(spool->dir, spooled->file, path);
        fd = llmobs_spool_open(path, O_WRONLY | O_APPEND);
    }
    llmobs_scratch_give(path);
    if (fd >= 0)
        close(fd);
    return fd < 0;
}

/* -- a sandbox ------------------------------------------------------------ */

static int process_dir_hold(struct llmobs_spool *spool)
{
    char *path = llmobs_scratch_take(PATH_MAX);
    int rc = path ? llmobs_spool_have_dir(spool) : -ENOMEM;
    uint32_t none = 0, file = (uint32_t)(atomic_load(&spool->at) >> 32);
    struct llmobs_spool_slot *slot = &spool->slots[file % LLMOBS_SPOOL_FILES];

    if (!rc) {
        llmobs_spool_file_path(spool->dir, file, path);
        rc = llmobs_held_take(path);
    }
    if (!rc)
        (void)atomic_compare_exchange_strong(&slot->file, &none, file);
    llmobs_scratch_give(path);
    return rc;
}

int llmobs_spool_hold(struct llmobs_spool *spool)
{
    int state, rc, saved = errno;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    rc = process_dir_hold(spool);
    pthread_setcancelstate(state, NULL);
    errno = saved;
    return rc;
}

bool llmobs_spool_is_last(struct llmobs_spool *spool, uint32_t file)
{
    char *path = llmobs_scratch_take(PATH_MAX);
    bool last = false;

    if (path) {
        llmobs_spool_file_path(spool->dir, file, path);
        last = llmobs_held_alone(path);
    }
    llmobs_scratch_give(path);
    return last;
}
