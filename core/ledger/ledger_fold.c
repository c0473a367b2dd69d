/* ledger_fold - the records of others: who is dead, and what all say together.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/dirs.h"
#include "core/base/fd.h"
#include "core/ledger/ledger.h"
#include "core/ledger/ledger_dir.h"

/* How long a reader, who is in no hurry, waits for the lock. */
#define READ_LOCK_MS 2000
#define FOLD_LOCK_MS 20

/* What is asked once for a walk over the records. */
struct survey {
    int dir;
    DIR *list;
    uint64_t boot, pidns;
};

int llmobs_ledger_dir(const struct llmobs_config *config, char *out, size_t cap)
{
    const char *const leaf = "/stats";
    int rc = llmobs_config_base_dir(config, out, cap);

    if (rc)
        return rc;
    if (strlen(out) + strlen(leaf) >= cap)
        return -ENAMETOOLONG;
    memcpy(out + strlen(out), leaf, strlen(leaf) + 1);
    return 0;
}

/* -- walking ------------------------------------------------------------- */

static int survey_open(struct survey *survey, const char *dir)
{
    int rc = llmobs_dirs_open(dir, true, true, &survey->dir);

    if (rc)
        return rc;
    survey->list = llmobs_fd_list(survey->dir);
    if (!survey->list)
        return -errno;
    llmobs_record_place(&survey->boot, &survey->pidns);
    return 0;
}

static void survey_close(struct survey *survey)
{
    closedir(survey->list);
}

/* The next record's name, borrowed until the next call; NULL at the end. */
static const char *survey_next(struct survey *survey,
                               struct llmobs_record_owner *owner)
{
    struct dirent *entry;

    while ((entry = readdir(survey->list)) != NULL)
        if (llmobs_record_parse(entry->d_name, owner))
            return entry->d_name;
    return NULL;
}

/* An exec keeps pid and start: the record with a later nonce lives. */
static bool is_replaced(const struct survey *survey,
                        const struct llmobs_record_owner *owner)
{
    struct llmobs_record_owner other;
    struct survey again = {.list = NULL};
    bool found = false;

    if (llmobs_dirs_reopen(survey->dir, &again.dir) != 0)
        return false;
    again.list = llmobs_fd_list(again.dir);
    if (!again.list)
        return false;
    while (!found && survey_next(&again, &other) != NULL)
        found = other.pid == owner->pid && other.start == owner->start &&
                other.nonce > owner->nonce;
    survey_close(&again);
    return found;
}

/* A pid means nothing in another namespace, and what is not known is taken for
 * living: to add a living process's record would count it twice. */
static bool is_dead(const struct survey *survey,
                    const struct llmobs_record_owner *owner,
                    const struct llmobs_page *page)
{
    uint64_t start;

    if (page->boot && survey->boot && page->boot != survey->boot)
        return true;
    if (!page->pidns || page->pidns != survey->pidns)
        return false;
    if (llmobs_record_start(owner->pid, &start) == -ESRCH)
        return true;
    if (start && owner->start && start != owner->start)
        return true;
    return is_replaced(survey, owner);
}

/* What was pending is in the spool, or it died with the process. */
static int bury_pending(const struct llmobs_counts *record,
                        struct llmobs_counts *out)
{
    uint64_t pending = llmobs_counts_get(record, LLMOBS_LEDGER_PENDING);
    uint64_t kept = llmobs_counts_get(record, "kept");
    uint64_t gone = llmobs_counts_get(record, "released") +
                    llmobs_counts_get(record, "left");
    uint64_t left = kept > gone ? kept - gone : 0;
    int rc;

    if (left > pending)
        left = pending;
    rc = llmobs_counts_add(out, "left", left);
    return rc ? rc : llmobs_counts_add(out, "dropped_died", pending - left);
}

/* What a record is worth when its process is gone. */
static int bury(const struct llmobs_counts *record, struct llmobs_counts *out)
{
    int rc = 0;

    out->len = 0;
    for (size_t i = 0; i < record->len && !rc; i++)
        if (strcmp(record->list[i].name, LLMOBS_LEDGER_PENDING) != 0)
            rc = llmobs_counts_add(out, record->list[i].name,
                                   record->list[i].value);
    return rc ? rc : bury_pending(record, out);
}

