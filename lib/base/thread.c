/* Starts and ends the library's threads. */
#include "lib/base/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/cold.h"
#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "lib/base/floats.h"
#include "lib/base/fork.h"
#include "lib/base/futex.h"
#include "lib/base/proc_stat.h"
#include "lib/base/sys.h"

/* From glibc 2.32 on. */
#if defined(__has_include)
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#pragma weak __libc_single_threaded
#define SINGLE_THREADED (&__libc_single_threaded && __libc_single_threaded)
#endif
#endif
#ifndef SINGLE_THREADED
#define SINGLE_THREADED false
#endif

/* musl has no such function. */
#pragma weak gnu_get_libc_version

/* The longest line of /proc/self/stat that is read: the one of a first thread
 * that has ended is short, as it has no memory. */
#define STAT_MAX 448
#define LAST_MS 1000
#define STAY_MS 50
#define NAME "llmobs"
/* A thread waits for a fork no longer than this. */
#define PATIENCE_MS 1000
/* As much as Linux gives a first thread: by default musl gives others 128 KiB.
 */
#define LAST_STACK ((size_t)8 * 1024 * 1024)
/* Systems allow a user thousands of processes and threads. An administrator who
 * sets a limit below this has counted the threads of one program. */
#define PROCESSES_LEAST 64
/* Bytes that the limits of memory must still leave beside a new thread. */
#define MEMORY_LEAST ((size_t)32 << 20)

/* -- what a thread inherits ------------------------------------------------ */

/* A real-time policy would make the app's own threads wait for ours; a
 * priority, or processors that one thread of the app has for itself, were not
 * meant for ours either. The first thread of the process has the values that
 * were meant for all. Under a filter of system calls the thread reads /proc, as
 * it does anyway, and makes a call of another kind only where there is
 * something to change. A property that cannot be changed stays. */

/* Linux's own value for the first process, which its children inherit. */
#define SLACK_NS 50000

/* proc(5) numbers the fields of stat from 1 on. */
#define STAT_NICE 19
#define STAT_POLICY 41

/* The values to read of the thread itself and of the first one: a file of
 * /proc, or a set of processors, of which Linux has at most 8192. */
struct pair {
    char own[4096];
    char first[4096];
};

static bool is_realtime(int policy)
{
    return policy != SCHED_OTHER && policy != SCHED_BATCH &&
           policy != SCHED_IDLE;
}

/* -- under a filter ------------------------------------------------------- */

static long stat_field(const char *stat, int number)
{
    return strtol(llmobs_proc_field(stat, number), NULL, 10);
}

static bool read_both(struct pair *pair, const char *name)
{
    char path[sizeof("/proc/thread-self/status")];

    snprintf(path, sizeof(path), "/proc/thread-self/%s", name);
    if (llmobs_file_begin(AT_FDCWD, path, pair->own, sizeof(pair->own)) <= 0)
        return false;
    snprintf(path, sizeof(path), "/proc/self/%s", name);
    return llmobs_file_begin(AT_FDCWD, path, pair->first, sizeof(pair->first)) >
           0;
}

/* Gives the line that begins with `begin`, cut at its end. */
static const char *find_line(char *text, const char *begin)
{
    char *at = strstr(text, begin);
    char *end = at ? strchr(at + 1, '\n') : NULL;

    if (end)
        *end = '\0';
    return end ? at : "";
}

/* True where the thread has nothing to change. */
static bool has_nothing_to_drop(struct pair *pair)
{
    const char *begin = "\nCpus_allowed:";

    if (!read_both(pair, "stat") ||
        is_realtime((int)stat_field(pair->own, STAT_POLICY)) ||
        stat_field(pair->own, STAT_POLICY) !=
            stat_field(pair->first, STAT_POLICY) ||
        stat_field(pair->own, STAT_NICE) != stat_field(pair->first, STAT_NICE))
        return false;
    return read_both(pair, "status") &&
           strcmp(find_line(pair->own, begin), find_line(pair->first, begin)) ==
               0;
}

/* -- the change ----------------------------------------------------------- */

