#include "core/log/adopt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/crash_point.h"
#include "lib/base/fd.h"
#include "lib/base/hazard.h"
#include "lib/base/once.h"
#include "core/log/ledger_dir.h"
#include "core/log/adopt_claim.h"
#include "core/log/adopt_held.h"
#include "core/log/adopt_read.h"
#include "core/log/exchange_entry.h"
#include "core/log/process_dir.h"
#include "core/log/relay_sign.h"
#include "core/log/spool.h"
#include "core/log/spool_file.h"
#include "core/log/take_back.h"
#include "core/log/take_back_spool.h"

/* If its process has just begun, a directory without a file is younger than
 * this; if it is older, the process was killed. */
#define EMPTY_S 60

/* -- the process of a directory ----------------------------------------- */

/* True for an owner that has ended. A pid means nothing in another pid
 * namespace: where it is not known whether a process lives, it counts as
 * living. A directory with the pid of this process and another name is the
 * directory of the program before an exec. A process that has claimed a
 * directory of another boot or namespace stands in the directory's name, so it
 * is asked about first. */
static bool adopt_is_dead(const struct llmobs_adopt *adopt,
                          const struct llmobs_adopt_found *found)
{
    const struct llmobs_record_owner *who = &found->who;
    uint64_t boot = llmobs_owner_boot(adopt->owner);
    uint64_t mine = llmobs_owner_boot(adopt->self);
    uint64_t pidns = llmobs_owner_pidns(adopt->owner);
    uint64_t start = found->start;

    if (!found->gone && start && start == who->start && who->pid != getpid())
        return false;
    if (LLMOBS_HAZARD(of_a_living, llmobs_adopt_is_given(adopt, who), false))
        return true;
    if (boot && mine && boot != mine)
        return true;
    if (!pidns || pidns != llmobs_owner_pidns(adopt->self))
        return adopt->living && llmobs_live_namespaces_lacks(
                                    adopt->living, pidns, found->changed_s);
    if (found->gone)
        return true;
    if (llmobs_record_is_another(who, start))
        return true;
    return who->pid == getpid();
}

static bool is_for_us(const struct llmobs_adopt *adopt)
{
    return adopt->whose == LLMOBS_ADOPT_ANY ||
           llmobs_owner_same_destinations(adopt->owner, adopt->self) ||
           (adopt->unset &&
            llmobs_owner_same_destinations(adopt->owner, adopt->unset));
}

/* -- claiming one --------------------------------------------------------- */

/* 0 where the directory cannot be claimed or read, so that the walk goes on to
 * the next directory. */
static int adopt_open_dir(struct llmobs_adopt *adopt,
                          const struct llmobs_adopt_found *found)
{
    struct llmobs_adopt_claim *claim = llmobs_adopt_free_claim(adopt);
    int rc = llmobs_adopt_claim_dir(adopt, found, claim);

    if (rc) {
        llmobs_adopt_drop_claim(claim);
        return rc == -ENOMEM ? rc : 0;
    }
    adopt->here = claim;
    adopt->walk.found |= !adopt->unset; /* news for a relay */
    llmobs_owner_config(adopt->owner, adopt->config, &adopt->names);
    rc = llmobs_adopt_survey(adopt);
    if (!rc)
        return 1;
    llmobs_adopt_give_up(adopt, claim);
    llmobs_adopt_drop_claim(claim);
    llmobs_adopt_leave_dir(adopt);
    return rc == -ENOMEM ? rc : 0;
}

/* -- directories that are passed over ----------------------------------- */

static bool adopt_is_old(const char *path)
{
    struct stat st;

    return fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(st.st_mode) &&
           llmobs_clock_wall_ns() / 1000000000 - st.st_mtime > EMPTY_S;
}

/* Removes the directory of a process that was killed in its first write. It has
 * nothing to read, because the owner is written before all else. */
