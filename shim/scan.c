#include "shim/scan.h"

#include "lib/base/cold.h"
#include "lib/base/tls_auto.h"
#include "shim/copies.h"
#include "shim/elf.h"
#include "shim/handlers.h"
#include "shim/host.h"
#include "shim/libc_calls.h"
#include "shim/patch.h"
#include "shim/libs.h"
#include "shim/wrappers.h"

#define ROUNDS_MAX 8
#define PLAIN_MAX 256
#define PHP_MODULE "libphp" /* how the file begins that Apache loads */

/* The loader's counters at the last scan. */
struct counts {
    bool known; /* false: look at all objects */
    unsigned long long adds, subs;
    size_t objects;
};

/* One walk over all objects. */
struct walk {
    struct counts now;
    size_t first;  /* objects before this one are done */
    uint64_t last; /* identity of the last object */
    bool full;
    bool same;    /* no object was loaded or unloaded */
    bool changed; /* the set of copies has changed */
    bool loading; /* an object is still being loaded */
    bool anew;    /* other names are looked for from now on */
    bool shifted; /* an object of the program's start is unloaded */
    /* Bits of objects that name no hooked function: the second walk of the
     * first round need not look at them again. */
    uint64_t plain[PLAIN_MAX / 64];
};

static struct counts seen;
static size_t start_objects;
static uint64_t start_last;     /* identity of the last one */
static llmobs_hook_set foreign; /* bits of hooks that other objects define */
static bool enabled;            /* by the program, whose own ran as well */
static llmobs_scan_find_fn *find_export; /* of the loader's names */
static size_t foreign_reach; /* how many objects were searched for `foreign` */
static bool any_rpath, expect_unseen;
static int question; /* of the API (llmobs_scan_question) */
static int owner, pending;
static uintptr_t owner_thread;
static int waiting; /* the number of threads that wait for the owner */

bool llmobs_scan_any_rpath(void)
{
    return __atomic_load_n(&any_rpath, __ATOMIC_ACQUIRE);
}

static bool is_own_object(const struct llmobs_elf *elf)
{
    return llmobs_str_same(elf->soname, LLMOBS_SHIM_SONAME) ||
           llmobs_str_same(elf->soname, LLMOBS_CORE_FILE);
}

/* The identity of an object: its address and name. The address alone would not
 * do, since an object of the same size may be loaded where another one was. */
static uint64_t identity(const struct dl_phdr_info *info)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ info->dlpi_addr;

    for (const char *c = info->dlpi_name; c && *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    return hash;
}

/* Opens an object, which the walks of a round do in turn: it stays open while
 * the loader's counters are the same, but not in a child, since a parent may
 * have been opening it at the fork. NULL: it cannot be opened. */
static const struct llmobs_elf *open_once(const struct dl_phdr_info *info,
                                          size_t index)
{
    LLMOBS_COLD static struct {
        unsigned long long adds, subs;
        int process;
        struct llmobs_elf elf;
    } open[64], *one;
    int process = __atomic_load_n(&owner, __ATOMIC_RELAXED);

    one = &open[index % (sizeof(open) / sizeof(*open))];
    if (one->elf.phdr != info->dlpi_phdr || one->elf.base != info->dlpi_addr ||
        one->adds != info->dlpi_adds || one->subs != info->dlpi_subs ||
        one->process != process) {
        one->process = process;
        one->adds = info->dlpi_adds;
        one->subs = info->dlpi_subs;
        if (llmobs_elf_open(&one->elf, info) != 0)
            one->elf.phdr = NULL;
    }
    return one->elf.phdr ? &one->elf : NULL;
}

static void find_connect(const struct llmobs_elf *elf)
{
    if (llmobs_host_seeks_connect() && llmobs_libc_calls_connects(elf))
        llmobs_host_found_connect();
}

/* Looks for TLS libraries, and for what the program itself defines of them. */
static void find_tls(struct walk *walk, const struct dl_phdr_info *info,
                     size_t index, const struct llmobs_elf *elf)
{
    const struct llmobs_elf *program;

    if (!llmobs_host_may_tls())
        return;
    if (elf) {
        if (info->dlpi_name && llmobs_tracer_brings(info->dlpi_name))
            llmobs_host_is_traced();
        if (info->dlpi_name &&
            llmobs_str_begins(llmobs_str_base(info->dlpi_name), PHP_MODULE))
            llmobs_host_check_php(elf);
        find_connect(elf);
        walk->changed |= llmobs_libs_add(elf, false, start_objects == 0);
    } else if (index == 0 && (program = open_once(info, index))) {
        llmobs_host_check_php(program);
        find_connect(program);
        (void)llmobs_libs_add(program, true, start_objects == 0);
    }
}

