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
#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "lib/base/fork.h"
#include "lib/base/log.h"
#include "lib/base/once.h"
#include "lib/base/scratch.h"
#include "lib/base/stats.h"
#include "core/log/event_item.h"
#include "core/log/exchange_entry.h"
#include "core/log/held_file.h"
#include "core/log/spool_state.h"

/* If LLMOBS_SPOOL_MAX is small, a file takes at most this part of it. */
#define FILE_PARTS 16

#define LOOK_EVERY_MS 1000
/* The time between two looks for the relay. */
#define RELAY_EVERY_MS 1000

/* Sets all members but the slots to their values before this process has a
 * name. */
static void spool_begin(struct llmobs_spool *spool)
{
    atomic_store(&spool->state, LLMOBS_SPOOL_NONE);
    atomic_store(&spool->named, false);
    atomic_store(&spool->failed_ns, 0);
    atomic_store(&spool->relayed, false);
    atomic_store(&spool->handed, 0);
    atomic_store(&spool->gone_ns, 0);
    atomic_store(&spool->turned, true);
    atomic_store(&spool->ending, false);
    atomic_store(&spool->at, (uint64_t)1 << 32);
    atomic_store(&spool->room, spool->config->spool_max);
    spool->looked_ns = 0;
    spool->deferred_count = 0;
}

struct llmobs_spool *llmobs_spool_new(const struct llmobs_config *config)
{
    struct llmobs_spool *spool;

    if (config->spool_max <= 0)
        return NULL;
    spool = llmobs_once_take(sizeof(*spool));
    if (!spool)
        return NULL;
    spool->config = config;
    spool->owner = llmobs_owner_begin();
    if (!spool->owner) {
        llmobs_once_give(spool);
        return NULL;
    }
    spool->file_max = LLMOBS_SPOOL_FILE;
    if (config->spool_max / FILE_PARTS < (int64_t)spool->file_max)
        spool->file_max = (size_t)config->spool_max / FILE_PARTS + 1;
    spool_begin(spool);
    return spool;
}

void llmobs_spool_free(struct llmobs_spool *spool)
{
    if (!spool)
        return;
    llmobs_owner_free(spool->owner);
    free(spool->deferred);
    llmobs_once_give(spool);
}

/* A child may be in another pid namespace, so it needs an owner of its own,
 * which it settles as it finds its name. Without memory, it settles its
 * parent's. */
void llmobs_spool_reset(struct llmobs_spool *spool)
{
    struct llmobs_owner *anew = llmobs_owner_begin();

    if (anew) {
        llmobs_owner_free(spool->owner);
        spool->owner = anew;
    }
    llmobs_spool_note_parent(spool);
    llmobs_slots_clear(spool);
    spool_begin(spool);
}

const char *llmobs_spool_path(const struct llmobs_spool *spool)
{
    return atomic_load(&spool->state) == LLMOBS_SPOOL_READY ? spool->prefix
                                                            : "";
}

/* -- a file -------------------------------------------------------------- */

/* Opens a file that another thread has just made, and refuses a file that
 * somebody else has put there. */
static int open_another(const char *path)
{
    int fd = llmobs_spool_open(path, O_WRONLY | O_APPEND);
    int rc = fd < 0 ? 0 : llmobs_file_check(fd, geteuid());

    if (rc == 0)
        return fd;
    close(fd);
    errno = -rc;
    return -1;
}

/* The app's umask may have taken the rights of this user from a new file. To
 * set them always would cost a short process more than its first entry. */
static void set_rights(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || (st.st_mode & 07777) != 0600)
        (void)!fchmod(fd, 0600);
}

/* An append to a file of this process. */
struct append {
    struct llmobs_spool *spool;
    struct llmobs_spool_slot *slot;
    uint32_t file;
    struct llmobs_entry_writer *writer;
    struct llmobs_spool_written written;
};

/* Makes a file in the spool as it is opened with care: somebody may have put a
 * link in its place since this process found its name. */
