#include <stdlib.h>
#include <string.h>

#include "rules/read/text.h"
#include "rules/rules.h"
#include "tests/unit/unit.h"

/* A frame, and what is seen of it; NULL: nothing. */
static const struct {
    const char *text;
    const char *type, *response, *item, *event, *code;
    bool open; /* its end did not come */
} rows[] = {
    {.text = "{\"type\":\"a\"}", .type = "a"},
    {.text = " \r\n{ \"type\" : \"a.b\" , \"response_id\":\"r\"} ",
     .type = "a.b",
     .response = "r"},
    {.text = "{\"delta\":\"QUJD\",\"n\":[1,{\"type\":\"x\"}],\"type\":\"a\"}",
     .type = "a"},
    {.text = "{\"type\":\"a\",\"response\":{\"object\":\"o\",\"id\":\"r\","
             "\"output\":[{\"id\":\"x\"}],\"usage\":{\"id\":\"y\"}}}",
     .type = "a",
     .response = "r"},
    {.text = "{\"item\":{\"id\":\"x\",\"type\":\"y\"},\"item_id\":\"i\","
             "\"event_id\":\"e\",\"type\":\"a\"}",
     .type = "a",
     .item = "i",
     .event = "e"},
    {.text = "{\"error\":{\"type\":\"t\",\"code\":\"c\",\"event_id\":\"e\"},"
             "\"type\":\"error\"}",
     .type = "error",
     .code = "c"},
    /* texts that look like members */
    {.text = "{\"text\":\"\\\"type\\\":\\\"b\\\"\",\"type\":\"a\"}",
     .type = "a"},
    {.text = "{\"text\":\"}\\\\\\\\\",\"type\":\"a\"}", .type = "a"},
    {.text = "{\"text\":\"\\\\\\\"}\",\"type\":\"a\"}", .type = "a"},
    {.text = "{\"a\":\"type\",\"b\":[\"type\",\"c\"],\"type\":\"a\"}",
     .type = "a"},
    {.text = "{\"d\":[\"type\",{\"e\":{\"type\":\"x\"}}]}"},
    {.text = "{\"type\":[\"x\"],\"response_id\":{\"id\":\"x\"}}"},
    {.text = "{\"type\":\"with \\u0061\"}"},
    {.text = "{\"type\":\"0123456789012345678901234567890123456789"
             "0123456789012345678901234567890123456789\"}"},
    {.text = "{\"type\":\"a\"}{\"type\":\"b\"}", .type = "a"},
    /* no object, or not the end of one */
    {.text = "[{\"type\":\"a\"}]"},
    {.text = "\x81\x10{\"type\":\"a\"}"},
    {.text = "}"},
    {.text = "", .open = true},
    {.text = "{\"type\":\"a\"", .type = "a", .open = true},
    {.text = "{\"type\":\"a", .open = true},
    {.text = "{\"a\":\"\\", .open = true},
};

static void check_member(const struct llmobs_look *look, size_t i,
                         enum llmobs_frame_member member, const char *want)
{
    ck_assert_msg(strcmp(look->members[member], want ? want : "") == 0,
                  "%s: member %d: \"%s\"", rows[i].text, (int)member,
                  look->members[member]);
}

static void check(const struct llmobs_look *look, size_t i)
{
    ck_assert_msg(look->over != rows[i].open, "%s: its end", rows[i].text);
    check_member(look, i, LLMOBS_FRAME_TYPE, rows[i].type);
    check_member(look, i, LLMOBS_FRAME_RESPONSE_ID, rows[i].response);
    check_member(look, i, LLMOBS_FRAME_ITEM_ID, rows[i].item);
    check_member(look, i, LLMOBS_FRAME_EVENT_ID, rows[i].event);
    check_member(look, i, LLMOBS_FRAME_ERROR_CODE, rows[i].code);
}

START_TEST(looks_see_members_however_they_are_cut)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = strlen(rows[i].text);

        for (size_t cut = 0; cut <= len; cut++) {
            struct llmobs_look look;

            llmobs_look_begin(&look, NULL);
            llmobs_look_add(&look, rows[i].text, cut);
            llmobs_look_add(&look, rows[i].text + cut, len - cut);
            check(&look, i);
            llmobs_look_begin(&look, NULL);
            for (size_t at = 0; at < len; at++)
                llmobs_look_add(&look, rows[i].text + at, 1);
            check(&look, i);
        }
    }
}
END_TEST