/* The objects before `before` or from `late` on. */
struct ranges {
    size_t index, before, late;
};

/* First walk: finds the copies. Of a process that has only its program and what
 * each has, nothing is read. */
static int find_copies(struct dl_phdr_info *info, size_t size, void *argument)
{
    const struct llmobs_patch how = {.late = false};
    struct walk *walk = argument;
    size_t index = walk->now.objects++;
    const struct llmobs_elf *elf;

    (void)size;
    if (index > 0 && index < walk->first && index != start_objects - 1)
        return 0;
    if (index == 0) {
        walk->now.adds = info->dlpi_adds;
        walk->now.subs = info->dlpi_subs;
        walk->now.known = true;
        walk->same = seen.known && walk->now.adds == seen.adds &&
                     walk->now.subs == seen.subs;
        walk->full = !seen.known || walk->now.subs != seen.subs;
        if (walk->same)
            return 1;
        /* Objects that came with the program stay where they are in the list;
         * later ones move up when another is unloaded. */
        walk->first = !seen.known  ? 0
                      : walk->full ? start_objects
                                   : seen.objects;
    }
    if (start_objects == 0)
        walk->last = identity(info);
    else if (start_objects > 1 && index == start_objects - 1 &&
             identity(info) != start_last)
        walk->shifted = true;
    if (index == 0 && walk->first == 0)
        find_tls(walk, info, index, NULL);
    if (index < walk->first || index == 0 ||
        llmobs_libc_brings(info->dlpi_addr) || llmobs_host_is_shim(info) ||
        !(elf = open_once(info, index)) || is_own_object(elf))
        return 0;
    find_tls(walk, info, index, elf);
    if (elf->rpath)
        __atomic_store_n(&any_rpath, true, __ATOMIC_RELEASE);
    if (llmobs_copies_is_one(elf)) {
        walk->changed |= llmobs_copies_add(elf, index, start_objects == 0);
        if (start_objects == 0)
            llmobs_host_decide();
    } else if (start_objects == 0 && index < PLAIN_MAX && llmobs_copies_any() &&
               llmobs_host_state() == LLMOBS_HOST_ON &&
               !llmobs_patch_may(elf, &how)) {
        walk->plain[index / 64] |= UINT64_C(1) << index % 64;
    }
    return 0;
}

/* Records the hooks that an object defines, if it comes before a copy (as the
 * program and its preloads may) or was loaded later: the loader may bind
 * unbound slots to it. If a copy came with the program, its functions win over
 * those of later objects. */
static int find_foreign(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct ranges *ranges = argument;
    size_t index = ranges->index++;
    const struct llmobs_elf *elf;
    llmobs_hook_set hooks;

    (void)size;
    if ((index >= ranges->before && index < ranges->late) ||
        !(elf = open_once(info, index)))
        return 0;
    if (index == 0)
        llmobs_copies_needed(elf);
    if (is_own_object(elf) || llmobs_copies_at(elf))
        return 0;
    hooks = llmobs_hooks_defined(elf);
    foreign |= hooks;
    if (index < start_objects || !llmobs_copies_at_start() ||
        llmobs_copies_any_deep())
        llmobs_wrappers_define(elf, hooks);
    return 0;
}

/* Second walk: patches the objects that call them. */
static int patch_callers(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct walk *walk = argument;
    size_t index = walk->now.objects++;
    struct llmobs_patch how;
    const struct llmobs_elf *elf;

    (void)size;
    walk->now.adds = info->dlpi_adds;
    walk->now.subs = info->dlpi_subs;
    if (index < walk->first ||
        (index < PLAIN_MAX && walk->plain[index / 64] >> index % 64 & 1) ||
        !(elf = open_once(info, index)))
        return 0;
    how = (struct llmobs_patch){index == 0,
                                index >= start_objects,
                                (index && llmobs_host_began_late()) || enabled,
                                foreign,
                                start_objects,
                                find_export};
    if (index == 0)
        llmobs_patch_copied(elf, &how);
    if (!is_own_object(elf) && !llmobs_libc_brings(elf->base) &&
        !llmobs_copies_at(elf) && !llmobs_patch_object(elf, &how))
        walk->loading = true;
    return 0;
}

