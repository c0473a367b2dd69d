#include "core/log/adopt_read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/grow.h"
#include "lib/base/fd.h"
#include "core/log/adopt.h"
#include "core/log/adopt_claim.h"
#include "core/log/event_item.h"
#include "core/log/exchange_entry.h"
#include "core/log/spool_file.h"
#include "lib/base/hazard.h"

/* An ending process reads a directory only up to so many bytes. */
#define ENDING_BYTES ((size_t)256 * 1024)
#define IDS_MAX ((size_t)4 * 1024 * 1024)
/* Room for the owner that most processes write. */
#define OWNER_BYTES ((size_t)4096)

/* -- ids ---------------------------------------------------------------- */

static int adopt_read_add_id(struct llmobs_adopt_ids *ids, uint64_t id)
{
    if (ids->count >= IDS_MAX)
        return -E2BIG;
    if (llmobs_grow(&ids->list, &ids->cap, ids->count, sizeof(*ids->list)))
        return -ENOMEM;
    ids->list[ids->count++] = id;
    return 0;
}

static int adopt_read_by_number(const void *a, const void *b)
{
    uint64_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

static bool adopt_read_has_id(const struct llmobs_adopt_ids *ids, uint64_t id)
{
    return ids->count > 0 && bsearch(&id, ids->list, ids->count, sizeof(id),
                                     adopt_read_by_number) != NULL;
}

static void sort_ids(struct llmobs_adopt_ids *ids)
{
    if (ids->count > 1)
        qsort(ids->list, ids->count, sizeof(*ids->list), adopt_read_by_number);
}

/* -- a file ------------------------------------------------------------- */

static struct llmobs_text adopt_read_text_of(const struct llmobs_adopt *adopt)
{
    return (struct llmobs_text){adopt->text.data, adopt->text.len};
}

/* Reads the key. A process that was killed in its first write leaves less than
 * a key: that counts as an empty file. */
static int adopt_read_key(struct llmobs_adopt *adopt)
{
    int rc = llmobs_entry_file_read(adopt_read_text_of(adopt), &adopt->key);

    if (rc)
        llmobs_buf_cut(&adopt->text, 0);
    return rc == -ENODATA ? 0 : rc;
}

int llmobs_adopt_read_file(struct llmobs_adopt *adopt, const char *dir,
                           uint32_t file, size_t max)
{
    char path[PATH_MAX];
    int rc;

    adopt->have = 0;
    llmobs_buf_cut(&adopt->text, 0);
    llmobs_spool_file_path(dir, file, path);
    rc = llmobs_spool_read(path, 0, max, &adopt->text);
    if (!rc && (adopt->text.len < max || max == LLMOBS_SPOOL_TEXT))
        adopt->have = file;
    if (!rc)
        rc = adopt_read_key(adopt);
    if (rc)
        adopt->have = 0;
    return rc;
}

int llmobs_adopt_have_file(struct llmobs_adopt *adopt, uint32_t file)
{
    return adopt->have == file ? 0
                               : llmobs_adopt_read_file(adopt, adopt->dir, file,
                                                        LLMOBS_SPOOL_TEXT);
}

/* Where the interesting part of a file of the present directory begins. */
static size_t adopt_read_begin_of(const struct llmobs_adopt *adopt,
                                  uint32_t file)
{
    return adopt->at_living && adopt->at_living->file == file
               ? adopt->at_living->from
               : 0;
}

/* Reads a file of the present directory from that place on. */
static int read_here(struct llmobs_adopt *adopt, uint32_t file)
{
    size_t from = adopt_read_begin_of(adopt, file);
    char path[PATH_MAX];
    int rc;

    if (from == 0 && !adopt->at_living)
        return llmobs_adopt_have_file(adopt, file);
    if (from == 0)
        return llmobs_adopt_read_file(adopt, adopt->dir, file,
                                      LLMOBS_SPOOL_TEXT);
    adopt->have = 0;
    llmobs_buf_cut(&adopt->text, 0);
    llmobs_spool_file_path(adopt->dir, file, path);
    rc = llmobs_spool_key(path, &adopt->key);
    return rc ? rc
              : llmobs_spool_read(path, from, LLMOBS_SPOOL_TEXT, &adopt->text);
}

bool llmobs_adopt_next_entry(const struct llmobs_adopt *adopt, size_t *at,
                             struct llmobs_entry *entry)
{
    return llmobs_entry_next(&adopt->key, adopt_read_text_of(adopt), at, entry);
}

/* -- its owner ----------------------------------------------------------- */

static int owner_within(struct llmobs_adopt *adopt, const char *dir,
                        uint32_t file, size_t max)
{
    int rc = llmobs_adopt_read_file(adopt, dir, file, max);
    struct llmobs_entry entry;
    size_t at = 0;

    while (!rc && !adopt->owner && llmobs_adopt_next_entry(adopt, &at, &entry))
        if (entry.type == LLMOBS_ENTRY_OWNER)
            rc = llmobs_owner_read(&entry, &adopt->owner);
    return rc ? rc : adopt->owner ? 0 : -ENODATA;
}

static __attribute__((noinline)) bool is_long(const char *dir, uint32_t file)
{
    char path[PATH_MAX];
    struct stat st;

    llmobs_spool_file_path(dir, file, path);
    return fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_size >= (off_t)LLMOBS_ADOPT_OWNER_LOOK;
}

/* Reads the owner from a file, which mostly begins with it. A small file is
 * read whole, so that it need not be read again. */
static int owner_in(struct llmobs_adopt *adopt, const char *dir, uint32_t file)
{
    int rc = is_long(dir, file) ? owner_within(adopt, dir, file, OWNER_BYTES)
                                : -ENODATA;

    return rc == -ENODATA
               ? owner_within(adopt, dir, file, LLMOBS_ADOPT_OWNER_LOOK)
               : rc;
}

int llmobs_adopt_find_owner(struct llmobs_adopt *adopt, const char *dir)
{
    int rc = -ENODATA, one;

    if (!adopt->self)
        adopt->self = llmobs_owner_new(adopt->config);
    if (!adopt->self)
        return -ENOMEM;
    llmobs_owner_free(adopt->owner);
    adopt->owner = NULL;
    for (size_t i = 0; i < adopt->file_count && !adopt->owner; i++) {
        one = owner_in(adopt, dir, adopt->files[i]);
        LLMOBS_HAZARD(later_for_a_stub, if (one != -ENODATA) rc = one,
                      rc = one == -ENOTSUP ? -ENODATA : one);
    }
    return rc;
}

/* -- what is in a directory --------------------------------------------- */

static int note_ids(struct llmobs_adopt_ids *ids,
                    const struct llmobs_entry *entry)
{
    struct llmobs_text value;
    size_t at = 0;
    uint32_t tag;
    int rc = 0;

    while (!rc && llmobs_entry_field(entry, &at, &tag, &value))
        for (size_t i = 0; tag == LLMOBS_RELEASE_IDS && !rc &&
                           i + sizeof(uint64_t) <= value.len;
             i += sizeof(uint64_t)) {
            uint64_t id;

            memcpy(&id, value.data + i, sizeof(id));
            rc = adopt_read_add_id(ids, id);
        }
    return rc;
}

static int adopt_read_note_delivered_to(struct llmobs_adopt *adopt,
                                        const struct llmobs_entry *entry)
{
    struct llmobs_text value;
    struct llmobs_adopt_delivered *delivered_to;
    size_t at = 0;
    uint32_t tag;

    if (!llmobs_entry_field(entry, &at, &tag, &value) ||
        value.len != sizeof(delivered_to->bits) ||
        adopt->delivered_to_count >= IDS_MAX)
        return 0;
    if (llmobs_grow(&adopt->delivered_to, &adopt->delivered_to_cap,
                    adopt->delivered_to_count, sizeof(*adopt->delivered_to)))
        return -ENOMEM;
    delivered_to = &adopt->delivered_to[adopt->delivered_to_count++];
    delivered_to->id = entry->id;
    memcpy(&delivered_to->bits, value.data, sizeof(delivered_to->bits));
    return 0;
}

/* Gives the destinations that have the entry. False where no process has noted
 * destinations, not even an empty set. */
static bool delivered_to_of(const struct llmobs_adopt *adopt, uint64_t id,
                            unsigned *bits)
{
    const struct llmobs_adopt_delivered *at, *end;

    *bits = 0;
    if (adopt->delivered_to_count == 0)
        return false;
    end = adopt->delivered_to + adopt->delivered_to_count;
    at = bsearch(&id, adopt->delivered_to, adopt->delivered_to_count,
                 sizeof(*at), adopt_read_by_number);
    if (!at)
        return false;
    while (at > adopt->delivered_to && at[-1].id == id)
        at--;
    for (; at < end && at->id == id; at++)
        *bits |= at->bits;
    return true;
}

static int adopt_read_note_entry(struct llmobs_adopt *adopt,
                                 const struct llmobs_entry *entry)
{
    if (entry->done)
        return adopt_read_add_id(&adopt->released, entry->id);
    if (entry->type == LLMOBS_ENTRY_RELEASE)
        return note_ids(&adopt->released, entry);
    if (entry->type == LLMOBS_ENTRY_DELIVERED_TO)
        return adopt_read_note_delivered_to(adopt, entry);
    if (entry->type == LLMOBS_ENTRY_BEGIN)
        return adopt_read_add_id(&adopt->begun, entry->id);
    if (entry->type == LLMOBS_ENTRY_END || entry->type == LLMOBS_ENTRY_EVENT)
        return adopt_read_add_id(&adopt->ended, entry->id);
    return 0;
}

size_t llmobs_adopt_note_file(struct llmobs_adopt *adopt, uint32_t file)
{
    char path[PATH_MAX];
    struct stat st;
    int64_t at;

    llmobs_spool_file_path(adopt->dir, file, path);
    if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW))
        return 0;
    at = llmobs_clock_ns(st.st_mtim);
    if (at > adopt->died_ns)
        adopt->died_ns = at;
    return st.st_size > 0 ? (size_t)st.st_size : 0;
}

