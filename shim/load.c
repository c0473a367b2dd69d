#include "shim/load.h"

#include <dlfcn.h>

#include "lib/base/cold.h"
#include "shim/alone.h"
#include "shim/fit.h"
#include "shim/host.h"
#include "shim/loader_calls.h"
#include "shim/say.h"
#include "shim/turn.h"
#include "shim/wrappers.h"

/* The state in one word: a positive value is the pid of the loading process. */
enum { IDLE = 0, READY = -1, FAILED = -2 };

static int state;
static uintptr_t loader; /* the thread that is loading */
static bool too_slow;
static bool lacks_descriptor; /* the last try had no free descriptor */
static int tries;             /* both belong to the thread that is loading */
static const struct llmobs_ops *core_ops;
LLMOBS_COLD static char reason[LLMOBS_NO_CORE_MAX];

/* Saves the reason for the doctor, and writes it to the log. Returns NULL. If
 * the program has no free descriptor now, the log gets the reason at the exit.
 */
static void *fail_load(const char *why)
{
    size_t len = llmobs_str_copy(reason, sizeof(reason), LLMOBS_NO_CORE);

    (void)llmobs_str_copy(reason + len - 1, sizeof(reason) - len + 1, why);
    llmobs_say(true, LLMOBS_NO_CORE, why);
    return NULL;
}

static void *open_core(const char *path)
{
    const char *why = llmobs_fit(path);
    void *core;

    lacks_descriptor = llmobs_fit_passes(why);

    /* Looks for the file first: if it is missing, the app's dlerror text stays.
     */
    if (why || !llmobs_loader_bring())
        return fail_load(why ? why : "the program has no dlopen");
    /* Before glibc 2.34 threads are in libpthread, for which the core has no
     * DT_NEEDED. So libpthread is loaded first: a core that was tried without
     * it would stay half loaded. */
    if (!llmobs_loader_own_sym(RTLD_DEFAULT, "pthread_create") &&
        !llmobs_loader_own_open("libpthread.so.0", RTLD_NOW | RTLD_GLOBAL))
        llmobs_loader_drop_error();
    core = llmobs_loader_own_open(path, RTLD_NOW | RTLD_LOCAL);
    if (core)
        return core;
    llmobs_loader_drop_error();
    return fail_load("the loader refuses it");
}

/* Finds the object before libc, if any, whose definition libcurl would call,
 * since the first one in load order counts. Before glibc 2.34 libpthread counts
 * as part of libc. */
static int find_holder(struct dl_phdr_info *info, size_t size, void *argument)
{
    bool *held = argument;
    struct llmobs_elf elf;

    (void)size;
    if (llmobs_elf_open(&elf, info) != 0 ||
        llmobs_str_same(elf.soname, "libpthread.so.0"))
        return 0;
    if (llmobs_libc_is_part(&elf))
        return 1;
    /* Runtimes of sanitizers pass both on to libc unchanged. */
    *held = (llmobs_elf_symbol(&elf, "connect") ||
             llmobs_elf_symbol(&elf, "getaddrinfo")) &&
            !llmobs_elf_symbol(&elf, "__sanitizer_print_stack_trace");
    return *held;
}

/* The facts for the core. */
static const struct llmobs_host *facts_of(
    const struct llmobs_enable_options *enable)
{
    static struct llmobs_host facts;
    bool held = false;

    llmobs_libc.iterate(find_holder, &held);
    facts = (struct llmobs_host){LLMOBS_ENGINE_ABI,
                                 llmobs_host_env(),
                                 enable,
                                 llmobs_libc.iterate,
                                 held,
                                 llmobs_wrappers_table(),
                                 llmobs_alone_watch,
                                 llmobs_host_inside()};
    return &facts;
}

static const struct llmobs_ops *attach(
    const struct llmobs_enable_options *enable)
{
    const char *path = llmobs_host_core_path();
    void *core = path ? open_core(path) : fail_load("its path is not known");
    const struct llmobs_ops *ops;
    llmobs_core_attach_fn entry;
    void *symbol;

    if (!core)
        return NULL;
    symbol = llmobs_loader_own_sym(core, LLMOBS_CORE_ATTACH);
    if (!symbol) {
        llmobs_loader_drop_error();
        return fail_load("it is another library");
    }
    entry = (llmobs_core_attach_fn)symbol;
    ops = entry(facts_of(enable));
    if (ops && ops->abi != LLMOBS_ENGINE_ABI)
        return fail_load("it is of another version");
    llmobs_alone_open(ops);
    return ops;
}

