#include "core/log/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/crash_point.h"
#include "lib/base/dirs.h"
#include "lib/base/fork.h"
#include "lib/base/futex.h"
#include "lib/base/log.h"
#include "lib/base/scratch.h"
#include "core/log/held_file.h"
#include "core/log/relay_sign.h"
#include "core/log/spool_name.h"
#include "core/log/spool_state.h"

/* The time for which nothing is written after a failure. */
#define FAILED_MS 1000
/* How long a thread waits for another thread that begins. */
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

/* Looks whether a relay delivers the spool, and how full the spool is, as other
 * processes have told. */
static void look_first(struct llmobs_spool *spool, int base)
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

void llmobs_spool_look_for_relay(struct llmobs_spool *spool)
{
    int base;

    if (llmobs_spool_base(spool->config, false, &base) != 0) {
        atomic_store(&spool->relayed, false);
        return;
    }
    look_first(spool, base);
    close(base);
}

/* -- the first part of the names of its files ---------------------------- */

/* Makes the spool, which somebody may have removed. */
int llmobs_spool_put_base(struct llmobs_spool *spool)
{
    char *base = llmobs_scratch_take(PATH_MAX);
    size_t len = (size_t)(strrchr(spool->prefix, '/') - spool->prefix);
    int fd, rc;

    if (!base)
        return -ENOMEM;
    memcpy(base, spool->prefix, len);
    base[len] = '\0';
    rc = llmobs_dirs_have(base, spool->config->spool_dir != NULL, &fd);
    llmobs_scratch_give(base);
    if (rc)
        return rc;
    look_first(spool, fd);
    close(fd);
    return 0;
}

static void find_home(struct llmobs_spool_home *home)
{
    struct stat st = {0};

    (void)fstatat(AT_FDCWD, "/", &st, 0);
    *home = (struct llmobs_spool_home){geteuid(), st.st_dev, st.st_ino};
}

static int name_files(struct llmobs_spool *spool, uint64_t *program)
{
    char name[LLMOBS_RECORD_NAME_MAX];
    size_t len, size;
    int rc =
        llmobs_spool_dir(spool->config, spool->prefix, sizeof(spool->prefix));

    if (rc)
        return rc;
    llmobs_record_self(name, program);
    (void)llmobs_record_parse(name, &spool->self);
    len = strlen(spool->prefix);
    size = strlen(name) + 1;
    if (len + 3 + size > sizeof(spool->prefix))
        return -ENAMETOOLONG;
    memcpy(spool->prefix + len, "/o.", 3);
    memcpy(spool->prefix + len + 3, name, size);
    return 0;
}

static int begin_files(struct llmobs_spool *spool)
{
    uint64_t program;
    int rc = name_files(spool, &program);

    if (!rc)
        rc = llmobs_owner_settle(spool->owner, spool->config, program);
    if (rc)
        return rc;
    spool->process = llmobs_fork_process();
    find_home(&spool->home);
    llmobs_entry_key(&spool->key);
    llmobs_owner_seal(spool->owner, &spool->key);
    rc = llmobs_spool_put_base(spool);
    if (!rc)
        atomic_store(&spool->named, true);
    return rc;
}

/* The threads that wait see the failure when they wake, and do not try. */
static int begin_first(struct llmobs_spool *spool)
{
    int rc = begin_files(spool);

    if (rc)
        llmobs_spool_note_failure(spool, rc);
    atomic_store(&spool->state, rc ? LLMOBS_SPOOL_NONE : LLMOBS_SPOOL_READY);
    llmobs_futex_wake(&spool->state);
    return rc;
}

static bool process_files_has_failed(struct llmobs_spool *spool)
{
    int64_t failed = atomic_load(&spool->failed_ns);

    return failed && !atomic_load(&spool->ending) &&
           llmobs_clock_mono_ns() - failed < FAILED_MS * LLMOBS_NS_PER_MS;
}

/* Waits for the name even where the disk has just failed. */
static int wait_ready(struct llmobs_spool *spool)
{
    int64_t until = 0, left;
    unsigned state;

    while ((state = atomic_load(&spool->state)) != LLMOBS_SPOOL_READY) {
        if (until && process_files_has_failed(spool))
            return -EBUSY;
        if (state != LLMOBS_SPOOL_BUSY &&
            atomic_compare_exchange_strong(&spool->state, &state,
                                           LLMOBS_SPOOL_BUSY))
            return begin_first(spool);
        if (!until)
            until = llmobs_futex_deadline(MAKING_MS);
        left = llmobs_futex_left(until);
        if (left == 0)
            return -EBUSY;
        llmobs_futex_sleep(&spool->state, LLMOBS_SPOOL_BUSY, left);
    }
    return 0;
}

int llmobs_spool_have_ready(struct llmobs_spool *spool)
{
    return process_files_has_failed(spool) ? -EBUSY : wait_ready(spool);
}

bool llmobs_spool_is_self(const struct llmobs_spool *spool,
                          const struct llmobs_record_owner *who)
{
    return atomic_load(&spool->named) && llmobs_record_equal(&spool->self, who);
}

