/* easy - the operations behind the thunks of curl_easy_*.
 *
 * Owns:    nothing. Threads: as the libcurl function of the same name.
 * Errors:  those of the real function, which each calls exactly once.
 */
#ifndef LLMOBS_EASY_H
#define LLMOBS_EASY_H

#include "include/engine.h"

CURL *llmobs_ops_easy_init(const struct llmobs_real *real);
CURLcode llmobs_ops_easy_setopt(const struct llmobs_real *real, CURL *curl,
                                CURLoption option, void *arg);
CURLcode llmobs_ops_easy_perform(const struct llmobs_real *real, CURL *curl);
void llmobs_ops_easy_reset(const struct llmobs_real *real, CURL *curl);
CURL *llmobs_ops_easy_duphandle(const struct llmobs_real *real, CURL *curl);
void llmobs_ops_easy_cleanup(const struct llmobs_real *real, CURL *curl);

#endif
