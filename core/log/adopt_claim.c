#include "core/log/adopt_state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/crash_point.h"
#include "lib/base/log.h"

static bool is_same(const struct llmobs_spool_name *a,
                    const struct llmobs_spool_name *b)
{
    return a->file == b->file && llmobs_record_equal(&a->who, &b->who);
}

static void find_me(struct llmobs_adopt *adopt)
{
    struct llmobs_record_owner *me = &adopt->me;

    if (me->pid == getpid())
        return;
    me->pid = getpid();
    (void)llmobs_record_program(me->pid, &me->start, &me->nonce);
}

bool llmobs_adopt_is_mine(struct llmobs_adopt *adopt,
                          const struct llmobs_spool_name *name)
{
    find_me(adopt);
    return name->claimed && llmobs_record_equal(&name->by, &adopt->me);
}

struct llmobs_adopt_claim *llmobs_adopt_free_claim(struct llmobs_adopt *adopt)
{
    for (size_t i = 0; i < LLMOBS_ADOPT_CLAIMS; i++)
        if (!adopt->claims[i].used)
            return &adopt->claims[i];
    return NULL;
}

int llmobs_adopt_path(const struct llmobs_adopt *adopt,
                      const struct llmobs_spool_name *name, char out[PATH_MAX])
{
    char text[LLMOBS_SPOOL_NAME_MAX];

    llmobs_spool_name_write(name, text);
    return snprintf(out, PATH_MAX, "%s/%s", adopt->base, text) < PATH_MAX
               ? 0
               : -ENAMETOOLONG;
}

/* False where the file can be neither removed nor emptied after its calls are
 * delivered: each walk would deliver them again. */
static bool can_go(const char *path)
{
    if (faccessat(AT_FDCWD, path, W_OK, 0) == 0 || errno == ENOENT)
        return true;
    llmobs_log_once(LLMOBS_LOG_ERROR, "spool files",
                    "calls stay in the spool, since %s cannot be changed: %m",
                    path);
    return false;
}

/* A file that this process has claimed before, and could not deliver, keeps its
 * name. */
static int rename_file(struct llmobs_adopt *adopt,
                       const struct llmobs_adopt_found *found,
                       struct llmobs_spool_name *name)
{
    find_me(adopt);
    name->claimed = true;
    name->by_relay = adopt->unset != NULL;
    name->by = adopt->me;
    name->by_pidns = llmobs_owner_origin(adopt->self)->pidns;
    if (llmobs_adopt_path(adopt, name, adopt->path) != 0)
        return -ENAMETOOLONG;
    llmobs_crash_point("claiming");
    if (rename(found->path, adopt->path) != 0)
        return -errno;
    llmobs_crash_point("claimed");
    return 0;
}

int llmobs_adopt_claim_file(struct llmobs_adopt *adopt,
                            const struct llmobs_adopt_found *found,
                            bool is_living, struct llmobs_adopt_claim *claim)
{
    int rc;

    if (!can_go(found->path))
        return -EPERM;
    claim->name = found->name;
    rc = rename_file(adopt, found, &claim->name);
    if (rc)
        return rc;
    adopt->have = false;
    claim->used = true;
    claim->living = is_living;
    claim->own = found->own;
    claim->away = found->gone;
    return is_living && !found->held ? llmobs_spool_file_close(adopt->path) : 0;
}

/* -- leaving a file ------------------------------------------------------- */

void llmobs_adopt_forget_file(struct llmobs_adopt *adopt)
{
    memset(&adopt->released, 0, sizeof(adopt->released));
    memset(&adopt->begun, 0, sizeof(adopt->begun));
    memset(&adopt->ended, 0, sizeof(adopt->ended));
    memset(&adopt->before, 0, sizeof(adopt->before));
    memset(&adopt->childs, 0, sizeof(adopt->childs));
    adopt->delivered_to = NULL;
    adopt->delivered_to_count = adopt->delivered_to_cap = 0;
    adopt->owner = NULL;
    adopt->recalls = NULL;
    llmobs_buf_init(&adopt->text, LLMOBS_SPOOL_TEXT);
    adopt->have = adopt->at_living = false;
    adopt->at = 0;
    adopt->kept = 0;
    adopt->here = NULL;
}

