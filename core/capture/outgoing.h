/* outgoing - the request of a call, read as libcurl reads it.
 *
 * libcurl reads method and URL as a transfer begins, header list and body as it
 * makes the request, and a body that the server must ask for later still.
 * Reading any of them sooner could read memory that the app has not filled yet,
 * later memory that it has freed. A body that libcurl never sent is read as the
 * transfer ends, which is how long libcurl wants it to be there.
 *
 * Owns:    nothing.
 * Threads: the thread that drives the handle.
 * Errors:  a call that cannot be followed because memory ran out is counted as
 *          lost.
 */
#ifndef LLMOBS_OUTGOING_H
#define LLMOBS_OUTGOING_H

#include "core/capture/handle.h"
#include "core/deliver/worker.h"

/* CURLINFO_EFFECTIVE_METHOD, since 7.72. */
#define LLMOBS_INFO_METHOD ((CURLINFO)(CURLINFO_STRING + 58))

/* Runs once, before any handle exists; borrows both for ever. */
void llmobs_outgoing_init(const struct llmobs_config *config,
                          struct llmobs_worker *worker);

/* Sets the call's begin to now, whenever the handle was added. */
void llmobs_outgoing_start_clock(struct llmobs_call_origin *origin);

/* The transfer is perhaps a call: from here on an exit of the program may end
 * its exchange and pass it to the worker. False: without memory. */
bool llmobs_outgoing_open(struct llmobs_handle *handle,
                          const struct llmobs_match *match);

/* From here on libcurl looks names up and connects. Writes the call's start to
 * the disk, so that a kill during that time makes a span, without request. */
void llmobs_outgoing_write_start(struct llmobs_handle *handle);

/* libcurl is about to make the request: reads its header list and its body,
 * decides whether it is a call, and puts trace headers in. Does nothing where
 * that was done before. */
void llmobs_outgoing_read(struct llmobs_handle *handle, CURL *curl);

/* True for an option that sets a URL, if the library has begun to follow a
 * transfer of the handle that libcurl may not have begun yet. */
static inline bool llmobs_outgoing_awaits(const struct llmobs_handle *handle,
                                          CURLoption option)
{
    return (option == CURLOPT_URL || option == CURLOPT_CURLU) &&
           handle->outgoing.early && handle->origin.url;
}

/* Called before and after libcurl gets such an option: find which URL it uses.
 */
void llmobs_outgoing_before_set(struct llmobs_handle *handle, CURL *curl);
void llmobs_outgoing_after_set(struct llmobs_handle *handle, CURL *curl,
                               CURLoption option);

/* A transfer ends whose request libcurl never sent: finds which URL it used. */
void llmobs_outgoing_follow_unsent(struct llmobs_handle *handle, CURL *curl);

/* Copies, of a body that libcurl sends later than the request or never, as much
 * as libcurl has sent until now. Called within a callback of the transfer, or
 * as easy_perform returns. */
void llmobs_outgoing_copy_sent(struct llmobs_handle *handle);

/* A transfer has ended with `code`, and the function of libcurl's in which it
 * did has not returned to the app, whose memory an option with the body still
 * names: copies what libcurl did not send. */
void llmobs_outgoing_copy_unsent(struct llmobs_handle *handle, CURL *curl,
                                 CURLcode code);

/* The app's header function has seen a part of the answer. At the end of a 100
 * (Continue) libcurl begins to send a later body, and all of it is copied. */
void llmobs_outgoing_answered(struct llmobs_handle *handle, const char *data,
                              size_t len);

/* For a handle whose making the library did not see, once its transfer is over:
 * judges the transfer by the address and the method that libcurl has, and opens
 * the exchange that the origin holds. Only the sizes of both bodies are known.
 */
void llmobs_outgoing_open_unseen(struct llmobs_handle *handle, CURL *curl);

/* Asks libcurl for one of its own texts; NULL: it has none. */
const char *llmobs_outgoing_ask(const struct llmobs_handle *handle, CURL *curl,
                                CURLINFO info);

#endif
