/* http1 - reads along both ways of a client's connection of HTTP/1.1.
 *
 *     request head, body, end; answer head, body, end; ...
 *
 * The reader takes the plain bytes that the client sent and received, in any
 * pieces, and calls back with what they say. The peers decide what is valid:
 * the reader follows what a client and a server can agree on, and where they
 * could disagree it stops for good.
 *
 * Where an answer came before the request's body, or a CONNECT or an Upgrade
 * has none yet, what the client sends next may be no request, though it begins
 * like one. Such bytes are kept, and read once an answer says what they were.
 *
 * Owns:    the copy of a head that comes in pieces, until its callback has
 *          returned; it is wiped then, for it holds keys. A head that comes in
 *          one piece, and each body, is borrowed from the caller's bytes.
 * Threads: one at a time.
 * Errors:  none but `why`. Memory that runs out stops the reader.
 * Limits:  LLMOBS_HTTP1_HEAD_MAX bytes a head, or kept; LLMOBS_HTTP1_DEPTH
 *          requests without a whole answer; beyond them the reader stops.
 * Fork:    plain memory.
 */
#ifndef LLMOBS_HTTP1_H
#define LLMOBS_HTTP1_H

#include "lib/base/http1_first.h"
#include "lib/base/wiped.h"
#include "lib/text/http1_head.h"

#define LLMOBS_HTTP1_HEAD_MAX ((uint32_t)64 * 1024)
#define LLMOBS_HTTP1_DEPTH 64

enum llmobs_http1_side { LLMOBS_HTTP1_REQUEST, LLMOBS_HTTP1_ANSWER };

/* How a message ended. */
enum llmobs_http1_end {
    LLMOBS_HTTP1_WHOLE,
    LLMOBS_HTTP1_CLOSED, /* with the connection, as an answer without a length
                          * may */
    LLMOBS_HTTP1_CUT,    /* before its length or its last chunk; a request whose
                          * body an answer made needless, too */
    LLMOBS_HTTP1_NONE,   /* an answer that never came */
    LLMOBS_HTTP1_GIVEN_UP, /* of HTTP/2: the client did not want the rest */
    LLMOBS_HTTP1_REFUSED,  /* as NONE: the server said that it did nothing for
                            * the  request, which the client may repeat */
    LLMOBS_HTTP1_LOST      /* the reader stopped, and knows no more */
};

/* Why a reader reads no more. */
enum llmobs_http1_why {
    LLMOBS_HTTP1_READS = 0,
    LLMOBS_HTTP1_FOREIGN,  /* no client of HTTP */
    LLMOBS_HTTP1_H2,       /* HTTP/2 */
    LLMOBS_HTTP1_SWITCHED, /* another protocol follows: 101, CONNECT */
    LLMOBS_HTTP1_DOUBT,    /* peers could read it in two ways, or it is none */
    LLMOBS_HTTP1_UNASKED,  /* an answer to no request */
    LLMOBS_HTTP1_DEEP,     /* too many requests without an answer */
    LLMOBS_HTTP1_LARGE,    /* a head */
    LLMOBS_HTTP1_MEMORY,   /* ran out */
    LLMOBS_HTTP1_MISSED,   /* bytes went by that the reader was not given */
    LLMOBS_HTTP1_OVER      /* the connection ended */
};

/* Requests of a connection are numbered from 0, and an answer has the number of
 * its request. Each head is followed by one end of its side; each request by
 * one end of an answer, too, which may come without a head. A request may end
 * after its answer. All that is passed is borrowed until the return, and no
 * callback may call the reader. */
