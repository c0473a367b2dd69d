/* call_origin - where a call comes from: the code that makes it, the span or
 * the request that it is made within, and the account whose credentials it has.
 *
 * Owns:    nothing: the exchange that it makes belongs to the handle's origin.
 * Threads: init before any handle exists; the others in the thread that makes
 *          the call.
 * Errors:  false, or NULL, without memory.
 */
#ifndef LLMOBS_CALL_ORIGIN_H
#define LLMOBS_CALL_ORIGIN_H

#include "core/capture/handle.h"
#include "core/config/config.h"

/* Runs once; borrows `config` for ever. */
void llmobs_call_origin_init(const struct llmobs_config *config);

/* How many bytes of a body a call copies in one piece. Where the configuration
 * shows no content, the two ends of a body hold all that a dialect reads of it:
 * the model, the token counts, how the answer ended. */
size_t llmobs_call_origin_body_max(void);

/* Makes the exchange of a call that the calling thread makes now, and writes to
 * `origin` which parent it has. The caller owns it. NULL without memory.
 * `called_from`: where the program made it (stack.h). `saved`: the script that
 * set it up, or NULL. */
struct llmobs_exchange *llmobs_call_origin_new_exchange(
    struct llmobs_call_origin *origin, uintptr_t called_from,
    const struct llmobs_script_frames *saved);

/* Copies of a request's lines, "Name: value", and of its URL what a span may
 * show. Returns the number of the credentials in both (account.h). It does both
 * in one walk, since the app's thread waits for it. */
uint64_t llmobs_call_origin_read_head(const struct curl_slist *lines,
                                      const char *url,
                                      struct llmobs_exchange *exchange);

/* Reads the program's own headers, "Name: value", and fills in the plan for the
 * request, but not its sender. All are borrowed. Baggage is not passed on by a
 * program that sends on the headers of a caller from a public network, unless
 * the user trusts all callers. */
void llmobs_call_origin_scan(const struct llmobs_call_origin *origin,
                             const struct curl_slist *lines, const char *url,
                             struct llmobs_own_headers *own,
                             struct llmobs_inject_plan *plan);

/* The context in plan->own, the program's own headers, is the parent, unless a
 * span of the program is. The call's span id stays, by which the disk knows the
 * call. Fills in plan->continued, plan->sender and exchange->own_trace. */
void llmobs_call_origin_continue(struct llmobs_inject_plan *plan,
                                 bool from_span,
                                 struct llmobs_exchange *exchange);

/* Saves which line of a script sets the transfer up, where it may not be known
 * as the transfer begins. */
void llmobs_call_origin_save_script(struct llmobs_handle *handle);

/* Makes the exchange of the handle's origin. Called in the thread that makes
 * the request, while it is in the function that makes it. False without memory.
 */
bool llmobs_call_origin_open(struct llmobs_handle *handle);

#endif
