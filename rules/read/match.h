/* match - compares paths and methods with the shapes of dialects.
 *
 * Threads: any; no state, no allocation.
 * Errors:  never fails.
 * Limits:  one pass over the path per shape.
 */
#ifndef LLMOBS_MATCH_H
#define LLMOBS_MATCH_H

#include "rules/read/dialect.h"

/* The path without the slashes at its end; "/" keeps its slash. */
struct llmobs_text llmobs_match_bare(struct llmobs_text path);

/* The part of the path that "**" of the shape's suffix stands for: between the
 * first match of the text before "**" and the last match of the text after it.
 * Empty: no match, or no "**". */
struct llmobs_text llmobs_match_rest(const struct llmobs_shape *shape,
                                     struct llmobs_text path);

/* How many bytes of the path match the shape's suffix, slashes at the end
 * included; 0: the path has another shape. */
size_t llmobs_match_path(const struct llmobs_shape *shape,
                         struct llmobs_text path);

/* True where the path of a request shows this shape. `any_host`: only a shape
 * that counts on every host. */
bool llmobs_match_has(const struct llmobs_shape *shape, const char *method,
                      struct llmobs_text path, bool any_host);

/* The shape of one of `dialects` (NULL-terminated) for this method and path;
 * NULL: no shape. `any_host`: only shapes that count on every host. Fills
 * `found`. Looks at each shape; among all dialects rules/shapes.h finds it
 * sooner. */
const struct llmobs_shape *llmobs_match_shape(
    const struct llmobs_dialect *const *dialects, const char *method,
    struct llmobs_text path, bool any_host,
    const struct llmobs_dialect **found);

/* The client in a span's name, by the URL without its operation (WIRE 6.1). */
const char *llmobs_match_client(const struct llmobs_shape *shape,
                                const struct llmobs_url *url);

/* True for the intakes of Datadog's sites. */
bool llmobs_match_intake(const struct llmobs_url *url);

/* The sign of the shape that this line of a header list, "Name: value", is;
 * NULL: it is no sign. The shape has signs. */
const struct llmobs_sign *llmobs_match_sign(const struct llmobs_shape *shape,
                                            const char *line);

/* True if the ends of the body have the text that the sign wants there, or if
 * no body is known. */
bool llmobs_match_in_body(const struct llmobs_sign *sign,
                          struct llmobs_text body);

/* True if the body's first byte that is not blank opens an object or a list. */
bool llmobs_match_json(struct llmobs_text body);

/* True if the body's first byte that is not blank opens an object. */
bool llmobs_match_object(struct llmobs_text body);

/* True when a body of this content type may be JSON: NULL, or a type of JSON.
 */
bool llmobs_match_json_type(const char *content_type);

#endif
