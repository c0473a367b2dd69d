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
#include "core/exchange_entry.h"
#include "core/ledger_dir.h"
#include "core/log.h"
#include "core/owner.h"
#include "core/spool_file.h"
#include "core/stats.h"

#define LOOK_EVERY_MS 1000
/* After a failure the disk is left alone for a while. */
#define FAILED_MS 1000

enum place { PLACE_NONE, PLACE_MAKING, PLACE_READY };

struct llmobs_spool {
    const struct llmobs_config *config;
    /* Written by whoever takes it from NONE to READY, constant then. */
    atomic_int place;
    char dir[PATH_MAX];
    struct llmobs_owner *owner;
    _Atomic int64_t failed_ns; /* monotonic; 0: it works */
    atomic_bool full;
    atomic_bool ending;
    atomic_bool turned; /* a file was begun since the last look */
    _Atomic uint32_t current;
    _Atomic uint64_t bytes; /* in the current file */
    atomic_size_t calls;    /* written and not released */
    /* Of each file: entries written or being written, and not released. */
    atomic_uint left[LLMOBS_SPOOL_FILES];
    atomic_bool made[LLMOBS_SPOOL_FILES];
    /* The worker's. */
    uint32_t oldest; /* all files before it are gone */
    int64_t looked_ns;
};

static size_t slot_of(uint32_t file)
{
    return file % LLMOBS_SPOOL_FILES;
}

static void clear(struct llmobs_spool *spool)
{
    atomic_store(&spool->place, PLACE_NONE);
    atomic_store(&spool->failed_ns, 0);
    atomic_store(&spool->full, false);
    atomic_store(&spool->turned, true);
    atomic_store(&spool->ending, false);
    atomic_store(&spool->current, 1);
    atomic_store(&spool->bytes, 0);
    atomic_store(&spool->calls, 0);
    for (size_t i = 0; i < LLMOBS_SPOOL_FILES; i++) {
        atomic_store(&spool->left[i], 0);
        atomic_store(&spool->made[i], false);
    }
    spool->oldest = 1;
    spool->looked_ns = 0;
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
    clear(spool);
    return spool;
}

/* A child may be in a pid namespace of its own. Without memory it keeps its
 * parent's word, and nobody adopts what it leaves. */
void llmobs_spool_reset(struct llmobs_spool *spool)
{
    llmobs_owner_renew(&spool->owner, spool->config);
    clear(spool);
}

/* -- the directory ------------------------------------------------------- */

static int make_dir(struct llmobs_spool *spool)
{
    struct llmobs_record_owner self = {.pid = getpid()};
    char name[LLMOBS_RECORD_NAME_MAX], base[PATH_MAX];
    bool chosen = spool->config->spool_dir != NULL;
    int fd, rc = llmobs_spool_dir(spool->config, base, sizeof(base));

    if (rc)
        return rc;
    (void)llmobs_record_start(self.pid, &self.start);
    self.nonce = (uint64_t)llmobs_clock_mono_ns();
    llmobs_record_name(&self, name);
    if ((size_t)snprintf(spool->dir, sizeof(spool->dir), "%s/%s", base, name) >=
        sizeof(spool->dir))
        return -ENAMETOOLONG;
    rc = llmobs_dirs_have(base, chosen, &fd);
    if (rc)
        return rc;
    if (mkdirat(fd, name, 0700) == 0)
        fchmodat(fd, name, 0700, 0);
    else
        rc = -errno;
    close(fd);
    return rc;
}

/* True where the directory is there; the first caller makes it, others do not
 * wait for it. */
static int have_dir(struct llmobs_spool *spool)
{
    int64_t failed = atomic_load(&spool->failed_ns);
    int none = PLACE_NONE;
    int rc;

    if (atomic_load(&spool->place) == PLACE_READY && !failed)
        return 0;
    if (failed &&
        llmobs_clock_mono_ns() - failed < FAILED_MS * LLMOBS_NS_PER_MS)
        return -EIO;
    if (atomic_load(&spool->place) == PLACE_READY)
        return 0;
    if (!atomic_compare_exchange_strong(&spool->place, &none, PLACE_MAKING))
        return -EBUSY;
    rc = make_dir(spool);
    atomic_store(&spool->place, rc ? PLACE_NONE : PLACE_READY);
    return rc;
}

const char *llmobs_spool_path(const struct llmobs_spool *spool)
{
    return atomic_load(&spool->place) == PLACE_READY ? spool->dir : "";
}

/* -- a file -------------------------------------------------------------- */

/* A new file begins with its owner; whoever makes it writes that first. */
static int make_file(struct llmobs_spool *spool, uint32_t file,
                     const char *path)
{
    struct llmobs_text owner = llmobs_owner_text(spool->owner);
    int fd = llmobs_spool_open(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL);
    int rc;

    if (fd < 0 && errno == ENOENT && mkdir(spool->dir, 0700) == 0)
        fd = llmobs_spool_open(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL);
    if (fd < 0 && errno == EEXIST)
        return llmobs_spool_open(path, O_WRONLY | O_APPEND);
    if (fd < 0)
        return -1;
    fchmod(fd, 0600);
    atomic_store(&spool->made[slot_of(file)], true);
    rc = llmobs_spool_put(fd, owner);
    if (rc) {
        close(fd);
        errno = -rc;
        return -1;
    }
    return fd;
}

