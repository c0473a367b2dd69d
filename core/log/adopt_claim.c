#include "core/log/adopt_claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/crash_point.h"
#include "lib/base/hazard.h"
#include "lib/base/log.h"
#include "core/log/adopt.h"
#include "core/log/spool_file.h"

/* In the nonce of a directory that a relay has claimed after the process gave
 * it away: the process may be in a namespace where nobody can ask for it. */
#define WAS_GIVEN ((uint64_t)1 << 63)

/* In the nonce of each claimed directory. */
#define WAS_CLAIMED ((uint64_t)1 << 62)

/* -- the process of a directory ----------------------------------------- */

bool llmobs_adopt_is_claimed(const struct llmobs_record_owner *who)
{
    return LLMOBS_HAZARD(claimed_is_living, who->nonce & WAS_CLAIMED, false);
}

bool llmobs_adopt_is_given(const struct llmobs_adopt *adopt,
                           const struct llmobs_record_owner *who)
{
    return adopt->unset &&
           (who->start == LLMOBS_RECORD_GIVEN || who->nonce & WAS_GIVEN);
}

/* Makes a new name of this process for the directory of `who`. */
static void name_anew(struct llmobs_adopt *adopt,
                      const struct llmobs_record_owner *who,
                      llmobs_adopt_name name)
{
    struct llmobs_record_owner *me = &adopt->me;

    if (me->pid != getpid()) {
        me->pid = getpid();
        (void)llmobs_record_start(me->pid, &me->start);
    }
    me->nonce = (uint64_t)llmobs_clock_mono_ns() | WAS_CLAIMED;
    if (LLMOBS_HAZARD(forgotten_by_a_claim, llmobs_adopt_is_given(adopt, who),
                      false))
        me->nonce |= WAS_GIVEN;
    llmobs_record_name(me, name);
}

/* True for a directory that this process has claimed before, and could not read
 * or deliver: another rename would be news to a relay, without end. */
static bool adopt_claim_is_mine(const struct llmobs_adopt *adopt,
                                const struct llmobs_record_owner *who)
{
    return llmobs_adopt_is_claimed(who) && who->pid == getpid() &&
           who->pid == adopt->me.pid && who->start == adopt->me.start;
}

struct llmobs_adopt_claim *llmobs_adopt_free_claim(struct llmobs_adopt *adopt)
{
    for (size_t i = 0; i < LLMOBS_ADOPT_CLAIMS; i++)
        if (!adopt->claims[i].used)
            return &adopt->claims[i];
    return NULL;
}

void llmobs_adopt_drop_claim(struct llmobs_adopt_claim *claim)
{
    if (claim->used && claim->living && claim->fd >= 0)
        close(claim->fd);
    free(claim->files);
    memset(claim, 0, sizeof(*claim));
}

int llmobs_adopt_dir_path(const struct llmobs_adopt *adopt, const char *name,
                          char out[PATH_MAX])
{
    return snprintf(out, PATH_MAX, "%s/%s", adopt->base, name) < PATH_MAX
               ? 0
               : -ENAMETOOLONG;
}

int llmobs_adopt_claim_path(const struct llmobs_adopt *adopt,
                            const struct llmobs_adopt_claim *claim,
                            char out[PATH_MAX])
{
    if (LLMOBS_HAZARD(by_its_old_name, !claim->living || claim->fd < 0, true))
        return llmobs_adopt_dir_path(adopt, claim->name, out);
    snprintf(out, PATH_MAX, "/proc/self/fd/%d", claim->fd);
    return 0;
}

/* False where a file can be neither removed nor emptied after its calls are
 * delivered: each walk would deliver them again. */
static bool can_go(const struct llmobs_adopt *adopt,
                   const struct llmobs_adopt_found *found)
{
    char path[PATH_MAX];

    for (size_t i = 0; i < adopt->file_count; i++) {
        llmobs_spool_file_path(found->path, adopt->files[i], path);
        if (faccessat(AT_FDCWD, path, W_OK, 0) == 0 || errno == ENOENT)
            continue;
        llmobs_log_once(LLMOBS_LOG_ERROR, "spool files",
                        "calls stay in the spool, since %s cannot be changed: "
                        "%m",
                        path);
        return false;
    }
    return true;
}

int llmobs_adopt_claim_dir(struct llmobs_adopt *adopt,
                           const struct llmobs_adopt_found *found,
                           struct llmobs_adopt_claim *claim)
{
    size_t size = adopt->file_count * sizeof(*claim->files);

