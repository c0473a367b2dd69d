/* capture - our callbacks around the app's own, for the transfers that are
 * ours.
 *
 * Owns:    the exchange of a handle from begin to finish; then the worker's.
 * Threads: each function in the thread that drives the handle; abandon_all in
 *          the exit handler of any thread.
 * Errors:  a transfer that cannot be captured runs untouched.
 * Limits:  as exchange.h.
 * Fork:    an exchange that the parent began is dropped in the child without
 *          a count: the parent finishes it.
 *
 * Nothing that an option of the app points to is read before libcurl reads it,
 * nor after: URL handles and bodies without a size as the transfer begins,
 * neither of them beside others in a multi; header list and body in a prereq
 * callback (libcurl 7.80; before it, as the transfer begins), a body that goes
 * later than its request as far as libcurl has sent it, the error buffer as
 * easy_perform returns.
 *
 * The app's callbacks are called with the same bytes and sizes, and what they
 * answer goes back unchanged. What is set on the handle is set back to what
 * the app had at the end of the transfer; until then the app's own settings of
 * these options are noted and not forwarded, so that it cannot tell.
 */
#ifndef LLMOBS_CAPTURE_H
#define LLMOBS_CAPTURE_H

#include "core/capture/handle.h"
#include "core/deliver/worker.h"

/* Before any other call; all three are borrowed for ever. */
void llmobs_capture_init(const struct llmobs_config *config,
                         const struct llmobs_rules *rules,
                         struct llmobs_worker *worker);

/* Whether calls make spans; so after init. */
void llmobs_capture_integrate(bool wanted);

/* How much of a body a call keeps whole. Where no content is to be seen its
 * ends have all that is read of it: model, tokens, how it ended. */
size_t llmobs_capture_body_max(void);

/* The app adds a handle to a multi: takes what is ours of the call (who makes
 * it, inside which span, for whom) and touches nothing that the app's options
 * point to. The next take, start or finish of the handle frees it. */
void llmobs_capture_take(struct llmobs_handle *handle);

/* There is no memory to follow a call that was taken: counts it, if it may have
 * been ours, and forgets it. */
void llmobs_capture_lose(struct llmobs_handle *handle);

/* libcurl is about to begin the transfer: classifies it by method and URL and,
 * when it may be ours, puts our callbacks in. Reads a CURLU, and measures a
 * body without a size, as libcurl does then. True: something of ours is in, for
 * finish and swap_out to end. */
bool llmobs_capture_start(struct llmobs_handle *handle, CURL *curl);

/* Both at once. */
bool llmobs_capture_begin(struct llmobs_handle *handle, CURL *curl);

/* Undoes a begin whose transfer was never started. */
void llmobs_capture_cancel(struct llmobs_handle *handle, CURL *curl);

/* Notes, while the easy handle is still usable, what libcurl knows of the
 * transfer. */
void llmobs_capture_measure(struct llmobs_handle *handle, CURL *curl);

/* Of a body that libcurl sends later than the request, or never: takes what it
 * has sent until now. Within a callback of the transfer, or as easy_perform
 * returns. */
void llmobs_capture_take_sent(struct llmobs_handle *handle);

/* Ends the capture and gives the exchange to the worker; nothing when none is
 * under way. `code` counts with LLMOBS_END_DONE only. */
void llmobs_capture_finish(struct llmobs_handle *handle, enum llmobs_end end,
                           CURLcode code);

/* Makes the record of a handle that is new. One that is there already was of a
 * handle that went unseen, whose transfer ends. NULL without memory. */
struct llmobs_handle *llmobs_capture_new_handle(const struct llmobs_real *real,
                                                CURL *curl);

/* Of libcurl's fresh duplicate of a handle: it gets the app's settings in place
 * of ours, and a record of its own; NULL without memory for that. */
struct llmobs_handle *llmobs_capture_twin(const struct llmobs_handle *from,
                                          CURL *twin);

/* Puts the app's own settings back; nothing when ours are not in. */
void llmobs_capture_swap_out(struct llmobs_handle *handle, CURL *curl);

/* Likewise, of a call that a siglongjmp left before libcurl had it; the next
 * begin or take ends it. */
void llmobs_capture_leave_behind(struct llmobs_handle *handle, CURL *curl);

/* Around each setting of a handle: of one with which libcurl may not have begun
 * they note which address it takes. */
void llmobs_capture_before_set(struct llmobs_handle *handle, CURL *curl,
                               CURLoption option);
void llmobs_capture_after_set(struct llmobs_handle *handle, CURL *curl,
                              CURLoption option);

/* True when `option` must be noted and not forwarded now. */
bool llmobs_capture_owns(const struct llmobs_handle *handle, CURLoption option);

/* At exit: every exchange still under way ends now, as the process does. */
void llmobs_capture_abandon_all(void);

#endif
