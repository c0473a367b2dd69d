/* Parses durations and points in time, such as "1 hour ago". */
#include "cli/query/when.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "cli/shared/options.h"
#include "lib/base/clock.h"

#define NS_PER_S 1000000000LL

/* Reads pieces such as "90s" or "1 hour 5 min", up to the end or the word
 * "ago". A number without a unit is the last piece; it counts seconds. */
static int read_span(const char *at, bool *ago, double *seconds)
{
    static const struct {
        const char *names; /* words between blanks */
        double seconds;
    } units[] = {
        {" ns ", 1e-9},
        {" us µs ", 1e-6},
        {" ms msec ", 1e-3},
        {" s sec secs second seconds ", 1},
        {" m min mins minute minutes ", 60},
        {" h hr hrs hour hours ", 3600},
        {" d day days ", 86400},
        {" w week weeks ", 604800},
    };
    enum { UNITS = sizeof(units) / sizeof(*units) };

    *seconds = 0;
    *ago = false;
    at += strspn(at, " ");
    do { /* strtod reads "inf", "0x10" and "1e3", too */
        size_t digits = strspn(at, "0123456789."), len, i = 0;
        char word[20], *end;
        double number = strtod(at, &end);

        if (digits == 0 || digits > 32 || end != at + digits)
            return -EINVAL;
        at = end + strspn(end, " ");
        len = strcspn(at, " 0123456789.");
        if (len >= sizeof(word) - 2 || (len == 0 && *at != '\0'))
            return -EINVAL;
        snprintf(word, sizeof(word), " %.*s ", len ? (int)len : 1,
                 len ? at : "s");
        while (i < UNITS && !strstr(units[i].names, word))
            i++;
        if (i == UNITS)
            return -EINVAL;
        *seconds += number * units[i].seconds;
        at += len + strspn(at + len, " ");
        *ago = strncasecmp(at, "ago", 3) == 0;
        if (*ago)
            at += 3 + strspn(at + 3, " ");
    } while (*at != '\0' && !*ago);
    return *at == '\0' ? 0 : -EINVAL;
}

int llmobs_when_duration(const char *text, int64_t *out)
{
    double seconds;
    bool ago;

    if (read_span(text, &ago, &seconds) != 0 || ago ||
        seconds * (double)NS_PER_S >= 9e18)
        return -EINVAL;
    *out = (int64_t)(seconds * (double)NS_PER_S);
    return 0;
}

/* Reads so many digits of a value from `least` to `most`, and moves behind
 * them; false: they are not there. */
static bool read_digits(const char **at, int count, int least, int most,
                        int *out)
{
    for (*out = 0; count > 0; count--, ++*at) {
        if (!isdigit((unsigned char)**at))
            return false;
        *out = *out * 10 + (**at - '0');
    }
    return *out >= least && *out <= most;
}

/* Reads "13:00", "13:00:05" or "13:00:05.123456", and moves behind it. */
static bool read_clock(const char **at, struct tm *tm, int64_t *ns)
{
    int64_t unit = NS_PER_S;

    if (!read_digits(at, 2, 0, 23, &tm->tm_hour) || *(*at)++ != ':' ||
        !read_digits(at, 2, 0, 59, &tm->tm_min))
        return false;
    if (**at != ':')
        return true;
    ++*at;
    if (!read_digits(at, 2, 0, 60, &tm->tm_sec))
        return false;
    if (**at == '.' && isdigit((unsigned char)(*at)[1]))
        while (isdigit((unsigned char)*++*at))
            *ns += (unit /= 10) * (**at - '0');
    return true;
}

static int to_ns(time_t at, int64_t ns, int64_t *out)
{
    if (at < 0 || at > (INT64_MAX - ns) / NS_PER_S)
        return -EINVAL;
    *out = (int64_t)at * NS_PER_S + ns;
    return 0;
}

/* Reads a date, with a time and a zone or without; without a zone it is local.
 */
static int read_date(const char *at, int64_t *out)
{
    struct tm tm = {.tm_isdst = -1}, day;
    int64_t ns = 0;
    int sign, hours = 0, minutes = 0;

    if (!read_digits(&at, 4, 1970, 2262, &tm.tm_year) || *at++ != '-' ||
        !read_digits(&at, 2, 1, 12, &tm.tm_mon) || *at++ != '-' ||
        !read_digits(&at, 2, 1, 31, &tm.tm_mday))
        return -EINVAL;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    day = tm;
    if (timegm(&day) < 0 || day.tm_mday != tm.tm_mday) /* 30 February */
        return -EINVAL;
    if (*at == 'T' || *at == 't' ||
        (*at == ' ' && isdigit((unsigned char)at[1]))) {
        at++;
        if (!read_clock(&at, &tm, &ns))
            return -EINVAL;
    }
    at += strspn(at, " ");
    if (*at == '\0')
        return to_ns(mktime(&tm), ns, out);
    /* "Z", "+02:00" or "-0130" */
    sign = *at == '-' ? -1 : 1;
    if (*at == '+' || *at == '-') {
        at++;
        if (!read_digits(&at, 2, 0, 23, &hours))
            return -EINVAL;
        at += *at == ':';
        if (!read_digits(&at, 2, 0, 59, &minutes))
            return -EINVAL;
    } else {
        at += *at == 'Z' || *at == 'z';
    }
    if (*at != '\0')
        return -EINVAL;
    return to_ns(timegm(&tm) - sign * (hours * 3600 + minutes * 60), ns, out);
}

/* Reads "now", "today", "yesterday", or a time of today: of yesterday, if that
 * time of today is still to come. */
static int read_day(const char *text, int64_t now_ns, int64_t *out)
{
    time_t now = (time_t)(now_ns / NS_PER_S);
    bool yesterday = strcasecmp(text, "yesterday") == 0;
    struct tm tm = {0}, before;
    int64_t ns = 0;
    int rc;

    if (strcasecmp(text, "now") == 0) {
        *out = now_ns;
        return 0;
    }
    (void)localtime_r(&now, &tm);
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    tm.tm_isdst = -1;
    tm.tm_mday -= yesterday;
    if (yesterday || strcasecmp(text, "today") == 0)
        return to_ns(mktime(&tm), 0, out);
    if (!read_clock(&text, &tm, &ns) || *text != '\0')
        return -EINVAL;
    before = tm;
    before.tm_mday--;
    rc = to_ns(mktime(&tm), ns, out);
    if (rc == 0 && *out - ns > now_ns)
        rc = to_ns(mktime(&before), ns, out);
    return rc;
}

int llmobs_when_set(const struct llmobs_cli_option *option, const char *text)
{
    static const char why[] =
        "no time such as 90s, 1h30m, \"1 hour ago\", today, yesterday, now, "
        "13:00, 2026-11-21, \"2026-11-21 13:00\", 2026-11-21T13:00:00Z";
    int64_t now_ns = llmobs_clock_wall_ns(), *out = option->to;
    double seconds;
    bool ago;

    if (read_date(text, out) != 0 && read_day(text, now_ns, out) != 0) {
        if (read_span(text + (*text == '-'), &ago, &seconds) != 0)
            return llmobs_cli_refuse(option->name, text, why);
        seconds *= (double)NS_PER_S;
        *out = seconds >= (double)now_ns ? 1 : now_ns - (int64_t)seconds;
    }
    *out = *out > 0 ? *out : 1; /* 0 stands for no limit */
    return 0;
}
