/* Stops a thread by ptrace and reads its native stack by libunwind. */
#include "cli/log/stack.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/shared/apart.h"
#include "cli/log/call.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/elf/symbol.h"

#define STACK_MS 10000
#define TEXT_MAX ((size_t)64 * 1024)
#define MAPS_MAX ((size_t)8 << 20)
#define FRAMES 64

struct tracee {
    pid_t thread;
    int signal; /* a pending signal, which the thread gets when it goes on */
};

/* The child sends this before the frames. */
struct head {
    int64_t stopped_ns;
    char problem[LLMOBS_PS_PROBLEM];
};

struct reading {
    pid_t parent, pid, thread;
    uint64_t start; /* of the process */
    struct head head;
    uintptr_t frames[FRAMES];
    size_t count;
    struct llmobs_buf maps; /* /proc/PID/maps; nothing frees it: the
                             * child ends soon */
};

/* -- the thread, stopped and let go ---------------------------------------- */

#define STOP_MS 1000
#define LOOK_US 200

/* ERESTARTNOHAND of the kernel: the system call ends with EINTR where a handler
 * ran, and else begins again. */
#define RESTART_NO_HANDLER 514

/* System calls that a stop ends with EINTR, and that the kernel does not
 * restart by itself: see signal(7). Calls on sockets end so only where the
 * socket has a time limit. None of these calls has done anything when it
 * returns EINTR; a connect that is under way goes on. */
static const long ended_by_a_stop[] = {
    SYS_epoll_pwait,  SYS_read,         SYS_readv,           SYS_write,
    SYS_writev,       SYS_recvfrom,     SYS_recvmsg,         SYS_recvmmsg,
    SYS_sendto,       SYS_sendmsg,      SYS_sendmmsg,        SYS_accept,
    SYS_accept4,      SYS_connect,      SYS_rt_sigtimedwait, SYS_semop,
    SYS_semtimedop,   SYS_io_getevents, SYS_io_pgetevents,   SYS_io_uring_enter,
#if defined(SYS_epoll_pwait2)
    SYS_epoll_pwait2,
#endif
#if defined(__x86_64__)
    SYS_epoll_wait,
#endif
};

static bool is_ended_by_a_stop(long number)
{
    for (size_t i = 0; i < sizeof(ended_by_a_stop) / sizeof(long); i++)
        if (ended_by_a_stop[i] == number)
            return true;
    return false;
}

/* The process that traces a thread; 0: none. */
static pid_t tracee_tracer(pid_t pid, pid_t thread)
{
    char path[64], text[4096];
    const char *at;

    snprintf(path, sizeof(path), "/proc/%ld/task/%ld/status", (long)pid,
             (long)thread);
    if (llmobs_file_begin(AT_FDCWD, path, text, sizeof(text)) <= 0)
        return 0;
    at = strstr(text, "\nTracerPid:");
    return at ? (pid_t)strtol(at + 11, NULL, 10) : 0;
}

#if defined(__x86_64__)
/* Makes the kernel restart the system call; if a signal handler runs first, the
 * call still ends with EINTR. */
static void restart_call(pid_t thread)
{
    struct user_regs_struct regs;

    if (ptrace(PTRACE_GETREGS, thread, NULL, &regs) != 0 ||
        (long)regs.orig_rax < 0 || (long)regs.rax != -EINTR ||
        !is_ended_by_a_stop((long)regs.orig_rax))
        return;
    regs.rax = (unsigned long)-RESTART_NO_HANDLER;
    (void)ptrace(PTRACE_SETREGS, thread, NULL, &regs);
}

static bool is_safe(pid_t pid, pid_t thread)
{
    (void)pid;
    (void)thread;
    return true;
}
#else
/* Does nothing: this machine's kernel decides before the stop whether the
 * system call restarts. */
static void restart_call(pid_t thread)
{
    (void)thread;
}

