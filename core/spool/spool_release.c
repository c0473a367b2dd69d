#include "core/spool/spool_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fork.h"
#include "core/base/log.h"
#include "core/base/scratch.h"
#include "core/base/crash_point.h"
#include "core/ledger/stats.h"
#include "core/spool/spool_file.h"

#define LOOK_EVERY_MS 1000

/* -- releasing ----------------------------------------------------------- */

static int note_release(struct llmobs_spool *spool, uint32_t file,
                        const uint64_t *ids, size_t count)
{
    struct llmobs_spool_slot *slot = llmobs_spool_slot(spool, file);
    char *path = llmobs_scratch_take(PATH_MAX);
    const struct llmobs_spool_target target = {.path = path,
                                               .key = &spool->key};
    int rc = -EBUSY;

    if (!path)
        return -ENOMEM;
    llmobs_spool_file_path(spool->dir, file, path);
    if (llmobs_spool_enter_write(slot)) {
        rc = llmobs_spool_note(&target, ids, count);
        llmobs_spool_leave_write(slot, -1, NULL);
    }
    llmobs_scratch_give(path);
    if (rc == -ENOENT) /* removed: nobody will find them there */
        return 0;
    if (rc)
        llmobs_spool_note_failure(spool, rc);
    return rc;
}

/* Where the disk takes no note. */
static int strike(struct llmobs_spool *spool, uint32_t file,
                  const struct llmobs_spooled *spooled)
{
    char *path = llmobs_scratch_take(PATH_MAX);
    int rc = 0;

    if (!path)
        return -ENOMEM;
    llmobs_spool_file_path(spool->dir, file, path);
    for (size_t i = 0; i < LLMOBS_BEGUN && rc == 0; i++)
        if (spooled->begun[i] == file)
            rc = llmobs_spool_strike(path, spooled->begun_at[i], spooled->id);
    if (spooled->file == file && rc == 0)
        rc = llmobs_spool_strike(path, spooled->offset, spooled->id);
    llmobs_scratch_give(path);
    return rc;
}

static unsigned entries_in(uint32_t file, const struct llmobs_spooled *spooled)
{
    unsigned n = spooled->file == file;

    for (size_t i = 0; i < LLMOBS_BEGUN; i++)
        n += spooled->begun[i] == file;
    return n;
}

static void cancel_in(struct llmobs_spool *spool,
                      struct llmobs_spooled *spooled, uint32_t file)
{
    if (note_release(spool, file, &spooled->id, 1) != 0)
        (void)strike(spool, file, spooled);
    llmobs_spool_leave_file(spool, file, entries_in(file, spooled));
    for (size_t i = 0; i < LLMOBS_BEGUN; i++)
        if (spooled->begun[i] == file)
            spooled->begun[i] = 0;
}

void llmobs_spool_cancel(struct llmobs_spool *spool,
                         struct llmobs_exchange *exchange)
{
    struct llmobs_spooled *spooled = &exchange->item.spooled;
    int state, saved = errno;

    if (exchange->process != llmobs_fork_process())
        return;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    for (size_t i = 0; i < LLMOBS_BEGUN; i++)
        if (spooled->begun[i])
            cancel_in(spool, spooled, spooled->begun[i]);
    pthread_setcancelstate(state, NULL);
    errno = saved;
}

/* Should the process die before these are paid, they are delivered twice. */
static void defer_release(struct llmobs_spool *spool, uint32_t file,
                          const struct llmobs_spooled *list, size_t count)
{
    if (!spool->deferred)
        spool->deferred =
            malloc(LLMOBS_SPOOL_DEFERRED * sizeof(*spool->deferred));
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

/* Those of `list` that have an entry in the file; how many entries. */
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

/* A file that ends needs no note; that it can, nobody may enter it. */
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
    if (atomic_load(&spool->ending))
        llmobs_spool_turn_from(spool, file);
    last = file != llmobs_spool_current(spool) &&
           atomic_load(&llmobs_spool_slot(spool, file)->left) == entries;
    if (!last && note_release(spool, file, ids, id_count) != 0)
        defer_release(spool, file, list, count);
    llmobs_spool_leave_file(spool, file, entries);
out:
    llmobs_scratch_give(ids);
}

