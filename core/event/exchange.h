/* exchange - one transfer as captured, from which a span is made (to_span.h).
 *
 * Owns:    everything it points to, from new to free. Its own memory may come
 *          from a pool of blocks (blocks.h), so free(3) must never have it.
 *          Delivery frees it, on the thread that has the worker's turn, once
 *          its event is made; the app's thread does where it is no call, where
 *          a child of fork finds its parent's, or where the queue has no room.
 * Threads: one owner at a time: the thread that holds the handle's lock
 *          (handle.h), and after the give the worker.
 * Errors:  -ENOMEM from new only; the bodies are marked for later losses.
 * Limits:  bodies as body.h; LLMOBS_HEADERS_MAX kept headers a side,
 *          LLMOBS_MARKS_MAX time marks.
 * Fork:    a child never finishes an exchange of its parent (fork.h).
 */
#ifndef LLMOBS_EXCHANGE_H
#define LLMOBS_EXCHANGE_H

#include <sys/types.h>

#include "core/trace/callsite.h"
#include "core/event/item.h"
#include "lib/text/blob.h"
#include "lib/text/form.h"
#include "rules/rules.h"

#define LLMOBS_HEADERS_MAX 32
/* The places among them for headers without which the call cannot be read. */
#define LLMOBS_HEADERS_NEEDED 12
#define LLMOBS_HEADER_VALUE_MAX 1024
#define LLMOBS_MARKS_MAX 4096
#define LLMOBS_ERROR_TEXT_MAX 256

/* How the transfer ended. */
enum llmobs_end {
    LLMOBS_END_DONE,    /* libcurl ended it: code holds its CURLcode */
    LLMOBS_END_REMOVED, /* the app removed or cleaned up the handle */
    LLMOBS_END_EXIT,    /* the process ended first */
    LLMOBS_END_KILLED   /* the process was killed: another one delivers it */
};

struct llmobs_headers {
    struct llmobs_header list[LLMOBS_HEADERS_MAX];
    size_t count;
};

/* libcurl's measurements; times in ms from the start, < 0: unknown. */
struct llmobs_transfer {
    long http_version; /* CURL_HTTP_VERSION_*; 0: unknown */
    long redirects;
    int64_t bytes_sent;
    int64_t bytes_received;
    double dns_ms;
    double connect_ms;
    double tls_ms;
    double first_byte_ms;
};

/* How far an exchange is. Another process reads it from outside (`llmobs ps`):
 * it finds the address in the entry that began the call, and knows by both
 * numbers that the call is still there. So this form never changes. The thread
 * that owns the exchange writes it; a reader takes what it finds. */
#define LLMOBS_PROGRESS_SIGN UINT64_C(0x6c6c6d6f62732e31)
struct llmobs_progress {
    uint64_t sign;
    uint64_t id;       /* of the call's entries; 0: it has ended */
    uint64_t received; /* bytes of the response */
};

struct llmobs_exchange {
    struct llmobs_item item; /* first: the buffer's */
    int process;             /* that began it (fork.h) */
    struct llmobs_match match;
    struct llmobs_context context;
    struct llmobs_callsite *callsite; /* NULL: none was taken */
    char *caller; /* metadata.caller as JSON, if it was read before; or NULL */
    char *caller_left; /* as JSON, the names that it lacks (caller_left.h);
                        * NULL: none */
    char *annotations; /* annotation_pack.h; NULL: none */
    uint64_t account;  /* stands for its credentials, sealed (account.h) */
    char method[16];
    char *url;
    struct llmobs_headers request_headers;
    struct llmobs_headers response_headers;
    struct llmobs_body request;      /* of a form its text fields (form.h) */
    struct llmobs_form_parser *form; /* of one that is read; NULL: none */
    uint64_t masked; /* the length of `request` when masked; 0: never */
    struct llmobs_body response;
    uint64_t answer_masked; /* the same for `response` */
    /* Leave pictures and sounds out of the two bodies. */
    struct llmobs_blob request_blob, response_blob;
    struct llmobs_progress progress;
    /* How many bytes of the response, and of its headers, libcurl delivers
     * again after a pause. */
    size_t again, header_again;
    bool multipart;
    bool unsent;   /* libcurl has not made the request */
    bool told;     /* seen as it ended: libcurl's word alone is known */
    bool stands;   /* a call, even if libcurl never makes the request */
    bool bare;     /* read from the disk, which was not to have its bodies */
    bool traced;   /* libcurl got a tracestate header for it */
    bool whole;    /* pictures and sounds are kept as other bodies are */
    bool recorded; /* or it was tried (recorder.h) */
    struct llmobs_mark *marks;
    size_t mark_count;
    size_t mark_cap;
    long status;
    enum llmobs_end end;
    int code;              /* CURLcode, when end is DONE */
    const char *code_name; /* "CURLE_OPERATION_TIMEDOUT"; static */
    char error_text[LLMOBS_ERROR_TEXT_MAX];
    struct llmobs_transfer transfer;
    int64_t start_wall_ns;
    int64_t start_mono_ns;
    int64_t duration_ns;
};

