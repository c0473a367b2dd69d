#include "core/log/adopt_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/grow.h"
#include "lib/base/log.h"
#include "core/log/event_item.h"

/* An ending process reads a file only up to so many bytes. */
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

/* Reads the key. A process that was killed in its first write leaves less than
 * a key: that counts as an empty file. */
static int adopt_read_key(struct llmobs_adopt *adopt)
{
    int rc = llmobs_entry_file_read(llmobs_buf_text(&adopt->text), &adopt->key);

    if (rc)
        llmobs_buf_cut(&adopt->text, 0);
    return rc == -ENODATA ? 0 : rc;
}

/* Reads up to `max` bytes from before the closing. */
static int read_begin(struct llmobs_adopt *adopt, size_t max)
{
    int rc;

    adopt->have = false;
    adopt->closed_at = SIZE_MAX;
    llmobs_buf_cut(&adopt->text, 0);
    rc = llmobs_spool_file_read(adopt->path, 0, max, &adopt->text);
    return rc ? rc : adopt_read_key(adopt);
}

/* The size is asked for before the file is read: what comes later makes it
 * another one. */
static int read_all(struct llmobs_adopt *adopt)
{
    bool closed = adopt->size >= (off_t)LLMOBS_SPOOL_CLOSED;
    int rc = read_begin(adopt, LLMOBS_SPOOL_TEXT);

    if (!rc && closed) {
        adopt->closed_at = adopt->text.len;
        rc = llmobs_spool_file_read(adopt->path, LLMOBS_SPOOL_CLOSED,
                                    LLMOBS_SPOOL_TEXT, &adopt->text);
    }
    adopt->have = rc == 0;
    return rc;
}

static int have_all(struct llmobs_adopt *adopt)
{
    return adopt->have ? 0 : read_all(adopt);
}

static uint64_t place_of(const struct llmobs_adopt *adopt, size_t offset)
{
    return offset < adopt->closed_at
               ? offset
               : LLMOBS_SPOOL_CLOSED + (offset - adopt->closed_at);
}

/* True for an entry that counts where it is. A call that begins behind the
 * closing was written again, to another file. */
static bool counts(const struct llmobs_adopt *adopt,
                   const struct llmobs_entry *entry)
{
    if (entry->offset < adopt->closed_at)
        return true;
    if (entry->type == LLMOBS_ENTRY_EVENT)
        return llmobs_entry_has(entry, LLMOBS_ENTRY_BESIDE);
    if (entry->type != LLMOBS_ENTRY_END && !llmobs_entry_has_begun(entry->type))
        return true;
    return adopt_read_has_id(&adopt->before, entry->id);
}

bool llmobs_adopt_next_entry(const struct llmobs_adopt *adopt, size_t *at,
                             struct llmobs_entry *entry)
{
    while (llmobs_entry_next(&adopt->key, llmobs_buf_text(&adopt->text), at,
                             entry))
        if (counts(adopt, entry))
            return true;
    return false;
}

/* -- its owner ----------------------------------------------------------- */

static int owner_within(struct llmobs_adopt *adopt, size_t max)
{
    int rc = read_begin(adopt, max);
    struct llmobs_entry entry;
    size_t at = 0;

    while (!rc && !adopt->owner && llmobs_adopt_next_entry(adopt, &at, &entry))
        if (entry.type == LLMOBS_ENTRY_OWNER)
            rc = llmobs_owner_read(&entry, &adopt->owner);
    return rc ? rc : adopt->owner ? 0 : -ENODATA;
}

/* A file mostly begins with its owner. A small file is read whole, so that it
 * need not be read again. */
int llmobs_adopt_find_owner(struct llmobs_adopt *adopt)
{
    bool is_long = adopt->size >= (off_t)LLMOBS_ADOPT_OWNER_LOOK;
    int rc;

    if (!adopt->self)
        adopt->self = llmobs_owner_new(adopt->config);
    if (!adopt->self)
        return -ENOMEM;
    llmobs_owner_free(adopt->owner);
    adopt->owner = NULL;
    rc = is_long ? owner_within(adopt, OWNER_BYTES) : -ENODATA;
    if (rc == -ENODATA)
        rc = owner_within(adopt, LLMOBS_ADOPT_OWNER_LOOK);
    adopt->have = !rc && !is_long;
    if (rc == -ENOTSUP)
        llmobs_log_once(LLMOBS_LOG_WARN, "spool format",
                        "%s is of another version of llmobs-preload, and stays "
                        "for it",
                        adopt->path);
    return rc;
}

/* -- what is in a file ---------------------------------------------------- */

static int note_ids(struct llmobs_adopt_ids *ids,
                    const struct llmobs_entry *entry)
{
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
    if (entry->type == LLMOBS_ENTRY_CHILDS_END)
        return adopt_read_add_id(&adopt->childs, entry->id);
    if (entry->type == LLMOBS_ENTRY_END || entry->type == LLMOBS_ENTRY_EVENT)
        return adopt_read_add_id(&adopt->ended, entry->id);
    return 0;
}

/* Reading cannot be cut short. So if the app waits for it, a file is begun only
 * if it is read in no time. */
static bool is_too_much(struct llmobs_adopt *adopt, size_t bytes)
{
    return atomic_load(&adopt->until_ns) != INT64_MAX &&
           (bytes > ENDING_BYTES || llmobs_adopt_is_late(adopt));
}

/* Notes when the file was last written, and its size; gives its bytes. */
static size_t note_file(struct llmobs_adopt *adopt)
{
    struct stat st;

    if (fstatat(AT_FDCWD, adopt->path, &st, AT_SYMLINK_NOFOLLOW))
        return 0;
    adopt->died_ns = llmobs_clock_ns(st.st_mtim);
    if (st.st_size != adopt->size)
        adopt->have = false;
    adopt->size = st.st_size;
    return st.st_size < (off_t)LLMOBS_SPOOL_CLOSED ? (size_t)st.st_size
                                                   : (size_t)st.st_blocks * 512;
}