static bool is_safe(pid_t pid, pid_t thread)
{
    char path[64], text[256];

    snprintf(path, sizeof(path), "/proc/%ld/task/%ld/syscall", (long)pid,
             (long)thread);
    return llmobs_file_begin(AT_FDCWD, path, text, sizeof(text)) > 0 &&
           (text[0] < '0' || text[0] > '9' ||
            !is_ended_by_a_stop(strtol(text, NULL, 10)));
}
#endif

/* Stops the thread. A stop that has no event comes from a signal that was sent
 * before the request to stop: the thread gets that signal when it goes on.
 * After an error the thread is attached at most until this process ends. */
static int tracee_stop(pid_t pid, pid_t thread, struct tracee *out)
{
    int64_t until = llmobs_clock_mono_ns() + STOP_MS * LLMOBS_NS_PER_MS;
    pid_t seen;
    int status;

    *out = (struct tracee){.thread = thread};
    if (tracee_tracer(pid, thread) != 0)
        return -EBUSY;
    if (!is_safe(pid, thread))
        return -ENOTSUP;
    if (ptrace(PTRACE_SEIZE, thread, NULL, NULL) != 0)
        return errno == EPERM && tracee_tracer(pid, thread) != 0 ? -EBUSY
                                                                 : -errno;
    if (ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) != 0)
        return -errno;
    while ((seen = waitpid(thread, &status, __WALL | WNOHANG)) != thread) {
        if (seen < 0 && errno != EINTR)
            return -errno;
        if (llmobs_clock_mono_ns() > until)
            return -ETIMEDOUT;
        usleep(LOOK_US);
    }
    if (!WIFSTOPPED(status))
        return -ESRCH;
    if (status >> 16 == 0)
        out->signal = WSTOPSIG(status);
    else if (WSTOPSIG(status) == SIGTRAP)
        restart_call(thread);
    return 0;
}

/* -- the return addresses, by libunwind's unwinder for ptrace -------------- */

/* The interface of libunwind 1.x, whose headers a build does not need: a cursor
 * is opaque, and smaller than CURSOR_SIZE on every machine. */
#define CURSOR_SIZE 65536
#if defined(__x86_64__)
#define MACHINE "x86_64"
#define REG_IP 16
#else
#define MACHINE "aarch64"
#define REG_IP 32
#endif
#define GENERIC "libunwind-" MACHINE ".so.8"
#define REMOTE "libunwind-ptrace.so.0"

/* Nothing else of `llmobs` needs libunwind, so it is opened only for this, and
 * may be missing. It stays open to the end of the process. */
static struct {
    void *(*create_space)(void *accessors, int byte_order);
    void (*destroy_space)(void *space);
    int (*init_remote)(void *cursor, void *space, void *of);
    int (*step)(void *cursor);
    int (*get_reg)(void *cursor, int reg, uintptr_t *value);
    void *(*create)(pid_t thread);
    void (*destroy)(void *of);
    void *accessors;
} unwinder;

static int unwind_find(void *generic, void *remote)
{
    const struct {
        void *library;
        const char *name;
        void *out;
    } wanted[] = {
        {generic, "_U" MACHINE "_create_addr_space", &unwinder.create_space},
        {generic, "_U" MACHINE "_destroy_addr_space", &unwinder.destroy_space},
        {generic, "_U" MACHINE "_init_remote", &unwinder.init_remote},
        {generic, "_U" MACHINE "_step", &unwinder.step},
        {generic, "_U" MACHINE "_get_reg", &unwinder.get_reg},
        {remote, "_UPT_create", &unwinder.create},
        {remote, "_UPT_destroy", &unwinder.destroy},
        {remote, "_UPT_accessors", &unwinder.accessors}};

    for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
        void *found = dlsym(wanted[i].library, wanted[i].name);

        if (!found)
            return -ENOENT;
        *(void **)wanted[i].out = found;
    }
    return 0;
}

/* -- the names of addresses, by the files that the process has mapped ------ */