/* -- under whichever name -------------------------------------------------- */

/* A name changes only as a reader claims a file, or claims that of a dead one,
 * so that there are few. */
#define NAMES 8

/* For the files of the process that has this prefix. */
static int with_of(const char *prefix, uint32_t file,
                   int (*use)(const char *path, void *ctx), void *ctx)
{
    char *path = llmobs_scratch_take(PATH_MAX);
    int rc;

    if (!path)
        return -ENOMEM;
    llmobs_spool_file_path(prefix, file, path);
    rc = use(path, ctx);
    for (int i = 0; i < NAMES && rc == -ENOENT; i++) {
        if (llmobs_spool_find_claimed(prefix, file, path) != 0)
            break;
        llmobs_crash_point("found a claimed file");
        rc = use(path, ctx);
    }
    llmobs_scratch_give(path);
    return rc;
}

int llmobs_spool_with(struct llmobs_spool *spool, uint32_t file,
                      int (*use)(const char *path, void *ctx), void *ctx)
{
    return with_of(spool->prefix, file, use, ctx);
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
    return now.uid != spool->home.uid || now.root != spool->home.root ||
           now.device != spool->home.device;
}

static int may_append(const char *path, void *ctx)
{
    int fd = llmobs_spool_open(path, O_WRONLY | O_APPEND);
    int rc = fd < 0 ? -errno : 0;

    (void)ctx;
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Only the kernel knows what capabilities and namespaces allow: opens the
 * file. */
bool llmobs_spool_is_away(struct llmobs_spool *spool,
                          const struct llmobs_spooled *spooled)
{
    return spooled->file && llmobs_spool_has_moved(spool) &&
           llmobs_spool_with(spool, spooled->file, may_append, NULL) != 0;
}

/* -- a sandbox ------------------------------------------------------------ */

static int process_files_hold(struct llmobs_spool *spool)
{
    char *path = llmobs_scratch_take(PATH_MAX);
    int rc = path ? llmobs_spool_have_ready(spool) : -ENOMEM;
    uint32_t none = 0, file = llmobs_slots_current(spool);
    struct llmobs_spool_slot *slot = llmobs_slots_of(spool, file);

    if (!rc) {
        llmobs_spool_file_path(spool->prefix, file, path);
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
    rc = process_files_hold(spool);
    pthread_setcancelstate(state, NULL);
    errno = saved;
    return rc;
}

bool llmobs_spool_is_last(struct llmobs_spool *spool, uint32_t file)
{
    char *path = llmobs_scratch_take(PATH_MAX);
    bool last = false;

    if (path) {
        llmobs_spool_file_path(spool->prefix, file, path);
        last = llmobs_held_alone(path);
    }
    llmobs_scratch_give(path);
    return last;
}

/* -- the files of a parent ------------------------------------------------ */

void llmobs_spool_note_parent(struct llmobs_spool *spool)
{
    struct llmobs_spool_parent *parent = &spool->parent;

    parent->process = atomic_load(&spool->named) ? spool->process : 0;
    if (!parent->process)
        return;
    parent->key = spool->key;
    memcpy(parent->prefix, spool->prefix, strlen(spool->prefix) + 1);
}

static int append_to_parents(const char *path, void *ctx)
{
    struct llmobs_spool_written written;

    return llmobs_spool_append(path, ctx, &written);
}

/* Until the child has entries of its own, the names are still its parent's. */
static const struct llmobs_entry_key *find_parents(
    const struct llmobs_spool *spool, int process, const char **prefix)
{
    if (atomic_load(&spool->named) && spool->process == process) {
        *prefix = spool->prefix;
        return &spool->key;
    }
    *prefix = spool->parent.prefix;
    return spool->parent.process == process ? &spool->parent.key : NULL;
}

/* The parent writes an END, too, if it ends in order: its own then counts. */
void llmobs_spool_end_parents(struct llmobs_spool *spool,
                              struct llmobs_exchange *exchange)
{
    uint32_t home = llmobs_spool_home_of(&exchange->item.spooled);
    const char *prefix;
    const struct llmobs_entry_key *key =
        find_parents(spool, exchange->process, &prefix);
    struct llmobs_spool_writing *writing =
        home && key ? llmobs_scratch_take(sizeof(*writing)) : NULL;
    bool bare = llmobs_privacy_withholds(&spool->config->privacy);

    if (!writing)
        return;
    llmobs_entry_begin(&writing->writer, LLMOBS_ENTRY_END,
                       exchange->item.spooled.id);
    if (llmobs_exchange_add(exchange, bare, &writing->facts,
                            &writing->writer) == 0) {
        writing->writer.start.head.type = LLMOBS_ENTRY_CHILDS_END;
        if (llmobs_entry_end(&writing->writer, key) <= LLMOBS_ENTRY_MAX)
            (void)with_of(prefix, home, append_to_parents, &writing->writer);
    }
    llmobs_scratch_give(writing);
}
