/* doctor - the state that the modules of `llmobs doctor` share.
 *
 * Owns:    the files that it has opened, until the command ends.
 * Threads: one.
 * Errors:  findings of the report; -ENOMEM and the like end the command.
 * Limits:  those of object, library, routes, program and process.
 */
#ifndef LLMOBS_DOCTOR_H
#define LLMOBS_DOCTOR_H

#include "cli/doctor/process.h"
#include "cli/doctor/program.h"
#include "cli/doctor/report.h"
#include "core/config/config.h"

#define LLMOBS_DOCTOR_SHIM LLMOBS_PROCESS_SHIM
#define LLMOBS_DOCTOR_CORE "libllmobs_core.so"

struct llmobs_doctor {
    struct llmobs_report report;
    struct llmobs_program program;
    struct llmobs_process process; /* pid 0: a command, not a process */
    struct llmobs_library library;
    struct llmobs_allowance allowance;
    struct llmobs_libcurl_routes routes;
    char holder[PATH_MAX]; /* another preload that defines connect or the
                            * look-up of names; "": none */
    bool possible;         /* its loader preloads the libraries that LD_PRELOAD
                            * names */
    bool by_launcher;      /* nothing preloads the shim yet; llmobs-run would */
    bool off;              /* switched off, by its settings or for all programs
                            */
    bool no_exporter;      /* the chosen exporter's peer does not take spans */
    bool no_selftest;
};

/* Looks at the program that was found, or at the process that is open, and
 * reports all of it. */
int llmobs_doctor_examine(struct llmobs_doctor *doctor);

#endif
