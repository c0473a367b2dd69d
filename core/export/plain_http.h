/* plain_http - requests to a peer on this host, by HTTP without TLS and without
 * libcurl: in a program that has none, and in the tool. To load libcurl and all
 * that it links takes longer than many a command that `llmobs span` runs, and a
 * peer on this host needs none of what libcurl can do.
 *
 * Owns:    the connection, in the caller's list, until the send returns.
 * Threads: those that send requests.
 * Errors:  as llmobs_http_send; -ENOTCONN: the peer is on another host.
 * Limits:  a connection for each request; the answer's head has
 *          LLMOBS_PLAIN_HEAD_MAX bytes at most.
 * Fork:    a child drops its copy of the connection (sockets.h).
 */
#ifndef LLMOBS_PLAIN_HTTP_H
#define LLMOBS_PLAIN_HTTP_H

#include "core/config/config.h"
#include "core/export/http_request.h"
#include "core/export/sockets.h"
#include "core/export/target.h"

#define LLMOBS_PLAIN_HEAD_MAX ((size_t)64 * 1024)

/* True where every destination of this configuration is the store, or a peer
 * that plain_http can send to. */
bool llmobs_plain_serves(const struct llmobs_config *config);

/* Sends a request that needs no TLS and no proxy, and fills the reply, which is
 * initialised. */
int llmobs_plain_send(struct llmobs_sockets *sockets,
                      const struct llmobs_http_request *request,
                      const struct llmobs_target *target,
                      struct llmobs_http_reply *reply);

#endif
