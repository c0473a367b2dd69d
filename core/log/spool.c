/* Writes a process's calls to its spool, and releases them. */
#include "core/log/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/crash_point.h"
#include "lib/base/dirs.h"
#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "lib/base/fork.h"
#include "lib/base/futex.h"
#include "lib/base/log.h"
#include "lib/base/once.h"
#include "lib/base/scratch.h"
#include "lib/base/stats.h"
#include "core/log/item_entry.h"
#include "core/log/spool_relay.h"
#include "core/log/spool_slots.h"
#include "core/log/spool_state.h"

/* If LLMOBS_SPOOL_MAX is small, a file takes at most this part of it. */
#define FILE_PARTS 16
#define COUNT_EVERY_MS 1000
/* The time for which nothing is written after a failure. */
#define FAILED_MS 1000
/* How long a thread waits for another thread that opens the spool. */
#define OPEN_MS 20
/* Readers may claim a few files before an entry is written to one. */
#define FIRST_TRIES 8
/* A name changes only as a reader claims a file, or claims that of a dead one,
 * or gives it back, so that there are few. */
#define NAMES 4

/* Sets all members but the slots to their values before this process has a
 * name. */
static void set_unnamed(struct llmobs_spool *spool)
{
    atomic_store(&spool->state, LLMOBS_SPOOL_NONE);
    atomic_store(&spool->named, false);
    atomic_store(&spool->failed_ns, 0);
    atomic_store(&spool->relayed, false);
    atomic_store(&spool->for_relay, 0);
    atomic_store(&spool->gone_ns, 0);
    atomic_store(&spool->began_file, true);
    atomic_store(&spool->ending, false);
    atomic_store(&spool->at, (uint64_t)1 << 32);
    atomic_store(&spool->room, spool->config->spool_max);
    spool->counted_ns = 0;
    spool->deferred_count = 0;
}

struct llmobs_spool *llmobs_spool_new(const struct llmobs_config *config)
{
    struct llmobs_spool *spool;

    if (config->spool_max <= 0)
        return NULL;
    spool = llmobs_once_alloc(sizeof(*spool));
    if (!spool)
        return NULL;
    spool->config = config;
    spool->owner = llmobs_owner_alloc();
    if (!spool->owner) {
        llmobs_once_free(spool);
        return NULL;
    }
    spool->file_max = LLMOBS_SPOOL_FILE;
    if (config->spool_max / FILE_PARTS < (int64_t)spool->file_max)
        spool->file_max = (size_t)config->spool_max / FILE_PARTS + 1;
    set_unnamed(spool);
    return spool;
}

void llmobs_spool_free(struct llmobs_spool *spool)
{
    if (!spool)
        return;
    llmobs_owner_free(spool->owner);
    free(spool->deferred);
    llmobs_once_free(spool);
}

/* A child may be in another pid namespace, so it needs an owner of its own, to
 * be filled when the child opens the spool. Without memory for one, the child
 * fills its parent's. It remembers its parent's files for _end_parents. */
void llmobs_spool_reset(struct llmobs_spool *spool)
{
    struct llmobs_spool_parent *parent = &spool->parent;
    struct llmobs_owner *anew = llmobs_owner_alloc();

    if (anew) {
        llmobs_owner_free(spool->owner);
        spool->owner = anew;
    }
    parent->process = atomic_load(&spool->named) ? spool->process : 0;
    if (parent->process) {
        parent->key = spool->key;
        memcpy(parent->prefix, spool->prefix, strlen(spool->prefix) + 1);
    }
    llmobs_slots_clear(spool);
    set_unnamed(spool);
}

bool llmobs_spool_is_self(const struct llmobs_spool *spool,
                          const struct llmobs_process_id *who)
{
    return atomic_load(&spool->named) &&
           llmobs_process_id_equal(&spool->self, who);
}

/* -- opening the spool ---------------------------------------------------- */

/* Remembers that the disk has failed, or, by 0, that it works again. */
static void set_failed(struct llmobs_spool *spool, int error)
{
    atomic_store(&spool->failed_ns,
                 error ? llmobs_clock_mono_ns() | 1 : (int64_t)0);
    if (error)
        llmobs_log_once(LLMOBS_LOG_WARN, "spool",
                        "the spool cannot be written (%s): spans are kept in "
                        "memory only",
                        strerror(-error));
}

static bool has_just_failed(struct llmobs_spool *spool)
{
    int64_t failed = atomic_load(&spool->failed_ns);

    return failed && !atomic_load(&spool->ending) &&
           llmobs_clock_mono_ns() - failed < FAILED_MS * LLMOBS_NS_PER_MS;
}

