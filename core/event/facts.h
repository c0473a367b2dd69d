/* facts - what is known of a call beside Datadog's event (WIRE 9.1).
 *
 * They are the event's first member, and travel with it through queue, spool
 * and store, so that any process can send it to a destination that wants them.
 * Datadog's intake never gets them.
 *
 * Owns:    nothing.
 * Threads: any.
 * Errors:  facts are details: without memory they are left out.
 */
#ifndef LLMOBS_FACTS_H
#define LLMOBS_FACTS_H

#include "core/config/config.h"
#include "core/span/span.h"

#define LLMOBS_FACTS_KEY "_call"

/* Adds to the facts of a span those that its context, its error, the
 * configuration and the process tell. Gives them as a value, which shares the
 * span's. */
struct llmobs_json *llmobs_facts_make(const struct llmobs_span *span,
                                      const struct llmobs_config *config);

/* Adds the text of an event, which has no facts, to `out`, with these in
 * front. Borrows `facts`; NULL or empty: there are none. */
int llmobs_facts_add(const struct llmobs_json *facts, struct llmobs_text event,
                     struct llmobs_buf *out);

/* An event's text without its facts: `lead`, and `rest` behind it. */
struct llmobs_facts_parts {
    struct llmobs_text lead;
    struct llmobs_text rest;
};

/* Finds the parts of a text that llmobs_facts_add made. Of any other text all
 * is `lead`. Borrows the text, of which it reads the facts alone. */
struct llmobs_facts_parts llmobs_facts_split(struct llmobs_text event);

#endif
