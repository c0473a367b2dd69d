/* facts - what is known of a call beside Datadog's event (WIRE 9.1).
 *
 * They are the event's first member, and travel with it through queue, spool
 * and store, so that any process can send it to a destination that wants them.
 * Datadog's intake never gets them.
 *
 * Owns:    nothing.
 * Threads: any.
 * Errors:  as each function says.
 */
#ifndef LLMOBS_FACTS_H
#define LLMOBS_FACTS_H

#include "core/config/config.h"
#include "lib/span/span.h"

#define LLMOBS_FACTS_KEY "_call"

/* Bits of the fact `flags`, which are those of a span in OTLP: the trace is
 * sampled; it is said whether the parent is in another process; it is. */
#define LLMOBS_FLAG_SAMPLED 0x001
#define LLMOBS_FLAG_TELLS_REMOTE 0x100
#define LLMOBS_FLAG_REMOTE 0x200

/* Adds what stands in front of a span's event text without its first brace: an
 * open brace, and the facts of the span with those of its context, its error,
 * the configuration and the process. A filter of content has been over them.
 * -ENOMEM. */
int llmobs_facts_lead(const struct llmobs_span *span,
                      const struct llmobs_config *config,
                      struct llmobs_buf *out);

/* An event's text without its facts: `lead`, and `rest` behind it; and the
 * object of the facts. */
struct llmobs_facts_parts {
    struct llmobs_text lead;
    struct llmobs_text rest;
    struct llmobs_text facts;
};

/* Finds the parts of a text that begins with such a lead. Of any other text all
 * is `lead`. Borrows the text, of which it reads the facts alone. */
struct llmobs_facts_parts llmobs_facts_split(struct llmobs_text event);

#endif
