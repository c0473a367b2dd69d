/* process - a running process, as /proc shows it.
 *
 * Owns:    its lists and its root's descriptor, from open to close.
 * Threads: one.
 * Errors:  -ESRCH: no such process; -EACCES: another user's; else -errno.
 * Limits:  LLMOBS_PROCESS_TEXT bytes of an environment or of maps,
 *          LLMOBS_PROCESS_OBJECTS files in its memory.
 *
 * The process may end or change while it is read, so the parts may be of
 * different moments. A process that writes its title over its environment, as
 * php-fpm does, leaves none to read; then the copy that the shim made at its
 * start is taken.
 */
#ifndef LLMOBS_PROCESS_H
#define LLMOBS_PROCESS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/shared/preload.h"
#include "lib/base/buf.h"
#include "include/engine.h"

#define LLMOBS_PROCESS_SHIM LLMOBS_PRELOAD_NAME
#define LLMOBS_PROCESS_TEXT (4u * 1024 * 1024)
#define LLMOBS_PROCESS_OBJECTS 4096

struct llmobs_process_object {
    const char *path; /* its path when it was mapped */
    bool deleted;     /* the path has no file any more, or another file */
};

struct llmobs_process {
    pid_t pid;
    char exe[PATH_MAX];    /* "" where reading it is not allowed */
    char prefix[PATH_MAX]; /* "/proc/PID/root"; "" where it has this program's
                            * root */
    int root;              /* as of llmobs_object_at */
    bool secure;           /* AT_SECURE: its loader ignores LD_PRELOAD */
    bool env_known;
    bool env_copied;  /* `env` is the shim's copy: the rest is not known */
    const char **env; /* "NAME=value", from its start; NULL at the end */
    bool maps_known;
    struct llmobs_process_object *objects;
    size_t object_count;
    uint64_t data_from, data_to; /* range of the shim's own variables; 0: none
                                  */
    struct llmobs_buf env_text;
    struct llmobs_buf maps_text;
};

int llmobs_process_open(struct llmobs_process *process, pid_t pid);
void llmobs_process_close(struct llmobs_process *process);

/* The value of a variable; NULL when it is unset or empty. */
const char *llmobs_process_env(const struct llmobs_process *process,
                               const char *name);

/* The object with that file name, in any directory; NULL: not in its memory. */
const struct llmobs_process_object *llmobs_process_object(
    const struct llmobs_process *process, const char *name);

/* Copies the text that the process's shim has noted for the doctor, such as
 * LLMOBS_NO_CORE and the reason. False where the shim has noted no text that
 * begins so, or the process's memory cannot be read. */
bool llmobs_process_note(const struct llmobs_process *process,
                         const char *beginning, char *out, size_t cap);

/* The parent's id; 0: none, or no such process. */
pid_t llmobs_process_parent(pid_t pid);

/* The title that ps shows of a process; "" where it has none. */
void llmobs_process_title(pid_t pid, char *out, size_t cap);

/* True where an argument of the process loads a tracer (tls_auto.h). */
bool llmobs_process_loads_tracer(pid_t pid);

/* Calls `each` for every process; false ends the walk. */
void llmobs_process_all(bool (*each)(void *ctx, pid_t pid), void *ctx);

#endif
