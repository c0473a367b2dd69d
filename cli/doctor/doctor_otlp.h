/* doctor_otlp - whether an endpoint of OTLP takes what the program would send.
 *
 * The doctor asks with a request that holds nothing: a whole
 * Export...ServiceRequest without a resource, to the URL, with the headers and
 * under the certificates of the exporter. So the server shows everything but
 * its judgement of a span (its path, its keys, its form of requests), and
 * stores nothing; OTLP asks it to answer such a request with success. An
 * invented span would show more, and stand in somebody's data. A server that
 * answers "bad request" is asked once more, by a resource without a span.
 *
 * Threads: one.
 * Errors:  findings of the report.
 * Limits:  LLMOBS_DOCTOR_OTLP_MS for each endpoint.
 */
#ifndef LLMOBS_DOCTOR_OTLP_H
#define LLMOBS_DOCTOR_OTLP_H

#include "cli/doctor/doctor.h"

#define LLMOBS_DOCTOR_OTLP_MS 10000

/* Asks the endpoint of each signal that is sent: of metrics and log records
 * where they are on, and of spans unless `why_not` says why they go elsewhere.
 */
void llmobs_doctor_otlp(struct llmobs_doctor *doctor,
                        const struct llmobs_config *config,
                        const char *why_not);

#endif
