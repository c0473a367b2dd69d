/* multi_push - our callback in the place of a multi's server push callback.
 *
 * Owns:    nothing. Threads: as the multi.
 * Errors:  those of the real function.
 * Limits:  LLMOBS_MULTI_PUSH_FUNCTIONS_MAX functions of the app in all multis.
 * One more is set as it comes, and while its multi has it, no transfer that
 * begins there is captured (`llmobs_multi_push_is_blind`). Fork:    plain
 * memory.
 *
 * A pushed handle is libcurl's duplicate of its parent, callbacks included. It
 * gets the app's own back before the app sees it, and is no call itself.
 */
#ifndef LLMOBS_MULTI_PUSH_H
#define LLMOBS_MULTI_PUSH_H

#include "core/engine.h"

#define LLMOBS_MULTI_PUSH_FUNCTIONS_MAX 32

/* As curl_multi_setopt for CURLMOPT_PUSHFUNCTION. */
CURLMcode llmobs_multi_push_setopt(const struct llmobs_real *real, CURLM *multi,
                                   void *function);

/* True when a handle pushed to this multi may inherit what we set, unseen. */
bool llmobs_multi_push_is_blind(CURLM *multi);

#endif
