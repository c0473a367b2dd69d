#include "core/spool.h"

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

#include "core/clock.h"
#include "core/dirs.h"
#include "core/event_item.h"
#include "core/exchange_entry.h"
#include "core/fork.h"
#include "core/futex.h"
#include "core/ledger_dir.h"
#include "core/log.h"
#include "core/owner.h"
#include "core/spool_file.h"
#include "core/stats.h"
#include "core/step.h"

#define LOOK_EVERY_MS 1000
/* After a failure the disk is left alone for a while. */
#define FAILED_MS 1000
/* How long a call waits for the first one to make the directory. */
#define MAKING_MS 20
/* Release notes that the disk would not take are written later. */
#define OWED_MAX 1024
/* A file has this part of a small spool at most. */
#define FILE_PARTS 16

enum place { PLACE_NONE, PLACE_MAKING, PLACE_READY };

/* Of each file, by its number: several files, far apart, share a slot one
 * after the other. */
struct slot {
    /* Entries written or being written, and not released. */
    atomic_uint left;
    /* The file's number while it exists, else 0. */
    _Atomic uint32_t file;
    atomic_bool owned; /* its owner is in it */
    _Atomic uint32_t bytes;
};

struct owed {
    uint32_t file;
    uint64_t id;
};

struct llmobs_spool {
    const struct llmobs_config *config;
    /* Written by whoever takes it from NONE to READY, constant then. */
    atomic_uint place;
    char dir[PATH_MAX];
    struct llmobs_owner *owner;
    _Atomic int64_t failed_ns; /* monotonic; 0: it works */
    atomic_bool ending;
    atomic_bool turned; /* a file was begun since the last look */
    /* The current file << 32 | its bytes, those being written included. */
    _Atomic uint64_t at;
    _Atomic int64_t room; /* bytes until LLMOBS_SPOOL_MAX, as far as known */
    size_t file_max;      /* bytes of a file */
    struct slot slots[LLMOBS_SPOOL_FILES];
    /* The worker's. */
    int64_t looked_ns;
    struct owed owed[OWED_MAX];
    size_t owed_count;
};

static struct slot *slot_of(struct llmobs_spool *spool, uint32_t file)
{
    return &spool->slots[file % LLMOBS_SPOOL_FILES];
}

static uint32_t file_at(uint64_t at)
{
    return (uint32_t)(at >> 32);
}

static uint32_t current(struct llmobs_spool *spool)
{
    return file_at(atomic_load(&spool->at));
}

static void clear(struct llmobs_spool *spool)
{
    atomic_store(&spool->place, PLACE_NONE);
    atomic_store(&spool->failed_ns, 0);
    atomic_store(&spool->turned, true);
    atomic_store(&spool->ending, false);
    atomic_store(&spool->at, (uint64_t)1 << 32);
    atomic_store(&spool->room, spool->config->spool_max);
    for (size_t i = 0; i < LLMOBS_SPOOL_FILES; i++) {
        atomic_store(&spool->slots[i].left, 0);
        atomic_store(&spool->slots[i].file, 0);
        atomic_store(&spool->slots[i].owned, false);
        atomic_store(&spool->slots[i].bytes, 0);
    }
    spool->looked_ns = 0;
    spool->owed_count = 0;
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
    clear(spool);
    return spool;
}

void llmobs_spool_free(struct llmobs_spool *spool)
{
    if (!spool)
        return;
    llmobs_owner_free(spool->owner);
    free(spool);
}

/* A child may be in a pid namespace of its own. Without memory it keeps its
 * parent's word, and nobody adopts what it leaves. */
void llmobs_spool_reset(struct llmobs_spool *spool)
{
    llmobs_owner_renew(&spool->owner, spool->config);
    clear(spool);
}

/* -- the directory ------------------------------------------------------- */

/* Where others have found the spool full lately nothing is added. */
static void look_first(struct llmobs_spool *spool, int base)
{
    uint64_t bytes;

    if (llmobs_spool_usage_told(base, &bytes) == 0)
        atomic_store(&spool->room, spool->config->spool_max - (int64_t)bytes);
}

