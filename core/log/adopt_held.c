#include "core/log/adopt_held.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/crash_point.h"
#include "lib/base/fd.h"
#include "core/log/adopt_claim.h"
#include "core/log/adopt_read.h"
#include "core/log/spool_file.h"
#include "lib/base/hazard.h"

/* After this time a system call that found a file by its old name has ended,
 * and a thread that has the file open has most likely written. */
#define SEALED_S 2
#define SEALED_LONG_S 60
/* The time between two looks for files to seal. */
#define TIDY_MS 1000
/* After this time a directory without news is looked at in full: its process
 * may be dead, and some file may have to be removed. */
#define RESTS_MS 900

/* -- directories of living processes ------------------------------------- */

static struct llmobs_adopt_progress *adopt_held_known(
    const struct llmobs_adopt *adopt, const char *name)
{
    for (size_t i = 0; i < adopt->progress_count; i++)
        if (strcmp(adopt->progress[i].name, name) == 0)
            return &adopt->progress[i];
    return NULL;
}

static struct llmobs_adopt_progress *progress_of(struct llmobs_adopt *adopt,
                                                 const char *name)
{
    struct llmobs_adopt_progress *progress = adopt_held_known(adopt, name);
    size_t count = adopt->progress_count;
    struct llmobs_adopt_progress *list;

    if (progress)
        return progress;
    list = realloc(adopt->progress, (count + 1) * sizeof(*list));
    if (!list)
        return NULL;
    adopt->progress = list;
    adopt->progress_count = count + 1;
    memset(&list[count], 0, sizeof(*list));
    memcpy(list[count].name, name, strlen(name) + 1);
    list[count].seen = true;
    list[count].tidied_ns = llmobs_clock_mono_ns();
    return &list[count];
}

void llmobs_adopt_forget_unmet(struct llmobs_adopt *adopt)
{
    size_t left = 0;

    for (size_t i = 0; i < adopt->progress_count; i++) {
        if (!adopt->progress[i].seen)
            continue;
        adopt->progress[left] = adopt->progress[i];
        adopt->progress[left++].seen = false;
    }
    adopt->progress_count = left;
}

void llmobs_adopt_advance(struct llmobs_adopt *adopt,
                          const struct llmobs_adopt_claim *claim)
{
    struct llmobs_adopt_progress *progress =
        adopt_held_known(adopt, claim->name);

    if (!progress || !claim->newest)
        return;
    progress->file = claim->newest;
    progress->from = claim->read_to;
    progress->size = claim->size;
}