/* Makes the spool's directory, if it is missing or somebody has removed it. */
static int make_dir(struct llmobs_spool *spool)
{
    char *path = llmobs_scratch_alloc(PATH_MAX);
    size_t len = (size_t)(strrchr(spool->prefix, '/') - spool->prefix);
    int fd, rc;

    if (!path)
        return -ENOMEM;
    memcpy(path, spool->prefix, len);
    path[len] = '\0';
    rc = llmobs_dirs_have(path, spool->config->spool_dir != NULL, &fd);
    llmobs_scratch_free_text(path);
    if (rc)
        return rc;
    llmobs_spool_look_in(spool, fd);
    close(fd);
    return 0;
}

static void find_home(struct llmobs_spool_home *home)
{
    struct stat st = {0};

    (void)fstatat(AT_FDCWD, "/", &st, 0);
    *home = (struct llmobs_spool_home){geteuid(), st.st_dev, st.st_ino};
}

/* Finds the first part of the names of this process's files, its owner and its
 * key, and makes the directory. */
static int open_first(struct llmobs_spool *spool)
{
    char name[LLMOBS_PROCESS_ID_MAX];
    uint64_t program;
    size_t len, size;
    int rc =
        llmobs_spool_dir(spool->config, spool->prefix, sizeof(spool->prefix));

    if (rc)
        return rc;
    llmobs_process_id_self(name, &program);
    (void)llmobs_process_id_parse(name, &spool->self);
    len = strlen(spool->prefix);
    size = strlen(name) + 1;
    if (len + 3 + size > sizeof(spool->prefix))
        return -ENAMETOOLONG;
    memcpy(spool->prefix + len, "/o.", 3);
    memcpy(spool->prefix + len + 3, name, size);
    llmobs_entry_key(&spool->key);
    rc = llmobs_owner_fill(spool->owner, spool->config, program, &spool->key);
    if (rc)
        return rc;
    spool->process = llmobs_fork_process();
    find_home(&spool->home);
    rc = make_dir(spool);
    if (!rc)
        atomic_store(&spool->named, true);
    return rc;
}

/* A thread that waited, and wakes because the first thread has failed, does not
 * try itself. Where the first one takes too long, or has left for good (its
 * signal handler may end it, or leave by siglongjmp), no call waits again soon.
 */
int llmobs_spool_open(struct llmobs_spool *spool)
{
    int64_t until = 0, left;
    unsigned state;
    int rc;

    if (has_just_failed(spool))
        return -EBUSY;
    while ((state = atomic_load(&spool->state)) != LLMOBS_SPOOL_READY) {
        if (until && has_just_failed(spool))
            return -EBUSY;
        if (state != LLMOBS_SPOOL_BUSY &&
            atomic_compare_exchange_strong(&spool->state, &state,
                                           LLMOBS_SPOOL_BUSY)) {
            rc = open_first(spool);
            if (rc)
                set_failed(spool, rc);
            atomic_store(&spool->state,
                         rc ? LLMOBS_SPOOL_NONE : LLMOBS_SPOOL_READY);
            if (!rc)
                set_failed(spool, 0);
            llmobs_futex_wake(&spool->state);
            return rc;
        }
        if (!until)
            until = llmobs_futex_deadline(OPEN_MS);
        left = llmobs_futex_left(until);
        if (left == 0) {
            atomic_store(&spool->failed_ns, llmobs_clock_mono_ns() | 1);
            return -EBUSY;
        }
        llmobs_futex_sleep(&spool->state, LLMOBS_SPOOL_BUSY, left);
    }
    return 0;
}

void llmobs_spool_find_key(struct llmobs_spool *spool,
                           const struct llmobs_exchange *exchange)
{
    if (exchange->process == llmobs_fork_process())
        (void)llmobs_spool_open(spool);
}

/* -- appending to a file -------------------------------------------------- */

/* Calls `use` with the path of a file of the process that has this prefix, and
 * again with the name that a reader has given the file, as long as `use` gives
 * -ENOENT: between two looks the file may get its first name back. */
static int use_file(const char *prefix, uint32_t file,
                    int (*use)(const char *path, void *ctx), void *ctx)
{
    char *path = llmobs_scratch_alloc(PATH_MAX);
    int rc = path ? -ENOENT : -ENOMEM;

    for (int i = 0; i < NAMES && rc == -ENOENT; i++) {
        llmobs_spool_file_path(prefix, file, path);
        rc = use(path, ctx);
        if (rc != -ENOENT ||
            llmobs_spool_file_find_claimed(prefix, file, path) != 0)
            continue;
        llmobs_crash_point("found a claimed file");
        rc = use(path, ctx);
    }
    llmobs_scratch_free_text(path);
    return rc;
}

/* An append to a file of this process. */
struct append {
    struct llmobs_spool *spool;
    struct llmobs_spool_slot *slot;
    uint32_t file;
    struct llmobs_entry_writer *writer;
    struct llmobs_spool_written written;
};

/* Makes a file in the directory as that is opened with care: somebody may have
 * put a link in its place since this process found its name. A file that
 * somebody else has put there is refused. */
