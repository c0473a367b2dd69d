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

LLMOBS_EASY_HOOKS(LLMOBS_OPERATION)
LLMOBS_OWN_HOOKS(LLMOBS_OPERATION)

#endif