static int make_file(const struct llmobs_spool *spool, const char *path)
{
    int base = AT_FDCWD, fd, rc = 0;

    rc = llmobs_spool_base(spool->config, false, &base);
    if (rc) {
        errno = -rc;
        return -1;
    }
    fd = llmobs_fd_open(base, base < 0 ? path : strrchr(path, '/') + 1,
                        O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW);
    rc = errno;
    if (base >= 0)
        close(base);
    errno = rc;
    return fd;
}

static int open_to_append(const struct append *append, const char *path)
{
    bool exists = atomic_load(&append->slot->file) == append->file;
    int fd = exists ? llmobs_spool_open(path, O_WRONLY | O_APPEND)
                    : make_file(append->spool, path);

    if (fd < 0 && errno == EEXIST)
        fd = open_another(path);
    if (fd < 0)
        return -errno;
    if (!exists) {
        set_rights(fd);
        atomic_store(&append->slot->file, append->file);
        llmobs_crash_point("made a file");
    }
    return fd;
}

/* Each thread that finds the file without its owner writes the OWNER entry, as
 * the thread that was to write it may be killed. So a file may have several. */
static int append_at(const char *path, void *ctx)
{
    struct append *append = ctx;
    struct llmobs_text owner = llmobs_owner_text(append->spool->owner);
    bool owned = atomic_load(&append->slot->owned);
    int rc, fd = open_to_append(append, path);

    if (fd < 0)
        return fd;
    if (owned)
        owner.len = 0;
    rc = llmobs_spool_write(fd, owner, append->writer, &append->written);
    atomic_store(&append->spool->limited, append->written.limited);
    close(fd);
    if (!rc && !owned)
        atomic_store(&append->slot->owned, true);
    return rc;
}

/* Appends an entry that begins something. -ESTALE: a reader has closed the file
 * meanwhile, and the entry does not count; -ENOENT: a reader has the file. */
static int append_first(struct append *append)
{
    char *path = llmobs_scratch_take(PATH_MAX);
    int rc = -ENOMEM;

    if (path) {
        llmobs_spool_file_path(append->spool->prefix, append->file, path);
        rc = append_at(path, append);
    }
    llmobs_scratch_give(path);
    if (!rc && append->written.end > LLMOBS_SPOOL_CLOSED) {
        llmobs_crash_point("written behind a closing");
        rc = -ESTALE;
    }
    return rc;
}

/* -- the app's side ------------------------------------------------------ */

/* Turns away from a file that an entry could not be written to; gives the error
 * that is left. */
static int leave_unwritten(struct append *append, int rc)
{
    struct llmobs_spool *spool = append->spool;
    bool existed = atomic_load(&append->slot->file) == append->file;

    if (existed && (rc == -ESTALE || rc == -ENOENT))
        atomic_store(&append->slot->handed, true);
    else if (rc == -ENOENT && llmobs_spool_put_base(spool) != 0)
        rc = -EIO;
    llmobs_slots_turn_from(spool, append->file);
    llmobs_slots_leave(spool, append->file, 1);
    return rc;
}

/* Readers may take a few files away before one is written to. */
#define FIRST_TRIES 8

/* Writes an entry that begins something; tries again in a new file, if a reader
 * has the current one, the spool was removed, or the file has grown to the
 * app's limit of file sizes. */
static int write_first(struct append *append, size_t size)
{
    struct llmobs_spool *spool = append->spool;
    int rc = -EIO;

    for (int i = 0; i < FIRST_TRIES; i++) {
        append->file = llmobs_slots_enter(spool, size);
        if (append->file == 0)
            return -EDQUOT;
        append->slot = llmobs_slots_of(spool, append->file);
        rc = append_first(append);
        if (rc == 0)
            return 0;
        rc = leave_unwritten(append, rc);
        if (rc != -EFBIG && rc != -ENOENT && rc != -ESTALE)
            break;
    }
    return rc;
}

/* Writes an entry to the file of its call, whatever name that has now. */
static int write_next(struct append *append, uint32_t home, size_t size)
{
    struct llmobs_spool *spool = append->spool;
    int rc;

    append->file = home;
    append->slot = llmobs_slots_of(spool, home);
    atomic_fetch_add(&append->slot->left, 1);
    rc = llmobs_spool_with(spool, home, append_at, append);
    if (rc)
        llmobs_slots_leave(spool, home, 1);
    else
        llmobs_slots_count(spool, home, size);
    return rc;
}

