#include "core/worker.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/batch.h"
#include "core/clock.h"
#include "core/exchange.h"
#include "core/log.h"
#include "core/quiet.h"
#include "core/stats.h"

/* Measured: the deepest document that the JSON limits allow takes 32 KiB to
 * read, encode and store; the rest is for thread-local storage of the app,
 * which the C library takes out of the stack. */
#define STACK_SIZE (256 * 1024)

/* After a delivery the thread looks again a moment later, so that a busy app
 * need not wake it for every call. No longer: what waits here dies with a
 * killed process. */
#define LINGER_MS 20
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 10000
#define HURRIED_ATTEMPTS 3
#define HURRIED_PAUSE_MS 10
#define START_AGAIN_MS 1000
/* For a call that ends after the exit handler. */
#define LATE_MS 100

enum thread_state {
    THREAD_NONE,
    THREAD_STARTING,
    THREAD_RUNNING,
    THREAD_ENDED /* for good */
};

/* A span as the buffer carries it. */
struct span_item {
    struct llmobs_item item; /* first */
    struct llmobs_span span;
};

struct llmobs_worker {
    const struct llmobs_config *config;
    struct llmobs_buffer *buffer;
    struct llmobs_exporter *exporter;

    /* Whose the state below is; -pid while that process resets it. */
    _Atomic pid_t pid;
    atomic_uint thread; /* enum thread_state; a stop sleeps on it */
    _Atomic int64_t failed_ns;
    atomic_bool stop;
    atomic_size_t pending; /* given and not yet accounted for */

    /* The thread sleeps on `events`; `idle` says that a give must wake it. */
    atomic_uint events;
    atomic_int idle;
    /* Flushes asked for and answered; flushers sleep on `served`. */
    atomic_uint asked;
    atomic_uint served;

    atomic_int gate;          /* 1: somebody delivers */
    struct llmobs_item *held; /* taken from the buffer, not encoded */
    struct llmobs_batch batch;
};

/* -- sleeping ------------------------------------------------------------ */

/* A futex and not a semaphore: its time-out is relative and monotonic, and it
 * has no state that a fork could catch half-way. */
static void sleep_on(atomic_uint *word, unsigned seen, int64_t ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, ms < 0 ? NULL : &t, NULL,
            0);
}

