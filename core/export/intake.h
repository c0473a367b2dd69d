/* intake - the exporter to Datadog: through the EVP proxy of an agent, or
 * straight to the intake. The two differ only in URL and headers.
 *
 * Sources: WIRE 2.1, 2.2, 2.4, 2.5, 2.7.
 */
#ifndef LLMOBS_INTAKE_H
#define LLMOBS_INTAKE_H

#include "core/export/exporter.h"

/* Gives the exporter that sends to an agent or, if `agentless`, to the intake
 * itself. NULL when memory runs out, or agentless without a key. Borrows
 * `http`; if it is NULL, makes its own. */
struct llmobs_exporter *llmobs_intake_new(const struct llmobs_config *config,
                                          bool agentless,
                                          struct llmobs_http *http);

#endif