static int make_file(const struct append *append, const char *path)
{
    int dir = AT_FDCWD, fd;
    int rc = llmobs_spool_open_dir(append->spool->config, false, &dir);
    struct stat st;

    if (rc)
        return rc;
    fd = llmobs_fd_open(dir, dir < 0 ? path : strrchr(path, '/') + 1,
                        O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW);
    rc = fd < 0 ? -errno : 0;
    if (dir >= 0)
        close(dir);
    if (rc == -EEXIST) {
        fd = llmobs_spool_file_open(path, O_WRONLY | O_APPEND);
        rc = fd < 0 ? fd : llmobs_file_check(fd, geteuid());
    }
    if (rc && fd >= 0)
        close(fd);
    if (rc)
        return rc;
    /* The app's umask may have taken the rights of this user. To set them
     * always would cost a short process more than its first entry. */
    if (fstat(fd, &st) != 0 || (st.st_mode & 07777) != 0600)
        (void)!fchmod(fd, 0600);
    llmobs_crash_point("made a file");
    return fd;
}

/* Opens the file, or makes it, if no thread has. Only one thread ever makes a
 * file: a reader may claim it at once, and then nothing may take its name,
 * under which the calls in it are found. Other threads wait; -ESTALE: too long.
 */
static int open_or_make(const struct append *append, const char *path)
{
    atomic_uint *made = &append->slot->file;
    int64_t left, until = 0;
    unsigned state;

    for (;;) {
        state = 0;
        if (atomic_compare_exchange_strong(made, &state, LLMOBS_SPOOL_MAKING)) {
            int fd = make_file(append, path);

            if (atomic_exchange(made, fd < 0 ? 0 : append->file) ==
                LLMOBS_SPOOL_AWAITED)
                llmobs_futex_wake(made);
            return fd;
        }
        if (state < LLMOBS_SPOOL_AWAITED)
            return llmobs_spool_file_open(path, O_WRONLY | O_APPEND);
        if (!until)
            until = llmobs_futex_deadline(OPEN_MS);
        if ((left = llmobs_futex_left(until)) == 0)
            return -ESTALE;
        if (state == LLMOBS_SPOOL_AWAITED ||
            atomic_compare_exchange_strong(made, &state, LLMOBS_SPOOL_AWAITED))
            llmobs_futex_sleep(made, LLMOBS_SPOOL_AWAITED, left);
    }
}

/* Each thread that finds the file without its owner writes the OWNER entry, as
 * the thread that was to write it may be killed. So a file may have several. */
static int append_at(const char *path, void *ctx)
{
    struct append *append = ctx;
    struct llmobs_spool_slot *slot = append->slot;
    struct llmobs_text owner = llmobs_buf_text(&append->spool->owner->lead);
    bool owned = atomic_load(&slot->owned);
    int rc, fd = open_or_make(append, path);

    if (fd < 0)
        return fd;
    if (owned)
        owner.len = 0;
    rc = llmobs_spool_file_write(fd, owner, append->writer, &append->written);
    atomic_store(&append->spool->limited, append->written.limited);
    close(fd);
    if (!rc && !owned)
        atomic_store(&slot->owned, true);
    return rc;
}

/* Appends an entry that begins something to the current file. Tries again in a
 * new file where a reader has claimed the current one, the spool was removed,
 * or the file has grown to the app's limit of file sizes. An entry behind the
 * closing of a file does not count. */
static int append_first(struct append *append, size_t size)
{
    struct llmobs_spool *spool = append->spool;
    char *path = llmobs_scratch_alloc(PATH_MAX);
    int rc = path ? -EIO : -ENOMEM;

    for (int i = 0; path && i < FIRST_TRIES; i++) {
        append->file = llmobs_slots_add(spool, size);
        if (append->file == 0) {
            rc = -EDQUOT;
            break;
        }
        append->slot = llmobs_slots_of(spool, append->file);
        llmobs_spool_file_path(spool->prefix, append->file, path);
        rc = append_at(path, append);
        if (!rc && append->written.end > LLMOBS_SPOOL_CLOSED) {
            llmobs_crash_point("written behind a closing");
            rc = -ESTALE;
        }
        if (!rc)
            break;
        if ((rc == -ESTALE || rc == -ENOENT) &&
            atomic_load(&append->slot->file) == append->file)
            atomic_store(&append->slot->for_relay, true);
        else if (rc == -ENOENT && make_dir(spool) != 0)
            rc = -EIO;
        llmobs_slots_begin_next(spool, append->file);
        llmobs_slots_remove(spool, append->file, 1);
        if (rc != -EFBIG && rc != -ENOENT && rc != -ESTALE)
            break;
    }
    llmobs_scratch_free_text(path);
    return rc;
}

/* -- writing entries ------------------------------------------------------ */

/* True where the spool is full, or the file of the call: a reader reads so many
 * bytes of it, with some RELEASE entries. */