/* Reading cannot be cut short. So if the app waits for it, a directory is begun
 * only if it is read in no time. */
static bool is_too_much(struct llmobs_adopt *adopt, size_t bytes)
{
    return atomic_load(&adopt->until_ns) != INT64_MAX &&
           (LLMOBS_HAZARD(adopts_the_big, bytes > ENDING_BYTES, false) ||
            llmobs_adopt_is_late(adopt));
}

/* The first file of the present directory with an interesting part. */
static size_t first_file(const struct llmobs_adopt *adopt)
{
    size_t i = 0;

    while (adopt->at_living && i < adopt->file_count &&
           adopt->files[i] < adopt->at_living->file)
        i++;
    return i;
}

/* True for the last file that is not sealed: its process may write to it. */
static bool adopt_read_is_newest(const struct llmobs_adopt *adopt, size_t i)
{
    return adopt->files[i] < LLMOBS_ADOPT_SEALED &&
           (i + 1 == adopt->file_count ||
            adopt->files[i + 1] >= LLMOBS_ADOPT_SEALED);
}

static void note_end(struct llmobs_adopt *adopt, size_t i, size_t whole)
{
    struct llmobs_adopt_claim *claim = adopt->here;
    size_t from = adopt_read_begin_of(adopt, adopt->files[i]);

    if (!adopt->at_living || !adopt_read_is_newest(adopt, i))
        return;
    claim->newest = adopt->files[i];
    claim->read_to = from + whole;
    claim->size = from + adopt->text.len;
}

