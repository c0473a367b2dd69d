/* Simulates seccomp filters to predict their answers. */
#include "lib/base/filter.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>

#include "lib/base/readable.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#else
#define ARCH AUDIT_ARCH_AARCH64
#endif

struct call {
    int number;
    unsigned first;
};

/* The kinds of system call in docs/FLEET.md, "System call filters", that
 * libcurl need not make. */
static const struct call calls[] = {
    {SYS_openat, 0},
    {SYS_read, 0},
    {SYS_write, 0},
    {SYS_writev, 0},
    {SYS_pread64, 0},
    {SYS_pwrite64, 0},
    {SYS_lseek, 0},
    {SYS_fstat, 0},
    {SYS_newfstatat, 0},
    {SYS_fcntl, 0},
    {SYS_mmap, 0},
    {SYS_munmap, 0},
    {SYS_mprotect, 0},
    {SYS_madvise, 0},
    {SYS_brk, 0},
    {SYS_prlimit64, 0},
    {SYS_geteuid, 0},
    {SYS_getuid, 0},
    {SYS_getpid, 0},
    {SYS_getrandom, 0},
    {SYS_mkdirat, 0},
    {SYS_fchmod, 0},
    {SYS_futex, 0},
    {SYS_sched_yield, 0},
    {SYS_clone3, 0},
    {SYS_rseq, 0},
    {SYS_set_robust_list, 0},
    {SYS_rt_sigprocmask, 0},
    {SYS_rt_sigaction, 0},
    {SYS_rt_sigtimedwait, 0},
    {SYS_rt_sigpending, 0},
    {SYS_prctl, PR_SET_NAME},
    {SYS_prctl, PR_SET_TIMERSLACK},
    {SYS_prctl, PR_GET_SECCOMP},
    {SYS_exit, 0},
    {SYS_getsockopt, 0},
    {SYS_sendmsg, 0},
    {SYS_getpeername, 0},
    {SYS_ppoll, 0},
    {SYS_rt_tgsigqueueinfo, 0},
    {SYS_gettid, 0},
    {SYS_getdents64, 0},
    {SYS_ftruncate, 0},
    {SYS_renameat, 0},
    {SYS_unlinkat, 0},
    {SYS_utimensat, 0},
    {SYS_readlinkat, 0},
    {SYS_kill, 0},
    {SYS_clock_nanosleep, 0},
#if defined(__x86_64__)
    {SYS_rename, 0},
    {SYS_unlink, 0},
    {SYS_rmdir, 0},
    {SYS_readlink, 0},
#endif
};

/* ---- the filter -----------------------------------------------------------
 */

struct state {
    uint32_t a, x, memory[BPF_MEMWORDS];
};

static uint32_t compute(uint32_t operation, uint32_t a, uint32_t b)
{
    switch (operation) {
    case BPF_ADD:
        return a + b;
    case BPF_SUB:
        return a - b;
    case BPF_MUL:
        return a * b;
    case BPF_DIV:
        return b ? a / b : 0;
    case BPF_OR:
        return a | b;
    case BPF_AND:
        return a & b;
    case BPF_XOR:
        return a ^ b;
    case BPF_LSH:
        return b < 32 ? a << b : 0;
    case BPF_RSH:
        return b < 32 ? a >> b : 0;
    default: /* BPF_NEG */
        return 0 - a;
    }
}

static bool jumps(uint32_t operation, uint32_t a, uint32_t b)
{
    switch (operation) {
    case BPF_JEQ:
        return a == b;
    case BPF_JGT:
        return a > b;
    case BPF_JGE:
        return a >= b;
    default: /* BPF_JSET */
        return (a & b) != 0;
    }
}

/* A step that loads, stores or moves. */
static void run_move(struct state *s, const struct sock_filter *step,
                     const struct seccomp_data *data)
{
    uint32_t value = step->k;
    uint32_t mode = BPF_MODE(step->code);

    if (mode == BPF_MEM)
        value = s->memory[step->k % BPF_MEMWORDS];
    else if (mode == BPF_LEN)
        value = sizeof(*data);
    else if (mode == BPF_ABS && step->k <= sizeof(*data) - sizeof(value))
        memcpy(&value, (const char *)data + step->k, sizeof(value));
    switch (BPF_CLASS(step->code)) {
    case BPF_LD:
        s->a = value;
        break;
    case BPF_LDX:
        s->x = value;
        break;
    case BPF_ST:
        s->memory[step->k % BPF_MEMWORDS] = s->a;
        break;
    case BPF_STX:
        s->memory[step->k % BPF_MEMWORDS] = s->x;
        break;
    default: /* BPF_MISC */
        if (BPF_MISCOP(step->code) == BPF_TAX)
            s->x = s->a;
        else
            s->a = s->x;
    }
}

/* Runs the filter. By the kernel's rules (Documentation/networking/filter.txt)
 * each jump leads forward, so the loop ends. */
static uint32_t run_filter(const struct sock_filter *steps, size_t count,
                           const struct seccomp_data *data)
{
    struct state s = {0};

    for (size_t i = 0; i < count; i++) {
        const struct sock_filter *step = &steps[i];
        uint32_t code = step->code;
        uint32_t other = BPF_SRC(code) == BPF_X ? s.x : step->k;

        if (BPF_CLASS(code) == BPF_RET)
            return BPF_RVAL(code) == BPF_A ? s.a : step->k;
        if (BPF_CLASS(code) == BPF_ALU)
            s.a = compute(BPF_OP(code), s.a, other);
        else if (BPF_CLASS(code) != BPF_JMP)
            run_move(&s, step, data);
        else if (BPF_OP(code) == BPF_JA)
            i += step->k;
        else
            i += jumps(BPF_OP(code), s.a, other) ? step->jt : step->jf;
    }
    return SECCOMP_RET_ALLOW;
}

static atomic_bool still;

void llmobs_filter_be_still(void)
{
    atomic_store(&still, true);
}

bool llmobs_filter_still(void)
{
    return atomic_load_explicit(&still, memory_order_relaxed);
}

bool llmobs_filter_hinders(const void *program)
{
    struct sock_fprog given;
    size_t i = 0, n = sizeof(calls) / sizeof(*calls);

    if (!llmobs_readable(program, sizeof(given)))
        return false;
    memcpy(&given, program, sizeof(given));
    if (given.len > BPF_MAXINSNS ||
        !llmobs_readable(given.filter, given.len * sizeof(*given.filter)))
        return false;
    for (; i < n; i++) {
        struct seccomp_data data = {.nr = calls[i].number, .arch = ARCH};
        uint32_t said;

        data.args[0] = calls[i].first;
        said = run_filter(given.filter, given.len, &data) &
               SECCOMP_RET_ACTION_FULL;
        if (said != SECCOMP_RET_ALLOW && said != SECCOMP_RET_LOG &&
            said != SECCOMP_RET_ERRNO)
            break;
    }
    return i < n;
}
