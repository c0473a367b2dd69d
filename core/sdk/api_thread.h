/* api_thread - what the API knows of a thread: its current spans, the caller
 * that it serves, and what goes for all calls inside.
 *
 * Owns:    a record for each thread that used the API, until it ends.
 * Threads: each function is about the calling thread, but for _used.
 * Errors:  -ENOMEM; -EMFILE beyond a limit; -ENOENT: nothing to end.
 * Limits:  LLMOBS_API_DEPTH_MAX current spans, LLMOBS_API_NEST_MAX of the
 *          others; headers of LLMOBS_API_HEADER_MAX bytes, longer ones are
 *          passed over.
 * Fork:    the child's one thread has what the thread that forked had.
 */
#ifndef LLMOBS_API_THREAD_H
#define LLMOBS_API_THREAD_H

#include "core/span/context.h"
#include "core/text/json.h"
#include "rules/rules.h"

#define LLMOBS_API_DEPTH_MAX 4096
#define LLMOBS_API_NEST_MAX 16
#define LLMOBS_API_HEADER_MAX 8192

/* What spans that are started inside are given; NULL where nothing is. */
struct llmobs_api_extra {
    char *name;
    struct llmobs_json *tags;   /* an object */
    struct llmobs_json *prompt; /* an object */
};

/* Once, before the others. */
void llmobs_api_thread_init(void);

/* False while no thread has any of this: then nothing below need be asked. */
bool llmobs_api_thread_used(void);

/* Spans by number (api_table.h); top: the last one that is still open, or 0.
 * Those that are not are forgotten. */
int llmobs_api_thread_push(uint64_t number);
int llmobs_api_thread_remove(uint64_t number);
uint64_t llmobs_api_thread_top(void);

/* Keeps the headers that carry a trace; replaces what was kept. _inbound: NULL:
 * there are none. Borrowed until the next activate. */
int llmobs_api_thread_activate(const struct llmobs_header *headers,
                               size_t count);
const struct llmobs_carrier *llmobs_api_thread_inbound(void);

int llmobs_api_thread_proxied_begin(enum llmobs_proxying how);
int llmobs_api_thread_proxied_end(void);
enum llmobs_proxying llmobs_api_thread_proxied(void);

void llmobs_api_extra_free(struct llmobs_api_extra *extra);

/* begin takes what `extra` points to, also on error. The i-th from outside;
 * false: there are no more. Borrowed until its end. */
int llmobs_api_thread_extra_begin(struct llmobs_api_extra *extra);
int llmobs_api_thread_extra_end(void);
const struct llmobs_api_extra *llmobs_api_thread_extra(size_t i);

#endif
