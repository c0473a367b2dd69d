#include "core/global.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/http.h"
#include "core/log.h"

#define COPIES_MAX 8
/* A request notices within some 20 ms that it has to end. */
#define LEAVE_MS 1000
#define EXIT_LEAVE_MS 200

struct copy {
    _Atomic(const struct llmobs_real *) real;
    atomic_int count; /* as libcurl counts: inits less cleanups */
    atomic_bool own_memory;
};

static struct copy copies[COPIES_MAX];
static struct llmobs_worker *worker;
static void (*end_all)(void);
/* The copy that our requests use, or that they used last. */
static _Atomic(struct copy *) chosen;
static atomic_bool in_use;

/* ---- which copy ------------------------------------------------------- */

static struct copy *find(const struct llmobs_real *real)
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

/* OpenSSL before 1.1 needs locks that an app of one thread does not set up;
 * an app's allocator may count on its one thread as well. */
static bool may_use_tls(struct copy *copy)
{
    const struct llmobs_real *real = atomic_load(&copy->real);
    const curl_version_info_data *info =
        real->version_info ? real->version_info(CURLVERSION_NOW) : NULL;
    const char *ssl = info ? info->ssl_version : NULL;

    return ssl && !atomic_load(&copy->own_memory) &&
           !strstr(ssl, "OpenSSL/0.") && !strstr(ssl, "OpenSSL/1.0.");
}

static void choose(struct copy *copy)
{
    atomic_store(&chosen, copy);
    atomic_store(&in_use, true);
    llmobs_http_use(atomic_load(&copy->real), may_use_tls(copy));
}

/* ---- the end ---------------------------------------------------------- */

static void at_exit(void)
{
    struct copy *copy = atomic_load(&chosen);
    int64_t ms = llmobs_worker_exit_ms(worker);

    llmobs_http_exiting();
    /* After the app's cleanup the first handle initialises libcurl anew. */
    if (copy && !atomic_load(&in_use))
        choose(copy);
    llmobs_http_deadline(llmobs_clock_mono_ns() + ms * 1000000);
    end_all();
    llmobs_worker_stop(worker, ms);
    if (llmobs_http_exited(EXIT_LEAVE_MS) != 0)
        llmobs_log(LLMOBS_LOG_WARN, "a request did not end at exit");
}

/* Registered right after libcurl's own first init: handlers run in reverse
 * order, so ours runs before the TLS library takes itself down. */
static void register_exit(void)
{
    static atomic_flag done = ATOMIC_FLAG_INIT;

    if (!atomic_flag_test_and_set(&done) && atexit(at_exit) != 0)
        llmobs_log_once(LLMOBS_LOG_ERROR, "atexit",
                        "no exit handler: spans may stay undelivered");
}

/* ---- up and down ------------------------------------------------------ */

void llmobs_global_start(struct llmobs_worker *the_worker, void (*at_end)(void))
{
    worker = the_worker;
    end_all = at_end;
}

void llmobs_global_up(const struct llmobs_real *real, enum llmobs_up how)
{
    struct copy *copy = find(real);

    if (!copy) {
        register_exit();
        return;
    }
    if (how == LLMOBS_UP_HANDLE && atomic_load(&copy->count) > 0)
        return;
    register_exit();
    /* An allocator counts where it comes with the first init only. */
    if (atomic_fetch_add(&copy->count, 1) == 0)
        atomic_store(&copy->own_memory, how == LLMOBS_UP_INIT_MEM);
    if (!atomic_load(&in_use))
        choose(copy);
}

bool llmobs_global_leave(const struct llmobs_real *real)
{
    struct copy *copy = find(real);

    if (!copy || !atomic_load(&in_use) || atomic_load(&chosen) != copy)
        return true;
    /* Also where it is not the app's last cleanup: an init of another object
     * may have passed us by. */
    /* Half of what an exit may take: the exit comes after it. */
    llmobs_worker_pause(worker, llmobs_worker_exit_ms(worker) / 2);
    llmobs_http_use(NULL, false);
    llmobs_worker_resume(worker);
    if (llmobs_http_close_all(LEAVE_MS) != 0) {
        llmobs_log_once(LLMOBS_LOG_ERROR, "cleanup",
                        "a request of ours hangs: libcurl stays initialised");
        return false;
    }
    atomic_store(&in_use, false);
    return true;
}

void llmobs_global_left(const struct llmobs_real *real, bool done)
{
    struct copy *copy = find(real);

    if (!copy)
        return;
    if (done && atomic_load(&copy->count) > 0)
        atomic_fetch_sub(&copy->count, 1);
    if (!done) {
        choose(copy);
        return;
    }
    for (size_t i = 0; i < COPIES_MAX && !atomic_load(&in_use); i++) {
        if (atomic_load(&copies[i].count) > 0)
            choose(&copies[i]);
    }
}
