/* ours - what is noted of a call as the app makes it: where it was made, inside
 * which span, for whom.
 *
 * Owns:    nothing: the exchange that it makes belongs to the handle's origin.
 * Threads: init before any handle exists; take in the thread that drives the
 *          handle.
 * Errors:  false without memory.
 */
#ifndef LLMOBS_OURS_H
#define LLMOBS_OURS_H

#include "core/capture/handle.h"
#include "core/config/config.h"

/* Runs once; borrows `config` for ever. */
void llmobs_ours_init(const struct llmobs_config *config);

/* How many bytes of a body a call keeps in one piece. Where the configuration
 * shows no content, the two ends of a body hold all that a dialect reads of it:
 * the model, the token counts, how the answer ended. */
size_t llmobs_ours_body_max(void);

/* Makes and gives the exchange of a call that the calling thread makes now, and
 * notes in `origin` which parent it has. NULL without memory. `called_from`:
 * where the program made it (stack.h). */
struct llmobs_exchange *llmobs_ours_new(struct llmobs_origin *origin,
                                        uintptr_t called_from);

/* Keeps of a request's lines, "Name: value", and of its URL what a span may
 * show. Gives the number of the credentials in both (account.h): one walk for
 * all, as the app's thread makes it. */
uint64_t llmobs_ours_keep_head(const struct curl_slist *lines, const char *url,
                               struct llmobs_exchange *exchange);

/* True for a program that sends on the headers of a caller from a public
 * network. */
bool llmobs_ours_forwards_strangers(const struct curl_slist *lines);

/* The context in the program's own headers is the parent, unless a span of the
 * program is. The call keeps its span id, by which the disk knows the call.
 * True where the headers have one. */
bool llmobs_ours_continue(const struct llmobs_own_headers *own, bool from_span,
                          struct llmobs_context *context);

/* Notes which line of a script sets the transfer up, where it may not be known
 * as the transfer begins. */
void llmobs_ours_note_script(struct llmobs_handle *handle);

/* Makes the exchange of the handle's origin, in the thread and within the call
 * that make the request. */
bool llmobs_ours_take(struct llmobs_handle *handle);

#endif