static void remove_stub(struct llmobs_adopt *adopt, const char *dir,
                        const struct llmobs_record_owner *who)
{
    char path[PATH_MAX];
    struct stat st;
    uint64_t start;

    if (!adopt_is_old(dir) || llmobs_record_start(who->pid, &start) != -ESRCH)
        return;
    for (size_t i = 0; i < adopt->file_count; i++) {
        llmobs_spool_file_path(dir, adopt->files[i], path);
        if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) ||
            !S_ISREG(st.st_mode) || st.st_size > (off_t)LLMOBS_ADOPT_OWNER_LOOK)
            return;
    }
    for (size_t i = 0; i < adopt->file_count; i++) {
        llmobs_spool_file_path(dir, adopt->files[i], path);
        unlink(path);
    }
    rmdir(dir);
}

/* True for the directory of this process. To be asked again after the files
 * were listed, because the directory has files only once its path is known. */
static bool adopt_is_own(const struct llmobs_adopt *adopt, const char *path)
{
    return adopt->own && llmobs_spool_is_at(adopt->own, path);
}

/* -- finding one -------------------------------------------------------- */

/* The kernel takes the times of files from its last tick, so a change may get
 * the time of an earlier change. */
#define TICK_MS 20

static int64_t modified_by(const struct stat *st, int64_t now_ns)
{
    int64_t at = llmobs_clock_ns(st->st_mtim);

    return now_ns - at > TICK_MS * LLMOBS_NS_PER_MS ? at : 0;
}

/* Lists the files of a directory of the spool, and finds out about its process.
 * False where it is no process's directory, another user's, or this process's;
 * or where this process holds it and has not yet settled what it read there.
 * Root also leaves a directory to its user, and starts a process for that.
 *
 * The look at the process comes first: if the process has ended, nobody writes
 * to the files that are listed and read after that. */
static bool adopt_look_at(struct llmobs_adopt *adopt, const char *name,
                          struct llmobs_adopt_found *found)
{
    int64_t now = llmobs_clock_wall_ns();
    struct stat st;

    if (!llmobs_record_parse(name, &found->who) ||
        llmobs_adopt_dir_path(adopt, name, found->path) != 0)
        return false;
    if (adopt_is_own(adopt, found->path) ||
        fstatat(AT_FDCWD, found->path, &st, AT_SYMLINK_NOFOLLOW) ||
        !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
        llmobs_adopt_is_held(adopt, st.st_ino))
        return false;
    found->changed_s = st.st_ctime;
    found->modified_ns = modified_by(&st, now);
    found->inode = st.st_ino;
    found->marked = st.st_mode & LLMOBS_SPOOL_MARK;
    found->gone = llmobs_record_start(found->who.pid, &found->start) == -ESRCH;
    return llmobs_adopt_list_files(adopt, found->path) == 0 &&
           !adopt_is_own(adopt, found->path);
}

/* True for a directory whose calls another process, a relay, delivers. The
 * relay may still deliver calls that it read while the program lived. */
static bool has_relay(const struct llmobs_adopt *adopt)
{
    int base;
    bool has;

    if (!adopt->beside_relay ||
        llmobs_spool_base(adopt->config, false, &base) != 0)
        return false;
    has = llmobs_relay_sign_is_up(base, adopt->owner);
    close(base);
    return has;
}

/* 1: this process has claimed the directory; 0: it is not for this process. */
static int try_dir(struct llmobs_adopt *adopt, const char *name)
{
    struct llmobs_adopt_found found;
    int rc;

    if (llmobs_adopt_meet(adopt, name) || llmobs_adopt_is_ours(adopt, name) ||
        !adopt_look_at(adopt, name, &found))
        return 0;
    if (adopt->file_count == 0) {
        if (adopt_is_old(found.path))
            rmdir(found.path);
        return 0;
    }
    rc = llmobs_adopt_find_owner(adopt, found.path);
    if (rc == -ENODATA)
        remove_stub(adopt, found.path, &found.who);
    if (rc || !is_for_us(adopt))
        return 0;
    if (adopt_is_dead(adopt, &found))
        return LLMOBS_HAZARD(takes_it, has_relay(adopt), false)
                   ? 0
                   : adopt_open_dir(adopt, &found);
    return adopt->unset && LLMOBS_HAZARD(mark_unseen, !found.marked, true) &&
                   !llmobs_adopt_is_claimed(&found.who)
               ? llmobs_adopt_open_living(adopt, name, &found)
               : 0;
}

