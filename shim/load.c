/* Loads the core, and says why it cannot. */
#include "shim/load.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "lib/base/cold.h"
#include "shim/alone.h"
#include "shim/host.h"
#include "shim/libc.h"
#include "shim/loader_calls.h"
#include "shim/say.h"
#include "shim/tls_now.h"
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

/* -- whether the core fits ------------------------------------------------ */

#define SEGMENTS 16
#define STATM_DATA 5 /* the field of /proc/self/statm with data and stacks */
/* Bytes that the process's limits of memory must leave free, so that the core's
 * memory is not missing to the program. */
#define ROOM (32 << 20)

LLMOBS_COLD static struct {
    ElfW(Ehdr) head;
    ElfW(Phdr) segments[SEGMENTS];
} file;

/* True if the file has all bytes of the parts that are loaded. The file may be
 * shorter while it is copied, or because the disk was full. Then the use of a
 * page beyond its end would kill the program. The file is read and not mapped,
 * because it may be truncated meanwhile. */
static bool is_whole_file(int fd)
{
    long end = llmobs_sys(SYS_lseek, fd, 0, SEEK_END);
    long len = llmobs_sys(SYS_pread64, fd, &file, sizeof(file), 0L);
    bool whole =
        len >= (long)sizeof(file.head) &&
        llmobs_str_begins((const char *)file.head.e_ident, ELFMAG) &&
        file.head.e_phentsize == sizeof(*file.segments) &&
        file.head.e_phoff == sizeof(file.head) && file.head.e_phnum > 0 &&
        file.head.e_phnum <= SEGMENTS &&
        (uint64_t)len >=
            file.head.e_phoff + file.head.e_phnum * sizeof(*file.segments);

    for (size_t i = 0; whole && i < file.head.e_phnum; i++)
        whole = file.segments[i].p_type != PT_LOAD ||
                (file.segments[i].p_offset <= (uint64_t)end &&
                 file.segments[i].p_filesz <=
                     (uint64_t)end - file.segments[i].p_offset);
    return whole;
}

/* -- memory ---------------------------------------------------------------- */

/* True if the kernel would map ROOM: within RLIMIT_AS, and within
 * RLIMIT_MEMLOCK after mlockall(MCL_FUTURE). The kernel decides by this
 * process's rights. It does not fill memory without access rights, even if
 * locked. */
static bool can_map(void)
{
    long at = llmobs_sys(SYS_mmap, NULL, (size_t)ROOM, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);

    if (at < 0 && at >= -4095)
        return false;
    llmobs_sys(SYS_munmap, at, (size_t)ROOM);
    return true;
}

/* Does not try a mapping: if memory is locked, the kernel would fill a writable
 * one. */
static bool has_room_for_data(void)
{
    int64_t page = (int64_t)llmobs_libc.auxval(AT_PAGESZ), pages = 0;
    struct rlimit64 most;
    char text[128];
    long fd, got;

    if (llmobs_sys(SYS_prlimit64, 0, RLIMIT_DATA, NULL, &most) != 0 ||
        most.rlim_cur > INT64_MAX)
        return true;
    fd = llmobs_sys(SYS_openat, AT_FDCWD, "/proc/self/statm",
                    O_RDONLY | O_CLOEXEC);
    got = fd < 0 ? 0 : llmobs_sys(SYS_read, fd, text, sizeof(text));
    if (fd >= 0)
        llmobs_sys(SYS_close, fd);
    for (long i = 0, field = 0; i < got; i++) {
        if (text[i] == ' ' && field++ == STATM_DATA)
            return (int64_t)most.rlim_cur - pages * page >= ROOM;
        pages = text[i] == ' ' ? 0 : pages * 10 + (text[i] - '0');
    }
    return false;
}

/* NULL if the limits of memory leave enough for the core, and its file is
 * whole, which every C library can load then, as it names no version of one
 * (scripts/check-imports); else the reason, a constant. */
static const char *why_not(const char *path)
{
    bool whole;
    long fd;

    lacks_descriptor = false;
    if (!can_map() || !has_room_for_data())
        return "a limit of memory leaves less than 32 MiB";
    fd = llmobs_sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    lacks_descriptor = fd == -EMFILE || fd == -ENFILE;
    if (fd < 0)
        return lacks_descriptor ? "no descriptor is free"
               : fd == -ENOENT  ? "its file is not there"
                                : "its file may not be opened";
    whole = is_whole_file((int)fd);
    llmobs_sys(SYS_close, fd);
    return whole ? NULL : "its file is not whole";
}

/* -- loading -------------------------------------------------------------- */

static void *open_core(const char *path)
{
    const char *why = why_not(path);
    void *core;

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

static void *find_symbol(const char *name)
{
    void *found = llmobs_loader_own_sym(RTLD_DEFAULT, name);

    if (!found)
        llmobs_loader_drop_error();
    return found;
}

static const struct llmobs_ops *attach(
    const struct llmobs_enable_options *enable)
{
    static struct llmobs_host facts; /* for the core */
    const char *path = llmobs_host_core_path();
    void *core = path ? open_core(path) : fail_load("its path is not known");
    const struct llmobs_ops *ops;
    llmobs_core_attach_fn entry;
    bool held = false;
    void *symbol;

    if (!core)
        return NULL;
    symbol = llmobs_loader_own_sym(core, LLMOBS_CORE_ATTACH);
    if (!symbol) {
        llmobs_loader_drop_error();
        return fail_load("it is another library");
    }
    entry = (llmobs_core_attach_fn)symbol;
    llmobs_libc.iterate(find_holder, &held);
    facts = (struct llmobs_host){LLMOBS_ENGINE_ABI,
                                 llmobs_host_env(),
                                 enable,
                                 llmobs_libc.iterate,
                                 held,
                                 llmobs_wrappers_table(),
                                 llmobs_alone_watch,
                                 find_symbol,
                                 llmobs_tls_now,
                                 llmobs_host_inside()};
    ops = entry(&facts);
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
 * Nor is one that the program opened for all: glibc never unloads an object in
 * which it found a name for one that stays, as the shim does (its
 * add_dependency), and musl unloads none. False: not allowed at this moment. */
static bool pin(struct llmobs_copy *copy)
{
    struct llmobs_turn *turn = copy->stays ? NULL : llmobs_turn_begin_load();

    if (!copy->stays && !turn)
        return false;
    if (turn) {
        void *found = llmobs_loader_own_sym(RTLD_DEFAULT, "curl_easy_perform");

        if (!found)
            llmobs_loader_drop_error();
        if (found != (void *)copy->real.easy_perform &&
            !llmobs_loader_own_open(copy->path,
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
