/* h2 - reads along both ways of a client's connection of HTTP/2 (RFC 9113).
 *
 * The reader takes the plain bytes that the client sent and received, in any
 * pieces, and tells of each stream what http1.h tells of an exchange, by the
 * same events. An event's number is that of its stream: 1, 3, 5 and so on. The
 * peers decide what is valid: where they must end the connection, or could
 * disagree, the reader stops for good. An answer that a client must refuse by
 * itself is cut, or never comes.
 *
 * Owns:    both tables of headers and pieces of blocks; what may be a key is
 *          wiped after use (hpack.h). The consumer owns the streams.
 * Threads: one at a time.
 * Errors:  none but `why`. Memory that runs out stops the reader.
 * Limits:  LLMOBS_H2_HEAD_MAX bytes a block, a head, and a frame that is kept.
 *          A stream with a larger head is passed over; a larger block stops the
 *          reader.
 * Fork:    plain memory.
 *
 * Streams of CONNECT and gRPC are passed over, too; the server's pushes have no
 * event.
 */
#ifndef LLMOBS_H2_H
#define LLMOBS_H2_H

#include "lib/text/hpack.h"
#include "lib/text/http1.h"

#define LLMOBS_H2_HEAD_MAX LLMOBS_HTTP1_HEAD_MAX
#define LLMOBS_H2_FRAME_HEAD 9

/* A stream that the consumer follows. It adds it, with the number alone, in the
 * event of the request's head, and may remove it in each event of it; at the
 * latest after both ends. */
struct llmobs_h2_stream {
    uint32_t id;
    bool answered; /* its head came */
    bool ended[2]; /* by llmobs_http1_side */
    bool bodiless; /* its answer has no body, whatever length that gives */
    bool sized;    /* the answer gave the length of its body */
    uint64_t left; /* bytes of it that are to come; 0 without a length */
};

/* One way of the connection. */
struct llmobs_h2_way {
    struct llmobs_hpack table;
    struct llmobs_wiped kept; /* a block so far; the frame under way */
    uint32_t allowed;         /* the largest payload of a frame */
    uint32_t stream;          /* of the frame */
    uint32_t left;            /* bytes of its payload that are to come */
    uint32_t block;           /* bytes of kept that came before this frame */
    uint8_t type, flags;      /* of the frame */
    uint8_t pad;              /* bytes at the end of DATA */
    uint8_t held;             /* bytes of `head` */
    unsigned char head[LLMOBS_H2_FRAME_HEAD];
    bool begun;     /* SETTINGS came */
    bool in_block;  /* CONTINUATION must follow */
    bool is_pushed; /* the block is of a push */
    bool ends;      /* the stream's side ends behind the block */
};

struct llmobs_h2 {
    const struct llmobs_http1_events *events; /* borrowed */
    void *user;
    struct llmobs_h2_way ways[2]; /* by llmobs_http1_side */
    uint32_t last;                /* the client's last stream */
    uint32_t pushed;              /* the server's last stream */
    uint32_t most;                /* it does nothing for a later one (GOAWAY) */
    uint32_t list_most;           /* it takes heads of this size, as HPACK
                                   * counts */
    struct llmobs_text given; /* now, up to the end of the frame; borrowed */
    uint8_t why;              /* enum llmobs_http1_why */
    uint8_t prefaced;         /* bytes of the preface so far */
};

/* The connection begins. `key` as for llmobs_hpack_init. The server may speak
 * first. */
void llmobs_h2_init(struct llmobs_h2 *h2,
                    const struct llmobs_http1_events *events, void *user,
                    const uint64_t key[2]);

/* Frees and wipes, without an event. */
void llmobs_h2_fini(struct llmobs_h2 *h2);

/* Stops for bytes that the reader was not given. */
void llmobs_h2_miss(struct llmobs_h2 *h2);

/* The client sent bytes, its preface first; it received bytes. */
void llmobs_h2_sent(struct llmobs_h2 *h2, const void *bytes, size_t len);
void llmobs_h2_received(struct llmobs_h2 *h2, const void *bytes, size_t len);

/* The connection ended. */
void llmobs_h2_ended(struct llmobs_h2 *h2);

#endif
