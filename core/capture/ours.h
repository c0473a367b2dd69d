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

/* Makes and gives the exchange of a call that is no transfer, such as a
 * response of a talk; NULL without memory. The handle has no transfer under
 * way. */
struct llmobs_exchange *llmobs_ours_make(struct llmobs_handle *handle);

/* Makes the exchange of the handle's origin, in the thread and within the call
 * that make the request. */
bool llmobs_ours_take(struct llmobs_handle *handle);

#endif
