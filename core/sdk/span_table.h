/* span_table - the spans of the program that are open, by numbers that are
 * never used twice.
 *
 * Owns:    every span in it, from add to remove.
 * Threads: any. One thread has a span between lock and unlock or remove; other
 *          threads wait for it, for some microseconds.
 * Errors:  NULL if no span has the number, or the span was removed.
 * Limits:  LLMOBS_SPAN_TABLE_MAX spans; a number comes again after 2^47 other
 *          spans in its slot.
 * Fork:    a child sees the spans of its parent, except those that a thread of
 *          the parent held at the fork.
 */
#ifndef LLMOBS_SPAN_TABLE_H
#define LLMOBS_SPAN_TABLE_H

#include "lib/span/span.h"

#define LLMOBS_SPAN_TABLE_MAX 65000

/* A number that no span has. An application gets it if no span was started. */
#define LLMOBS_OWN_SPAN_NONE UINT64_C(1)

/* A span that is open. */
struct llmobs_open_span {
    struct llmobs_span span;
    struct llmobs_json *tags;         /* an object; NULL: no tags yet */
    int process;                      /* the process that started it (fork.h) */
    uint64_t above;                   /* the number of its parent; 0: none */
    struct llmobs_json *prompt_above; /* the parent's, as this span began */
    bool detached;                    /* never the current span of a thread */
    int64_t start_mono_ns;
    char *variables; /* llmobs_own_span_variables; NULL: not asked for yet */
};

/* Gives an empty span; NULL when memory runs out. */
struct llmobs_open_span *llmobs_open_span_new(void);
void llmobs_open_span_free(struct llmobs_open_span *live);

/* Gives the span's number, and takes the span; 0: the table is full. */
uint64_t llmobs_span_table_add(struct llmobs_open_span *live);

/* NULL: the span is not open. Else unlock or remove must follow. */
struct llmobs_open_span *llmobs_span_table_lock(uint64_t number);
void llmobs_span_table_unlock(uint64_t number);

/* Removes a locked span from the table and gives it to the caller; its number
 * is no longer open. */
struct llmobs_open_span *llmobs_span_table_remove(uint64_t number);

/* True when the span is open at this moment; locks nothing. */
bool llmobs_span_table_has(uint64_t number);

#endif
