#include "core/log/take_back.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/crash_point.h"
#include "core/log/adopt_claim.h"
#include "core/log/adopt_held.h"
#include "core/log/adopt_read.h"
#include "core/log/spool_file.h"
#include "core/log/take_back_spool.h"
#include "core/log/spool.h"
#include "lib/base/hazard.h"

bool llmobs_take_back_is_due(const struct llmobs_adopt *adopt)
{
    return adopt->own && !adopt->taken && !adopt->here &&
           llmobs_spool_wants_back(adopt->own);
}

bool llmobs_take_back_reads(const struct llmobs_adopt *adopt)
{
    return adopt->taken && adopt->here == adopt->taken;
}

/* Notes the oldest files whose entries were all handed over before now. A newer
 * file may have the end of a call that an older file begins, so no file is
 * noted behind a file that stays. */
static int note_files(struct llmobs_adopt *adopt,
                      struct llmobs_adopt_claim *claim)
{
    llmobs_adopt_sort_by_age(adopt->files, adopt->file_count);
    claim->files = malloc((adopt->file_count + 1) * sizeof(*claim->files));
    if (!claim->files)
        return -ENOMEM;
    while (claim->file_count < adopt->file_count &&
           !llmobs_spool_uses(adopt->own, adopt->files[claim->file_count]))
        claim->file_count++;
    memcpy(claim->files, adopt->files,
           claim->file_count * sizeof(*claim->files));
    return 0;
}

/* A process keeps the name of its directory, so this claim needs no descriptor:
 * the delivery may take long, and the app may close any descriptor. */
static int take_back_hold(struct llmobs_adopt *adopt, const char *dir,
                          struct llmobs_adopt_claim *claim)
{
    struct stat st;

    if (fstatat(AT_FDCWD, dir, &st, AT_SYMLINK_NOFOLLOW))
        return -ENOENT;
    claim->fd =
        LLMOBS_HAZARD(own_directory_held, -1, open(dir, O_PATH | O_CLOEXEC));
    claim->inode = st.st_ino;
    claim->used = claim->living = true;
    strcpy(claim->name, strrchr(dir, '/') + 1);
    adopt->here = claim;
    return llmobs_adopt_claim_path(adopt, claim, adopt->dir);
}

static int open_own(struct llmobs_adopt *adopt,
                    struct llmobs_adopt_claim *claim)
{
    const char *dir = llmobs_spool_path(adopt->own);
    int rc = dir[0] ? llmobs_adopt_list_files(adopt, dir) : -ENOENT;

    if (!rc)
        rc = llmobs_adopt_find_owner(adopt, dir);
    if (!rc)
        rc = note_files(adopt, claim);
    if (!rc)
        rc = llmobs_adopt_list_files(adopt, dir);
    return rc ? rc : take_back_hold(adopt, dir, claim);
}

static int read_own(struct llmobs_adopt *adopt,
                    struct llmobs_adopt_claim *claim)
{
    int rc = open_own(adopt, claim);

    if (rc)
        return rc;
    memset(&adopt->own_progress, 0, sizeof(adopt->own_progress));
    adopt->at_living = &adopt->own_progress;
    llmobs_owner_config(adopt->owner, adopt->config, &adopt->names);
    return llmobs_adopt_survey(adopt);
}

int llmobs_take_back_begin(struct llmobs_adopt *adopt)
{
    struct llmobs_adopt_claim *claim = llmobs_adopt_free_claim(adopt);
    int rc = claim ? 0 : -EAGAIN;

    adopt->own_handed = llmobs_spool_handed(adopt->own);
    if (!rc)
        rc = llmobs_spool_mark(adopt->own);
    if (!rc)
        rc = read_own(adopt, claim);
    if (!rc) {
        llmobs_crash_point("taking back");
        adopt->taken = claim;
        return 0;
    }
    llmobs_spool_unmark(adopt->own, 0);
    if (claim)
        llmobs_adopt_drop_claim(claim);
    llmobs_adopt_leave_dir(adopt);
    return rc;
}

/* Nobody needs a file that the process does not use. */
static void take_back_remove_files(const struct llmobs_adopt *adopt,
                                   const struct llmobs_adopt_claim *claim)
{
    const char *dir = llmobs_spool_path(adopt->own);
    char path[PATH_MAX];

    for (size_t i = 0; dir[0] && i < claim->file_count; i++) {
        llmobs_spool_file_path(dir, claim->files[i], path);
        unlink(path);
    }
}

void llmobs_take_back_end(struct llmobs_adopt *adopt,
                          const struct llmobs_adopt_claim *claim)
{
    if (claim->kept == 0)
        take_back_remove_files(adopt, claim);
    llmobs_spool_unmark(adopt->own, claim->kept == 0 ? adopt->own_handed : 0);
    adopt->taken = NULL;
}
