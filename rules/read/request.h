/* request - questions that dialects ask about a request's body.
 *
 * Owns:    nothing; the caller owns the values that it is given.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  of a body beyond the capture limit only the named keys are found.
 */
#ifndef LLMOBS_REQUEST_H
#define LLMOBS_REQUEST_H

#include "rules/read/dialect.h"

/* Gives the body's object, NULL in *out when the body is none; of a form its
 * fields, numbers and truth values as such, names that come again as lists, a
 * file as an object with its `type` and `bytes` if they are known. Where the
 * body's middle is missing, or it is beyond the limits of lib/text/json.h
 * (then it answers 1), the object has only those of `keys` (NULL-terminated)
 * and "model" that stand at the body's ends. */
int llmobs_request_read(const struct llmobs_call *call, const char *keys,
                        struct llmobs_json **out);

/* Copies the request's `keys` into the span's metadata, with their values as
 * they are. */
int llmobs_request_metadata(const struct llmobs_json *request, const char *keys,
                            struct llmobs_span *span);

/* Gives a body that is not JSON as a C string: "[binary]" where it is not text
 * either; of a form the fields as an object, "[multipart]" without any. */
char *llmobs_request_text(const struct llmobs_call *call);

/* Gives the same as a request's only message, without a role. */
struct llmobs_json *llmobs_request_text_message(const struct llmobs_call *call);

/* The deployment in a path of Azure's form, or the endpoint in one of
 * Databricks' or SageMaker's, as it is written there; empty: the path has none.
 */
struct llmobs_text llmobs_request_deployment(const struct llmobs_url *url);

/* Puts a segment of the URL's path, see llmobs_url_segment, into the metadata;
 * an empty one is left out. */
int llmobs_request_segment(const struct llmobs_url *url, size_t back,
                           const char *key, struct llmobs_span *span);

/* True where the body's object, `request`, has an array `messages`, or at least
 * that key where the body's middle is missing. */
bool llmobs_request_has_messages(const struct llmobs_call *call,
                                 const struct llmobs_json *request);

#endif