void llmobs_adopt_leave_file(struct llmobs_adopt *adopt)
{
    free(adopt->released.list);
    free(adopt->begun.list);
    free(adopt->ended.list);
    free(adopt->before.list);
    free(adopt->childs.list);
    free(adopt->delivered_to);
    llmobs_owner_free(adopt->owner);
    llmobs_recalls_free(adopt->recalls);
    llmobs_buf_fini(&adopt->text);
    llmobs_adopt_forget_file(adopt);
}

void llmobs_adopt_give_up(struct llmobs_adopt *adopt,
                          const struct llmobs_adopt_claim *claim)
{
    size_t count = adopt->given_up_count;
    struct llmobs_spool_name *list =
        realloc(adopt->given_up, (count + 1) * sizeof(*list));

    if (!list)
        return;
    adopt->given_up = list;
    adopt->given_up_count = count + 1;
    list[count] = claim->name;
}

bool llmobs_adopt_is_ours(const struct llmobs_adopt *adopt,
                          const struct llmobs_spool_name *name)
{
    for (size_t i = 0; i < LLMOBS_ADOPT_CLAIMS; i++)
        if (adopt->claims[i].used && is_same(&adopt->claims[i].name, name))
            return true;
    for (size_t i = 0; i < adopt->given_up_count; i++)
        if (is_same(&adopt->given_up[i], name))
            return true;
    return false;
}

int llmobs_adopt_claim_target(const struct llmobs_adopt *adopt,
                              const struct llmobs_spooled *spooled,
                              char path[PATH_MAX], struct llmobs_entry_key *key)
{
    int rc =
        llmobs_adopt_path(adopt, &adopt->claims[spooled->claim].name, path);

    return rc ? rc : llmobs_spool_file_key(path, key);
}

void llmobs_adopt_note_delivered_to(const struct llmobs_adopt *adopt,
                                    const struct llmobs_spooled *spooled,
                                    unsigned delivered_to)
{
    struct llmobs_entry_key key;
    struct llmobs_spool_addition note = {
        &key,
        LLMOBS_ENTRY_DELIVERED_TO,
        spooled->id,
        {(const char *)&delivered_to, sizeof(delivered_to)},
        0};
    char path[PATH_MAX];

    if (llmobs_adopt_claim_target(adopt, spooled, path, &key) == 0)
        (void)llmobs_spool_file_add(path, &note);
}

/* -- files of living processes -------------------------------------------- */

/* After this time a file without news is looked at in full: its process may be
 * dead. */
#define RESTS_MS 900

static struct llmobs_adopt_seen *find_seen(const struct llmobs_adopt *adopt,
                                           const struct llmobs_spool_name *name)
{
    for (size_t i = 0; i < adopt->seen_count; i++)
        if (is_same(&adopt->seen[i].name, name))
            return &adopt->seen[i];
    return NULL;
}

bool llmobs_adopt_is_seen(struct llmobs_adopt *adopt,
                          const struct llmobs_spool_name *name, off_t size)
{
    struct llmobs_adopt_seen *seen = find_seen(adopt, name);

    if (!seen)
        return false;
    seen->met = true;
    return seen->size == size &&
           llmobs_clock_mono_ns() - seen->looked_ns <
               RESTS_MS * LLMOBS_NS_PER_MS &&
           (kill(name->who.pid, 0) == 0 || errno != ESRCH || seen->away);
}

void llmobs_adopt_note_seen(struct llmobs_adopt *adopt,
                            const struct llmobs_spool_name *name, bool away,
                            off_t size)
{
    struct llmobs_adopt_seen *seen = find_seen(adopt, name), *list;

    if (!seen) {
        list = realloc(adopt->seen, (adopt->seen_count + 1) * sizeof(*list));
        if (!list)
            return;
        adopt->seen = list;
        seen = &list[adopt->seen_count++];
    }
    *seen = (struct llmobs_adopt_seen){.name = *name,
                                       .size = size,
                                       .looked_ns = llmobs_clock_mono_ns(),
                                       .away = away,
                                       .met = true};
}

void llmobs_adopt_forget_unmet(struct llmobs_adopt *adopt)
{
    size_t left = 0;

    for (size_t i = 0; i < adopt->seen_count; i++) {
        if (!adopt->seen[i].met)
            continue;
        adopt->seen[left] = adopt->seen[i];
        adopt->seen[left++].met = false;
    }
    adopt->seen_count = left;
}
