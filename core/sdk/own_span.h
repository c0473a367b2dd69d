/* own_span - the spans that the program makes itself: start, annotate, fail,
 * finish. The C API and the commands of the helpers are built on them.
 *
 * Owns:    the open spans (span_table.h).
 * Threads: any.
 * Errors:  -EBADF: not open; -ENOENT: no current span; -EINVAL; -EMFILE: beyond
 *          a limit; -ECHILD: the parent process's span; -ENOMEM;
 *          LLMOBS_OWN_SPAN_OFF: nothing is observed. The log names the first
 *          error of each cause, except LLMOBS_OWN_SPAN_OFF.
 * Limits:  those of span_table.h and thread_state.h.
 * Fork:    a child may start spans below its parent's, but not submit those.
 *
 * A span is a number (span_table.h). Where a function says so, 0 is the current
 * span of the thread.
 */
#ifndef LLMOBS_OWN_SPAN_H
#define LLMOBS_OWN_SPAN_H

#include "core/config/config.h"
#include "core/deliver/worker.h"
#include "lib/span/span.h"
#include "rules/rules.h"

#define LLMOBS_OWN_SPAN_OFF 1

/* Texts are borrowed until the call returns. A comment beside a text is the
 * value that NULL stands for. */
struct llmobs_own_span_start {
    enum llmobs_kind kind;
    const char *name;           /* the kind's */
    const char *model_name;     /* "custom" */
    const char *model_provider; /* "custom" */
    const char *session_id;     /* the parent's */
    const char *ml_app;         /* the parent's, else the configuration's */
    const char *agent_version;  /* none; for an agent's span */
    uint64_t parent;            /* 0: the current span, if any */
    int64_t since_mono_ns;      /* when the span began; 0: now */
    bool detached;              /* does not become the current span */
};

/* An annotation of a span, in the forms of Datadog's SDKs (span_io.h); NULL
 * changes nothing. Input, output, tools, prompt and manifest replace earlier
 * values; metadata, metrics and tags are objects, whose members replace earlier
 * members with their key; cost tags are keys, added to earlier ones. */
struct llmobs_annotation_json {
    struct llmobs_json *input;
    struct llmobs_json *output;
    struct llmobs_json *metadata;
    struct llmobs_json *metrics;
    struct llmobs_json *tags;
    struct llmobs_json *tools;
    struct llmobs_json *prompt;
    struct llmobs_json *cost_tags;
    struct llmobs_json *agent;    /* {"version"}; agent spans */
    struct llmobs_json *manifest; /* an object; agent spans */
    struct llmobs_json *links;    /* an array (WIRE 1.10); added */
};

/* To be called once, before the other functions. Borrows the configuration and
 * the worker for ever. */
void llmobs_own_span_init(const struct llmobs_config *config,
                          struct llmobs_worker *worker);

/* Whether spans are made. On after init. */
bool llmobs_own_span_is_on(void);
void llmobs_own_span_switch(bool on);

/* Writes the first error of each cause to the log; `cause` is a literal. Gives
 * `rc` back. */
int llmobs_own_span_complain(int rc, const char *cause);

/* Starts a span. `out`: its number, or LLMOBS_OWN_SPAN_NONE where none was
 * started. */
int llmobs_own_span_start(const struct llmobs_own_span_start *start,
                          uint64_t *out);

/* Takes the data's values, also on error; then the span is unchanged. Span 0 is
 * the current one, here and in the two functions below. */
int llmobs_own_span_annotate(uint64_t span,
                             struct llmobs_annotation_json *data);
void llmobs_annotation_json_free(struct llmobs_annotation_json *data);

/* As llmobs_own_span_annotate, from an object {"input", "output", "metadata",
 * "metrics", "tags", "tool_definitions", "prompt", "cost_tags", "agent",
 * "agent_manifest", "span_links"}, borrowed; another key is -EINVAL. */
int llmobs_own_span_annotate_json(uint64_t span,
                                  const struct llmobs_json *object);

int llmobs_own_span_fail(uint64_t span, const char *type, const char *message,
                         const char *stack);

int llmobs_own_span_finish(uint64_t span);

/* The context that a child of the span begins with (its own ids are new). */
int llmobs_own_span_child(uint64_t span, struct llmobs_context *out);

/* The span's own context, as the program sends it to another process: an
 * agent's span names itself as the agent above. */
int llmobs_own_span_context(uint64_t span, struct llmobs_context *out);

/* The lines TRACEPARENT=, TRACESTATE=, span_id=, trace_id= (decimal, and 32 hex
 * digits) of an open span (0: the current one), and BAGGAGE= where the request
 * that the thread serves has some, for programs that the thread starts. Valid
 * until the span is finished. NULL: the span is not open, or memory runs out.
 */
const char *llmobs_own_span_variables(uint64_t span);

/* Adds the prompt of an open llm span, as "parent_prompt", to the annotations
 * of a call below it (llmobs_annotation_context_pack), which it takes; gives
 * both. Without memory the prompt is left out. */
char *llmobs_own_span_pack_prompt(uint64_t span, char *packed);

/* Gives the context of a call below this thread's current span. False: the
 * thread has no current span. */
bool llmobs_own_span_child_of_current(struct llmobs_context *out);

/* The carrier of the request that this thread serves: the carrier that the
 * thread has activated, else the process's at this moment, in `room`. */
const struct llmobs_carrier *llmobs_own_span_carrier(
    struct llmobs_carrier *room);

struct llmobs_caller; /* thread_state.h */

/* Makes a caller as llmobs_caller_new does, and finds out whether the headers
 * have a context. */
int llmobs_own_span_caller(const struct llmobs_header *headers, size_t count,
                           struct llmobs_caller **out);

/* Copies the headers of the request that this thread serves from now on.
 * -ENOENT: they carry no caller. */
int llmobs_own_span_activate(const struct llmobs_header *headers, size_t count);

/* True for an open span that was started detached: it belongs to no thread, and
 * no thread ends it as its own. */
bool llmobs_own_span_is_detached(uint64_t span);

/* _enter also makes a span a current span of this thread; _leave ends that. */
int llmobs_own_span_enter(uint64_t span);
int llmobs_own_span_leave(uint64_t span);

#endif
