/* Tests URLs and proxies of the library's requests. */
#include <stdio.h>
#include <string.h>

#include "core/export/target.h"
#include "tests/unit/unit.h"

static bool goes_by_proxy(const char *none, const char *url)
{
    struct llmobs_proxies proxies = {.http = "http://proxy:3128"};
    struct llmobs_target target;

    snprintf(proxies.none, sizeof(proxies.none), "%s", none);
    ck_assert_int_eq(llmobs_target_parse(url, "http", &target), 0);
    return llmobs_proxies_find(&proxies, &target) != NULL;
}

/* As libcurl 7.86 and later read it. */
TEST(exceptions)
{
    static const struct {
        const char *none;
        const char *url;
        bool excepted;
    } rows[] = {
        {"", "a.test", false},
        {"*", "a.test", true},
        {"a.test", "A.TEST:81", true},
        {"a.test", "b.a.test", true},
        {".a.test", "a.test", true},
        {"a.test.", "a.test", true},
        {"a.test", "a.test.", true},
        {"a.test", "ba.test", false},
        {"b.test, a.test", "a.test", true},
        {"a.test/8", "a.test", false},
        /* addresses */
        {"10.1.2.3", "10.1.2.3", true},
        {"2.3", "10.1.2.3", false},
        {".1.2.3", "10.1.2.3", false},
        {"a.test,10.0.0.0/8", "10.1.2.3:8126", true},
        {"10.0.0.0/8", "11.1.2.3", false},
        {"10.0.0.0/8", "10.test", false},
        {"192.168.4.0/22", "192.168.7.255", true},
        {"192.168.4.0/22", "192.168.8.0", false},
        {"192.168.7.255/22", "192.168.4.0", true},
        {"192.168.0.1/32", "192.168.0.1", true},
        {"192.168.0.1/32", "192.168.0.0", false},
        {"192.168.0.0/31", "192.168.0.1", true},
        {"128.0.0.0/1", "255.0.0.1", true},
        {"128.0.0.0/1", "127.0.0.1", false},
        /* 0 bits are none given, to libcurl as well */
        {"10.0.0.0/0", "10.1.2.3", false},
        {"10.0.0.0/", "10.1.2.3", false},
        {"10.0.0.0/33", "10.1.2.3", false},
        {"10.0.0.0/8x", "10.1.2.3", false},
        {"10.0.0.0/-8", "10.1.2.3", false},
        {"10.0.0.0/99999999999999999999", "10.1.2.3", false},
        {"10.0.0/8", "10.1.2.3", false},
        {"/8", "10.1.2.3", false},
        {"::1", "[::1]:80", true},
        {"[::1]", "[0:0::1]", true},
        {"fe80::/10", "[febf::1]", true},
        {"[fe80::]/10", "[febf::1]", true},
        {"fe80::/10", "[fec0::1]", false},
        {"[fe80::/10", "[fe80::1]", false},
        {"2001:db8::/127", "[2001:db8::1]", true},
        {"2001:db8::/127", "[2001:db8::2]", false},
        {"::/129", "[::1]", false},
        {"::1", "1.0.0.0", false},
        {"0.0.0.1/8", "[::1]", false},
        {"::ffff:10.0.0.0/104", "10.1.2.3", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_msg(goes_by_proxy(rows[i].none, rows[i].url) ==
                          !rows[i].excepted,
                      "%s: %s", rows[i].none, rows[i].url);
}

/* An entry that no address could be so long as. */
TEST(long_entries)
{
    char none[LLMOBS_PROXY_MAX];

    memset(none, '1', sizeof(none));
    none[sizeof(none) - 1] = '\0';
    ck_assert(goes_by_proxy(none, "10.1.2.3"));
    memcpy(none + 900, ",10.0.0.0/8", strlen(",10.0.0.0/8") + 1);
    ck_assert(!goes_by_proxy(none, "10.1.2.3"));
}