/* True where the spool has no directory but this process's, so that it need not
 * be listed. Many file systems count each directory as a link to its parent. */
static bool has_own_alone(const struct llmobs_adopt *adopt, int base)
{
    struct stat st;

    return adopt->own && llmobs_spool_path(adopt->own)[0] &&
           fstat(base, &st) == 0 && st.st_nlink == 3;
}

/* Opens the list of the spool; NULL with 0: nothing to visit. */
static int adopt_open_list(struct llmobs_adopt *adopt, DIR **list)
{
    int fd, rc = llmobs_spool_base(adopt->config, true, &fd);

    *list = NULL;
    if (rc)
        return rc == -ENOENT ? 0 : rc;
    if (has_own_alone(adopt, fd)) {
        close(fd);
        return 0;
    }
    *list = llmobs_fd_list(fd);
    return *list ? 0 : -errno;
}

/* Visits each name in the spool until a visit gives a number other than 0, and
 * gives that number. */
static int adopt_walk(struct llmobs_adopt *adopt,
                      int (*visit)(struct llmobs_adopt *,
                                   const struct llmobs_adopt_found *, void *),
                      void *ctx)
{
    unsigned left = LLMOBS_FD_NAMES;
    struct llmobs_adopt_found found;
    struct dirent *entry;
    DIR *list;
    int rc = adopt_open_list(adopt, &list);

    while (list && rc == 0 && !llmobs_adopt_is_late(adopt) &&
           (entry = llmobs_fd_entry(list, &left)))
        if (adopt_look_at(adopt, entry->d_name, &found) &&
            adopt->file_count > 0) {
            rc = visit(adopt, &found, ctx);
            llmobs_adopt_leave_dir(adopt);
        }
    if (list)
        closedir(list);
    return rc;
}

static void end_walk(struct llmobs_adopt *adopt)
{
    free(adopt->walk.list);
    adopt->walk = (struct llmobs_adopt_names){0};
}

/* Begins a walk, which visits all directories. */
static int adopt_begin_walk(struct llmobs_adopt *adopt)
{
    adopt->given_up_count = 0;
    adopt->walk.list = malloc(LLMOBS_ADOPT_NAMES * sizeof(llmobs_adopt_name));
    return adopt->walk.list ? 0 : -ENOMEM;
}

/* Orders names by the time when they were made, which the last number of a name
 * tells: a call that continues another process's call then comes after it. */
static int adopt_by_age(const void *a, const void *b)
{
    const char *x = strrchr(a, '-'), *y = strrchr(b, '-');
    size_t x_len = strlen(x), y_len = strlen(y);

    if (x_len != y_len)
        return x_len < y_len ? -1 : 1;
    return strcmp(x, y);
}

/* Reads the next names. A directory that was made meanwhile may have been
 * passed over: the next walk finds it. */
static int next_names(struct llmobs_adopt *adopt)
{
    struct llmobs_adopt_names *names = &adopt->walk;
    struct llmobs_record_owner who;
    unsigned left = LLMOBS_FD_NAMES;
    struct dirent *entry = NULL;
    DIR *list;
    int rc = names->list ? 0 : adopt_begin_walk(adopt);

    names->at = names->count = 0;
    if (!rc)
        rc = adopt_open_list(adopt, &list);
    if (rc)
        return rc;
    adopt->beside_relay =
        list && !adopt->unset && llmobs_relay_sign_is_up(dirfd(list), NULL);
    if (list && names->next)
        seekdir(list, names->next);
    while (list && names->count < LLMOBS_ADOPT_NAMES &&
           (entry = llmobs_fd_entry(list, &left)))
        if (llmobs_record_parse(entry->d_name, &who))
            strcpy(names->list[names->count++], entry->d_name);
    names->all = !entry && left > 0;
    names->next = list && !names->all ? telldir(list) : 0;
    if (list)
        closedir(list);
    qsort(names->list, names->count, sizeof(*names->list), adopt_by_age);
    return 0;
}

