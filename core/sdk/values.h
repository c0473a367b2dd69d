/* values - the structs of the public header as JSON values.
 *
 * Owns:    nothing; the caller owns each result.
 * Threads: any.
 * Errors:  -EINVAL: a text that is no JSON, an empty key, several forms of one
 *          side, an array that is missing, a struct of an impossible size;
 *          -E2BIG: a struct of a later version, with fields set that this
 *          version does not know; -ENOMEM.
 * Limits:  LLMOBS_VALUES_LIST_MAX elements of an array.
 */
#ifndef LLMOBS_SDK_VALUES_H
#define LLMOBS_SDK_VALUES_H

#include "core/sdk/own_span.h"
#include "llmobs.h"

#define LLMOBS_VALUES_LIST_MAX 100000

/* Copies a struct that begins with its size into a struct of `own` bytes. In
 * the first version it had `first` bytes; the members that an older program's
 * struct lacks become 0. */
int llmobs_values_copy(void *to, size_t own, size_t first, const void *from);

/* Gives NULL for a NULL text. */
int llmobs_values_parse(const char *text, struct llmobs_json **out);

/* Makes an object of tags; NULL where no tags are given. */
int llmobs_values_pairs(const struct llmobs_pair *pairs, size_t count,
                        struct llmobs_json **out);

/* Makes an array of texts; NULL where no texts are given. */
int llmobs_values_texts(const char *const *texts, size_t count,
                        struct llmobs_json **out);

/* Makes the values of a whole annotation; on error `out` is empty. */
int llmobs_values_annotation(const struct llmobs_annotation *annotation,
                             struct llmobs_annotation_json *out);

#endif