static bool lacks_room(struct llmobs_spool *spool, uint32_t home, int64_t size)
{
    const int64_t most = LLMOBS_SPOOL_TEXT - LLMOBS_SPOOL_FILE;

    return atomic_load(&spool->room) < size ||
           (home &&
            atomic_load(&llmobs_slots_of(spool, home)->bytes) + size > most);
}

/* Ends the entry and appends it to the file of its call, or, if the call has
 * none, to the current file. Fills file, offset and size. */
static int write_entry(struct llmobs_spool *spool,
                       struct llmobs_entry_writer *writer,
                       struct llmobs_spooled *spooled)
{
    struct append append = {.spool = spool, .writer = writer};
    const uint32_t home = spooled->file;
    int64_t size;
    int rc = llmobs_spool_open(spool);

    if (rc)
        return rc;
    if (spooled->for_relay)
        llmobs_entry_add(writer, LLMOBS_ENTRY_FOR_RELAY, "", 1);
    if (spooled->stored)
        llmobs_entry_add(writer, LLMOBS_ENTRY_STORED, "", 1);
    if (home && writer->start.head.type == LLMOBS_ENTRY_EVENT)
        llmobs_entry_add(writer, LLMOBS_ENTRY_BESIDE, "", 1);
    size = llmobs_entry_end(writer, &spool->key);
    if (size < 0)
        return (int)size;
    if (size > (int64_t)LLMOBS_ENTRY_MAX)
        return -EFBIG;
    if (lacks_room(spool, home, size))
        return -EDQUOT;
    if (!home) {
        rc = append_first(&append, (size_t)size);
    } else { /* even if a reader has renamed the file */
        append.file = home;
        append.slot = llmobs_slots_of(spool, home);
        atomic_fetch_add(&append.slot->entries, 1);
        rc = use_file(spool->prefix, home, append_at, &append);
        if (rc)
            llmobs_slots_remove(spool, home, 1);
        else
            llmobs_slots_add_bytes(spool, home, (size_t)size);
    }
    if (rc && rc != -EDQUOT && rc != -EFBIG && rc != -EBUSY &&
        !(home && rc == -ENOENT))
        set_failed(spool, rc);
    if (rc)
        return rc;
    if (atomic_load(&spool->failed_ns))
        set_failed(spool, 0);
    atomic_fetch_sub(&spool->room, size);
    atomic_fetch_add(&append.slot->bytes, (uint32_t)size);
    spooled->file = append.file;
    spooled->entries++;
    spooled->size = (uint64_t)size;
    spooled->offset = append.written.end - (uint64_t)size;
    return 0;
}

/* The writer of an exchange's entry, and the facts that it borrows. */
struct exchange_writer {
    struct llmobs_entry_writer entry;
    struct llmobs_exchange_facts facts;
};

_Static_assert(sizeof(struct exchange_writer) <= LLMOBS_SCRATCH_SIZE,
               "an allocation for each entry");

static void free_writer(struct exchange_writer *writer)
{
    memset(writer->facts.numbers, 0, sizeof(writer->facts.numbers));
    llmobs_entry_free(&writer->entry);
}

/* The id of a call's entries: its span's, and after a release (cancel) another,
 * since a release is of all entries with that id in the file. */
static uint64_t id_of(struct llmobs_exchange *exchange)
{
    uint64_t *id = &exchange->item.spooled.id;

    if (!*id)
        *id = exchange->context.span_id;
    return *id;
}

static int write_exchange(struct llmobs_spool *spool,
                          struct llmobs_exchange *exchange,
                          enum llmobs_entry_type type)
{
    struct llmobs_spooled *spooled = &exchange->item.spooled;
    bool bare =
        exchange->denied || llmobs_privacy_withholds(&spool->config->privacy);
    struct exchange_writer *writer = llmobs_scratch_alloc(sizeof(*writer));
    int rc;

    if (!writer)
        return -ENOMEM;
    llmobs_entry_begin(&writer->entry, type, id_of(exchange));
    llmobs_exchange_add(exchange, bare, &writer->facts, &writer->entry);
    rc = write_entry(spool, &writer->entry, spooled);
    free_writer(writer);
    return rc;
}

/* Does nothing in a child that continues a transfer of its parent: the parent
 * has the call in its own file. */
int llmobs_spool_begin(struct llmobs_spool *spool,
                       struct llmobs_exchange *exchange,
                       enum llmobs_stage stage)
{
    struct llmobs_spooled *spooled = &exchange->item.spooled;
    int rc;

    if (exchange->process != llmobs_fork_process())
        return 0;
    exchange->progress.sign = LLMOBS_PROGRESS_SIGN;
    exchange->progress.id = id_of(exchange);
    rc = write_exchange(spool, exchange,
                        stage == LLMOBS_STAGE_START ? LLMOBS_ENTRY_START
                                                    : LLMOBS_ENTRY_BEGIN);
    /* There may be room for less, where the call has no entry. */
    if (rc && rc != -EBUSY && stage == LLMOBS_STAGE_BEGIN && !spooled->file)
        return llmobs_spool_begin(spool, exchange, LLMOBS_STAGE_START);
    if (!rc)
        spooled->begun_at[stage] = spooled->offset;
    return rc;
}

