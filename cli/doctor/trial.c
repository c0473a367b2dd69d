#include "cli/doctor/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/shared/new_file.h"

/* Bytes that some calls and their log take. */
#define ROOM (1 << 20)

static bool is_full(const char *path)
{
    return llmobs_new_file_room(path) < ROOM;
}

/* Prefers a place that has room. */
static int make_dir(struct llmobs_trial *trial)
{
    static const char *const places[] = {"/tmp", "/var/tmp", "/dev/shm"};
    static const size_t count = sizeof(places) / sizeof(*places);

    for (size_t i = 0; i < 2 * count; i++) {
        const char *place = places[i % count];

        snprintf(trial->dir, sizeof(trial->dir), "%s/llmobs-doctor.%d.XXXXXX",
                 place, (int)getpid());
        if ((i >= count || !is_full(place)) && mkdtemp(trial->dir))
            return 0;
    }
    trial->dir[0] = '\0';
    return -errno;
}

/* Takes the user's settings, but for all that leads out of the folder. */
static int make_environment(struct llmobs_trial *trial)
{
    static const char *const fixed[][2] = {{"LLMOBS_EXPORTER", "store"},
                                           {"OTEL_METRICS_EXPORTER", "none"},
                                           {"OTEL_LOGS_EXPORTER", "none"}};
    static const char *const places[][2] = {{"LLMOBS_STORE_DIR", "store"},
                                            {"LLMOBS_SPOOL_DIR", "spool"},
                                            {"LLMOBS_LOG", "log"}};
    struct llmobs_environment *environment = &trial->environment;
    char path[PATH_MAX];
    int rc = llmobs_environment_init(environment, environ);

    for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed) && rc == 0; i++)
        rc = llmobs_environment_set(environment, fixed[i][0], fixed[i][1]);
    for (size_t i = 0; i < sizeof(places) / sizeof(*places) && rc == 0; i++) {
        snprintf(path, sizeof(path), "%s/%s", trial->dir, places[i][1]);
        rc = llmobs_environment_set(environment, places[i][0], path);
    }
    if (rc == 0) {
        llmobs_environment_unset(environment, "LLMOBS_RECORD");
        llmobs_environment_unset(environment, "LLMOBS_REPLAY");
    }
    return rc;
}

int llmobs_trial_begin(struct llmobs_trial *trial)
{
    int rc = make_dir(trial);

    return rc == 0 ? make_environment(trial) : rc;
}

bool llmobs_trial_is_full(const struct llmobs_trial *trial)
{
    return is_full(trial->dir);
}

static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void llmobs_trial_end(struct llmobs_trial *trial)
{
    if (trial->dir[0] != '\0')
        (void)nftw(trial->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    trial->dir[0] = '\0';
}

void llmobs_trial_become(const struct llmobs_trial *trial, char **argv)
{
    int null = open("/dev/null", O_RDWR);

    for (int fd = 0; fd < 3 && null >= 0; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
    _exit(llmobs_environment_exec_status(
        llmobs_environment_exec(&trial->environment, argv)));
}

void llmobs_trial_walk(const struct llmobs_trial *trial,
                       llmobs_reader_line *line, void *ctx)
{
    struct llmobs_reader *reader = NULL;
    char path[sizeof(trial->dir) + 8];

    snprintf(path, sizeof(path), "%s/store", trial->dir);
    if (llmobs_reader_open(path, &reader) == 0)
        (void)llmobs_reader_walk(reader, 0, line, ctx);
    llmobs_reader_close(reader);
}