/* Adds what the entry says of itself, and ends it; gives its bytes. */
static int64_t end_entry(struct llmobs_spool *spool,
                         struct llmobs_entry_writer *writer,
                         const struct llmobs_spooled *spooled, uint32_t beside)
{
    int rc = 0;
    size_t size;

    if (spooled->handed)
        rc = llmobs_entry_add(writer, LLMOBS_ENTRY_FOR_RELAY, "", 1);
    if (!rc && beside)
        rc = llmobs_entry_add(writer, LLMOBS_ENTRY_BESIDE, "", 1);
    if (rc)
        return rc;
    size = llmobs_entry_end(writer, &spool->key);
    if (size > LLMOBS_ENTRY_MAX)
        return -EFBIG;
    return atomic_load(&spool->room) < (int64_t)size ? -EDQUOT : (int64_t)size;
}

/* Notes in `spooled` where the entry is. */
static void note_place(const struct append *append,
                       struct llmobs_spooled *spooled, size_t size)
{
    struct llmobs_spool *spool = append->spool;

    if (atomic_load(&spool->failed_ns))
        llmobs_spool_note_failure(spool, 0);
    atomic_fetch_sub(&spool->room, (int64_t)size);
    atomic_fetch_add(&append->slot->bytes, (uint32_t)size);
    spooled->size = size;
    spooled->offset = append->written.end - size;
}

/* Writes the entry; to the file `home` if that is not 0. Gives the file, and
 * fills offset and size; or a negative errno. */
static int64_t spool_keep(struct llmobs_spool *spool,
                          struct llmobs_entry_writer *writer,
                          struct llmobs_spooled *spooled, uint32_t home)
{
    struct append append = {.spool = spool, .writer = writer};
    bool beside = home && writer->start.head.type == LLMOBS_ENTRY_EVENT;
    int64_t size, rc = llmobs_spool_have_ready(spool);

    if (rc)
        return rc;
    size = end_entry(spool, writer, spooled, beside);
    if (size < 0)
        return size;
    rc = home ? write_next(&append, home, (size_t)size)
              : write_first(&append, (size_t)size);
    if (rc < 0 && rc != -EDQUOT && rc != -EFBIG && rc != -EBUSY &&
        !(home && rc == -ENOENT))
        llmobs_spool_note_failure(spool, (int)rc);
    if (rc < 0)
        return rc;
    note_place(&append, spooled, (size_t)size);
    return append.file;
}

static int64_t keep_written(struct llmobs_spool *spool,
                            struct llmobs_exchange *exchange,
                            enum llmobs_entry_type type,
                            struct llmobs_spool_writing *written)
{
    struct llmobs_spooled *spooled = &exchange->item.spooled;
    int rc;

    llmobs_entry_begin(&written->writer, type, spooled->id);
    rc = llmobs_exchange_add(exchange,
                             llmobs_privacy_withholds(&spool->config->privacy),
                             &written->facts, &written->writer);
    return rc ? rc
              : spool_keep(spool, &written->writer, spooled,
                           llmobs_spool_home_of(spooled));
}

static int64_t keep_exchange(struct llmobs_spool *spool,
                             struct llmobs_exchange *exchange,
                             enum llmobs_entry_type type)
{
    int state, saved = errno;
    struct llmobs_spool_writing *written;
    int64_t file;

    exchange->item.spooled.id = exchange->context.span_id;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    written = llmobs_scratch_take(sizeof(*written));
    file = written ? keep_written(spool, exchange, type, written) : -ENOMEM;
    llmobs_scratch_give(written);
    pthread_setcancelstate(state, NULL);
    errno = saved;
    return file;
}

/* Does nothing in a child that goes on with a transfer of its parent: the
 * parent keeps the call. */
static int keep_begun(struct llmobs_spool *spool,
                      struct llmobs_exchange *exchange, size_t which)
{
    static const enum llmobs_entry_type types[LLMOBS_BEGUN] = {
        LLMOBS_ENTRY_START, LLMOBS_ENTRY_BEGIN};
    int64_t file;

