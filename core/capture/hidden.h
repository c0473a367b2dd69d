/* hidden - an address of the program's, kept so that no leak checker sees it.
 *
 * A leak checker (LeakSanitizer, valgrind) takes each word of the library's
 * memory for a reference, and would no longer report what the program leaks.
 * The negative of an address is no such reference.
 *
 * Owns:    nothing.
 * Threads: a value.
 * Errors:  none.
 */
#ifndef LLMOBS_HIDDEN_H
#define LLMOBS_HIDDEN_H

#include <stdint.h>

struct llmobs_hidden {
    uintptr_t negative; /* 0: NULL */
};

static inline struct llmobs_hidden llmobs_hide(const void *address)
{
    return (struct llmobs_hidden){-(uintptr_t)address};
}

static inline void *llmobs_shown(struct llmobs_hidden hidden)
{
    return (void *)-hidden.negative;
}

#endif
