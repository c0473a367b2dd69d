/* callsite - records where the app is when it makes a call: its registers, the
 * nearest piece of its stack, and the line of its script.
 *
 * Owns:    a callsite. A stack may hold secrets: so it is never written to a
 *          file, and _free wipes it.
 * Threads: _new runs in the app's thread: no lock, one allocation. The same
 *          thread reads it (caller.h) and frees it.
 * Errors:  NULL when memory runs out.
 * Limits:  LLMOBS_CALLSITE_STACK bytes, or as many as can certainly be read
 *          (stack.h).
 */
#ifndef LLMOBS_CALLSITE_H
#define LLMOBS_CALLSITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/trace/script_frames.h"
#include "lib/elf/stack_frame.h"

#define LLMOBS_CALLSITE_STACK 16384
/* Enough for the frames of this library and some of the app's. */
#define LLMOBS_CALLSITE_NEAR 4096

struct llmobs_callsite {
    struct llmobs_frame frame; /* of llmobs_callsite_new */
    int frames;      /* how many to name; LLMOBS_CALLSITE_ADDRESS (config.h) */
    uintptr_t entry; /* frames below are this library's and libcurl's */
    struct llmobs_script_frames script; /* cleared by _new */
    size_t len;
    unsigned char stack[]; /* from the stack pointer on */
};

/* Gives a callsite of at most `max` bytes of stack, all of which stay readable
 * even while other threads unmap memory. `entry`: the address on the stack
 * where the program entered this library (stack.h); every callsite holds the
 * frame there. */
struct llmobs_callsite *llmobs_callsite_new(size_t max, uintptr_t entry);
void llmobs_callsite_free(struct llmobs_callsite *callsite);

/* Reads the script of the calling thread; clears `frames` where no script runs
 * or where this thread runs none. */
void llmobs_callsite_read_script(struct llmobs_script_frames *frames);

#endif