    if (exchange->process != llmobs_fork_process())
        return 0;
    exchange->progress.sign = LLMOBS_PROGRESS_SIGN;
    exchange->progress.id = exchange->context.span_id;
    file = keep_exchange(spool, exchange, types[which]);
    if (file < 0)
        return (int)file;
    exchange->item.spooled.begun[which] = (uint32_t)file;
    exchange->item.spooled.begun_at[which] = exchange->item.spooled.offset;
    return 0;
}

void llmobs_spool_find_key(struct llmobs_spool *spool,
                           const struct llmobs_exchange *exchange)
{
    int saved = errno;

    if (exchange->process == llmobs_fork_process())
        (void)llmobs_spool_have_ready(spool);
    errno = saved;
}

int llmobs_spool_start(struct llmobs_spool *spool,
                       struct llmobs_exchange *exchange)
{
    return keep_begun(spool, exchange, 0);
}

int llmobs_spool_begin(struct llmobs_spool *spool,
                       struct llmobs_exchange *exchange)
{
    return keep_begun(spool, exchange, 1);
}

static int64_t keep_event(struct llmobs_spool *spool,
                          struct llmobs_spooled *spooled, uint32_t home,
                          enum llmobs_event_kind kind, struct llmobs_text event)
{
    struct llmobs_entry_writer *writer = llmobs_scratch_take(sizeof(*writer));
    int64_t file, now = llmobs_clock_wall_ns();

    if (!writer)
        return -ENOMEM;
    llmobs_entry_begin(writer, LLMOBS_ENTRY_EVENT, spooled->id);
    file = llmobs_event_add(writer, kind, event, &now);
    if (!file)
        file = spool_keep(spool, writer, spooled, home);
    llmobs_scratch_give(writer);
    return file;
}

/* The event of a call whose END the disk has refused replaces its START, if it
 * is in the same file. Of a file that somebody has removed nothing is left. */
int llmobs_spool_event(struct llmobs_spool *spool,
                       struct llmobs_spooled *spooled,
                       enum llmobs_event_kind kind, struct llmobs_text event)
{
    uint32_t home =
        spooled->file ? spooled->file : llmobs_spool_home_of(spooled);
    int64_t file;

    if (!spooled->id)
        spooled->id = llmobs_context_random();
    file = keep_event(spool, spooled, home, kind, event);
    if (file == -ENOENT && home)
        file = keep_event(spool, spooled, 0, kind, event);
    if (file < 0)
        return (int)file;
    spooled->file = (uint32_t)file;
    llmobs_stats_add(LLMOBS_STAT_kept, 1);
    return 0;
}

int llmobs_spool_reject(struct llmobs_spool *spool, struct llmobs_text event)
{
    struct stat st;
    int base, fd, rc = llmobs_spool_base(spool->config, false, &base);

    if (rc)
        return rc;
    fd = llmobs_file_open(base, LLMOBS_REJECTED, O_WRONLY | O_APPEND);
    close(base);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st))
        rc = -errno;
    else if (st.st_size > spool->config->spool_max / 16)
        rc = -EDQUOT;
    else
        rc = llmobs_spool_put_line(fd, event);
    close(fd);
    return rc;
}

/* An entry about others of a file. */
struct note {
    const struct llmobs_spool *spool;
    struct llmobs_spool_addition addition;
};

static int note_at(const char *path, void *ctx)
{
    struct note *note = ctx;

    return llmobs_spool_add(path, &note->spool->key, &note->addition);
}

void llmobs_spool_note_delivered_to(struct llmobs_spool *spool,
                                    const struct llmobs_spooled *spooled,
                                    unsigned delivered_to)
{
    struct note note = {spool,
                        {LLMOBS_ENTRY_DELIVERED_TO,
                         spooled->id,
                         {(const char *)&delivered_to, sizeof(delivered_to)},
                         0}};
    int rc;

    if (!spooled->file)
        return;
    rc = llmobs_spool_with(spool, spooled->file, note_at, &note);
    if (rc)
        llmobs_spool_note_failure(spool, rc);
}

