/* stamp - writes a time as the log does, without a function of libc: gmtime_r
 * would take a lock, which in a forked child may be taken for ever.
 *
 * Threads: any, also without a libc.
 */
#ifndef LLMOBS_STAMP_H
#define LLMOBS_STAMP_H

#include <stdint.h>

#define LLMOBS_STAMP_LEN 24 /* without a NUL */

/* Writes the last `width` digits; gives the place behind them. */
static inline char *llmobs_stamp_digits(char *to, int64_t value, int width)
{
    for (int i = width; i-- > 0; value /= 10)
        to[i] = (char)('0' + value % 10);
    return to + width;
}

/* Writes the milliseconds since 1970 as 2026-01-31T23:59:59.999Z. Computes the
 * date from the days, in the proleptic Gregorian calendar, with years that
 * begin in March. */
static inline void llmobs_stamp(char *out, int64_t ms)
{
    int64_t days = ms / 86400000;
    int64_t left = ms % 86400000;
    int64_t shifted = days + 719468;
    int64_t era = shifted / 146097;
    int64_t doe = shifted % 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;
    const struct {
        int64_t value;
        int width;
        char after;
    } parts[] = {{yoe + era * 400 + (month <= 2), 4, '-'},
                 {month, 2, '-'},
                 {doy - (153 * mp + 2) / 5 + 1, 2, 'T'},
                 {left / 3600000, 2, ':'},
                 {left / 60000 % 60, 2, ':'},
                 {left / 1000 % 60, 2, '.'},
                 {left % 1000, 3, 'Z'}};

    for (int i = 0; i < 7; i++) {
        out = llmobs_stamp_digits(out, parts[i].value, parts[i].width);
        *out++ = parts[i].after;
    }
}

#endif
