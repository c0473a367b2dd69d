#include "cli/log/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cli/log/apart.h"
#include "cli/log/modules.h"
#include "cli/log/target.h"
#include "cli/log/tracee.h"
#include "cli/log/unwind.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"

#define STACK_MS 10000
#define TEXT_MAX ((size_t)64 * 1024)

/* -- in the child -----------------------------------------------------------
 */

/* The child sends this before the frames. */
struct head {
    int64_t stopped_ns;
    char problem[LLMOBS_PS_PROBLEM];
};

struct reading {
    pid_t parent, pid, thread;
    uint64_t start; /* of the process */
    struct head head;
    uintptr_t frames[LLMOBS_UNWIND_FRAMES];
    size_t count;
    struct llmobs_modules modules;
};

static bool is_restricted(void)
{
    char text[16];

    return llmobs_file_begin(AT_FDCWD, "/proc/sys/kernel/yama/ptrace_scope",
                             text, sizeof(text)) > 0 &&
           text[0] > '0';
}

static void explain(struct head *head, pid_t pid, pid_t thread, int error)
{
    char *out = head->problem;
    const size_t cap = sizeof(head->problem);

    if (error == -EBUSY)
        snprintf(out, cap, "process %ld traces it already",
                 (long)llmobs_tracee_tracer(pid, thread));
    else if (error == -EPERM && is_restricted())
        snprintf(out, cap,
                 "the kernel lets only root look at it "
                 "(kernel.yama.ptrace_scope)");
    else if (error == -EPERM)
        snprintf(out, cap, "the kernel does not let this user look at it");
    else if (error == -ESRCH)
        snprintf(out, cap, "it has ended");
    else if (error == -ETIMEDOUT)
        snprintf(out, cap, "it does not stop: it waits inside the kernel");
    else if (error == -ENOTSUP)
        snprintf(out, cap,
                 "it is not stopped, as that would end the system call in "
                 "which it waits");
    else
        snprintf(out, cap, "%s", strerror(-error));
}

/* The pid may be another process's by now: so that is asked while the thread
 * cannot end. */
static int read_stopped(struct reading *reading)
{
    int rc;

    if (!llmobs_ps_target_lives(reading->pid, reading->start))
        return -ESRCH;
    rc = llmobs_modules_read(reading->pid, &reading->modules);
    if (rc == 0)
        reading->count = llmobs_unwind_read(reading->thread, reading->frames);
    return rc;
}

static void stop_and_read(struct reading *reading)
{
    int64_t began = llmobs_clock_mono_ns();
    struct llmobs_tracee tracee;
    int rc = llmobs_tracee_stop(reading->pid, reading->thread, &tracee);

    if (rc == 0) {
        rc = read_stopped(reading);
        llmobs_tracee_go(&tracee);
        reading->head.stopped_ns = llmobs_clock_mono_ns() - began;
    }
    if (rc != 0)
        explain(&reading->head, reading->pid, reading->thread, rc);
    else if (reading->count == 0)
        snprintf(reading->head.problem, sizeof(reading->head.problem),
                 "libunwind cannot read its stack");
}

static void name_frames(const struct reading *reading, struct llmobs_buf *out)
{
    for (size_t i = 0; i < reading->count; i++)
        if (llmobs_modules_name(&reading->modules, reading->frames[i], i == 0,
                                out) != 0 ||
            llmobs_buf_addc(out, '\n') != 0)
            return;
}

static void send_stack(const struct reading *reading, int fd)
{
    struct llmobs_buf text;

    llmobs_buf_init(&text, TEXT_MAX);
    if (llmobs_buf_add(&text, &reading->head, sizeof(reading->head)) == 0)
        name_frames(reading, &text);
    (void)llmobs_file_write(fd, text.data, text.len);
    llmobs_buf_fini(&text);
}

static int read_apart(void *ctx, int entered, int fd)
{
    struct reading *reading = ctx;

    (void)entered;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != reading->parent)
        return 1;
    if (llmobs_unwind_open() == 0)
        stop_and_read(reading);
    else
        snprintf(reading->head.problem, sizeof(reading->head.problem),
                 "libunwind-ptrace.so.0 is not on this host (Debian: "
                 "libunwind8)");
    send_stack(reading, fd);
    return 0;
}

/* -- in the parent ----------------------------------------------------------
 */

static void log_stack_take(const struct llmobs_buf *text,
                           struct llmobs_ps_stack *out)
{
    struct head head;

    if (text->len < sizeof(head)) {
        snprintf(out->problem, sizeof(out->problem), "the reading broke off");
        return;
    }
    memcpy(&head, text->data, sizeof(head));
    head.problem[sizeof(head.problem) - 1] = '\0';
    memcpy(out->problem, head.problem, sizeof(head.problem));
    out->stopped_ns = head.stopped_ns;
    (void)llmobs_buf_add(&out->frames, text->data + sizeof(head),
                         text->len - sizeof(head));
}

void llmobs_ps_stack_read(pid_t pid, uint64_t start, pid_t thread,
                          struct llmobs_ps_stack *out)
{
    static struct reading reading;
    struct llmobs_apart child;
    struct llmobs_buf text;
    int rc;

    *out = (struct llmobs_ps_stack){.stopped_ns = 0};
    llmobs_buf_init(&out->frames, TEXT_MAX);
    if (thread == 0) {
        snprintf(out->problem, sizeof(out->problem), "its thread is not known");
        return;
    }
    reading = (struct reading){
        .parent = getpid(), .pid = pid, .thread = thread, .start = start};
    rc = llmobs_apart_start(&child, 0, NULL, NULL, read_apart, &reading);
    if (rc != 0) {
        snprintf(out->problem, sizeof(out->problem), "%s", strerror(-rc));
        return;
    }
    llmobs_buf_init(&text, TEXT_MAX + sizeof(struct head));
    if (llmobs_apart_receive(&child, STACK_MS, &text) != 0)
        llmobs_buf_cut(&text, 0);
    (void)llmobs_apart_end(&child, true); /* this lets the thread go */
    log_stack_take(&text, out);
    llmobs_buf_fini(&text);
}

void llmobs_ps_stack_fini(struct llmobs_ps_stack *stack)
{
    llmobs_buf_fini(&stack->frames);
}