/* -- handing over -------------------------------------------------------- */

/* One thread looks; other threads take the last answer. It is the app's thread,
 * which may be cancelled, but not in the look. */
bool llmobs_spool_is_relayed(struct llmobs_spool *spool)
{
    int64_t now, last = atomic_load(&spool->relay_ns);
    int state;

    if (!spool->config->relay ||
        atomic_load(&spool->state) != LLMOBS_SPOOL_READY)
        return false;
    now = llmobs_clock_mono_ns();
    if (now - last >= RELAY_EVERY_MS * LLMOBS_NS_PER_MS &&
        atomic_compare_exchange_strong(&spool->relay_ns, &last, now)) {
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
        llmobs_spool_look_for_relay(spool);
        pthread_setcancelstate(state, NULL);
    }
    return atomic_load(&spool->relayed);
}

/* `handed` comes first: from then on the file is not removed as empty. */
void llmobs_spool_hand(struct llmobs_spool *spool,
                       const struct llmobs_spooled *spooled)
{
    atomic_store(&llmobs_slots_of(spool, spooled->file)->handed, true);
    atomic_fetch_add(&spool->handed, 1);
    atomic_store(&spool->handed_ns, llmobs_clock_mono_ns());
    for (size_t i = 0; i < LLMOBS_BEGUN; i++)
        if (spooled->begun[i])
            llmobs_slots_leave(spool, spooled->begun[i], 1);
    llmobs_slots_leave(spool, spooled->file, 1);
}

/* -- releasing ----------------------------------------------------------- */

static int note_release(struct llmobs_spool *spool, uint32_t file,
                        const uint64_t *ids, size_t count)
{
    struct note note = {spool,
                        {LLMOBS_ENTRY_RELEASE,
                         ids[0],
                         {(const char *)ids, count * sizeof(*ids)},
                         0}};
    int rc = llmobs_spool_with(spool, file, note_at, &note);

    if (rc == -ENOENT) /* the file is gone, and its entries with it */
        return 0;
    if (rc)
        llmobs_spool_note_failure(spool, rc);
    return rc;
}

struct striking {
    uint32_t file;
    const struct llmobs_spooled *spooled;
};

static int strike_at(const char *path, void *ctx)
{
    const struct striking *striking = ctx;
    const struct llmobs_spooled *spooled = striking->spooled;
    int rc = 0;

    for (size_t i = 0; i < LLMOBS_BEGUN && rc == 0; i++)
        if (spooled->begun[i] == striking->file)
            rc = llmobs_spool_strike(path, spooled->begun_at[i], spooled->id);
    if (spooled->file == striking->file && rc == 0)
        rc = llmobs_spool_strike(path, spooled->offset, spooled->id);
    return rc;
}

/* Releases entries in place, if the disk has no room for a RELEASE entry. */
static int strike(struct llmobs_spool *spool, uint32_t file,
                  const struct llmobs_spooled *spooled)
{
    struct striking striking = {file, spooled};

    return llmobs_spool_with(spool, file, strike_at, &striking);
}

static unsigned entries_in(uint32_t file, const struct llmobs_spooled *spooled)
{
    unsigned n = spooled->file == file;

    for (size_t i = 0; i < LLMOBS_BEGUN; i++)
        n += spooled->begun[i] == file;
    return n;
}

/* Releases in place first, as the disk or the spool may be full. If the disk
 * refuses both ways, entries that are `retried` stay for a later release. */
static void cancel_in(struct llmobs_spool *spool,
                      struct llmobs_spooled *spooled, uint32_t file,
                      bool retried)
{
    if (strike(spool, file, spooled) != 0 &&
        note_release(spool, file, &spooled->id, 1) != 0 && retried)
        return;
    llmobs_slots_leave(spool, file, entries_in(file, spooled));
    for (size_t i = 0; i < LLMOBS_BEGUN; i++)
        if (spooled->begun[i] == file)
            spooled->begun[i] = 0;
}

