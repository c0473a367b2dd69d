#include "cli/query/when.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "cli/shared/options.h"
#include "lib/base/clock.h"

#define NS_PER_S 1000000000LL
#define WORD_MAX 16

/* -- spans of time -------------------------------------------------------- */

/* The seconds of a unit; -1: it is none. */
static double unit_seconds(const char *unit)
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
    char word[WORD_MAX + 3];

    if (*unit == '\0')
        return 1;
    snprintf(word, sizeof(word), " %s ", unit);
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
        if (strstr(units[i].names, word))
            return units[i].seconds;
    return -1;
}

static const char *when_skip_blanks(const char *at)
{
    return at + strspn(at, " ");
}

/* Reads digits with at most one point; strtod would also read "inf", "0x10" and
 * "1e3". Answers the end; NULL: there are none. */
static const char *when_read_number(const char *at, double *out)
{
    size_t digits = strspn(at, "0123456789"), len = digits;

    if (at[len] == '.')
        len += 1 + strspn(at + len + 1, "0123456789");
    if (len == 0 || len > 32 || (digits == 0 && len == 1))
        return NULL;
    *out = strtod(at, NULL);
    return at + len;
}

/* Reads one piece, "90s" or "90 seconds"; "90" alone. */
static const char *when_read_piece(const char *at, double *seconds)
{
    char unit[WORD_MAX] = "";
    double number, scale;
    size_t len;

    at = when_read_number(at, &number);
    if (!at)
        return NULL;
    at = when_skip_blanks(at);
    len = strcspn(at, " 0123456789.");
    if (len >= sizeof(unit))
        return NULL;
    memcpy(unit, at, len);
    scale = unit_seconds(unit);
    if (scale < 0)
        return NULL;
    *seconds += number * scale;
    at = when_skip_blanks(at + len);
    return len > 0 || *at == '\0' || tolower((unsigned char)*at) == 'a' ? at
                                                                        : NULL;
}

/* Reads pieces up to the end or the word "ago". */
static int when_read_span(const char *text, double *seconds, bool *ago)
{
    const char *at = when_skip_blanks(text);

    *seconds = 0;
    *ago = false;
    do {
        at = when_read_piece(at, seconds);
        if (at && strncasecmp(at, "ago", 3) == 0) {
            at = when_skip_blanks(at + 3);
            *ago = true;
            break;
        }
    } while (at && *at != '\0');
    return at && *at == '\0' && isfinite(*seconds) ? 0 : -EINVAL;
}

int llmobs_when_duration(const char *text, int64_t *out)
{
    double seconds;
    bool ago;

    if (when_read_span(text, &seconds, &ago) != 0 || ago ||
        seconds * (double)NS_PER_S >= 9e18)
        return -EINVAL;
    *out = (int64_t)(seconds * (double)NS_PER_S);
    return 0;
}

/* -- points in time ------------------------------------------------------- */

static int before(const char *text, int64_t now_ns, int64_t *out)
{
    double seconds, back;
    bool ago;

    if (*text == '-')
        text++;
    if (when_read_span(text, &seconds, &ago) != 0)
        return -EINVAL;
    back = seconds * (double)NS_PER_S;
    *out = back >= (double)now_ns ? 1 : now_ns - (int64_t)back;
    return 0;
}

/* Gives the time of the local date and time, `days` later. */
static int local_time(struct tm tm, int days, int64_t *out)
{
    time_t at;

    tm.tm_mday += days;
    tm.tm_isdst = -1;
    at = mktime(&tm);
    if (at < 0 || at > INT64_MAX / NS_PER_S)
        return -EINVAL;
    *out = (int64_t)at * NS_PER_S;
    return 0;
}

static struct tm midnight(int64_t now_ns)
{
    time_t now = (time_t)(now_ns / NS_PER_S);
    struct tm tm = {0};

    (void)localtime_r(&now, &tm);
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    return tm;
}

static int word(const char *text, int64_t now_ns, int64_t *out)
{
    if (strcasecmp(text, "now") == 0) {
        *out = now_ns;
        return 0;
    }
    if (strcasecmp(text, "today") == 0)
        return local_time(midnight(now_ns), 0, out);
    if (strcasecmp(text, "yesterday") == 0)
        return local_time(midnight(now_ns), -1, out);
    return -EINVAL;
}

/* Reads `digits` digits of a value from `least` to `most`, and the character
 * behind them unless that is NUL. Answers the end; NULL: they are not there. */
