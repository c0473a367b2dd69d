/* origin - names an application that nobody has named, and finds the script,
 * the unit and the run that made a call, from what the kernel shows of the
 * process.
 *
 * Owns:    nothing; what it finds belongs to the configuration.
 * Threads: any. If two threads look at once, one waits for the other, 20 ms at
 *          most.
 * Errors:  none: what cannot be found stays unknown.
 * Limits:  LLMOBS_ORIGIN_LEVELS parents; /proc is needed. A process that takes
 *          another role after its first call does not change its name.
 * Fork:    a child has the names of its parent, if that had made a call.
 *
 * The first of these names an application: the systemd unit, unless it is one
 * under which many programs run; PHP-FPM's pool, unless it is the usual "www";
 * the script; the program, unless it is one for all, such as curl. A name with
 * a long number in it, or of a temporary folder, would be another one each day,
 * and Datadog counts an application for each name: such a name is not used.
 *
 * A run is what LLMOBS_RUN says, else the process that runs the script: this
 * one, else the nearest parent, else the last one below a program that is
 * neither interpreter nor tool (docs/SPANS.md). Servers and services have none.
 *
 * Of a command line only the script's path is stored (script.h). The name
 * service is not asked.
 *
 * The kubelet writes "# Kubernetes-managed hosts file." as the first line of a
 * pod's /etc/hosts, with "(host network)" before the point where the pod has
 * the node's network and name (pkg/kubelet/kubelet_pods.go).
 */
#ifndef LLMOBS_ORIGIN_H
#define LLMOBS_ORIGIN_H

#include <sys/types.h>

#include "core/config/config.h"

#define LLMOBS_ORIGIN_LEVELS 6
#define LLMOBS_ORIGIN_NAME 128 /* a longer name is cut */
#define LLMOBS_ORIGIN_SCRIPT 256

/* Lets llmobs_origin_find() look for the names of this configuration when the
 * first call begins: a program that makes no call does not need them. The
 * configuration must not be freed. */
void llmobs_origin_defer(struct llmobs_config *config);

/* If a configuration waits for its names, sets its script, its run, its
 * language, its tags "unit" and "pool", the tags of the container and the pod
 * with their attributes of OTLP, and, if nobody has named one, its ml_app.
 * Reads some files in /proc, in a pod also two in /etc and /var/run. To be
 * called before the first context is made of the configuration. */
void llmobs_origin_find(void);

/* The unit, the pool and the script of a process, as its spans have them; "":
 * there is none, or a span may not show it. */
struct llmobs_origin_names {
    char unit[LLMOBS_ORIGIN_NAME];
    char pool[LLMOBS_ORIGIN_NAME];
    char script[LLMOBS_ORIGIN_SCRIPT];
};

/* Finds the names of any process. Reads some files in /proc. `config`: of the
 * command that it belongs to, whose script a process without one has; NULL: no
 * script is looked for. */
void llmobs_origin_read(pid_t pid, const struct llmobs_config *config,
                        struct llmobs_origin_names *out);

#endif
