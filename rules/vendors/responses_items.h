/* responses_items - the items of OpenAI's Responses API as the messages of a
 * span.
 *
 * Owns:    nothing; the list owns the messages that are added.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  those of message_content.h; RESPONSES_ITEM_TEXT_MAX bytes of an item
 *          of unknown type.
 *
 * Source:  WIRE 6.5.
 */
#ifndef LLMOBS_RESPONSES_ITEMS_H
#define LLMOBS_RESPONSES_ITEMS_H

#include "lib/text/json.h"

#define RESPONSES_ITEM_TEXT_MAX 4096

/* Adds the messages of a request's `input`, or of a response's `instructions`:
 * a text, or items. */
int llmobs_responses_add_inputs(struct llmobs_json *list,
                                const struct llmobs_json *input);

/* Adds the messages of one output item. */
int llmobs_responses_add_output(struct llmobs_json *list,
                                const struct llmobs_json *item);

/* The text for an image or a file: its URL, id or name, or a marker where it
 * has none of them or a data URL. Borrowed from the part; NULL: the part has
 * another type. */
const char *llmobs_responses_reference(const struct llmobs_json *part);

#endif
