/* Decides whether a relay may be started here, and starts it. */
#include "core/deliver/start_relay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "lib/base/proc_stat.h"
#include "lib/base/sandbox.h"
#include "lib/base/scratch.h"
#include "lib/base/sys.h"
#include "lib/elf/loaded.h"

/* The least number of processes that a user may have where one more, or two,
 * cannot be what keeps the program from its own. */
#define PROCESSES 1024
#define SIGNALS 64
#define TEXT_MAX 4096
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
/* The bytes of a signal set, as the kernel has it. */
#define KERNEL_SET 8

static const char *const *relay_env;

/* -- programs without handlers of an exit ---------------------------------- */

static bool cut_short;

/* True where a note of the program has the name that Go's linker gives. */
static bool is_go(const char *at, size_t len)
{
    ElfW(Nhdr) note;

    while (len >= sizeof(note)) {
        size_t size;

        memcpy(&note, at, sizeof(note));
        size = sizeof(note) + ((note.n_namesz + 3) & ~(size_t)3) +
               ((note.n_descsz + 3) & ~(size_t)3);
        if (note.n_namesz >= sizeof("Go") &&
            len >= sizeof(note) + sizeof("Go") &&
            memcmp(at + sizeof(note), "Go", sizeof("Go")) == 0)
            return true;
        if (size > len)
            break;
        at += size;
        len -= size;
    }
    return false;
}

/* True where the versions that the program defines, of which there are few, are
 * Bun's. */
static bool is_bun(const ElfW(Dyn) * dynamic, uintptr_t base)
{
    uintptr_t names = 0, at = 0, left = 0;

    for (; dynamic->d_tag != DT_NULL; dynamic++)
        if (dynamic->d_tag == DT_STRTAB)
            names = dynamic->d_un.d_ptr;
        else if (dynamic->d_tag == DT_VERDEF)
            at = dynamic->d_un.d_ptr;
        else if (dynamic->d_tag == DT_VERDEFNUM)
            left = dynamic->d_un.d_val;
    if (!names || !at)
        return false;
    /* A loader may have added the base already. */
    names += names < base ? base : 0;
    at += at < base ? base : 0;
    for (; left > 0; left--) {
        const ElfW(Verdef) *version = (const void *)at;
        const ElfW(Verdaux) *name = (const void *)(at + version->vd_aux);

        if (strncmp((const char *)(names + name->vda_name), "BUN_", 4) == 0)
            return true;
        at += version->vd_next;
    }
    return false;
}

/* By the program's headers alone, and what the kernel has mapped of it. */
static bool is_cut_short(void)
{
    struct llmobs_loaded program = {.phdr = (const void *)getauxval(AT_PHDR),
                                    .phnum = getauxval(AT_PHNUM)};
    const ElfW(Phdr) *at =
        program.phdr ? llmobs_loaded_header(&program, PT_PHDR) : NULL;

    if (!at)
        return false;
    program.base = (uintptr_t)program.phdr - at->p_vaddr;
    for (at = program.phdr; at < program.phdr + program.phnum; at++) {
        const void *bytes =
            llmobs_loaded_at(&program, program.base + at->p_vaddr, at->p_memsz);

        if (bytes &&
            ((at->p_type == PT_NOTE && is_go(bytes, at->p_memsz)) ||
             (at->p_type == PT_DYNAMIC && is_bun(bytes, program.base))))
            return true;
    }
    return false;
}

bool llmobs_start_relay_for_end(void)
{
    return cut_short;
}

void llmobs_start_relay_from(const char *const *env)
{
    relay_env = env;
    cut_short = is_cut_short();
}

/* -- whether it may ------------------------------------------------------- */

static const char *value_of(const char *name)
{
    size_t len = strlen(name);

    for (const char *const *at = relay_env; at && *at; at++)
        if (strncmp(*at, name, len) == 0 && (*at)[len] == '=')
            return *at + len + 1;
    return NULL;
}

/* Reads a file of /proc into the TEXT_MAX bytes; false: it cannot be read. */
static bool read_proc(const char *path, char *text)
{
    return llmobs_file_begin(AT_FDCWD, path, text, TEXT_MAX) > 0;
}

/* The kernel's value for that name, with a colon, in `text`; NULL: none. */
static const char *read_status(const char *name, char *text)
{
    const char *at =
        read_proc("/proc/self/status", text) ? strstr(text, name) : NULL;

    return at ? at + strlen(name) + 1 : NULL;
}