static void inherited_drop(void)
{
    struct pair *pair = malloc(sizeof(*pair));
    const struct sched_param none = {0};
    long own, first, len;
    int pid;

    prctl(PR_SET_TIMERSLACK, SLACK_NS, 0, 0, 0);
    if (!pair ||
        (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0 && has_nothing_to_drop(pair)))
        goto out;
    pid = llmobs_fork_pid();
    own = llmobs_sys(SYS_sched_getscheduler, 0) & ~SCHED_RESET_ON_FORK;
    first = llmobs_sys(SYS_sched_getscheduler, pid) & ~SCHED_RESET_ON_FORK;
    if (first < 0 || is_realtime((int)first))
        first = SCHED_OTHER;
    if (own != first)
        llmobs_sys(SYS_sched_setscheduler, 0, first, &none);
    /* The system call answers 20 - nice, so that no answer is negative. */
    own = llmobs_sys(SYS_getpriority, PRIO_PROCESS, 0);
    first = llmobs_sys(SYS_getpriority, PRIO_PROCESS, pid);
    if (first > 0 && own != first)
        llmobs_sys(SYS_setpriority, PRIO_PROCESS, 0, 20 - first);
    len = llmobs_sys(SYS_sched_getaffinity, pid, sizeof(pair->first),
                     pair->first);
    if (len > 0 &&
        llmobs_sys(SYS_sched_getaffinity, 0, sizeof(pair->own), pair->own) ==
            len &&
        memcmp(pair->own, pair->first, (size_t)len) != 0)
        llmobs_sys(SYS_sched_setaffinity, 0, len, pair->first);
out:
    free(pair);
}

/* -- how many ------------------------------------------------------------ */

/* How many threads of the library the process `owner` has (fork.h); a child has
 * none. A thread is added after it was made, and subtracted before it ends: so
 * the count is never larger than the number of these threads. */
static atomic_int owner;
static atomic_size_t count;
static atomic_uint changes; /* a rest sleeps on it */
static atomic_int resting;  /* callers that want no thread of ours now */
static atomic_bool wanted;  /* and also the threads with a bell are to end */

enum seat_state { FREE, TAKEN, ENDING, STAYING };

/* A thread, from its start until the kernel's task has ended. */
struct seat {
    atomic_int state;
    atomic_int tid;
    void (*run)(void *);
    void *arg;
    _Atomic(atomic_uint *) bell;
};

LLMOBS_COLD static struct seat seats[LLMOBS_THREADS_MAX];
static atomic_int seated; /* seats that are not free */

static void count_one(void)
{
    atomic_fetch_add(&count, 1);
    atomic_fetch_add(&changes, 1);
}

static void uncount_one(void)
{
    atomic_fetch_sub(&count, 1);
    atomic_fetch_add(&changes, 1);
}

static void move_to(struct seat *seat, enum seat_state state)
{
    if (state == FREE)
        atomic_fetch_sub(&seated, 1);
    atomic_store(&seat->state, state);
    atomic_fetch_add(&changes, 1);
    if (atomic_load(&resting) > 0)
        llmobs_futex_wake(&changes);
}

/* Takes a free seat, or the seat of a thread that is as good as gone. */
static struct seat *claim_seat(void)
{
    for (int from = FREE; from <= ENDING; from += ENDING)
        for (size_t i = 0; i < LLMOBS_THREADS_MAX; i++) {
            int state = from;

            if (!atomic_compare_exchange_strong(&seats[i].state, &state, TAKEN))
                continue;
            if (from == FREE)
                atomic_fetch_add(&seated, 1);
            atomic_store(&seats[i].tid, 0);
            return &seats[i];
        }
    return NULL;
}

static size_t own_threads(void)
{
    return atomic_load(&owner) == llmobs_fork_process() ? atomic_load(&count)
                                                        : 0;
}

/* The link count of a directory is the number of its subdirectories, here one a
 * thread, and two: its "." and its entry in the parent directory. */
size_t llmobs_thread_apps(void)
{
    unsigned before = atomic_load(&changes);
    size_t known = own_threads();
    struct stat st;

    /* The C library knows whether the process has only one thread; that may be
     * the library's, where the app's threads have ended. */
    if (known == 0 && SINGLE_THREADED)
        return 1;
    if (stat("/proc/self/task", &st) != 0 || st.st_nlink < 3 + known ||
        atomic_load(&changes) != before)
        return 0;
    return st.st_nlink - 2 - known;
}

