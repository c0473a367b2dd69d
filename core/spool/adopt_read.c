#include "core/spool/adopt_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/spool/event_item.h"
#include "core/spool/exchange_entry.h"
#include "core/spool/spool_file.h"

/* Of a directory, while a process ends. */
#define HURRIED_BYTES ((size_t)2 * 1024 * 1024)
#define IDS_MAX ((size_t)4 * 1024 * 1024)

/* -- ids ---------------------------------------------------------------- */

static int add_id(struct llmobs_ids *ids, uint64_t id)
{
    size_t cap = ids->cap ? ids->cap * 2 : 64;
    uint64_t *list = ids->list;

    if (ids->count == ids->cap) {
        if (ids->count >= IDS_MAX)
            return -E2BIG;
        list = realloc(list, cap * sizeof(*list));
        if (!list)
            return -ENOMEM;
        ids->list = list;
        ids->cap = cap;
    }
    list[ids->count++] = id;
    return 0;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

static bool has_id(const struct llmobs_ids *ids, uint64_t id)
{
    return ids->count > 0 &&
           bsearch(&id, ids->list, ids->count, sizeof(id), by_number) != NULL;
}

static void sort_ids(struct llmobs_ids *ids)
{
    if (ids->count > 1)
        qsort(ids->list, ids->count, sizeof(*ids->list), by_number);
}

/* -- a file ------------------------------------------------------------- */

void llmobs_adopt_path(const struct llmobs_adopt *adopt, const char *dir,
                       uint32_t file, char out[PATH_MAX])
{
    if (adopt->old)
        llmobs_spool_old_path(dir, file, out);
    else
        llmobs_spool_file_path(dir, file, out);
}

static struct llmobs_text text_of(const struct llmobs_adopt *adopt)
{
    return (struct llmobs_text){adopt->text.data, adopt->text.len};
}

/* Killed in its first write, a process leaves less than a key. */
static int read_key(struct llmobs_adopt *adopt)
{
    int rc = llmobs_entry_file_read(text_of(adopt), &adopt->key);

    if (rc)
        llmobs_buf_cut(&adopt->text, 0);
    return rc == -ENODATA ? 0 : rc;
}

int llmobs_adopt_read(struct llmobs_adopt *adopt, const char *dir,
                      uint32_t file, size_t max)
{
    char path[PATH_MAX];
    int rc;

    llmobs_buf_cut(&adopt->text, 0);
    llmobs_adopt_path(adopt, dir, file, path);
    rc = llmobs_spool_read(path, 0, max, &adopt->text);
    return rc || adopt->old ? rc : read_key(adopt);
}

bool llmobs_adopt_entry(const struct llmobs_adopt *adopt, size_t *at,
                        struct llmobs_entry *entry)
{
    return llmobs_entry_next(adopt->old ? NULL : &adopt->key, text_of(adopt),
                             at, entry);
}

/* -- what is in a directory --------------------------------------------- */

static int note_ids(struct llmobs_ids *ids, const struct llmobs_entry *entry)
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
            rc = add_id(ids, id);
        }
    return rc;
}

/* Room for one more. */
static int grow_delivered_to(struct llmobs_adopt *adopt)
{
    size_t cap = adopt->had_cap ? adopt->had_cap * 2 : 64;
    struct llmobs_delivered_to *list;

    if (adopt->delivered_to_count < adopt->had_cap)
        return 0;
    list = realloc(adopt->delivered_to, cap * sizeof(*list));
    if (!list)
        return -ENOMEM;
    adopt->delivered_to = list;
    adopt->had_cap = cap;
    return 0;
}

static int note_delivered_to(struct llmobs_adopt *adopt,
                             const struct llmobs_entry *entry)
{
    struct llmobs_text value;
    struct llmobs_delivered_to *delivered_to;
    size_t at = 0;
    uint32_t tag;

    if (!llmobs_entry_field(entry, &at, &tag, &value) ||
        value.len != sizeof(delivered_to->bits) ||
        adopt->delivered_to_count >= IDS_MAX)
        return 0;
    if (grow_delivered_to(adopt) != 0)
        return -ENOMEM;
    delivered_to = &adopt->delivered_to[adopt->delivered_to_count++];
    delivered_to->id = entry->id;
    memcpy(&delivered_to->bits, value.data, sizeof(delivered_to->bits));
    return 0;
}

/* False where nobody has noted anything of it. */
static bool delivered_to_of(const struct llmobs_adopt *adopt, uint64_t id,
                            unsigned *bits)
{
    const struct llmobs_delivered_to *at, *end;

    *bits = 0;
    if (adopt->delivered_to_count == 0)
        return false;
    end = adopt->delivered_to + adopt->delivered_to_count;
    at = bsearch(&id, adopt->delivered_to, adopt->delivered_to_count,
                 sizeof(*at), by_number);
    if (!at)
        return false;
    while (at > adopt->delivered_to && at[-1].id == id)
        at--;
    for (; at < end && at->id == id; at++)
        *bits |= at->bits;
    return true;
}

static int note_entry(struct llmobs_adopt *adopt,
                      const struct llmobs_entry *entry)
{
    if (entry->done)
        return add_id(&adopt->released, entry->id);
    if (entry->type == LLMOBS_ENTRY_RELEASE)
        return note_ids(&adopt->released, entry);
    if (entry->type == LLMOBS_ENTRY_DELIVERED_TO)
        return note_delivered_to(adopt, entry);
    if (entry->type == LLMOBS_ENTRY_BEGIN)
        return add_id(&adopt->begun, entry->id);
    if (entry->type == LLMOBS_ENTRY_END || entry->type == LLMOBS_ENTRY_EVENT)
        return add_id(&adopt->ended, entry->id);
    return 0;
}

