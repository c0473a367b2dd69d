/* error - errors as providers write them in bodies and stream events.
 *
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  LLMOBS_ERROR_TEXT_CUT bytes of a body that is itself the message.
 */
#ifndef LLMOBS_ERROR_H
#define LLMOBS_ERROR_H

#include "lib/span/span.h"
#include "rules/read/call.h"
#include "rules/read/events.h"

#define LLMOBS_ERROR_TEXT_CUT 2048

/* True when the document of a 2xx answer, or of a stream's event, tells an
 * error at one of the places that error.c lists. */
bool llmobs_error_in(const struct llmobs_json *body);

/* The last tree that was searched; zeros at first. */
struct llmobs_error_look {
    const struct llmobs_json *tree;
    bool may_be; /* it has a member by which an error is known */
};

/* Like llmobs_error_in, but for an event, or for an object in it. With `alike`
 * the tree may be the last tree again, with other strings and numbers (struct
 * llmobs_event): if that tree had no member of an error, it has none now. */
bool llmobs_error_in_event(struct llmobs_error_look *look,
                           const struct llmobs_json *body, bool alike);

/* True for the document of a 2xx answer that tells nothing but a failure: by
 * `success` that is false, by a list `errors`, or by a code with words. Only
 * where no member of its API was found. */
bool llmobs_error_alone(const struct llmobs_json *body);

/* True for a text in the place of a stream's event that speaks of an error. The
 * beginning of a document, where the stream was cut, is no such text. */
bool llmobs_error_in_text(const struct llmobs_event *event);

/* True where the document has a member of an error, or an error's text. */
bool llmobs_error_known(const struct llmobs_json *body);

/* Marks the span as failed, with type and message of such a document (WIRE
 * 6.12). `raw`, the document's text, is the message if it has none. */
int llmobs_error_read(const struct llmobs_json *body, struct llmobs_text raw,
                      const struct llmobs_call *call, struct llmobs_span *span);

/* Like llmobs_error_read, but with the type of the event's frame; empty: no
 * type. */
int llmobs_error_read_as(struct llmobs_text type,
                         const struct llmobs_json *body, struct llmobs_text raw,
                         const struct llmobs_call *call,
                         struct llmobs_span *span);

/* Marks the span as failed for a status of 300 and above (WIRE 8.2). `body` is
 * the answer's document; NULL: no document. If a transfer failed without a
 * status, the core knows the reason, and sets it. */
int llmobs_error_of_status(const struct llmobs_json *body,
                           const struct llmobs_call *call,
                           struct llmobs_span *span);

#endif