/* Names that are keys at each depth, and whose value is true. */
static const struct {
    const char *text;
    uint32_t seen[2], truths[2];
} named[] = {
    {"{}", {0, 0}, {0, 0}},
    {"{\"a\":{\"b\":true}}", {1, 2}, {0, 2}},
    {"{\"b\" : true , \"a\":false}", {3, 0}, {2, 0}},
    {"{\"a\":{\"x\":true,\"b\":false},\"x\":true}", {1, 2}, {0, 0}},
    {"{\"a\":[true,{\"b\":true}],\"b\":\"true\"}", {3, 0}, {0, 0}},
    {"{\"a\":{\"a\":{\"b\":true}}}", {1, 1}, {0, 0}},
    {"{\"a\":\"b\",\"c\":{\"b\":null}}", {1, 2}, {0, 0}},
    {"{\"\\u0061\":true}", {0, 0}, {0, 0}},
    {"[{\"a\":true}]", {0, 0}, {0, 0}},
    {"{\"a\":{\"b\":t", {1, 2}, {0, 2}},
};

START_TEST(looks_see_names_however_they_are_cut)
{
    static const char names[] = "a\0b\0";

    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        size_t len = strlen(named[i].text);

        for (size_t cut = 0; cut <= len; cut++) {
            struct llmobs_look look;

            llmobs_look_begin(&look, names);
            llmobs_look_add(&look, named[i].text, cut);
            llmobs_look_add(&look, named[i].text + cut, len - cut);
            for (size_t depth = 0; depth < 2; depth++) {
                ck_assert_msg(look.seen[depth] == named[i].seen[depth] &&
                                  look.truths[depth] == named[i].truths[depth],
                              "%s: depth %zu: %x, true %x", named[i].text,
                              depth + 1, look.seen[depth], look.truths[depth]);
            }
        }
    }
}
END_TEST

/* Where a connection leads, and whether its frames are read. */
static const struct {
    const char *url;
    bool ours;
    const char *provider;
} places[] = {
    {"https://api.openai.com/v1/realtime?model=gpt-realtime", true, "openai"},
    {"https://x.openai.azure.com/openai/v1/realtime", true, "azure_openai"},
    {"https://x.openai.azure.com/openai/realtime?deployment=d", true,
     "azure_openai"},
    {"http://127.0.0.1:9/v1/realtime", true, NULL},
    {"http://proxy.test:4000/v1/realtime", true, NULL},
    {"http://127.0.0.1:9/realtime", false, NULL},
    {"http://proxy.test:4000/other", false, NULL},
    {"https://generativelanguage.googleapis.com/ws/google.ai."
     "generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=k",
     true, "google"},
    {"https://europe-west1-aiplatform.googleapis.com/ws/google.cloud."
     "aiplatform.v1.LlmBidiService/BidiGenerateContent",
     true, "google"},
    {"http://127.0.0.1:9/x/google.ai.generativelanguage.v1alpha."
     "GenerativeService.BidiGenerateContentConstrained?access_token=t",
     true, NULL},
    {"https://generativelanguage.googleapis.com/ws/google.ai."
     "generativelanguage.v1alpha.GenerativeService.BidiGenerateMusic",
     false, NULL},
    {"https://api.openai.com/v1/realtime/client_secrets", false, NULL},
    {"https://api.openai.com/v1/chat/completions", false, NULL},
    {"ftp://api.openai.com/v1/realtime", false, NULL},
};

START_TEST(connections_are_known_by_their_url)
{
    struct llmobs_rules_config config = {.proxy_urls =
                                             "http://proxy.test:4000"};
    struct llmobs_rules *rules = llmobs_rules_new(&config);
    struct llmobs_match match;

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        bool ours = llmobs_rules_match_connection(
            rules, places[i].url, LLMOBS_PROXYING_BY_URL, &match);

        ck_assert_msg(ours == places[i].ours, "%s", places[i].url);
        if (ours && places[i].provider)
            ck_assert_str_eq(match.provider, places[i].provider);
    }
    llmobs_rules_free(rules);
}
END_TEST

/* No request over HTTP has such a shape, whatever its method. */
START_TEST(requests_are_no_connections)
{
    static const char *const methods[] = {"GET", "POST"};
    struct llmobs_rules_config config = {0};
    struct llmobs_rules *rules = llmobs_rules_new(&config);
    struct llmobs_match match;

    for (size_t i = 0; i < 2; i++) {
        struct llmobs_request request = {.method = methods[i],
                                         .url = places[0].url,
                                         .body = llmobs_text_of("{}")};

        ck_assert(!llmobs_rules_match(rules, &request, &match));
    }
    llmobs_rules_free(rules);
}
END_TEST

static void opens(const struct llmobs_rules *rules, const char *url,
                  const char *want)
{
    struct llmobs_match match;
    struct llmobs_buf line;

    llmobs_buf_init(&line, 1000);
    ck_assert(llmobs_rules_match_connection(rules, url, LLMOBS_PROXYING_BY_URL,
                                            &match));
    ck_assert_int_eq(llmobs_rules_open(&match, url, &line), 0);
    ck_assert_str_eq(line.data ? line.data : "", want);
    llmobs_buf_fini(&line);
}