/* Makes what is not there of it: somebody may remove it at any time. */
static int put_dir(struct llmobs_spool *spool)
{
    bool chosen = spool->config->spool_dir != NULL;
    const char *name = strrchr(spool->dir, '/') + 1;
    char base[PATH_MAX];
    int fd, rc;

    snprintf(base, sizeof(base), "%.*s", (int)(name - 1 - spool->dir),
             spool->dir);
    rc = llmobs_dirs_have(base, chosen, &fd);
    if (rc)
        return rc;
    llmobs_step("making a directory");
    if (mkdirat(fd, name, 0700) == 0)
        fchmodat(fd, name, 0700, 0);
    else
        rc = -errno;
    look_first(spool, fd);
    close(fd);
    llmobs_step("made a directory");
    return rc;
}

static int make_dir(struct llmobs_spool *spool)
{
    struct llmobs_record_owner self = {.pid = getpid()};
    char name[LLMOBS_RECORD_NAME_MAX], base[PATH_MAX];
    int rc = llmobs_spool_dir(spool->config, base, sizeof(base));

    if (rc)
        return rc;
    (void)llmobs_record_start(self.pid, &self.start);
    self.nonce = (uint64_t)llmobs_clock_mono_ns();
    llmobs_record_name(&self, name);
    if ((size_t)snprintf(spool->dir, sizeof(spool->dir), "%s/%s", base, name) >=
        sizeof(spool->dir))
        return -ENAMETOOLONG;
    return put_dir(spool);
}

/* 0 where the directory is there, and the disk did not just fail: at the end
 * there is no later. The first caller makes it. */
static int have_dir(struct llmobs_spool *spool)
{
    int64_t failed = atomic_load(&spool->failed_ns);
    int64_t until = llmobs_futex_deadline(MAKING_MS), left;
    unsigned place = PLACE_NONE;
    int rc;

    if (failed && !atomic_load(&spool->ending) &&
        llmobs_clock_mono_ns() - failed < FAILED_MS * LLMOBS_NS_PER_MS)
        return -EIO;
    if (atomic_load(&spool->place) == PLACE_READY)
        return 0;
    if (atomic_compare_exchange_strong(&spool->place, &place, PLACE_MAKING)) {
        rc = make_dir(spool);
        atomic_store(&spool->place, rc ? PLACE_NONE : PLACE_READY);
        llmobs_futex_wake(&spool->place);
        return rc;
    }
    while (atomic_load(&spool->place) == PLACE_MAKING &&
           (left = llmobs_futex_left(until)) > 0)
        llmobs_futex_sleep(&spool->place, PLACE_MAKING, left);
    return atomic_load(&spool->place) == PLACE_READY ? 0 : -EBUSY;
}

const char *llmobs_spool_path(const struct llmobs_spool *spool)
{
    return atomic_load(&spool->place) == PLACE_READY ? spool->dir : "";
}

/* -- a file -------------------------------------------------------------- */

static int open_file(struct llmobs_spool *spool, uint32_t file)
{
    struct slot *slot = slot_of(spool, file);
    bool exists = atomic_load(&slot->file) == file;
    char path[PATH_MAX];
    int fd;

    llmobs_spool_file_path(spool->dir, file, path);
    fd = llmobs_spool_open(path, O_WRONLY | O_APPEND | (exists ? 0 : O_CREAT));
    if (fd < 0)
        return -errno;
    if (!exists) {
        fchmod(fd, 0600);
        atomic_store(&slot->file, file);
        llmobs_step("made a file");
    }
    return fd;
}

/* Several threads may find a file without its owner, or one of them may be
 * killed: each then brings it along. */
static int append(struct llmobs_spool *spool, uint32_t file,
                  struct llmobs_entry_writer *writer, uint64_t *end)
{
    struct slot *slot = slot_of(spool, file);
    struct llmobs_text owner = llmobs_owner_text(spool->owner);
    bool owned = atomic_load(&slot->owned);
    int fd = open_file(spool, file);
    int rc;

    if (fd < 0)
        return fd;
    if (owned)
        owner.len = 0;
    rc = llmobs_spool_write(fd, owner, writer, end);
    close(fd);
    if (!rc && !owned)
        atomic_store(&slot->owned, true);
    return rc;
}

/* -- the app's side ------------------------------------------------------ */

static bool is_free(struct slot *slot)
{
    return atomic_load(&slot->left) == 0 && atomic_load(&slot->file) == 0;
}

/* From `at` to a new file; false where there are too many. Whoever is first
 * does it for all. */
