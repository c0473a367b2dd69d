/* callsite - where the app is, as it makes a call: its registers and the next
 * piece of its stack.
 *
 * Owns:    a callsite is one block, of some that are kept or of the allocator,
 *          wiped before it is freed: a stack may hold secrets. It is never
 *          written anywhere.
 * Threads: take in the app's thread: no lock, one allocation. read.h has the
 *          rest, in ours.
 * Errors:  NULL without memory.
 * Limits:  LLMOBS_CALLSITE_STACK bytes, less where less can be read for certain
 *          (stack.h); LLMOBS_CALLSITE_NEAR where more than 64 are alive, so
 *          that neither memory nor time grows with them.
 * Fork:    plain memory; of the kept blocks a child lacks those that it never
 *          frees.
 */
#ifndef LLMOBS_CALLSITE_H
#define LLMOBS_CALLSITE_H

#include <stddef.h>

#include "core/callsite/frame.h"

#define LLMOBS_CALLSITE_STACK 16384
/* Enough for our own frames and some of the app's. */
#define LLMOBS_CALLSITE_NEAR 4096

struct llmobs_callsite {
    struct llmobs_frame frame; /* of take itself */
    int frames;                /* wanted; LLMOBS_CALLSITE_ADDRESS (config.h) */
    size_t len;
    unsigned char stack[]; /* from the stack pointer on */
};

/* Gives one of at most `max` bytes of stack, all of which can be read whatever
 * other threads unmap meanwhile. `entry`: where the program called us
 * (stack.h); its frame is in any callsite. */
struct llmobs_callsite *llmobs_callsite_take(size_t max, uintptr_t entry);
void llmobs_callsite_free(struct llmobs_callsite *callsite);

#endif
