#include "core/spool/adopt_inner.h"

#include <errno.h>
#include <string.h>

#include "core/spool/exchange_entry.h"
#include "core/spool/spool_file.h"

static void count_entry(const struct llmobs_entry *entry, uint64_t *count,
                        struct llmobs_adopt_left *out)
{
    int64_t start = llmobs_exchange_entry_start(entry);

    (*count)++;
    if (start > 0 && (out->oldest_ns == 0 || start < out->oldest_ns))
        out->oldest_ns = start;
}

static int count_files(struct llmobs_adopt *adopt, bool dead,
                       struct llmobs_adopt_left *out)
{
    uint64_t *count = !dead                           ? &out->living
                      : llmobs_adopt_is_for_us(adopt) ? &out->ours
                                                      : &out->others;
    struct llmobs_entry entry;
    int rc = llmobs_adopt_survey(adopt);

    for (size_t i = 0; i < adopt->file_count && !rc; i++) {
        size_t at = 0;

        rc = llmobs_adopt_read(adopt, adopt->dir, adopt->files[i],
                               LLMOBS_SPOOL_TEXT);
        while (!rc && llmobs_adopt_entry(adopt, &at, &entry))
            if (llmobs_adopt_is_due(adopt, &entry) &&
                (dead || !llmobs_entry_has_begun(entry.type)))
                count_entry(&entry, count, out);
        rc = rc == -ENOMEM ? rc : 0;
    }
    out->unreadable += adopt->kept;
    return rc;
}

static int count_dir(struct llmobs_adopt *adopt, const char *name, void *ctx)
{
    struct llmobs_adopt_left *out = ctx;
    struct llmobs_record_owner who;
    int64_t changed_s;
    bool dead;
    int rc = 0;

    if (!llmobs_adopt_look_at(adopt, name, &who, adopt->dir, &changed_s) ||
        adopt->file_count == 0)
        return 0;
    if (llmobs_adopt_find_owner(adopt, adopt->dir)) {
        out->unreadable++;
    } else {
        dead = llmobs_adopt_is_dead(adopt, &who, changed_s);
        out->dirs += dead && llmobs_adopt_is_for_us(adopt);
        rc = count_files(adopt, dead, out);
    }
    llmobs_adopt_leave(adopt);
    return rc;
}

int llmobs_adopt_count(struct llmobs_adopt *adopt,
                       struct llmobs_adopt_left *out)
{
    memset(out, 0, sizeof(*out));
    return adopt->open ? -EBUSY : llmobs_adopt_walk(adopt, count_dir, out);
}