static int write_event(struct llmobs_spool *spool,
                       struct llmobs_spooled *spooled,
                       enum llmobs_event_kind kind, struct llmobs_text event)
{
    struct llmobs_entry_writer *writer = llmobs_scratch_alloc(sizeof(*writer));
    const int64_t now[2] = {llmobs_clock_wall_ns(), llmobs_clock_mono_ns()};
    int rc;

    if (!writer)
        return -ENOMEM;
    llmobs_entry_begin(writer, LLMOBS_ENTRY_EVENT, spooled->id);
    llmobs_event_add(writer, kind, event, now);
    rc = write_entry(spool, writer, spooled);
    llmobs_entry_free(writer);
    return rc;
}

/* The process has no entry in that file any more. */
static void leave_file(struct llmobs_spool *spool,
                       struct llmobs_spooled *spooled)
{
    if (spooled->entries)
        llmobs_slots_remove(spool, spooled->file, spooled->entries);
    *spooled = (struct llmobs_spooled){.id = spooled->id,
                                       .for_relay = spooled->for_relay};
}

/* If the disk has refused the END of a call, the call's event replaces its
 * START, in one file. If the file was removed, nothing is left to replace. */
int llmobs_spool_write_event(struct llmobs_spool *spool,
                             struct llmobs_spooled *spooled,
                             enum llmobs_event_kind kind,
                             struct llmobs_text event)
{
    int rc;

    if (!spooled->id)
        spooled->id = llmobs_context_random();
    rc = write_event(spool, spooled, kind, event);
    if (rc == -ENOENT && spooled->file) {
        leave_file(spool, spooled);
        rc = write_event(spool, spooled, kind, event);
    }
    if (rc)
        return rc;
    spooled->kept = true;
    llmobs_stats_add(LLMOBS_STAT_kept, 1);
    return 0;
}

int llmobs_spool_reject(struct llmobs_spool *spool, struct llmobs_text event)
{
    struct stat st;
    int dir, fd, rc = llmobs_spool_open_dir(spool->config, false, &dir);

    if (rc)
        return rc;
    fd = llmobs_file_open(dir, LLMOBS_REJECTED, O_WRONLY | O_APPEND);
    close(dir);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st))
        rc = -errno;
    else if (st.st_size > spool->config->spool_max / 16)
        rc = -EDQUOT;
    else
        rc = llmobs_spool_file_write_line(fd, event);
    close(fd);
    return rc;
}

/* -- entries about other entries ------------------------------------------ */

static int add_at(const char *path, void *ctx)
{
    return llmobs_spool_file_add(path, ctx);
}

/* Adds a RELEASE or DELIVERED_TO entry. */
static int write_about(struct llmobs_spool *spool, uint32_t file,
                       enum llmobs_entry_type type, uint64_t id,
                       struct llmobs_text field)
{
    struct llmobs_spool_addition addition = {&spool->key, type, id, field, 0};
    int rc = use_file(spool->prefix, file, add_at, &addition);

    if (rc && !(type == LLMOBS_ENTRY_RELEASE && rc == -ENOENT))
        set_failed(spool, rc);
    return rc;
}

void llmobs_spool_write_delivered_to(struct llmobs_spool *spool,
                                     const struct llmobs_spooled *spooled,
                                     unsigned delivered_to)
{
    if (spooled->kept)
        (void)write_about(spool, spooled->file, LLMOBS_ENTRY_DELIVERED_TO,
                          spooled->id,
                          (struct llmobs_text){(const char *)&delivered_to,
                                               sizeof(delivered_to)});
}

/* The slot's mark comes first: from then on this process does not remove the
 * file, which the relay may claim. */
int llmobs_spool_leave(struct llmobs_spool *spool,
                       struct llmobs_spooled *spooled)
{
    const unsigned bits = LLMOBS_LEFT;
    int rc;

    if (!spooled->kept || llmobs_spool_is_away(spool, spooled))
        return -EXDEV;
    atomic_store(&llmobs_slots_of(spool, spooled->file)->for_relay, true);
    rc = write_about(spool, spooled->file, LLMOBS_ENTRY_DELIVERED_TO,
                     spooled->id,
                     (struct llmobs_text){(const char *)&bits, sizeof(bits)});
    if (rc == 0)
        spooled->for_relay = true;
    return rc;
}

static int write_release(struct llmobs_spool *spool, uint32_t file,
                         const uint64_t *ids, size_t count)
{
    int rc = write_about(
        spool, file, LLMOBS_ENTRY_RELEASE, ids[0],
        (struct llmobs_text){(const char *)ids, count * sizeof(*ids)});

    return rc == -ENOENT ? 0 : rc; /* gone with its entries */
}