static bool turn_over(struct llmobs_spool *spool, uint64_t at)
{
    for (uint32_t next = file_at(at) + 1;
         next < file_at(at) + LLMOBS_SPOOL_FILES; next++) {
        struct slot *slot = slot_of(spool, next);

        if (!is_free(slot))
            continue;
        atomic_store(&spool->turned, true);
        (void)atomic_compare_exchange_strong(&spool->at, &at,
                                             (uint64_t)next << 32);
        return true;
    }
    return false;
}

static void turn_from(struct llmobs_spool *spool, uint32_t file)
{
    uint64_t at = atomic_load(&spool->at);

    if (file_at(at) == file)
        (void)turn_over(spool, at);
}

/* The current file, with this entry and its bytes counted: no file is removed
 * that one is being written to, and none has more than one beyond its size.
 * 0: there are too many. */
static uint32_t enter_file(struct llmobs_spool *spool, size_t size)
{
    for (;;) {
        uint64_t at = atomic_load(&spool->at);
        struct slot *slot = slot_of(spool, file_at(at));

        if ((at & UINT32_MAX) >= spool->file_max) {
            if (!turn_over(spool, at))
                return 0;
            continue;
        }
        atomic_fetch_add(&slot->left, 1);
        if (atomic_compare_exchange_strong(&spool->at, &at, at + size))
            return file_at(at);
        atomic_fetch_sub(&slot->left, 1);
    }
}

static void let_go(struct llmobs_spool *spool, uint32_t file, unsigned n)
{
    atomic_fetch_sub(&slot_of(spool, file)->left, n);
}

static void note_failure(struct llmobs_spool *spool, int error)
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
        rc = append(spool, file, writer, end);
        if (rc == 0)
            return file;
        let_go(spool, file, 1);
        if (rc != -EFBIG && rc != -ENOENT)
            break;
        if (rc == -ENOENT && (rc = put_dir(spool)) != 0 && rc != -EEXIST)
            break;
        turn_from(spool, file);
    }
    return rc;
}

/* Answers the file and fills offset and size, or a negative errno. */
static int64_t keep(struct llmobs_spool *spool,
                    struct llmobs_entry_writer *writer, uint64_t *offset,
                    uint64_t *size)
{
    int64_t file = have_dir(spool);
    uint64_t end = 0;

    if (file < 0 && file != -EBUSY && file != -EIO)
        note_failure(spool, (int)file);
    if (file)
        return file;
    *size = llmobs_entry_end(writer);
    if (*size > LLMOBS_ENTRY_MAX)
        return -EFBIG;
    if (atomic_load(&spool->room) < (int64_t)*size)
        return -EDQUOT;
    file = write_entry(spool, writer, &end, (size_t)*size);
    if (file < 0 && file != -EDQUOT && file != -EFBIG)
        note_failure(spool, (int)file);
    if (file < 0)
        return file;
    if (atomic_load(&spool->failed_ns))
        note_failure(spool, 0);
    atomic_fetch_sub(&spool->room, (int64_t)*size);
    atomic_fetch_add(&slot_of(spool, (uint32_t)file)->bytes, (uint32_t)*size);
    *offset = end - *size;
    return file;
}

static int64_t keep_exchange(struct llmobs_spool *spool,
                             struct llmobs_exchange *exchange, bool begun)
{
    struct llmobs_spooled *spooled = &exchange->item.spooled;
    struct llmobs_exchange_facts facts;
    struct llmobs_entry_writer writer;
    int state, saved = errno;
    int64_t file;

    spooled->id = exchange->context.span_id;
    llmobs_entry_begin(&writer, begun ? LLMOBS_ENTRY_BEGIN : LLMOBS_ENTRY_END,
                       spooled->id);
    file = llmobs_exchange_add(exchange, begun, &facts, &writer);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    if (file == 0)
        file = keep(spool, &writer, &spooled->offset, &spooled->size);
    pthread_setcancelstate(state, NULL);
    errno = saved;
    return file;
}

int llmobs_spool_begin(struct llmobs_spool *spool,
                       struct llmobs_exchange *exchange)
{
    int64_t file = keep_exchange(spool, exchange, true);

    if (file > 0)
        exchange->item.spooled.begun = (uint32_t)file;
    exchange->item.spooled.begun_at = exchange->item.spooled.offset;
    return file < 0 ? (int)file : 0;
}

int llmobs_spool_end(struct llmobs_spool *spool,
                     struct llmobs_exchange *exchange)
{
    int64_t file = keep_exchange(spool, exchange, false);

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
    int64_t file, now = llmobs_clock_wall_ns();
    struct llmobs_entry_writer writer;
    int rc;

