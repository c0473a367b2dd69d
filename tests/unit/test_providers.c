/* The row of a host is the one that a walk over all rows finds. */
#include <stdio.h>
#include <string.h>

#include "rules/providers.h"
#include "rules/read/text.h"
#include "tests/unit/json_case.h"
#include "tests/unit/unit.h"

#define ROWS 50 /* there are more */

static size_t found, missed; /* so that it is seen that some are */

static void set_up(void)
{
    found = missed = 0;
}

static const struct llmobs_provider *walk_rows(struct llmobs_text host)
{
    const struct llmobs_provider *row;

    for (size_t i = 0; (row = llmobs_provider_at(i)); i++)
        if (llmobs_text_matches(host, llmobs_provider_host(row)))
            return row;
    return NULL;
}

/* Each end of the host behind a dot, the longest first. */
static const struct llmobs_provider *walk(struct llmobs_text host)
{
    const struct llmobs_provider *row = walk_rows(host);

    while (!row && host.len > 0) {
        bool dot = host.data[0] == '.';

        host.data++;
        host.len--;
        row = dot ? walk_rows(host) : NULL;
    }
    return row;
}

static void check_text(struct llmobs_text host)
{
    static struct llmobs_url url;
    const struct llmobs_provider *row, *wanted = walk(host);

    if (host.len > LLMOBS_URL_HOST_MAX)
        return;
    url.host_len = host.len;
    snprintf(url.host, sizeof(url.host), "%.*s", (int)host.len, host.data);
    row = llmobs_provider_find(&url);
    ck_assert_msg(row == wanted, "%s: %s, not %s", url.host,
                  row ? row->host : "none", wanted ? wanted->host : "none");
    if (row)
        found++;
    else
        missed++;
}

/* And without each number of bytes at its ends, and with each byte changed. */
static void check_near(const char *host)
{
    char changed[LLMOBS_URL_HOST_MAX + 1];
    size_t len = strlen(host);

    for (size_t cut = 0; cut <= len; cut++) {
        check_text((struct llmobs_text){host, len - cut});
        check_text((struct llmobs_text){host + cut, len - cut});
    }
    for (size_t i = 0; i < 2 * len; i++) {
        memcpy(changed, host, len);
        changed[i / 2] = ".-"[i % 2];
        check_text((struct llmobs_text){changed, len});
    }
}

/* The pattern with `value` for each star. */
static void fill_stars(struct llmobs_text pattern, const char *value, char *out)
{
    for (size_t i = 0; i < pattern.len; i++)
        if (pattern.data[i] == '*')
            out = stpcpy(out, value);
        else
            *out++ = pattern.data[i];
    *out = '\0';
}

UNIT_FIXTURE(set_up, NULL);

TEST(each_row_is_found_as_by_a_walk)
{
    static const char *const values[] = {"x",           "",  "a.b",
                                         "-us-east-1.", ".", "*"};
    static const char *const before[] = {"", "x.", "a.b.", "x", ".", "*"};
    static const char *const behind[] = {"", ".cn", "x", ".", ".com", "-"};
    const struct llmobs_provider *row;
    char filled[LLMOBS_URL_HOST_MAX + 1], host[2 * sizeof(filled)];
    size_t i;

    for (i = 0; (row = llmobs_provider_at(i)); i++) {
        ck_assert_uint_eq(strlen(row->host), row->host_len);
        ck_assert_uint_lt(strlen(row->name), sizeof(row->name));
        for (size_t v = 0; v < 6; v++) {
            fill_stars(llmobs_provider_host(row), values[v], filled);
            if (v < 2)
                check_near(filled);
            for (size_t n = 0; n < 36; n++) {
                snprintf(host, sizeof(host), "%s%s%s", before[n / 6], filled,
                         behind[n % 6]);
                check_text(llmobs_text_of(host));
            }
        }
    }
    ck_assert_uint_gt(i, ROWS);
    ck_assert_uint_gt(found, 6 * i);
    ck_assert_uint_gt(missed, 6 * i);
}

/* Some labels of some rows, one behind the other. */
static void mix(uint64_t *state, size_t rows, char *host)
{
    size_t pieces = 1 + json_case_random(state) % 5, len = 0;

    while (pieces-- > 0) {
        const char *at =
            llmobs_provider_at(json_case_random(state) % rows)->host;

        for (uint64_t n = json_case_random(state) % 4; n > 0; n--)
            at = strchr(at, '.') ? strchr(at, '.') + 1 : at;
        len += (size_t)snprintf(host + len, LLMOBS_URL_HOST_MAX + 1 - len,
                                "%s%s", len > 0 ? "." : "", at);
        if (len > LLMOBS_URL_HOST_MAX)
            return;
    }
}

TEST(mixed_hosts_are_found_as_by_a_walk)
{
    char host[LLMOBS_URL_HOST_MAX + 1];
    uint64_t state = 7;
    size_t rows = 0;

    while (llmobs_provider_at(rows))
        rows++;
    for (size_t i = 0; i < 5000; i++) {
        mix(&state, rows, host);
        check_text(llmobs_text_of(host));
    }
    ck_assert_uint_gt(found, 1000);
    ck_assert_uint_gt(missed, 100);
}
