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

/* -ESRCH: the process has ended meanwhile. */
static int read_process(int proc, const char *pid, uint64_t *out)
{
    int rc = read_namespace(proc, pid, out);

    if (rc == -ENOENT)
        return -ESRCH;
    if ((rc == -EACCES || rc == -EPERM) && is_beside_us(proc, pid)) {
        *out = FIRST;
        rc = 0;
    }
    return rc;
}

static bool has_namespace(const struct llmobs_live_namespaces *living,
                          uint64_t pidns)
{
    for (size_t i = 0; i < living->count; i++)
        if (living->list[i] == pidns)
            return true;
    return false;
}

static int add_namespace(struct llmobs_live_namespaces *living, uint64_t pidns)
{
    uint64_t *list;

    if (has_namespace(living, pidns))
        return 0;
    list = realloc(living->list, (living->count + 1) * sizeof(*list));
    if (!list)
        return -ENOMEM;
    living->list = list;
    list[living->count++] = pidns;
    return 0;
}

/* A namespace lives as long as its first process. The walk sees that process if
 * it still lives at the end of the walk. */
static int read_processes(struct llmobs_listing *list,
                          struct llmobs_live_namespaces *out)
{
    const char *name;
    uint64_t pidns;
    int rc = 0;

    list->left = PROCESSES_MAX;
    if (read_namespace(list->fd, "self", &pidns) || pidns != FIRST)
        return -EPERM;
    while (!rc && (name = llmobs_listing_next(list))) {
        if (name[0] < '1' || name[0] > '9')
            continue;
        rc = read_process(list->fd, name, &pidns);
        if (!rc)
            rc = add_namespace(out, pidns);
        else if (rc == -ESRCH)
            rc = 0;
    }
    return rc;
}

int llmobs_live_namespaces_read(const char *proc,
                                struct llmobs_live_namespaces *out)
{
    struct llmobs_listing list;
    int rc;

    memset(out, 0, sizeof(*out));
    out->before_s =
        llmobs_clock_wall_ns() / 1000000000 - LLMOBS_LIVE_NAMESPACES_SLACK_S;
    rc = llmobs_listing_open_in(&list, AT_FDCWD, proc);
    if (rc)
        return rc;
    rc = read_processes(&list, out);
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