static void wake(atomic_uint *word)
{
    atomic_fetch_add(word, 1);
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static int64_t deadline_in(int64_t ms)
{
    return llmobs_clock_mono_ns() + (ms > 0 ? ms : 0) * 1000000;
}

static int64_t left_ms(int64_t deadline_ns)
{
    int64_t left = deadline_ns - llmobs_clock_mono_ns();

    return left <= 0 ? 0 : left / 1000000 + 1;
}

/* -- accounting ---------------------------------------------------------- */

/* Moves n of what is pending to a counter; never more than is pending, so that
 * the sums hold where a stop has given up on a thread that goes on. */
static void settle(struct llmobs_worker *worker, enum llmobs_stat stat,
                   size_t n)
{
    size_t old = atomic_load(&worker->pending);
    size_t some;

    do
        some = n < old ? n : old;
    while (!atomic_compare_exchange_weak(&worker->pending, &old, old - some));
    llmobs_stats_add(stat, some);
}

static void free_item(struct llmobs_item *item)
{
    if (item->type == LLMOBS_ITEM_EXCHANGE) {
        llmobs_exchange_free((struct llmobs_exchange *)item);
        return;
    }
    llmobs_span_fini(&((struct span_item *)item)->span);
    free(item);
}

/* Roughly the memory that waits with an exchange. */
static size_t weight_of(const struct llmobs_item *item)
{
    const struct llmobs_exchange *exchange;

    if (item->type != LLMOBS_ITEM_EXCHANGE)
        return sizeof(struct span_item) + 4096;
    exchange = (const struct llmobs_exchange *)item;
    return sizeof(*exchange) + exchange->request.head.cap +
           exchange->request.tail_len + exchange->response.head.cap +
           exchange->response.tail_len +
           exchange->mark_cap * sizeof(*exchange->marks);
}

/* -- delivering ---------------------------------------------------------- */

static int encode_item(struct llmobs_worker *worker, struct llmobs_item *item)
{
    struct llmobs_span span;
    int rc;

    if (item->type == LLMOBS_ITEM_SPAN)
        return llmobs_batch_add(
            &worker->batch, &((struct span_item *)item)->span, worker->config);
    rc = llmobs_exchange_to_span((struct llmobs_exchange *)item, &span);
    if (rc)
        return rc;
    rc = llmobs_batch_add(&worker->batch, &span, worker->config);
    llmobs_span_fini(&span);
    return rc;
}

/* Encodes one item to the batch and frees it, or accounts for its loss. */
static void add_item(struct llmobs_worker *worker, struct llmobs_item *item)
{
    int rc = encode_item(worker, item);

    free_item(item);
    if (rc == 0)
        return;
    if (rc == -ENOENT) {
        settle(worker, LLMOBS_STAT_unconfirmed, 1);
        return;
    }
    settle(worker,
           rc == -ENOMEM ? LLMOBS_STAT_dropped_memory
                         : LLMOBS_STAT_dropped_export,
           1);
    llmobs_log_once(LLMOBS_LOG_ERROR,
                    rc == -ENOMEM ? "encode memory" : "encode",
                    "a span was dropped: %s", strerror(-rc));
}

static void fill_batch(struct llmobs_worker *worker)
{
    while (!llmobs_batch_is_full(&worker->batch)) {
        struct llmobs_item *item = worker->held;

        if (!item)
            item = worker->buffer->ops->take(worker->buffer);
        if (!item)
            return;
        worker->held = item->next;
        add_item(worker, item);
    }
}

/* Sends what is left of the batch; an error when that changed nothing. */
static int send_batch(struct llmobs_worker *worker)
{
    int sent = llmobs_batch_send(&worker->batch, worker->exporter);

    if (sent == -EBADMSG) {
        llmobs_batch_skip(&worker->batch, 1);
        settle(worker, LLMOBS_STAT_dropped_export, 1);
        llmobs_log_once(LLMOBS_LOG_ERROR, "event refused",
                        "exporter %s refused an event",
                        worker->exporter->ops->name);
        return 0;
    }
    if (sent <= 0)
        return sent ? sent : -EAGAIN;
    llmobs_batch_skip(&worker->batch, (size_t)sent);
    settle(worker, LLMOBS_STAT_delivered, (size_t)sent);
    return 0;
}

/* Delivers until nothing is left: 0; -ETIMEDOUT at the deadline; else the
 * exporter's error. The gate must be held. */
static int deliver(struct llmobs_worker *worker, int64_t deadline_ns)
{
    for (;;) {
        int rc;

        fill_batch(worker);
        if (llmobs_batch_is_empty(&worker->batch))
            return 0;
        rc = send_batch(worker);
        if (rc < 0)
            return rc;
        if (llmobs_clock_mono_ns() >= deadline_ns)
            return -ETIMEDOUT;
    }
}

static bool gate_take(struct llmobs_worker *worker)
{
    int none = 0;

    return atomic_compare_exchange_strong(&worker->gate, &none, 1);
}

static void gate_leave(struct llmobs_worker *worker)
{
    atomic_store(&worker->gate, 0);
}

/* On an app's thread: no handler of the app may run in the middle of it, and
 * no signal that our own writing raised (SIGXFSZ kills) may reach the app. */
static int deliver_inline(struct llmobs_worker *worker, int64_t deadline_ns)
{
    struct llmobs_quiet quiet;
    int rc;

    if (!gate_take(worker))
        return -EBUSY;
    llmobs_quiet_begin(&quiet);
    rc = deliver(worker, deadline_ns);
    llmobs_quiet_end(&quiet);
    gate_leave(worker);
    return rc;
}

/* -- the thread ---------------------------------------------------------- */

static void thread_serve(struct llmobs_worker *worker, unsigned asked)
{
    atomic_store(&worker->served, asked);
    syscall(SYS_futex, &worker->served, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL,
            0);
}

/* One round: all that is there, and the answer to who asked for it. */
static int thread_round(struct llmobs_worker *worker)
{
    unsigned asked = atomic_load(&worker->asked);
    bool hurried = asked != atomic_load(&worker->served);
    int rc = -EBUSY;

    for (int i = 0; i < (hurried ? HURRIED_ATTEMPTS : 1); i++) {
        if (i > 0)
            sleep_on(&worker->events, atomic_load(&worker->events),
                     HURRIED_PAUSE_MS);
        if (!gate_take(worker))
            continue;
        rc = deliver(worker, INT64_MAX);
        gate_leave(worker);
        if (rc == 0)
            break;
    }
    if (hurried)
        thread_serve(worker, asked);
    return rc;
}

static void thread_rest(struct llmobs_worker *worker, unsigned seen, int64_t ms)
{
    if (atomic_load(&worker->asked) == atomic_load(&worker->served) &&
        !atomic_load(&worker->stop))
        sleep_on(&worker->events, seen, ms);
}

/* Sleeps until there is something: either a give sees `idle`, or we see what
 * it made pending. */
static void thread_idle(struct llmobs_worker *worker, unsigned seen)
{
    atomic_store(&worker->idle, 1);
    if (atomic_load(&worker->pending) == 0)
        thread_rest(worker, seen, -1);
    else
        thread_rest(worker, seen, 1);
    atomic_store(&worker->idle, 0);
}

static void *thread_main(void *arg)
{
    struct llmobs_worker *worker = arg;
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    int64_t linger = worker->config->flush_interval_ms;
    int64_t backoff = BACKOFF_FIRST_MS;

    prctl(PR_SET_NAME, "llmobs", 0, 0, 0);
    if (plain)
        uselocale(plain);
    if (linger > LINGER_MS)
        linger = LINGER_MS;
    while (!atomic_load(&worker->stop)) {
        unsigned seen = atomic_load(&worker->events);
        size_t before = atomic_load(&worker->pending);
        int rc = thread_round(worker);

        if (rc < 0) {
            thread_rest(worker, seen, backoff);
            backoff =
                backoff * 2 < BACKOFF_MAX_MS ? backoff * 2 : BACKOFF_MAX_MS;
            continue;
        }
        backoff = BACKOFF_FIRST_MS;
        if (before)
            thread_rest(worker, seen, linger);
        else
            thread_idle(worker, seen);
    }
    thread_round(worker);
    if (plain) {
        uselocale(LC_GLOBAL_LOCALE);
        freelocale(plain);
    }
    atomic_store(&worker->thread, THREAD_ENDED);
    syscall(SYS_futex, &worker->thread, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL,
            0);
    thread_serve(worker, atomic_load(&worker->asked));
    return NULL;
}

static int create(struct llmobs_worker *worker, size_t stack)
{
    pthread_attr_t attr;
    pthread_t thread;
    int rc = pthread_attr_init(&attr);

    if (rc)
        return -rc;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (stack)
        pthread_attr_setstacksize(&attr, stack);
    rc = pthread_create(&thread, &attr, thread_main, worker);
    pthread_attr_destroy(&attr);
    return -rc;
}

/* All signals stay with the app's threads. The C library takes thread-local
 * storage out of the stack: an app with a lot of it needs the default size. */
static void thread_start(struct llmobs_worker *worker)
{
    unsigned none = THREAD_NONE;
    sigset_t all, old;
    int rc;

    if (!worker->config->thread || atomic_load(&worker->stop))
        return;
    if (atomic_load(&worker->failed_ns) &&
        llmobs_clock_mono_ns() - atomic_load(&worker->failed_ns) <
            (int64_t)START_AGAIN_MS * 1000000)
        return;
    if (!atomic_compare_exchange_strong(&worker->thread, &none,
                                        THREAD_STARTING))
        return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = create(worker, STACK_SIZE);
    if (rc == -EINVAL)
        rc = create(worker, 0);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    none = THREAD_STARTING;
    if (rc == 0) {
        atomic_compare_exchange_strong(&worker->thread, &none, THREAD_RUNNING);
        return;
    }
    atomic_store(&worker->failed_ns, llmobs_clock_mono_ns());
    atomic_store(&worker->thread, THREAD_NONE);
    llmobs_log_once(LLMOBS_LOG_WARN, "thread",
                    "no thread (%s): spans are delivered at exit",
                    strerror(-rc));
}

/* -- fork ---------------------------------------------------------------- */

/* A child begins anew and touches nothing of what it inherited: the parent's
 * thread may have been half-way through any of it. */
static void reset(struct llmobs_worker *worker)
{
    worker->buffer->ops->reset(worker->buffer);
    worker->exporter->ops->forget(worker->exporter);
    llmobs_stats_reset();
    worker->held = NULL;
    llmobs_batch_init(&worker->batch);
    atomic_store(&worker->pending, 0);
    atomic_store(&worker->stop, false);
    atomic_store(&worker->failed_ns, 0);
    atomic_store(&worker->idle, 0);
    atomic_store(&worker->asked, 0);
    atomic_store(&worker->served, 0);
    atomic_store(&worker->gate, 0);
    atomic_store(&worker->thread, THREAD_NONE);
}

static void check_fork(struct llmobs_worker *worker)
{
    pid_t pid = getpid();
    pid_t owner = atomic_load_explicit(&worker->pid, memory_order_acquire);

    while (owner != pid) {
        if (owner == -pid) {
            sched_yield();
            owner = atomic_load(&worker->pid);
        } else if (atomic_compare_exchange_strong(&worker->pid, &owner, -pid)) {
            reset(worker);
            atomic_store(&worker->pid, pid);
            return;
        }
    }
}

/* -- the app's side ------------------------------------------------------ */

struct llmobs_worker *llmobs_worker_new(const struct llmobs_config *config,
                                        struct llmobs_buffer *buffer,
                                        struct llmobs_exporter *exporter)
{
    struct llmobs_worker *worker = calloc(1, sizeof(*worker));

    if (!worker)
        return NULL;
    worker->config = config;
    worker->buffer = buffer;
    worker->exporter = exporter;
    llmobs_batch_init(&worker->batch);
    atomic_store(&worker->pid, getpid());
    return worker;
}

static bool has_thread(struct llmobs_worker *worker)
{
    unsigned state = atomic_load(&worker->thread);

    return state == THREAD_STARTING || state == THREAD_RUNNING;
}

/* Without a thread a full buffer is emptied here rather than lost. */
static int put(struct llmobs_worker *worker, struct llmobs_item *item)
{
    int rc = worker->buffer->ops->put(worker->buffer, item);

    if (rc != -ENOBUFS || has_thread(worker))
        return rc;
    deliver_inline(worker, INT64_MAX);
    return worker->buffer->ops->put(worker->buffer, item);
}

void llmobs_worker_give(struct llmobs_worker *worker, struct llmobs_item *item)
{
    int saved = errno;

    check_fork(worker);
    if (item->weight == 0)
        item->weight = weight_of(item);
    llmobs_stats_add(LLMOBS_STAT_captured, 1);
    atomic_fetch_add(&worker->pending, 1);
    if (put(worker, item) != 0) {
        free_item(item);
        settle(worker, LLMOBS_STAT_dropped_full, 1);
        llmobs_log_once(LLMOBS_LOG_ERROR, "buffer full",
                        "the buffer is full: spans are dropped");
    } else if (atomic_load(&worker->stop)) {
        /* After the exit handler: another handler of the app makes calls. */
        llmobs_worker_stop(worker, LATE_MS);
    } else if (atomic_load(&worker->thread) == THREAD_NONE) {
        thread_start(worker);
    } else if (atomic_exchange(&worker->idle, 0)) {
        wake(&worker->events);
    }
    errno = saved;
}

int llmobs_worker_give_span(struct llmobs_worker *worker,
                            const struct llmobs_span *span)
{
    struct span_item *item = calloc(1, sizeof(*item));
    struct llmobs_span lost;

    if (!item) {
        check_fork(worker);
        lost = *span;
        llmobs_span_fini(&lost);
        llmobs_stats_add(LLMOBS_STAT_captured, 1);
        llmobs_stats_add(LLMOBS_STAT_dropped_memory, 1);
        return -ENOMEM;
    }
    item->item.type = LLMOBS_ITEM_SPAN;
    item->span = *span;
    llmobs_worker_give(worker, &item->item);
    return 0;
}

size_t llmobs_worker_pending(struct llmobs_worker *worker)
{
    check_fork(worker);
    return atomic_load(&worker->pending);
}

/* Asks the thread and waits for its answer, or for nothing to be left. */
static void flush_by_thread(struct llmobs_worker *worker, int64_t deadline_ns)
{
    unsigned asked = atomic_fetch_add(&worker->asked, 1) + 1;
    unsigned served;
    int64_t left;

    wake(&worker->events);
    while ((served = atomic_load(&worker->served)),
           (int)(asked - served) > 0 && has_thread(worker) &&
               (left = left_ms(deadline_ns)) > 0)
        sleep_on(&worker->served, served, left);
}

/* Tries again a little: a disk may be full for a moment. While another thread
 * delivers, it is waited for. */
static void flush_inline(struct llmobs_worker *worker, int64_t deadline_ns)
{
    int failures = 0;

    while (failures < HURRIED_ATTEMPTS) {
        const struct timespec pause = {0, HURRIED_PAUSE_MS * 1000000};
        int rc = deliver_inline(worker, deadline_ns);

        failures += rc != -EBUSY;
        if (rc == 0 || left_ms(deadline_ns) == 0)
            return;
        nanosleep(&pause, NULL);
    }
}

/* By the thread where there is one, else here: also where it ended meanwhile.
 */
static void flush(struct llmobs_worker *worker, int64_t deadline_ns)
{
    if (has_thread(worker))
        flush_by_thread(worker, deadline_ns);
    if (!has_thread(worker) && atomic_load(&worker->pending) != 0)
        flush_inline(worker, deadline_ns);
}

int llmobs_worker_flush(struct llmobs_worker *worker, int64_t ms)
{
    int64_t deadline = deadline_in(ms);
    int saved = errno;

    check_fork(worker);
    if (atomic_load(&worker->pending) != 0)
        flush(worker, deadline);
    errno = saved;
    return atomic_load(&worker->pending) == 0 ? 0 : -ETIMEDOUT;
}

static void wait_for_end(struct llmobs_worker *worker, int64_t deadline_ns)
{
    unsigned state;
    int64_t left;

    while ((state = atomic_load(&worker->thread)), has_thread(worker)) {
        left = left_ms(deadline_ns);
        if (left == 0)
            return;
        sleep_on(&worker->thread, state, left);
    }
}

void llmobs_worker_stop(struct llmobs_worker *worker, int64_t ms)
{
    int64_t deadline = deadline_in(ms);
    int saved = errno;
    size_t left;

    check_fork(worker);
    atomic_store(&worker->stop, true);
    if (has_thread(worker)) {
        flush_by_thread(worker, deadline);
        wait_for_end(worker, deadline);
    }
    flush(worker, deadline);
    left = atomic_exchange(&worker->pending, 0);
    if (left) {
        llmobs_stats_add(LLMOBS_STAT_dropped_exit, left);
        llmobs_log(LLMOBS_LOG_ERROR, "%zu spans were not delivered at exit",
                   left);
    }
    errno = saved;
}