/* -- folding ------------------------------------------------------------- */

/* Under the lock the record is read again: another may have added it. */
static int fold_locked(int dir, const char *name, struct llmobs_totals *totals)
{
    struct llmobs_page page;
    struct llmobs_counts counts;
    int rc;

    if (strcmp(totals->page.last, name) == 0)
        return unlinkat(dir, name, 0) ? -errno : 0;
    rc = llmobs_record_read(dir, name, true, &page);
    if (!rc)
        rc = bury(&page.counts, &counts);
    return rc ? rc : llmobs_totals_add(totals, dir, name, &counts);
}

static int fold_one(int dir, const char *name)
{
    struct llmobs_totals totals;
    int rc = llmobs_totals_open(&totals, dir, FOLD_LOCK_MS);

    if (rc)
        return rc;
    rc = fold_locked(dir, name, &totals);
    llmobs_totals_close(&totals);
    return rc == -ENOENT ? 0 : rc;
}

/* Root would leave files behind that their owner could not write. */
static int is_own(int dir)
{
    struct stat st;

    if (fstat(dir, &st))
        return -errno;
    return st.st_uid == geteuid() ? 0 : -EPERM;
}

int llmobs_ledger_fold(const char *dir, size_t max)
{
    struct llmobs_record_owner owner;
    struct llmobs_page page;
    struct survey survey;
    const char *name;
    int rc = survey_open(&survey, dir);

    if (rc)
        return rc;
    rc = is_own(survey.dir);
    while (!rc && max > 0 && (name = survey_next(&survey, &owner)) != NULL) {
        if (llmobs_record_read(survey.dir, name, true, &page) != 0 ||
            !is_dead(&survey, &owner, &page))
            continue;
        max--;
        rc = fold_one(survey.dir, name);
    }
    survey_close(&survey);
    return rc;
}

/* -- reading ------------------------------------------------------------- */

static void read_one(const struct survey *survey, const char *name,
                     const struct llmobs_record_owner *owner,
                     struct llmobs_ledger *out)
{
    struct llmobs_page page;
    struct llmobs_counts counts;
    int rc = llmobs_record_read(survey->dir, name, false, &page);

    if (rc == 0 && is_dead(survey, owner, &page)) {
        rc = bury(&page.counts, &counts);
        if (rc == 0)
            rc = llmobs_counts_merge(&out->ended, &counts);
    } else if (rc == 0) {
        rc = llmobs_counts_merge(&out->living, &page.counts);
        out->records++;
    }
    /* An empty one was made this moment. */
    if (rc != 0 && rc != -ENOENT && rc != -ENODATA)
        out->unreadable++;
}

/* -EAGAIN when the totals were made while we looked at records that may be in
 * them now. */
static int read_all(struct survey *survey, struct llmobs_ledger *out)
{
    struct llmobs_record_owner owner;
    struct llmobs_totals totals;
    const char *name;
    int rc = llmobs_totals_peek(&totals, survey->dir, READ_LOCK_MS);

    memset(out, 0, sizeof(*out));
    out->unreadable += rc != 0 && rc != -ENOENT;
    out->ended = totals.page.counts;
    rewinddir(survey->list);
    while ((name = survey_next(survey, &owner)) != NULL)
        if (strcmp(name, totals.page.last) != 0)
            read_one(survey, name, &owner, out);
    llmobs_totals_close(&totals);
    if (rc != -ENOENT)
        return 0;
    return faccessat(survey->dir, LLMOBS_LEDGER_TOTALS, F_OK, 0) ? 0 : -EAGAIN;
}

int llmobs_ledger_read(const char *dir, struct llmobs_ledger *out)
{
    struct survey survey;
    int rc = survey_open(&survey, dir);

    memset(out, 0, sizeof(*out));
    if (rc)
        return rc;
    for (int i = 0; i < 3; i++)
        if (read_all(&survey, out) != -EAGAIN)
            break;
    survey_close(&survey);
    return 0;
}
