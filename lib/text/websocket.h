/* websocket - reads along both ways of a websocket (RFC 6455), compressed or
 * not (permessage-deflate, RFC 7692), by which an API takes calls.
 *
 *     {"type":"response.create", ...}     POST, with the path and the lines of
 *                                         the upgrade, and this body
 *     {"type":"response.created", ...}    200, an event of its stream
 *     {"type":"response.completed", ...}  the last one
 *
 * The reader takes the plain bytes behind the upgrade, in any pieces, and tells
 * of each call what http1.h tells of an exchange, by the same events, whose
 * numbers begin with 1: of a message once it is whole. An event of the server's
 * belongs to the oldest call of its lane that waits; without a lane to the
 * oldest of those, or of all. Other messages are passed over. Where a peer must
 * end the connection the reader stops for good.
 *
 * Owns:    a copy of the upgrade's head, which may have keys, and the messages
 *          under way, which are wiped; and of zlib up to 50 KB a way, where
 *          messages are compressed.
 * Threads: one at a time.
 * Errors:  none but `why`. Memory that runs out stops the reader.
 * Limits:  LLMOBS_HTTP1_DEPTH calls at once, LLMOBS_WEBSOCKET_MOST bytes a
 *          message, or _PACKED of one that is compressed, as these cost time on
 *          the program's thread; beyond them the reader stops.
 * Fork:    plain memory.
 */
#ifndef LLMOBS_WEBSOCKET_H
#define LLMOBS_WEBSOCKET_H

#include "lib/text/http1.h"

#define LLMOBS_WEBSOCKET_MOST ((uint32_t)64 << 20)
#define LLMOBS_WEBSOCKET_PACKED ((uint32_t)16 << 20)
#define LLMOBS_WEBSOCKET_PIECE 1024

/* How an API says it: names of members of a message's object, and words there.
 */
struct llmobs_websocket_words {
    const char *type;
    const char *begins; /* a call, by the client */
    const char *ends;   /* a list: the last event of an answer */
    const char *speaks; /* false: the client wants no answer yet */
    const char *lane;   /* of calls at once */
};

/* One way of the connection. */
struct llmobs_websocket_way {
    struct z_stream_s *zip; /* NULL: no message is compressed */
    uint64_t left;          /* bytes of the frame's payload that are to come */
    uint32_t at;            /* of the payload */
    bool open, packed;      /* a message has begun; it is compressed */
    uint8_t held;           /* bytes of `head` */
    unsigned char head[14], plain[LLMOBS_WEBSOCKET_PIECE],
        unpacked[LLMOBS_WEBSOCKET_PIECE];
    struct llmobs_wiped text; /* of the message, as a body has it */
};

struct llmobs_websocket_call {
    uint32_t number;
    bool told;     /* it has events */
    bool answered; /* the head of its answer was told */
    uint64_t lane; /* 0: none */
};

struct llmobs_websocket {
    const struct llmobs_http1_events *events; /* borrowed */
    void *user;
    const struct llmobs_websocket_words *words; /* borrowed */
    struct llmobs_websocket_way ways[2];        /* by llmobs_http1_side */
    struct llmobs_wiped head;                   /* of the upgrade, behind */
    uint32_t target;                            /* its target of this length */
    uint32_t last;                              /* call's number */
    size_t waiting;
    struct llmobs_websocket_call calls[LLMOBS_HTTP1_DEPTH]; /* that wait */
    bool begun;  /* the server has agreed */
    uint8_t why; /* enum llmobs_http1_why */
};

/* The client asks for a websocket by `head`. NULL: no memory. */
struct llmobs_websocket *llmobs_websocket_new(
    const struct llmobs_http1_head *head,
    const struct llmobs_websocket_words *words,
    const struct llmobs_http1_events *events, void *user);

/* Frees and wipes, without an event; NULL is allowed. */
void llmobs_websocket_free(struct llmobs_websocket *ws);

/* The server agrees (101). */
void llmobs_websocket_begin(struct llmobs_websocket *ws,
                            const struct llmobs_http1_head *answer);

/* The side sent bytes. */
void llmobs_websocket_read(struct llmobs_websocket *ws,
                           enum llmobs_http1_side side,
                           struct llmobs_text bytes);

/* Stops for bytes that the reader was not given. */
void llmobs_websocket_miss(struct llmobs_websocket *ws);

/* The connection ended. */
void llmobs_websocket_ended(struct llmobs_websocket *ws);

#endif
