/* thread_state - what the library knows of a thread: its current spans, the
 * caller that it serves, and the annotations of all calls within a scope; and
 * the requests that it serves, as its server's library shows them.
 *
 * Owns:    a record for each thread of which it knows anything, until the
 *          thread ends.
 * Threads: each function but _used is about the calling thread.
 * Errors:  -ENOMEM; -EMFILE beyond a limit; -ENOENT: nothing to end.
 * Limits:  LLMOBS_THREAD_STATE_DEPTH_MAX current spans,
 *          LLMOBS_THREAD_STATE_NEST_MAX scopes of each kind; a header longer
 *          than LLMOBS_THREAD_STATE_HEADER_MAX bytes is passed over.
 * Fork:    the child's one thread keeps the record of the thread that forked.
 */
#ifndef LLMOBS_THREAD_STATE_H
#define LLMOBS_THREAD_STATE_H

#include "include/engine.h"
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

/* Keeps the headers that carry a trace, instead of the headers kept before.
 * _inbound gives them, borrowed until the next activate; NULL: none are kept.
 */
int llmobs_thread_state_activate(const struct llmobs_header *headers,
                                 size_t count);
const struct llmobs_carrier *llmobs_thread_state_inbound(void);

/* The requests that the thread serves, one within another. _enter puts aside
 * the headers kept before, and the spans that are current; _leave ends the
 * newest request and brings both back. Most requests make no call that is
 * observed, so _enter copies the headers' values and does not look at them
 * before _inbound asks. */
int llmobs_thread_state_enter(const struct llmobs_served *served,
                              int64_t since_mono_ns);
void llmobs_thread_state_leave(void);

/* The span of the newest request. _unasked gives its `since_mono_ns` once, and
 * later 0, as without a request; _entry gives the number that was set, or 0. */
int64_t llmobs_thread_state_unasked(void);
void llmobs_thread_state_set_entry(uint64_t number);
uint64_t llmobs_thread_state_entry(void);

/* The key of the newest request of the thread; NULL: it has no request. _apart:
 * of the newest request that ends by a call. _holds: whether a request of the
 * thread has that key. _gone: whether the handler of the newest request has
 * ended without its return, by a longjmp or an exception, or runs on another
 * stack. */
const void *llmobs_thread_state_newest(void);
const void *llmobs_thread_state_apart(void);
bool llmobs_thread_state_holds(const void *key);
bool llmobs_thread_state_gone(void);

/* A thread that holds two requests at once, each of which ends by a call, is in
 * doubt from then on: its calls belong to neither. */
void llmobs_thread_state_doubt(void);
bool llmobs_thread_state_doubtful(void);

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

#endif