static uint32_t nearer(uint32_t file, uint32_t after, uint32_t next)
{
    return file > after && file < next ? file : next;
}

/* The next file above `after` that the list names; UINT32_MAX: none. */
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

/* Removes the files but the current one of which nothing is left. */
static void tidy(struct llmobs_spool *spool)
{
    char *path = llmobs_scratch_take(PATH_MAX);

    for (size_t i = 0; path && i < LLMOBS_SPOOL_FILES; i++) {
        struct llmobs_spool_slot *slot = &spool->slots[i];
        uint32_t file = atomic_load(&slot->file);

        if (file == 0 || file == llmobs_spool_current(spool) ||
            atomic_load(&slot->left) != 0)
            continue;
        llmobs_spool_file_path(spool->dir, file, path);
        llmobs_crash_point("removing a file");
        unlink(path);
        llmobs_crash_point("removed a file");
        atomic_fetch_add(&spool->room, atomic_exchange(&slot->bytes, 0));
        atomic_store(&slot->owned, false);
        atomic_store(&slot->file, 0);
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
    tidy(spool);
}

/* -- reading again ------------------------------------------------------- */

int llmobs_spool_load(struct llmobs_spool *spool,
                      const struct llmobs_spooled *spooled,
                      struct llmobs_buf *text, struct llmobs_entry *entry)
{
    char *path = llmobs_scratch_take(PATH_MAX);
    size_t at = 0;
    int rc;

    if (!path)
        return -ENOMEM;
    llmobs_buf_cut(text, 0);
    llmobs_spool_file_path(spool->dir, spooled->file, path);
    rc = llmobs_spool_read(path, spooled->offset, spooled->size, text);
    llmobs_scratch_give(path);
    if (rc)
        return rc;
    if (!llmobs_entry_next(&spool->key,
                           (struct llmobs_text){text->data, text->len}, &at,
                           entry) ||
        entry->id != spooled->id)
        return -EBADMSG;
    return 0;
}

bool llmobs_spool_has(struct llmobs_spool *spool,
                      const struct llmobs_spooled *spooled)
{
    char *path = spooled->file ? llmobs_scratch_take(PATH_MAX) : NULL;
    struct stat st;
    bool there;

    if (!path)
        return false;
    llmobs_spool_file_path(spool->dir, spooled->file, path);
    there = fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
    llmobs_scratch_give(path);
    return there;
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

/* Also where the room that was found may be used up by now. */
void llmobs_spool_look(struct llmobs_spool *spool)
{
    int64_t now = llmobs_clock_mono_ns();

    if (atomic_load(&spool->ending) ||
        (!atomic_load(&spool->turned) &&
         atomic_load(&spool->room) > (int64_t)spool->file_max))
        return;
    if (atomic_load(&spool->place) != LLMOBS_SPOOL_PLACE_READY ||
        (spool->looked_ns &&
         now - spool->looked_ns < LOOK_EVERY_MS * LLMOBS_NS_PER_MS))
        return;
    spool->looked_ns = now;
    atomic_store(&spool->turned, false);
    find_room(spool);
}

void llmobs_spool_ending(struct llmobs_spool *spool)
{
    atomic_store(&spool->ending, true);
}

/* Who leaves something tells the others how full the spool is: many short
 * processes may. Another thread may go on: what it writes from now on is in a
 * file, and a directory, that it makes. */
void llmobs_spool_close(struct llmobs_spool *spool)
{
    if (atomic_load(&spool->place) != LLMOBS_SPOOL_PLACE_READY)
        return;
    llmobs_spool_turn_from(spool, llmobs_spool_current(spool));
    retry_deferred(spool);
    tidy(spool);
    if (!llmobs_spool_leave_dir(spool))
        find_room(spool);
}