static int open_file(struct llmobs_spool *spool, uint32_t file)
{
    char path[PATH_MAX];
    int fd = -1;

    llmobs_spool_file_path(spool->dir, file, path);
    errno = ENOENT;
    if (atomic_load(&spool->made[slot_of(file)]))
        fd = llmobs_spool_open(path, O_WRONLY | O_APPEND);
    if (fd < 0 && errno == ENOENT)
        fd = make_file(spool, file, path);
    return fd < 0 ? -errno : fd;
}

/* -- the app's side ------------------------------------------------------ */

/* The current file, with this entry counted: the worker removes no file that
 * one is being written to. */
static uint32_t enter_file(struct llmobs_spool *spool)
{
    for (;;) {
        uint32_t file = atomic_load(&spool->current);

        atomic_fetch_add(&spool->left[slot_of(file)], 1);
        if (atomic_load(&spool->current) == file)
            return file;
        atomic_fetch_sub(&spool->left[slot_of(file)], 1);
    }
}

static void turn_over(struct llmobs_spool *spool, uint32_t file, size_t size)
{
    uint64_t bytes = atomic_fetch_add(&spool->bytes, size) + size;
    uint32_t next = file + 1;

    if (bytes < LLMOBS_SPOOL_FILE ||
        atomic_load(&spool->left[slot_of(next)]) != 0)
        return;
    atomic_store(&spool->made[slot_of(next)], false);
    if (!atomic_compare_exchange_strong(&spool->current, &file, next))
        return;
    atomic_store(&spool->bytes, 0);
    atomic_store(&spool->turned, true);
}

static int append(struct llmobs_spool *spool, uint32_t file,
                  struct llmobs_entry_writer *writer, uint64_t *end)
{
    int fd = open_file(spool, file);
    int rc;

    if (fd < 0)
        return fd;
    rc = llmobs_spool_write(fd, writer, end);
    close(fd);
    return rc;
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

/* Answers the file and fills offset and size, or a negative errno. */
static int64_t keep(struct llmobs_spool *spool,
                    struct llmobs_entry_writer *writer, uint64_t *offset,
                    uint64_t *size)
{
    int state, rc = have_dir(spool);
    uint64_t end = 0;
    uint32_t file;

    if (rc)
        return rc;
    if (atomic_load(&spool->full))
        return -EDQUOT;
    file = enter_file(spool);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    rc = append(spool, file, writer, &end);
    pthread_setcancelstate(state, NULL);
    *size = sizeof(writer->head) + writer->head.len + sizeof(writer->tail);
    *offset = end - *size;
    if (rc)
        atomic_fetch_sub(&spool->left[slot_of(file)], 1);
    if (rc || atomic_load(&spool->failed_ns))
        note_failure(spool, rc);
    turn_over(spool, file, (size_t)*size);
    return rc ? rc : (int64_t)file;
}

static int64_t keep_exchange(struct llmobs_spool *spool,
                             struct llmobs_exchange *exchange, bool begun)
{
    struct llmobs_spooled *spooled = &exchange->item.spooled;
    struct llmobs_exchange_facts facts;
    struct llmobs_entry_writer writer;
    int saved = errno;
    int64_t file;

    spooled->id = exchange->context.span_id;
    llmobs_entry_begin(&writer, begun ? LLMOBS_ENTRY_BEGIN : LLMOBS_ENTRY_END,
                       spooled->id);
    file = llmobs_exchange_add(exchange, begun, &facts, &writer);
    if (file == 0)
        file = keep(spool, &writer, &spooled->offset, &spooled->size);
    errno = saved;
    return file;
}

static void count_call(struct llmobs_spool *spool)
{
    atomic_fetch_add(&spool->calls, 1);
    llmobs_stats_add(LLMOBS_STAT_kept, 1);
}

int llmobs_spool_begin(struct llmobs_spool *spool,
                       struct llmobs_exchange *exchange)
{
    int64_t file = keep_exchange(spool, exchange, true);

    if (file > 0)
        exchange->item.spooled.begun = (uint32_t)file;
    return file < 0 ? (int)file : 0;
}

int llmobs_spool_end(struct llmobs_spool *spool,
                     struct llmobs_exchange *exchange)
{
    int64_t file = keep_exchange(spool, exchange, false);

    if (file > 0) {
        exchange->item.spooled.file = (uint32_t)file;
        count_call(spool);
    }
    return file < 0 ? (int)file : 0;
}

int llmobs_spool_event(struct llmobs_spool *spool,
                       struct llmobs_spooled *spooled, struct llmobs_text event)
{
    struct llmobs_entry_writer writer;
    int64_t file;
    int rc;

