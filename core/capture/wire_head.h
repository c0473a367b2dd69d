/* wire_head - a copy of a request's head, until the request is judged: it holds
 * the program's keys, and is wiped then.
 *
 * Owns:    itself, with all that it points to.
 * Threads: a value.
 * Errors:  NULL: memory ran out, or the request has no URL.
 */
#ifndef LLMOBS_WIRE_HEAD_H
#define LLMOBS_WIRE_HEAD_H

#include <stdint.h>

#include <curl/curl.h>

#include "lib/text/http1_head.h"

struct llmobs_wire_head {
    size_t size;      /* of it all, in bytes */
    int64_t began_ns; /* monotonic: when the head was sent */
    char *method;
    char *url;                /* absolute */
    struct curl_slist *lines; /* "Name: value"; NULL: there is none */
};

/* Copies what is needed of the head. `host`: the peer's name, for a request
 * that names none; NULL: unknown. `plain`: by http, not https. */
struct llmobs_wire_head *llmobs_wire_head_new(
    const struct llmobs_http1_head *head, const char *host, bool plain);

/* Wipes and frees it. */
void llmobs_wire_head_free(struct llmobs_wire_head *head);

#endif
