/* wiped - a growing copy of bytes that may be keys: none of them stays in
 * memory that was given back.
 *
 * Owns:    its bytes, until _fini.
 * Threads: one at a time.
 * Errors:  -ENOMEM, or 0; after it all is as before.
 * Limits:  the caller's.
 * Fork:    plain memory.
 */
#ifndef LLMOBS_WIPED_H
#define LLMOBS_WIPED_H

#include "lib/base/buf.h"

struct llmobs_wiped {
    char *data; /* NULL: it has no memory */
    uint32_t len, cap;
};

static inline struct llmobs_text llmobs_wiped_text(
    const struct llmobs_wiped *wiped)
{
    return (struct llmobs_text){wiped->data ? wiped->data : "", wiped->len};
}

/* Makes room for `len` more bytes behind the others. */
int llmobs_wiped_reserve(struct llmobs_wiped *wiped, size_t len);

int llmobs_wiped_add(struct llmobs_wiped *wiped, struct llmobs_text bytes);

/* Wipes the bytes behind the first `len`. */
void llmobs_wiped_cut(struct llmobs_wiped *wiped, uint32_t len);

void llmobs_wiped_fini(struct llmobs_wiped *wiped);

#endif
