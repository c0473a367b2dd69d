/* easy - the operations behind the thunks of curl_easy_*.
 *
 * easy_send and easy_recv pass the bytes that the app itself sends and receives
 * over a connection that libcurl made for it (CURLOPT_CONNECT_ONLY with 1):
 * the app makes the HTTP itself, as the Azure SDK for C++ does. wire.h finds
 * the calls among them. The library reads the app's bytes after libcurl has
 * sent or received them, and only as many.
 *
 * Owns:    nothing.
 * Threads: as the libcurl function of the same name.
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
CURLcode llmobs_ops_easy_send(const struct llmobs_real *real, CURL *curl,
                              const void *data, size_t len, size_t *sent);
CURLcode llmobs_ops_easy_recv(const struct llmobs_real *real, CURL *curl,
                              void *data, size_t room, size_t *got);

#endif
