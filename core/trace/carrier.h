/* carrier - span contexts that begin here, or continue a carrier's: the
 * environment of a process, or the headers of a request.
 *
 * Threads: any.
 * Errors:  none: a carrier that does not parse is no parent.
 * Limits:  a carrier's text beyond 8192 bytes is ignored.
 */
#ifndef LLMOBS_CARRIER_H
#define LLMOBS_CARRIER_H

#include "core/span/context.h"

struct llmobs_config;

/* Fills a root context: new ids, ml_app, session and sampling of the
 * configuration; trace and APM id are one value, <32 bits of seconds><32 zero
 * bits><64 random bits> (WIRE 1.3). Where APM ids are to have 64 bits,
 * the APM id is its lower half alone. */
void llmobs_context_root(struct llmobs_context *context,
                         const struct llmobs_config *config);

/* Fills a context whose parent is in `carrier`, read in the configured styles:
 * LLM Observability parent, trace, ml_app, session and sampling where it has
 * them (WIRE 5.3), else as a root; of a stranger, unless the
 * configuration says otherwise, nothing but ids. False when the carrier held no
 * valid trace context, or none is to be honoured: the context is then a root.
 */
bool llmobs_context_from_carrier(struct llmobs_context *context,
                                 const struct llmobs_config *config,
                                 const struct llmobs_carrier *carrier);

/* Borrows a carrier's baggage for sending on as it came; false when there is
 * none, it is malformed, or none is to be honoured. */
bool llmobs_context_baggage(const struct llmobs_config *config,
                            const char *value, struct llmobs_text *out);

#endif
