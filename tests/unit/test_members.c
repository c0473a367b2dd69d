/* Members that are secrets by their names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/span/members.h"
#include "lib/text/json.h"
#include "tests/unit/unit.h"

static const char *const rows[][2] = {
    {"{\"api_key\":\"tvly-abcdefghijkl\",\"q\":\"x\"}",
     "{\"api_key\":\"*************ijkl\",\"q\":\"x\"}"},
    {"{\"api\\u005fkey\": \"abcdefgh\"}", "{\"api\\u005fkey\": \"********\"}"},
    {"{\"\\u0061PI-Key\"\n: \"abc\"}", "{\"\\u0061PI-Key\"\n: \"***\"}"},
    {"{\"apiKey\":\"a\\\"b\\u00e9cdefghijklm\"}",
     "{\"apiKey\":\"*********************\"}"},
    {"{\"TAVILY_API_KEY\":\"abcd\"}", "{\"TAVILY_API_KEY\":\"****\"}"},
    {"{\"api_key[]\":\"abcd\"}\n", "{\"api_key[]\":\"****\"}\n"},
    {"{\"password[0]\":\"abcd\",\"extra[api_key]\":\"abcd\"}",
     "{\"password[0]\":\"****\",\"extra[api_key]\":\"****\"}"},
    {"{\"api_key[key]\":\"abcd\",\"[]\":\"abcd\"}",
     "{\"api_key[key]\":\"****\",\"[]\":\"abcd\"}"},
    {"{\"password[confirmation]\":\"abcd\",\"user[api_key]\":\"abcd\"}",
     "{\"password[confirmation]\":\"****\",\"user[api_key]\":\"****\"}"},
    {"{\"a[secret]\":\"ab\",\"a[b][credentials][0][c]\":\"ab\"}",
     "{\"a[secret]\":\"**\",\"a[b][credentials][0][c]\":\"**\"}"},
    {"{\"a[secrets]\":\"ab\",\"model[pass][word]\":\"ab\",\"a[password\":"
     "\"b\"}",
     "{\"a[secrets]\":\"**\",\"model[pass][word]\":\"**\",\"a[password\":\"*"
     "\"}"},
    {"{\"password\\u005bagain\\u005d\":\"ab\",\"passwordConfirmation\":\"ab\"}",
     "{\"password\\u005bagain\\u005d\":\"**\",\"passwordConfirmation\":\"**"
     "\"}"},
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
    {"{\"secret\":\"abc\\", "{\"secret\":\"***\\"},
    {"{\"secret\":\"abcdefghijklmn", "{\"secret\":\"**************"},
    {"[{\"c\":\"Explain \\\"password\\\":\"},{\"role\":\"user\"}]",
     "[{\"c\":\"Explain \\\"password\\\":\"},{\"role\":\"user\"}]"},
    {"{\"c\":\"set \\\"secret\\\":\",\"role\":\"user\"}",
     "{\"c\":\"set \\\"secret\\\":\",\"role\":\"user\"}"},
    {"[{\"c\":\"Write \\\"secret\\\": [ and stop\"},{\"role\":\"user\"}]",
     "[{\"c\":\"Write \\\"secret\\\": [ and stop\"},{\"role\":\"user\"}]"},
    {"{\"c\":\"\\\"secret\\\": [\\\"ab\",\"role\":\"user\"}",
     "{\"c\":\"\\\"secret\\\": [\\\"**\",\"role\":\"user\"}"},
    {"{\"c\":\"\\\"secret\\\": \\\"ab\",\"role\":\"user\"}",
     "{\"c\":\"\\\"secret\\\": \\\"**\",\"role\":\"user\"}"},
    {"{\"c\":\"\\\"secret\\\": \\\"ab\\\\\",\"role\":\"user\"}",
     "{\"c\":\"\\\"secret\\\": \\\"****\",\"role\":\"user\"}"},
    {"data: {\"c\":\"{\\\"credentials\\\": [\"}\n\ndata: "
     "{\"c\":\"{\\\"user\\\":\\\"x\\\"}]\"}",
     "data: {\"c\":\"{\\\"credentials\\\": [\"}\n\ndata: "
     "{\"c\":\"{\\\"user\\\":\\\"x\\\"}]\"}"},
    {"data: {\"c\":\"\\\"api_key\\\": \"}\n\ndata: {\"c\":\"d\"}",
     "data: {\"c\":\"\\\"api_key\\\": \"}\n\ndata: {\"c\":\"d\"}"},
    {"data: {\"secret\":\"ab\n\ndata: {\"c\":\"d\"}",
     "data: {\"secret\":\"**\n\ndata: {\"c\":\"d\"}"},
    {"data: {\"secret\":[\"ab\",\n\ndata: {\"c\":\"d\"}",
     "data: {\"secret\":[\"**\",\n\ndata: {\"c\":\"d\"}"},
    {"{\"secret\":\"ab\n{\"c\":\"d\"}\n", "{\"secret\":\"**\n{\"c\":\"d\"}\n"},
    {"{\"c\":\"\\\"a\\\" password\":\"x\"}",
     "{\"c\":\"\\\"a\\\" password\":\"x\"}"},
    {"{\"c\":\"\\\" password\": \"x\"}", "{\"c\":\"\\\" password\": \"x\"}"},
    {"{\"c\":\"\\\"secret\\\": \\\\\\\"ab\\\\\\\"\"}",
     "{\"c\":\"\\\"secret\\\": \\\\\\\"ab\\\\\\\"\"}"},
    {"{\"secret\":\"ab\\\\\",\"q\":\"x\"}",
     "{\"secret\":\"****\",\"q\":\"x\"}"},
    {"{\"s\":\"{\\\"secret\\\":\\\"a\\\\\\\"b\\\\\\\\\\\",\\\"q\\\":\\\"x\\\"}"
     "\"}",
     "{\"s\":\"{\\\"secret\\\":\\\"**********\\\",\\\"q\\\":\\\"x\\\"}\"}"},
    {"{\"s\":\"{\\\"a\\\":\\\"{\\\\\\\"secret\\\\\\\":\\\\\\\"ab\\\\\\\"}\\\"}"
     "\"}",
     "{\"s\":\"{\\\"a\\\":\\\"{\\\\\\\"secret\\\\\\\":\\\\\\\"**\\\\\\\"}\\\"}"
     "\"}"},
    {"{\"s\":\"{\\\"secret\\\"\\n:\\r\\t\\\"ab\\\"}\"}",
     "{\"s\":\"{\\\"secret\\\"\\n:\\r\\t\\\"**\\\"}\"}"},
    {"{\"api_key\":{\"value\":\"ab\",\"n\":[1,\"c\"]},\"q\":\"x\"}",
     "{\"api_key\":{\"value\":\"**\",\"n\":[1,\"*\"]},\"q\":\"x\"}"},
    {"{\"authorization\":{\"type\":\"bearer\",\"value\":\"ab\"}}",
     "{\"authorization\":{\"type\":\"******\",\"value\":\"**\"}}"},
    {"{\"s\":\"{\\\"secret\\\":{\\n\\\"a\\\":\\\"b\\\"},\\\"q\\\":\\\"x\\\"}"
     "\"}",
     "{\"s\":\"{\\\"secret\\\":{\\n\\\"a\\\":\\\"*\\\"},\\\"q\\\":\\\"x\\\"}"
     "\"}"},
    {"{\"s\":\"{\\\"secret\\\":{\\\"type\\\":\\\"STRING\\\",\\\"q\\\":"
     "\\\"x\\\"}}\"}",
     "{\"s\":\"{\\\"secret\\\":{\\\"type\\\":\\\"STRING\\\",\\\"q\\\":"
     "\\\"x\\\"}}\"}"},
    {"{\"secret\":{\"description\":\"a\",\"type\":\"string\"}}",
     "{\"secret\":{\"description\":\"a\",\"type\":\"string\"}}"},
    {"{\"secret\":{\"$ref\":\"a\"},\"password\":{\"type\":[\"string\",\"null\"]"
     ",\"a\":\"b\"}}",
     "{\"secret\":{\"$ref\":\"a\"},\"password\":{\"type\":[\"string\",\"null\"]"
     ",\"a\":\"b\"}}"},
    {"{\"secret\":{\"type\":{\"a\":\"b\"}},\"password\":{\"title\":\"a\"}}",
     "{\"secret\":{\"type\":{\"a\":\"b\"}},\"password\":{\"title\":\"a\"}}"},
    {"{\"secret\":{\"description\":\"a\",\"api_key\":\"b\"}}",
     "{\"secret\":{\"description\":\"a\",\"api_key\":\"*\"}}"},
    {"{\"c\":\"\\\"secret\\\": {\",\"role\":\"user\"}",
     "{\"c\":\"\\\"secret\\\": {\",\"role\":\"user\"}"},
    {"{\"c\":\"\\\"secret\\\": {\\\"a\\\": \\\"b\",\"role\":\"user\"}",
     "{\"c\":\"\\\"secret\\\": {\\\"a\\\": \\\"*\",\"role\":\"user\"}"},
    {"{\"secret\":{\"ty", "{\"secret\":{\"ty"},
    {"{\"secret\":{\"type\":\"str", "{\"secret\":{\"type\":\"str"},
    {"{\"secret\":{\"a\":", "{\"secret\":{\"a\":"},
    {"{\"secret\":{\"a\":\"b", "{\"secret\":{\"a\":\"*"},
    {"{\"secret\":{},\"q\":\"x\"}", "{\"secret\":{},\"q\":\"x\"}"},
    {"\"secret\"n:\"ab\"", "\"secret\"n:\"ab\""},
    {"{\"secret\" :", "{\"secret\" :"},
    {"", ""},
};

TEST(secret_members_are_masked)
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
        llmobs_members_mask(exact, len, NULL);
        ck_assert_msg(memcmp(exact, rows[i][1], len) == 0, "%s: %.*s",
                      rows[i][0], (int)len, exact);
        ck_assert_int_eq(llmobs_json_parse(text, &json) == 0, was);
        llmobs_json_free(json);
        free(exact);
    }
}

/* A body that is masked while it grows, wherever it stands then. */
TEST(what_grows_is_masked_as_whole)
{
    static const char text[] = "{\"a\":\"\\\"secret\\\":\\\"a\\\\\\\"\\\\\","
                               "\"b\":1,\"secret\":\"abcdefghijkl\\\\\"}";
    size_t len = sizeof(text) - 1;
    char whole[sizeof(text)], grown[sizeof(text)];

    memcpy(whole, text, sizeof(text));
    llmobs_members_mask(whole, len, NULL);
    for (size_t cut = 0; cut < len; cut++) {
        memcpy(grown, text, sizeof(text));
        llmobs_members_mask(grown, cut, NULL);
        ck_assert_ptr_null(memmem(grown, cut, "ijkl", 4));
        llmobs_members_mask(grown, len, NULL);
        ck_assert_str_eq(grown, whole);
    }
}