/* Claims the next directory: 1; 0: none is left. If the walk has found some, it
 * begins anew at its end, until it finds none. */
static int adopt_find_dir(struct llmobs_adopt *adopt)
{
    struct llmobs_adopt_names *names = &adopt->walk;
    int rc = 0;

    for (;;) {
        while (rc == 0 && names->at < names->count &&
               !llmobs_adopt_is_late(adopt))
            rc = try_dir(adopt, names->list[names->at++]);
        if (rc > 0)
            return rc;
        if (rc || llmobs_adopt_is_late(adopt) || (names->all && !names->found))
            break;
        if (names->all)
            names->found = false;
        rc = next_names(adopt);
    }
    if (names->all && !llmobs_adopt_is_late(adopt))
        llmobs_adopt_forget_unmet(adopt);
    end_walk(adopt);
    return rc;
}

/* -- the public functions ------------------------------------------------ */

struct llmobs_adopt *llmobs_adopt_new(const struct llmobs_config *config,
                                      enum llmobs_adopt_whose whose)
{
    struct llmobs_adopt *adopt = llmobs_once_take(sizeof(*adopt));

    if (!adopt)
        return NULL;
    adopt->config = config;
    adopt->whose = whose;
    atomic_init(&adopt->until_ns, INT64_MAX);
    llmobs_buf_init(&adopt->text, LLMOBS_SPOOL_TEXT);
    if (llmobs_spool_dir(config, adopt->base, sizeof(adopt->base)) == 0)
        return adopt;
    llmobs_adopt_free(adopt);
    return NULL;
}

void llmobs_adopt_abandon(struct llmobs_adopt *adopt)
{
    if (adopt->self)
        llmobs_owner_renew(&adopt->self, adopt->config);
    atomic_store(&adopt->until_ns, INT64_MAX);
    adopt->walk = (struct llmobs_adopt_names){0};
    adopt->given_up = NULL;
    adopt->progress = NULL;
    adopt->progress_count = 0;
    adopt->files = NULL;
    adopt->given_up_count = 0;
    adopt->taken = NULL;
    memset(adopt->claims, 0, sizeof(adopt->claims));
    llmobs_adopt_forget_dir(adopt);
}

void llmobs_adopt_free(struct llmobs_adopt *adopt)
{
    if (!adopt)
        return;
    llmobs_adopt_leave_dir(adopt);
    for (size_t i = 0; i < LLMOBS_ADOPT_CLAIMS; i++)
        llmobs_adopt_drop_claim(&adopt->claims[i]);
    free(adopt->walk.list);
    free(adopt->given_up);
    free(adopt->progress);
    free(adopt->files);
    llmobs_owner_free(adopt->unset);
    llmobs_owner_free(adopt->self);
    llmobs_once_give(adopt);
}

int llmobs_adopt_relay(struct llmobs_adopt *adopt,
                       const struct llmobs_config *unset)
{
    adopt->unset = llmobs_owner_new(unset);
    if (!adopt->self)
        adopt->self = llmobs_owner_new(adopt->config);
    return adopt->unset && adopt->self ? 0 : -ENOMEM;
}

size_t llmobs_adopt_owners(struct llmobs_adopt *adopt,
                           const struct llmobs_owner *out[LLMOBS_ADOPT_OWNERS])
{
    out[0] = adopt->self;
    out[1] = adopt->unset;
    return LLMOBS_ADOPT_OWNERS;
}

void llmobs_adopt_until(struct llmobs_adopt *adopt, int64_t mono_ns)
{
    atomic_store(&adopt->until_ns, mono_ns);
}

void llmobs_adopt_living(struct llmobs_adopt *adopt,
                         const struct llmobs_live_namespaces *living)
{
    adopt->living = living;
}

void llmobs_adopt_except(struct llmobs_adopt *adopt, struct llmobs_spool *own)
{
    adopt->own = own;
}

/* A directory that its user has made read-only keeps its files. Their spans are
 * delivered, so the files are emptied. */
