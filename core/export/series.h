/* series - the values of one metric, by their attributes.
 *
 * Owns:    its series, from the first value to clear.
 * Threads: one at a time.
 * Errors:  none: without room or memory for its attributes, a value goes to
 *          `overflow`. So each value is in exactly one series.
 * Limits:  LLMOBS_OTLP_SERIES_MAX series, `overflow` among them.
 */
#ifndef LLMOBS_OTLP_SERIES_H
#define LLMOBS_OTLP_SERIES_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

#define LLMOBS_OTLP_SERIES_MAX 256
#define LLMOBS_OTLP_BOUNDS_MAX 14

/* The upper bounds of a histogram's buckets, each bound within its bucket; a
 * last bucket has all that is above. A counter has no bounds. */
struct llmobs_otlp_bounds {
    size_t count;
    double list[LLMOBS_OTLP_BOUNDS_MAX];
};

struct llmobs_otlp_series {
    struct llmobs_text
        key;              /* the attributes, as bytes of the caller's choice */
    uint64_t hash;        /* of the key */
    uint64_t count;       /* of the values */
    double sum, min, max; /* of the values */
    uint64_t buckets[LLMOBS_OTLP_BOUNDS_MAX + 1];
};

struct llmobs_otlp_set {
    struct llmobs_otlp_series **list;
    size_t count, cap;
    struct llmobs_otlp_series overflow; /* the series with an empty key */
};

void llmobs_otlp_set_add(struct llmobs_otlp_set *set, struct llmobs_text key,
                         const struct llmobs_otlp_bounds *bounds, double value);

/* Adds the values of a series that is none of the set's. */
void llmobs_otlp_set_join(struct llmobs_otlp_set *set,
                          const struct llmobs_otlp_series *from);

/* Moves all values of `from`, which then is empty. */
void llmobs_otlp_set_move(struct llmobs_otlp_set *set,
                          struct llmobs_otlp_set *from);
void llmobs_otlp_set_clear(struct llmobs_otlp_set *set);

#endif