    if (!spooled->id)
        spooled->id = llmobs_context_random();
    llmobs_entry_begin(&writer, LLMOBS_ENTRY_EVENT, spooled->id);
    rc = llmobs_entry_add(&writer, 1, event.data, event.len);
    if (rc)
        return rc;
    file = keep(spool, &writer, &spooled->offset, &spooled->size);
    if (file < 0)
        return (int)file;
    spooled->file = (uint32_t)file;
    count_call(spool);
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

size_t llmobs_spool_left(const struct llmobs_spool *spool)
{
    return atomic_load(&spool->calls);
}

/* -- releasing ----------------------------------------------------------- */

static void let_go(struct llmobs_spool *spool, uint32_t file, unsigned n)
{
    atomic_fetch_sub(&spool->left[slot_of(file)], n);
}

/* Where this fails a crash would deliver them once more. */
static void note_release(struct llmobs_spool *spool, uint32_t file,
                         const uint64_t *ids, size_t count)
{
    char path[PATH_MAX];
    int rc;

    llmobs_spool_file_path(spool->dir, file, path);
    rc = llmobs_spool_note(path, ids, count);
    if (rc)
        note_failure(spool, rc);
    atomic_fetch_add(&spool->bytes, count * sizeof(*ids));
}

void llmobs_spool_cancel(struct llmobs_spool *spool,
                         struct llmobs_exchange *exchange)
{
    struct llmobs_spooled *spooled = &exchange->item.spooled;
    int saved = errno;

    if (!spooled->begun)
        return;
    note_release(spool, spooled->begun, &spooled->id, 1);
    let_go(spool, spooled->begun, 1);
    spooled->begun = 0;
    errno = saved;
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

static void release_file(struct llmobs_spool *spool, uint32_t file,
                         const struct llmobs_spooled *list, size_t count)
{
    uint64_t ids[LLMOBS_RELEASE_MAX];
    size_t id_count;
    unsigned entries = ids_in(file, list, count, ids, &id_count);
    bool last =
        (file != atomic_load(&spool->current) || atomic_load(&spool->ending)) &&
        atomic_load(&spool->left[slot_of(file)]) == entries;

    if (entries == 0)
        return;
    if (!last)
        note_release(spool, file, ids, id_count);
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

static void remove_file(struct llmobs_spool *spool, uint32_t file)
{
    char path[PATH_MAX];

    if (!atomic_exchange(&spool->made[slot_of(file)], false))
        return;
    llmobs_spool_file_path(spool->dir, file, path);
    unlink(path);
}

/* Removes the files before the current one of which nothing is left. */
static void tidy(struct llmobs_spool *spool)
{
    uint32_t current = atomic_load(&spool->current);

    for (uint32_t file = spool->oldest; file < current; file++) {
        if (atomic_load(&spool->left[slot_of(file)]) == 0)
            remove_file(spool, file);
        else
            break;
        spool->oldest = file + 1;
    }
}

void llmobs_spool_release(struct llmobs_spool *spool,
                          const struct llmobs_spooled *list, size_t count)
{
    uint32_t file = 0;

    for (size_t i = 0; i < count; i++) {
        if (!list[i].file)
            continue;
        atomic_fetch_sub(&spool->calls, 1);
        llmobs_stats_add(LLMOBS_STAT_released, 1);
    }
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

/* -- room and end -------------------------------------------------------- */

void llmobs_spool_look(struct llmobs_spool *spool)
{
    int64_t now = llmobs_clock_mono_ns();
    char base[PATH_MAX];
    uint64_t bytes;

    if (!atomic_load(&spool->turned) && !atomic_load(&spool->full))
        return;
    if (atomic_load(&spool->place) != PLACE_READY ||
        (spool->looked_ns &&
         now - spool->looked_ns < LOOK_EVERY_MS * LLMOBS_NS_PER_MS))
        return;
    spool->looked_ns = now;
    atomic_store(&spool->turned, false);
    if (llmobs_spool_dir(spool->config, base, sizeof(base)) ||
        llmobs_spool_usage(base, &bytes))
        return;
    if (bytes >= (uint64_t)spool->config->spool_max)
        llmobs_log_once(LLMOBS_LOG_WARN, "spool full",
                        "the spool has reached LLMOBS_SPOOL_MAX: newer spans "
                        "are kept in memory only");
    atomic_store(&spool->full, bytes >= (uint64_t)spool->config->spool_max);
}

void llmobs_spool_ending(struct llmobs_spool *spool)
{
    atomic_store(&spool->ending, true);
}

void llmobs_spool_close(struct llmobs_spool *spool)
{
    uint32_t current = atomic_load(&spool->current);
    bool empty = true;

    if (atomic_load(&spool->place) != PLACE_READY)
        return;
    for (uint32_t file = spool->oldest; file <= current; file++) {
        if (atomic_load(&spool->left[slot_of(file)]) == 0)
            remove_file(spool, file);
        else
            empty = false;
    }
    if (empty && rmdir(spool->dir) == 0)
        clear(spool);
}
