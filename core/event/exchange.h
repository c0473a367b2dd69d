/* exchange - one transfer as captured, from which a span is made (to_span.h).
 *
 * Owns:    everything it points to, from new to free. Its own memory may come
 *          from a pool of blocks (blocks.h), so it must never go to free(3).
 *          Delivery frees it, on the thread that has the worker's turn, once
 *          its event is made. The app's thread frees it if it is not a call, if
 *          a child of fork finds its parent's exchange, or if the queue has no
 *          room.
 * Threads: one owner at a time: the thread that holds the handle's lock
 *          (handle.h), and once it is in the queue the worker.
 * Errors:  -ENOMEM from _new only; later losses are marked in the bodies.
 * Limits:  bodies as body.h; LLMOBS_HEADERS_MAX headers a side,
 *          LLMOBS_MARKS_MAX time marks.
 * Fork:    a child never finishes an exchange of its parent (fork.h).
 */
#ifndef LLMOBS_EXCHANGE_H
#define LLMOBS_EXCHANGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "core/config/config.h"
#include "core/event/item.h"
#include "lib/text/body.h"
#include "lib/text/form.h"
#include "rules/rules.h"

#define LLMOBS_HEADERS_MAX 32
/* How many of these places are for headers that are needed to read the call. */
#define LLMOBS_HEADERS_NEEDED 12
#define LLMOBS_HEADER_VALUE_MAX 1024
#define LLMOBS_MARKS_MAX 4096
#define LLMOBS_ERROR_TEXT_MAX 256