/* One mapping of a process. */
struct mapping {
    uint64_t begin, end, offset, inode;
    struct llmobs_text path;
};

/* Finds the mapping of an address in the lines of maps. */
static bool modules_find(const struct reading *reading, uintptr_t address,
                         struct mapping *out)
{
    struct llmobs_text rest = llmobs_buf_text(&reading->maps), line;
    char head[128];
    int path;

    while (llmobs_text_split(&rest, '\n', &line)) {
        snprintf(head, sizeof(head), "%.*s", (int)line.len, line.data);
        path = 0;
        if (sscanf(head,
                   "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*x:%*x %" SCNu64
                   " %n",
                   &out->begin, &out->end, &out->offset, &out->inode,
                   &path) != 4 ||
            address < out->begin || address >= out->end)
            continue;
        out->path = (struct llmobs_text){
            line.data + path, path > 0 ? line.len - (size_t)path : 0};
        return true;
    }
    return false;
}

/* Appends "module!function+0x1f", "module+0x1234" or "0x7f..." for an address.
 * `exact`: it is the instruction itself, not the one after a call. */
static int modules_name(const struct reading *reading, uintptr_t address,
                        bool exact, struct llmobs_buf *out)
{
    uintptr_t inside = address - (exact ? 0 : 1);
    struct llmobs_symbol symbol;
    struct mapping mapping;
    char file[PATH_MAX];
    struct stat st;
    uint64_t at;
    int rc;
    const char *slash;
    size_t skip;

    if (!modules_find(reading, inside, &mapping) || mapping.path.len == 0)
        return llmobs_buf_addf(out, "0x%" PRIxPTR, address);
    /* The file as the process sees it, which may have another root; none where
     * another file, or none, is at that path by now. */
    if (mapping.path.data[0] != '/' ||
        snprintf(file, sizeof(file), "/proc/%ld/root%.*s", (long)reading->pid,
                 (int)mapping.path.len, mapping.path.data) >= PATH_MAX ||
        stat(file, &st) != 0 || st.st_ino != mapping.inode)
        file[0] = '\0';
    at = inside - mapping.begin + mapping.offset;
    slash = memrchr(mapping.path.data, '/', mapping.path.len);
    skip = slash ? (size_t)(slash + 1 - mapping.path.data) : 0;
    mapping.path =
        (struct llmobs_text){mapping.path.data + skip, mapping.path.len - skip};
    rc = llmobs_buf_add(out, mapping.path.data, mapping.path.len);
    if (rc != 0)
        return rc;
    if (file[0] == '\0' || llmobs_symbol_at(file, at, &symbol) != 0)
        return llmobs_buf_addf(out, "+0x%" PRIx64, at + (exact ? 0 : 1));
    return llmobs_buf_addf(out, "!%s+0x%" PRIxPTR, symbol.name,
                           symbol.offset + (exact ? 0 : 1));
}

/* -- in the child ---------------------------------------------------------- */

