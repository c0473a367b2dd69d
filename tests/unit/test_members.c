/* Members that are secrets by their names. */
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/members.h"
#include "tests/unit/unit.h"

static const char *const rows[][2] = {
    {"{\"api_key\":\"tvly-abcdefghijkl\",\"q\":\"x\"}",
     "{\"api_key\":\"*************ijkl\",\"q\":\"x\"}"},
    {"{\"api\\u005fkey\": \"abcdefgh\"}", "{\"api\\u005fkey\": \"********\"}"},
    {"{\"\\u0061PI-Key\"\n: \"abc\"}", "{\"\\u0061PI-Key\"\n: \"***\"}"},
    {"{\"apiKey\":\"a\\\"b\\u00e9cdefghijklm\"}",
     "{\"apiKey\":\"*********************\"}"},
    {"{\"TAVILY_API_KEY\":\"abcd\"}", "{\"TAVILY_API_KEY\":\"****\"}"},
    {"{\"access_token\":\"a\",\"password\":\"b\",\"Authorization\":\"c d\"}",
     "{\"access_token\":\"*\",\"password\":\"*\",\"Authorization\":\"***\"}"},
    {"{\"s\":\"{\\\"api_key\\\": \\\"abcd\\\"}\"}",
     "{\"s\":\"{\\\"api_key\\\": \\\"****\\\"}\"}"},
    {"{\"s\":\"{\\\"api\\\\u005fkey\\\":\\\"abcd\\\"}\"}",
     "{\"s\":\"{\\\"api\\\\u005fkey\\\":\\\"****\\\"}\"}"},
    {"{\"secret\":\"abc", "{\"secret\":\"***"},
    {"api_key\":\"abc\"}", "api_key\":\"abc\"}"},
    {"{\"max_tokens\":\"5\",\"token\":\"a\",\"total_tokens\":7,\"key\":\"k\"}",
     "{\"max_tokens\":\"5\",\"token\":\"a\",\"total_tokens\":7,\"key\":\"k\"}"},
    {"{\"api_key\":{\"type\":\"string\"},\"password\":12}",
     "{\"api_key\":{\"type\":\"string\"},\"password\":12}"},
    {"{\"api_key\": [\"abc\", [\"de\"]],\"q\":\"x\"}",
     "{\"api_key\": [\"***\", [\"**\"]],\"q\":\"x\"}"},
    {"{\"credentials\":[{\"user\":\"a]\",\"n\":1}],\"q\":\"x\"}",
     "{\"credentials\":[{\"user\":\"**\",\"n\":1}],\"q\":\"x\"}"},
    {"{\"s\":\"{\\\"api_key\\\":[\\\"ab\\\"],\\\"q\\\":\\\"x\\\"}\"}",
     "{\"s\":\"{\\\"api_key\\\":[\\\"**\\\"],\\\"q\\\":\\\"x\\\"}\"}"},
    {"{\"secret\":[\"abc", "{\"secret\":[\"***"},
    {"{\"secret\":[", "{\"secret\":["},
    {"{\"Cookie\":\"a=b\",\"Set-Cookie\":\"c=d\"}",
     "{\"Cookie\":\"***\",\"Set-Cookie\":\"***\"}"},
    {"[\"api_key\",\"abc\"]", "[\"api_key\",\"abc\"]"},
    {"{\"api_key\":\"\"}", "{\"api_key\":\"\"}"},
    {"\"", "\""},
    {"{\"api\\u00", "{\"api\\u00"},
    {"{\"secret\":\"abc\\", "{\"secret\":\"****"},
    {"{\"secret\" :", "{\"secret\" :"},
    {"", ""},
};

START_TEST(secret_members_are_masked)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        size_t len = strlen(rows[i][0]);
        char *exact = malloc(len ? len : 1); /* asan sees who reads on */
        struct llmobs_text text = {exact, len};
        struct llmobs_json *json = NULL;
        bool was = llmobs_json_parse((struct llmobs_text){rows[i][0], len},
                                     &json) == 0;

        llmobs_json_free(json);
        memcpy(exact, rows[i][0], len);
        llmobs_members_mask(exact, len);
        ck_assert_msg(memcmp(exact, rows[i][1], len) == 0, "%s: %.*s",
                      rows[i][0], (int)len, exact);
        ck_assert_int_eq(llmobs_json_parse(text, &json) == 0, was);
        llmobs_json_free(json);
        free(exact);
    }
}
END_TEST

UNIT_SUITE(members)
{
    Suite *s = suite_create("members");

    UNIT_TEST(s, secret_members_are_masked);
    return s;
}
