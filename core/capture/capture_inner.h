/* capture_inner - what the files of the capture share; capture.h holds the
 * contract. */
#ifndef LLMOBS_CAPTURE_INNER_H
#define LLMOBS_CAPTURE_INNER_H

#include "core/capture/capture.h"

/* Puts our callbacks around the app's; after false, swap_out undoes the part
 * that went in. */
bool llmobs_capture_swap_in(struct llmobs_handle *handle, CURL *curl);

/* The data that the app's callback gets: the app's own, else `fallback`. */
void *llmobs_capture_data(const struct llmobs_callback *callback,
                          void *fallback);
/* Sets a callback and its data at libcurl; false: libcurl refused one. */
bool llmobs_capture_put(const struct llmobs_handle *handle, CURL *curl,
                        CURLoption function_option, void *function,
                        CURLoption data_option, void *data);

/* True when libcurl reads the body from a callback or a file: then the same in
 * and out of what reads and rewinds it. */
bool llmobs_capture_reads(const struct llmobs_handle *handle);
bool llmobs_capture_swap_reads(struct llmobs_handle *handle, CURL *curl);
void llmobs_capture_follow_reads(struct llmobs_handle *handle, CURL *curl,
                                 CURLoption option);
void llmobs_capture_restore_reads(const struct llmobs_handle *handle,
                                  CURL *curl);

/* Of a body that libcurl sends later than the request, as the app's header
 * function has seen a part of the answer: at the end of a 100 libcurl begins to
 * send, and all of it is taken. */
void llmobs_capture_answered(struct llmobs_handle *handle, const char *data,
                             size_t len);

/* libcurl is about to make the request: reads its header list and its body,
 * decides, and puts trace headers in. Nothing where that was done before. */
void llmobs_capture_settle(struct llmobs_handle *handle, CURL *curl);

/* Likewise, as the transfer ends, of what it began with and never sent. */
void llmobs_capture_follow_unsent(struct llmobs_handle *handle, CURL *curl);

/* libcurl's own text; NULL: none. */
const char *llmobs_capture_ask(const struct llmobs_handle *handle, CURL *curl,
                               CURLINFO info);

/* It is perhaps a call, and from here on an exit of the program may take it and
 * give it away. False: without memory. */
bool llmobs_capture_open(struct llmobs_handle *handle,
                         const struct llmobs_match *match);

/* libcurl looks names up and connects from here on, and a kill meanwhile leaves
 * what is known without the request. */
void llmobs_capture_keep_start(struct llmobs_handle *handle);

const struct llmobs_config *llmobs_capture_config(void);
struct llmobs_worker *llmobs_capture_worker(void);

enum llmobs_verdict {
    LLMOBS_NOT_OURS,
    LLMOBS_PASSES_ON, /* without a span: it may carry a context on */
    LLMOBS_PERHAPS_OURS
};

/* Cheap, by the handle's method alone. */
bool llmobs_capture_may_begin(const struct llmobs_handle *handle);
bool llmobs_capture_may_pass(const struct llmobs_handle *handle);

/* By method and URL; `matches` by header list and body as well, which it reads.
 */
enum llmobs_verdict llmobs_capture_judge(const struct llmobs_handle *handle,
                                         const char *url,
                                         struct llmobs_match *match);
bool llmobs_capture_matches(const struct llmobs_handle *handle, const char *url,
                            struct llmobs_match *match);
bool llmobs_capture_wants_headers(const struct llmobs_handle *handle,
                                  const struct llmobs_match *match);

void llmobs_capture_set_method(struct llmobs_exchange *exchange,
                               const struct llmobs_handle *handle);

/* For the log, where it wants such: a verdict; that a request had no body. */
void llmobs_capture_tell(const char *method, const char *url,
                         const struct llmobs_match *match, bool ours);
void llmobs_capture_tell_bodyless(const struct llmobs_handle *handle);

#endif
