/* trial - a folder and an environment for observed commands, by which their
 * spans, counters and log lines stay in the folder: no store, spool or peer of
 * the user gets any of them.
 *
 * Owns:    the folder and all in it, from begin to end.
 * Threads: one.
 * Errors:  -errno.
 * Limits:  the program's own telemetry by OpenTelemetry's variables goes
 *          without metrics and log records, since the library would send its
 *          own by the same variables.
 */
#ifndef LLMOBS_DOCTOR_TRIAL_H
#define LLMOBS_DOCTOR_TRIAL_H

#include <stdbool.h>

#include "cli/shared/environment.h"
#include "cli/shared/reader.h"

struct llmobs_trial {
    char dir[64]; /* "": none */
    struct llmobs_environment environment;
};

/* Makes the folder and the environment; end is to be called also after an
 * error. */
int llmobs_trial_begin(struct llmobs_trial *trial);
void llmobs_trial_end(struct llmobs_trial *trial);

/* True where the folder's disk has no room left, so that calls may be lost. */
bool llmobs_trial_is_full(const struct llmobs_trial *trial);

/* Makes /dev/null the first three descriptors, then executes argv[0] in the
 * trial's environment. For a child after fork; it exits as env(1) does where
 * nothing can be executed. */
_Noreturn void llmobs_trial_become(const struct llmobs_trial *trial,
                                   char **argv);

/* Calls `line` with each line of the trial's store, if there is one. */
void llmobs_trial_walk(const struct llmobs_trial *trial,
                       llmobs_reader_line *line, void *ctx);

#endif
