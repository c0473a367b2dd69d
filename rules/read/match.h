/* match - paths and methods against the shapes of dialects.
 *
 * Owns:    nothing.
 * Threads: any; no state, no allocation.
 * Errors:  never fails.
 * Limits:  one pass over the path per shape.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_MATCH_H
#define LLMOBS_MATCH_H

#include "rules/read/dialect.h"

/* What "**" of the shape's suffix stands for in the path: all between the first
 * place of what stands before it and the last of what follows. Empty: nothing,
 * or there is none in the suffix. */
struct llmobs_text llmobs_match_rest(const struct llmobs_shape *shape,
                                     struct llmobs_text path);

/* Bytes of the path that the shape's suffix takes, slashes at the end
 * included; 0: the path is not of this shape. */
size_t llmobs_match_path(const struct llmobs_shape *shape,
                         struct llmobs_text path);

/* The shape of one of `dialects` (NULL-terminated) for this method and path;
 * NULL: none. `any_host` looks only at shapes known on every host. Fills
 * `found`. */
const struct llmobs_shape *llmobs_match_shape(
    const struct llmobs_dialect *const *dialects, const char *method,
    struct llmobs_text path, bool any_host,
    const struct llmobs_dialect **found);

/* The client of a span name, by the URL without its operation (WIRE
 * 6.1). Static. */
const char *llmobs_match_client(const struct llmobs_shape *shape,
                                const struct llmobs_url *url);

/* True for the intakes of Datadog's sites. */
bool llmobs_match_intake(const struct llmobs_url *url);

/* Where a body is known, whether its first byte that is not blank opens an
 * object. */
bool llmobs_match_object(struct llmobs_text body);

/* True when a content type may hold JSON: none given, or one that says so. */
bool llmobs_match_json_type(const char *content_type);

#endif
