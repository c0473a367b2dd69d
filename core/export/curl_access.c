/* Decides whether a thread may use libcurl now. */
#include "core/export/curl_access.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/cold.h"
#include "lib/base/fork.h"
#include "lib/base/fork_gate.h"
#include "lib/base/signal_guard.h"

enum life { LIFE_RUNNING, LIFE_EXITING, LIFE_EXITED };

static _Atomic(const struct llmobs_real *) current;
static atomic_bool ever;      /* there has been a copy */
static atomic_int current_by; /* enum llmobs_curl_users */
static _Atomic int64_t deadline = INT64_MAX;
static atomic_int inside; /* threads that use libcurl for a request */
static atomic_uint life;
static atomic_ulong exit_thread;
static atomic_int process; /* the process with this state (fork.h) */
/* Aligned to a page, because each process with a libcurl writes to all of it.
 */
LLMOBS_COLD _Alignas(4096) static struct llmobs_proxies proxies;

/* A child inherits the state of its parent's requests and exit, which is wrong
 * for the child. */
void llmobs_curl_access_check(void)
{
    if (!llmobs_fork_begin_reset(&process))
        return;
    llmobs_fork_gate_reset();
    atomic_store(&inside, 0);
    atomic_store(&life, LIFE_RUNNING);
    atomic_store(&deadline, INT64_MAX);
    llmobs_fork_end_reset(&process);
}

static bool is_exit_thread(void)
{
    return atomic_load(&exit_thread) == (unsigned long)pthread_self();
}

static bool is_usable(const struct llmobs_real *real)
{
    return atomic_load(&current) == real &&
           (atomic_load(&life) != LIFE_EXITED || is_exit_thread());
}

bool llmobs_curl_access_goes_on(const struct llmobs_real *real)
{
    return is_usable(real) && llmobs_clock_mono_ns() < atomic_load(&deadline);
}

/* A thread that changes `current` or `life` looks at `inside` afterwards. This
 * thread changes `inside`, and looks at `current` and `life` afterwards: so at
 * least one of the two threads sees the other. */
bool llmobs_curl_access_enter(const struct llmobs_real *real)
{
    atomic_fetch_add(&inside, 1);
    if (is_usable(real))
        return true;
    atomic_fetch_sub(&inside, 1);
    return false;
}

void llmobs_curl_access_leave(void)
{
    atomic_fetch_sub(&inside, 1);
}

/* True when the TLS library has locks. OpenSSL before 1.1 needs locks that an
 * app of one thread does not set up. libcurl takes a dozen microseconds to
 * answer, so it is asked only at the first need; a copy with locks is
 * remembered. */
static bool has_locks(const struct llmobs_real *real)
{
    static _Atomic(const struct llmobs_real *) locking;
    const curl_version_info_data *info;
    const char *ssl;
    bool has;

    if (atomic_load(&locking) == real)
        return true;
    if (!real->version_info || !llmobs_curl_access_enter(real))
        return false;
    llmobs_fork_gate_enter();
    info = real->version_info(CURLVERSION_NOW);
    llmobs_fork_gate_leave();
    ssl = info ? info->ssl_version : NULL;
    has = ssl && !strstr(ssl, "OpenSSL/0.") && !strstr(ssl, "OpenSSL/1.0.");
    llmobs_curl_access_leave();
    if (has)
        atomic_store(&locking, real);
    return has;
}

static bool is_shared(bool tls)
{
    const struct llmobs_real *real = atomic_load(&current);
    int by = atomic_load(&current_by);

    return by == LLMOBS_CURL_NO_APP || (by == LLMOBS_CURL_ALL_THREADS &&
                                        (!tls || !real || has_locks(real)));
}

bool llmobs_curl_access_may_use(bool tls)
{
    if (atomic_load(&life) == LIFE_EXITED)
        return !tls;
    if (atomic_load(&life) == LIFE_EXITING && is_exit_thread())
        return true;
    return is_shared(tls);
}

bool llmobs_curl_access_exit_thread_only(void)
{
    return atomic_load(&life) == LIFE_EXITING && !is_exit_thread() &&
           !is_shared(true);
}

int llmobs_curl_access_wait_outside(int64_t ms)
{
    const struct timespec pause = {0, LLMOBS_NS_PER_MS / 2};
    int64_t until = llmobs_clock_mono_ns() + ms * LLMOBS_NS_PER_MS;

    while (atomic_load(&inside) != 0) {
        if (llmobs_clock_mono_ns() >= until)
            return -ETIMEDOUT;
        llmobs_signal_guard_sleep(&pause);
    }
    return 0;
}

static bool has_all(const struct llmobs_real *real)
{
    return real->easy_init && real->easy_setopt && real->easy_getinfo &&
           real->easy_reset && real->easy_cleanup && real->multi_init &&
           real->multi_add_handle && real->multi_remove_handle &&
           real->multi_info_read && real->multi_cleanup &&
           real->multi_perform && real->multi_wait && real->slist_append &&
           real->slist_free_all;
}

void llmobs_curl_access_set(const struct llmobs_real *real,
                            enum llmobs_curl_users by)
{
    static atomic_flag read = ATOMIC_FLAG_INIT;

    llmobs_curl_access_check();
    if (real && !has_all(real))
        real = NULL;
    if (real && !atomic_flag_test_and_set(&read))
        llmobs_proxies_read(&proxies);
    if (real)
        atomic_store(&ever, true);
    atomic_store(&current_by, (int)by);
    atomic_store(&current, real);
}

bool llmobs_curl_access_ever(void)
{
    return atomic_load(&ever);
}

void llmobs_curl_access_deadline(int64_t mono_ns)
{
    llmobs_curl_access_check();
    atomic_store(&deadline, mono_ns);
}

void llmobs_curl_access_exiting(void)
{
    llmobs_curl_access_check();
    atomic_store(&exit_thread, (unsigned long)pthread_self());
    atomic_store(&life, LIFE_EXITING);
}

int llmobs_curl_access_exited(int64_t ms)
{
    llmobs_curl_access_check();
    atomic_store(&life, LIFE_EXITED);
    return llmobs_curl_access_wait_outside(ms);
}

const struct llmobs_real *llmobs_curl_access_current(void)
{
    return atomic_load(&current);
}

bool llmobs_curl_access_is_exit(void)
{
    return atomic_load(&life) != LIFE_RUNNING;
}

const struct llmobs_proxies *llmobs_curl_access_proxies(void)
{
    return &proxies;
}