/* Notes the ids of calls that have an entry before the closing. */
static int note_before(struct llmobs_adopt *adopt)
{
    struct llmobs_entry entry;
    size_t at = 0;
    int rc = 0;

    while (!rc && adopt->closed_at != SIZE_MAX &&
           llmobs_adopt_next_entry(adopt, &at, &entry) &&
           entry.offset < adopt->closed_at)
        if (entry.type == LLMOBS_ENTRY_END ||
            llmobs_entry_has_begun(entry.type))
            rc = adopt_read_add_id(&adopt->before, entry.id);
    sort_ids(&adopt->before);
    return rc;
}

static void sort_all(struct llmobs_adopt *adopt)
{
    sort_ids(&adopt->released);
    sort_ids(&adopt->begun);
    sort_ids(&adopt->childs);
    sort_ids(&adopt->ended);
    if (adopt->delivered_to_count > 1)
        qsort(adopt->delivered_to, adopt->delivered_to_count,
              sizeof(*adopt->delivered_to), adopt_read_by_number);
}

static void forget_survey(struct llmobs_adopt *adopt)
{
    adopt->released.count = adopt->begun.count = adopt->ended.count = 0;
    adopt->before.count = adopt->childs.count = 0;
    adopt->delivered_to_count = 0;
    adopt->due = adopt->left = 0;
    adopt->at = 0;
}

bool llmobs_adopt_is_open(const struct llmobs_adopt *adopt,
                          const struct llmobs_entry *entry)
{
    if (adopt_read_has_id(&adopt->released, entry->id))
        return false;
    if (entry->type == LLMOBS_ENTRY_START &&
        adopt_read_has_id(&adopt->begun, entry->id))
        return false;
    if (llmobs_entry_has_begun(entry->type) &&
        adopt_read_has_id(&adopt->childs, entry->id))
        return false;
    if (llmobs_entry_has_begun(entry->type) ||
        entry->type == LLMOBS_ENTRY_CHILDS_END)
        return !adopt_read_has_id(&adopt->ended, entry->id);
    return entry->type == LLMOBS_ENTRY_CHILDS_END ||
           entry->type == LLMOBS_ENTRY_END || entry->type == LLMOBS_ENTRY_EVENT;
}

/* True for an entry that this process has to deliver. A living process itself
 * delivers what it has not handed over. */
static bool adopt_read_is_due(const struct llmobs_adopt *adopt,
                              const struct llmobs_entry *entry)
{
    if (adopt->at_living && !llmobs_entry_has(entry, LLMOBS_ENTRY_FOR_RELAY))
        return false;
    return llmobs_adopt_is_open(adopt, entry);
}

static void count_open(struct llmobs_adopt *adopt)
{
    struct llmobs_entry entry;
    size_t at = 0;

    while (llmobs_adopt_next_entry(adopt, &at, &entry)) {
        if (!llmobs_adopt_is_open(adopt, &entry))
            continue;
        if (adopt_read_is_due(adopt, &entry))
            adopt->due++;
        else
            adopt->left++;
    }
}

int llmobs_adopt_survey(struct llmobs_adopt *adopt)
{
    struct llmobs_entry entry;
    size_t at = 0;
    int rc;

    forget_survey(adopt);
    if (is_too_much(adopt, note_file(adopt)))
        return -ETIME;
    rc = have_all(adopt);
    if (!rc)
        rc = note_before(adopt);
    while (!rc && llmobs_adopt_next_entry(adopt, &at, &entry))
        rc = adopt_read_note_entry(adopt, &entry);
    sort_all(adopt);
    if (!rc)
        count_open(adopt);
    return rc;
}

/* -- entries ------------------------------------------------------------ */

bool llmobs_adopt_has(const struct llmobs_adopt *adopt, uint64_t id)
{
    return adopt_read_has_id(&adopt->ended, id) ||
           adopt_read_has_id(&adopt->released, id);
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
    out->spooled.file = adopt->here->name.file;
    out->spooled.claim = (uint32_t)(adopt->here - adopt->claims);
    out->spooled.offset = place_of(adopt, entry->offset);
    /* In a process with other destinations the bits mean other destinations. */
    counted = delivered_to_of(adopt, entry->id, &out->delivered_to);
    if (adopt->whose == LLMOBS_ADOPT_ANY)
        out->delivered_to &= LLMOBS_INFERRED;
    if (entry->type == LLMOBS_ENTRY_EVENT)
        return llmobs_event_read(entry, &out->kind, &out->event);
    out->killed = llmobs_entry_has_begun(entry->type);
    out->uncounted =
        (out->killed || entry->type == LLMOBS_ENTRY_CHILDS_END) && !counted;
    return llmobs_exchange_read(entry, &adopt->recalls, &out->exchange);
}

/* 1: `out` has the entry; 0: the entry is not to be delivered; -ENOMEM: the
 * next call reads it again. */
static int adopt_read_give(struct llmobs_adopt *adopt,
                           const struct llmobs_entry *entry,
                           struct llmobs_adopted *out)
{
    int rc;

    if (!adopt_read_is_due(adopt, entry))
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
    int rc = have_all(adopt);

    if (rc)
        return rc == -ENOMEM ? rc : 0;
    while (llmobs_adopt_next_entry(adopt, &adopt->at, &entry)) {
        rc = adopt_read_give(adopt, &entry, out);
        if (rc)
            return rc;
    }
    return 0;
}
