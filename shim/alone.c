/* Wraps calls that need a process with one thread, and ends ours. */
#include "shim/alone.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "shim/fds.h"
#include "shim/lib_calls.h"
#include "shim/libc.h"
#include "shim/libc_calls.h"

/* The system call's number on all architectures; old headers lack it. */
#define LANDLOCK_RESTRICT_SELF 446

typedef int two_fn(uintptr_t, uintptr_t);
typedef void leave_fn(uintptr_t);
typedef int prctl_fn(int, uintptr_t, uintptr_t, uintptr_t, uintptr_t);
typedef long syscall_fn(long, uintptr_t, uintptr_t, uintptr_t, uintptr_t,
                        uintptr_t, uintptr_t);

static const struct llmobs_ops *core; /* NULL: it is not loaded */

/* -- the calls ------------------------------------------------------------- */

/* A call of the program needs one of these. ALONE: its thread is the process's
 * only one. CONFINED: also, nothing is delivered after the call. FILTERED: like
 * CONFINED, by a filter. STRICT: by a filter that allows almost nothing.
 * NARROWED: no thread may have more rights than the calling thread. */
enum { NOTHING = -1, ALONE, CONFINED, FILTERED, STRICT, NARROWED };

/* The request of the call, and the answer of the core. */
struct request {
    const struct llmobs_ops *ops;
    int how;
    enum llmobs_rest rest;
};

static int of_prctl(int option, uintptr_t mode)
{
    switch (option) {
    case PR_SET_SECCOMP:
        return mode == SECCOMP_MODE_STRICT ? STRICT : FILTERED;
    case PR_SET_NO_NEW_PRIVS:
    case PR_SET_SECUREBITS:
    case PR_CAPBSET_DROP:
    case PR_CAP_AMBIENT:
        return NARROWED;
    default:
        return NOTHING;
    }
}

static int of_syscall(long number, uintptr_t first, uintptr_t second)
{
    switch (number) {
    case SYS_unshare:
    case SYS_setns:
        return ALONE;
    case SYS_seccomp:
        return first == SECCOMP_SET_MODE_STRICT   ? STRICT
               : first == SECCOMP_SET_MODE_FILTER ? FILTERED
                                                  : NOTHING;
    case LANDLOCK_RESTRICT_SELF:
        return CONFINED;
    case SYS_capset:
        return NARROWED;
    case SYS_prctl:
        return of_prctl((int)first, second);
    default:
        return NOTHING;
    }
}

/* `program`: of a filter. */
static struct request begin_call(int how, uintptr_t program)
{
    struct request request = {__atomic_load_n(&core, __ATOMIC_ACQUIRE), how,
                              LLMOBS_REST_NOT};
    bool confines = how == CONFINED || how == FILTERED || how == STRICT;

    if (request.ops)
        request.rest = request.ops->rest(
            confines ? LLMOBS_CONFINED_HERE : LLMOBS_CONFINED_NOT,
            (const void *)(how == FILTERED ? program : 0));
    if (how == STRICT && request.rest != LLMOBS_REST_NOT)
        request.rest = LLMOBS_REST_HINDERED;
    /* Without the core nobody reads the filter. */
    if ((how == FILTERED || how == STRICT) &&
        (!request.ops || request.rest == LLMOBS_REST_HINDERED))
        llmobs_fds_stop();
    return request;
}

/* True if the call failed because of a thread of the library. That thread has
 * ended now. The failed call had no effect, so it is made again. */
static bool must_repeat(const struct request *request, long result)
{
    return result == -1 && request->how == ALONE &&
           request->rest != LLMOBS_REST_NOT && llmobs_libc_errno() == EINVAL &&
           request->ops->rest_longer();
}

static void end_call(const struct request *request, long result)
{
    enum llmobs_confined how = request->how == ALONE || request->how == NARROWED
                                   ? LLMOBS_CONFINED_NOT
                                   : LLMOBS_CONFINED_HERE;

    if (request->rest == LLMOBS_REST_HINDERED && result != -1)
        how = LLMOBS_CONFINED_STILL;
    if (request->rest != LLMOBS_REST_NOT)
        request->ops->rested(how);
}

static int call_two(enum llmobs_libc_call which, int how, uintptr_t a,
                    uintptr_t b)
{
    struct request request = begin_call(how, 0);
    two_fn *next = (two_fn *)llmobs_libc_calls_real[which];
    int result = next(a, b);

    if (must_repeat(&request, result))
        result = next(a, b);
    end_call(&request, result);
    return result;
}

