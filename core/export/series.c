#include "core/export/series.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/grow.h"
#include "lib/base/mix.h"

static uint64_t hash_of(struct llmobs_text key)
{
    uint64_t hash = key.len;

    for (size_t i = 0; i < key.len; i++)
        hash = llmobs_mix(hash ^ (unsigned char)key.data[i]);
    return hash;
}

static struct llmobs_otlp_series *find(const struct llmobs_otlp_set *set,
                                       struct llmobs_text key, uint64_t hash)
{
    for (size_t i = 0; i < set->count; i++) {
        struct llmobs_otlp_series *series = set->list[i];

        if (series->hash == hash && series->key.len == key.len &&
            memcmp(series->key.data, key.data, key.len) == 0)
            return series;
    }
    return NULL;
}

static bool has_room(struct llmobs_otlp_set *set)
{
    if (set->count + 1 >= LLMOBS_OTLP_SERIES_MAX)
        return false;
    return llmobs_grow(&set->list, &set->cap, set->count,
                       sizeof(struct llmobs_otlp_series *)) == 0;
}

/* Gives the series of these attributes, which may be a new series, or
 * `overflow`, also for no attributes. */
static struct llmobs_otlp_series *series_of(struct llmobs_otlp_set *set,
                                            struct llmobs_text key)
{
    uint64_t hash = hash_of(key);
    struct llmobs_otlp_series *series = find(set, key, hash);
    char *bytes;

    if (series)
        return series;
    series =
        key.len && has_room(set) ? calloc(1, sizeof(*series) + key.len) : NULL;
    if (!series)
        return &set->overflow;
    bytes = (char *)(series + 1);
    memcpy(bytes, key.data, key.len);
    series->key = (struct llmobs_text){bytes, key.len};
    series->hash = hash;
    set->list[set->count++] = series;
    return series;
}

/* Adds values that have this count, sum, least and greatest value. */
static void add(struct llmobs_otlp_series *to, uint64_t count, double sum,
                double min, double max)
{
    if (to->count == 0 || min < to->min)
        to->min = min;
    if (to->count == 0 || max > to->max)
        to->max = max;
    to->count += count;
    to->sum += sum;
}

void llmobs_otlp_set_add(struct llmobs_otlp_set *set, struct llmobs_text key,
                         const struct llmobs_otlp_bounds *bounds, double value)
{
    struct llmobs_otlp_series *series = series_of(set, key);
    size_t i = 0;

    while (i < bounds->count && value > bounds->list[i])
        i++;
    series->buckets[i]++;
    add(series, 1, value, value, value);
}

void llmobs_otlp_set_join(struct llmobs_otlp_set *set,
                          const struct llmobs_otlp_series *from)
{
    struct llmobs_otlp_series *to = series_of(set, from->key);

    if (from->count == 0)
        return;
    for (size_t i = 0; i < sizeof(to->buckets) / sizeof(*to->buckets); i++)
        to->buckets[i] += from->buckets[i];
    add(to, from->count, from->sum, from->min, from->max);
}

void llmobs_otlp_set_move(struct llmobs_otlp_set *set,
                          struct llmobs_otlp_set *from)
{
    for (size_t i = 0; i < from->count; i++)
        llmobs_otlp_set_join(set, from->list[i]);
    llmobs_otlp_set_join(set, &from->overflow);
    llmobs_otlp_set_clear(from);
}

void llmobs_otlp_set_clear(struct llmobs_otlp_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        free(set->list[i]);
    free(set->list);
    memset(set, 0, sizeof(*set));
}