    if (LLMOBS_HAZARD(delivered_again, !can_go(adopt, found), false))
        return -EPERM;
    claim->files = malloc(size);
    if (!claim->files)
        return -ENOMEM;
    memcpy(claim->files, adopt->files, size);
    claim->file_count = adopt->file_count;
    if (adopt_claim_is_mine(adopt, &found->who) &&
        LLMOBS_HAZARD(names_it_anew, true, claim->used))
        llmobs_record_name(&found->who, claim->name);
    else
        name_anew(adopt, &found->who, claim->name);
    if (llmobs_adopt_dir_path(adopt, claim->name, adopt->dir) != 0)
        return -ENAMETOOLONG;
    llmobs_crash_point("claiming");
    if (strcmp(found->path, adopt->dir) != 0 &&
        rename(found->path, adopt->dir) != 0)
        return -errno;
    llmobs_crash_point("claimed");
    claim->used = true;
    return 0;
}

/* -- leaving a directory -------------------------------------------------- */

void llmobs_adopt_forget_dir(struct llmobs_adopt *adopt)
{
    memset(&adopt->released, 0, sizeof(adopt->released));
    memset(&adopt->begun, 0, sizeof(adopt->begun));
    memset(&adopt->ended, 0, sizeof(adopt->ended));
    adopt->delivered_to = NULL;
    adopt->delivered_to_count = adopt->delivered_to_cap = 0;
    adopt->owner = NULL;
    adopt->recalls = NULL;
    llmobs_buf_init(&adopt->text, LLMOBS_SPOOL_TEXT);
    adopt->have = 0;
    adopt->at_living = NULL;
    adopt->at = adopt->file = adopt->file_count = 0;
    adopt->kept = 0;
    adopt->here = NULL;
}

void llmobs_adopt_leave_dir(struct llmobs_adopt *adopt)
{
    free(adopt->released.list);
    free(adopt->begun.list);
    free(adopt->ended.list);
    free(adopt->delivered_to);
    llmobs_owner_free(adopt->owner);
    llmobs_recalls_free(adopt->recalls);
    llmobs_buf_fini(&adopt->text);
    llmobs_adopt_forget_dir(adopt);
}

void llmobs_adopt_give_up(struct llmobs_adopt *adopt,
                          const struct llmobs_adopt_claim *claim)
{
    size_t count = adopt->given_up_count;
    llmobs_adopt_name *list =
        realloc(adopt->given_up, (count + 1) * sizeof(*list));

    if (!list)
        return;
    adopt->given_up = list;
    adopt->given_up_count = count + 1;
    memcpy(list[count], claim->name, sizeof(*list));
}

bool llmobs_adopt_is_held(const struct llmobs_adopt *adopt, ino_t inode)
{
    for (size_t i = 0; i < LLMOBS_ADOPT_CLAIMS; i++)
        if (adopt->claims[i].used && adopt->claims[i].living &&
            adopt->claims[i].inode == inode)
            return true;
    return false;
}

bool llmobs_adopt_is_ours(const struct llmobs_adopt *adopt, const char *name)
{
    for (size_t i = 0; i < LLMOBS_ADOPT_CLAIMS; i++)
        if (LLMOBS_HAZARD(claimed_twice, adopt->claims[i].used, false) &&
            strcmp(adopt->claims[i].name, name) == 0)
            return true;
    for (size_t i = 0; i < adopt->given_up_count; i++)
        if (strcmp(adopt->given_up[i], name) == 0)
            return true;
    return false;
}

int llmobs_adopt_claim_target(const struct llmobs_adopt *adopt,
                              const struct llmobs_spooled *spooled,
                              char path[PATH_MAX], struct llmobs_entry_key *key,
                              struct llmobs_spool_target *out)
{
    const struct llmobs_adopt_claim *claim = &adopt->claims[spooled->claim];
    char dir[PATH_MAX];

    *out = (struct llmobs_spool_target){.path = path, .alone = !claim->living};
    if (llmobs_adopt_claim_path(adopt, claim, dir) != 0)
        return -ENAMETOOLONG;
    llmobs_spool_file_path(dir, spooled->file, path);
    out->key = key;
    return llmobs_spool_key(path, key);
}

void llmobs_adopt_note_delivered_to(const struct llmobs_adopt *adopt,
                                    const struct llmobs_spooled *spooled,
                                    unsigned delivered_to)
{
    struct llmobs_spool_target target;
    struct llmobs_entry_key key;
    char path[PATH_MAX];

    if (llmobs_adopt_claim_target(adopt, spooled, path, &key, &target) == 0)
        (void)llmobs_spool_write_delivered_to(&target, spooled->id,
                                              delivered_to);
}