static __attribute__((noinline)) bool is_as_before(
    const struct llmobs_adopt *adopt,
    const struct llmobs_adopt_progress *progress)
{
    char dir[PATH_MAX], path[PATH_MAX];
    struct stat st;

    if (llmobs_adopt_dir_path(adopt, progress->name, dir) != 0 ||
        fstatat(AT_FDCWD, dir, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        llmobs_clock_ns(st.st_mtim) != progress->modified_ns)
        return false;
    llmobs_spool_file_path(dir, progress->file, path);
    return fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           (size_t)st.st_size == progress->size;
}

/* True for a process that has ended. In another pid namespace none can be
 * asked. */
static bool has_gone(const struct llmobs_adopt_progress *progress)
{
    struct llmobs_record_owner who;

    return progress->here && llmobs_record_parse(progress->name, &who) &&
           kill(who.pid, 0) != 0 && errno == ESRCH;
}

bool llmobs_adopt_meet(struct llmobs_adopt *adopt, const char *name)
{
    struct llmobs_adopt_progress *progress = adopt_held_known(adopt, name);

    if (!progress)
        return false;
    progress->seen = true;
    return progress->rests_ns &&
           LLMOBS_HAZARD(looked_at_always,
                         llmobs_clock_mono_ns() - progress->rests_ns <
                             LLMOBS_HAZARD(rests_for_ever,
                                           RESTS_MS * LLMOBS_NS_PER_MS,
                                           INT64_MAX),
                         false) &&
           !has_gone(progress) && is_as_before(adopt, progress);
}

static void note_rest(struct llmobs_adopt_progress *progress,
                      const struct llmobs_adopt_found *found)
{
    progress->here = !found->gone;
    progress->modified_ns = found->modified_ns;
    progress->rests_ns = found->modified_ns ? llmobs_clock_mono_ns() : 0;
}

static size_t newest_of(const struct llmobs_adopt *adopt)
{
    size_t i = adopt->file_count;

    while (i > 0 && adopt->files[i - 1] >= LLMOBS_ADOPT_SEALED)
        i--;
    return i > 0 ? i - 1 : 0;
}

static __attribute__((noinline)) bool has_news(
    const struct llmobs_adopt *adopt,
    const struct llmobs_adopt_progress *progress)
{
    uint32_t file = adopt->files[newest_of(adopt)];
    char path[PATH_MAX];
    struct stat st;

    if (file >= LLMOBS_ADOPT_SEALED)
        return false;
    if (file != progress->file)
        return true;
    llmobs_spool_file_path(adopt->dir, file, path);
    return fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
           (size_t)st.st_size != progress->size;
}

/* True where a process needs an entry of this file: the relay, or the process
 * whose call has not ended. */
static bool adopt_held_is_needed(struct llmobs_adopt *adopt, uint32_t file,
                                 bool *by_relay)
{
    struct llmobs_entry entry;
    bool needed = false;
    size_t at = 0;

    *by_relay = false;
    if (llmobs_adopt_read_file(adopt, adopt->dir, file, LLMOBS_SPOOL_TEXT))
        return true;
    while (!*by_relay && llmobs_adopt_next_entry(adopt, &at, &entry)) {
        bool open = llmobs_adopt_is_open(adopt, &entry);

        needed |= open;
        *by_relay = open && llmobs_entry_is_for_relay(&entry);
    }
    return needed;
}

/* A thread of the process has written to a file after the process had begun a
 * newer file, which the relay has read: reads the older file again. */
static void go_back(struct llmobs_adopt *adopt,
                    struct llmobs_adopt_progress *progress, uint32_t file)
{
    if (file < progress->file) {
        progress->file = file;
        progress->from = 0;
    }
    progress->size = SIZE_MAX; /* no file has this size: there is news */
    adopt->walk.found = true;
}

/* A lease proves that no thread has the file open, and the file's size that no
 * thread has written since it was read. If the file system has no leases, time
 * has to be proof enough. */
static __attribute__((noinline)) bool remove_sealed(const char *path,
                                                    size_t size)
{
    int fd = llmobs_spool_open(path, O_RDONLY);
    bool gone = false;
    struct stat st;
    int64_t age;

    if (fd < 0)
        return false;
    age = fstat(fd, &st) == 0
              ? llmobs_clock_wall_ns() / 1000000000 - st.st_ctime
              : 0;
    if (age > SEALED_S &&
        (fcntl(fd, F_SETLEASE, F_WRLCK) == 0 ||
         (errno != EAGAIN && age > SEALED_LONG_S)) &&
        fstat(fd, &st) == 0 && (size_t)st.st_size == size) {
        llmobs_crash_point("removing a sealed file");
        gone = unlink(path) == 0;
        llmobs_crash_point("removed a sealed file");
    }
    close(fd);
    return gone;
}

/* Takes an old file away from its process. */
static __attribute__((noinline)) void seal(const struct llmobs_adopt *adopt,
                                           uint32_t file)
{
    char path[PATH_MAX], sealed[PATH_MAX];

    llmobs_spool_file_path(adopt->dir, file, path);
    llmobs_spool_file_path(adopt->dir, file | LLMOBS_ADOPT_SEALED, sealed);
    llmobs_crash_point("sealing a file");
    (void)rename(path, sealed);
    llmobs_crash_point("sealed a file");
}

/* Files that are newer than a needed or remaining file may hold the end of a
 * call that begins in it: so they are not removed before that file. */
struct tidying {
    struct llmobs_adopt_progress *progress;
    bool may_seal;
    bool may_remove;
};

static void tidy_file(struct llmobs_adopt *adopt, struct tidying *tidying,
                      uint32_t file)
{
    size_t size = llmobs_adopt_note_file(adopt, file);
    char path[PATH_MAX];
    bool by_relay;

    llmobs_spool_file_path(adopt->dir, file, path);
    if (adopt_held_is_needed(adopt, file, &by_relay)) {
        if (LLMOBS_HAZARD(never_goes_back, by_relay, by_relay && size == 0))
            go_back(adopt, tidying->progress, file);
        LLMOBS_HAZARD(any_that_is_free,
                      tidying->may_seal = tidying->may_remove = false, );
    } else if (file < LLMOBS_ADOPT_SEALED) {
        if (tidying->may_seal)
            seal(adopt, file);
        tidying->may_remove = false;
    } else if (!tidying->may_remove || !remove_sealed(path, size)) {
        tidying->may_remove = false;
    }
}

static bool is_untidy(const struct llmobs_adopt *adopt)
{
    return adopt->file_count >= 2 &&
           llmobs_clock_mono_ns() - adopt->at_living->tidied_ns >=
               TIDY_MS * LLMOBS_NS_PER_MS;
}

static int adopt_held_by_age(const void *a, const void *b)
{
    uint32_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    x &= ~LLMOBS_ADOPT_SEALED;
    y &= ~LLMOBS_ADOPT_SEALED;
    return (x > y) - (x < y);
}

void llmobs_adopt_sort_by_age(uint32_t *files, size_t count)
{
    qsort(files, count, sizeof(*files), adopt_held_by_age);
}

/* Goes on from the oldest file. */
static void tidy_old(struct llmobs_adopt *adopt,
                     struct llmobs_adopt_progress *progress)
{
    struct tidying tidying = {progress, true, true};
    uint32_t newest = adopt->files[newest_of(adopt)];

    llmobs_adopt_sort_by_age(adopt->files, adopt->file_count);
    for (size_t i = 0; i < adopt->file_count; i++)
        if (adopt->files[i] != newest)
            tidy_file(adopt, &tidying, adopt->files[i]);
}

/* Removes the files of the present directory that nobody needs, except the
 * newest. */
static void adopt_held_tidy(struct llmobs_adopt *adopt)
{
    struct llmobs_adopt_progress *progress = adopt->at_living;

    progress->tidied_ns = llmobs_clock_mono_ns();
    adopt->at_living = NULL; /* for a survey of all entries */
    if (llmobs_adopt_survey(adopt) == 0)
        tidy_old(adopt, progress);
}

/* Opens the directory of a living process, which may rename it. -ENOENT: it
 * does not exist any more. */
static int adopt_held_hold(struct llmobs_adopt *adopt, const char *name,
                           const struct llmobs_adopt_found *found,
                           struct llmobs_adopt_claim *claim)
{
    claim->fd = llmobs_fd_open(AT_FDCWD, found->path,
                               O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (claim->fd < 0)
        return -ENOENT;
    claim->used = claim->living = true;
    claim->inode = found->inode;
    memcpy(claim->name, name, strlen(name) + 1);
    adopt->here = claim;
    return llmobs_adopt_claim_path(adopt, claim, adopt->dir);
}

/* Reads what the process has handed over since the last time. 1: perhaps it
 * handed something over; 0: nothing is new, or the next visit takes it. (A
 * process that is always busy also has old files.) */
static int adopt_held_read_living(struct llmobs_adopt *adopt,
                                  const struct llmobs_adopt_found *found)
{
    bool news = has_news(adopt, adopt->at_living);
    int rc = 0;

    adopt->walk.found |= news;
    adopt->at_living->rests_ns = 0;
    if (LLMOBS_HAZARD(when_it_rests, is_untidy(adopt),
                      !news && is_untidy(adopt))) {
        adopt_held_tidy(adopt);
        return 0;
    }
    if (!news) {
        note_rest(adopt->at_living, found);
        return 0;
    }
    llmobs_owner_config(adopt->owner, adopt->config, &adopt->names);
    rc = llmobs_adopt_survey(adopt);
    if (rc)
        llmobs_adopt_give_up(adopt, adopt->here);
    return rc ? rc : 1;
}

int llmobs_adopt_open_living(struct llmobs_adopt *adopt, const char *name,
                             const struct llmobs_adopt_found *found)
{
    struct llmobs_adopt_claim *claim = llmobs_adopt_free_claim(adopt);
    struct llmobs_adopt_progress *progress = progress_of(adopt, name);
    int rc = progress ? 0 : -ENOMEM;

    if (!rc)
        rc = adopt_held_hold(adopt, name, found, claim);
    if (!rc) {
        adopt->at_living = progress;
        rc = adopt_held_read_living(adopt, found);
        if (rc == 1)
            return 1;
    }
    llmobs_adopt_drop_claim(claim);
    llmobs_adopt_leave_dir(adopt);
    return progress ? 0 : rc;
}