/* `for_relay` comes first: from then on the file is not removed as empty. */
void llmobs_spool_delegate(struct llmobs_spool *spool,
                           const struct llmobs_spooled *spooled)
{
    atomic_store(&llmobs_slots_of(spool, spooled->file)->for_relay, true);
    atomic_fetch_add(&spool->for_relay, 1);
    atomic_store(&spool->for_relay_ns, llmobs_clock_mono_ns());
    llmobs_slots_remove(spool, spooled->file, spooled->entries);
}

/* -- releasing ----------------------------------------------------------- */

static int release_at(const char *path, void *ctx)
{
    const struct llmobs_spooled *spooled = ctx;
    int rc = 0;

    for (size_t i = 0; i < LLMOBS_BEGUN && rc == 0; i++)
        if (spooled->begun_at[i])
            rc = llmobs_spool_file_release(path, spooled->begun_at[i],
                                           spooled->id);
    if (spooled->kept && rc == 0)
        rc = llmobs_spool_file_release(path, spooled->offset, spooled->id);
    return rc;
}

/* Releases entries in place, if the disk has no room for a RELEASE entry. */
static int release_in_place(struct llmobs_spool *spool,
                            const struct llmobs_spooled *spooled)
{
    struct llmobs_spooled copy = *spooled;

    return use_file(spool->prefix, copy.file, release_at, &copy);
}

/* Releases the START and BEGIN of a call, in place first, as the disk or the
 * spool may be full. If the disk refuses both ways, entries that are `retried`
 * stay for a later release. */
static void cancel(struct llmobs_spool *spool, struct llmobs_spooled *spooled,
                   bool retried)
{
    if (!spooled->file ||
        (release_in_place(spool, spooled) != 0 &&
         write_release(spool, spooled->file, &spooled->id, 1) != 0 && retried))
        return;
    leave_file(spool, spooled);
    spooled->id = llmobs_context_random();
}

void llmobs_spool_cancel(struct llmobs_spool *spool,
                         struct llmobs_exchange *exchange)
{
    if (exchange->process == llmobs_fork_process())
        cancel(spool, &exchange->item.spooled, false);
}

/* A call whose END the disk refuses is only in memory, and counts there. Its
 * earlier entries are released at once: otherwise another process would deliver
 * a call that was cut off, though this process delivers or drops it. */
int llmobs_spool_end(struct llmobs_spool *spool,
                     struct llmobs_exchange *exchange)
{
    int rc;

    exchange->progress.id = 0;
    rc = write_exchange(spool, exchange, LLMOBS_ENTRY_END);
    if (rc) {
        cancel(spool, &exchange->item.spooled, true);
        return rc;
    }
    exchange->item.spooled.kept = true;
    llmobs_stats_add(LLMOBS_STAT_kept, 1);
    return 0;
}

/* Remembers releases that the disk refused, for a later try. If the process
 * dies before that, another process delivers these entries again. */
static void defer_release(struct llmobs_spool *spool, uint32_t file,
                          const struct llmobs_spooled *list, size_t count)
{
    if (!spool->deferred)
        spool->deferred =
            calloc(LLMOBS_SPOOL_DEFERRED, sizeof(*spool->deferred));
    for (size_t i = 0;
         i < count && spool->deferred_count < LLMOBS_SPOOL_DEFERRED; i++)
        if (list[i].file == file && release_in_place(spool, &list[i]) != 0 &&
            spool->deferred)
            spool->deferred[spool->deferred_count++] =
                (struct llmobs_spool_deferred){file, list[i].id};
}

static void retry_deferred(struct llmobs_spool *spool)
{
    while (spool->deferred_count > 0) {
        const struct llmobs_spool_deferred *last =
            &spool->deferred[spool->deferred_count - 1];

        if (write_release(spool, last->file, &last->id, 1) != 0)
            return;
        spool->deferred_count--;
    }
}

/* False where the file still exists, as in a sandbox, or has another name. */
static bool remove_file(struct llmobs_spool *spool, uint32_t file)
{
    char *path = llmobs_scratch_alloc(PATH_MAX);
    bool gone;

    if (!path)
        return false;
    llmobs_spool_file_path(spool->prefix, file, path);
    llmobs_crash_point("removing a file");
    gone = unlink(path) == 0;
    llmobs_crash_point("removed a file");
    llmobs_scratch_free_text(path);
    return gone;
}

/* Releases the entries that the list has in one file. A file whose last entries
 * are released is removed, without a RELEASE entry, if no thread can write to
 * it any more. */
