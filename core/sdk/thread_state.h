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

#include <stdatomic.h>

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

/* The sender of a request that the program serves: its trace. Freed by
 * the last of its `users` that leaves it, in any thread. _new copies these
 * headers; of strangers it knows by ":remote-addr", which no real header can be
 * called, and by those of proxies; of the page by ":method" and ":path".
 * *out: the caller, with one user; NULL: there are no such headers, or -ENOMEM.
 * _leave takes NULL, too. */
struct llmobs_caller {
    atomic_int users;
    struct llmobs_carrier carrier; /* of `texts` */
    char texts[];
};

int llmobs_caller_new(const struct llmobs_header *headers, size_t count,
                      struct llmobs_caller **out);
void llmobs_caller_leave(struct llmobs_caller *caller);

/* The request for which the library works in a thread at the moment. Current
 * spans and callers are those of this request alone. */
struct llmobs_serving {
    uint64_t request;             /* its key (served.h); 0: none is known */
    uint64_t entry;               /* the span around it; 0: none */
    struct llmobs_caller *caller; /* NULL: it begins a trace */
};

/* Whose the heads of requests are that the thread writes next, as the program
 * told: keys of served.h, 0: nobody's. */
#define LLMOBS_TOLD_MAX 64
struct llmobs_told {
    uint64_t key;  /* of each head of HTTP/1.1 */
    bool streams;  /* some in `of` are of any connection: those it writes now */
    unsigned next; /* place in `of`, over the oldest */
    struct llmobs_told_stream {
        uint64_t connection; /* the program's number of it; 0: any */
        uint64_t key;        /* 0: the place is free */
        uint32_t stream;     /* of HTTP/2; 0: the next head of HTTP/1.1 */
    } of[LLMOBS_TOLD_MAX];
};

/* False while no thread has a record: then no other function need be called. */
bool llmobs_thread_state_used(void);

/* The thread's current spans, by number (span_table.h), of the request that it
 * serves. _top forgets newest spans that are not open any more, and gives the
 * newest open one, or 0. */
int llmobs_thread_state_push(uint64_t number);
int llmobs_thread_state_remove(uint64_t number);
uint64_t llmobs_thread_state_top(void);

/* Takes a user of the caller, in the place of an earlier one; NULL: none.
 * _inbound gives the carrier of the request that the thread serves, or else of
 * this caller, borrowed until the next activate or serve; NULL: there is none.
 */
int llmobs_thread_state_activate(struct llmobs_caller *caller);
const struct llmobs_carrier *llmobs_thread_state_inbound(void);

/* Takes a user of now.caller, and gives what was there before, whose user is
 * the calling function's. */
struct llmobs_serving llmobs_thread_state_serve(struct llmobs_serving now);
uint64_t llmobs_thread_state_entry(void);

/* NULL: nothing was told, or (`make`) there is no memory. */
struct llmobs_told *llmobs_thread_state_told(bool make);

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
