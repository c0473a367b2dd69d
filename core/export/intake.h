/* intake - the exporter to Datadog: through the EVP proxy of an agent, or
 * straight to the intake. The two differ only in URL and headers.
 *
 * Sources: WIRE 2.1, 2.2, 2.4, 2.5, 2.7.
 */
#ifndef LLMOBS_INTAKE_H
#define LLMOBS_INTAKE_H

#include "core/export/exporter.h"
#include "lib/base/answers.h"

/* Gives the exporter that sends to an agent or, if `agentless`, to the intake
 * itself. NULL when memory runs out, or agentless without a key. Borrows
 * `http`; if it is NULL, makes its own. */
struct llmobs_exporter *llmobs_intake_new(const struct llmobs_config *config,
                                          bool agentless,
                                          struct llmobs_http *http);

/* Sends a request without events, as spans would go, and gives the answer: its
 * status and whether it is `accepted`, or the error and libcurl's code.
 * -ENOMEM. */
int llmobs_intake_ask(const struct llmobs_config *config, bool agentless,
                      struct llmobs_http *http, struct llmobs_answer *answer);

#endif
