/* shared_entry - the entry spans of requests that take turns on a thread, or
 * use several: by a key, which the program gives and never uses twice.
 *
 * Owns:    a record for each key, from hold to take, and the numbers in them.
 *          The spans are own_span's.
 * Threads: any; nothing waits. A program that uses a key twice at the same
 *          moment may get -EEXIST for it, or a record that stays.
 * Errors:  -EMFILE beyond the limit; -EEXIST: the key is held; -ENOMEM.
 * Limits:  LLMOBS_SHARED_ENTRIES keys at a time.
 * Fork:    a child knows the keys of its parent, and takes them only from
 *          itself.
 */
#ifndef LLMOBS_SHARED_ENTRY_H
#define LLMOBS_SHARED_ENTRY_H

#include <stdint.h>

#define LLMOBS_SHARED_ENTRIES 4096

/* Holds a key, which is not 0, for a span that is about to start; set, or take,
 * must follow in this thread. `number`: of the span (span_table.h). */
int llmobs_shared_entry_hold(uintptr_t key);
void llmobs_shared_entry_set(uintptr_t key, uint64_t number);

/* The number of the key's span; LLMOBS_OWN_SPAN_NONE: it is held, and has none;
 * 0: it is not held. */
uint64_t llmobs_shared_entry_find(uintptr_t key);

/* The same, and the key is held no longer: of several threads that take it, one
 * gets the span. */
uint64_t llmobs_shared_entry_take(uintptr_t key);

#endif