/* How the transfer ended. */
enum llmobs_end {
    LLMOBS_END_DONE,     /* libcurl ended it: code holds its CURLcode */
    LLMOBS_END_REMOVED,  /* the app removed or cleaned up the handle */
    LLMOBS_END_EXIT,     /* the process ended first */
    LLMOBS_END_KILLED,   /* the process was killed; another delivers it */
    LLMOBS_END_CANCELLED /* by another message of its client (rpc.h) */
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

/* How far an exchange is. `llmobs ps`, another process, reads this structure in
 * the app's memory: the spool's entry that began the call holds the address of
 * the structure, and `sign` and `id` show the reader that the call is still
 * there. The layout never changes, because the reader may be of another
 * version. The thread that owns the exchange writes the structure; a reader may
 * find it half-written. */
#define LLMOBS_PROGRESS_SIGN UINT64_C(0x6c6c6d6f62732e31)
struct llmobs_progress {
    uint64_t sign;
    uint64_t id;       /* of the call's entries; 0: the call has ended */
    uint64_t received; /* bytes of the response */
};

struct llmobs_exchange {
    struct llmobs_item item; /* first: the queue's */
    int process;             /* the process that began it (fork.h) */
    struct llmobs_match match;
    struct llmobs_context context;
    char *caller;         /* metadata.caller as JSON; NULL: unknown */
    char *caller_unnamed; /* as JSON, the names that `caller` lacks
                           * (caller_unnamed.h); NULL: it lacks no name */
    char *annotations;    /* thread_state.h; NULL: no annotations */
    char *peer;           /* "PID PROGRAM" of the other process that made the
                           * call, PID -1 if unknown; NULL: this one did */
    uint64_t account;     /* stands for its credentials, sealed (account.h) */
    uint64_t key;         /* of the hash of its key; 0: not wanted, or no key */
    char method[16];
    char *url;
    struct llmobs_headers request_headers;
    struct llmobs_headers response_headers;
    struct llmobs_body request;      /* or a form's text fields (form.h) */
    struct llmobs_form_parser *form; /* reads a form; NULL: not a form */
    uint64_t masked; /* how long `request` was when last masked; 0: not yet */
    uint64_t judged; /* the same of `denied` */
    struct llmobs_body response;
    struct llmobs_body plain; /* the answer without its coding, for its span */
    uint64_t answer_masked;   /* as `masked`, for `response` */
    /* They leave pictures and sounds out of the two bodies. */
    struct llmobs_blob request_blob, response_blob;
    struct llmobs_progress progress;
    /* How many bytes of the response, and of its headers, libcurl delivers
     * again after a pause. */
    size_t again, header_again;
    bool multipart;
    bool unsent;    /* libcurl has not made the request */
    bool seen_late; /* seen only at its end: all is known from libcurl */
    bool stands;    /* counts as a call, even if libcurl never requests */
    bool denied;    /* its body shows no call, and is not for the disk */
    bool bare;      /* read from the disk, which must not have bodies */
    bool wired;     /* a TLS library carried it: libcurl has measured nothing */
    bool traced;    /* this request got a tracestate header */
    bool own_trace; /* the program sent trace ids with it */
    unsigned bare_head; /* why it got no trace header, as a distance behind
                         * headers_added (stats.h); or 0 */
    bool whole;         /* pictures and sounds stay, like other content */
    uint64_t rpc;       /* which call of MCP it is (core/capture/rpc.h); or 0 */
    bool recorded;      /* recording was done or tried (recording.h) */
    bool lends;         /* the span is freed before anybody reads the answer
                         * again: the span may have texts in it */
    enum llmobs_request_tags tags; /* of the process that made it */
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

/* Gives an exchange that begins now; NULL when memory runs out. */
struct llmobs_exchange *llmobs_exchange_new(size_t capture_max);
void llmobs_exchange_free(struct llmobs_exchange *exchange);

/* Lets the exchange begin now, and not when it was made. */
void llmobs_exchange_start(struct llmobs_exchange *exchange);

/* Sets when the exchange began: at `mono_ns` (monotonic), which is not in the
 * future. */
void llmobs_exchange_set_begin(struct llmobs_exchange *exchange,
                               int64_t mono_ns);

/* Frees an item of any type (item.h): an exchange with all that it owns. */
void llmobs_item_free(struct llmobs_item *item);

/* Adds a header of the request that allowlist.h allows. `line` is
 * "Name: value", a C string; `name_len` is where its first colon is. */
void llmobs_headers_add(struct llmobs_headers *headers, const char *line,
                        size_t name_len);
/* As llmobs_headers_add, for a header that says whose the request is. */
void llmobs_headers_add_tag(struct llmobs_headers *headers, const char *line,
                            size_t name_len);
/* As llmobs_headers_add, for a line of `len` bytes of an answer, with or
 * without its line end; also adds the provider's own words. Ignores malformed
 * lines. */
void llmobs_headers_add_answer(struct llmobs_headers *headers, const char *line,
                               size_t len);
void llmobs_headers_clear(struct llmobs_headers *headers);

/* Sets the expected length of the response, if this line of its header gives
 * it. */
void llmobs_exchange_expect(struct llmobs_exchange *exchange, const char *line,
                            size_t len);

/* Appends response bytes, with the time when they came. */
void llmobs_exchange_received(struct llmobs_exchange *exchange,
                              const void *data, size_t len);

/* Removes the last `len` bytes of the response if they are `data`: with
 * CURLOPT_HEADER they were header bytes, which the header callback repeats. */
void llmobs_exchange_unreceive(struct llmobs_exchange *exchange,
                               const void *data, size_t len);

/* Drops the response so far: a new status line came (redirect, 100, 401). */
void llmobs_exchange_restart(struct llmobs_exchange *exchange);

/* Appends bytes that the program sends as the request's body. If the body is a
 * form, appends only the fields that end in these bytes. */
void llmobs_exchange_sent(struct llmobs_exchange *exchange, const void *data,
                          size_t len);

/* Like llmobs_exchange_sent, for a body that is not a form, even if the type
 * says so. */
void llmobs_exchange_sent_text(struct llmobs_exchange *exchange,
                               const void *data, size_t len);

/* As llmobs_exchange_sent, for a copy of the body; `len` bytes of it are
 * sent. */
void llmobs_exchange_sent_copy(struct llmobs_exchange *exchange,
                               const struct llmobs_body *copy, uint64_t len);

/* Drops the request's body after byte `total` (body.h). */
void llmobs_exchange_rewind(struct llmobs_exchange *exchange, uint64_t total);

/* True where the request is complete, with the bytes that the program wrote.
 * False for a body with a coding, because its bytes differ, and for a form,
 * because only its text fields stay. Pictures that were left out have their
 * marks, and each picture has another mark (body.h). _answer_whole: the same
 * for the answer, which may be compressed. */
bool llmobs_exchange_request_whole(const struct llmobs_exchange *exchange);
bool llmobs_exchange_answer_whole(const struct llmobs_exchange *exchange);

/* To be called when the transfer is over, and nothing is sent or received any
 * more: frees what only its bytes needed, before the exchange waits in the
 * queue. */
void llmobs_exchange_end(struct llmobs_exchange *exchange);

/* True where the request has a content coding that the library may undo. */
bool llmobs_exchange_request_coded(const struct llmobs_exchange *exchange);

/* The stages of a call at which the disk gets what is known of it. */
enum llmobs_stage { LLMOBS_STAGE_START, LLMOBS_STAGE_BEGIN, LLMOBS_STAGE_END };

/* True where the body, as far as it is whole, shows that this is no call. Sets
 * `denied`. */
bool llmobs_exchange_is_denied(struct llmobs_exchange *exchange);

/* To be called before the exchange leaves memory at this stage: masks the
 * secrets (secrets.h) and the vectors of a search (vectors.h) in what the
 * program, libcurl or the peer wrote; URL and headers were masked when they
 * were copied. A part that is masked already, and has not grown or been rewound
 * since, is not masked again. The END undoes the coding of a request: the body
 * is then as if sent without, or lost where that fails. A compressed or framed
 * answer is masked when it is read. `bare`: the bodies stay in memory. */
void llmobs_exchange_prepare(struct llmobs_exchange *exchange,
                             enum llmobs_stage stage, bool bare);

/* True where no secret is found in a text of the context that trace headers are
 * made of too, so that it cannot be masked. False for one that is longer than
 * any of these. */
bool llmobs_exchange_may_keep(const char *text);

/* True where all of the request's, or the answer's, body is masked, so that its
 * reader need not mask it again. */
bool llmobs_exchange_is_masked(const struct llmobs_exchange *exchange,
                               bool answer);

/* The right to touch an exchange that a thread of the app fills, and that the
 * exit handler may claim: one word beside the exchange, 0: nobody has it. The
 * owner holds it for the length of an append or of a write to the disk, and
 * sleeps 1000 times 0.1 ms for the exit handler, or a thread that claims a call
 * of MCP, which hold it for a pointer swap, before it takes it from them: a
 * child that was forked meanwhile has no thread that ends it. A siglongjmp out
 * of that leaves it held, and the thread's next lock succeeds at once. */
void llmobs_holder_lock(atomic_int *holder);

/* For the exit handler. Gives up after about `ms` milliseconds: the owner's
 * thread may be gone. */
bool llmobs_holder_trylock(atomic_int *holder, int ms);

void llmobs_holder_unlock(atomic_int *holder);

#endif
