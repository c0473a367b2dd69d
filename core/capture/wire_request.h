/* wire_request - a copy of the head of a request that libcurl does not send,
 * until the request is judged.
 *
 * Owns:    one block, which may have keys: it is wiped before it is freed.
 * Threads: one at a time.
 * Errors:  a negative errno: no copy.
 */
#ifndef LLMOBS_WIRE_REQUEST_H
#define LLMOBS_WIRE_REQUEST_H

#include "include/engine.h"
#include "lib/text/http1_head.h"

struct llmobs_wire_request {
    size_t size;      /* of it all, in bytes */
    int64_t began_ns; /* monotonic: when the head was sent */
    const char *method;
    const char *url; /* absolute */
    const struct curl_slist
        *lines;              /* "Name: value", as the program sent them */
    struct llmobs_text body; /* its first bytes, borrowed; data NULL: there is
                              * none */
};

/* `host`: the peer's name, for a request that names none; NULL: unknown.
 * `plain`: by http, not https; then `port` is the peer's, ":4000", for a host
 * that names none; "": the usual one. -EINVAL: the request has no URL; -ENOMEM.
 */
int llmobs_wire_request_copy(const struct llmobs_http1_head *head,
                             const char *host, bool plain, const char *port,
                             struct llmobs_wire_request **copy);

/* Wipes and frees it; NULL is allowed. */
void llmobs_wire_request_free(struct llmobs_wire_request *request);

#endif