/* Gives an exchange that has begun now; NULL without memory. */
struct llmobs_exchange *llmobs_exchange_new(size_t capture_max);
void llmobs_exchange_free(struct llmobs_exchange *exchange);

/* The exchange begins now, and not when it was made. */
void llmobs_exchange_start(struct llmobs_exchange *exchange);

/* It began at `mono_ns` of the monotonic clock, at most this moment. */
void llmobs_exchange_began(struct llmobs_exchange *exchange, int64_t mono_ns);

/* Frees the memory of an exchange or of an item itself, after everything that
 * it owned was freed or taken. */
void llmobs_exchange_free_memory(void *item);

/* Frees all of an exchange but its item, which is then one of the type SPOOLED
 * and weighs nothing. Takes the exchange, gives the item. */
struct llmobs_item *llmobs_exchange_to_spooled(
    struct llmobs_exchange *exchange);

/* Keeps a header of the request that allowlist.h allows. `line` is
 * "Name: value", a C string; `name_len` is where its first colon is. */
void llmobs_headers_keep(struct llmobs_headers *headers, const char *line,
                         size_t name_len);
/* The same for a line of `len` bytes of an answer, with or without its line
 * end: keeps the provider's own words too. A line of another form is ignored.
 */
void llmobs_headers_keep_answer(struct llmobs_headers *headers,
                                const char *line, size_t len);
void llmobs_headers_clear(struct llmobs_headers *headers);

/* Notes the length of the response, where this line of its header says it. */
void llmobs_exchange_expect(struct llmobs_exchange *exchange, const char *line,
                            size_t len);

/* Appends response bytes, and notes when they came. */
void llmobs_exchange_received(struct llmobs_exchange *exchange,
                              const void *data, size_t len);

/* Takes the last `len` response bytes back when they are `data`: with
 * CURLOPT_HEADER they were header bytes, which the header callback repeats. */
void llmobs_exchange_unreceive(struct llmobs_exchange *exchange,
                               const void *data, size_t len);

/* Forgets the response so far: a new status line came (redirect, 100, 401). */
void llmobs_exchange_restart(struct llmobs_exchange *exchange);

/* Appends bytes that the program sends as the request's body: of a form the
 * fields that end in them. */
void llmobs_exchange_sent(struct llmobs_exchange *exchange, const void *data,
                          size_t len);

/* The same where the body is no form, whatever the request is. */
void llmobs_exchange_sent_text(struct llmobs_exchange *exchange,
                               const void *data, size_t len);

/* The same of a copy of the whole body, of which the first `len` bytes go. */
void llmobs_exchange_sent_copy(struct llmobs_exchange *exchange,
                               const struct llmobs_body *copy, uint64_t len);

/* Forgets the request's body after byte `total` (body.h). */
void llmobs_exchange_rewind(struct llmobs_exchange *exchange, uint64_t total);

/* True where the request is there to its last byte, and as the program wrote
 * it: a coding makes it other bytes, and of a form nothing else is there. Of
 * pictures that were left out the marks are there (blob.h), which another one
 * has not.
 * _answer_whole: the same of the answer, which may be coded. */
bool llmobs_exchange_request_whole(const struct llmobs_exchange *exchange);
bool llmobs_exchange_answer_whole(const struct llmobs_exchange *exchange);

/* The transfer is over: gives back what only its bytes needed, before the
 * exchange waits in the queue. Nothing is sent or received any more. */
void llmobs_exchange_end(struct llmobs_exchange *exchange);

/* True where the request has a content coding that the library may undo.
 * _decode_request does so, when all of the body has come: it then is as if the
 * program had sent it plain. A body whose coding nobody can undo is lost. */
bool llmobs_exchange_request_coded(const struct llmobs_exchange *exchange);
void llmobs_exchange_decode_request(struct llmobs_exchange *exchange);

/* Masks the secrets of the request's body (secrets.h), and the vectors of a
 * search (vectors.h), before the body leaves memory. Does nothing a second
 * time, unless the body has grown or was rewound since. */
void llmobs_exchange_mask(struct llmobs_exchange *exchange);

/* The same for the answer. Of one that is coded or framed the secrets are
 * masked when it is read. */
void llmobs_exchange_mask_answer(struct llmobs_exchange *exchange);

/* True where all that the request's, or the answer's, body has now is masked:
 * for its reader, who need not do so again. */
bool llmobs_exchange_is_masked(const struct llmobs_exchange *exchange,
                               bool answer);

#endif
