#include "cli/log/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "core/log/ledger_dir.h"
#include "lib/base/listing.h"

/* The head of a thread's list of robust mutexes is in the C library's record of
 * the thread, and so is the thread pointer: they are closer than this. Records
 * of two threads are farther apart than that, by a stack. */
#define RECORD_MAX 4096

/* -- the process ----------------------------------------------------------- */

static const char *log_target_after(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    return at ? at + strlen(name) : NULL;
}

/* True where any user id of the process is `uid`. Its threads may outlive the
 * first thread, which is a zombie then. */
static bool is_of(pid_t pid, uid_t uid)
{
    unsigned real = 0, effective = 0, saved = 0, threads = 0;
    char path[64], text[4096], state = 'X';
    const char *at;

    snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
    if (llmobs_file_begin(AT_FDCWD, path, text, sizeof(text)) <= 0)
        return false;
    at = log_target_after(text, "\nState:");
    if (!at || sscanf(at, " %c", &state) != 1)
        return false;
    at = log_target_after(text, "\nThreads:");
    if (!at || sscanf(at, "%u", &threads) != 1 ||
        ((state == 'Z' || state == 'X') && threads <= 1))
        return false;
    at = log_target_after(text, "\nUid:");
    return at && sscanf(at, "%u %u %u", &real, &effective, &saved) == 3 &&
           (real == uid || effective == uid || saved == uid);
}

bool llmobs_ps_target_lives(pid_t pid, uint64_t start)
{
    const struct llmobs_record_owner who = {.pid = pid, .start = start};
    uint64_t now;

    return llmobs_record_start(pid, &now) == 0 &&
           !llmobs_record_is_another(&who, now);
}

/* -- how far the call is --------------------------------------------------- */

/* False where the process has no such call any more. */
static bool look_at_progress(struct llmobs_ps_call *call)
{
    struct llmobs_progress progress = {0};
    struct iovec here = {&progress, sizeof(progress)};
    struct iovec there = {(void *)(uintptr_t)call->place.progress,
                          sizeof(progress)};

    if (call->place.progress == 0)
        return true;
    errno = 0;
    if (process_vm_readv(call->pid, &here, 1, &there, 1, 0) != sizeof(progress))
        return errno != EFAULT && errno != ESRCH;
    if (progress.sign != LLMOBS_PROGRESS_SIGN || progress.id != call->id)
        return false;
    call->received = progress.received;
    call->state =
        progress.received > 0 ? LLMOBS_PS_STREAMING : LLMOBS_PS_WAITING;
    return true;
}

/* -- its thread ------------------------------------------------------------ */

static bool is_thread_at(pid_t thread, uint64_t pointer)
{
    uintptr_t head = 0;
    size_t len = 0;

    if (syscall(SYS_get_robust_list, thread, &head, &len) != 0 || head == 0)
        return false;
    return head + RECORD_MAX > pointer && head < pointer + RECORD_MAX;
}

/* A process with one thread needs no proof. */
static pid_t find_thread(struct llmobs_listing *list, uint64_t pointer)
{
    const char *name;
    pid_t thread = 0, only = 0;
    size_t count = 0;

    while ((name = llmobs_listing_next(list))) {
        pid_t number = (pid_t)strtol(name, NULL, 10);

        if (number <= 0)
            continue;
        count++;
        only = number;
        if (pointer != 0 && is_thread_at(number, pointer))
            thread = number;
    }
    return thread != 0 ? thread : count == 1 ? only : 0;
}

static void look_at_threads(struct llmobs_ps_call *call)
{
    char path[64];
    struct llmobs_listing list;

    snprintf(path, sizeof(path), "/proc/%ld/task", (long)call->pid);
    if (llmobs_listing_open_in(&list, AT_FDCWD, path))
        return;
    call->thread = find_thread(&list, call->place.thread);
    llmobs_listing_close(&list);
}

/* Checks the process before and after the reads: so they read its memory. */
bool llmobs_ps_target_look(struct llmobs_ps_call *call)
{
    if (call->elsewhere)
        return true;
    if (!llmobs_ps_target_lives(call->pid, call->start) ||
        !is_of(call->pid, call->uid) || !look_at_progress(call))
        return false;
    look_at_threads(call);
    return llmobs_ps_target_lives(call->pid, call->start);
}