START_TEST(urls_name_the_model)
{
    struct llmobs_rules_config config = {0};
    struct llmobs_rules *rules = llmobs_rules_new(&config);

    opens(rules, places[0].url, "{\"model\":\"gpt-realtime\"}\n");
    opens(rules, places[2].url, "{\"model\":\"d\"}\n");
    opens(rules, "http://h/v1/realtime?key=sk-1&model=m:1#x",
          "{\"model\":\"m:1\"}\n");
    opens(rules, "http://h/v1/realtime?amodel=m", "");
    opens(rules, "http://h/v1/realtime#?model=m", "");
    opens(rules, "http://h/v1/realtime?model=a\"b", "");
    opens(rules, "http://h/v1/realtime", "");
    llmobs_rules_free(rules);
}
END_TEST

#define PIECE                                                          \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
    "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB////++++BBBBBBBBBBBBBBBBBBBBBBBB" \
    "CCCCCCCCCCCCCCCCCCCCCCCCCCCC\\/CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"  \
    "DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD=="

#define MIXED                                                          \
    "R95jbA6AbJV7poTWQx+16tdCTQnhXQJMWEjyPR+m9zYdf2GNFTLnDiDipmaN5/R+" \
    "hGflRtU+yOKhJXvbJWybPk+7SYFG73Awy/lTclLczq3XZLajL7sJrerhCcSplyA5" \
    "dTUrh4sUXIpC2ITPTP2nLY4dXdkliQgthSpxIoc+6AWt1YlCFno4UoYZXGefnGmU" \
    "5FuKsQmAEgcJYfN95Dbd/cmdbnWvZUfPsRtCBySC3FMcK8OQfJYX615QieQBhrqo" \
    "pX0Rnm+2XQCrwyrzjmZ/Ai6HLUnMFckLmZt3K0/Hpv1MkUoW20cIdSsPFUS4NcDn\\/A=="

/* Of a frame of the Live API; one of OpenAI's stays as it is. */
static const struct {
    const char *frame, *kept;
} shrunk[] = {
    {"", ""},
    {"{\"data\":\"" PIECE "\"}", "{\"data\":\"\"}"},
    {"{\"a\":[\"" MIXED "\",\"x\",\"" MIXED "\"],\"" MIXED "\":1}",
     "{\"a\":[\"\",\"x\",\"\"],\"\":1}"},
    {"{\"text\":\"" PIECE "\"}", "{\"text\":\"" PIECE "\"}"},
    {"{\"text\":\"" PIECE " and words\"}",
     "{\"text\":\"" PIECE " and words\"}"},
    {"{\"data\":\"" PIECE, "{\"data\":\"" PIECE},
    {"{\"data\":\"QUJD\"}", "{\"data\":\"QUJD\"}"},
    {"{\"data\":\"" PIECE "\\", "{\"data\":\"" PIECE "\\"},
};

START_TEST(frames_lose_long_pieces_of_base64)
{
    struct llmobs_rules_config config = {0};
    struct llmobs_rules *rules = llmobs_rules_new(&config);
    struct llmobs_match live, other;

    ck_assert(llmobs_rules_match_connection(
        rules,
        "https://h/ws/google.cloud.aiplatform.v1.LlmBidiService/"
        "BidiGenerateContent",
        LLMOBS_PROXYING_BY_URL, &live));
    ck_assert(llmobs_rules_match_connection(rules, "https://h/v1/realtime",
                                            LLMOBS_PROXYING_BY_URL, &other));
    ck_assert(llmobs_rules_takes_binary(&live) &&
              !llmobs_rules_takes_binary(&other));
    for (size_t i = 0; i < sizeof(shrunk) / sizeof(shrunk[0]); i++) {
        char *frame = strdup(shrunk[i].frame);
        size_t len = strlen(frame);

        ck_assert_uint_eq(llmobs_rules_shrink(&other, frame, len), len);
        ck_assert_str_eq(frame, shrunk[i].frame);
        len = llmobs_rules_shrink(&live, frame, len);
        ck_assert_msg(len == strlen(shrunk[i].kept) &&
                          memcmp(frame, shrunk[i].kept, len) == 0,
                      "%s: %.*s", shrunk[i].frame, (int)len, frame);
        free(frame);
    }
    llmobs_rules_free(rules);
}
END_TEST

UNIT_SUITE(look)
{
    Suite *s = suite_create("look");

    UNIT_TEST(s, looks_see_members_however_they_are_cut);
    UNIT_TEST(s, looks_see_names_however_they_are_cut);
    UNIT_TEST(s, connections_are_known_by_their_url);
    UNIT_TEST(s, requests_are_no_connections);
    UNIT_TEST(s, urls_name_the_model);
    UNIT_TEST(s, frames_lose_long_pieces_of_base64);
    return s;
}
