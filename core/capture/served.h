/* served - the requests that a program serves in turns or in several threads,
 * by keys (command.h): who sent each, and the span around it.
 *
 * Owns:    a record for each key, from keep to forget, and a user of its
 *          caller; a number for each TLS connection that was numbered, until
 *          its first request. The entry's span is own_span's.
 * Threads: any. Two that use a key at once wait for each other for the copy of
 *          a pointer; a child never waits for a thread that only its parent
 *          has. A key that is gone, or that a thread of the parent held, has no
 *          caller and no entry: never those of another.
 * Errors:  of keep: -EMFILE beyond the limit; -EEXIST: the key is kept;
 *          -ENOMEM.
 * Limits:  LLMOBS_SERVED_MAX keys at a time.
 * Fork:    a child has a copy of its parent's records.
 */
#ifndef LLMOBS_SERVED_H
#define LLMOBS_SERVED_H

#include <stdbool.h>
#include <stdint.h>

#include "core/sdk/thread_state.h"

#define LLMOBS_SERVED_MAX 32768

/* Takes a user of the caller, which may be NULL, also on error. */
int llmobs_served_keep(uintptr_t key, struct llmobs_caller *caller);

/* Sets the number of the key's entry (span_table.h), 0: none, and gives the one
 * before: of several threads that take it, one gets it. */
uint64_t llmobs_served_set_entry(uintptr_t key, uint64_t entry);

/* False: it is not kept. */
bool llmobs_served_forget(uintptr_t key);

/* From enter to leave the thread works for that request; 0: for none. leave
 * takes what enter gave. */
struct llmobs_serving llmobs_served_enter(uintptr_t key);
void llmobs_served_leave(struct llmobs_serving before);

/* Does the command `serve`, `stream` or `connection`; false: it is another. */
bool llmobs_served_tell(const char *text);

/* Whose the head of a request is by what was told, which may be NULL: of the
 * program's connection of that number, 0: it has none, and HTTP/2's stream; 0:
 * HTTP/1.1. Takes what was told of the stream. 0: nobody's. */
uint64_t llmobs_served_head(struct llmobs_told *told, uint64_t connection,
                            uint32_t stream);

/* `current` gives the TLS connection in whose function the calling thread is;
 * NULL: in none. Runs once, before any command. _number gives the number of
 * that connection, once; 0: it has none. */
void llmobs_served_init(const void *(*current)(void));
uint64_t llmobs_served_number(void);

#endif