static void explain(struct head *head, pid_t pid, pid_t thread, int error)
{
    char *out = head->problem;
    const size_t cap = sizeof(head->problem);
    char scope[16];

    if (error == -EBUSY)
        snprintf(out, cap, "process %ld traces it already",
                 (long)tracee_tracer(pid, thread));
    else if (error == -EPERM &&
             llmobs_file_begin(AT_FDCWD, "/proc/sys/kernel/yama/ptrace_scope",
                               scope, sizeof(scope)) > 0 &&
             scope[0] > '0')
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

/* Reads the stack of a stopped thread. By now another process may have the pid.
 * Checks this here, as a stopped thread cannot end, and its pid then stays the
 * same. */
static int read_stopped(struct reading *reading)
{
    char path[64];
    int rc;

    if (!llmobs_ps_lives(reading->pid, reading->start))
        return -ESRCH;
    llmobs_buf_init(&reading->maps, MAPS_MAX);
    snprintf(path, sizeof(path), "/proc/%ld/maps", (long)reading->pid);
    rc = llmobs_file_read(path, &reading->maps);
    if (rc == 0) {
        /* The thread is stopped by ptrace. The first frame is its present
         * instruction. */
        void *space = unwinder.create_space(unwinder.accessors, 0);
        void *of = space ? unwinder.create(reading->thread) : NULL;
        void *cursor = of ? calloc(1, CURSOR_SIZE) : NULL;
        size_t count = 0;

        if (cursor && unwinder.init_remote(cursor, space, of) == 0)
            do {
                uintptr_t at = 0;

                if (unwinder.get_reg(cursor, REG_IP, &at) < 0 || at == 0)
                    break;
                reading->frames[count++] = at;
            } while (count < FRAMES && unwinder.step(cursor) > 0);
        free(cursor);
        if (of)
            unwinder.destroy(of);
        if (space)
            unwinder.destroy_space(space);
        reading->count = count;
    }
    return rc;
}

static int read_apart(void *ctx, int entered, int fd)
{
    struct reading *reading = ctx;
    struct head *head = &reading->head;
    struct tracee tracee;
    void *generic, *remote;
    struct llmobs_buf text;
    int64_t began;
    int rc;

    (void)entered;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != reading->parent)
        return 1;
    /* The second library needs the first, but has no DT_NEEDED: so RTLD_GLOBAL.
     */
    generic = dlopen(GENERIC, RTLD_NOW | RTLD_GLOBAL);
    remote = generic ? dlopen(REMOTE, RTLD_NOW) : NULL;
    if (remote && unwind_find(generic, remote) == 0) {
        began = llmobs_clock_mono_ns();
        rc = tracee_stop(reading->pid, reading->thread, &tracee);
        if (rc == 0) {
            rc = read_stopped(reading);
            (void)ptrace(PTRACE_DETACH, tracee.thread, NULL,
                         (void *)(intptr_t)tracee.signal);
            head->stopped_ns = llmobs_clock_mono_ns() - began;
        }
        if (rc != 0)
            explain(head, reading->pid, reading->thread, rc);
        else if (reading->count == 0)
            snprintf(head->problem, sizeof(head->problem),
                     "libunwind cannot read its stack");
    } else {
        snprintf(head->problem, sizeof(head->problem),
                 "libunwind-ptrace.so.0 is not on this host (Debian: "
                 "libunwind8)");
    }
    llmobs_buf_init(&text, TEXT_MAX);
    rc = llmobs_buf_add(&text, head, sizeof(*head));
    for (size_t i = 0; i < reading->count && rc == 0; i++) {
        rc = modules_name(reading, reading->frames[i], i == 0, &text);
        if (rc == 0)
            rc = llmobs_buf_addc(&text, '\n');
    }
    (void)llmobs_file_write(fd, text.data, text.len);
    llmobs_buf_fini(&text);
    return 0;
}

/* -- in the parent --------------------------------------------------------- */

void llmobs_ps_stack_read(pid_t pid, uint64_t start, pid_t thread,
                          struct llmobs_ps_stack *out)
{
    static struct reading reading;
    struct llmobs_apart child;
    struct llmobs_buf text;
    struct head head;
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
    if (text.len < sizeof(head)) {
        snprintf(out->problem, sizeof(out->problem), "the reading broke off");
    } else {
        memcpy(&head, text.data, sizeof(head));
        head.problem[sizeof(head.problem) - 1] = '\0';
        memcpy(out->problem, head.problem, sizeof(head.problem));
        out->stopped_ns = head.stopped_ns;
        (void)llmobs_buf_add(&out->frames, text.data + sizeof(head),
                             text.len - sizeof(head));
    }
    llmobs_buf_fini(&text);
}

void llmobs_ps_stack_fini(struct llmobs_ps_stack *stack)
{
    llmobs_buf_fini(&stack->frames);
}
