/* Reads one spool file of another process. */
#include "core/log/adopt_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "llmobs.h"
#include "lib/base/clock.h"
#include "lib/base/grow.h"
#include "lib/base/log.h"
#include "core/log/spool_file.h"

#define FACTS_MAX ((size_t)4 * 1024 * 1024)

/* Of a fact. The numbers are bits. */
enum {
    BEFORE = 1, /* it has an entry before the closing */
    BEGUN = 2,
    ENDED = 4, /* an END or EVENT */
    ENDED_BY_CHILD = 8,
    RELEASED = 16,
    NOTED = 32, /* a process has written which destinations have it */
    TRIED = 64, /* a reader has died of it */
    TWICE = 128
};

void llmobs_adopt_file_forget(struct llmobs_adopt_file *file)
{
    memset(file, 0, offsetof(struct llmobs_adopt_file, path));
}

void llmobs_adopt_file_free(struct llmobs_adopt_file *file)
{
    free(file->facts);
    llmobs_owner_free(file->owner);
    llmobs_buf_fini(&file->text);
    llmobs_adopt_file_forget(file);
}

/* -- facts ---------------------------------------------------------------- */

static int add_fact(struct llmobs_adopt_file *file, uint64_t id, unsigned what,
                    unsigned delivered_to)
{
    if (file->fact_count >= FACTS_MAX)
        return -E2BIG;
    if (llmobs_grow(&file->facts, &file->fact_cap, file->fact_count,
                    sizeof(*file->facts)))
        return -ENOMEM;
    file->facts[file->fact_count++] =
        (struct llmobs_adopt_fact){id, what, delivered_to};
    return 0;
}

