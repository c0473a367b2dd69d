/* own_span - spans that the program makes itself: start, say, fail, finish.
 * What the C API and the commands of the helpers are made of.
 *
 * Owns:    the spans that are open (span_table.h).
 * Threads: any.
 * Errors:  -EBADF: not open; -ENOENT: no current span; -EINVAL; -EMFILE beyond
 *          a limit; -ECHILD: the parent process's; -ENOMEM;
 *          LLMOBS_OWN_SPAN_OFF: nothing is observed. Each but the last has a
 * line in the log, the first of its cause. Limits:  those of span_table.h and
 * thread_state.h. Fork:    a child has its parent's spans as parents, and
 * cannot submit them.
 *
 * A span is a number (span_table.h); 0 is the current one of the thread where a
 * function says so.
 */
#ifndef LLMOBS_OWN_SPAN_H
#define LLMOBS_OWN_SPAN_H

#include "core/config/config.h"
#include "core/deliver/worker.h"
#include "core/span/span.h"
#include "rules/rules.h"

#define LLMOBS_OWN_SPAN_OFF 1

/* Texts are borrowed until the call returns, NULL: as the comments say. */
struct llmobs_own_span_start {
    enum llmobs_kind kind;
    const char *name;           /* the kind's */
    const char *model_name;     /* "custom" */
    const char *model_provider; /* "custom" */
    const char *session_id;     /* the parent's */
    const char *ml_app;         /* the parent's, else the configuration's */
    uint64_t parent;            /* 0: the current span, else none */
    bool detached;              /* does not become the current one */
};

/* What is said of a span, in the forms of Datadog's SDKs (span_io.h); NULL: not
 * said. Input, output, tools and prompt replace what was there; metadata,
 * metrics and tags, objects, join it by key. */
struct llmobs_annotation_json {
    struct llmobs_json *input;
    struct llmobs_json *output;
    struct llmobs_json *metadata;
    struct llmobs_json *metrics;
    struct llmobs_json *tags;
    struct llmobs_json *tools;
    struct llmobs_json *prompt;
};

/* Once, before the others. Borrows both for ever. */
void llmobs_own_span_init(const struct llmobs_config *config,
                          struct llmobs_worker *worker);

/* Whether spans are made. On after init. */
bool llmobs_own_span_is_on(void);
void llmobs_own_span_switch(bool on);

/* Starts a span: its number, LLMOBS_OWN_SPAN_NONE where none was started. */
int llmobs_own_span_start(const struct llmobs_own_span_start *start,
                          uint64_t *out);

/* Takes the data's values, also on error; then nothing is changed. Span 0: the
 * current one; so in fail and get. */
int llmobs_own_span_annotate(uint64_t span,
                             struct llmobs_annotation_json *data);
void llmobs_annotation_json_free(struct llmobs_annotation_json *data);

/* The same of an object {"input", "output", "metadata", "metrics", "tags",
 * "tool_definitions", "prompt"}; another key is -EINVAL. Borrows. */
int llmobs_own_span_annotate_json(uint64_t span,
                                  const struct llmobs_json *object);

int llmobs_own_span_fail(uint64_t span, const char *type, const char *message,
                         const char *stack);

int llmobs_own_span_finish(uint64_t span);

/* The context that a child of the span begins with (its own ids are new). */
int llmobs_own_span_child(uint64_t span, struct llmobs_context *out);

/* The context of the span itself, and as who sends it says it: with the span
 * as the agent above where it is one. */
int llmobs_own_span_context(uint64_t span, struct llmobs_context *out);

/* For a call of this thread: the context that its current span makes for it.
 * False: it has none. */
bool llmobs_own_span_child_of_current(struct llmobs_context *out);

/* The carrier of the request that this thread serves: what it has activated,
 * else the process's of this moment, in `room`. */
const struct llmobs_carrier *llmobs_own_span_carrier(
    struct llmobs_carrier *room);

/* Keeps the headers of the request that this thread serves from now on.
 * -ENOENT: they carry no caller. */
int llmobs_own_span_activate(const struct llmobs_header *headers, size_t count);

/* Makes a span the current one of this thread as well, or no longer. */
int llmobs_own_span_enter(uint64_t span);
int llmobs_own_span_leave(uint64_t span);

#endif
