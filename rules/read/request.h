/* request - what dialects ask of a request's body.
 *
 * Owns:    nothing; what is given belongs to the caller.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  of a body beyond the capture limit only the named keys are found.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_REQUEST_H
#define LLMOBS_REQUEST_H

#include "rules/read/dialect.h"

/* Gives the body's object, NULL in *out when it is none. Where its middle is
 * missing, or it is beyond the limits of core/text/json.h (then 1): an object
 * of `keys` (NULL-terminated) and "model" as far as they stand at its ends. */
int llmobs_request_read(const struct llmobs_call *call, const char *const *keys,
                        struct llmobs_json **out);

/* Puts the request's `keys` into the span's metadata, values as they are. */
int llmobs_request_metadata(const struct llmobs_json *request,
                            const char *const *keys, struct llmobs_span *span);

/* A body that is not JSON, as a C string; "[binary]" where it is not text
 * either, "[multipart]" for a form. Gives it. */
char *llmobs_request_text(const struct llmobs_call *call);

/* The same as the one message of a request, without a role. Gives it. */
struct llmobs_json *llmobs_request_text_message(const struct llmobs_call *call);

/* The deployment in a path of Azure's form, as written; empty: none. */
struct llmobs_text llmobs_request_deployment(const struct llmobs_url *url);

#endif
