/* otlp_traces - events as spans of OTLP, in the names of the release of
 * OpenTelemetry's semantic conventions for generative AI that the user chose,
 * and the exporter that sends them to a receiver: a collector, or a backend
 * that speaks the protocol itself.
 *
 * An event is read from its text, as the spool keeps that text: so a span that
 * another process left is sent like a span of this process.
 *
 * Owns:    the exporter, its route.
 * Threads: the thread that has the worker's turn (json.h, work.h).
 * Limits:  config->otlp: bytes of a text, attributes of a span;
 *          OTEL_BSP_MAX_EXPORT_BATCH_SIZE spans in a request, at most
 *          LLMOBS_SEND_MAX, and those of otlp_route.h.
 *
 * Sources: WIRE 9.1 to 9.6.
 */
#ifndef LLMOBS_OTLP_TRACES_H
#define LLMOBS_OTLP_TRACES_H

#include "core/export/exporter.h"
#include "lib/text/json.h"

struct llmobs_otlp_writer;

/* Writes the fields of the event's span into the open message. `content`: with
 * the texts that went to the model and came from it. */
void llmobs_otlp_span(struct llmobs_otlp_writer *writer,
                      const struct llmobs_config *config, bool content,
                      const struct llmobs_json *event);

/* Appends an ExportTraceServiceRequest with the spans of these events, grouped
 * by their resource. `content`: with the texts. A text that is not an event, or
 * has ids that a receiver would refuse, is left out; `*left_out` counts them.
 * -EINVAL: there is nothing to send; -ENOMEM; -EFBIG: beyond `out`'s max. `out`
 * is then as it was. */
int llmobs_otlp_traces(const struct llmobs_config *config, bool content,
                       const struct llmobs_text *events, size_t count,
                       struct llmobs_buf *out, size_t *left_out);

/* Whether the sampler lets a span go to this destination. Reads only the
 * event's facts, if it has any. True for a text that is not an event, which
 * llmobs_otlp_traces refuses. */
bool llmobs_otlp_is_sampled(const struct llmobs_config *config,
                            struct llmobs_text event);

/* Gives the exporter; NULL when memory runs out. Borrows `http`; if it is NULL,
 * makes its own. `keeps_evaluations`: no other exporter takes evaluations, so
 * this one puts them into the local store: OTLP's spans have no place for
 * them. */
struct llmobs_exporter *llmobs_otlp_exporter_new(
    const struct llmobs_config *config, struct llmobs_http *http,
    bool keeps_evaluations);

#endif
