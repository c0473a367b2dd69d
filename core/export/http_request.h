/* http_request - a request of this library over HTTP and the reply to it, as
 * values, and what of an answer's bytes the reply gets.
 *
 * Owns:    a reply owns its body; a request borrows all that it names.
 * Threads: one at a time; llmobs_http_date_wait_ms: any, in any locale.
 * Limits:  a reply keeps LLMOBS_HTTP_BODY_MAX bytes of a body, or as many as
 *          the request says; a wait is LLMOBS_HTTP_DATE_MAX_MS at most.
 */
#ifndef LLMOBS_HTTP_REQUEST_H
#define LLMOBS_HTTP_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/tick.h"

#define LLMOBS_HTTP_BODY_MAX (64 * 1024)
#define LLMOBS_HTTP_DATE_MAX_MS INT64_C(86400000)

struct llmobs_http_request {
    const char *method;         /* "GET" or "POST" */
    const char *url;            /* http://, https:// or "unix:///socket" */
    const char *unix_socket;    /* path of the socket to use, or NULL */
    const char *const *headers; /* "Name: value", NULL-terminated */
    struct llmobs_text body;    /* of a POST */
    bool local;                 /* an agent: never through a proxy */
    const char *guard;  /* see llmobs_listener_guard: -EPERM, and no byte is
                         * sent, where a stranger listens; NULL: no check */
    int64_t timeout_ms; /* for the whole request */
    struct llmobs_tick tick; /* called during the wait; may not use libcurl */
    const char *user_agent;  /* NULL: this library's */
    const char *ca_file;     /* PEM; NULL: the configuration's */
    const char *cert_file;   /* this client's, PEM, for https; NULL: none */
    const char *key_file;    /* of cert_file, PEM; NULL: none */
    size_t body_max;         /* of the answer; 0: LLMOBS_HTTP_BODY_MAX */
};

#define LLMOBS_HTTP_TYPE_MAX 64

struct llmobs_http_reply {
    int code;                        /* CURLcode */
    long status;                     /* 0: no answer */
    int64_t retry_after_ms;          /* -1: no Retry-After header */
    char type[LLMOBS_HTTP_TYPE_MAX]; /* Content-Type, or "" */
    struct llmobs_buf body;          /* freed by llmobs_http_reply_fini */
};

/* Sets the reply to no answer. */
void llmobs_http_reply_init(struct llmobs_http_reply *reply,
                            const struct llmobs_http_request *request);
void llmobs_http_reply_fini(struct llmobs_http_reply *reply);

/* True for a web page with status 2xx, as a site has one for every URL. */
bool llmobs_http_reply_is_page(const struct llmobs_http_reply *reply);

/* Reads a line of an answer's head. A status line begins another answer: then
 * the headers of the answer before no longer count. */
void llmobs_http_reply_header(struct llmobs_http_reply *reply, const char *data,
                              size_t len);

/* Appends bytes of the answer's body; what is beyond the limit is dropped. */
void llmobs_http_reply_body(struct llmobs_http_reply *reply, const char *data,
                            size_t len);

/* Reads how long a Retry-After header asks the client to wait; -1: `value`
 * cannot be read. `value`: seconds, or a date such as "Wed, 21 Oct 2015
 * 07:28:00 GMT" (the only form that today's servers may send); `now_s`: seconds
 * since 1970. 0 for a date that has passed. */
int64_t llmobs_http_date_wait_ms(const char *value, int64_t now_s);

#endif
