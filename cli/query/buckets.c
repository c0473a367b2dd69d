#include "cli/query/buckets.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

#define MS INT64_C(1000000)
#define SECOND INT64_C(1000000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* Sets the buckets, and answers their number, which may be too large. */
static uint64_t cover(struct llmobs_buckets *buckets, int64_t from_ns,
                      int64_t to_ns, int64_t step_ns)
{
    time_t at = (time_t)(from_ns / SECOND);
    struct tm tm = {0};
    int64_t offset = localtime_r(&at, &tm) ? tm.tm_gmtoff * SECOND : 0;
    int64_t local = from_ns + offset;
    uint64_t count;

    buckets->step_ns = step_ns;
    buckets->first_ns =
        (local / step_ns - (local % step_ns < 0)) * step_ns - offset;
    count = (uint64_t)(to_ns - buckets->first_ns) / (uint64_t)step_ns + 1;
    buckets->count = (size_t)count;
    return count;
}

void llmobs_buckets_fit(struct llmobs_buckets *buckets, int64_t from_ns,
                        int64_t to_ns, size_t most)
{
    static const int64_t steps[] = {
        1 * MS,      2 * MS,      5 * MS,      10 * MS,     20 * MS,
        50 * MS,     100 * MS,    200 * MS,    500 * MS,    1 * SECOND,
        2 * SECOND,  5 * SECOND,  10 * SECOND, 20 * SECOND, 30 * SECOND,
        1 * MINUTE,  2 * MINUTE,  5 * MINUTE,  10 * MINUTE, 20 * MINUTE,
        30 * MINUTE, 1 * HOUR,    2 * HOUR,    5 * HOUR,    12 * HOUR,
        1 * DAY,     2 * DAY,     5 * DAY,     10 * DAY,    20 * DAY,
        50 * DAY,    100 * DAY,   365 * DAY,   1000 * DAY,  2000 * DAY,
        5000 * DAY,  10000 * DAY, 50000 * DAY};

    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
        if (cover(buckets, from_ns, to_ns, steps[i]) <= most)
            return;
}

int llmobs_buckets_set(struct llmobs_buckets *buckets, int64_t from_ns,
                       int64_t to_ns, int64_t step_ns)
{
    return cover(buckets, from_ns, to_ns, step_ns) <= LLMOBS_BUCKETS_MAX
               ? 0
               : -E2BIG;
}

int64_t llmobs_buckets_begin(const struct llmobs_buckets *buckets, size_t at)
{
    int64_t begin;

    if (__builtin_mul_overflow((int64_t)at, buckets->step_ns, &begin) ||
        __builtin_add_overflow(begin, buckets->first_ns, &begin))
        return INT64_MAX;
    return begin;
}

int llmobs_buckets_add_step(struct llmobs_buf *out,
                            const struct llmobs_buckets *buckets)
{
    static const struct {
        int64_t ns;
        const char *name;
    } units[] = {{DAY, "d"},    {HOUR, "h"}, {MINUTE, "m"},
                 {SECOND, "s"}, {MS, "ms"},  {1, "ns"}};
    size_t i = 0;

    while (buckets->step_ns % units[i].ns != 0)
        i++;
    return llmobs_buf_addf(out, "%" PRId64 " %s",
                           buckets->step_ns / units[i].ns, units[i].name);
}
