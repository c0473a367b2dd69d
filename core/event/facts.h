/* facts - what is known of a call besides Datadog's event (WIRE 9.1).
 *
 * They are the event's first member, and travel with it through queue, spool
 * and store, so that any process can send them to a destination that wants
 * them. Datadog's intake never gets them.
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

/* Bits of the fact `flags`, as a span in OTLP has them: the trace is sampled;
 * it is known whether the parent is in another process; the parent is. */
#define LLMOBS_FLAG_SAMPLED 0x001
#define LLMOBS_FLAG_KNOWS_REMOTE 0x100
#define LLMOBS_FLAG_REMOTE 0x200
#define LLMOBS_FLAGS_OTLP 0x3ff
/* Not a flag of OTLP: the user has not named the span's ml_app (enum
 * llmobs_app). */
#define LLMOBS_FLAG_APP_FOUND 0x10000

/* Adds the lead, which stands before a span's event text in the place of its
 * first brace: an open brace, and the facts of the span, its context, its
 * error, the configuration and the process. The content filter has been applied
 * to them. -ENOMEM. */
int llmobs_facts_lead(const struct llmobs_span *span,
                      const struct llmobs_config *config,
                      struct llmobs_buf *out);

/* An event's text without its facts, in two parts, `lead` and `rest`; and the
 * object of the facts. */
struct llmobs_facts_parts {
    struct llmobs_text lead;
    struct llmobs_text rest;
    struct llmobs_text facts;
};

/* Finds the parts of a text that begins with such a lead. Any other text is all
 * `lead`. Borrows the text, of which it reads only the facts. */
struct llmobs_facts_parts llmobs_facts_split(struct llmobs_text event);

#endif
