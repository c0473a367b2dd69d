/* multi_push - our callback in the place of a multi's server push callback.
 *
 * A pushed handle is libcurl's duplicate of its parent, our callbacks included.
 * It gets the app's settings back before the app sees it, and is no call.
 *
 * Owns:    nothing. Threads: those of the multi.
 * Errors:  those of the real function.
 * Limits:  LLMOBS_MULTI_PUSH_FUNCTIONS_MAX functions of the app in all multis.
 *          A further function is set as it is, and while a multi has it, no
 *          transfer that begins there is captured (llmobs_multi_push_is_blind).
 */
#ifndef LLMOBS_MULTI_PUSH_H
#define LLMOBS_MULTI_PUSH_H

#include "include/engine.h"

#define LLMOBS_MULTI_PUSH_FUNCTIONS_MAX 32

/* Does as curl_multi_setopt for CURLMOPT_PUSHFUNCTION. */
CURLMcode llmobs_multi_push_setopt(const struct llmobs_real *real, CURLM *multi,
                                   void *function);

/* True when a handle pushed to this multi may inherit our callbacks, unseen. */
bool llmobs_multi_push_is_blind(CURLM *multi);

#endif
