/* otlp - events as requests of OTLP, in the names of OpenTelemetry's semantic
 * conventions for generative AI.
 *
 * Owns:    nothing.
 * Threads: the thread that has the worker's turn (json.h, work.h).
 * Errors:  -EINVAL: nothing is to be sent; -ENOMEM; -EFBIG: beyond `out`'s max.
 *          `out` is then as it was.
 *
 * An event is read from its text, as the spool keeps that text: so a span that
 * another process left is sent like a span of this process.
 *
 * Sources: WIRE 9.
 */
#ifndef LLMOBS_OTLP_H
#define LLMOBS_OTLP_H

#include "core/config/config.h"
#include "lib/text/json.h"

/* Appends an ExportTraceServiceRequest with the spans of these events, grouped
 * by their resource. `content`: with the texts. A text that is no event, or has
 * ids that a receiver would refuse, is left out; `*left_out` counts them. */
int llmobs_otlp_traces(const struct llmobs_config *config, bool content,
                       const struct llmobs_text *events, size_t count,
                       struct llmobs_buf *out, size_t *left_out);

/* Whether the sampler lets a span go to this destination. Reads only the
 * event's facts, if it has any. True for a text that is no event, which
 * llmobs_otlp_traces refuses. */
bool llmobs_otlp_is_sampled(const struct llmobs_config *config,
                            struct llmobs_text event);

/* The words of a receiver, whose answer may be anything. */
struct llmobs_otlp_answer {
    int64_t rejected;  /* records that the receiver threw away; at least 0 */
    char message[256]; /* a line of UTF-8, masked; "" without words */
};

/* Reads the body of an answer of 2xx: an Export...ServiceResponse as protobuf,
 * or as JSON if `json`; an empty body counts as one. -EINVAL: it is no such
 * response, or it is cut, and `out` has the fields before the cut. The caller
 * counts the request as accepted all the same. */
int llmobs_otlp_read_answer(struct llmobs_text body, bool json,
                            struct llmobs_otlp_answer *answer);

/* Reads the body of an answer of 4xx or 5xx, a google.rpc.Status: only its
 * message. -EINVAL: it is no such status. */
int llmobs_otlp_read_refusal(struct llmobs_text body, bool json,
                             struct llmobs_otlp_answer *answer);

#endif
