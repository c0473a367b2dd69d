/* Parses what a reply says: status, dates, body. */
#include "core/export/http_request.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/clock.h"

/* -- the wait that an answer asks for ---------------------------------------
 */

static const char *digits(const char *at, int least, int most, int64_t *value)
{
    int count = 0;

    *value = 0;
    for (; count < most && *at >= '0' && *at <= '9'; count++, at++)
        *value = *value * 10 + (*at - '0');
    return count < least ? NULL : at;
}

static int month_of(const char *at)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (int i = 0; i < 12; i++) {
        if (strncmp(at, names + (size_t)i * 3, 3) == 0)
            return i + 1;
    }
    return 0;
}

/* Counts the days since 1970, in the Gregorian calendar. The year begins in
 * March here, so that a leap day is its last day. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t m = month <= 2 ? month + 9 : month - 3;

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 -
           719468;
}

/* Reads "07:28:00 GMT". */
static bool read_clock(const char *at, int64_t *seconds)
{
    int64_t part[3];

    for (int i = 0; i < 3; i++) {
        at = digits(at, 2, 2, &part[i]);
        if (!at || *at != (i < 2 ? ':' : ' '))
            return false;
        at++;
    }
    *seconds = part[0] * 3600 + part[1] * 60 + part[2];
    return part[0] < 24 && part[1] < 60 && part[2] <= 60 &&
           strncmp(at, "GMT", 3) == 0;
}

/* Reads "Wed, 21 Oct 2015 07:28:00 GMT". */
static bool read_date(const char *at, int64_t *seconds)
{
    int64_t day, year, clock;
    int month;

    at = strchr(at, ',');
    if (!at || at[1] != ' ')
        return false;
    at = digits(at + 2, 2, 2, &day);
    if (!at || *at != ' ' || (month = month_of(at + 1)) == 0 || at[4] != ' ')
        return false;
    at = digits(at + 5, 4, 4, &year);
    if (!at || *at != ' ' || day < 1 || day > 31 || year < 1970 ||
        !read_clock(at + 1, &clock))
        return false;
    *seconds = days_of(year, month, day) * 86400 + clock;
    return true;
}

int64_t llmobs_http_date_wait_ms(const char *value, int64_t now_s)
{
    int64_t seconds;
    const char *end;

    value += strspn(value, " \t");
    end = digits(value, 1, 9, &seconds);
    if (end && *end >= '0' && *end <= '9')
        return LLMOBS_HTTP_DATE_MAX_MS;
    if (end && end[strspn(end, " \t\r\n")] != '\0')
        return -1;
    if (!end && !read_date(value, &seconds))
        return -1;
    if (!end)
        seconds = seconds > now_s ? seconds - now_s : 0;
    if (seconds > LLMOBS_HTTP_DATE_MAX_MS / 1000)
        return LLMOBS_HTTP_DATE_MAX_MS;
    return seconds * 1000;
}

/* -- the reply ---------------------------------------------------------------
 */

void llmobs_http_reply_init(struct llmobs_http_reply *reply,
                            const struct llmobs_http_request *request)
{
    memset(reply, 0, sizeof(*reply));
    reply->retry_after_ms = -1;
    llmobs_buf_init(&reply->body, request->body_max ? request->body_max
                                                    : LLMOBS_HTTP_BODY_MAX);
}

void llmobs_http_reply_fini(struct llmobs_http_reply *reply)
{
    llmobs_buf_fini(&reply->body);
}

bool llmobs_http_reply_is_page(const struct llmobs_http_reply *reply)
{
    return reply->status / 100 == 2 && reply->body.len > 0 &&
           reply->body.data[0] == '<' &&
           strcasecmp(reply->type, "text/html") == 0;
}

void llmobs_http_reply_header(struct llmobs_http_reply *reply, const char *data,
                              size_t len)
{
    const char *type;
    char line[128];

    if (len >= sizeof(line))
        return;
    memcpy(line, data, len);
    line[len] = '\0';
    /* The headers so far belonged to an earlier answer: a proxy's, or "100
     * Continue". */
    if (strncmp(line, "HTTP/", 5) == 0) {
        reply->retry_after_ms = -1;
        reply->type[0] = '\0';
    } else if (strncasecmp(line, "Content-Type:", 13) == 0) {
        type = line + 13 + strspn(line + 13, " \t");
        (void)snprintf(reply->type, sizeof(reply->type), "%.*s",
                       (int)strcspn(type, "; \t\r\n"), type);
    } else if (strncasecmp(line, "Retry-After:", 12) == 0) {
        reply->retry_after_ms = llmobs_http_date_wait_ms(
            line + 12, llmobs_clock_wall_ns() / 1000000000);
    }
}

void llmobs_http_reply_body(struct llmobs_http_reply *reply, const char *data,
                            size_t len)
{
    struct llmobs_buf *body = &reply->body;
    size_t room = body->max - body->len;

    if (len && room)
        (void)llmobs_buf_add(body, data, len < room ? len : room);
}
