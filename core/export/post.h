/* post - requests that carry events to a peer, and the meaning of its answers:
 * the part that all exporters over HTTP have in common.
 *
 * Owns:    its headers and the peer's URL; borrows the rest.
 * Threads: the thread that has the worker's turn.
 * Errors:  those of an exporter's send (exporter.h).
 * Fork:    forget drops what the parent knew of the peer.
 *
 * A refused batch is halved until one event is left, which is the wrong event.
 * So one bad event costs a few more requests, and no other event. But a 413 of
 * one event that is not large may be about no event: for some seconds a peer,
 * or a proxy before it, may refuse all. It counts only if the peer accepts
 * another event, or accepts none for LLMOBS_POST_REFUSING_MS.
 */
#ifndef LLMOBS_POST_H
#define LLMOBS_POST_H

#include "core/export/exporter.h"
#include "core/export/peer.h"
#include "core/export/http.h"

#define LLMOBS_POST_REFUSING_MS 10000
#define LLMOBS_POST_BODY_MAX ((size_t)1 << 31)

/* The meaning of an answer for the events. */
enum llmobs_verdict {
    LLMOBS_VERDICT_ACCEPTED,
    LLMOBS_VERDICT_LATER,   /* the peer cannot take the events now */
    LLMOBS_VERDICT_REFUSED, /* an event is wrong, or the events are too many */
    LLMOBS_VERDICT_DENIED   /* the key, the site or the URL is wrong */
};

struct llmobs_post;

/* A kind of peer. */
struct llmobs_post_form {
    const char *name; /* the exporter's, in messages */
    /* The causes of its messages, for llmobs_log_once: */
    const char *denied, *later, *silent, *refused;
    int64_t pause_ms; /* after a denial, until a person corrects the cause */
    int64_t retry_after_max_ms;
    enum llmobs_verdict (*judge)(long status);
    /* Appends the body of a request. -E2BIG: the request must have fewer
     * events; -EBADMSG: its only event cannot be sent at all. */
    int (*write)(struct llmobs_post *post, const struct llmobs_text *events,
                 size_t count, struct llmobs_buf *body);
    /* Reads the answer to `count` accepted events. NULL: it says nothing. */
    void (*accepted)(struct llmobs_post *post,
                     const struct llmobs_http_reply *reply, size_t count);
    /* The peer's own words in an answer that does not accept, masked; NULL:
     * it has none. */
    const char *(*hint)(struct llmobs_post *post,
                        const struct llmobs_http_reply *reply);
};

/* The causes of a form's messages. */
#define LLMOBS_POST_CAUSES(peer)                                            \
    .denied = "denied " peer, .later = "later " peer, .silent = "no " peer, \
    .refused = "refused " peer

/* The way to one peer. */
struct llmobs_post {
    const struct llmobs_post_form *form;
    struct llmobs_exporter *exporter;
    struct llmobs_http *http;
    const char *events;                 /* their name in a message */
    struct llmobs_http_request request; /* what all requests have */
    struct llmobs_peer peer;
    int64_t silent_ms; /* `enough_ms` of llmobs_peer_failed */
    struct llmobs_buf *body;
    char **headers; /* NULL-terminated; NULL: no headers */
    size_t header_count;
    int error;            /* of a header that could not be added; 0: none */
    size_t room;          /* bytes of events and what is around them */
    size_t frame, around; /* bytes around all events, and around each */
    size_t limit;         /* events in a request */
    size_t most;          /* in the next request; fewer after a refusal */
    size_t fits;          /* bytes of a body that cannot be too large */
    size_t suspects;      /* of so many first events one was refused */
    bool cleared;         /* others of them were accepted */
    int64_t refusing_ns;  /* since when the peer accepts nothing; or 0 */
    bool doubtful;        /* the last answer was a 413 that may pass */
    bool first_refused;   /* by the last send, which took the second */
};

/* Sets what all posts have; the caller sets `form`, `http`, `events`,
 * `silent_ms`, `body`, `room` and the request's URL and time-out. */
void llmobs_post_init(struct llmobs_post *post,
                      struct llmobs_exporter *exporter,
                      const struct llmobs_config *config);
void llmobs_post_fini(struct llmobs_post *post);
void llmobs_post_forget(struct llmobs_post *post);

/* Adds a header "NAME: " VALUE; leaves one with a control character out, as a
 * line end would begin another header. The post remembers a failure. */
void llmobs_post_add_header(struct llmobs_post *post, const char *name,
                            const char *value);

/* Adds headers of the configuration, "NAME: VALUE", NULL-terminated, except the
 * names in `reserved`, NULL-terminated, and headers that describe the body.
 * Answers -ENOMEM if this or an earlier header failed. */
int llmobs_post_add_headers(struct llmobs_post *post, char *const *headers,
                            const char *const *reserved);

/* An exporter's send. */
int llmobs_post_send(struct llmobs_post *post, const struct llmobs_text *events,
                     size_t count);

/* Opens the connection ahead, unless the peer was silent before. */
void llmobs_post_warm(struct llmobs_post *post);

#endif
