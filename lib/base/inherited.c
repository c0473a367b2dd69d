#include "lib/base/inherited.h"

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/fork.h"
#include "lib/base/proc_stat.h"
#include "lib/base/sys.h"

/* Linux's own value for the first process, which its children inherit. */
#define SLACK_NS 50000

/* proc(5) numbers the fields of stat from 1 on. */
#define STAT_NICE 19
#define STAT_POLICY 41

/* The values to read of the thread itself and of the first one: a file of
 * /proc, or a set of processors, of which Linux has at most 8192. */
struct pair {
    char own[4096];
    char first[4096];
};

static bool is_realtime(int policy)
{
    return policy != SCHED_OTHER && policy != SCHED_BATCH &&
           policy != SCHED_IDLE;
}

/* -- under a filter ------------------------------------------------------- */

static long stat_field(const char *stat, int number)
{
    return strtol(llmobs_proc_field(stat, number), NULL, 10);
}

static bool read_both(struct pair *pair, const char *name)
{
    char path[sizeof("/proc/thread-self/status")];

    snprintf(path, sizeof(path), "/proc/thread-self/%s", name);
    if (llmobs_file_begin(AT_FDCWD, path, pair->own, sizeof(pair->own)) <= 0)
        return false;
    snprintf(path, sizeof(path), "/proc/self/%s", name);
    return llmobs_file_begin(AT_FDCWD, path, pair->first, sizeof(pair->first)) >
           0;
}

/* Gives the line that begins with `begin`, cut at its end. */
static const char *find_line(char *text, const char *begin)
{
    char *at = strstr(text, begin);
    char *end = at ? strchr(at + 1, '\n') : NULL;

    if (end)
        *end = '\0';
    return end ? at : "";
}

/* True where the thread has nothing to change. */
static bool has_nothing_to_drop(struct pair *pair)
{
    const char *begin = "\nCpus_allowed:";

    if (!read_both(pair, "stat") ||
        is_realtime((int)stat_field(pair->own, STAT_POLICY)) ||
        stat_field(pair->own, STAT_POLICY) !=
            stat_field(pair->first, STAT_POLICY) ||
        stat_field(pair->own, STAT_NICE) != stat_field(pair->first, STAT_NICE))
        return false;
    return read_both(pair, "status") &&
           strcmp(find_line(pair->own, begin), find_line(pair->first, begin)) ==
               0;
}

/* -- the change ----------------------------------------------------------- */

static void drop_policy(int pid)
{
    const struct sched_param none = {0};
    int own = (int)llmobs_sys(SYS_sched_getscheduler, 0) & ~SCHED_RESET_ON_FORK;
    int first =
        (int)llmobs_sys(SYS_sched_getscheduler, pid) & ~SCHED_RESET_ON_FORK;

    if (first < 0 || is_realtime(first))
        first = SCHED_OTHER;
    if (own != first)
        llmobs_sys(SYS_sched_setscheduler, 0, first, &none);
}

void llmobs_inherited_drop(void)
{
    struct pair *pair = malloc(sizeof(*pair));
    int pid;
    long own;
    long first;
    long len;

    prctl(PR_SET_TIMERSLACK, SLACK_NS, 0, 0, 0);
    if (!pair ||
        (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0 && has_nothing_to_drop(pair)))
        goto out;
    pid = llmobs_fork_pid();
    drop_policy(pid);
    /* The system call answers 20 - nice, so that no answer is negative. */
    own = llmobs_sys(SYS_getpriority, PRIO_PROCESS, 0);
    first = llmobs_sys(SYS_getpriority, PRIO_PROCESS, pid);
    if (first > 0 && own != first)
        llmobs_sys(SYS_setpriority, PRIO_PROCESS, 0, 20 - first);
    len = llmobs_sys(SYS_sched_getaffinity, pid, sizeof(pair->first),
                     pair->first);
    if (len > 0 &&
        llmobs_sys(SYS_sched_getaffinity, 0, sizeof(pair->own), pair->own) ==
            len &&
        memcmp(pair->own, pair->first, (size_t)len) != 0)
        llmobs_sys(SYS_sched_setaffinity, 0, len, pair->first);
out:
    free(pair);
}
