/* span_io - an application's input, output, prompt and tools, in the form that
 * an event of the span's kind has (WIRE 1.5), as Datadog's SDKs make it.
 *
 * Owns:    nothing; the caller owns each result.
 * Threads: any.
 * Errors:  -EINVAL: a form that the kind does not take; -ENOMEM. There is no
 *          result then.
 * Limits:  those of json.h.
 */
#ifndef LLMOBS_SPAN_IO_H
#define LLMOBS_SPAN_IO_H

#include "lib/span/span.h"

/* The input or the output of a span: at most one of the three is set. */
struct llmobs_span_side {
    struct llmobs_json *messages;
    struct llmobs_json *documents;
    char *value;
};

void llmobs_span_side_free(struct llmobs_span_side *side);

static inline void llmobs_span_io_swap(struct llmobs_json **a,
                                       struct llmobs_json **b)
{
    struct llmobs_json *was = *a;

    *a = *b;
    *b = was;
}

/* Exchanges a side with a span's, whose three members these are. */
void llmobs_span_side_swap(struct llmobs_span_side *side,
                           struct llmobs_json **messages,
                           struct llmobs_json **documents, char **value);

/* Makes a side from a value, which is borrowed. */
int llmobs_span_io_input(enum llmobs_kind kind, struct llmobs_json *value,
                         struct llmobs_span_side *out);
int llmobs_span_io_output(enum llmobs_kind kind, struct llmobs_json *value,
                          struct llmobs_span_side *out);

/* Checks a prompt and makes the form that an event has. */
int llmobs_span_io_prompt(const struct llmobs_json *prompt,
                          struct llmobs_json **out);

/* Checks an array of tool definitions and makes the form that an event has. */
int llmobs_span_io_tools(const struct llmobs_json *tools,
                         struct llmobs_json **out);

/* True for an array of texts. */
bool llmobs_span_io_are_texts(const struct llmobs_json *list);

/* Gives the text of a tag's value; NULL when memory runs out. */
char *llmobs_span_io_tag(const struct llmobs_json *value);

#endif
