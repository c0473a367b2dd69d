/* judge - whether a transfer is a call to a model: asks the rules.
 *
 * Owns:    nothing.
 * Threads: init before any handle exists; integrate and knows in any thread;
 *          the others in the thread that drives the handle.
 */
#ifndef LLMOBS_JUDGE_H
#define LLMOBS_JUDGE_H

#include "core/capture/handle.h"
#include "core/capture/wire_request.h"
#include "core/config/config.h"

/* Runs once; borrows its arguments for ever. */
void llmobs_judge_init(const struct llmobs_config *config,
                       const struct llmobs_rules *rules);

/* Whether calls through libcurl make spans from now on; true after init. */
void llmobs_judge_integrate(bool wanted);

/* True when a transfer of the handle may be a call, or may carry a context on;
 * true when it may carry a context on. Both are cheap: most transfers of most
 * programs end here. */
bool llmobs_judge_may_begin(const struct llmobs_handle *handle);
bool llmobs_judge_may_pass(const struct llmobs_handle *handle);

/* Judges by method and URL. */
enum llmobs_verdict llmobs_judge_url(const struct llmobs_handle *handle,
                                     const char *url,
                                     struct llmobs_match *match);

/* Reads the header list. True if a line of it shows a call. It reads nothing
 * else, because most requests with headers have no such line. */
bool llmobs_judge_has_sign(const struct llmobs_handle *handle);

/* Judges by header list and body as well, and so reads them. */
bool llmobs_judge_request(const struct llmobs_handle *handle, const char *url,
                          struct llmobs_match *match);

/* Of a request that libcurl does not send; in the thread that reads its
 * connection. _may_be_call: true where one to an absolute URL may be a call;
 * `sends`: it has a body. After one by which a tracer reports the program's
 * calls none is, for good. _wire_listed: true where its head alone shows a call
 * to a listed gateway or a named host, which may get trace headers; it has a
 * body.
 * _wire_request: judges it by all that is known, and writes that to a debug
 * log; `listed`: _wire_listed was true and has filled `match`. */
bool llmobs_judge_may_be_call(const char *url, bool sends);
extern bool llmobs_judge_adds; /* to requests to listed URLs, named hosts */
bool llmobs_judge_wire_listed(const struct llmobs_wire_request *asked,
                              struct llmobs_match *match);
bool llmobs_judge_wire_request(const struct llmobs_wire_request *asked,
                               bool listed, struct llmobs_match *match);

/* How calls go over the websocket that the request asks for; NULL: there are
 * none, as far as it tells. */
const struct llmobs_websocket_words *llmobs_judge_wire_upgrade(
    const struct llmobs_wire_request *asked);

/* True where calls are observed, and the host is a known provider's or one that
 * the user's rules name. */
bool llmobs_judge_knows(const char *host);

/* True when the request may get trace headers. */
bool llmobs_judge_wants_headers(const struct llmobs_handle *handle,
                                const struct llmobs_match *match);

/* True where such a request may have ids alone: it goes to a known provider,
 * which is no gateway of the user's. */
bool llmobs_judge_ids_alone(const char *url, const struct llmobs_match *match);

/* Write to a debug log: a verdict; that a request has no body; that libcurl
 * never made a request whose header list would have decided. */
void llmobs_judge_log(const char *method, const char *url,
                      const struct llmobs_match *match, bool is_call);
void llmobs_judge_log_bodyless(const struct llmobs_handle *handle);
void llmobs_judge_log_unsent(const struct llmobs_handle *handle);

#endif