static void adopt_remove_file(const char *path)
{
    int fd;

    if (LLMOBS_HAZARD(read_only_again, unlink(path) == 0, unlink(path)) ||
        errno == ENOENT)
        return;
    fd = llmobs_spool_open(path, O_WRONLY);
    if (fd < 0)
        return;
    (void)!ftruncate(fd, 0);
    close(fd);
}

/* Removes the directory and its files once nothing is left to deliver. A relay
 * leaves the directory to the next process: on a disk it takes longer to make a
 * directory than all else that a short process does there. */
static void adopt_remove_dir(const struct llmobs_adopt *adopt,
                             const struct llmobs_adopt_claim *claim)
{
    char dir[PATH_MAX], path[PATH_MAX];

    if (llmobs_adopt_dir_path(adopt, claim->name, dir) != 0)
        return;
    for (size_t i = 0; i < claim->file_count; i++) {
        llmobs_spool_file_path(dir, claim->files[i], path);
        llmobs_crash_point("removing an adopted file");
        adopt_remove_file(path);
    }
    llmobs_crash_point("removing an adopted directory");
    if (LLMOBS_HAZARD(leaves_no_spare, !adopt->unset, adopt->unset) ||
        llmobs_spool_give_spare(dir) != 0)
        rmdir(dir);
    llmobs_crash_point("removed an adopted directory");
}

static void close_if_done(struct llmobs_adopt *adopt,
                          struct llmobs_adopt_claim *claim)
{
    if (!claim->used || claim->out > 0 || !claim->read)
        return;
    if (claim == adopt->taken)
        llmobs_take_back_end(adopt, claim);
    else if (claim->kept > 0)
        llmobs_adopt_give_up(adopt, claim);
    else if (claim->living)
        llmobs_adopt_advance(adopt, claim);
    else if (LLMOBS_HAZARD(removed_late, true, claim->read > 1))
        adopt_remove_dir(adopt, claim);
    llmobs_adopt_drop_claim(claim);
}

/* All entries of the present directory were given: forgets it. Its claim waits
 * until they are let go or given back. */
static void finish_here(struct llmobs_adopt *adopt)
{
    struct llmobs_adopt_claim *claim = adopt->here;

    claim->read = true;
    claim->kept += adopt->kept;
    llmobs_adopt_leave_dir(adopt);
    close_if_done(adopt, claim);
}

int llmobs_adopt_next(struct llmobs_adopt *adopt, struct llmobs_adopted *out)
{
    int rc;

    for (;;) {
        if (adopt->here) {
            rc = llmobs_adopt_next_here(adopt, out);
            if (rc != 0)
                return rc;
            finish_here(adopt);
        }
        if (!llmobs_adopt_free_claim(adopt))
            return -EAGAIN;
        rc = adopt_find_dir(adopt);
        if (rc != 1)
            return rc;
    }
}

/* Releases the first entries of `list` that are in one file, at most as many as
 * one note holds; gives how many. If the disk has no room for the note,
 * releases them in place. */
static size_t note_some(const struct llmobs_adopt *adopt,
                        const struct llmobs_spooled *list, size_t count)
{
    uint64_t ids[LLMOBS_RELEASE_MAX];
    struct llmobs_spool_target target;
    struct llmobs_entry_key key;
    char path[PATH_MAX];
    size_t n = 0;

    for (; n < count && n < LLMOBS_RELEASE_MAX && list[n].file == list->file;
         n++)
        ids[n] = list[n].id;
    if (llmobs_adopt_claim_target(adopt, list, path, &key, &target) != 0 ||
        llmobs_spool_note(&target, ids, n) == 0)
        return n;
    for (size_t i = 0; i < n; i++)
        LLMOBS_HAZARD(
            not_released,
            (void)llmobs_spool_strike(path, list[i].offset, list[i].id), );
    return n;
}

/* Releases entries of one claim. A directory that will be removed needs no note
 * of that. */
static void let_go_of(struct llmobs_adopt *adopt,
                      const struct llmobs_spooled *list, size_t count)
{
    struct llmobs_adopt_claim *claim = &adopt->claims[list->claim];
    bool stays =
        claim->out > count || !claim->read || claim->kept > 0 || claim->living;

    for (size_t i = 0; stays && i < count;)
        i += note_some(adopt, list + i, count - i);
    claim->out -= count < claim->out ? count : claim->out;
    close_if_done(adopt, claim);
}

