/* otlp_route - how a signal of OTLP is sent: what all its requests have, and
 * what a receiver's answers mean.
 *
 * Owns:    what llmobs_post owns, and its two buffers.
 * Threads: the thread that has the worker's turn.
 * Errors:  -ENOMEM.
 * Limits:  LLMOBS_OTLP_REQUEST_MAX bytes of a request before compression, if it
 *          has several events; LLMOBS_OTLP_ANSWER_MAX bytes of an answer.
 * Fork:    as llmobs_post.
 *
 * OTLP has its own rules: only 429, 502, 503 and 504 say that the receiver will
 * accept the same request later. After an answer whose cause a configuration
 * can correct (a key, a path), no event is lost. No redirect is followed,
 * because the headers may hold keys.
 *
 * Sources: WIRE 9.
 */
#ifndef LLMOBS_OTLP_ROUTE_H
#define LLMOBS_OTLP_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "core/export/post.h"

#define LLMOBS_OTLP_REQUEST_MAX ((size_t)4 * 1024 * 1024)
#define LLMOBS_OTLP_ANSWER_MAX ((size_t)4 * 1024 * 1024)
#define LLMOBS_OTLP_SAID_MAX 16
#define LLMOBS_OTLP_WORDS_MAX 264

struct llmobs_otlp_route {
    struct llmobs_post post; /* first */
    const struct llmobs_otlp_signal *signal;
    struct llmobs_buf body;
    struct llmobs_buf plain; /* the body before it is compressed */
    int64_t rejected;        /* records that the last answer calls rejected */
    bool own_http;
    uint64_t said[LLMOBS_OTLP_SAID_MAX]; /* hashes of the receiver's texts that
                                          * the log has */
    size_t said_count;
    char words[LLMOBS_OTLP_WORDS_MAX]; /* of the last refusal */
};

/* The events of a send that go into a request. */
struct llmobs_otlp_picked {
    struct llmobs_text events[LLMOBS_SEND_MAX];
    size_t places[LLMOBS_SEND_MAX]; /* the place of each among all events */
    size_t count;
};

/* Also sets the exporter's exit time, warming and back-off. Borrows `http`.
 * `events`: their name in a message. */
int llmobs_otlp_route_init(struct llmobs_otlp_route *route,
                           struct llmobs_exporter *exporter,
                           const struct llmobs_config *config,
                           enum llmobs_signal signal,
                           const struct llmobs_post_form *form,
                           struct llmobs_http *http, const char *events);
void llmobs_otlp_route_fini(struct llmobs_otlp_route *route);
void llmobs_otlp_route_forget(struct llmobs_otlp_route *route);

/* _begin: the buffer to write a request into. _end: the request is written;
 * compresses it if the settings ask for that. -E2BIG: the request must have
 * fewer than these `count` events. */
struct llmobs_buf *llmobs_otlp_route_begin(struct llmobs_otlp_route *route);
int llmobs_otlp_route_end(struct llmobs_otlp_route *route, size_t count);

void llmobs_otlp_pick(struct llmobs_otlp_picked *picked,
                      struct llmobs_text event, size_t place);

/* Sends the picked ones of `count` events; the others are done with. */
int llmobs_otlp_send_picked(struct llmobs_otlp_route *route,
                            const struct llmobs_otlp_picked *picked,
                            size_t count);

/* Functions for members of a struct llmobs_post_form. _accepted sets
 * `rejected`. */
enum llmobs_verdict llmobs_otlp_judge(long status);
void llmobs_otlp_accepted(struct llmobs_post *post,
                          const struct llmobs_http_reply *reply, size_t count);
const char *llmobs_otlp_hint(struct llmobs_post *post,
                             const struct llmobs_http_reply *reply);
/* The part of a form that every signal has. */
#define LLMOBS_OTLP_PAUSE_MS 30000
#define LLMOBS_OTLP_RETRY_AFTER_MAX_MS (INT64_C(3600) * 1000)
#define LLMOBS_OTLP_FORM(peer)                                \
    LLMOBS_POST_CAUSES(peer),                                 \
        .pause_ms = LLMOBS_OTLP_PAUSE_MS,                     \
        .retry_after_max_ms = LLMOBS_OTLP_RETRY_AFTER_MAX_MS, \
        .judge = llmobs_otlp_judge, .hint = llmobs_otlp_hint

/* The words of a receiver, in the body of its answer, which may be anything
 * (WIRE 9.1). */
struct llmobs_otlp_answer {
    int64_t rejected;  /* records that the receiver threw away; at least 0 */
    char message[256]; /* a line of UTF-8, masked; "" without words */
};

/* Reads the body of an answer of 2xx: an Export...ServiceResponse as protobuf,
 * or as JSON if `json`; an empty body counts as one. -EINVAL: it is not such a
 * response, or it is cut, and `out` has the fields before the cut. The caller
 * counts the request as accepted all the same. */
int llmobs_otlp_read_answer(struct llmobs_text body, bool json,
                            struct llmobs_otlp_answer *answer);

/* Reads the body of an answer of 4xx or 5xx, a google.rpc.Status: only its
 * message. -EINVAL: it is not such a status. */
int llmobs_otlp_read_refusal(struct llmobs_text body, bool json,
                             struct llmobs_otlp_answer *answer);

#endif
