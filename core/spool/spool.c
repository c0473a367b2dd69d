#include "core/spool/spool_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/dirs.h"
#include "core/base/file.h"
#include "core/base/fork.h"
#include "core/base/futex.h"
#include "core/base/log.h"
#include "core/base/scratch.h"
#include "core/base/crash_point.h"
#include "core/ledger/ledger_dir.h"
#include "core/ledger/stats.h"
#include "core/spool/event_item.h"
#include "core/spool/exchange_entry.h"
#include "core/spool/owner.h"
#include "core/spool/spool_file.h"

/* A file has this part of a small spool at most. */
#define FILE_PARTS 16

/* Nothing is in it yet; the slots are as they are. */
static void begin(struct llmobs_spool *spool)
{
    atomic_store(&spool->place, LLMOBS_SPOOL_PLACE_NONE);
    atomic_store(&spool->named, false);
    atomic_store(&spool->failed_ns, 0);
    atomic_store(&spool->turned, true);
    atomic_store(&spool->ending, false);
    atomic_store(&spool->at, (uint64_t)1 << 32);
    atomic_store(&spool->room, spool->config->spool_max);
    spool->looked_ns = 0;
    spool->deferred_count = 0;
}

/* Few are in use; what is not written to stays the parent's memory. */
static void clear_slots(struct llmobs_spool *spool)
{
    for (size_t i = 0; i < LLMOBS_SPOOL_FILES; i++) {
        struct llmobs_spool_slot *slot = &spool->slots[i];

        if (!atomic_load(&slot->file) && !atomic_load(&slot->left) &&
            !atomic_load(&slot->owned) && !atomic_load(&slot->bytes) &&
            !atomic_load(&slot->writers))
            continue;
        atomic_store(&slot->writers, 0);
        atomic_store(&slot->left, 0);
        atomic_store(&slot->file, 0);
        atomic_store(&slot->owned, false);
        atomic_store(&slot->bytes, 0);
    }
}

struct llmobs_spool *llmobs_spool_new(const struct llmobs_config *config)
{
    struct llmobs_spool *spool;

    if (config->spool_max <= 0)
        return NULL;
    spool = calloc(1, sizeof(*spool));
    if (!spool)
        return NULL;
    spool->config = config;
    spool->owner = llmobs_owner_new(config);
    if (!spool->owner) {
        free(spool);
        return NULL;
    }
    spool->file_max = LLMOBS_SPOOL_FILE;
    if (config->spool_max / FILE_PARTS < (int64_t)spool->file_max)
        spool->file_max = (size_t)config->spool_max / FILE_PARTS + 1;
    begin(spool);
    return spool;
}

void llmobs_spool_free(struct llmobs_spool *spool)
{
    if (!spool)
        return;
    llmobs_owner_free(spool->owner);
    free(spool->deferred);
    free(spool);
}

/* A child may be in a pid namespace of its own. Without memory it keeps its
 * parent's word, and nobody adopts what it leaves. */
void llmobs_spool_reset(struct llmobs_spool *spool)
{
    llmobs_owner_renew(&spool->owner, spool->config);
    clear_slots(spool);
    begin(spool);
}

const char *llmobs_spool_path(const struct llmobs_spool *spool)
{
    return atomic_load(&spool->place) == LLMOBS_SPOOL_PLACE_READY ? spool->dir
                                                                  : "";
}

/* -- a file -------------------------------------------------------------- */

/* A file that another thread has made just now, or somebody else. */
static int open_another(const char *path)
{
    int fd = llmobs_spool_open(path, O_WRONLY | O_APPEND);
    int rc = fd < 0 ? 0 : llmobs_file_check(fd, false);

    if (rc == 0)
        return fd;
    close(fd);
    errno = -rc;
    return -1;
}

/* `path`: room for PATH_MAX bytes. */
static int open_in(struct llmobs_spool *spool, uint32_t file, char *path)
{
    struct llmobs_spool_slot *slot = llmobs_spool_slot(spool, file);
    bool exists = atomic_load(&slot->file) == file;
    int fd;

    llmobs_spool_file_path(spool->dir, file, path);
    fd = llmobs_spool_open(path, O_WRONLY | O_APPEND |
                                     (exists ? 0 : O_CREAT | O_EXCL));
    if (fd < 0 && errno == EEXIST)
        fd = open_another(path);
    if (fd < 0)
        return -errno;
    if (!exists) {
        fchmod(fd, 0600);
        atomic_store(&slot->file, file);
        llmobs_crash_point("made a file");
    }
    return fd;
}

static int open_file(struct llmobs_spool *spool, uint32_t file)
{
    char *path = llmobs_scratch_take(PATH_MAX);
    int fd = path ? open_in(spool, file, path) : -ENOMEM;

    llmobs_scratch_give(path);
    return fd;
}

bool llmobs_spool_enter_write(struct llmobs_spool_slot *slot)
{
    if (!(atomic_fetch_add(&slot->writers, 1) & LLMOBS_SPOOL_CUTTING))
        return true;
    atomic_fetch_sub(&slot->writers, 1);
    return false;
}

