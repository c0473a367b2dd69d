/* Lists the pid namespaces that have processes. */
#include "core/log/live_namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/listing.h"
#include "lib/base/process_id.h"

/* The number of the first namespace on every kernel (PROC_PID_INIT_INO). */
#define FIRST UINT64_C(0xEFFFFFFC)
/* No kernel has as many pids and other names in /proc. */
#define PROCESSES_MAX 4200000u

/* True for a process with only one pid, which is in the namespace of this
 * process. Its status can be read even if the link cannot, as for a process
 * that a sandbox protects. */
static bool is_beside_us(int proc, const char *pid)
{
    char path[NAME_MAX + sizeof("/status")], text[4096];
    const char *at;

    snprintf(path, sizeof(path), "%s/status", pid);
    if (llmobs_file_begin(proc, path, text, sizeof(text)) <= 0)
        return false;
    at = strstr(text, "\nNSpid:");
    if (!at)
        return false;
    at += sizeof("\nNSpid:") - 1;
    at += strspn(at, " \t");
    return at[strspn(at, "0123456789")] == '\n';
}

static int read_namespace(int proc, const char *pid, uint64_t *out)
{
    char path[NAME_MAX + sizeof("/ns/pid")], text[64];
    ssize_t n;

    snprintf(path, sizeof(path), "%s/ns/pid", pid);
    n = readlinkat(proc, path, text, sizeof(text) - 1);
    if (n < 0)
        return -errno;
    *out = llmobs_pidns_parse(text, n);
    return *out ? 0 : -EINVAL;
}

static bool has_namespace(const struct llmobs_live_namespaces *living,
                          uint64_t pidns)
{
    for (size_t i = 0; i < living->count; i++)
        if (living->list[i] == pidns)
            return true;
    return false;
}

/* A namespace lives as long as its first process. The walk sees that process if
 * it still lives at the end of the walk. */
int llmobs_live_namespaces_read(const char *proc,
                                struct llmobs_live_namespaces *out)
{
    struct llmobs_listing list;
    uint64_t pidns, *more;
    const char *name;
    int rc;

    memset(out, 0, sizeof(*out));
    out->before_s =
        llmobs_clock_wall_ns() / 1000000000 - LLMOBS_LIVE_NAMESPACES_SLACK_S;
    rc = llmobs_listing_open_in(&list, AT_FDCWD, proc);
    if (rc)
        return rc;
    list.left = PROCESSES_MAX;
    if (read_namespace(list.fd, "self", &pidns) || pidns != FIRST)
        rc = -EPERM;
    while (!rc && (name = llmobs_listing_next(&list))) {
        if (name[0] < '1' || name[0] > '9')
            continue;
        rc = read_namespace(list.fd, name, &pidns);
        if (rc == -ENOENT || rc == -ESRCH) { /* it has ended meanwhile */
            rc = 0;
            continue;
        }
        if ((rc == -EACCES || rc == -EPERM) && is_beside_us(list.fd, name)) {
            pidns = FIRST;
            rc = 0;
        }
        if (rc || has_namespace(out, pidns))
            continue;
        more = realloc(out->list, (out->count + 1) * sizeof(*more));
        if (!more) {
            rc = -ENOMEM;
            continue;
        }
        out->list = more;
        more[out->count++] = pidns;
    }
    llmobs_listing_close(&list);
    if (rc)
        llmobs_live_namespaces_free(out);
    return rc;
}

void llmobs_live_namespaces_free(struct llmobs_live_namespaces *living)
{
    free(living->list);
    living->list = NULL;
    living->count = 0;
}

bool llmobs_live_namespaces_lacks(const struct llmobs_live_namespaces *living,
                                  uint64_t pidns, int64_t written_s)
{
    return living && living->list && pidns && written_s < living->before_s &&
           !has_namespace(living, pidns);
}
