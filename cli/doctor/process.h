/* process - what /proc tells of a running process.
 *
 * Owns:    its lists and its root's descriptor, from open to close.
 * Threads: one.
 * Errors:  -ESRCH: no such process; -EACCES: another user's; else -errno.
 * Limits:  LLMOBS_PROCESS_TEXT bytes of an environment or of maps,
 *          LLMOBS_PROCESS_OBJECTS files in its memory.
 *
 * The process may end or change while it is read: each part is of its moment.
 * A process that writes its title over its environment, as php-fpm does, has
 * none to be read; then what our library copied at its start is taken.
 */
#ifndef LLMOBS_PROCESS_H
#define LLMOBS_PROCESS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/shared/preload.h"
#include "core/base/buf.h"

#define LLMOBS_PROCESS_SHIM LLMOBS_PRELOAD_NAME
#define LLMOBS_PROCESS_TEXT (4u * 1024 * 1024)
#define LLMOBS_PROCESS_OBJECTS 4096

struct llmobs_process_object {
    const char *path; /* as it was when it was mapped */
    bool deleted;     /* the file is not there any more, or another one is */
};

struct llmobs_process {
    pid_t pid;
    char exe[PATH_MAX]; /* "" where it may not be read */
    bool exe_deleted;
    char prefix[PATH_MAX]; /* "/proc/PID/root"; "" where its root is ours */
    int root;              /* as of llmobs_object_at */
    bool secure;           /* the loader ignores what an environment asks for */
    bool env_known;
    bool env_copied;  /* all that is known is what our library kept of it */
    const char **env; /* "NAME=value" as it was started with; NULL at the end */
    bool maps_known;
    struct llmobs_process_object *objects;
    size_t object_count;
    uint64_t data_from, data_to; /* our library's own variables; 0: none */
    struct llmobs_buf env_text;
    struct llmobs_buf maps_text;
};

int llmobs_process_open(struct llmobs_process *process, pid_t pid);
void llmobs_process_close(struct llmobs_process *process);

/* The value of a variable; NULL when it is unset or empty. */
const char *llmobs_process_env(const struct llmobs_process *process,
                               const char *name);

/* The object of that file name, wherever it lies; NULL: not in its memory. */
const struct llmobs_process_object *llmobs_process_object(
    const struct llmobs_process *process, const char *name);

/* 0: none, or no such process. */
pid_t llmobs_process_parent(pid_t pid);

/* What ps shows of a process, "" where there is none. */
void llmobs_process_title(pid_t pid, char *out, size_t cap);

/* Calls `each` for every process there is; false ends the walk. */
void llmobs_process_all(bool (*each)(void *ctx, pid_t pid), void *ctx);

#endif
