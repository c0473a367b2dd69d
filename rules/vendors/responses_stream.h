/* responses_stream - puts a streamed answer of the Responses API together, also
 * one that was cut before its last event.
 *
 * Owns:    the last response and the items, from first use to fini.
 * Threads: one at a time.
 * Errors:  -ENOMEM; events of other kinds are passed over.
 * Limits:  LLMOBS_RESPONSES_ITEMS_MAX items; texts as message_content.h.
 *
 * Source:  WIRE 6.7. The last event holds the whole response; before it the
 *          items come, each in pieces and then whole.
 */
#ifndef LLMOBS_RESPONSES_STREAM_H
#define LLMOBS_RESPONSES_STREAM_H

#include "lib/text/json.h"
#include "rules/read/stream_parts.h"

#define LLMOBS_RESPONSES_ITEMS_MAX 1024

struct llmobs_responses_stream {
    struct llmobs_json *response; /* the last one that came, or NULL */
    struct llmobs_stream_parts items;
    bool done;  /* the response has ended, well or not */
    bool begun; /* a first token was seen */
};

/* A stream of all zeros is empty and ready. */
void llmobs_responses_stream_fini(void *stream);

/* Adds an event of the type `type`. */
int llmobs_responses_stream_add(struct llmobs_responses_stream *stream,
                                const char *type,
                                const struct llmobs_json *event);

/* Gives an array of the output items: those of the response, else as much of
 * them as arrived; NULL without memory. */
struct llmobs_json *llmobs_responses_stream_items(
    const struct llmobs_responses_stream *stream);

#endif
