/* shapes_index - makes the index of some dialects' shapes.
 *
 * Owns:    nothing.
 * Threads: one at a time.
 */
#ifndef LLMOBS_SHAPES_INDEX_H
#define LLMOBS_SHAPES_INDEX_H

#include "rules/read/dialect.h"
#include "rules/shapes_key.h"

/* Gives the number of shapes; the index has the first LLMOBS_SHAPES_MAX. */
size_t llmobs_shapes_index(const struct llmobs_dialect *const *dialects,
                           struct llmobs_shapes_index *index);

#endif
