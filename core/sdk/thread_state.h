/* thread_state - what the API knows of a thread: its current spans, the caller
 * that it serves, and what goes for all calls inside.
 *
 * Owns:    a record for each thread that used the API, until it ends.
 * Threads: each function is about the calling thread, but for _used.
 * Errors:  -ENOMEM; -EMFILE beyond a limit; -ENOENT: nothing to end.
 * Limits:  LLMOBS_THREAD_STATE_DEPTH_MAX current spans,
 * LLMOBS_THREAD_STATE_NEST_MAX of the others; headers of
 * LLMOBS_THREAD_STATE_HEADER_MAX bytes, longer ones are passed over. Fork: the
 * child's one thread has what the thread that forked had.
 */
#ifndef LLMOBS_THREAD_STATE_H
#define LLMOBS_THREAD_STATE_H

#include "core/span/context.h"
#include "core/text/json.h"
#include "rules/rules.h"

#define LLMOBS_THREAD_STATE_DEPTH_MAX 4096
#define LLMOBS_THREAD_STATE_NEST_MAX 16
#define LLMOBS_THREAD_STATE_HEADER_MAX 8192

/* What spans that are started inside are given; NULL where nothing is. */
struct llmobs_annotation_context {
    char *name;
    struct llmobs_json *tags;   /* an object */
    struct llmobs_json *prompt; /* an object */
};

/* Once, before the others. */
void llmobs_thread_state_init(void);

/* False while no thread has any of this: then nothing below need be asked. */
bool llmobs_thread_state_used(void);

/* Spans by number (span_table.h); top: the last one that is still open, or 0.
 * Those that are not are forgotten. */
int llmobs_thread_state_push(uint64_t number);
int llmobs_thread_state_remove(uint64_t number);
uint64_t llmobs_thread_state_top(void);

/* Keeps the headers that carry a trace; replaces what was kept. _inbound: NULL:
 * there are none. Borrowed until the next activate. */
int llmobs_thread_state_activate(const struct llmobs_header *headers,
                                 size_t count);
const struct llmobs_carrier *llmobs_thread_state_inbound(void);

int llmobs_thread_state_proxied_begin(enum llmobs_proxying how);
int llmobs_thread_state_proxied_end(void);
enum llmobs_proxying llmobs_thread_state_proxied(void);

void llmobs_annotation_context_free(struct llmobs_annotation_context *extra);

/* begin takes what `extra` points to, also on error. The i-th from outside;
 * false: there are no more. Borrowed until its end. */
int llmobs_annotation_context_begin(struct llmobs_annotation_context *extra);
int llmobs_annotation_context_end(void);
const struct llmobs_annotation_context *llmobs_annotation_context_at(size_t i);

#endif
