#include "cli/log/fallen.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/query/evaluations.h"
#include "core/config/state_dir.h"
#include "core/export/store.h"
#include "core/log/ledger.h"
#include "core/log/spool.h"
#include "lib/base/dirs.h"
#include "lib/base/file.h"
#include "lib/base/listing.h"
#include "lib/base/stats.h"

/* An event is in the spool before its line says so. The store's writers wait
 * for the lock for 200 ms, and then write without it. */
static int move_lines(struct llmobs_spool *spool, int dir, const char *name)
{
    const size_t mark = strlen(LLMOBS_STORE_UNSENT);
    int fd = llmobs_file_open(dir, name, O_RDWR), rc = 0;
    FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;

    if (!file)
        return fd < 0 ? fd : -errno;
    (void)llmobs_file_lock(fd, F_WRLCK, 2000);
    for (off_t end = 0; rc == 0 && (len = getline(&line, &cap, file)) > 0;) {
        struct llmobs_text text = {line, (size_t)len - mark};
        struct llmobs_spooled spooled = {0};

        end += len;
        if ((size_t)len <= mark || strcmp(line + text.len, LLMOBS_STORE_UNSENT))
            continue;
        rc = llmobs_spool_write_event(
            spool, &spooled, llmobs_evaluations_may_be_one(text), text);
        if (rc == 0 && pwrite(fd, "\t", 1, end - (off_t)mark) != 1)
            rc = -errno;
        llmobs_stats_add(LLMOBS_STAT_recovered, rc == 0);
    }
    free(line);
    fclose(file);
    return rc;
}

/* The spool takes all that the store has. */
static int move(struct llmobs_config config, uint64_t fallen)
{
    struct llmobs_spool *spool;
    struct llmobs_listing list;
    char path[PATH_MAX];
    const char *name;
    uint64_t moved;
    int dir, rc = llmobs_config_store_dir(&config, path, sizeof(path));

    config.spool_max = INT64_MAX / 2;
    spool = llmobs_spool_new(&config);
    if (rc == 0)
        rc = spool ? llmobs_dirs_open(path, config.store_dir, true, &dir)
                   : -ENOMEM;
    if (rc == 0)
        rc = llmobs_listing_open(&list, dir);
    while (rc == 0 && (name = llmobs_listing_next(&list)) != NULL)
        if (llmobs_store_has(name))
            rc = move_lines(spool, list.fd, name);
    moved = llmobs_stats_get(LLMOBS_STAT_recovered);
    if (rc == 0 && moved < fallen) {
        llmobs_stats_add(LLMOBS_STAT_adopted, fallen - moved);
        llmobs_stats_add(LLMOBS_STAT_dropped_expired, fallen - moved);
        llmobs_stats_add(LLMOBS_STAT_recovered, fallen - moved);
    }
    llmobs_ledger_close(&config);
    return rc;
}

int llmobs_fallen_move(const struct llmobs_config *config)
{
    struct llmobs_ledger ledger;
    char dir[PATH_MAX];
    int status = 0, rc = llmobs_ledger_dir(config, dir, sizeof(dir));
    uint64_t fallen;
    pid_t pid;

    if (rc != 0 || llmobs_ledger_read(dir, &ledger) != 0)
        return rc;
    (void)llmobs_counts_merge(&ledger.ended, &ledger.living);
    fallen = llmobs_ledger_fallen(&ledger.ended);
    pid = fallen > 0 ? fork() : 0;
    if (fallen > 0 && pid == 0)
        _exit(-move(*config, fallen));
    if (pid < 0 || (pid > 0 && waitpid(pid, &status, 0) < 0))
        return -errno;
    return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}