static void find_all(struct walk *walk)
{
    struct ranges ranges = {.index = 0};
    size_t reach;
    bool first = start_objects == 0;

    llmobs_copies_unmark(seen.known);
    llmobs_libs_unmark(seen.known);
    llmobs_libc.iterate(find_copies, walk);
    if (walk->same)
        return;
    walk->anew = llmobs_host_decide_tls();
    if (llmobs_host_decide_sockets()) {
        /* Those for `alone`, too, which the first thread of the library would
         * look for again in all objects. */
        llmobs_libc_calls_watch(
            LLMOBS_LIBC_CONNECTS | LLMOBS_LIBC_ALONE | LLMOBS_LIBC_LEAVES |
            (llmobs_host_until() ? LLMOBS_LIBC_LISTENS : 0));
        llmobs_handlers_watch();
        walk->anew = true;
    }
    llmobs_libs_complete();
    walk->shifted |= walk->now.objects < start_objects;
    if (walk->full) {
        walk->changed |= llmobs_copies_sweep();
        llmobs_libs_sweep();
    }
    if (first) {
        start_objects = walk->now.objects;
        start_last = walk->last;
    }
    if (!llmobs_copies_any() && !llmobs_libs_any())
        return;
    llmobs_host_decide();
    if (llmobs_host_state() != LLMOBS_HOST_ON)
        return;
    reach = llmobs_copies_reach(start_objects);
    ranges.before = reach > foreign_reach ? reach : 0;
    ranges.late = walk->changed || walk->first < start_objects ? start_objects
                                                               : walk->first;
    if (ranges.before || ranges.late < walk->now.objects)
        llmobs_libc.iterate(find_foreign, &ranges);
    foreign_reach = reach > foreign_reach ? reach : foreign_reach;
}

/* One round of a scan: finds the copies of libcurl, and then patches the
 * objects that call them. False: another round is needed, since the loader's
 * list changed between the two walks, or there is something else to look for.
 */
static bool round_done(void)
{
    struct walk copies = {.first = 0};
    struct walk callers = {.first = 0};
    unsigned sets = llmobs_libc_calls_watched(~0U);

    find_all(&copies);
    /* The first walk has found a TLS library. From now on its names are
     * searched in all objects. */
    if (copies.anew) {
        seen.known = false;
        return false;
    }
    if (copies.same || llmobs_host_state() < LLMOBS_HOST_WATCHING)
        return true;
    /* A constructor that ran before the shim's had loaded that object. From now
     * on only the program itself is certain to stay. */
    if (copies.shifted) {
        start_objects = 1;
        seen.known = false;
        return false;
    }
    /* While no copy is known, only calls of dlopen and its like have to be
     * patched, and only in objects that came after the program's start. */
    if (!copies.changed)
        callers.first = copies.first;
    if (llmobs_host_state() != LLMOBS_HOST_ON && callers.first < start_objects)
        callers.first = start_objects;
    llmobs_bytes_copy(callers.plain, copies.plain, sizeof(callers.plain));
    if (callers.first >= copies.now.objects) {
        seen = copies.now;
        return true;
    }
    llmobs_libc.iterate(patch_callers, &callers);
    if (callers.now.adds != copies.now.adds ||
        callers.now.subs != copies.now.subs) {
        seen.known = false;
        return false;
    }
    /* An object that is still being loaded must not count as seen. */
    if (!callers.loading && callers.first == 0)
        llmobs_libc_calls_patched(sets);
    if (!callers.loading)
        seen = copies.now;
    else if (copies.changed || copies.full)
        seen.known = false;
    return true;
}