void llmobs_adopt_let_go(struct llmobs_adopt *adopt,
                         const struct llmobs_spooled *list, size_t count)
{
    size_t n;

    for (; count > 0; list += n, count -= n) {
        for (n = 1; n < count && list[n].claim == list->claim;)
            n++;
        let_go_of(adopt, list, n);
    }
}

int llmobs_adopt_add(struct llmobs_adopt *adopt,
                     const struct llmobs_spooled *beside, uint64_t id,
                     struct llmobs_text event, struct llmobs_spooled *out)
{
    struct llmobs_adopt_claim *claim = &adopt->claims[beside->claim];
    struct llmobs_spool_target target;
    struct llmobs_entry_key key;
    char path[PATH_MAX];
    uint64_t offset;
    int rc = llmobs_adopt_claim_target(adopt, beside, path, &key, &target);

    if (!rc)
        rc = llmobs_spool_write_span(&target, id, event, &offset);
    if (rc)
        return rc;
    *out = (struct llmobs_spooled){.id = id,
                                   .file = beside->file,
                                   .claim = beside->claim,
                                   .offset =
                                       LLMOBS_HAZARD(added_nowhere, offset, 0)};
    claim->out++;
    return 0;
}

void llmobs_adopt_give_back(struct llmobs_adopt *adopt,
                            const struct llmobs_spooled *spooled)
{
    struct llmobs_adopt_claim *claim = &adopt->claims[spooled->claim];

    claim->out -= claim->out > 0;
    claim->kept++;
    close_if_done(adopt, claim);
}

/* -- counting ------------------------------------------------------------ */

static void count_entry(const struct llmobs_entry *entry, uint64_t *count,
                        struct llmobs_adopt_left *out)
{
    int64_t start = llmobs_exchange_entry_start(entry);

    (*count)++;
    if (start > 0 && (out->oldest_ns == 0 || start < out->oldest_ns))
        out->oldest_ns = start;
}

static int count_files(struct llmobs_adopt *adopt, bool dead,
                       struct llmobs_adopt_left *out)
{
    uint64_t *count = !dead              ? &out->living
                      : is_for_us(adopt) ? &out->ours
                                         : &out->others;
    struct llmobs_entry entry;
    int rc = llmobs_adopt_survey(adopt);

    for (size_t i = 0; i < adopt->file_count && !rc; i++) {
        size_t at = 0;

        rc = llmobs_adopt_have_file(adopt, adopt->files[i]);
        while (!rc && llmobs_adopt_next_entry(adopt, &at, &entry))
            if (llmobs_adopt_is_due(adopt, &entry) &&
                (dead || !llmobs_entry_has_begun(entry.type)))
                count_entry(&entry, count, out);
        rc = rc == -ENOMEM ? rc : 0;
    }
    out->unreadable += adopt->kept;
    return rc;
}

/* True where a file has a byte. A process before its first entry leaves empty
 * files, as does one that took on a sandbox and has made no call. */
static bool has_bytes(const struct llmobs_adopt *adopt, const char *dir)
{
    char path[PATH_MAX];
    struct stat st;

    for (size_t i = 0; i < adopt->file_count; i++) {
        llmobs_spool_file_path(dir, adopt->files[i], path);
        if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) || st.st_size > 0)
            return true;
    }
    return false;
}

static int count_dir(struct llmobs_adopt *adopt,
                     const struct llmobs_adopt_found *found, void *ctx)
{
    struct llmobs_adopt_left *out = ctx;

    memcpy(adopt->dir, found->path, sizeof(adopt->dir));
    if (llmobs_adopt_find_owner(adopt, adopt->dir) == 0)
        return count_files(adopt, adopt_is_dead(adopt, found), out);
    out->unreadable += has_bytes(adopt, adopt->dir);
    return 0;
}