/* The kernel's number of threads of the process that noted its pid. */
static size_t tasks(void)
{
    char path[sizeof("/proc//task") + 10];
    struct stat st;

    snprintf(path, sizeof(path), "/proc/%d/task", llmobs_fork_pid());
    return stat(path, &st) == 0 && st.st_nlink > 2 ? st.st_nlink - 2 : 0;
}

bool llmobs_thread_hinders_exit(void)
{
    size_t known = own_threads();

    return !gnu_get_libc_version && known > 0 && tasks() <= known + 1;
}

/* musl forgets a thread before the kernel's task ends. A thread that ends then
 * still takes malloc's lock, once; so this function takes and gives it back,
 * too. */
void llmobs_thread_wait_alone(int64_t until_ns)
{
    atomic_uint never = 0;
    void *volatile block;

    while (tasks() > 1 && llmobs_futex_left(until_ns) > 0)
        llmobs_futex_sleep(&never, 0, 1);
    block = malloc(1);
    free(block);
}

/* -- begin and end ------------------------------------------------------- */

/* Set when the process has to end with the library's last thread. */
static struct {
    atomic_int process; /* the process for which it is set */
    int code;
    sigset_t signals;
} leaving;

static void (*gate_enter)(void); /* set before a thread begins */
static void (*gate_leave)(void);

void llmobs_thread_gate(void (*enter)(void), void (*leave)(void))
{
    gate_enter = enter;
    gate_leave = leave;
}

/* The process whose threads of ours stay from now on (fork.h); or 0. */
static struct {
    atomic_int process;
    atomic_int ended; /* the process that a thread which stays has to end */
    sigset_t signals; /* the mask of the exit's thread */
} staying;

/* True for a process whose exit has ended its own thread, the app's last. */
static bool ends_after_exit(void)
{
    int process = llmobs_fork_process();

    if (atomic_load(&leaving.process) == process)
        return true;
    if (!llmobs_thread_is_last() ||
        atomic_exchange(&staying.ended, process) == process)
        return false;
    llmobs_thread_exit_last(&staying.signals);
    return true;
}

/* When the last thread ends, the C library exits the process, with code 0, and
 * runs the exit handlers there as it would on the app's last thread. Where the
 * first thread ended by the bare system call, with a code of its own, the C
 * library would not exit at all: Linux takes the code of the last thread, so
 * the thread ends by that system call too. */
static void end_thread(struct seat *seat)
{
    llmobs_fd_thread_ends();
    uncount_one();
    if (gate_enter) /* a fork that is under way ends first */
        gate_enter();
    move_to(seat, ENDING);
    if (gate_enter)
        gate_leave();
    if (atomic_load(&staying.process) == llmobs_fork_process()) {
        /* The exit of the process takes the thread with it. Signals are
         * blocked. An exit handler may still end its thread, which was the last
         * of the app. */
        atomic_uint never = 0;

        count_one();
        move_to(seat, STAYING);
        while (!ends_after_exit())
            llmobs_futex_sleep(&never, 0, STAY_MS);
        uncount_one();
        move_to(seat, ENDING);
    }
    if (atomic_load(&leaving.process) != llmobs_fork_process())
        return;
    pthread_sigmask(SIG_SETMASK, &leaving.signals, NULL);
    if (leaving.code)
        llmobs_sys(SYS_exit, leaving.code);
}

/* The last part of PID/task/TID. */
int llmobs_thread_number(void)
{
    char link[64] = "";
    const char *at;

    (void)!readlink("/proc/thread-self", link, sizeof(link) - 1);
    at = strrchr(link, '/');
    return at ? (int)strtol(at + 1, NULL, 10) : -1;
}

static void *run_thread(void *arg)
{
    struct seat *seat = arg;

    llmobs_floats_default();
    atomic_store(&seat->tid, llmobs_thread_number());
    prctl(PR_SET_NAME, NAME, 0, 0, 0);
    llmobs_fd_thread_begins();
    inherited_drop();
    seat->run(seat->arg);
    end_thread(seat);
    return NULL;
}

