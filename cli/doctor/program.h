/* program - finds the file that the kernel would finally run for a command, and
 * the extensions that this file is known to load later.
 *
 * Threads: one.
 * Errors:  -ENOENT: no such command; -ELOOP: scripts of scripts; else -errno.
 * Limits:  LLMOBS_PROGRAM_SCRIPTS lines "#!" are followed.
 */
#ifndef LLMOBS_DOCTOR_PROGRAM_H
#define LLMOBS_DOCTOR_PROGRAM_H

#include "cli/doctor/libcurl_routes.h"

#define LLMOBS_PROGRAM_SCRIPTS 4

struct llmobs_program {
    char path[PATH_MAX];   /* as found, perhaps a link, whose directory shows
                            * where a virtual environment has its modules */
    char file[PATH_MAX];   /* without links */
    char script[PATH_MAX]; /* the script whose "#!" names the program; "": none
                            */
    bool shell;            /* it does its work by running other programs */
    const char *loads;     /* the part of an interpreter that uses libcurl, as
                            * "the extension curl"; NULL: no interpreter */
};

/* The name of a file without its directories. */
const char *llmobs_program_base(const char *path);

/* The name of the command, which may be a script. */
const char *llmobs_program_name(const struct llmobs_program *program);

/* Finds `command` by PATH, or as a path, and follows scripts. */
int llmobs_program_find(struct llmobs_program *program, const char *command);

/* Sets the program to the file of a process, which may be in another root. */
void llmobs_program_is(struct llmobs_program *program,
                       const char path[PATH_MAX]);

/* Adds the libcurl copies that an interpreter's extensions load. The extensions
 * are the files below `prefix`, the path of the process's root or "". */
void llmobs_program_extensions(const struct llmobs_program *program,
                               const char *prefix,
                               struct llmobs_libcurl_routes *routes,
                               const struct llmobs_library *library);

#endif