void llmobs_spool_leave_write(struct llmobs_spool_slot *slot, int fd,
                              const struct llmobs_spool_written *written)
{
    unsigned alone = 1;

    if (written && written->part > 0 &&
        atomic_compare_exchange_strong(&slot->writers, &alone,
                                       1 | LLMOBS_SPOOL_CUTTING)) {
        llmobs_spool_cut(fd, written);
        atomic_fetch_and(&slot->writers, ~LLMOBS_SPOOL_CUTTING);
    }
    atomic_fetch_sub(&slot->writers, 1);
}

/* Several threads may find a file without its owner, or one of them may be
 * killed: each then brings it along. */
static int append_in(struct llmobs_spool *spool, uint32_t file,
                     struct llmobs_entry_writer *writer, uint64_t *end)
{
    struct llmobs_spool_slot *slot = llmobs_spool_slot(spool, file);
    struct llmobs_text owner = llmobs_owner_text(spool->owner);
    struct llmobs_spool_written written = {0};
    bool owned = atomic_load(&slot->owned);
    int fd = open_file(spool, file);
    int rc;

    if (fd >= 0) {
        if (owned)
            owner.len = 0;
        rc = llmobs_spool_write(fd, owner, writer, &written);
        *end = written.end;
    } else {
        rc = fd;
    }
    llmobs_spool_leave_write(slot, fd, &written);
    if (fd >= 0)
        close(fd);
    if (!rc && !owned)
        atomic_store(&slot->owned, true);
    return rc;
}

/* A file that somebody cuts back is as good as full. */
static int append(struct llmobs_spool *spool, uint32_t file,
                  struct llmobs_entry_writer *writer, uint64_t *end)
{
    if (!llmobs_spool_enter_write(llmobs_spool_slot(spool, file)))
        return -EFBIG;
    return append_in(spool, file, writer, end);
}

/* -- the app's side ------------------------------------------------------ */

static bool is_free(struct llmobs_spool_slot *slot)
{
    return atomic_load(&slot->left) == 0 && atomic_load(&slot->file) == 0;
}

/* From `at` to a new file; false where there are too many. Whoever is first
 * does it for all. */
static bool turn_over(struct llmobs_spool *spool, uint64_t at)
{
    for (uint32_t next = llmobs_spool_file_at(at) + 1;
         next < llmobs_spool_file_at(at) + LLMOBS_SPOOL_FILES; next++) {
        struct llmobs_spool_slot *slot = llmobs_spool_slot(spool, next);

        if (!is_free(slot))
            continue;
        atomic_store(&spool->turned, true);
        (void)atomic_compare_exchange_strong(&spool->at, &at,
                                             (uint64_t)next << 32);
        return true;
    }
    return false;
}

void llmobs_spool_turn_from(struct llmobs_spool *spool, uint32_t file)
{
    uint64_t at = atomic_load(&spool->at);

    if (llmobs_spool_file_at(at) == file)
        (void)turn_over(spool, at);
}

/* The current file, with this entry and its bytes counted: no file is removed
 * that one is being written to, and none has more than one beyond its size.
 * 0: there are too many. */
static uint32_t enter_file(struct llmobs_spool *spool, size_t size)
{
    for (;;) {
        uint64_t at = atomic_load(&spool->at);
        struct llmobs_spool_slot *slot =
            llmobs_spool_slot(spool, llmobs_spool_file_at(at));

        if ((at & UINT32_MAX) >= spool->file_max) {
            if (!turn_over(spool, at))
                return 0;
            continue;
        }
        atomic_fetch_add(&slot->left, 1);
        if (atomic_compare_exchange_strong(&spool->at, &at, at + size))
            return llmobs_spool_file_at(at);
        atomic_fetch_sub(&slot->left, 1);
    }
}

void llmobs_spool_leave_file(struct llmobs_spool *spool, uint32_t file,
                             unsigned n)
{
    atomic_fetch_sub(&llmobs_spool_slot(spool, file)->left, n);
}

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

/* Once more in a new file: the directory may have been removed, whose numbers
 * do not come again, or the file have grown to the app's limit. */
static int64_t write_entry(struct llmobs_spool *spool,
                           struct llmobs_entry_writer *writer, uint64_t *end,
                           size_t size)
{
    int rc = -EIO;

    for (int i = 0; i < 2; i++) {
        uint32_t file = enter_file(spool, size);

        if (file == 0)
            return -EDQUOT;
        /* Asked again: the directory may have been given away meanwhile. */
        rc = llmobs_spool_wait_dir(spool);
        if (rc == 0)
            rc = append(spool, file, writer, end);
        if (rc == 0)
            return file;
        llmobs_spool_leave_file(spool, file, 1);
        if (rc != -EFBIG && rc != -ENOENT)
            break;
        if (rc == -ENOENT && (rc = llmobs_spool_put_dir(spool)) != 0)
            break;
        llmobs_spool_turn_from(spool, file);
    }
    return rc;
}