/* A relay in a service would end with it, or keep it from its end. A program
 * that a person started has a terminal, or is an application or a scope of a
 * session. */
static bool is_service(char *text)
{
    char path[40], *at, *line, *rest;
    const char *unit = "", *type;

    if (read_proc("/proc/self/stat", text) &&
        strtoull(llmobs_proc_field(text, LLMOBS_PROC_TERMINAL), NULL, 10) != 0)
        return false;
    /* Systemd's unit is the last part of the place among the control groups. */
    rest = read_proc("/proc/self/cgroup", text) ? text : NULL;
    while ((line = strsep(&rest, "\n")))
        if ((strncmp(line, "0::", 3) == 0 || strstr(line, ":name=systemd:")) &&
            (at = strrchr(line, '/')) && at[1])
            unit = at + 1;
    type = strrchr(unit, '.');
    if (type && strcmp(type, ".scope") == 0)
        return false;
    if (type && strcmp(type, ".service") == 0)
        return strncmp(unit, "app-", 4) != 0;
    if (value_of("INVOCATION_ID") || value_of("NOTIFY_SOCKET"))
        return true;
    snprintf(path, sizeof(path), "/proc/%ld/comm", llmobs_sys(SYS_getppid, 0));
    if (!read_proc(path, text))
        return false;
    text[strcspn(text, "\n")] = '\0';
    return llmobs_words_have("s6-supervise\0runsv\0supervise\0"
                             "supervise-daemo\0supervisord\0",
                             text);
}

/* True for a process with rights that its user lacks; the relay would have
 * them, too. */
static bool is_privileged(char *text)
{
    uid_t real, effective, saved;
    const char *at;

    if (getauxval(AT_SECURE) != 0 ||
        getresuid(&real, &effective, &saved) != 0 || real != effective ||
        real != saved || getgid() != getegid())
        return true;
    if (real == 0)
        return false;
    at = read_status("CapPrm:", text);
    return !at || strtoull(at, NULL, 16) != 0;
}

/* True where a control group, of the process or above it, may have few
 * processes. A container may have its own in the place of the first one. */
static bool is_in_small_group(char *text)
{
    char path[320], most[24], *at, *line, *rest = text;

    if (!read_proc("/proc/self/cgroup", text))
        return false;
    while ((line = strsep(&rest, "\n"))) {
        bool second = strncmp(line, "0::", 3) == 0;

        at = second || strstr(line, ":pids:") ? strchr(line, '/') : NULL;
        if (!at)
            continue;
        snprintf(path, sizeof(path) - sizeof("/pids.max"), "/sys/fs/cgroup%s%s",
                 second ? "" : "/pids", at);
        for (at = path + strlen(path); at > path + strlen("/sys/fs");
             at = strrchr(path, '/')) {
            strcpy(at, "/pids.max");
            if (llmobs_file_begin(AT_FDCWD, path, most, sizeof(most)) > 0 &&
                *most != 'm' && strtoul(most, NULL, 10) < PROCESSES)
                return true;
            *at = '\0';
        }
    }
    return false;
}

const char *llmobs_start_relay_why_not(const struct llmobs_config *config,
                                       bool brief)
{
    char *text = llmobs_scratch_alloc(TEXT_MAX);
    const char *tracer, *why = NULL;
    struct rlimit most;
    int adopts = 0;

    if (!text)
        return "memory is short";
    if (getpid() == 1)
        why = "the program is the first process of its container";
    else if (llmobs_sandbox_is("/proc/self/status", "/proc/1/status"))
        why = "the program is in a sandbox";
    else if (is_privileged(text))
        why = "the program has more rights than its user";
    else if (prctl(PR_GET_CHILD_SUBREAPER, &adopts, 0, 0, 0) == 0 && adopts)
        why = "the program adopts the children of others";
    else if ((getrlimit(RLIMIT_NPROC, &most) == 0 &&
              most.rlim_cur < PROCESSES) ||
             (!config->launched && is_in_small_group(text)))
        why = "the number of its processes is limited";
    /* One that follows children, as strace -f, waits for their end, too. */
    else if ((tracer = read_status("TracerPid:", text)) && *tracer != '0')
        why = "the program is traced";
    else if (!config->launched && !brief && is_service(text))
        why = "the program is a service";
    llmobs_scratch_free(text);
    return why;
}