static const char *const names[] = {"authorization",   "proxy_authorization",
                                    "secret",          "credentials",
                                    "passphrase",      "passwd",
                                    "cookie",          "set-cookie",
                                    "api_key",         "access_key",
                                    "secret_key",      "private_key",
                                    "account_key",     "app_key",
                                    "application-key", "accessToken",
                                    "refreshToken",    "id_token",
                                    "auth.token",      "bearer token",
                                    "session_token",   "security_token",
                                    "client_secret",   "db_PASSWORD"};

/* Checks that a member of this name is masked. */
static void check_name(const char *name)
{
    char text[256];
    int len = snprintf(text, sizeof(text), "{\"%s\"\r: \"value\"}", name);

    llmobs_members_mask(text, (size_t)len, NULL);
    ck_assert_msg(strstr(text, "\"*****\"}") != NULL, "%s", text);
}

/* Also where any letter is escaped, and where a mark follows. */
TEST(names_are_known_in_any_form)
{
    static const char *const forms[] = {"%.*s\\u%04x%s", "%.*s\\u%04X%s_"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const char *name = names[i];
        char other[64];

        check_name(name);
        for (size_t k = 0; name[k]; k++)
            for (size_t form = 0; form < 2; form++) {
                snprintf(other, sizeof(other), forms[form], (int)k, name,
                         (unsigned)name[k], name + k + 1);
                check_name(other);
            }
    }
}