static int alone_unshare(uintptr_t flags)
{
    return call_two(LLMOBS_LIBC_unshare, ALONE, flags, 0);
}

static int alone_setns(uintptr_t fd, uintptr_t type)
{
    return call_two(LLMOBS_LIBC_setns, ALONE, fd, type);
}

static int alone_capset(uintptr_t header, uintptr_t data)
{
    return call_two(LLMOBS_LIBC_capset, NARROWED, header, data);
}

/* The real function does not return. It unwinds the stack, so this is a jump to
 * it. */
static void alone_pthread_exit(uintptr_t value)
{
    const struct llmobs_ops *ops = __atomic_load_n(&core, __ATOMIC_ACQUIRE);

    if (ops)
        ops->leaves();
    ((leave_fn *)llmobs_libc_calls_real[LLMOBS_LIBC_pthread_exit])(value);
}

/* libc declares prctl and syscall with "...". These two name all arguments that
 * a call can have: the calling conventions pass them in the same places. */
static int alone_prctl(int option, uintptr_t a, uintptr_t b, uintptr_t c,
                       uintptr_t d)
{
    prctl_fn *next = (prctl_fn *)llmobs_libc_calls_real[LLMOBS_LIBC_prctl];
    int how = of_prctl(option, a);
    struct request request;
    int result;

    if (how == NOTHING)
        return next(option, a, b, c, d);
    request = begin_call(how, b);
    result = next(option, a, b, c, d);
    end_call(&request, result);
    return result;
}

long llmobs_alone_syscall(long number, uintptr_t a, uintptr_t b, uintptr_t c,
                          uintptr_t d, uintptr_t e, uintptr_t f)
{
    syscall_fn *next =
        (syscall_fn *)llmobs_libc_calls_real[LLMOBS_LIBC_syscall];
    int how = of_syscall(number, a, b);
    struct request request;
    long result;

    if (how == NOTHING)
        return next(number, a, b, c, d, e, f);
    request = begin_call(how, c);
    result = next(number, a, b, c, d, e, f);
    if (must_repeat(&request, result))
        result = next(number, a, b, c, d, e, f);
    end_call(&request, result);
    return result;
}

#define THUNK_OF(name, sets) \
    case LLMOBS_LIBC_##name: \
        return llmobs_lib_opaque((void *)(alone_##name));

void *llmobs_alone_function(enum llmobs_libc_call call)
{
    switch (call) {
        LLMOBS_LIBC_ALONE_CALLS(THUNK_OF)
    default:
        return NULL;
    }
}

/* -- when they are watched ------------------------------------------------- */

void llmobs_alone_open(const struct llmobs_ops *ops)
{
    __atomic_store_n(&core, ops, __ATOMIC_RELEASE);
}

void llmobs_alone_watch(void)
{
    llmobs_libc_calls_patch(LLMOBS_LIBC_ALONE | LLMOBS_LIBC_LEAVES);
}

/* Looks at the program's symbols, which are few, but only at the file names of
 * other objects, for libseccomp's and for modules of script languages: to look
 * at all symbols of all objects costs 0.8 million instructions. */
static int look_at_object(struct dl_phdr_info *info, size_t size,
                          void *argument)
{
    bool *program = argument, first = *program, found = false;
    const char *c = info->dlpi_name ? llmobs_str_base(info->dlpi_name) : "";
    struct llmobs_elf elf;

    (void)size;
    *program = false;
    if (first)
        return llmobs_elf_open(&elf, info) == 0 &&
               llmobs_names_mark(&elf, LLMOBS_LIBC_ALONE, NULL);
    for (; *c && !found; c++)
        found = (*c == 's' && (llmobs_str_begins(c, "seccomp") ||
                               llmobs_str_begins(c, "sandbox"))) ||
                (*c == 'l' && llmobs_str_begins(c, "landlock"));
    return found;
}

void llmobs_alone_look(void)
{
    bool program = true;

    if (llmobs_libc.iterate(look_at_object, &program))
        llmobs_alone_watch();
}

void llmobs_alone_asked(unsigned sets)
{
    if (sets & LLMOBS_LIBC_ALONE && __atomic_load_n(&core, __ATOMIC_ACQUIRE))
        llmobs_alone_watch();
}
