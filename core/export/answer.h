/* answer - what a receiver of OTLP says in the body of its answer.
 *
 * Owns:    nothing.
 * Threads: the thread that has the worker's turn (json.h).
 *
 * Sources: WIRE 9.1.
 */
#ifndef LLMOBS_OTLP_ANSWER_H
#define LLMOBS_OTLP_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"

/* The words of a receiver, whose answer may be anything. */
struct llmobs_otlp_answer {
    int64_t rejected;  /* records that the receiver threw away; at least 0 */
    char message[256]; /* a line of UTF-8, masked; "" without words */
};

/* Reads the body of an answer of 2xx: an Export...ServiceResponse as protobuf,
 * or as JSON if `json`; an empty body counts as one. -EINVAL: it is not such a
 * response, or it is cut, and `out` has the fields before the cut. The caller
 * counts the request as accepted all the same. */
int llmobs_otlp_read_answer(struct llmobs_text body, bool json,
                            struct llmobs_otlp_answer *answer);

/* Reads the body of an answer of 4xx or 5xx, a google.rpc.Status: only its
 * message. -EINVAL: it is not such a status. */
int llmobs_otlp_read_refusal(struct llmobs_text body, bool json,
                             struct llmobs_otlp_answer *answer);

#endif
