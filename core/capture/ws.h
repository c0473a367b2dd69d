/* ws - the frames of websockets that the app itself sends and receives
 * (CURLOPT_CONNECT_ONLY with 2).
 *
 * Owns:    nothing.
 * Threads: the one that drives the handle.
 * Errors:  libcurl's own. The library reads the app's bytes after libcurl has
 *          taken or given them, and only as many.
 */
#ifndef LLMOBS_OPS_WS_H
#define LLMOBS_OPS_WS_H

#include "include/engine.h"

CURLcode llmobs_ops_ws_send(const struct llmobs_real *real, CURL *curl,
                            const void *data, size_t len, size_t *sent,
                            curl_off_t size, unsigned flags);
CURLcode llmobs_ops_ws_recv(const struct llmobs_real *real, CURL *curl,
                            void *data, size_t room, size_t *got,
                            const struct llmobs_ws_frame **meta);

#endif
