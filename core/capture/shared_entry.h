/* shared_entry - the entry spans of requests that take turns on a thread, or
 * use several: by a key, which the program makes and never uses twice.
 *
 * Owns:    a record for each key, from claim to remove, and the numbers in
 *          them. The spans are own_span's.
 * Threads: any; nothing waits. If a program uses a key in two threads at the
 *          same moment, it may get -EEXIST for it, or a record that stays.
 * Errors:  of claim: -EMFILE beyond the limit; -EEXIST: the key is claimed;
 *          -ENOMEM.
 * Limits:  LLMOBS_SHARED_ENTRIES keys at a time.
 * Fork:    a child has a copy of its parent's records. A key that the child
 *          removes stays claimed in the parent.
 */
#ifndef LLMOBS_SHARED_ENTRY_H
#define LLMOBS_SHARED_ENTRY_H

#include <stdint.h>

#define LLMOBS_SHARED_ENTRIES 4096

/* Claims a key, which is not 0, for a span that is about to start. The thread
 * then calls set with the span's number (span_table.h), or remove if the span
 * did not start. */
int llmobs_shared_entry_claim(uintptr_t key);
void llmobs_shared_entry_set(uintptr_t key, uint64_t number);

/* Returns the number of the key's span; LLMOBS_OWN_SPAN_NONE: the key is
 * claimed, and has no span yet; 0: it is not claimed. */
uint64_t llmobs_shared_entry_find(uintptr_t key);

/* Returns the number as find does, and frees the key: of several threads that
 * remove the key, one gets the number, and the others 0. */
uint64_t llmobs_shared_entry_remove(uintptr_t key);

#endif
