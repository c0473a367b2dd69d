/* carrier - makes span contexts: roots, and children of the context in a
 * carrier, which is the environment of a process or the headers of a request.
 *
 * Threads: any.
 * Errors:  none: a carrier that does not parse gives no parent.
 * Limits:  a carrier's text beyond 8192 bytes is ignored.
 */
#ifndef LLMOBS_CARRIER_H
#define LLMOBS_CARRIER_H

#include "lib/span/context.h"

struct llmobs_config;

/* The begin of the keys in baggage by which Datadog's SDK tells the
 * applications that an experiment calls of their place in it. */
#define LLMOBS_EXPERIMENT "_ml_obs.experiment_"

/* Fills a root context: new ids, and the configuration's ml_app, session and
 * sampling. Trace id and APM id are one value, <32 bits of seconds><32 zero
 * bits><64 random bits> (WIRE 1.3); where APM ids are to have 64 bits, the APM
 * id is only the lower half. */
void llmobs_context_root(struct llmobs_context *context,
                         const struct llmobs_config *config);

/* Fills a context whose parent is in `carrier`, read in the configured styles.
 * Copies the LLM Observability parent, trace, ml_app, session and sampling that
 * the carrier has (WIRE 5.3), and sets the rest as in a root. Copies only the
 * ids from a stranger's carrier, unless the configuration says otherwise.
 * False: the carrier has no valid trace context, or the configuration honours
 * no carrier; the context is then a root. */
bool llmobs_context_from_carrier(struct llmobs_context *context,
                                 const struct llmobs_config *config,
                                 const struct llmobs_carrier *carrier);

/* True for a caller whose ml_app, session and sampling count. Anybody may call
 * a public service, but a stranger's headers must not name the service's
 * application, choose its sessions, switch its spans off or go on to private
 * hosts. False: only the ids count. */
bool llmobs_carrier_is_trusted(const struct llmobs_config *config,
                               const struct llmobs_carrier *carrier);

/* Borrows a carrier's baggage, to be sent on unchanged. False: no baggage is
 * there, it is malformed, or the configuration honours no baggage. */
bool llmobs_context_baggage(const struct llmobs_config *config,
                            const char *value, struct llmobs_text *out);

#endif
