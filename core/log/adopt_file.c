#include "core/log/adopt_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/base/grow.h"
#include "lib/base/log.h"
#include "core/log/spool_file.h"

/* An ending process reads at most this many bytes of a file. */
#define ENDING_BYTES ((size_t)256 * 1024)
#define IDS_MAX ((size_t)4 * 1024 * 1024)
/* Room for the owner that most processes write. */
#define OWNER_BYTES ((size_t)4096)

void llmobs_adopt_file_begin(struct llmobs_adopt_file *file, const char *path,
                             off_t size)
{
    if (!file->text.data)
        llmobs_buf_init(&file->text, LLMOBS_SPOOL_TEXT);
    memcpy(file->path, path, strlen(path) + 1);
    file->size = size;
    file->whole = false;
}

void llmobs_adopt_file_forget(struct llmobs_adopt_file *file)
{
    memset(file, 0, offsetof(struct llmobs_adopt_file, path));
}

void llmobs_adopt_file_free(struct llmobs_adopt_file *file)
{
    free(file->released.list);
    free(file->begun.list);
    free(file->ended.list);
    free(file->before.list);
    free(file->childs.list);
    free(file->delivered_to);
    llmobs_owner_free(file->owner);
    llmobs_buf_fini(&file->text);
    llmobs_adopt_file_forget(file);
}

/* -- ids ---------------------------------------------------------------- */

static int add_id(struct llmobs_adopt_ids *ids, uint64_t id)
{
    if (ids->count >= IDS_MAX)
        return -E2BIG;
    if (llmobs_grow(&ids->list, &ids->cap, ids->count, sizeof(*ids->list)))
        return -ENOMEM;
    ids->list[ids->count++] = id;
    return 0;
}

