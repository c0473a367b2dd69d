/* origin - names an application that nobody has named, and the script, the unit
 * and the run that made a call, from what the kernel tells of the process.
 *
 * Owns:    nothing; what it finds belongs to the configuration.
 * Threads: any. Of two threads that settle at once one waits for the other,
 *          20 ms at most.
 * Errors:  none: what cannot be found stays unknown.
 * Limits:  LLMOBS_ORIGIN_LEVELS parents; /proc is needed. A process that takes
 *          another role after its first call keeps its name.
 * Fork:    a child has the names of its parent, if that had made a call.
 *
 * The first of these names an application: the systemd unit, unless it is one
 * under which many programs run; PHP-FPM's pool, unless it is the usual "www";
 * the script; the program, unless it is one for all, such as curl. A name with
 * a long number in it, or of a temporary folder, would be another one each day:
 * there is none. (Datadog counts an application for each name.)
 *
 * A run is what LLMOBS_RUN says, else the process that runs the script: this
 * one, else the nearest parent, else the last one below a program that is
 * neither interpreter nor tool (docs/SPANS.md). Servers and services have none.
 *
 * Of a command line only the script's path is kept (script.h). The name service
 * is not asked.
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

/* The names of this configuration are looked for when the first call begins: a
 * program that makes none has no use for them. The configuration stays for
 * good. */
void llmobs_origin_await(struct llmobs_config *config);

/* Where a configuration waits for its names, sets its script, its run, its tags
 * "unit" and "pool", those of the container and the pod with their attributes
 * of OTLP, and, where nobody has named one, its ml_app: some reads of files in
 * /proc, in a pod also of two in /etc and /var/run. To be called before the
 * first context is made of it. */
void llmobs_origin_settle(void);

/* Of a process the unit and the pool, as its spans' tags have them; "": there
 * is none, or it may not be told. */
struct llmobs_origin_names {
    char unit[LLMOBS_ORIGIN_NAME];
    char pool[LLMOBS_ORIGIN_NAME];
};

/* Finds the names of any process, by some reads of files in /proc. */
void llmobs_origin_of(pid_t pid, struct llmobs_origin_names *out);

#endif
