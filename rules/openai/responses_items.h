/* responses_items - the items of OpenAI's Responses API as the messages of a
 * span.
 *
 * Owns:    nothing; what is added belongs to the list.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  those of message_content.h; RESPONSES_ITEM_TEXT_MAX bytes of an item
 * of unknown type. Fork:    nothing to do.
 *
 * Source: WIRE 6.5.
 */
#ifndef LLMOBS_RESPONSES_ITEMS_H
#define LLMOBS_RESPONSES_ITEMS_H

#include "core/text/json.h"

#define RESPONSES_ITEM_TEXT_MAX 4096

/* Adds the messages of a request's `input`, or of a response's `instructions`:
 * a text, or items. */
int llmobs_responses_add_inputs(struct llmobs_json *list,
                                const struct llmobs_json *input);

/* Adds the messages of one output item. */
int llmobs_responses_add_output(struct llmobs_json *list,
                                const struct llmobs_json *item);

/* What stands for an image or a file: its URL, id or name; a marker where there
 * is none, or the URL holds it all. Borrowed from the part; NULL: a part of
 * another type. */
const char *llmobs_responses_reference(const struct llmobs_json *part);

#endif