static int load_once(const struct llmobs_enable_options *enable)
{
    int now = IDLE;
    int mine = llmobs_libc_pid();

    if (!__atomic_compare_exchange_n(&state, &now, mine, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return now;
    __atomic_store_n(&loader, llmobs_sys_thread(), __ATOMIC_RELEASE);
    core_ops = attach(enable);
    if (core_ops)
        reason[0] = '\0'; /* of a try before */
    __atomic_store_n(&loader, 0, __ATOMIC_RELEASE);
    now = core_ops                                          ? READY
          : lacks_descriptor && ++tries < LLMOBS_LOAD_TRIES ? IDLE
                                                            : FAILED;
    __atomic_store_n(&state, now, __ATOMIC_RELEASE);
    llmobs_libc_wake(&state);
    return now;
}

static int wait_for_load(int loading)
{
    int64_t until = 0;
    int now = loading;

    if (loading != llmobs_libc_pid()) {
        __atomic_compare_exchange_n(&state, &now, FAILED, false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
        return FAILED;
    }
    /* After one wait that timed out no thread waits again. The loading thread
     * must not wait for itself: the loader may call the program's malloc, and
     * that malloc may call a hooked function. */
    if (!__atomic_load_n(&too_slow, __ATOMIC_RELAXED) &&
        __atomic_load_n(&loader, __ATOMIC_ACQUIRE) != llmobs_sys_thread())
        until = llmobs_libc_monotonic_us() + LLMOBS_LOAD_WAIT_US;
    do
        now = __atomic_load_n(&state, __ATOMIC_ACQUIRE);
    while (now > 0 && llmobs_libc_wait(&state, now, until));
    if (now > 0 && until)
        __atomic_store_n(&too_slow, true, __ATOMIC_RELAXED);
    return now;
}

/* Pins the copy by opening it. A copy that the program itself needs is not
 * opened: it stays anyway, and the loader would list all that the copy needs.
 * False: not allowed at this moment. */
static bool pin(struct llmobs_copy *copy)
{
    struct llmobs_turn *turn = copy->stays ? NULL : llmobs_turn_begin_load();

    if (!copy->stays && !turn)
        return false;
    if (turn) {
        if (!llmobs_loader_own_open(copy->path,
                                    RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE))
            llmobs_loader_drop_error();
        llmobs_turn_end_load(turn);
    }
    __atomic_store_n(&copy->ops, core_ops, __ATOMIC_RELEASE);
    return true;
}

static const struct llmobs_ops *load(struct llmobs_copy *copy,
                                     const struct llmobs_enable_options *enable)
{
    int now = __atomic_load_n(&state, __ATOMIC_ACQUIRE);
    struct llmobs_turn *turn;
    int saved;

    if (now == FAILED || (copy && copy->fleeting))
        return NULL;
    saved = llmobs_libc_errno();
    if (now == IDLE && (turn = llmobs_turn_begin_load()) != NULL) {
        now = load_once(enable);
        llmobs_turn_end_load(turn);
        /* The program may enter a sandbox before its first call. */
        if (now == READY)
            llmobs_alone_look();
    }
    if (now > 0)
        now = wait_for_load(now);
    if (now == READY && copy && !pin(copy))
        now = IDLE;
    llmobs_libc_errno_restore(saved);
    return now == READY ? core_ops : NULL;
}

const struct llmobs_ops *llmobs_load(struct llmobs_copy *copy)
{
    return load(copy, NULL);
}

const struct llmobs_ops *llmobs_load_without_copy(
    const struct llmobs_enable_options *enable)
{
    return load(NULL, enable);
}

const struct llmobs_ops *llmobs_load_core(void)
{
    return __atomic_load_n(&state, __ATOMIC_ACQUIRE) == READY ? core_ops : NULL;
}

void llmobs_load_report(void)
{
    if (reason[0])
        llmobs_say(true, reason, "");
    if (!llmobs_load_core())
        llmobs_wrappers_report();
}
