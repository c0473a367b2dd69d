/* raw - the bytes that the app itself sends and receives over a connection that
 * libcurl made for it (CURLOPT_CONNECT_ONLY with 1): HTTP of the app's own, as
 * the Azure SDK for C++ has it. wire.h finds the calls among them.
 *
 * Owns:    the record of the handle's connection, until the handle's next
 *          transfer, or its end.
 * Threads: the one that drives the handle.
 * Errors:  libcurl's own. The library reads the app's bytes after libcurl has
 *          taken or given them, and only as many.
 */
#ifndef LLMOBS_OPS_RAW_H
#define LLMOBS_OPS_RAW_H

#include "core/capture/handle.h"

CURLcode llmobs_ops_easy_send(const struct llmobs_real *real, CURL *curl,
                              const void *data, size_t len, size_t *sent);
CURLcode llmobs_ops_easy_recv(const struct llmobs_real *real, CURL *curl,
                              void *data, size_t room, size_t *got);

/* The connection of the handle, if it had one, is gone. */
void llmobs_raw_end(struct llmobs_handle *handle);

#endif