static void cancel(struct llmobs_spool *spool, struct llmobs_spooled *spooled,
                   bool retried)
{
    int state, saved = errno;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    for (size_t i = 0; i < LLMOBS_BEGUN; i++)
        if (spooled->begun[i])
            cancel_in(spool, spooled, spooled->begun[i], retried);
    pthread_setcancelstate(state, NULL);
    errno = saved;
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
    int64_t file;

    exchange->progress.id = 0;
    file = keep_exchange(spool, exchange, LLMOBS_ENTRY_END);
    if (file < 0) {
        cancel(spool, &exchange->item.spooled, true);
        return (int)file;
    }
    exchange->item.spooled.file = (uint32_t)file;
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
        if (entries_in(file, &list[i]) > 0 &&
            strike(spool, file, &list[i]) != 0 && spool->deferred)
            spool->deferred[spool->deferred_count++] =
                (struct llmobs_spool_deferred){file, list[i].id};
}

static void retry_deferred(struct llmobs_spool *spool)
{
    while (spool->deferred_count > 0) {
        const struct llmobs_spool_deferred *last =
            &spool->deferred[spool->deferred_count - 1];

        if (note_release(spool, last->file, &last->id, 1) != 0)
            return;
        spool->deferred_count--;
    }
}

/* Gives the ids of `list` that have an entry in the file, and the number of
 * these entries. */
static unsigned ids_in(uint32_t file, const struct llmobs_spooled *list,
                       size_t count, uint64_t *ids, size_t *id_count)
{
    unsigned entries = 0;

    *id_count = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned n = entries_in(file, &list[i]);

        if (n > 0)
            ids[(*id_count)++] = list[i].id;
        entries += n;
    }
    return entries;
}

/* False where the file still exists, as in a sandbox, or has another name. */
static bool unlink_file(struct llmobs_spool *spool, uint32_t file)
{
    char *path = llmobs_scratch_take(PATH_MAX);
    bool gone;

    if (!path)
        return false;
    llmobs_spool_file_path(spool->prefix, file, path);
    llmobs_crash_point("removing a file");
    gone = unlink(path) == 0;
    llmobs_crash_point("removed a file");
    llmobs_scratch_give(path);
    return gone;
}

/* Releases entries of a file. A file whose last entries are released is
 * removed, without a RELEASE entry, if no thread can write to it any more. */
static void release_file(struct llmobs_spool *spool, uint32_t file,
                         const struct llmobs_spooled *list, size_t count)
{
    uint64_t *ids = llmobs_scratch_take(LLMOBS_RELEASE_MAX * sizeof(*ids));
    unsigned entries;
    size_t id_count;
    bool last;

    if (!ids) {
        defer_release(spool, file, list, count);
        return;
    }
    entries = ids_in(file, list, count, ids, &id_count);
    if (entries == 0)
        goto out;
    if (atomic_load(&spool->ending) && !llmobs_spool_is_last(spool, file))
        llmobs_slots_turn_from(spool, file);
    /* `handed` is read last: a hand-over sets it, and then leaves the file. */
    last = file != llmobs_slots_current(spool) &&
           atomic_load(&llmobs_slots_of(spool, file)->left) == entries &&
           !atomic_load(&llmobs_slots_of(spool, file)->handed);
    if (!(last && unlink_file(spool, file)) &&
        note_release(spool, file, ids, id_count) != 0)
        defer_release(spool, file, list, count);
    llmobs_slots_leave(spool, file, entries);
out:
    llmobs_scratch_give(ids);
}

static uint32_t nearer(uint32_t file, uint32_t after, uint32_t next)
{
    return file > after && file < next ? file : next;
}

/* The next file above `after` that the list names; UINT32_MAX: no such file. */
static uint32_t next_file(const struct llmobs_spooled *list, size_t count,
                          uint32_t after)
{
    uint32_t next = UINT32_MAX;

    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < LLMOBS_BEGUN; k++)
            next = nearer(list[i].begun[k], after, next);
        next = nearer(list[i].file, after, next);
    }
    return next;
}

