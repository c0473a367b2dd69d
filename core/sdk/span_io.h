/* span_io - what an application says of a span, in the form that its kind has.
 *
 * Owns:    nothing; what is made is the caller's.
 * Threads: any.
 * Errors:  -EINVAL: a form that the kind does not take; -ENOMEM. Then nothing
 *          is made.
 * Limits:  those of json.h.
 * Fork:    plain memory.
 *
 * The forms are those of Datadog's SDKs (WIRE 1.5).
 */
#ifndef LLMOBS_SPAN_IO_H
#define LLMOBS_SPAN_IO_H

#include "core/span/span.h"

/* One side of a span: at most one of the three is there. */
struct llmobs_span_side {
    struct llmobs_json *messages;
    struct llmobs_json *documents;
    char *value;
};

void llmobs_span_side_free(struct llmobs_span_side *side);

/* Makes the side of a value, which is borrowed. */
int llmobs_span_io_input(enum llmobs_kind kind, struct llmobs_json *value,
                         struct llmobs_span_side *out);
int llmobs_span_io_output(enum llmobs_kind kind, struct llmobs_json *value,
                          struct llmobs_span_side *out);

/* Checks a prompt and makes it as an event has it. */
int llmobs_span_io_prompt(const struct llmobs_json *prompt,
                          struct llmobs_json **out);

/* The same for an array of tool definitions. */
int llmobs_span_io_tools(const struct llmobs_json *tools,
                         struct llmobs_json **out);

/* The text of a tag's value. Gives it; NULL without memory. */
char *llmobs_span_io_tag(const struct llmobs_json *value);

#endif
