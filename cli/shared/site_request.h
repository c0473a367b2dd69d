/* site_request - a request of HTTP/1.1 as it comes in, piece by piece, from a
 * client that may be anybody on this host.
 *
 * Owns:    its bytes, from init to fini.
 * Threads: one.
 * Errors:  a status for the client: 400 bad form, 408, 413 body too long, 431
 *          head too long, 501 unknown coding of the transfer, 505 no HTTP/1;
 *          500 without memory. Nothing more is read then.
 * Limits:  LLMOBS_SITE_HEAD_MAX bytes of a head, and of the trailer behind
 *          chunks; of a body what its owner says.
 *
 * Sources: RFC 9112, 2 to 7, 9.3; RFC 9110, 10.1.1 (Expect). A message that has
 * both a length and chunks, or two lengths, is refused, as is a folded line.
 */
#ifndef LLMOBS_SITE_REQUEST_H
#define LLMOBS_SITE_REQUEST_H

#include <stdint.h>

#include "lib/base/buf.h"

#define LLMOBS_SITE_HEAD_MAX ((size_t)64 * 1024)
#define LLMOBS_SITE_BODY_MAX ((size_t)256 * 1024 * 1024)

/* The part of a request that comes next. */
enum llmobs_site_part {
    LLMOBS_SITE_HEAD,
    LLMOBS_SITE_BODY,       /* of a known length */
    LLMOBS_SITE_CHUNK_SIZE, /* the line before a chunk */
    LLMOBS_SITE_CHUNK,
    LLMOBS_SITE_CHUNK_END, /* the line end behind a chunk */
    LLMOBS_SITE_TRAILER,
    LLMOBS_SITE_WHOLE
};

struct llmobs_site_request {
    struct llmobs_buf in; /* bytes that are not read yet, from `at` on */
    size_t at;
    enum llmobs_site_part part;
    uint64_t left; /* bytes of the body or chunk that are to come */
    size_t trailer;
    char *method;
    char *target; /* the path, its query still behind it */
    char *coding; /* Content-Encoding, or NULL */
    char *host;   /* Host, or NULL */
    char *origin; /* Origin, or NULL */
    bool has_length;
    bool chunked;
    bool old;        /* HTTP/1.0 */
    bool keep_alive; /* another request may follow */
    bool expects;    /* it sent Expect: 100-continue */
    size_t body_max;
    struct llmobs_buf body;
};

/* `body_max`: bytes of a body, at most LLMOBS_SITE_BODY_MAX. */
void llmobs_site_request_init(struct llmobs_site_request *http,
                              size_t body_max);
void llmobs_site_request_fini(struct llmobs_site_request *http);

/* Adds bytes that came. 0, or a status. */
int llmobs_site_request_add(struct llmobs_site_request *http, const void *data,
                            size_t len);

/* Reads as far as it can. 0: http->part says how far; else a status. */
int llmobs_site_request_read(struct llmobs_site_request *http);

/* True where a request has begun and is not complete. */
bool llmobs_site_request_is_begun(const struct llmobs_site_request *http);

/* Forgets the complete request; the bytes behind it begin the next. */
void llmobs_site_request_next(struct llmobs_site_request *http);

#endif
