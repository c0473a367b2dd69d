/* thread_state - what the library knows of a thread: its current spans, the
 * caller that it serves, and the annotations of all calls within a scope.
 *
 * Owns:    a record for each thread of which it knows anything, until the
 *          thread ends.
 * Threads: each function but _used is about the calling thread.
 * Errors:  -ENOMEM; -EMFILE beyond a limit; -ENOENT: nothing to end.
 * Limits:  LLMOBS_THREAD_STATE_DEPTH_MAX current spans,
 *          LLMOBS_THREAD_STATE_NEST_MAX scopes of each kind; a header longer
 *          than LLMOBS_THREAD_STATE_HEADER_MAX bytes is passed over.
 * Fork:    the child's one thread has the record of the thread that forked.
 */
#ifndef LLMOBS_THREAD_STATE_H
#define LLMOBS_THREAD_STATE_H

#include "lib/span/context.h"
#include "lib/text/json.h"
#include "rules/rules.h"

#define LLMOBS_THREAD_STATE_DEPTH_MAX 4096
#define LLMOBS_THREAD_STATE_NEST_MAX 16
#define LLMOBS_THREAD_STATE_HEADER_MAX 8192

/* Each span that is started in a scope gets what is set here; NULL: not set. */
struct llmobs_annotation_context {
    char *name;
    char *agent_version;           /* of agent spans */
    struct llmobs_json *cost_tags; /* an array of keys */
    struct llmobs_json *tags;      /* an object */
    struct llmobs_json *prompt;    /* an object */
};

/* False while no thread has a record: then no other function need be called. */
bool llmobs_thread_state_used(void);

/* The thread's current spans, by number (span_table.h). _top forgets newest
 * spans that are not open any more, and gives the newest open one, or 0. */
int llmobs_thread_state_push(uint64_t number);
int llmobs_thread_state_remove(uint64_t number);
uint64_t llmobs_thread_state_top(void);

/* Copies the headers that carry a trace, in the place of earlier ones. _inbound
 * gives them, borrowed until the next activate; NULL: there are none. */
int llmobs_thread_state_activate(const struct llmobs_header *headers,
                                 size_t count);
const struct llmobs_carrier *llmobs_thread_state_inbound(void);

int llmobs_thread_state_proxied_begin(enum llmobs_proxying how);
int llmobs_thread_state_proxied_end(void);
enum llmobs_proxying llmobs_thread_state_proxied(void);

void llmobs_annotation_context_free(struct llmobs_annotation_context *context);

/* _begin takes the members of `context`, also on error. _at gives the i-th
 * context, the outermost first; NULL: no more contexts. Borrowed until its
 * end. */
int llmobs_annotation_context_begin(struct llmobs_annotation_context *context);
int llmobs_annotation_context_end(void);
const struct llmobs_annotation_context *llmobs_annotation_context_at(size_t i);

/* Packs the thread's contexts into the text of an object {"name", "tags",
 * "cost_tags", "prompt"}, which a call through libcurl carries until its span
 * is made (to_span.c); an inner context wins over an outer one. Gives
 * the text (free with free()); NULL: the thread has no context, or memory runs
 * out. */
char *llmobs_annotation_context_pack(void);

#endif
