/* Follows curl_global_init and cleanup, and the process's exit. */
#include "core/capture/global.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/fork.h"
#include "lib/base/futex.h"
#include "lib/base/log.h"
#include "lib/base/stats.h"
#include "lib/base/thread.h"
#include "core/deliver/worker.h"
#include "core/export/http.h"
#include "core/capture/unseen.h"

#define COPIES_MAX 8
/* A request notices within some 20 ms that it has to end. */
#define LEAVE_MS 1000
#define EXIT_LEAVE_MS 200
/* How long to wait for the owner: longer than the library's part of a cleanup.
 */
#define OWNER_MS 3000
/* After a cleanup whose wait timed out, no cleanup waits within this time. */
#define PATIENCE_MS 30000
#define EXIT_LEAST_MS 50
/* Longer than an init takes; nothing depends on it. */
#define TURN_MS 50

/* `count` rises after an init and falls before a cleanup, so that libcurl's own
 * count is never below it. The init that easy_init makes is not counted: it is
 * unknown whether libcurl counted it for this thread or for another. */
struct copy {
    _Atomic(const struct llmobs_real *) real;
    atomic_int count;
    atomic_bool by_handle;
    atomic_bool own_memory;
    atomic_uint turn;     /* the process whose thread initialises it; or 0 */
    atomic_ulong turning; /* that thread */
    atomic_uint waiting;  /* the number of threads that want the turn; after a
                           * fork some may be the parent's */
};

/* Set once before the others run, constant afterwards. */
static struct llmobs_worker *worker;
static void (*end_all)(void);

static struct copy copies[COPIES_MAX];
/* The copy that our requests use, or that they used last. */
static _Atomic(struct copy *) chosen;
static atomic_bool in_use;
/* Only this thread may change `chosen` and `in_use`, or take a copy down. */
static atomic_ulong owner;
static atomic_int owning;       /* the process whose owner it is (fork.h) */
static _Atomic int64_t cut_ns;  /* when a cleanup last had to cut a request */
static _Atomic int64_t used_ns; /* an exit's time that cleanups have used */
static _Atomic int64_t used_at_ns;
static atomic_int retreated;   /* the process whose cleanup has delivered */
static atomic_bool registered; /* the exit handler of those that use libcurl */

void llmobs_global_start(struct llmobs_worker *the_worker, void (*at_end)(void))
{
    worker = the_worker;
    end_all = at_end;
}

/* Not the thread's id: gettid is a system call, and a seccomp filter may kill
 * the program for it. */
static unsigned long this_thread(void)
{
    return (unsigned long)pthread_self();
}

/* -- the copies of libcurl ------------------------------------------------- */

/* The record of a copy; NULL: there are too many. */
static struct copy *copy_of(const struct llmobs_real *real)
{
    for (size_t i = 0; i < COPIES_MAX; i++) {
        const struct llmobs_real *none = NULL;

        if (atomic_load_explicit(&copies[i].real, memory_order_acquire) == real)
            return &copies[i];
        if (atomic_compare_exchange_strong(&copies[i].real, &none, real) ||
            none == real)
            return &copies[i];
    }
    return NULL;
}

static bool is_up(struct copy *copy)
{
    return atomic_load(&copy->count) > 0 || atomic_load(&copy->by_handle);
}

static struct copy *find_up(void)
{
    for (size_t i = 0; i < COPIES_MAX; i++) {
        if (is_up(&copies[i]))
            return &copies[i];
    }
    return NULL;
}

/* -- one thread at a time initialises a copy ------------------------------- */

/* Waits until no other thread has the turn. False: another thread has
 * initialised the copy meanwhile, or works for too long, or this thread has the
 * turn already. */
static bool wait_for_turn(struct copy *copy)
{
    unsigned mine = (unsigned)llmobs_fork_process();
    int64_t until = llmobs_futex_deadline(TURN_MS);

    for (;;) {
        unsigned seen = atomic_load(&copy->turn);
        int64_t remaining;

        if (seen != mine &&
            atomic_compare_exchange_strong(&copy->turn, &seen, mine)) {
            atomic_store(&copy->turning, this_thread());
            return true;
        }
        remaining = llmobs_futex_left(until);
        if (remaining == 0 || atomic_load(&copy->turning) == this_thread())
            return false;
        atomic_fetch_add(&copy->waiting, 1);
        llmobs_futex_sleep(&copy->turn, seen, remaining);
        atomic_fetch_sub(&copy->waiting, 1);
        if (is_up(copy))
            return false;
    }
}

bool llmobs_global_claim_turn(const struct llmobs_real *real)
{
    struct copy *copy = copy_of(real);
    int saved = errno;
    bool first = copy && !is_up(copy) && wait_for_turn(copy);

    errno = saved;
    return first;
}

void llmobs_global_end_turn(const struct llmobs_real *real)
{
    struct copy *copy = copy_of(real);

    atomic_store(&copy->turning, 0);
    atomic_store(&copy->turn, 0);
    /* A thread that begins to wait after this look finds the turn free. */
    if (atomic_load(&copy->waiting) > 0)
        llmobs_futex_wake(&copy->turn);
}