static int create(struct seat *seat, size_t stack)
{
    pthread_attr_t attr;
    pthread_t thread;
    int rc = pthread_attr_init(&attr);

    if (rc)
        return -rc;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (stack)
        pthread_attr_setstacksize(&attr, stack);
    rc = pthread_create(&thread, &attr, run_thread, seat);
    pthread_attr_destroy(&attr);
    return -rc;
}

/* True where the kernel would map so much, as the shim asks before it loads the
 * core (shim/load.c): the stack counts for RLIMIT_AS, and after
 * mlockall(MCL_FUTURE) all of it for RLIMIT_MEMLOCK. */
static bool has_memory(void)
{
    void *at =
        (void *)llmobs_sys(SYS_mmap, NULL, MEMORY_LEAST, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);

    return (uintptr_t)at < (uintptr_t)-4095 &&
           llmobs_sys(SYS_munmap, at, MEMORY_LEAST) == 0;
}

/* False where the system allows few threads: a thread of the library could take
 * the last one, and the app's next fork would fail. */
static bool has_room(void)
{
    struct rlimit limit;

    return (getrlimit(RLIMIT_NPROC, &limit) != 0 ||
            limit.rlim_cur >= PROCESSES_LEAST) &&
           has_memory();
}

/* glibc from 2.35 on registers each thread for restartable sequences where the
 * first one is, and ends the process where the kernel refuses: so does a filter
 * (seccomp) that came in between. These arguments are never valid. */
extern const unsigned rseq_size __asm__("__rseq_size") __attribute__((weak));

/* No thread is made while a fork is under way: the C library's lock for new
 * threads would stay taken in the child. A fork that hangs in another library's
 * handler does not count. A fork announces itself first and then looks at the
 * seats; this function takes a seat first and then looks for a fork. */
static struct seat *claim_seat_outside_fork(void)
{
    int64_t until = llmobs_futex_deadline(PATIENCE_MS);
    atomic_uint never = 0;

    for (;;) {
        struct seat *seat = claim_seat();

        if (!seat || atomic_load(&resting) == 0 ||
            llmobs_futex_left(until) == 0)
            return seat;
        move_to(seat, FREE);
        llmobs_futex_sleep(&never, 0, 1);
    }
}

static void (*_Atomic watcher)(void);

void llmobs_thread_watch(void (*watch)(void))
{
    atomic_store(&watcher, watch);
}

int llmobs_thread_start(void (*run)(void *), void *arg, size_t stack,
                        atomic_uint *bell)
{
    sigset_t all, old;
    void (*watch)(void);
    struct seat *seat;
    int rc = -EAGAIN;

    if (!has_room() || (&rseq_size && rseq_size != 0 &&
                        llmobs_sys(SYS_rseq, NULL, 0, -1, 0) != -EINVAL))
        return rc;
    watch = atomic_exchange(&watcher, NULL);
    if (watch)
        watch();
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    /* Signals are blocked: else a signal handler of the app that interrupts
     * this function and calls it too would wait for ever for its own thread. */
    if (llmobs_fork_begin_reset(&owner)) {
        atomic_store(&count, 0);
        atomic_store(&seated, 0);
        for (size_t i = 0; i < LLMOBS_THREADS_MAX; i++)
            atomic_store(&seats[i].state, FREE);
        llmobs_fork_end_reset(&owner);
    }
    seat = claim_seat_outside_fork();
    if (seat) {
        seat->run = run;
        seat->arg = arg;
        atomic_store(&seat->bell, bell);
        rc = create(seat, stack);
        if (rc == -EINVAL)
            rc = create(seat, 0);
        if (rc)
            move_to(seat, FREE);
    }
    if (rc == 0)
        count_one();
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc;
}

/* -- rest ---------------------------------------------------------------- */

#define POLL_NS 20000

/* True once the kernel's task has ended: it outlives the thread's last word by
 * some microseconds, in which unshare still counts it. Later another thread may
 * have its number, but not its name. */
