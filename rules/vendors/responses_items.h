/* responses_items - the items of OpenAI's Responses API as the messages of a
 * span.
 *
 * Owns:    nothing; the list owns the messages that are added.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  those of message_content.h.
 *
 * Source:  WIRE 6.5.
 */
#ifndef LLMOBS_RESPONSES_ITEMS_H
#define LLMOBS_RESPONSES_ITEMS_H

#include "lib/span/span.h"

/* Adds the messages of a request's `input`, or of a response's `instructions`:
 * a text, or items. */
int llmobs_responses_add_inputs(struct llmobs_json *list,
                                const struct llmobs_json *input);

/* Sets the output from the items of a response's `output`, an array or nothing:
 * the messages, the tools that MCP servers offered, which no request lists, the
 * sources, the searches that are paid, and as metadata.phase whether the last
 * message is the answer. */
int llmobs_responses_output(struct llmobs_span *span,
                            const struct llmobs_json *response,
                            const struct llmobs_json *items);

/* The text for an image or a file: its URL, id or name, or a marker where it
 * has none of them or a data URL. Borrowed from the part; NULL: the part has
 * another type. */
const char *llmobs_responses_reference(const struct llmobs_json *part);

#endif
