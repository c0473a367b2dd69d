/* Tests dates in HTTP headers. */
#include <stdio.h>
#include <time.h>

#include "core/export/http_request.h"
#include "tests/unit/unit.h"

TEST(dates)
{
    static const struct {
        const char *value;
        int64_t want;
    } rows[] = {
        {"0", 0},
        {" 120", 120000},
        {"120\r\n", 120000},
        {"86400", 86400000},
        {"86401", 86400000},
        {"99999999999999999999", 86400000},
        {"1.5", -1},
        {"-5", -1},
        {"", -1},
        {"soon", -1},
        {"Wed, 21 Oct 2015 07:28:00 GMT", 60000},
        {"Wed, 21 Oct 2015 07:26:59 GMT\r\n", 0},
        {"Thu, 22 Oct 2015 07:27:00 GMT", 86400000},
        {"Wed, 21 Oct 2099 07:28:00 GMT", 86400000},
        {"Mon, 29 Feb 2016 00:00:00 GMT", 86400000},
        {"Wed, 21 Oct 2015 07:28:00", -1},
        {"Wed, 21 Oct 2015 07:28:00 CET", -1},
        {"Wed, 21 Okt 2015 07:28:00 GMT", -1},
        {"Wed, 21 Oct 2015", -1},
        {"Wed, 1 Oct 2015 07:28:00 GMT", -1},
        {"Wed, 21 Oct 2015 27:28:00 GMT", -1},
        {",", -1},
        {"Wed,", -1},
    };

    /* 2015-10-21 07:27:00 */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t got = llmobs_http_date_wait_ms(rows[i].value, 1445412420);

        ck_assert_msg(got == rows[i].want, "\"%s\": %lld", rows[i].value,
                      (long long)got);
    }
}

TEST(days)
{
    /* Every day of a few centuries against the C library. */
    for (int64_t day = 0; day < 150000; day++) {
        static const char *const months[] = {"Jan", "Feb", "Mar", "Apr",
                                             "May", "Jun", "Jul", "Aug",
                                             "Sep", "Oct", "Nov", "Dec"};
        time_t at = (time_t)(day * 86400);
        char text[64];
        struct tm tm;

        gmtime_r(&at, &tm);
        snprintf(text, sizeof(text), "Xxx, %02d %s %d 00:00:07 GMT", tm.tm_mday,
                 months[tm.tm_mon], tm.tm_year + 1900);
        ck_assert_int_eq(llmobs_http_date_wait_ms(text, day * 86400), 7000);
    }
}
