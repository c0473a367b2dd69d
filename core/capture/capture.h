/* capture - one call, from the app's request to the exchange that the worker
 * gets.
 *
 * outgoing.h reads the request, callbacks.h stands between libcurl and the
 * app, judge.h asks the rules.
 *
 * Owns:    the exchange of a handle from begin to finish; then the worker does.
 * Threads: each function runs in the thread that drives the handle;
 *          abandon_all in the exit handler, in any thread.
 * Errors:  a transfer that cannot be captured runs untouched.
 * Limits:  those of exchange.h.
 * Fork:    the child drops an exchange that the parent began, without a count:
 *          the parent finishes it.
 *
 * The capture reads no memory that an option of the app points to before
 * libcurl reads it, or after that. As the transfer begins it reads a URL handle
 * and measures a body without a size, but neither for a handle beside others in
 * a multi. In a prereq callback (libcurl 7.80; before that, as the transfer
 * begins) it reads header list and body; of a body that goes later than its
 * request, as much as libcurl has sent; and the error buffer as easy_perform
 * returns.
 *
 * The app's callbacks get the same bytes and sizes, and libcurl gets their
 * answers unchanged. At the end of the transfer every option that the capture
 * set gets the app's value back. Until then the library saves what the app
 * sets of these options and does not forward it, so that the app sees no
 * difference.
 */
#ifndef LLMOBS_CAPTURE_H
#define LLMOBS_CAPTURE_H

#include "core/capture/handle.h"
#include "core/deliver/worker.h"

/* Runs before any other call of this room; borrows its arguments for ever. */
void llmobs_capture_init(const struct llmobs_config *config,
                         const struct llmobs_rules *rules,
                         struct llmobs_worker *worker);

/* The app adds a handle to a multi: finds where the call comes from
 * (call_origin.h), and reads no memory that the app's options point to. The
 * next add, start or finish of the handle forgets it. */
void llmobs_capture_add(struct llmobs_handle *handle);

/* For an added handle that cannot be followed because memory ran out: counts
 * its call as lost, if it may have been a call to a model, and forgets it. */
void llmobs_capture_lose(struct llmobs_handle *handle);

/* libcurl is about to begin the transfer: judges it by method and URL and, when
 * it may be a call, puts the callbacks in. Reads a CURLU, and measures a body
 * without a size, as libcurl does then. True: callbacks or headers are in, and
 * finish and swap_out must follow. */
bool llmobs_capture_start(struct llmobs_handle *handle, CURL *curl);

/* For curl_easy_perform: as start, for a handle that was not added. */
bool llmobs_capture_begin(struct llmobs_handle *handle, CURL *curl);

/* Undoes a begin whose transfer was never started. */
void llmobs_capture_cancel(struct llmobs_handle *handle, CURL *curl);

/* Copies, while the easy handle is still usable, what libcurl measured of the
 * transfer. */
void llmobs_capture_measure(struct llmobs_handle *handle, CURL *curl);

/* Ends the capture and passes the exchange to the worker; does nothing when no
 * capture is under way. `code` is used with LLMOBS_END_DONE only. */
void llmobs_capture_finish(struct llmobs_handle *handle, enum llmobs_end end,
                           CURLcode code);

/* Does as finish, and ends the connection over which the app itself sends
 * bytes, if the handle has one. */
void llmobs_capture_close(struct llmobs_handle *handle, enum llmobs_end end,
                          CURLcode code);

/* Makes the record of a new handle. If the address has a record already, nobody
 * saw the cleanup of the handle before: that handle's transfer ends. NULL
 * without memory. */
struct llmobs_handle *llmobs_capture_new_handle(const struct llmobs_real *real,
                                                CURL *curl);

/* Makes the record of a handle that the library did not see being made (by a
 * constructor that ran first, or by an address that the program had found). The
 * capture replaces only options that the program has set since: it does not
 * know the others' values. Where an unseen option decides what the request is,
 * the span is made at the end, by what libcurl then says of the transfer. The
 * library may not have seen libcurl's initialisation either: from now on it
 * counts as initialised. NULL without memory. Preserves errno. */
struct llmobs_handle *llmobs_capture_unseen_handle(
    const struct llmobs_real *real, CURL *curl);

/* libcurl has just made `twin`, a duplicate of a handle: sets the app's
 * callbacks in place of ours, which libcurl has copied, and makes a record.
 * NULL without memory for the record. */
struct llmobs_handle *llmobs_capture_twin(const struct llmobs_handle *from,
                                          CURL *twin);

/* A multi reports the end of a transfer that the library did not see added: if
 * it is a call, makes its span by what libcurl says of it. */
void llmobs_capture_late(struct llmobs_handle *handle, CURLM *multi, CURL *curl,
                         CURLcode code);

/* At exit: every exchange still under way ends now, as the process does. */
void llmobs_capture_abandon_all(void);

#endif
