/* container - the container and the pod of Kubernetes in which a process runs,
 * by what the kernel shows of its control group and its mounts.
 *
 * Owns:    nothing; reads texts of the caller's.
 * Threads: any; no state.
 * Errors:  none: what is not certain stays empty.
 * Limits:  knows the forms of Docker, containerd, CRI-O, Podman and nerdctl. A
 *          container of Docker's that shares the network of another one, and
 *          sees no group, has the id of that other one.
 *
 * Sources: the kubelet's names of groups (pkg/kubelet/cm) and of a pod's
 *          folders, /var/lib/kubelet/pods/UID (pkg/kubelet/kubelet_getters.go);
 *          proc(5).
 */
#ifndef LLMOBS_CONTAINER_H
#define LLMOBS_CONTAINER_H

#include "lib/base/buf.h"

#define LLMOBS_CONTAINER_ID_LEN 64 /* a runtime's id is a SHA-256 in hex */

/* C strings; empty: not known. */
struct llmobs_container {
    char id[LLMOBS_CONTAINER_ID_LEN + 1];
    char pod_uid[40];
    char pod[256];
    char space[64]; /* the pod's namespace */
    char name[64];  /* of the container, in its pod */
};

/* Reads the path of a control group, as a line of /proc/PID/cgroup has it. The
 * innermost container counts. */
void llmobs_container_read_group(struct llmobs_text path,
                                 struct llmobs_container *out);

/* Reads /proc/PID/mountinfo, for what the group does not show. `pod`: the
 * process is known to be in a pod. In a pod the files that a runtime mounts
 * belong to the pod's sandbox, and show no container. */
void llmobs_container_read_mounts(struct llmobs_text mounts, bool pod,
                                  struct llmobs_container *out);

/* Sets a member, unless it is set already or the text cannot be a name in
 * Kubernetes (letters, digits, '-', '.'). `cap`: the size of `out`. */
void llmobs_container_set(char *out, size_t cap, struct llmobs_text text);

#endif
