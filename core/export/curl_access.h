/* curl_access - says when a request of this library may use libcurl, and in
 * which thread.
 *
 * Threads: any.
 * Fork:    a child begins as a running process in which no request is under
 *          way; check, which every function for requests calls first, sees to
 *          that.
 *
 * A thread that changes the libcurl copy or the state of the process looks
 * afterwards for threads inside libcurl; a thread that enters libcurl looks
 * afterwards at both. So at least one of the two sees the other.
 */
#ifndef LLMOBS_CURL_ACCESS_H
#define LLMOBS_CURL_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "include/engine.h"
#include "core/export/target.h"

/* The threads that may use libcurl. */
enum llmobs_curl_users {
    LLMOBS_CURL_APP_THREADS, /* only the app's: its own allocator for libcurl
                              * may rely on that */
    LLMOBS_CURL_ALL_THREADS, /* also the worker's; for TLS only where the TLS
                              * library has locks */
    LLMOBS_CURL_NO_APP       /* there is no app: every thread, for all uses */
};

/* Sets the libcurl copy that requests use from now on, and the threads that may
 * use it; NULL: no copy (the app has cleaned libcurl up). Borrows the copy for
 * ever. The first call with a copy reads the proxy variables, and so runs in a
 * thread of the app. */
void llmobs_curl_access_set(const struct llmobs_real *real,
                            enum llmobs_curl_users by);

/* Every request of the process under way, and each later request, ends at this
 * monotonic time at the latest (INT64_MAX: no such time). A request notices it
 * within about 20 ms. */
void llmobs_curl_access_deadline(int64_t mono_ns);

/* The process exits, and the calling thread runs its exit handler: from now on
 * this thread may use libcurl for everything, whatever `set` said. */
void llmobs_curl_access_exiting(void);

/* True if the thread of the exit handler may use libcurl for everything and the
 * calling thread may not. Then the exit handler's thread must deliver the rest.
 */
bool llmobs_curl_access_exit_thread_only(void);

/* The exit handler is done. From now on only its thread may use libcurl, and
 * without TLS, because the TLS library may be gone. Waits at most `ms` until
 * all other threads are out of libcurl; -ETIMEDOUT. Frees nothing. */
int llmobs_curl_access_exited(int64_t ms);

/* The following functions are only for requests. */

/* Resets, in a child, the inherited state; to be called before the others. */
void llmobs_curl_access_check(void);

/* The libcurl copy that requests may use; NULL: no copy. */
const struct llmobs_real *llmobs_curl_access_current(void);

/* False where no libcurl has been set in this process. */
bool llmobs_curl_access_ever(void);

/* False: the calling thread may not use libcurl, or not for TLS. */
bool llmobs_curl_access_may_use(bool tls);

/* False once the app has cleaned that libcurl copy up, the process has exited
 * or the deadline has passed. */
bool llmobs_curl_access_goes_on(const struct llmobs_real *real);

/* True from the beginning of the exit handler on: a look-up may then run in its
 * own thread although LLMOBS_THREAD is off. */
bool llmobs_curl_access_is_exit(void);

/* _enter and _leave stand around all use of libcurl, waiting included; _enter
 * gives false where the copy may not be used now. _wait_outside waits until no
 * thread is between the two, at most `ms`: -ETIMEDOUT. */
bool llmobs_curl_access_enter(const struct llmobs_real *real);
void llmobs_curl_access_leave(void);
int llmobs_curl_access_wait_outside(int64_t ms);

/* The proxy variables, as `set` read them. */
const struct llmobs_proxies *llmobs_curl_access_proxies(void);

#endif
