/* values - the structs of the public header as values of JSON.
 *
 * Owns:    nothing; what is made is the caller's.
 * Threads: any.
 * Errors:  -EINVAL: a text that is no JSON, a key that is empty, several forms
 *          of one side, an array that is not there, a struct of a size that is
 *          none; -E2BIG: one that says what this version does not know;
 *          -ENOMEM.
 * Limits:  LLMOBS_VALUES_LIST_MAX elements of an array.
 * Fork:    plain memory.
 */
#ifndef LLMOBS_VALUES_H
#define LLMOBS_VALUES_H

#include "core/sdk/own_span.h"
#include "llmobs.h"

#define LLMOBS_VALUES_LIST_MAX 100000

/* Copies a struct that begins with its size to one of `own` bytes. */
int llmobs_values_copy(void *to, size_t own, const void *from);

/* NULL text: NULL. */
int llmobs_values_parse(const char *text, struct llmobs_json **out);

/* Tags as an object; none: NULL. */
int llmobs_values_pairs(const struct llmobs_pair *pairs, size_t count,
                        struct llmobs_json **out);

/* All of an annotation; on error `out` holds nothing. */
int llmobs_values_annotation(const struct llmobs_annotation *annotation,
                             struct llmobs_annotation_json *out);

#endif
