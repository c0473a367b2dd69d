/* body - the bytes of one captured body, whole up to a cap and while the
 * process's budget (budget.h) has room for it, else head and tail.
 *
 * Owns:    its bytes, from the first add to fini; but `room` is borrowed.
 * Threads: one at a time; no lock.
 * Errors:  -ENOMEM: `total` counts the bytes, and `lost` is set; later adds
 *          only count.
 * Limits:  whole up to `whole_max` bytes; beyond that, in memory that no longer
 *          grows, the first and the last LLMOBS_BODY_EDGE bytes (never more
 *          than whole_max together), or fewer bytes where the budget has too
 *          little room. A body of LLMOBS_BODY_SMALL bytes is kept even without
 *          room in the budget.
 * Fork:    the bytes count against the budget of the process that added them.
 */
#ifndef LLMOBS_BODY_H
#define LLMOBS_BODY_H

#include <inttypes.h>
#include <stdint.h>

#include "lib/base/buf.h"

#define LLMOBS_BODY_EDGE (256 * 1024)
#define LLMOBS_BODY_ROOM 4096
#define LLMOBS_BODY_SMALL (16 * 1024)
#define LLMOBS_BODY_EXPECT ((size_t)4 * 1024 * 1024)

struct llmobs_body {
    struct llmobs_buf head; /* all bytes, or the first `edge` of them */
    char *room; /* NULL, or borrowed: LLMOBS_BODY_ROOM bytes for a small body */
    char *tail; /* once truncated, a ring with the last `edge` bytes */
    size_t tail_len; /* valid bytes in the ring */
    size_t tail_at;  /* where the next byte goes */
    size_t edge;     /* once truncated, the length of head and of tail */
    size_t charged;  /* bytes taken from the budget */
    int charged_in;  /* the process whose budget it is */
    uint64_t total;  /* bytes ever added and not rewound */
    uint64_t left;   /* bytes of `total` that were left out (below), less the
                      * bytes of their marks */
    size_t whole_max;
    size_t expected; /* from llmobs_body_expect, until memory is taken */
    bool free;       /* its bytes do not count against the budget */
    bool truncated;  /* head and tail do not meet */
    bool lost;       /* memory ran out: the bytes here are a prefix */
    bool unseen;     /* lost because bytes of it passed unseen */
};

void llmobs_body_init(struct llmobs_body *body, size_t whole_max);
void llmobs_body_fini(struct llmobs_body *body);

/* Takes memory for the length that the peer announces, up to
 * LLMOBS_BODY_EXPECT, so that the bytes need not move as they become more. The
 * peer may be wrong. */
void llmobs_body_expect(struct llmobs_body *body, uint64_t len);

/* Lowers the cap of a body that has no bytes yet. */
void llmobs_body_limit(struct llmobs_body *body, size_t whole_max);

/* Gives back the memory of bytes that did not come. */
void llmobs_body_end(struct llmobs_body *body);

/* Copies `len` bytes to the end. */
int llmobs_body_add(struct llmobs_body *body, const void *data, size_t len);

/* Makes `to`, an initialised body without bytes, a copy of `from`. -ENOMEM:
 * `to` is lost. */
int llmobs_body_clone(struct llmobs_body *to, const struct llmobs_body *from);

/* Keeps only the two ends of the body. */
void llmobs_body_shrink(struct llmobs_body *body);

/* Counts `len` bytes that nobody copied; `lost` is set. */
void llmobs_body_miss(struct llmobs_body *body, uint64_t len);

/* After all three `total` is as it would be with all bytes. _omit takes the
 * last `len` bytes out of a body that is whole; _pass counts `len` further
 * bytes that are omitted; _stand_in appends a text in the place of bytes that
 * were omitted, which must be more. */
void llmobs_body_omit(struct llmobs_body *body, size_t len);
void llmobs_body_pass(struct llmobs_body *body, size_t len);
void llmobs_body_stand_in(struct llmobs_body *body, const char *text,
                          size_t len);

/* The length of the body without the bytes that were left out. */
static inline uint64_t llmobs_body_len(const struct llmobs_body *body)
{
    return body->total - body->left;
}

/* Forgets all bytes after byte `total`, for a READFUNCTION upload that seeks
 * back; a larger total than the present one changes nothing. When `total` is
 * within the head, the body is as if the rest had never come. Else the tail is
 * gone, and `lost` is set; it is also set where bytes were left out, unless the
 * body begins anew. */
void llmobs_body_rewind(struct llmobs_body *body, uint64_t total);

/* The whole body, or its head when truncated; borrowed until the next add. */
struct llmobs_text llmobs_body_head(const struct llmobs_body *body);

/* The last bytes in order; empty unless truncated. Borrowed until the next
 * add. */
struct llmobs_text llmobs_body_tail(struct llmobs_body *body);

/* A blob leaves pictures, sounds and files out of a body of JSON while it
 * grows: of a long text of base64 its first characters and its size stay.
 *
 *   "data":"iVBORw0KGgoAAAANSUhEUgAAAyAAAAJY...[9123 bytes of base64,
 * 1a2b3c4d]"
 *
 * No real base64 ends like this mark. The number counts the bytes that the text
 * encodes; the sum is over every 64th character, so two pictures of one size
 * differ. A mark depends on its text alone, and not on the pieces in which the
 * text came: the same request has the same marks each time.
 *
 * The text ends at the first byte that neither alphabet of base64 has; a '/'
 * may be written "\/". The owner of the body says, by the bytes before a text,
 * how long it may be and stay (`most`).
 *
 * Owns:    nothing.
 * Threads: those of the body. It runs on the program's thread, in the place of
 *          a copy.
 * Errors:  those of the body.
 * Limits:  a text shorter than LLMOBS_BLOB_MIN stays, and so does every byte
 *          that comes once the body has two ends. Time is linear in the bytes.
 * Fork:    plain memory.
 */
#define LLMOBS_BLOB_MIN 1024
#define LLMOBS_BLOB_KEPT 32
/* The number of bytes, of 64 bits, and the sum, of 32 bits. */
#define LLMOBS_BLOB_MARK "...[%" PRIu64 " bytes of base64, %08" PRIx32 "]"
/* The number of bytes before a text that `most` gets, or fewer at the
 * beginning. */
#define LLMOBS_BLOB_BEFORE 64

struct llmobs_blob {
    /* Gives how many characters the text behind `before` may have to stay;
     * NULL: texts of any length stay. */
    size_t (*most)(unsigned how, struct llmobs_text before);
    unsigned how; /* passed to `most` */
    /* The text that the bytes so far end in: */
    size_t run;     /* its bytes in the body; 0: the bytes end in no text */
    size_t limit;   /* from `most`, once it has LLMOBS_BLOB_MIN bytes */
    bool judged;    /* `limit` is known */
    bool leaving;   /* the rest of the text is left out, and: */
    bool padded;    /* its '=' has come */
    bool escape;    /* the last byte that was left out is a backslash */
    uint64_t bytes; /* of the text, with the bytes that were left out */
    uint64_t chars; /* as `bytes`, but without backslashes */
    uint32_t sum;
};

/* Forgets the bytes so far: those that follow belong to another text. */
void llmobs_blob_reset(struct llmobs_blob *blob);

/* Appends `len` bytes to the body, without long texts of base64. */
int llmobs_blob_add(struct llmobs_blob *blob, struct llmobs_body *body,
                    const void *data, size_t len);

#endif