static bool is_gone(const struct seat *seat)
{
    char path[sizeof("/proc/self/task//comm") + 10], name[sizeof(NAME) + 1];

    snprintf(path, sizeof(path), "/proc/self/task/%d/comm",
             atomic_load(&seat->tid));
    return llmobs_file_begin(AT_FDCWD, path, name, sizeof(name)) <= 0 ||
           strncmp(name, NAME, sizeof(NAME) - 1) != 0;
}

/* True for a thread that is being made. */
static bool is_new(const struct seat *seat)
{
    return atomic_load(&seat->tid) == 0;
}

/* True for a thread that a rest waits for: a thread that ends by itself, such
 * as one that looks a name up; where the app has one thread, every thread. */
static bool is_awaited(const struct seat *seat, int state)
{
    return state == ENDING ||
           (state == TAKEN && (atomic_load(&wanted) ||
                               !atomic_load(&seat->bell) || is_new(seat)));
}

/* How many threads have not ended; *ending: how many are about to end. */
static size_t remaining(size_t *ending)
{
    size_t n = 0;

    *ending = 0;
    for (size_t i = 0; i < LLMOBS_THREADS_MAX; i++) {
        int state = atomic_load(&seats[i].state);

        if (!is_awaited(&seats[i], state))
            continue;
        if (state == ENDING && is_gone(&seats[i])) {
            if (atomic_compare_exchange_strong(&seats[i].state, &state, FREE))
                atomic_fetch_sub(&seated, 1);
            continue;
        }
        *ending += state == ENDING;
        n++;
    }
    return n;
}

static void ring_all(void)
{
    for (size_t i = 0; i < LLMOBS_THREADS_MAX; i++) {
        atomic_uint *bell = atomic_load(&seats[i].bell);

        if (atomic_load(&seats[i].state) != TAKEN || !bell)
            continue;
        atomic_fetch_add(bell, 1);
        llmobs_futex_wake(bell);
    }
}

bool llmobs_thread_rests(void)
{
    return atomic_load(&wanted);
}

/* True for a task that sleeps, as in a look-up that waits for a name server. A
 * task that works may hold a lock of the resolver; a forked child would wait
 * for that lock for ever. */
static bool is_asleep(const struct seat *seat)
{
    char path[sizeof("/proc/self/task//stat") + 10], text[64], state;

    if (is_new(seat))
        return false;
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat",
             atomic_load(&seat->tid));
    if (llmobs_file_begin(AT_FDCWD, path, text, sizeof(text)) <= 0)
        return true;
    state = *llmobs_proc_field(text, LLMOBS_PROC_STATE);
    return !state || state == 'S';
}

static bool all_asleep(void)
{
    for (size_t i = 0; i < LLMOBS_THREADS_MAX; i++)
        if (atomic_load(&seats[i].state) == TAKEN &&
            (!atomic_load(&seats[i].bell) || is_new(&seats[i])) &&
            !is_asleep(&seats[i]))
            return false;
    return true;
}

static int wait_alone(int64_t until_ns)
{
    int64_t last_ns = until_ns + LLMOBS_THREAD_WORKS_MS * LLMOBS_NS_PER_MS;
    atomic_uint never = 0;
    size_t ending;

    for (;;) {
        unsigned seen = atomic_load(&changes);
        int64_t now = llmobs_clock_mono_ns(), left = until_ns - now;

        if (remaining(&ending) == 0)
            return 0;
        if (left <= 0 && (now >= last_ns || (!ending && all_asleep())))
            return -ETIMEDOUT;
        if (left <= 0)
            left = LLMOBS_NS_PER_MS;
        if (ending)
            llmobs_futex_sleep_ns(&never, 0, left < POLL_NS ? left : POLL_NS);
        else
            llmobs_futex_sleep_ns(&changes, seen, left);
    }
}

static bool has_seats(void)
{
    return atomic_load(&seated) != 0 &&
           atomic_load(&owner) == llmobs_fork_process();
}