    if (!spooled->id)
        spooled->id = llmobs_context_random();
    llmobs_entry_begin(&writer, LLMOBS_ENTRY_EVENT, spooled->id);
    rc = llmobs_event_add(&writer, kind, event, &now);
    if (rc)
        return rc;
    file = keep(spool, &writer, &spooled->offset, &spooled->size);
    if (file < 0)
        return (int)file;
    spooled->file = (uint32_t)file;
    llmobs_stats_add(LLMOBS_STAT_kept, 1);
    return 0;
}

int llmobs_spool_reject(struct llmobs_spool *spool, struct llmobs_text event)
{
    char base[PATH_MAX], path[PATH_MAX];
    struct stat st;
    int fd, rc = llmobs_spool_dir(spool->config, base, sizeof(base));

    if (rc)
        return rc;
    if (snprintf(path, sizeof(path), "%s/" LLMOBS_REJECTED, base) >=
        (int)sizeof(path))
        return -ENAMETOOLONG;
    fd = llmobs_spool_open(path, O_WRONLY | O_APPEND | O_CREAT);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        rc = -EPERM;
    else if (st.st_size > spool->config->spool_max / 16)
        rc = -EDQUOT;
    else
        rc = llmobs_spool_put_line(fd, event);
    close(fd);
    return rc;
}

void llmobs_spool_had(struct llmobs_spool *spool,
                      const struct llmobs_spooled *spooled, unsigned had)
{
    char path[PATH_MAX];
    int rc;

    if (!spooled->file)
        return;
    llmobs_spool_file_path(spool->dir, spooled->file, path);
    rc = llmobs_spool_note_had(path, spooled->id, had);
    if (rc)
        note_failure(spool, rc);
}

/* -- releasing ----------------------------------------------------------- */

static int note_release(struct llmobs_spool *spool, uint32_t file,
                        const uint64_t *ids, size_t count)
{
    char path[PATH_MAX];
    int rc;

    llmobs_spool_file_path(spool->dir, file, path);
    rc = llmobs_spool_note(path, ids, count);
    if (rc == -ENOENT) /* removed: nobody will find them there */
        return 0;
    if (rc)
        note_failure(spool, rc);
    return rc;
}

/* Where the disk takes no note. */
static int strike(struct llmobs_spool *spool, uint32_t file,
                  const struct llmobs_spooled *spooled)
{
    char path[PATH_MAX];
    int rc = 0;

    llmobs_spool_file_path(spool->dir, file, path);
    if (spooled->begun == file)
        rc = llmobs_spool_strike(path, spooled->begun_at, spooled->id);
    if (spooled->file == file && rc == 0)
        rc = llmobs_spool_strike(path, spooled->offset, spooled->id);
    return rc;
}

void llmobs_spool_cancel(struct llmobs_spool *spool,
                         struct llmobs_exchange *exchange)
{
    struct llmobs_spooled *spooled = &exchange->item.spooled;
    int state, saved = errno;

    if (!spooled->begun || exchange->process != llmobs_fork_process())
        return;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    if (note_release(spool, spooled->begun, &spooled->id, 1) != 0)
        (void)strike(spool, spooled->begun, spooled);
    pthread_setcancelstate(state, NULL);
    let_go(spool, spooled->begun, 1);
    spooled->begun = 0;
    errno = saved;
}

/* Should the process die before these are paid, they are delivered twice. */
static void owe(struct llmobs_spool *spool, uint32_t file,
                const struct llmobs_spooled *list, size_t count)
{
    for (size_t i = 0; i < count && spool->owed_count < OWED_MAX; i++)
        if ((list[i].begun == file || list[i].file == file) &&
            strike(spool, file, &list[i]) != 0)
            spool->owed[spool->owed_count++] = (struct owed){file, list[i].id};
}

static void pay(struct llmobs_spool *spool)
{
    while (spool->owed_count > 0) {
        const struct owed *last = &spool->owed[spool->owed_count - 1];

        if (note_release(spool, last->file, &last->id, 1) != 0)
            return;
        spool->owed_count--;
    }
}