/* -- the start ------------------------------------------------------------ */

struct start {
    char path[PATH_MAX], dir[PATH_MAX];
    const char *const *words;
    long error; /* written by the children, which share the memory */
};

static void copy_path(const struct llmobs_loaded *object, void *ctx)
{
    snprintf(ctx, PATH_MAX, "%s", object->path);
}

/* Finds `llmobs` from the core's own file, installed or built. */
static int find_tool(struct start *start)
{
    static const char *const places[] = {"/llmobs", "/../../bin/llmobs"};
    char name[40], *dir = start->dir;
    ssize_t len = -1;
    int fd;

    if (llmobs_loaded_find((uintptr_t)&relay_env, copy_path, dir) != 0)
        return -ENOENT;
    fd = llmobs_fd_open(AT_FDCWD, dir, O_RDONLY);
    if (fd < 0)
        return fd;
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    len = readlink(name, dir, PATH_MAX - 1);
    close(fd);
    if (len <= 0)
        return -ENOENT;
    dir[len] = '\0';
    *strrchr(dir, '/') = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
        if (snprintf(start->path, PATH_MAX, "%s%s", dir, places[i]) <
                PATH_MAX &&
            faccessat(AT_FDCWD, start->path, X_OK, 0) == 0)
            return 0;
    return -ENOENT;
}

/* Calls `run` in a child that uses this thread's memory, stack included, while
 * this thread waits for it to execute a program or to end: a vfork of which no
 * code of libc, of the program's or of another preload knows. `run` does not
 * return. `told`: the signal that tells the parent of its end. Flat, since the
 * child's next call is where a function that made the system call would find
 * its way back. */
__attribute__((noinline, flatten)) static long borrow(
    void (*run)(struct start *), struct start *start, int told)
{
    long pid = llmobs_sys(SYS_clone, CLONE_VM | CLONE_VFORK | told, 0);

    if (pid == 0)
        run(start);
    return pid;
}

__attribute__((noreturn)) static void end_child(void)
{
    for (;;)
        (void)llmobs_sys(SYS_exit, 0);
}

/* The relay. The tool closes descriptors once more, where the kernel cannot
 * close all at once. */
static void become_relay(struct start *start)
{
    /* As the kernel has it: handler, flags, restorer, mask. */
    static const uint64_t by_default[4];
    static const uint64_t none;
    long null;

    (void)llmobs_sys(SYS_setsid, 0);
    null = llmobs_sys(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR);
    if (null < 0) /* whoever reads the program's output waits for its end */
        null = llmobs_sys(SYS_openat, AT_FDCWD, "/", O_RDONLY);
    for (int fd = 0; fd < 3 && null >= 0; fd++)
        (void)llmobs_sys(SYS_dup3, null, fd, 0);
    (void)llmobs_sys(SYS_close_range, 3, ~0u, 0);
    for (int i = 1; i <= SIGNALS; i++)
        (void)llmobs_sys(SYS_rt_sigaction, i, by_default, NULL, KERNEL_SET);
    (void)llmobs_sys(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, KERNEL_SET);
    start->error = llmobs_sys(SYS_execve, start->path, start->words, relay_env);
    end_child();
}

/* The kernel gives the relay another parent as this child ends. */
static void start_and_end(struct start *start)
{
    long pid = borrow(become_relay, start, SIGCHLD);

    if (pid < 0)
        start->error = pid;
    end_child();
}

int llmobs_start_relay(bool brief)
{
    const char *const words[] = {"llmobs", brief ? "drain" : "relay", "--own",
                                 NULL};
    struct start *start = llmobs_scratch_alloc(sizeof(*start));
    int rc = start && relay_env ? find_tool(start) : -ENOENT;
    static const uint64_t all = ~UINT64_C(0);
    uint64_t before;
    long pid;

    if (rc == 0) {
        start->words = words;
        start->error = 0;
        /* No handler of the program's may run in a child that has its memory:
         * the relay lets signals come again. */
        (void)llmobs_sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before,
                         KERNEL_SET);
        pid = borrow(start_and_end, start, 0);
        if (pid > 0)
            while (llmobs_sys(SYS_wait4, pid, NULL, __WCLONE, NULL) == -EINTR)
                ;
        (void)llmobs_sys(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL,
                         KERNEL_SET);
        rc = (int)(pid < 0 ? pid : start->error);
    }
    llmobs_scratch_free(start);
    return rc;
}