struct llmobs_http1_events {
    void (*head)(void *user, enum llmobs_http1_side side, uint32_t number,
                 const struct llmobs_http1_head *head);
    /* Without the marks of chunks; any number of pieces. Of a piece without
     * data the reader was given the length alone. */
    void (*body)(void *user, enum llmobs_http1_side side, uint32_t number,
                 struct llmobs_text bytes);
    void (*end)(void *user, enum llmobs_http1_side side, uint32_t number,
                enum llmobs_http1_end how);
    /* Of HTTP/2. The first stream that the consumer has of that number, or a
     * higher one; NULL: there is none (h2.h). */
    struct llmobs_h2_stream *(*find)(void *user, uint32_t number);
    /* Of HTTP/2: a stream has no events, or no more of its answer; `what`, as
     * "gRPC", is static. */
    void (*passed)(void *user, const char *what);
    /* The reader stopped by itself, or a request that it kept as a guess had no
     * answer as the connection ended; the last event. */
    void (*stopped)(void *user, enum llmobs_http1_why why);
};

/* One way of the connection. */
struct llmobs_http1_way {
    struct llmobs_wiped head; /* what is kept: of one that is in pieces, or of
                               * a guess */
    uint64_t left;            /* bytes to come of the body or the chunk */
    uint8_t step;
    uint8_t line; /* what the present line of a head has so far */
};

struct llmobs_http1 {
    const struct llmobs_http1_events *events; /* borrowed */
    void *user;
    const char *blank;               /* of the last head (http1_head.h) */
    struct llmobs_http1_way ways[2]; /* by llmobs_http1_side */
    uint32_t asked;                  /* number of request heads */
    uint32_t answered;               /* of whole answers */
    uint64_t heads;  /* bit number % DEPTH: that request is a HEAD */
    uint32_t tunnel; /* behind the number of the last CONNECT, or request that
                      * asks for an upgrade; 0: none */
    uint8_t why;     /* enum llmobs_http1_why */
    uint8_t guess;   /* what the kept bytes may be instead of a request; 0:
                      * they are no guess */
    bool connects;   /* it is a CONNECT */
    bool unproven;   /* a guess was there: no head has a gap any more */
    bool looks;      /* what the client sends next must show what it is */
    bool waits;      /* the last request's body waits for 100 (Continue) */
    uint8_t held;    /* length of first */
    char first[LLMOBS_HTTP1_FIRST];
};
_Static_assert(sizeof(struct llmobs_http1) <= 144, "one for each connection");

void llmobs_http1_init(struct llmobs_http1 *http,
                       const struct llmobs_http1_events *events, void *user);

/* Frees and wipes, without an event. */
void llmobs_http1_fini(struct llmobs_http1 *http);

/* Stops for bytes that the reader was not given. */
void llmobs_http1_miss(struct llmobs_http1 *http);

/* The client received answers that the reader was not given: those of all
 * requests but the last. They end as LOST, and the reader goes on. */
void llmobs_http1_unseen(struct llmobs_http1 *http);

/* How many bytes of the answer are to come: 1 where none has, UINT64_MAX where
 * nobody knows. */
uint64_t llmobs_http1_left(const struct llmobs_http1 *http);

/* The client sent bytes; it received bytes. _received gives how many of them
 * stand behind the answer that made the reader stop. */
void llmobs_http1_sent(struct llmobs_http1 *http, const void *bytes,
                       size_t len);
size_t llmobs_http1_received(struct llmobs_http1 *http, const void *bytes,
                             size_t len);

/* The client sent bytes of which only the number is known. They are of a body;
 * else the reader stops, as for _miss. */
void llmobs_http1_skip(struct llmobs_http1 *http, uint64_t count);

/* The connection ended; `closed`: the server said so (close_notify). */
void llmobs_http1_ended(struct llmobs_http1 *http, bool closed);

/* Reads along a body in chunks alone, for who passes it on. Gives how many of
 * the bytes are of it: fewer where it ends, or is none. Then `step` is 0. */
void llmobs_http1_chunks_begin(struct llmobs_http1_way *way);
size_t llmobs_http1_chunks(struct llmobs_http1_way *way, const char *bytes,
                           size_t len);

#endif