int llmobs_adopt_survey(struct llmobs_adopt *adopt)
{
    struct llmobs_entry entry;
    size_t bytes = 0, first = first_file(adopt);
    int rc = 0;

    adopt->died_ns = 0;
    for (size_t i = first; i < adopt->file_count && !rc; i++) {
        size_t at = 0, whole = 0;

        bytes += llmobs_adopt_note_file(adopt, adopt->files[i]);
        if (is_too_much(adopt, bytes))
            return -ETIME;
        rc = read_here(adopt, adopt->files[i]);
        if (rc == -ENOMEM)
            break; /* else entries that it releases would be delivered again */
        adopt->kept += rc != 0;
        rc = 0;
        while (!rc && llmobs_adopt_next_entry(adopt, &at, &entry)) {
            rc = adopt_read_note_entry(adopt, &entry);
            whole = entry.offset + entry.size;
        }
        note_end(adopt, i, whole);
    }
    sort_ids(&adopt->released);
    sort_ids(&adopt->begun);
    sort_ids(&adopt->ended);
    if (adopt->delivered_to_count > 1)
        qsort(adopt->delivered_to, adopt->delivered_to_count,
              sizeof(*adopt->delivered_to), adopt_read_by_number);
    adopt->file = first;
    adopt->at = 0;
    return rc;
}

/* -- entries ------------------------------------------------------------ */

bool llmobs_adopt_is_open(const struct llmobs_adopt *adopt,
                          const struct llmobs_entry *entry)
{
    if (adopt_read_has_id(&adopt->released, entry->id))
        return false;
    if (entry->type == LLMOBS_HAZARD(start_beside_begin, LLMOBS_ENTRY_START,
                                     LLMOBS_ENTRY_END) &&
        adopt_read_has_id(&adopt->begun, entry->id))
        return false;
    if (llmobs_entry_has_begun(entry->type))
        return !adopt_read_has_id(&adopt->ended, entry->id);
    return entry->type == LLMOBS_ENTRY_END || entry->type == LLMOBS_ENTRY_EVENT;
}

bool llmobs_adopt_has(const struct llmobs_adopt *adopt, uint64_t id)
{
    return adopt_read_has_id(&adopt->ended, id) ||
           adopt_read_has_id(&adopt->released, id);
}

