/* error - errors as providers write them in bodies and stream events.
 *
 * Owns:    nothing.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  LLMOBS_ERROR_TEXT_CUT bytes of a body that is the message itself.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_ERROR_H
#define LLMOBS_ERROR_H

#include "core/span/span.h"
#include "rules/read/call.h"

#define LLMOBS_ERROR_TEXT_CUT 2048

/* True when a document of a 2xx answer, or a stream event, carries an error:
 * a top-level `error` that is an object or a text, or `object` is "error". */
bool llmobs_error_in(const struct llmobs_json *body);

/* Fails the span by such a document (WIRE 6.12). `raw` is its text,
 * used where it holds no message. */
int llmobs_error_read(const struct llmobs_json *body, struct llmobs_text raw,
                      const struct llmobs_call *call, struct llmobs_span *span);

/* The same where the frame of an event tells the type; empty: it does not. */
int llmobs_error_read_as(struct llmobs_text type,
                         const struct llmobs_json *body, struct llmobs_text raw,
                         const struct llmobs_call *call,
                         struct llmobs_span *span);

/* Fails the span where the status says so (300 and above; WIRE 8.2).
 * `body` is the answer's document, NULL: it is none. A transfer that failed
 * without one is left to the core, which knows why. */
int llmobs_error_of_status(const struct llmobs_json *body,
                           const struct llmobs_call *call,
                           struct llmobs_span *span);

#endif
