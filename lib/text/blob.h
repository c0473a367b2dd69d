/* blob - leaves pictures, sounds and files out of a body of JSON while it
 * grows: of a long text of base64 its first characters and its size stay.
 *
 *   "data":"iVBORw0KGgoAAAANSUhEUgAAAyAAAAJY...[9123 bytes of base64,
 * 1a2b3c4d]"
 *
 * No base64 ends so. The number is that of the bytes which the text stands for;
 * the sum is of every 64th character, so two pictures of one size differ. A
 * mark depends on its text alone, and not on the pieces in which that came: the
 * same request has the same marks each time.
 *
 * The text ends at the first byte that base64 has not, in either alphabet; a
 * '/' may be written "\/". The owner of the body says, by the bytes before a
 * text, how long it may be and stay (`most`).
 *
 * Owns:    nothing.
 * Threads: those of the body. It runs on the program's thread, in the place of
 *          a copy.
 * Errors:  those of body.h.
 * Limits:  a text shorter than LLMOBS_BLOB_MIN stays, and so does all that
 *          comes once the body has two ends. Time is linear in the bytes.
 * Fork:    plain memory.
 */
#ifndef LLMOBS_BLOB_H
#define LLMOBS_BLOB_H

#include <inttypes.h>

#include "lib/text/body.h"

#define LLMOBS_BLOB_MIN 1024
#define LLMOBS_BLOB_KEPT 32
/* Of a 64-bit number of bytes and a 32-bit sum. */
#define LLMOBS_BLOB_MARK "...[%" PRIu64 " bytes of base64, %08" PRIx32 "]"
/* The number of bytes before a text that `most` gets, or fewer at the
 * beginning. */
#define LLMOBS_BLOB_BEFORE 64

struct llmobs_blob {
    /* Answers how many characters a text may have that follows `before`, and
     * stay; NULL: texts of any length stay. */
    size_t (*most)(unsigned how, struct llmobs_text before);
    unsigned how; /* for `most` */
    /* The text in which the bytes that were given so far end: */
    size_t run;     /* its bytes in the body; 0: there is no such text */
    size_t limit;   /* from `most`, once it has LLMOBS_BLOB_MIN bytes */
    bool judged;    /* `limit` is known */
    bool leaving;   /* the rest of it is left out, and: */
    bool padded;    /* its '=' has come */
    bool escape;    /* the last byte that was left out is a backslash */
    uint64_t bytes; /* of it, with those that were left out */
    uint64_t chars; /* likewise, without backslashes */
    uint32_t sum;
};

/* Forgets the bytes so far: those that follow belong to another text. */
void llmobs_blob_reset(struct llmobs_blob *blob);

/* Appends `len` bytes to the body, without such texts. */
int llmobs_blob_add(struct llmobs_blob *blob, struct llmobs_body *body,
                    const void *data, size_t len);

#endif