bool llmobs_adopt_is_due(const struct llmobs_adopt *adopt,
                         const struct llmobs_entry *entry)
{
    if (LLMOBS_HAZARD(all_of_the_living,
                      adopt->at_living && !llmobs_entry_is_for_relay(entry),
                      false))
        return false;
    return llmobs_adopt_is_open(adopt, entry);
}

static void end_by_kill(const struct llmobs_adopt *adopt,
                        struct llmobs_exchange *exchange)
{
    exchange->end = LLMOBS_END_KILLED;
    exchange->duration_ns = adopt->died_ns - exchange->start_wall_ns;
    if (exchange->duration_ns < 0)
        exchange->duration_ns = 0;
}

static int adopt_read_entry(struct llmobs_adopt *adopt,
                            const struct llmobs_entry *entry,
                            struct llmobs_adopted *out)
{
    bool counted;

    memset(out, 0, sizeof(*out));
    out->config = &adopt->names;
    out->spooled.id = entry->id;
    out->spooled.file = adopt->files[adopt->file];
    out->spooled.claim =
        LLMOBS_HAZARD(claims_mixed, (uint32_t)(adopt->here - adopt->claims), 0);
    out->spooled.offset =
        adopt_read_begin_of(adopt, out->spooled.file) + entry->offset;
    /* In a process with other destinations the bits mean other destinations. */
    counted = delivered_to_of(adopt, entry->id, &out->delivered_to);
    if (adopt->whose == LLMOBS_ADOPT_ANY)
        out->delivered_to &= LLMOBS_INFERRED;
    if (entry->type == LLMOBS_ENTRY_EVENT)
        return llmobs_event_read(entry, &out->kind, &out->event);
    out->killed = llmobs_entry_has_begun(entry->type);
    out->uncounted = out->killed && !counted;
    return llmobs_exchange_read(entry, &adopt->recalls, &out->exchange);
}

/* 1: `out` has the entry; 0: the entry is not to be delivered; -ENOMEM: the
 * next call reads it again. */
static int adopt_read_give(struct llmobs_adopt *adopt,
                           const struct llmobs_entry *entry,
                           struct llmobs_adopted *out)
{
    int rc;

    if (!llmobs_adopt_is_due(adopt, entry))
        return 0;
    rc = adopt_read_entry(adopt, entry, out);
    if (rc == -ENOMEM) {
        adopt->at = entry->offset;
        return rc;
    }
    if (rc) {
        adopt->kept++;
        return 0;
    }
    if (out->killed)
        end_by_kill(adopt, out->exchange);
    if (out->uncounted)
        llmobs_adopt_note_delivered_to(adopt, &out->spooled, 0);
    adopt->here->out++;
    return 1;
}

int llmobs_adopt_next_here(struct llmobs_adopt *adopt,
                           struct llmobs_adopted *out)
{
    struct llmobs_entry entry;
    int rc;

    for (; adopt->file < adopt->file_count; adopt->file++) {
        if (adopt->at == 0) {
            rc = read_here(adopt, adopt->files[adopt->file]);
            if (rc == -ENOMEM)
                return rc;
            if (rc)
                continue; /* the survey has counted it as kept */
        }
        while (llmobs_adopt_next_entry(adopt, &adopt->at, &entry)) {
            rc = adopt_read_give(adopt, &entry, out);
            if (rc)
                return rc;
        }
        adopt->at = 0;
    }
    return 0;
}

/* -- its files ---------------------------------------------------------- */

static int by_file(const void *a, const void *b)
{
    uint32_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

static bool file_number(const char *name, uint32_t *out)
{
    char *end;
    unsigned long number = strtoul(name, &end, 10);

    *out = (uint32_t)number;
    return *name >= '1' && *name <= '9' &&
           strcmp(end, LLMOBS_SPOOL_SUFFIX) == 0 && number < UINT32_MAX;
}

static void list_names(struct llmobs_adopt *adopt, DIR *dir)
{
    unsigned left = LLMOBS_FD_NAMES;
    struct dirent *entry;

    while (adopt->file_count < LLMOBS_ADOPT_FILES &&
           (entry = llmobs_fd_entry(dir, &left)))
        adopt->file_count +=
            file_number(entry->d_name, &adopt->files[adopt->file_count]);
}

int llmobs_adopt_list_files(struct llmobs_adopt *adopt, const char *path)
{
    DIR *dir;

    adopt->file_count = 0;
    if (!adopt->files)
        adopt->files = calloc(LLMOBS_ADOPT_FILES, sizeof(*adopt->files));
    if (!adopt->files)
        return -ENOMEM;
    dir = llmobs_fd_list(
        llmobs_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (!dir)
        return -errno;
    list_names(adopt, dir);
    closedir(dir);
    qsort(adopt->files, adopt->file_count, sizeof(*adopt->files), by_file);
    return 0;
}