/* By the first member. */
static int by_id(const void *a, const void *b)
{
    uint64_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

/* From here on the facts are found. */
static void settle(struct llmobs_adopt_file *file)
{
    struct llmobs_adopt_fact *facts = file->facts;
    size_t left = 0;

    if (file->fact_count > 1)
        qsort(facts, file->fact_count, sizeof(*facts), by_id);
    for (size_t i = 0; i < file->fact_count; i++)
        if (left > 0 && facts[left - 1].id == facts[i].id) {
            if (facts[left - 1].what & facts[i].what & TRIED)
                facts[left - 1].what |= TWICE;
            facts[left - 1].what |= facts[i].what;
            facts[left - 1].delivered_to |= facts[i].delivered_to;
        } else
            facts[left++] = facts[i];
    file->settled = file->fact_count = left;
}

static struct llmobs_adopt_fact facts_of(const struct llmobs_adopt_file *file,
                                         uint64_t id)
{
    const struct llmobs_adopt_fact *found =
        file->settled > 0 ? bsearch(&id, file->facts, file->settled,
                                    sizeof(*file->facts), by_id)
                          : NULL;

    return found ? *found : (struct llmobs_adopt_fact){id, 0, 0};
}

/* -- reading -------------------------------------------------------------- */

/* Reads up to `max` bytes from before the closing, and the key. A process that
 * was killed in its first write leaves less than a key: that counts as an empty
 * file. */
static int read_begin(struct llmobs_adopt_file *file, size_t max)
{
    int rc;

    file->closed_at = SIZE_MAX;
    if (!file->text.data)
        llmobs_buf_init(&file->text, LLMOBS_SPOOL_TEXT);
    llmobs_buf_cut(&file->text, 0);
    rc = llmobs_spool_file_read(file->path, 0, max, &file->text);
    if (rc)
        return rc;
    rc = llmobs_entry_file_read(llmobs_buf_text(&file->text), &file->key);
    if (rc)
        llmobs_buf_cut(&file->text, 0);
    return rc == -ENODATA ? 0 : rc;
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
    return facts_of(file, entry->id).what & BEFORE;
}

/* -- its owner ----------------------------------------------------------- */

int llmobs_adopt_file_find_owner(struct llmobs_adopt_file *file)
{
    int rc = read_begin(file, LLMOBS_ADOPT_OWNER_LOOK);
    struct llmobs_entry entry;
    size_t at = 0;

    llmobs_owner_free(file->owner);
    file->owner = NULL;
    while (!rc && !file->owner &&
           llmobs_entry_next(&file->key, llmobs_buf_text(&file->text), &at,
                             &entry))
        if (entry.type == LLMOBS_ENTRY_OWNER)
            rc = llmobs_owner_read(&entry, &file->owner);
    if (rc == -ENOTSUP)
        llmobs_log_once(LLMOBS_LOG_WARN, "spool format",
                        "%s is of another version of llmobs-preload, and stays "
                        "for it",
                        file->path);
    return rc ? rc : file->owner ? 0 : -ENODATA;
}

/* -- what is in a file ---------------------------------------------------- */

static int add_released(struct llmobs_adopt_file *file,
                        const struct llmobs_entry *entry)
{
    struct llmobs_text value;
    size_t at = 0;
    uint32_t tag;
    uint64_t id;
    int rc = 0;

    while (!rc && llmobs_entry_field(entry, &at, &tag, &value))
        for (; tag == LLMOBS_RELEASE_FIELD && !rc && value.len >= sizeof(id);
             value.data += sizeof(id), value.len -= sizeof(id)) {
            memcpy(&id, value.data, sizeof(id));
            rc = add_fact(file, id, RELEASED, 0);
        }
    return rc;
}

/* Adds what the entry says of its call, or of others. */
static int add_entry(struct llmobs_adopt_file *file,
                     const struct llmobs_entry *entry)
{
    bool begun = llmobs_entry_has_begun(entry->type);
    unsigned delivered_to = 0, what = 0;
    struct llmobs_text value;
    size_t at = 0;
    uint32_t tag;

    if ((begun || entry->type == LLMOBS_ENTRY_END) &&
        entry->offset < file->closed_at)
        what |= BEFORE;
    if (entry->done)
        what |= RELEASED;
    else if (entry->type == LLMOBS_ENTRY_RELEASE)
        return add_released(file, entry);
    else if (entry->type == LLMOBS_ENTRY_BEGIN)
        what |= BEGUN;
    else if (entry->type == LLMOBS_ENTRY_CHILDS_END)
        what |= ENDED_BY_CHILD;
    else if (entry->type == LLMOBS_ENTRY_END ||
             entry->type == LLMOBS_ENTRY_EVENT)
        what |= ENDED;
    else if (entry->type == LLMOBS_ENTRY_DELIVERED_TO &&
             llmobs_entry_field(entry, &at, &tag, &value) &&
             value.len == sizeof(delivered_to)) {
        memcpy(&delivered_to, value.data, sizeof(delivered_to));
        what |= NOTED;
    } else if (entry->type == LLMOBS_ENTRY_TRIED &&
               llmobs_entry_field(entry, &at, &tag, &value) &&
               llmobs_text_is(value, LLMOBS_VERSION))
        what |= TRIED;
    return what ? add_fact(file, entry->id, what, delivered_to) : 0;
}

/* True for an entry that is neither released nor replaced by a later one. */
static bool is_open(const struct llmobs_adopt_file *file,
                    const struct llmobs_entry *entry)
{
    unsigned over = RELEASED;

    switch (entry->type) {
    case LLMOBS_ENTRY_START:
        over |= BEGUN | ENDED_BY_CHILD | ENDED;
        break;
    case LLMOBS_ENTRY_BEGIN:
        over |= ENDED_BY_CHILD | ENDED;
        break;
    case LLMOBS_ENTRY_CHILDS_END:
        over |= ENDED;
        break;
    case LLMOBS_ENTRY_END:
    case LLMOBS_ENTRY_EVENT:
        break;
    default:
        return false;
    }
    return !(facts_of(file, entry->id).what & over);
}

/* The size is from before the file is read: later writes then show as another
 * size. The calls that have an entry before the closing are settled first, as
 * they tell which entries behind it count. */
int llmobs_adopt_file_survey(struct llmobs_adopt_file *file)
{
    struct llmobs_entry entry;
    bool closed, due, behind = false;
    size_t at = 0;
    struct stat st;
    int rc;

    file->settled = file->fact_count = file->due = file->left = 0;
    if (fstatat(AT_FDCWD, file->path, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return -errno;
    file->written_ns = llmobs_clock_ns(st.st_mtim);
    file->size = st.st_size;
    closed = st.st_size >= (off_t)LLMOBS_SPOOL_CLOSED;
    rc = read_begin(file, LLMOBS_SPOOL_TEXT);
    if (!rc && closed) {
        file->closed_at = file->text.len;
        rc = llmobs_spool_file_read(file->path, LLMOBS_SPOOL_CLOSED,
                                    LLMOBS_SPOOL_TEXT - file->text.len,
                                    &file->text);
    }
    while (!rc && llmobs_entry_next(&file->key, llmobs_buf_text(&file->text),
                                    &at, &entry)) {
        if (!behind && entry.offset >= file->closed_at) {
            settle(file);
            behind = true;
        }
        if (counts(file, &entry))
            rc = add_entry(file, &entry);
    }
    settle(file);
    for (at = 0; !rc && llmobs_adopt_file_next(file, &at, &entry, &due);)
        (*(due ? &file->due : &file->left))++;
    return rc;
}

bool llmobs_adopt_file_next(const struct llmobs_adopt_file *file, size_t *at,
                            struct llmobs_entry *entry, bool *due)
{
    while (llmobs_entry_next(&file->key, llmobs_buf_text(&file->text), at,
                             entry)) {
        if (!counts(file, entry) || !is_open(file, entry))
            continue;
        *due =
            (!file->living || llmobs_entry_has(entry, LLMOBS_ENTRY_FOR_RELAY) ||
             facts_of(file, entry->id).delivered_to & LLMOBS_LEFT) &&
            (file->all || !llmobs_adopt_file_is_aside(file, entry->id));
        if (entry->offset >= file->closed_at)
            entry->offset += LLMOBS_SPOOL_CLOSED - file->closed_at;
        return true;
    }
    return false;
}

bool llmobs_adopt_file_is_aside(const struct llmobs_adopt_file *file,
                                uint64_t id)
{
    return facts_of(file, id).what & (file->wary ? TRIED : TWICE);
}

bool llmobs_adopt_file_has(const struct llmobs_adopt_file *file, uint64_t id)
{
    return facts_of(file, id).what & (ENDED | RELEASED);
}

bool llmobs_adopt_file_delivered_to(const struct llmobs_adopt_file *file,
                                    uint64_t id, unsigned *bits)
{
    struct llmobs_adopt_fact fact = facts_of(file, id);

    *bits = fact.delivered_to;
    return fact.what & NOTED;
}