static const char *when_field(const char *at, int digits, int least, int most,
                              char end, int *out)
{
    *out = 0;
    for (int i = 0; i < digits; i++, at++) {
        if (!isdigit((unsigned char)*at))
            return NULL;
        *out = *out * 10 + (*at - '0');
    }
    if (*out < least || *out > most)
        return NULL;
    if (end != '\0' && *at++ != end)
        return NULL;
    return at;
}

/* Reads "13:00", "13:00:05" or "13:00:05.123456". */
static const char *clock_time(const char *at, struct tm *tm, int64_t *ns)
{
    int64_t unit;

    at = when_field(at, 2, 0, 23, ':', &tm->tm_hour);
    if (at)
        at = when_field(at, 2, 0, 59, '\0', &tm->tm_min);
    if (!at || *at != ':')
        return at;
    at = when_field(at + 1, 2, 0, 60, '\0', &tm->tm_sec);
    if (!at || *at != '.' || !isdigit((unsigned char)at[1]))
        return at;
    unit = NS_PER_S;
    while (isdigit((unsigned char)*++at)) {
        unit /= 10;
        *ns += unit * (*at - '0');
    }
    return at;
}

/* Reads "Z", "+02:00", "-0130"; an empty text is the local zone. */
static const char *zone(const char *at, bool *local, int *offset_s)
{
    int sign = *at == '-' ? -1 : 1, hours, minutes;

    *offset_s = 0;
    *local = *at == '\0';
    if (*local)
        return at;
    if (*at == 'Z' || *at == 'z')
        return at + 1;
    if (*at != '+' && *at != '-')
        return NULL;
    at = when_field(at + 1, 2, 0, 23, '\0', &hours);
    if (at && *at == ':')
        at++;
    if (at)
        at = when_field(at, 2, 0, 59, '\0', &minutes);
    if (at)
        *offset_s = sign * (hours * 3600 + minutes * 60);
    return at;
}

static int zoned_time(const char *at, struct tm tm, int64_t *out)
{
    bool local = true;
    int offset_s = 0;
    time_t utc;

    at = zone(when_skip_blanks(at), &local, &offset_s);
    if (!at || *at != '\0')
        return -EINVAL;
    if (local)
        return local_time(tm, 0, out);
    utc = timegm(&tm) - offset_s;
    if (utc < 0 || utc > INT64_MAX / NS_PER_S)
        return -EINVAL;
    *out = (int64_t)utc * NS_PER_S;
    return 0;
}

/* True where the day exists in its month: mktime would take another day. */
static bool is_day(struct tm tm)
{
    int day = tm.tm_mday;

    return timegm(&tm) != (time_t)-1 && tm.tm_mday == day;
}

static int date(const char *at, int64_t *out)
{
    struct tm tm = {0};
    int64_t ns = 0;
    int rc;

    at = when_field(at, 4, 1970, 2262, '-', &tm.tm_year);
    if (at)
        at = when_field(at, 2, 1, 12, '-', &tm.tm_mon);
    if (at)
        at = when_field(at, 2, 1, 31, '\0', &tm.tm_mday);
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    if (!at || !is_day(tm))
        return -EINVAL;
    if (*at == 'T' || *at == 't' ||
        (*at == ' ' && isdigit((unsigned char)at[1])))
        at = clock_time(at + 1, &tm, &ns);
    if (!at)
        return -EINVAL;
    rc = zoned_time(at, tm, out);
    if (rc == 0 && *out <= INT64_MAX - ns)
        *out += ns;
    return rc;
}

/* A time of today, or of yesterday if that time of today is still to come. */
static int time_of_day(const char *at, int64_t now_ns, int64_t *out)
{
    struct tm tm = midnight(now_ns);
    int64_t ns = 0;
    int rc;

    at = clock_time(at, &tm, &ns);
    if (!at || *at != '\0')
        return -EINVAL;
    rc = local_time(tm, 0, out);
    if (rc == 0 && *out > now_ns)
        rc = local_time(tm, -1, out);
    if (rc == 0)
        *out += ns;
    return rc;
}

int llmobs_when_parse(const char *text, int64_t now_ns, int64_t *out)
{
    if (word(text, now_ns, out) == 0 || date(text, out) == 0 ||
        time_of_day(text, now_ns, out) == 0)
        return 0;
    return before(text, now_ns, out);
}

int llmobs_when_set(const struct llmobs_cli_option *option, const char *text)
{
    int64_t *out = option->to;

    if (llmobs_when_parse(text, llmobs_clock_wall_ns(), out) != 0)
        return llmobs_cli_refuse(option->name, text,
                                 "no time such as " LLMOBS_WHEN_FORMS);
    *out = *out > 0 ? *out : 1; /* 0 stands for no limit */
    return 0;
}