static void release_file(struct llmobs_spool *spool, uint32_t file,
                         const struct llmobs_spooled *list, size_t count)
{
    uint64_t *ids = llmobs_scratch_alloc(LLMOBS_RELEASE_MAX * sizeof(*ids));
    struct llmobs_spool_slot *slot = llmobs_slots_of(spool, file);
    unsigned entries = 0;
    size_t id_count = 0;
    bool last;

    if (!ids) {
        defer_release(spool, file, list, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (list[i].file == file) {
            ids[id_count++] = list[i].id;
            entries += list[i].entries;
        }
    if (atomic_load(&spool->ending) && !llmobs_slots_is_last(spool, file))
        llmobs_slots_begin_next(spool, file);
    /* `for_relay` is read last: _delegate sets it, and then removes its
     * entries. */
    last = file != llmobs_slots_current(spool) &&
           atomic_load(&slot->entries) == entries &&
           !atomic_load(&slot->for_relay);
    if (!(last && remove_file(spool, file)) &&
        write_release(spool, file, ids, id_count) != 0)
        defer_release(spool, file, list, count);
    llmobs_slots_remove(spool, file, entries);
    llmobs_scratch_free(ids);
}

/* Removes all files without an entry, except the current one, and those in
 * which the relay may have some. */
static void remove_empty(struct llmobs_spool *spool)
{
    for (size_t i = 0; i < llmobs_slots_used(spool); i++) {
        struct llmobs_spool_slot *slot = &spool->slots[i];
        uint32_t file = atomic_load(&slot->file);

        if (file == 0 || file >= LLMOBS_SPOOL_AWAITED || /* it is made now */
            file == llmobs_slots_current(spool) ||
            atomic_load(&slot->entries) != 0)
            continue;
        if (!atomic_load(&slot->for_relay)) {
            (void)remove_file(spool, file);
            atomic_fetch_add(&spool->room, atomic_load(&slot->bytes));
        }
        llmobs_slots_free(slot);
    }
}

/* Each file of the list once: that of its first entry, then the next higher. */
void llmobs_spool_release(struct llmobs_spool *spool,
                          const struct llmobs_spooled *list, size_t count)
{
    uint32_t file, done = 0;

    if (!atomic_load(&spool->failed_ns))
        retry_deferred(spool);
    do {
        file = UINT32_MAX;
        for (size_t i = 0; i < count; i++) {
            if (done == 0 && list[i].kept)
                llmobs_stats_add(LLMOBS_STAT_released, 1);
            if (list[i].file > done && list[i].file < file)
                file = list[i].file;
        }
        if (file != UINT32_MAX)
            release_file(spool, file, list, count);
        done = file;
    } while (file != UINT32_MAX);
    remove_empty(spool);
}

/* -- reading again ------------------------------------------------------- */

struct loading {
    const struct llmobs_spooled *spooled;
    struct llmobs_buf text;
    bool only;
};

static int load_at(const char *path, void *ctx)
{
    struct loading *loading = ctx;

    loading->only = llmobs_spool_file_is_only(path);
    return llmobs_spool_file_read(path, loading->spooled->offset,
                                  loading->spooled->size, &loading->text);
}

int llmobs_spool_load(struct llmobs_spool *spool,
                      const struct llmobs_item *head,
                      struct llmobs_recalls **recalls, struct llmobs_item **out)
{
    struct loading loading = {.spooled = &head->spooled};
    struct llmobs_entry entry;
    size_t at = 0;
    int rc;

    llmobs_buf_init(&loading.text, LLMOBS_SPOOL_TEXT);
    rc = use_file(spool->prefix, head->spooled.file, load_at, &loading);
    if (!rc && (!llmobs_entry_next(&spool->key, llmobs_buf_text(&loading.text),
                                   &at, &entry) ||
                entry.id != head->spooled.id))
        rc = loading.only ? -EXDEV : -EBADMSG;
    if (!rc)
        rc = llmobs_item_read(&entry, recalls, out);
    llmobs_buf_fini(&loading.text);
    if (!rc) {
        (*out)->spooled = head->spooled;
        (*out)->delivered_to = head->delivered_to;
        return 0;
    }
    if (rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE || rc == -EINTR ||
        rc == -EAGAIN)
        return -ENOMEM;
    if (llmobs_spool_is_away(spool, &head->spooled))
        return -EXDEV;
    return rc == -ENOENT ? -EIO : rc;
}

static int stat_at(const char *path, void *ctx)
{
    struct stat st;

    (void)ctx;
    return fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) ? -errno : 0;
}

bool llmobs_spool_has(struct llmobs_spool *spool,
                      const struct llmobs_spooled *spooled)
{
    return spooled->kept &&
           use_file(spool->prefix, spooled->file, stat_at, NULL) == 0;
}

/* -- room and end -------------------------------------------------------- */

static void find_room(struct llmobs_spool *spool)
{
    uint64_t bytes;

    if (llmobs_spool_usage(spool->config, &bytes))
        return;
    if (bytes >= (uint64_t)spool->config->spool_max)
        llmobs_log_once(LLMOBS_LOG_WARN, "spool full",
                        "the spool has reached LLMOBS_SPOOL_MAX: newer spans "
                        "are kept in memory only");
    atomic_store(&spool->room, spool->config->spool_max - (int64_t)bytes);
}

/* Counts the bytes of the spool when that is due: a new file was begun, or
 * little room is left. */
void llmobs_spool_count(struct llmobs_spool *spool)
{
    int64_t now = llmobs_clock_mono_ns();

    if (atomic_load(&spool->ending) ||
        (!atomic_load(&spool->began_file) &&
         atomic_load(&spool->room) > (int64_t)spool->file_max))
        return;
    if (atomic_load(&spool->state) != LLMOBS_SPOOL_READY ||
        (spool->counted_ns &&
         now - spool->counted_ns < COUNT_EVERY_MS * LLMOBS_NS_PER_MS))
        return;
    spool->counted_ns = now;
    atomic_store(&spool->began_file, false);
    find_room(spool);
}

void llmobs_spool_set_ending(struct llmobs_spool *spool)
{
    atomic_store(&spool->ending, true);
}

/* A process that leaves entries counts the spool, so that other processes know
 * how full it is. A thread that still runs writes to a new file. */
void llmobs_spool_close(struct llmobs_spool *spool)
{
    if (atomic_load(&spool->state) != LLMOBS_SPOOL_READY)
        return;
    llmobs_slots_begin_next(spool, llmobs_slots_current(spool));
    retry_deferred(spool);
    remove_empty(spool);
    if (llmobs_slots_has_entries(spool))
        find_room(spool);
}

/* -- a process that has changed its user or root -------------------------- */

bool llmobs_spool_may_return(struct llmobs_spool *spool,
                             const struct llmobs_spooled *spooled)
{
    struct llmobs_spool_home now;
    uid_t real, effective, saved;

    if (!llmobs_spool_is_away(spool, spooled))
        return false;
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

static int open_at(const char *path, void *ctx)
{
    int fd = llmobs_spool_file_open(path, O_WRONLY | O_APPEND);

    (void)ctx;
    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

/* Only the kernel knows what capabilities and namespaces allow: opens the
 * file. */
bool llmobs_spool_is_away(struct llmobs_spool *spool,
                          const struct llmobs_spooled *spooled)
{
    return spooled->kept && llmobs_spool_has_moved(spool) &&
           use_file(spool->prefix, spooled->file, open_at, NULL) != 0;
}

/* -- a sandbox, and a parent's files -------------------------------------- */

int llmobs_spool_hold(struct llmobs_spool *spool)
{
    struct append append = {.spool = spool};
    int state, rc, saved = errno;
    char *path;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    path = llmobs_scratch_alloc(PATH_MAX);
    rc = path && llmobs_spool_open(spool) == 0 ? -ENOENT : -EBUSY;
    for (int i = 0; i < FIRST_TRIES && rc == -ENOENT; i++) {
        append.file = llmobs_slots_current(spool);
        append.slot = llmobs_slots_of(spool, append.file);
        atomic_fetch_add(&append.slot->entries, 1);
        llmobs_spool_file_path(spool->prefix, append.file, path);
        rc = open_or_make(&append, path);
        if (rc >= 0) {
            close(rc);
            rc = llmobs_spool_file_hold(path);
        }
        if (rc == -ENOENT) /* a reader has claimed it */
            llmobs_slots_begin_next(spool, append.file);
        llmobs_slots_remove(spool, append.file, 1);
    }
    llmobs_scratch_free_text(path);
    pthread_setcancelstate(state, NULL);
    errno = saved;
    return rc;
}

static int append_to_parents(const char *path, void *ctx)
{
    struct llmobs_spool_written written;

    return llmobs_spool_file_append(path, ctx, &written);
}

/* Until the child has entries of its own, the names are still its parent's. The
 * parent writes an END, too, if it ends in order: its own then counts. */
void llmobs_spool_end_parents(struct llmobs_spool *spool,
                              struct llmobs_exchange *exchange)
{
    uint32_t home = exchange->item.spooled.file;
    bool bare =
        exchange->denied || llmobs_privacy_withholds(&spool->config->privacy);
    bool named =
        atomic_load(&spool->named) && spool->process == exchange->process;
    const struct llmobs_entry_key *key =
        named ? &spool->key : &spool->parent.key;
    struct exchange_writer *writer;
    int64_t size;

    if (!home || (!named && spool->parent.process != exchange->process) ||
        !(writer = llmobs_scratch_alloc(sizeof(*writer))))
        return;
    llmobs_entry_begin(&writer->entry, LLMOBS_ENTRY_END,
                       exchange->item.spooled.id);
    llmobs_exchange_add(exchange, bare, &writer->facts, &writer->entry);
    writer->entry.start.head.type = LLMOBS_ENTRY_CHILDS_END;
    size = llmobs_entry_end(&writer->entry, key);
    if (size > 0 && size <= (int64_t)LLMOBS_ENTRY_MAX)
        (void)use_file(named ? spool->prefix : spool->parent.prefix, home,
                       append_to_parents, &writer->entry);
    free_writer(writer);
}
