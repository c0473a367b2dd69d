/* handle_url - where a handle's request goes, and who sees its headers.
 *
 * Owns:    nothing.
 * Threads: the thread that drives the handle.
 * Errors:  without memory there is no URL.
 */
#ifndef LLMOBS_HANDLE_URL_H
#define LLMOBS_HANDLE_URL_H

#include "core/capture/handle.h"

/* The absolute URL that libcurl will use; NULL when there is none or it is not
 * HTTP. The result is the handle's own string or `*owned`, which the caller
 * frees. _at makes it from the address that libcurl itself has. */
const char *llmobs_handle_url(const struct llmobs_handle *handle, char **owned);
const char *llmobs_handle_url_at(const struct llmobs_handle *handle,
                                 const char *url, char **owned);

/* True when libcurl might send HTTPHEADER to a CONNECT proxy, or sign it. */
bool llmobs_handle_exposes_headers(const struct llmobs_handle *handle);

#endif
