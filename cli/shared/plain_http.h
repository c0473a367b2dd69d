/* plain_http - requests to a peer on this host, by HTTP without TLS and without
 * libcurl.
 *
 * To load libcurl and all that it links takes longer than many a command that
 * `llmobs span` runs. A peer on this host needs none of what libcurl can do.
 *
 * Threads: those that send requests.
 * Errors:  as llmobs_http_send.
 * Limits:  a connection for each request; the answer's head has
 *          LLMOBS_PLAIN_HEAD_MAX bytes at most.
 */
#ifndef LLMOBS_PLAIN_HTTP_H
#define LLMOBS_PLAIN_HTTP_H

#include "core/export/http.h"

#define LLMOBS_PLAIN_HEAD_MAX ((size_t)64 * 1024)

/* True where every destination of this configuration is the store, or a peer
 * that plain_http can send to. */
bool llmobs_plain_serves(const struct llmobs_config *config);

/* Makes all requests of this process use plain_http; before the first one. */
void llmobs_plain_begin(void);

#endif