/* Answers its bytes. */
static size_t note_file(struct llmobs_adopt *adopt, uint32_t file)
{
    char path[PATH_MAX];
    struct stat st;
    int64_t at;

    llmobs_adopt_path(adopt, adopt->dir, file, path);
    if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW))
        return 0;
    at = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    if (at > adopt->died_ns)
        adopt->died_ns = at;
    return st.st_size > 0 ? (size_t)st.st_size : 0;
}

/* Reading is not cut: where somebody waits, only what is read in no time is
 * begun. */
static bool is_too_much(struct llmobs_adopt *adopt, size_t bytes)
{
    return atomic_load(&adopt->until_ns) != INT64_MAX &&
           (bytes > HURRIED_BYTES || llmobs_adopt_is_late(adopt));
}

/* A file that cannot be read keeps its directory. */
int llmobs_adopt_survey(struct llmobs_adopt *adopt)
{
    struct llmobs_entry entry;
    size_t bytes = 0;
    int rc = 0;

    adopt->died_ns = 0;
    for (size_t i = 0; i < adopt->file_count && !rc; i++) {
        size_t at = 0;

        bytes += note_file(adopt, adopt->files[i]);
        if (is_too_much(adopt, bytes))
            return -ETIME;
        rc = llmobs_adopt_read(adopt, adopt->dir, adopt->files[i],
                               LLMOBS_SPOOL_TEXT);
        if (rc == -ENOMEM)
            break; /* or what it says was released would come again */
        adopt->kept += rc != 0;
        rc = 0;
        while (!rc && llmobs_adopt_entry(adopt, &at, &entry))
            rc = note_entry(adopt, &entry);
    }
    sort_ids(&adopt->released);
    sort_ids(&adopt->begun);
    sort_ids(&adopt->ended);
    if (adopt->delivered_to_count > 1)
        qsort(adopt->delivered_to, adopt->delivered_to_count,
              sizeof(*adopt->delivered_to), by_number);
    llmobs_buf_cut(&adopt->text, 0);
    adopt->file = 0;
    adopt->at = 0;
    return rc;
}

/* -- entries ------------------------------------------------------------ */

bool llmobs_adopt_is_due(const struct llmobs_adopt *adopt,
                         const struct llmobs_entry *entry)
{
    if (has_id(&adopt->released, entry->id))
        return false;
    if (entry->type == LLMOBS_ENTRY_START && has_id(&adopt->begun, entry->id))
        return false;
    if (llmobs_entry_has_begun(entry->type))
        return !has_id(&adopt->ended, entry->id);
    return entry->type == LLMOBS_ENTRY_END || entry->type == LLMOBS_ENTRY_EVENT;
}

static void end_by_kill(const struct llmobs_adopt *adopt,
                        struct llmobs_exchange *exchange)
{
    exchange->end = LLMOBS_END_KILLED;
    exchange->duration_ns = adopt->died_ns - exchange->start_wall_ns;
    if (exchange->duration_ns < 0)
        exchange->duration_ns = 0;
}

static int read_entry(struct llmobs_adopt *adopt,
                      const struct llmobs_entry *entry,
                      struct llmobs_adopted *out)
{
    bool counted;

    memset(out, 0, sizeof(*out));
    out->config = &adopt->names;
    out->spooled.id = entry->id;
    out->spooled.file = adopt->files[adopt->file];
    /* Another's destinations are numbered otherwise. */
    counted = delivered_to_of(adopt, entry->id, &out->delivered_to);
    if (adopt->whose == LLMOBS_ADOPT_ANY)
        out->delivered_to = 0;
    if (entry->type == LLMOBS_ENTRY_EVENT)
        return llmobs_event_read(entry, &out->kind, &out->event);
    out->killed = llmobs_entry_has_begun(entry->type);
    out->uncounted = out->killed && !counted;
    return llmobs_exchange_read(entry, &adopt->recalls, &out->exchange);
}

/* 1: it is given; 0: nobody is to have it; -ENOMEM: it comes again. */
static int give(struct llmobs_adopt *adopt, const struct llmobs_entry *entry,
                struct llmobs_adopted *out)
{
    int rc;

    if (!llmobs_adopt_is_due(adopt, entry))
        return 0;
    rc = read_entry(adopt, entry, out);
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
    adopt->out++;
    return 1;
}

/* The next one of the present directory; 0: there is none. */
int llmobs_adopt_next_here(struct llmobs_adopt *adopt,
                           struct llmobs_adopted *out)
{
    struct llmobs_entry entry;
    int rc;

    for (; adopt->file < adopt->file_count; adopt->file++) {
        if (adopt->at == 0) {
            rc = llmobs_adopt_read(adopt, adopt->dir, adopt->files[adopt->file],
                                   LLMOBS_SPOOL_TEXT);
            if (rc == -ENOMEM)
                return rc;
            if (rc)
                continue; /* the survey kept it */
        }
        while (llmobs_adopt_entry(adopt, &adopt->at, &entry)) {
            rc = give(adopt, &entry, out);
            if (rc)
                return rc;
        }
        adopt->at = 0;
    }
    return 0;
}