static int by_id(const void *a, const void *b)
{
    uint64_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

static bool has_id(const struct llmobs_adopt_ids *ids, uint64_t id)
{
    return ids->count > 0 &&
           bsearch(&id, ids->list, ids->count, sizeof(id), by_id) != NULL;
}

static void sort_ids(struct llmobs_adopt_ids *ids)
{
    if (ids->count > 1)
        qsort(ids->list, ids->count, sizeof(*ids->list), by_id);
}

/* -- reading -------------------------------------------------------------- */

/* Reads up to `max` bytes from before the closing, and the key. A process that
 * was killed in its first write leaves less than a key: that counts as an empty
 * file. */
static int read_begin(struct llmobs_adopt_file *file, size_t max)
{
    int rc;

    file->whole = false;
    file->closed_at = SIZE_MAX;
    llmobs_buf_cut(&file->text, 0);
    rc = llmobs_spool_file_read(file->path, 0, max, &file->text);
    if (rc)
        return rc;
    rc = llmobs_entry_file_read(llmobs_buf_text(&file->text), &file->key);
    if (rc)
        llmobs_buf_cut(&file->text, 0);
    return rc == -ENODATA ? 0 : rc;
}

/* Asks for the size before the file is read: later writes then show as another
 * size. */
int llmobs_adopt_file_read(struct llmobs_adopt_file *file)
{
    bool closed = file->size >= (off_t)LLMOBS_SPOOL_CLOSED;
    int rc;

    if (file->whole)
        return 0;
    rc = read_begin(file, LLMOBS_SPOOL_TEXT);
    if (!rc && closed) {
        file->closed_at = file->text.len;
        rc = llmobs_spool_file_read(file->path, LLMOBS_SPOOL_CLOSED,
                                    LLMOBS_SPOOL_TEXT, &file->text);
    }
    file->whole = rc == 0;
    return rc;
}

uint64_t llmobs_adopt_file_place(const struct llmobs_adopt_file *file,
                                 const struct llmobs_entry *entry)
{
    return entry->offset < file->closed_at
               ? entry->offset
               : LLMOBS_SPOOL_CLOSED + (entry->offset - file->closed_at);
}

/* True for an entry that counts where it is. A call that begins behind the
 * closing was written again, to another file. */
static bool counts(const struct llmobs_adopt_file *file,
                   const struct llmobs_entry *entry)
{
    if (entry->offset < file->closed_at)
        return true;
    if (entry->type == LLMOBS_ENTRY_EVENT)
        return llmobs_entry_has(entry, LLMOBS_ENTRY_BESIDE);
    if (entry->type != LLMOBS_ENTRY_END && !llmobs_entry_has_begun(entry->type))
        return true;
    return has_id(&file->before, entry->id);
}

bool llmobs_adopt_file_next(const struct llmobs_adopt_file *file, size_t *at,
                            struct llmobs_entry *entry)
{
    while (
        llmobs_entry_next(&file->key, llmobs_buf_text(&file->text), at, entry))
        if (counts(file, entry))
            return true;
    return false;
}

/* -- its owner ----------------------------------------------------------- */

static int find_owner_within(struct llmobs_adopt_file *file, size_t max)
{
    int rc = read_begin(file, max);
    struct llmobs_entry entry;
    size_t at = 0;

    while (!rc && !file->owner && llmobs_adopt_file_next(file, &at, &entry))
        if (entry.type == LLMOBS_ENTRY_OWNER)
            rc = llmobs_owner_read(&entry, &file->owner);
    return rc ? rc : file->owner ? 0 : -ENODATA;
}

/* A file mostly begins with its owner. A small file is read whole, so that it
 * need not be read again. */
int llmobs_adopt_file_find_owner(struct llmobs_adopt_file *file)
{
    bool is_long = file->size >= (off_t)LLMOBS_ADOPT_OWNER_LOOK;
    int rc;

    llmobs_owner_free(file->owner);
    file->owner = NULL;
    rc = is_long ? find_owner_within(file, OWNER_BYTES) : -ENODATA;
    if (rc == -ENODATA)
        rc = find_owner_within(file, LLMOBS_ADOPT_OWNER_LOOK);
    file->whole = !rc && !is_long;
    if (rc == -ENOTSUP)
        llmobs_log_once(LLMOBS_LOG_WARN, "spool format",
                        "%s is of another version of llmobs-preload, and stays "
                        "for it",
                        file->path);
    return rc;
}

/* -- what is in a file ---------------------------------------------------- */

/* Adds the entry to the lists by which later functions judge the others. */
static int add_entry(struct llmobs_adopt_file *file,
                     const struct llmobs_entry *entry)
{
    if (entry->done)
        return add_id(&file->released, entry->id);
    switch (entry->type) {
    case LLMOBS_ENTRY_RELEASE: {
        struct llmobs_text value;
        size_t at = 0;
        uint32_t tag;
        int rc = 0;

        while (!rc && llmobs_entry_field(entry, &at, &tag, &value))
            for (size_t i = 0; tag == LLMOBS_RELEASE_FIELD && !rc &&
                               i + sizeof(uint64_t) <= value.len;
                 i += sizeof(uint64_t)) {
                uint64_t id;

                memcpy(&id, value.data + i, sizeof(id));
                rc = add_id(&file->released, id);
            }
        return rc;
    }
    case LLMOBS_ENTRY_DELIVERED_TO: {
        struct llmobs_adopt_delivered *delivered_to;
        struct llmobs_text value;
        size_t at = 0;
        uint32_t tag;

        if (!llmobs_entry_field(entry, &at, &tag, &value) ||
            value.len != sizeof(delivered_to->bits) ||
            file->delivered_to_count >= IDS_MAX)
            return 0;
        if (llmobs_grow(&file->delivered_to, &file->delivered_to_cap,
                        file->delivered_to_count, sizeof(*file->delivered_to)))
            return -ENOMEM;
        delivered_to = &file->delivered_to[file->delivered_to_count++];
        delivered_to->id = entry->id;
        memcpy(&delivered_to->bits, value.data, sizeof(delivered_to->bits));
        return 0;
    }
    case LLMOBS_ENTRY_BEGIN:
        return add_id(&file->begun, entry->id);
    case LLMOBS_ENTRY_CHILDS_END:
        return add_id(&file->childs, entry->id);
    case LLMOBS_ENTRY_END:
    case LLMOBS_ENTRY_EVENT:
        return add_id(&file->ended, entry->id);
    default:
        return 0;
    }
}

/* Reading cannot be interrupted. So if the app waits, only a file that is read
 * in almost no time is begun; a closed one has far fewer bytes than its size.
 * The calls that have an entry before the closing are found first, as they tell
 * which entries behind it count. */
int llmobs_adopt_file_survey(struct llmobs_adopt_file *file, int64_t until_ns)
{
    size_t at = 0, bytes = 0;
    struct llmobs_entry entry;
    struct stat st;
    int rc;

    if (fstatat(AT_FDCWD, file->path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        file->written_ns = llmobs_clock_ns(st.st_mtim);
        file->whole &= st.st_size == file->size;
        file->size = st.st_size;
        bytes = st.st_size < (off_t)LLMOBS_SPOOL_CLOSED
                    ? (size_t)st.st_size
                    : (size_t)st.st_blocks * 512;
    }
    file->released.count = file->begun.count = file->ended.count = 0;
    file->before.count = file->childs.count = file->delivered_to_count = 0;
    file->due = file->left = 0;
    if (until_ns != INT64_MAX &&
        (bytes > ENDING_BYTES || llmobs_clock_mono_ns() >= until_ns))
        return -ETIME;
    rc = llmobs_adopt_file_read(file);
    while (!rc && file->closed_at != SIZE_MAX &&
           llmobs_adopt_file_next(file, &at, &entry) &&
           entry.offset < file->closed_at)
        if (entry.type == LLMOBS_ENTRY_END ||
            llmobs_entry_has_begun(entry.type))
            rc = add_id(&file->before, entry.id);
    sort_ids(&file->before);
    for (at = 0; !rc && llmobs_adopt_file_next(file, &at, &entry);)
        rc = add_entry(file, &entry);
    sort_ids(&file->released);
    sort_ids(&file->begun);
    sort_ids(&file->childs);
    sort_ids(&file->ended);
    if (file->delivered_to_count > 1)
        qsort(file->delivered_to, file->delivered_to_count,
              sizeof(*file->delivered_to), by_id);
    for (at = 0; !rc && llmobs_adopt_file_next(file, &at, &entry);)
        if (llmobs_adopt_file_is_due(file, &entry))
            file->due++;
        else
            file->left += llmobs_adopt_file_is_open(file, &entry);
    return rc;
}

bool llmobs_adopt_file_is_open(const struct llmobs_adopt_file *file,
                               const struct llmobs_entry *entry)
{
    bool begun = llmobs_entry_has_begun(entry->type);

    if (has_id(&file->released, entry->id))
        return false;
    if (entry->type == LLMOBS_ENTRY_START && has_id(&file->begun, entry->id))
        return false;
    if (begun && has_id(&file->childs, entry->id))
        return false;
    if (begun || entry->type == LLMOBS_ENTRY_CHILDS_END)
        return !has_id(&file->ended, entry->id);
    return entry->type == LLMOBS_ENTRY_END || entry->type == LLMOBS_ENTRY_EVENT;
}

bool llmobs_adopt_file_is_due(const struct llmobs_adopt_file *file,
                              const struct llmobs_entry *entry)
{
    unsigned bits;

    return (!file->living || llmobs_entry_has(entry, LLMOBS_ENTRY_FOR_RELAY) ||
            (llmobs_adopt_file_delivered_to(file, entry->id, &bits) &&
             bits & LLMOBS_LEFT)) &&
           llmobs_adopt_file_is_open(file, entry);
}

bool llmobs_adopt_file_has(const struct llmobs_adopt_file *file, uint64_t id)
{
    return has_id(&file->ended, id) || has_id(&file->released, id);
}

bool llmobs_adopt_file_delivered_to(const struct llmobs_adopt_file *file,
                                    uint64_t id, unsigned *bits)
{
    const struct llmobs_adopt_delivered *at, *end;

    *bits = 0;
    if (file->delivered_to_count == 0)
        return false;
    end = file->delivered_to + file->delivered_to_count;
    at = bsearch(&id, file->delivered_to, file->delivered_to_count, sizeof(*at),
                 by_id);
    if (!at)
        return false;
    while (at > file->delivered_to && at[-1].id == id)
        at--;
    for (; at < end && at->id == id; at++)
        *bits |= at->bits;
    return true;
}
