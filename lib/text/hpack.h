/* hpack - reads the header blocks of one way of a connection of HTTP/2
 * (RFC 7541).
 *
 * Owns:    the dynamic table. It holds keys for as long as the connection
 *          lasts, because later blocks point to them, so its values are masked
 *          by a number of the connection, and wiped as they leave.
 * Threads: one at a time.
 * Errors:  llmobs_hpack_read. After one the table is of no use.
 * Limits:  a table of LLMOBS_HPACK_TABLE_MAX bytes, as HPACK counts them, and
 *          four times as many in the lines of a block that are copied. A line
 *          takes as long as its bytes, at whatever entry it points.
 * Fork:    plain memory.
 */
#ifndef LLMOBS_HPACK_H
#define LLMOBS_HPACK_H

#include "lib/base/wiped.h"

#define LLMOBS_HPACK_TABLE_MAX ((uint32_t)64 * 1024)

/* Bytes that come at the end and go at the front. */
struct llmobs_hpack_queue {
    struct llmobs_wiped bytes;
    uint32_t gone;   /* of bytes, at the front */
    uint64_t before; /* bytes before these, since init */
};

struct llmobs_hpack {
    struct llmobs_hpack_queue entries; /* what each one has of the texts */
    struct llmobs_hpack_queue texts;
    uint64_t key[2];  /* of the mask */
    uint32_t size;    /* of the table, as HPACK counts */
    uint32_t max;     /* the sender's bound of size */
    uint32_t allowed; /* the receiver's bound of max */
    uint32_t last;    /* where the last line of the last block begins in it */
};

/* `key`: 128 bits that nobody else knows, copied. */
void llmobs_hpack_init(struct llmobs_hpack *hpack, const uint64_t key[2]);

/* Frees and wipes. */
void llmobs_hpack_fini(struct llmobs_hpack *hpack);

/* The receiver allows a table of this size. A smaller one than before counts
 * once the sender says so. */
void llmobs_hpack_allow(struct llmobs_hpack *hpack, uint32_t size);

/* Reads a whole block, and calls `field` for each line in it, until it returns
 * false; both texts are borrowed until the return. NULL, and from then on: the
 * block is read for the table alone. -EBADMSG: peers must refuse the block;
 * -EFBIG: it is beyond a limit; -ENOMEM. */
int llmobs_hpack_read(struct llmobs_hpack *hpack, struct llmobs_text block,
                      bool (*field)(void *user, struct llmobs_text name,
                                    struct llmobs_text value),
                      void *user);

#endif