static bool try_lock(void)
{
    int mine = llmobs_libc_pid();
    int holder = 0;

    if (__atomic_compare_exchange_n(&owner, &holder, mine, false,
                                    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return true;
    if (holder == mine ||
        !__atomic_compare_exchange_n(&owner, &holder, mine, false,
                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return false;
    seen.known = false;
    return true;
}

/* Answers the API's question. True if some objects were seen but not patched,
 * so that they must be looked at again. */
static bool answer_question(void)
{
    int asked = __atomic_exchange_n(&question, 0, __ATOMIC_SEQ_CST);

    enabled |= (asked & LLMOBS_SCAN_ENABLE) != 0;
    if (asked & LLMOBS_SCAN_ENABLE)
        return llmobs_host_enable() || asked & LLMOBS_SCAN_ANEW;
    if (asked & ~LLMOBS_SCAN_ANEW)
        llmobs_host_decide();
    return asked & LLMOBS_SCAN_ANEW;
}

static void scan_as_owner(void)
{
    __atomic_store_n(&owner_thread, llmobs_sys_thread(), __ATOMIC_RELEASE);
    __atomic_store_n(&pending, 0, __ATOMIC_SEQ_CST);
    llmobs_host_begin();
    if (answer_question())
        seen.known = false;
    for (int i = 0; i < ROUNDS_MAX && !round_done(); i++)
        continue;
    __atomic_store_n(&owner_thread, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&owner, 0, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST))
        llmobs_libc_wake(&owner);
}

/* Waits for the owner to end its scan. False: the owner did not end it in time.
 */
static bool wait_for_owner(int64_t *until)
{
    bool more;

    if (*until == 0)
        *until = llmobs_libc_monotonic_us() + LLMOBS_SCAN_WAIT_US;
    __atomic_fetch_add(&waiting, 1, __ATOMIC_SEQ_CST);
    more = llmobs_libc_wait(&owner, llmobs_libc_pid(), *until);
    __atomic_fetch_sub(&waiting, 1, __ATOMIC_SEQ_CST);
    return more;
}

static void scan(void)
{
    int64_t until = 0;
    int saved = llmobs_libc_errno();

    __atomic_store_n(&pending, 1, __ATOMIC_SEQ_CST);
    for (;;) {
        if (try_lock()) {
            scan_as_owner();
            if (!__atomic_load_n(&pending, __ATOMIC_SEQ_CST))
                break;
            continue;
        }
        /* This thread may be the owner: in a signal handler, or in the app's
         * code that the loader calls during the scan. */
        if ((__atomic_load_n(&owner, __ATOMIC_ACQUIRE) == llmobs_libc_pid() &&
             __atomic_load_n(&owner_thread, __ATOMIC_ACQUIRE) ==
                 llmobs_sys_thread()) ||
            !wait_for_owner(&until))
            break;
    }
    llmobs_libc_errno_restore(saved);
}

void llmobs_scan(void)
{
    if (llmobs_host_state() >= LLMOBS_HOST_WATCHING)
        scan();
}

/* Looks through all objects again, because other names are looked for now. */
static void scan_anew(void)
{
    __atomic_fetch_or(&question, (int)LLMOBS_SCAN_ANEW, __ATOMIC_SEQ_CST);
    llmobs_scan();
}

void llmobs_scan_first(const char *first, char **env, bool late,
                       llmobs_scan_find_fn *find)
{
    int saved;

    if (!llmobs_host_claim())
        return;
    saved = llmobs_libc_errno();
    find_export = find;
    llmobs_libc_calls_open(scan_anew);
    llmobs_host_init(first, env, late);
    llmobs_scan();
    llmobs_libc_errno_restore(saved);
}

size_t llmobs_scan_start_objects(void)
{
    return __atomic_load_n(&start_objects, __ATOMIC_ACQUIRE);
}

void llmobs_scan_late(llmobs_scan_find_fn *find)
{
    if (llmobs_host_state() == LLMOBS_HOST_NEW && &environ && environ)
        llmobs_scan_first(NULL, environ, true, find);
    if (llmobs_host_state() != LLMOBS_HOST_LATER)
        return;
    if (llmobs_libc_find())
        scan();
    else
        llmobs_host_off();
}

bool llmobs_scan_ask(enum llmobs_scan_question asked)
{
    enum llmobs_host_state now = llmobs_host_state();
    bool open = now == LLMOBS_HOST_WATCHING ||
                (now == LLMOBS_HOST_UNASKED && asked == LLMOBS_SCAN_ENABLE);

    if (open) {
        __atomic_fetch_or(&question, (int)asked, __ATOMIC_SEQ_CST);
        scan();
    }
    return llmobs_host_state() == LLMOBS_HOST_ON;
}

void llmobs_scan_expect_unseen(void)
{
    __atomic_store_n(&expect_unseen, true, __ATOMIC_RELEASE);
}

void llmobs_scan_unseen(void)
{
    if (__atomic_load_n(&expect_unseen, __ATOMIC_ACQUIRE))
        llmobs_scan();
}