int llmobs_thread_rest(int64_t ms, enum llmobs_thread_rest how)
{
    static atomic_uint vain; /* `changes` after a wait in vain; or 0 */
    int rc, saved = errno;
    size_t ending;

    atomic_fetch_add(&resting, 1);
    if (!has_seats())
        return 0;
    (void)remaining(&ending);
    if (how == LLMOBS_THREAD_REST_ALL || llmobs_thread_apps() <= 1 + ending) {
        atomic_store(&wanted, true);
        ring_all();
    }
    if (how == LLMOBS_THREAD_REST_ONCE &&
        atomic_load(&vain) == (atomic_load(&changes) | 1))
        ms = 0;
    rc = wait_alone(llmobs_futex_deadline(ms));
    atomic_store(&vain, rc ? atomic_load(&changes) | 1 : 0);
    errno = saved;
    return rc;
}

int llmobs_thread_ended(int64_t ms)
{
    int64_t until = llmobs_futex_deadline(ms);
    atomic_uint never = 0;
    size_t ending;

    if (!has_seats())
        return 0;
    while (remaining(&ending), ending > 0) {
        if (llmobs_futex_left(until) == 0)
            return -ETIMEDOUT;
        llmobs_futex_sleep_ns(&never, 0, POLL_NS);
    }
    return 0;
}

/* A thread declares its end first and then looks at `staying`; this function
 * does it the other way round. So it sees each thread that does not stay. */
void llmobs_thread_stay(int64_t ms)
{
    pthread_sigmask(SIG_SETMASK, NULL, &staying.signals);
    atomic_store(&staying.process, llmobs_fork_process());
    /* Ours is the last thread, and runs the exit: it is an end of its own. */
    if (atomic_load(&leaving.process) != llmobs_fork_process())
        (void)llmobs_thread_ended(ms);
}

void llmobs_thread_rest_end(void)
{
    if (atomic_fetch_sub(&resting, 1) == 1)
        atomic_store(&wanted, false);
}

void llmobs_thread_reset(void)
{
    atomic_store(&resting, 0);
    atomic_store(&wanted, false);
}

/* -- the end of a process whose first thread has ended -------------------- */

/* The process in which other threads of the app outlived the first one: its
 * exit code comes from them. */
static atomic_int outlived;
/* The process whose first thread ends, or has ended. */
static atomic_int leaves;

bool llmobs_thread_first_leaves(void)
{
    return atomic_load(&leaves) == llmobs_fork_process();
}

void llmobs_thread_leaves(void)
{
    if (!has_seats() || llmobs_thread_number() != llmobs_fork_pid())
        return;
    atomic_store(&leaves, llmobs_fork_process());
    ring_all();
}

/* By proc(5), this link cannot be read once the first thread has ended. */
bool llmobs_thread_is_last(void)
{
    char first;
    size_t apps;

    if (readlink("/proc/self/root", &first, 1) >= 0 || errno != ENOENT)
        return false;
    atomic_store(&leaves, llmobs_fork_process());
    apps = llmobs_thread_apps();
    if (apps > 1)
        atomic_store(&outlived, llmobs_fork_process());
    return apps == 1;
}

/* Answers the exit code of the first thread. */
static int first_code(void)
{
    char text[STAT_MAX];

    if (atomic_load(&outlived) == llmobs_fork_process())
        return 0;
    if (llmobs_file_begin(AT_FDCWD, "/proc/self/stat", text, sizeof(text)) <= 0)
        return 0;
    return (int)strtol(llmobs_proc_field(text, LLMOBS_PROC_EXIT_CODE), NULL,
                       10) >>
           8;
}

/* Runs as the last thread, with a whole stack for the app's exit handlers. It
 * waits until the library's other threads have ended, LAST_MS at most: one of
 * them may wait for a name server. */
static void end_last(void *unused)
{
    int64_t until = llmobs_futex_deadline(LAST_MS);
    atomic_uint never = 0;

    (void)unused;
    while (llmobs_thread_apps() + own_threads() != 2 &&
           llmobs_futex_left(until) > 0)
        llmobs_futex_sleep(&never, 0, 1);
}

void llmobs_thread_exit_last(const sigset_t *signals)
{
    leaving.code = first_code();
    leaving.signals = *signals;
    atomic_store(&leaving.process, llmobs_fork_process());
    if (!leaving.code &&
        llmobs_thread_start(end_last, NULL, LAST_STACK, NULL) != 0)
        (void)llmobs_thread_start(end_last, NULL, 0, NULL);
}