/* Those of `list` that have an entry in the file; how many entries. */
static unsigned ids_in(uint32_t file, const struct llmobs_spooled *list,
                       size_t count, uint64_t *ids, size_t *id_count)
{
    unsigned entries = 0;

    *id_count = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned n = (list[i].begun == file ? 1u : 0u) +
                     (list[i].file == file ? 1u : 0u);

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
    uint64_t ids[LLMOBS_RELEASE_MAX];
    size_t id_count;
    unsigned entries = ids_in(file, list, count, ids, &id_count);
    bool last;

    if (entries == 0)
        return;
    if (atomic_load(&spool->ending))
        turn_from(spool, file);
    last = file != current(spool) &&
           atomic_load(&slot_of(spool, file)->left) == entries;
    if (!last && note_release(spool, file, ids, id_count) != 0)
        owe(spool, file, list, count);
    let_go(spool, file, entries);
}

/* The next file above `after` that the list names; UINT32_MAX: none. */
static uint32_t next_file(const struct llmobs_spooled *list, size_t count,
                          uint32_t after)
{
    uint32_t next = UINT32_MAX;

    for (size_t i = 0; i < count; i++) {
        if (list[i].begun > after && list[i].begun < next)
            next = list[i].begun;
        if (list[i].file > after && list[i].file < next)
            next = list[i].file;
    }
    return next;
}

/* Removes the files but the current one of which nothing is left. */
static void tidy(struct llmobs_spool *spool)
{
    char path[PATH_MAX];

    for (size_t i = 0; i < LLMOBS_SPOOL_FILES; i++) {
        struct slot *slot = &spool->slots[i];
        uint32_t file = atomic_load(&slot->file);

        if (file == 0 || file == current(spool) ||
            atomic_load(&slot->left) != 0)
            continue;
        llmobs_spool_file_path(spool->dir, file, path);
        llmobs_step("removing a file");
        unlink(path);
        llmobs_step("removed a file");
        atomic_fetch_add(&spool->room, atomic_exchange(&slot->bytes, 0));
        atomic_store(&slot->owned, false);
        atomic_store(&slot->file, 0);
    }
}

void llmobs_spool_release(struct llmobs_spool *spool,
                          const struct llmobs_spooled *list, size_t count)
{
    uint32_t file = 0;

    for (size_t i = 0; i < count; i++)
        if (list[i].file)
            llmobs_stats_add(LLMOBS_STAT_released, 1);
    if (!atomic_load(&spool->failed_ns))
        pay(spool);
    while ((file = next_file(list, count, file)) != UINT32_MAX)
        release_file(spool, file, list, count);
    tidy(spool);
}

/* -- reading again ------------------------------------------------------- */

int llmobs_spool_load(struct llmobs_spool *spool,
                      const struct llmobs_spooled *spooled,
                      struct llmobs_buf *text, struct llmobs_entry *entry)
{
    char path[PATH_MAX];
    size_t at = 0;
    int rc;

    llmobs_buf_cut(text, 0);
    llmobs_spool_file_path(spool->dir, spooled->file, path);
    rc = llmobs_spool_read(path, spooled->offset, spooled->size, text);
    if (rc)
        return rc;
    if (!llmobs_entry_next((struct llmobs_text){text->data, text->len}, &at,
                           entry) ||
        entry->id != spooled->id)
        return -EBADMSG;
    return 0;
}

bool llmobs_spool_has(struct llmobs_spool *spool,
                      const struct llmobs_spooled *spooled)
{
    char path[PATH_MAX];
    struct stat st;

    if (!spooled->file)
        return false;
    llmobs_spool_file_path(spool->dir, spooled->file, path);
    return fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* -- room and end -------------------------------------------------------- */

static void find_room(struct llmobs_spool *spool)
{
    char base[PATH_MAX];
    uint64_t bytes;

    if (llmobs_spool_dir(spool->config, base, sizeof(base)) ||
        llmobs_spool_usage(base, &bytes))
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

    if (!atomic_load(&spool->turned) &&
        atomic_load(&spool->room) > (int64_t)spool->file_max)
        return;
    if (atomic_load(&spool->place) != PLACE_READY ||
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

/* Another thread may go on: what it writes from now on is in a file, and a
 * directory, that it makes. */
void llmobs_spool_close(struct llmobs_spool *spool)
{
    if (atomic_load(&spool->place) != PLACE_READY)
        return;
    turn_from(spool, current(spool));
    pay(spool);
    tidy(spool);
    llmobs_step("removing a directory");
    rmdir(spool->dir);
    llmobs_step("removed a directory");
}