static bool is_busy(const struct llmobs_adopt *adopt)
{
    for (size_t i = 0; i < LLMOBS_ADOPT_CLAIMS; i++)
        if (adopt->claims[i].used)
            return true;
    return false;
}

int llmobs_adopt_count(struct llmobs_adopt *adopt,
                       struct llmobs_adopt_left *out)
{
    memset(out, 0, sizeof(*out));
    return is_busy(adopt) ? -EBUSY : adopt_walk(adopt, count_dir, out);
}

static int adopt_is_left(struct llmobs_adopt *adopt,
                         const struct llmobs_adopt_found *found, void *ctx)
{
    (void)ctx;
    return llmobs_adopt_find_owner(adopt, found->path) == 0 &&
           adopt_is_dead(adopt, found) && is_for_us(adopt);
}

int llmobs_adopt_any(struct llmobs_adopt *adopt)
{
    return is_busy(adopt) ? -EBUSY : adopt_walk(adopt, adopt_is_left, NULL);
}

/* -- calls under way ------------------------------------------------------- */

struct under_way {
    llmobs_adopt_call_fn *visit;
    void *ctx;
    struct llmobs_adopt_call call; /* as far as the directory tells */
};

/* Visits a call. A damaged entry is passed over: it stays, and is counted when
 * its process has ended. */
static int visit_call(struct llmobs_adopt *adopt,
                      const struct llmobs_entry *entry,
                      struct under_way *under_way)
{
    struct llmobs_adopt_call call = under_way->call;
    int rc;

    if (!llmobs_entry_has_begun(entry->type) ||
        !llmobs_adopt_is_open(adopt, entry))
        return 0;
    rc = llmobs_exchange_read(entry, &adopt->recalls, &call.exchange);
    if (rc)
        return rc == -ENOMEM ? rc : 0;
    call.id = entry->id;
    llmobs_exchange_entry_place(entry, &call.place);
    rc = under_way->visit(under_way->ctx, &call);
    llmobs_exchange_free(call.exchange);
    return rc;
}

static int visit_files(struct llmobs_adopt *adopt, struct under_way *under_way)
{
    struct llmobs_entry entry;
    int rc = llmobs_adopt_survey(adopt);

    for (size_t i = 0; i < adopt->file_count && !rc; i++) {
        size_t at = 0;

        if (llmobs_adopt_have_file(adopt, adopt->files[i]))
            continue;
        while (!rc && llmobs_adopt_next_entry(adopt, &at, &entry))
            rc = visit_call(adopt, &entry, under_way);
    }
    return rc;
}

static void note_process(struct llmobs_adopt *adopt,
                         const struct llmobs_adopt_found *found,
                         struct llmobs_adopt_call *call)
{
    *call =
        (struct llmobs_adopt_call){.pid = found->who.pid,
                                   .start = found->who.start,
                                   .pidns = llmobs_owner_pidns(adopt->owner),
                                   .config = &adopt->names};
    call->elsewhere =
        !call->pidns || call->pidns != llmobs_owner_pidns(adopt->self);
    llmobs_owner_config(adopt->owner, adopt->config, &adopt->names);
}

/* Visits the calls of a process. Passes over directories that another process
 * has claimed or was given: their calls ended with their process, or before. */
static int visit_living(struct llmobs_adopt *adopt,
                        const struct llmobs_adopt_found *found, void *ctx)
{
    struct under_way *under_way = ctx;

    if (found->who.start == LLMOBS_RECORD_GIVEN ||
        llmobs_adopt_is_claimed(&found->who))
        return 0;
    memcpy(adopt->dir, found->path, sizeof(adopt->dir));
    if (llmobs_adopt_find_owner(adopt, adopt->dir) != 0 ||
        adopt_is_dead(adopt, found))
        return 0;
    note_process(adopt, found, &under_way->call);
    return visit_files(adopt, under_way);
}

int llmobs_adopt_under_way(struct llmobs_adopt *adopt,
                           llmobs_adopt_call_fn *visit, void *ctx)
{
    struct under_way under_way = {.visit = visit, .ctx = ctx};

    return is_busy(adopt) ? -EBUSY
                          : adopt_walk(adopt, visit_living, &under_way);
}
