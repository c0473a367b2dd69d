/* blob - leaves pictures, sounds and files out of a body of JSON while it
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
 * Errors:  those of body.h.
 * Limits:  a text shorter than LLMOBS_BLOB_MIN stays, and so does every byte
 *          that comes once the body has two ends. Time is linear in the bytes.
 * Fork:    plain memory.
 */
#ifndef LLMOBS_BLOB_H
#define LLMOBS_BLOB_H

#include <inttypes.h>

#include "lib/text/body.h"

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