/* Removes a file without an entry, unless the relay may have some in it. */
static void spool_remove_file(struct llmobs_spool *spool,
                              struct llmobs_spool_slot *slot, const char *path)
{
    if (!atomic_load(&slot->handed)) {
        llmobs_crash_point("removing a file");
        unlink(path);
        llmobs_crash_point("removed a file");
        atomic_fetch_add(&spool->room, atomic_load(&slot->bytes));
    }
    llmobs_slots_forget(slot);
}

/* Leaves all files without an entry, except the current one. */
static void spool_tidy(struct llmobs_spool *spool)
{
    char *path = llmobs_scratch_take(PATH_MAX);

    for (size_t i = 0; path && i < llmobs_spool_slots(spool); i++) {
        struct llmobs_spool_slot *slot = &spool->slots[i];
        uint32_t file = atomic_load(&slot->file);

        if (file == 0 || file == llmobs_slots_current(spool) ||
            atomic_load(&slot->left) != 0)
            continue;
        llmobs_spool_file_path(spool->prefix, file, path);
        spool_remove_file(spool, slot, path);
    }
    llmobs_scratch_give(path);
}

void llmobs_spool_release(struct llmobs_spool *spool,
                          const struct llmobs_spooled *list, size_t count)
{
    uint32_t file = 0;

    for (size_t i = 0; i < count; i++)
        if (list[i].file)
            llmobs_stats_add(LLMOBS_STAT_released, 1);
    if (!atomic_load(&spool->failed_ns))
        retry_deferred(spool);
    while ((file = next_file(list, count, file)) != UINT32_MAX)
        release_file(spool, file, list, count);
    spool_tidy(spool);
}

/* -- reading again ------------------------------------------------------- */

struct loading {
    const struct llmobs_spooled *spooled;
    struct llmobs_buf *text;
    bool last;
};

static int load_at(const char *path, void *ctx)
{
    struct loading *loading = ctx;

    loading->last = llmobs_held_alone(path);
    return llmobs_spool_read(path, loading->spooled->offset,
                             loading->spooled->size, loading->text);
}

int llmobs_spool_load(struct llmobs_spool *spool,
                      const struct llmobs_spooled *spooled,
                      struct llmobs_buf *text, struct llmobs_entry *entry)
{
    struct loading loading = {spooled, text, false};
    size_t at = 0;
    int rc;

    llmobs_buf_cut(text, 0);
    rc = llmobs_spool_with(spool, spooled->file, load_at, &loading);
    if (rc)
        return rc;
    if (!llmobs_entry_next(&spool->key, llmobs_buf_text(text), &at, entry) ||
        entry->id != spooled->id)
        return loading.last ? -EXDEV : -EBADMSG;
    return 0;
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
    return spooled->file &&
           llmobs_spool_with(spool, spooled->file, stat_at, NULL) == 0;
}

/* -- room and end -------------------------------------------------------- */

static void spool_find_room(struct llmobs_spool *spool)
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

/* Counts the spool when a new file was begun, or when little room is left. */
void llmobs_spool_look(struct llmobs_spool *spool)
{
    int64_t now = llmobs_clock_mono_ns();

    if (atomic_load(&spool->ending) ||
        (!atomic_load(&spool->turned) &&
         atomic_load(&spool->room) > (int64_t)spool->file_max))
        return;
    if (atomic_load(&spool->state) != LLMOBS_SPOOL_READY ||
        (spool->looked_ns &&
         now - spool->looked_ns < LOOK_EVERY_MS * LLMOBS_NS_PER_MS))
        return;
    spool->looked_ns = now;
    atomic_store(&spool->turned, false);
    spool_find_room(spool);
}

void llmobs_spool_ending(struct llmobs_spool *spool)
{
    atomic_store(&spool->ending, true);
}

/* A process that leaves entries counts the spool, and so tells other processes
 * how full it is. A thread that goes on writes to a new file. */
void llmobs_spool_close(struct llmobs_spool *spool)
{
    if (atomic_load(&spool->state) != LLMOBS_SPOOL_READY)
        return;
    llmobs_slots_turn_from(spool, llmobs_slots_current(spool));
    retry_deferred(spool);
    spool_tidy(spool);
    if (llmobs_slots_has_entries(spool))
        spool_find_room(spool);
}
