/* body - the bytes of one captured body, whole up to a cap and while the
 * process's budget (budget.h) has room for it, else head and tail.
 *
 * Owns:    its bytes, from the first add to fini, but for those in its room.
 * Threads: one at a time; no lock.
 * Errors:  -ENOMEM: the bytes are counted in total and `lost` is set; later
 *          adds only count.
 * Limits:  `whole_max` bytes whole; beyond it the first and the last
 *          LLMOBS_BODY_EDGE bytes (never more than whole_max together), or
 *          fewer where the budget has not even room for those, in memory that
 *          no longer grows. LLMOBS_BODY_SMALL bytes are kept whatever the
 *          budget says.
 * Fork:    plain memory; its bytes are charged to the budget of the process
 *          that added them.
 */
#ifndef LLMOBS_BODY_H
#define LLMOBS_BODY_H

#include <stdint.h>

#include "core/base/buf.h"

#define LLMOBS_BODY_EDGE (256 * 1024)
#define LLMOBS_BODY_ROOM 4096
#define LLMOBS_BODY_SMALL (16 * 1024)

struct llmobs_body {
    struct llmobs_buf head; /* all bytes, or the first edge of them */
    char *room; /* LLMOBS_BODY_ROOM bytes for a small one, borrowed; or NULL */
    char *tail; /* ring of the last edge, once truncated */
    size_t tail_len; /* valid bytes in the ring */
    size_t tail_at;  /* where the next byte goes */
    size_t edge;     /* of head and of tail, once truncated */
    size_t charged;  /* bytes taken from the budget */
    int charged_in;  /* by this process */
    uint64_t total;  /* bytes ever added and not rewound */
    size_t whole_max;
    bool free;      /* outside of the budget */
    bool truncated; /* head and tail do not meet */
    bool lost;      /* memory ran out: what is there is a prefix */
};

void llmobs_body_init(struct llmobs_body *body, size_t whole_max);
void llmobs_body_fini(struct llmobs_body *body);

/* Copies `len` bytes to the end. */
int llmobs_body_add(struct llmobs_body *body, const void *data, size_t len);

/* Makes `to`, an initialised body without bytes, the same as `from`; -ENOMEM
 * with `to` lost. */
int llmobs_body_clone(struct llmobs_body *to, const struct llmobs_body *from);

/* Keeps no more of it than its ends. */
void llmobs_body_shrink(struct llmobs_body *body);

/* Counts `len` bytes that nobody copied: there is no head and no tail. */
void llmobs_body_miss(struct llmobs_body *body, uint64_t len);

/* Forgets everything after byte `total` (a READFUNCTION upload that seeks
 * back); a total ahead of the present one changes nothing. Within the whole
 * part the body is then as if the rest never came; beyond it this loses the
 * tail: `lost` is set. */
void llmobs_body_rewind(struct llmobs_body *body, uint64_t total);

/* The whole body, or its head when truncated. Borrows until the next add. */
struct llmobs_text llmobs_body_head(const struct llmobs_body *body);

/* The last bytes in order; empty unless truncated. Borrows until the next
 * add. */
struct llmobs_text llmobs_body_tail(struct llmobs_body *body);

#endif
