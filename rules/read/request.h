/* request - questions that dialects ask about a request's body.
 *
 * Owns:    nothing; the caller owns the values that it is given.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  in a body beyond the capture limit only the named keys are found.
 */
#ifndef LLMOBS_REQUEST_H
#define LLMOBS_REQUEST_H

#include "rules/read/dialect.h"

/* Gives the body's object; NULL in *out if the body is no object. A form's
 * object has its fields, with numbers and truth values as such, names that come
 * again as lists, and a file as an object with its `type` and `bytes` if they
 * are known. If the body's middle is missing, or it is beyond the limits of
 * lib/text/json.h (then the answer is 1), the object only has members of `keys`
 * (NULL-terminated) and "model" that stand at the body's ends. */
int llmobs_request_read(const struct llmobs_call *call, const char *keys,
                        struct llmobs_json **out);

/* Copies the request's `keys` unchanged into the span's metadata. */
int llmobs_request_metadata(const struct llmobs_json *request, const char *keys,
                            struct llmobs_span *span);

/* Gives a body that is not JSON as a C string: "[binary]" if it is not text
 * either; a form as an object with its fields, or "[multipart]" without any. */
char *llmobs_request_text(const struct llmobs_call *call);

/* The deployment in a path of Azure's form, or the endpoint in a path of
 * Databricks' or SageMaker's, as written there; empty: neither.
 */
struct llmobs_text llmobs_request_deployment(const struct llmobs_url *url);

/* Puts a segment of the URL's path, see llmobs_url_segment, into the metadata;
 * an empty one is left out. */
int llmobs_request_segment(const struct llmobs_url *url, size_t back,
                           const char *key, struct llmobs_span *span);

/* True if the body's object, `request`, has an array `messages`, or, if the
 * body's middle is missing, at least that key. */
bool llmobs_request_has_messages(const struct llmobs_call *call,
                                 const struct llmobs_json *request);

/* The model that a header names, as at Vercel's gateway; NULL: none does. */
const char *llmobs_request_named(const struct llmobs_call *call);

#endif