/* -- the copy that our requests use ---------------------------------------- */

/* The right to choose. A child does not wait for a thread that only its parent
 * has. */
static bool try_own(void)
{
    unsigned long nobody = 0;

    if (llmobs_fork_begin_reset(&owning)) {
        atomic_store(&owner, 0);
        llmobs_fork_end_reset(&owning);
    }
    return atomic_compare_exchange_strong(&owner, &nobody, this_thread());
}

/* False: another thread has the right for longer than `ms`. */
static bool claim_right(int64_t ms)
{
    const struct timespec pause = {0, LLMOBS_NS_PER_MS / 2};
    int64_t until = llmobs_clock_mono_ns() + ms * LLMOBS_NS_PER_MS;

    while (!try_own()) {
        if (llmobs_clock_mono_ns() >= until)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

static void disown(void)
{
    atomic_store(&owner, 0);
}

static void choose(struct copy *copy)
{
    atomic_store(&chosen, copy);
    atomic_store(&in_use, true);
    llmobs_curl_access_set(atomic_load(&copy->real),
                           atomic_load(&copy->own_memory)
                               ? LLMOBS_CURL_APP_THREADS
                               : LLMOBS_CURL_ALL_THREADS);
}

static bool is_chosen(const struct copy *copy)
{
    return atomic_load(&in_use) && atomic_load(&chosen) == copy;
}

/* Chooses a copy that is up, where none is chosen. A thread that is busy taking
 * a copy down comes here afterwards. */
static void choose_any(void)
{
    while (!atomic_load(&in_use) && find_up() && try_own()) {
        struct copy *copy = find_up();

        if (copy && !atomic_load(&in_use))
            choose(copy);
        disown();
    }
}

/* -- an exit's time, and what cleanups have used of it --------------------- */

static bool is_lately(int64_t ns)
{
    return ns && llmobs_clock_mono_ns() - ns < PATIENCE_MS * LLMOBS_NS_PER_MS;
}

/* How much of an exit's time there still is; never less than EXIT_LEAST_MS, in
 * which the worker stores what it cannot deliver. */
static int64_t exit_ms(void)
{
    int64_t all = llmobs_worker_wait_ms(worker, true);
    int64_t used = is_lately(atomic_load(&used_at_ns))
                       ? atomic_load(&used_ns) / LLMOBS_NS_PER_MS
                       : 0;
    int64_t least = all < EXIT_LEAST_MS ? all : EXIT_LEAST_MS;

    return all - used > least ? all - used : least;
}

/* -- the end of the process ------------------------------------------------ */

static void at_exit(void)
{
    struct copy *copy = atomic_load(&chosen);
    int64_t ms;

    /* A seccomp filter may kill the program for a system call. So unless an
     * object may hide calls, this makes none before it knows of work to do. */
    if ((llmobs_unseen_any() || llmobs_stats_any_unseen()) &&
        !llmobs_fork_shares()) {
        llmobs_unseen_report(true);
        if (llmobs_stats_any_unseen())
            llmobs_worker_become_active(worker);
    }
    if (llmobs_worker_end_quietly(worker, at_exit))
        return;
    if (llmobs_fork_shares()) {
        /* A child of vfork: the calls under way are its parent's. */
        if (llmobs_thread_hinders_exit())
            llmobs_worker_end_thread(worker);
        return;
    }
    llmobs_thread_stay(EXIT_LEAVE_MS);
    llmobs_fd_guest(true);
    llmobs_curl_access_exiting();
    /* If the app has cleaned libcurl up, this chooses the copy again, and the
     * library's first handle initialises it. */
    if (copy && !atomic_load(&in_use) && claim_right(EXIT_LEAVE_MS)) {
        choose(copy);
        disown();
    }
    end_all();
    ms = exit_ms();
    llmobs_curl_access_deadline(llmobs_clock_mono_ns() + ms * LLMOBS_NS_PER_MS);
    llmobs_worker_stop(worker, ms);
    if (llmobs_curl_access_exited(EXIT_LEAVE_MS) != 0)
        llmobs_log(LLMOBS_LOG_WARN, "a request did not end at exit");
}

static void at_exit_without_libcurl(void)
{
    if (!atomic_load(&registered))
        at_exit();
}

static void run_at_exit(void (*handler)(void))
{
    if (atexit(handler) != 0)
        llmobs_log_once(LLMOBS_LOG_ERROR, "atexit",
                        "no exit handler: spans may stay undelivered");
}

void llmobs_global_deliver_at_exit(void)
{
    static atomic_flag done = ATOMIC_FLAG_INIT;

    if (worker && !atomic_load(&registered) && !atomic_flag_test_and_set(&done))
        run_at_exit(at_exit_without_libcurl);
}

/* -- libcurl's init -------------------------------------------------------- */

void llmobs_global_up(const struct llmobs_real *real, enum llmobs_up how)
{
    struct copy *copy = copy_of(real);

    if (copy && how == LLMOBS_UP_HANDLE && is_up(copy))
        return;
    /* Runs right after libcurl's own first init. Exit handlers run in reverse
     * order, so the library's runs before that of the TLS library. */
    if (!atomic_exchange(&registered, true))
        run_at_exit(at_exit);
    if (!copy)
        return;
    /* libcurl heeds an allocator in its first init only. */
    if (!is_up(copy))
        atomic_store(&copy->own_memory, how == LLMOBS_UP_INIT_MEM);
    if (how == LLMOBS_UP_HANDLE)
        atomic_store(&copy->by_handle, true);
    else
        atomic_fetch_add(&copy->count, 1);
    choose_any();
}

/* Runs after libcurl's own init, which returned `rc`. Preserves errno. */
static void end_init(const struct llmobs_real *real, enum llmobs_up how,
                     CURLcode rc, bool first)
{
    int saved = errno;

    if (rc == CURLE_OK)
        llmobs_global_up(real, how);
    if (first)
        llmobs_global_end_turn(real);
    errno = saved;
}

CURLcode llmobs_ops_global_init(const struct llmobs_real *real, long flags)
{
    bool first = llmobs_global_claim_turn(real);
    CURLcode rc = real->global_init(flags);

    end_init(real, LLMOBS_UP_INIT, rc, first);
    return rc;
}

CURLcode llmobs_ops_global_init_mem(const struct llmobs_real *real, long flags,
                                    curl_malloc_callback m,
                                    curl_free_callback f,
                                    curl_realloc_callback r,
                                    curl_strdup_callback s,
                                    curl_calloc_callback c)
{
    bool first = llmobs_global_claim_turn(real);
    CURLcode rc = real->global_init_mem(flags, m, f, r, s, c);

    end_init(real, LLMOBS_UP_INIT_MEM, rc, first);
    return rc;
}

/* -- libcurl's cleanup ----------------------------------------------------- */

/* Counts one cleanup; true when libcurl stays up after it. */
static bool stays_up(struct copy *copy)
{
    int count = atomic_load(&copy->count);

    while (count > 0 &&
           !atomic_compare_exchange_weak(&copy->count, &count, count - 1))
        ;
    if (count < 1)
        atomic_store(&copy->by_handle, false);
    return count > 1;
}

/* Most processes end after their first cleanup. So the first cleanup delivers,
 * and the exit has the rest of the time. A process that continues waits again
 * only for a request that is under way. */
static void pause_worker(void)
{
    bool first = atomic_load(&retreated) != llmobs_fork_process();
    int64_t ms = is_lately(atomic_load(&cut_ns)) ? 0 : exit_ms();
    int64_t began = llmobs_clock_mono_ns(), took;
    bool tried = false;
    int rc;

    ms = first ? ms : ms / 2;
    rc = first ? llmobs_worker_flush_and_pause(worker, ms, &tried)
               : llmobs_worker_pause(worker, ms);
    took = llmobs_clock_mono_ns() - began;
    if (tried)
        atomic_store(&retreated, llmobs_fork_process());
    /* The worker cuts a request a little before the time is over. */
    if (rc || took >= ms * LLMOBS_NS_PER_MS * 3 / 4)
        atomic_store(&cut_ns, began + took);
    if (tried || is_lately(atomic_load(&cut_ns))) {
        bool more = is_lately(atomic_load(&used_at_ns));

        atomic_store(&used_ns, more ? atomic_load(&used_ns) + took : took);
        atomic_store(&used_at_ns, began + took);
    }
}

/* Before the real cleanup. False: a request of the library did not end in time,
 * so libcurl must not be taken down. This thread stays the owner until
 * end_cleanup, so that no other thread uses the copy while it goes down. It
 * need not go down: an object that the shim has not patched may have
 * initialised it, too. */
static bool begin_cleanup(struct copy *copy)
{
    if (!copy || stays_up(copy) || !is_chosen(copy))
        return true;
    if (!claim_right(OWNER_MS))
        return false;
    if (!is_chosen(copy))
        return true;
    pause_worker();
    llmobs_curl_access_set(NULL, LLMOBS_CURL_APP_THREADS);
    llmobs_worker_resume(worker);
    if (llmobs_http_close_all(LEAVE_MS) != 0) {
        llmobs_log_once(LLMOBS_LOG_ERROR, "cleanup",
                        "a request of ours hangs: libcurl stays initialised");
        return false;
    }
    atomic_store(&in_use, false);
    return true;
}

void llmobs_ops_global_cleanup(const struct llmobs_real *real)
{
    int saved = errno;
    struct copy *copy = copy_of(real);
    bool safe = begin_cleanup(copy);
    bool owned;

    errno = saved;
    if (safe)
        real->global_cleanup();
    saved = errno;
    /* After the real cleanup, or, where `done` is false, in its place. */
    owned = atomic_load(&owner) == this_thread();
    if (copy) {
        if (!safe)
            atomic_fetch_add(&copy->count, 1);
        if (!safe && owned)
            choose(copy);
        if (owned)
            disown();
        choose_any();
    }
    errno = saved;
}
