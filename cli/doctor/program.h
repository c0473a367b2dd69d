/* program - what a person means by a command: the file that the kernel would
 * run in the end, and what that file is known to load later.
 *
 * Threads: one.
 * Errors:  -ENOENT: no such command; -ELOOP: scripts of scripts; else -errno.
 * Limits:  LLMOBS_PROGRAM_SCRIPTS lines "#!" are followed.
 */
#ifndef LLMOBS_PROGRAM_H
#define LLMOBS_PROGRAM_H

#include "cli/doctor/libcurl_routes.h"

#define LLMOBS_PROGRAM_SCRIPTS 4

struct llmobs_program {
    char path[PATH_MAX];   /* as found: a link of a virtual environment says
                            * where its modules are */
    char file[PATH_MAX];   /* without links */
    char script[PATH_MAX]; /* whose "#!" names the program; "": none */
    bool shell;            /* it does its work by running other programs */
    const char *loads;     /* what of it would reach libcurl, such as "the
                            * extension curl"; NULL: not an interpreter */
};

/* Finds `command` by PATH, or as a path, and follows scripts. */
int llmobs_program_find(struct llmobs_program *program, const char *command);

/* Sets what follows from `path`; the file is in another root perhaps. */
void llmobs_program_know(struct llmobs_program *program);

/* Adds the extensions of an interpreter, and what they come to; of the
 * installed files below `prefix`, the path of the process's root or "". */
void llmobs_program_extensions(const struct llmobs_program *program,
                               const char *prefix,
                               struct llmobs_libcurl_routes *routes,
                               const struct llmobs_library *library);

#endif
