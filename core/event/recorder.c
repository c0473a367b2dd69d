#include "core/event/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/dirs.h"
#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "lib/base/listing.h"
#include "lib/base/log.h"
#include "core/event/recording.h"

#define NAME_MAX_BYTES 40
/* How many names are tried: a process that was killed may have left a directory
 * under each. */
#define TRIES 1000

static int write_file(int dir, const char *name, const struct llmobs_buf *text)
{
    int fd, rc;

    if (!name)
        return 0;
    fd = llmobs_fd_open(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    rc = fchmod(fd, 0600) ? -errno
                          : llmobs_file_write(fd, text->data, text->len);
    if (close(fd) != 0 && !rc)
        rc = -errno;
    return rc;
}

static int write_files(int dir, const struct llmobs_recording *recording)
{
    int rc = write_file(dir, recording->request_file, &recording->request);

    if (!rc)
        rc = write_file(dir, recording->answer_file, &recording->answer);
    return rc ? rc : write_file(dir, LLMOBS_RECORDING_HEAD, &recording->head);
}

static void remove_files(int base, const char *name, int dir,
                         const struct llmobs_recording *recording)
{
    if (recording->request_file)
        (void)unlinkat(dir, recording->request_file, 0);
    if (recording->answer_file)
        (void)unlinkat(dir, recording->answer_file, 0);
    (void)unlinkat(dir, LLMOBS_RECORDING_HEAD, 0);
    (void)unlinkat(base, name, AT_REMOVEDIR);
}

/* Makes a directory for this process alone; gives its name. */
static int make_temporary(struct llmobs_recorder *recorder, int base,
                          char name[NAME_MAX_BYTES])
{
    int rc = -EEXIST;

    for (int i = 0; i < TRIES && rc == -EEXIST; i++) {
        snprintf(name, NAME_MAX_BYTES, ".new-%ld-%u", (long)getpid(),
                 ++recorder->temporary);
        rc = llmobs_dirs_make(base, name);
    }
    return rc;
}

/* The largest number in use: a look at the names saves most tries. */
static unsigned last_number(int base)
{
    struct llmobs_listing list;
    unsigned last = 0;
    const char *name;

    if (llmobs_listing_open_in(&list, base, "."))
        return 0;
    list.left = 2 * LLMOBS_RECORDER_MAX;
    while ((name = llmobs_listing_next(&list))) {
        char *end;
        unsigned long number = strtoul(name, &end, 10);

        if (name[0] >= '0' && name[0] <= '9' && !*end && number > last &&
            number <= LLMOBS_RECORDER_MAX)
            last = (unsigned)number;
    }
    llmobs_listing_close(&list);
    return last;
}

/* Gives the finished directory the next free number. Where many were used
 * since the look, the next recording goes on behind them. */
static int claim_number(struct llmobs_recorder *recorder, int base,
                        const char *from)
{
    char name[NAME_MAX_BYTES];

    if (recorder->next == 0)
        recorder->next = last_number(base) + 1;
    for (int i = 0; i < TRIES && recorder->next <= LLMOBS_RECORDER_MAX;
         i++, recorder->next++) {
        snprintf(name, sizeof(name), "%04u", recorder->next);
        if (renameat(base, from, base, name) == 0) {
            recorder->next++;
            return 0;
        }
        /* ENOTDIR: a file has that name. */
        if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
            return -errno;
    }
    return -ENOSPC;
}

static int write_in(struct llmobs_recorder *recorder, int base,
                    const struct llmobs_recording *recording)
{
    char name[NAME_MAX_BYTES];
    int rc = make_temporary(recorder, base, name), dir;

    if (rc)
        return rc;
    dir = llmobs_fd_open(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (dir < 0) {
        rc = -errno;
        (void)unlinkat(base, name, AT_REMOVEDIR);
        return rc;
    }
    rc = write_files(dir, recording);
    if (!rc)
        rc = claim_number(recorder, base, name);
    if (rc)
        remove_files(base, name, dir, recording);
    close(dir);
    return rc;
}

static int write_recording(struct llmobs_recorder *recorder, const char *path,
                           struct llmobs_exchange *exchange, const char *name)
{
    struct llmobs_recording recording;
    int rc = llmobs_recording_make(exchange, name, &recording), base;

    if (!rc)
        rc = llmobs_dirs_have(path, true, &base);
    if (!rc) {
        rc = write_in(recorder, base, &recording);
        close(base);
    }
    llmobs_recording_fini(&recording);
    return rc;
}

void llmobs_recorder_write(struct llmobs_recorder *recorder,
                           const struct llmobs_config *config,
                           struct llmobs_exchange *exchange, const char *name)
{
    int rc;

    if (!config->record_dir || exchange->recorded)
        return;
    if (llmobs_privacy_withholds(&config->privacy)) {
        llmobs_log_once(
            LLMOBS_LOG_ERROR, "record privacy",
            "LLMOBS_RECORD: nothing is recorded, as LLMOBS_CONTENT, "
            "LLMOBS_REDACT or the program takes content out of "
            "calls");
        return;
    }
    exchange->recorded = true;
    rc = write_recording(recorder, config->record_dir, exchange, name);
    if (rc)
        llmobs_log(LLMOBS_LOG_ERROR,
                   "LLMOBS_RECORD: %s: a call is not recorded: %s",
                   config->record_dir, strerror(-rc));
}