/* Answers the file and fills offset and size, or a negative errno. */
static int64_t keep(struct llmobs_spool *spool,
                    struct llmobs_entry_writer *writer, uint64_t *offset,
                    uint64_t *size)
{
    int64_t file = llmobs_spool_have_dir(spool);
    uint64_t end = 0;

    if (file)
        return file;
    *size = llmobs_entry_end(writer, &spool->key);
    if (*size > LLMOBS_ENTRY_MAX)
        return -EFBIG;
    if (atomic_load(&spool->room) < (int64_t)*size)
        return -EDQUOT;
    file = write_entry(spool, writer, &end, (size_t)*size);
    if (file < 0 && file != -EDQUOT && file != -EFBIG && file != -EBUSY)
        llmobs_spool_note_failure(spool, (int)file);
    if (file < 0)
        return file;
    if (atomic_load(&spool->failed_ns))
        llmobs_spool_note_failure(spool, 0);
    atomic_fetch_sub(&spool->room, (int64_t)*size);
    atomic_fetch_add(&llmobs_spool_slot(spool, (uint32_t)file)->bytes,
                     (uint32_t)*size);
    *offset = end - *size;
    return file;
}

/* An entry that is written of an exchange, and the facts that it borrows. */
struct written {
    struct llmobs_entry_writer writer;
    struct llmobs_exchange_facts facts;
};

_Static_assert(sizeof(struct written) <= LLMOBS_SCRATCH_SIZE,
               "an allocation for each entry");

static int64_t keep_written(struct llmobs_spool *spool,
                            struct llmobs_exchange *exchange,
                            enum llmobs_entry_type type,
                            struct written *written)
{
    struct llmobs_spooled *spooled = &exchange->item.spooled;
    int rc;

    llmobs_entry_begin(&written->writer, type, spooled->id);
    rc = llmobs_exchange_add(exchange,
                             llmobs_privacy_applies(&spool->config->privacy),
                             &written->facts, &written->writer);
    return rc ? rc
              : keep(spool, &written->writer, &spooled->offset, &spooled->size);
}

static int64_t keep_exchange(struct llmobs_spool *spool,
                             struct llmobs_exchange *exchange,
                             enum llmobs_entry_type type)
{
    int state, saved = errno;
    struct written *written;
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

/* A child that goes on with its parent's transfer leaves the call to it. */
static int keep_begun(struct llmobs_spool *spool,
                      struct llmobs_exchange *exchange, size_t which)
{
    static const enum llmobs_entry_type types[LLMOBS_BEGUN] = {
        LLMOBS_ENTRY_START, LLMOBS_ENTRY_BEGIN};
    int64_t file;

    if (exchange->process != llmobs_fork_process())
        return 0;
    file = keep_exchange(spool, exchange, types[which]);
    if (file < 0)
        return (int)file;
    exchange->item.spooled.begun[which] = (uint32_t)file;
    exchange->item.spooled.begun_at[which] = exchange->item.spooled.offset;
    return 0;
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

int llmobs_spool_end(struct llmobs_spool *spool,
                     struct llmobs_exchange *exchange)
{
    int64_t file = keep_exchange(spool, exchange, LLMOBS_ENTRY_END);

    if (file > 0) {
        exchange->item.spooled.file = (uint32_t)file;
        llmobs_stats_add(LLMOBS_STAT_kept, 1);
    }
    return file < 0 ? (int)file : 0;
}

int llmobs_spool_event(struct llmobs_spool *spool,
                       struct llmobs_spooled *spooled,
                       enum llmobs_event_kind kind, struct llmobs_text event)
{
    struct llmobs_entry_writer *writer = llmobs_scratch_take(sizeof(*writer));
    int64_t file, now = llmobs_clock_wall_ns();

    if (!writer)
        return -ENOMEM;
    if (!spooled->id)
        spooled->id = llmobs_context_random();
    llmobs_entry_begin(writer, LLMOBS_ENTRY_EVENT, spooled->id);
    file = llmobs_event_add(writer, kind, event, &now);
    if (!file)
        file = keep(spool, writer, &spooled->offset, &spooled->size);
    llmobs_scratch_give(writer);
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

void llmobs_spool_note_delivered_to(struct llmobs_spool *spool,
                                    const struct llmobs_spooled *spooled,
                                    unsigned delivered_to)
{
    struct llmobs_spool_slot *slot = llmobs_spool_slot(spool, spooled->file);
    char *path = spooled->file ? llmobs_scratch_take(PATH_MAX) : NULL;
    const struct llmobs_spool_target target = {.path = path,
                                               .key = &spool->key};
    int rc = -EBUSY;

    if (!path)
        return;
    llmobs_spool_file_path(spool->dir, spooled->file, path);
    if (llmobs_spool_enter_write(slot)) {
        rc =
            llmobs_spool_write_delivered_to(&target, spooled->id, delivered_to);
        llmobs_spool_leave_write(slot, -1, NULL);
    }
    if (rc)
        llmobs_spool_note_failure(spool, rc);
    llmobs_scratch_give(path);
}
