/* Tests the answers of OTLP receivers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/export/otlp_route.h"
#include "tests/unit/json_case.h"

/* From memory of exactly the body's size. */
static int read_exact(int (*read)(struct llmobs_text, bool,
                                  struct llmobs_otlp_answer *),
                      const char *body, size_t len, bool json,
                      struct llmobs_otlp_answer *answer)
{
    char *copy = malloc(len ? len : 1);
    int rc;

    memcpy(copy, body, len);
    rc = read((struct llmobs_text){copy, len}, json, answer);
    free(copy);
    return rc;
}

static const struct {
    const char *body;
    size_t len;
    bool json;
    int rc;
    int64_t rejected;
    const char *message;
} answers[] = {
    /* accepted */
    {BYTES(""), false, 0, 0, ""},
    {BYTES(""), true, 0, 0, ""},
    {BYTES("{}"), true, 0, 0, ""},
    {BYTES("{\"ok\":1}"), true, 0, 0, ""},
    {BYTES("{\"partialSuccess\":{}}"), true, 0, 0, ""},
    {BYTES("{\"partialSuccess\":null}"), true, 0, 0, ""},
    {BYTES("\x0A\x00"), false, 0, 0, ""},
    /* in part */
    {BYTES("\x0A\x02\x08\x03"), false, 0, 3, ""},
    {BYTES("\x0A\x06\x08\x03\x12\x02no"), false, 0, 3, "no"},
    {BYTES("\x0A\x06\x12\x02no\x08\x80"), false, -EINVAL, 0, "no"},
    {BYTES("\x0A\x04\x12\x02no"), false, 0, 0, "no"},
    {BYTES("{\"partialSuccess\":{\"rejectedSpans\":\"3\"}}"), true, 0, 3, ""},
    {BYTES(
         "{\"partialSuccess\":{\"rejectedSpans\":3,\"errorMessage\":\"no\"}}"),
     true, 0, 3, "no"},
    {BYTES("{\"partialSuccess\":{\"rejectedLogRecords\":\"4\"}}"), true, 0, 4,
     ""},
    {BYTES("{\"partialSuccess\":{\"rejectedDataPoints\":\"5\"}}"), true, 0, 5,
     ""},
    /* the last of a field counts; unknown ones are passed over */
    {BYTES("\x0A\x04\x08\x01\x08\x02"), false, 0, 2, ""},
    {BYTES("\x0A\x02\x08\x01\x0A\x02\x08\x02"), false, 0, 2, ""},
    {BYTES("\x10\x07\x19"
           "12345678\x25"
           "1234\x0A\x02\x08\x01\x32\x01x"),
     false, 0, 1, ""},
    {BYTES("\x0A\x05\x18\x01\x08\x81\x00"), false, 0, 1, ""},
    /* another type than the field has */
    {BYTES("\x08\x01"), false, 0, 0, ""},
    {BYTES("\x0A\x04\x0A\x02\x08\x01"), false, 0, 0, ""},
    {BYTES("{\"partialSuccess\":[3]}"), true, 0, 0, ""},
    {BYTES("{\"partialSuccess\":{\"rejectedSpans\":{},\"errorMessage\":1}}"),
     true, 0, 0, ""},
    /* numbers */
    {BYTES("\x0A\x0B\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"), false, 0, 0,
     ""},
    {BYTES("\x0A\x0A\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"), false, 0,
     INT64_MAX, ""},
    {BYTES("{\"partialSuccess\":{\"rejectedSpans\":-1}}"), true, 0, 0, ""},
    {BYTES("{\"partialSuccess\":{\"rejectedSpans\":\"99999999999999999999\"}}"),
     true, 0, INT64_MAX, ""},
    {BYTES("{\"partialSuccess\":{\"rejectedSpans\":\"x\"}}"), true, 0, 0, ""},
    /* cut, or no answer at all */
    {BYTES("\x0A"), false, -EINVAL, 0, ""},
    {BYTES("\x0A\x05\x08\x01"), false, -EINVAL, 0, ""},
    {BYTES("\x0A\x03\x08\x01"), false, -EINVAL, 0, ""},
    {BYTES("\x0A\x02\x08\x01\x0A"), false, -EINVAL, 1, ""},
    {BYTES("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"), false, -EINVAL, 0,
     ""},
    {BYTES("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), false, -EINVAL, 0,
     ""},
    {BYTES("\x00"), false, -EINVAL, 0, ""},
    {BYTES("\x0B\x0C"), false, -EINVAL, 0, ""},
    {BYTES("\x19"
           "1234567"),
     false, -EINVAL, 0, ""},
    {BYTES("<html></html>"), false, -EINVAL, 0, ""},
    {BYTES("<html></html>"), true, -EINVAL, 0, ""},
    {BYTES("[]"), true, -EINVAL, 0, ""},
    {BYTES("{\"partialSuccess\":{\"rejectedSpans\":3}"), true, -EINVAL, 0, ""},
    /* words: one line, UTF-8, no secret */
    {BYTES("\x0A\x08\x12\x06"
           "a\r\nb\0c"),
     false, 0, 0, "a  b c"},
    {BYTES("\x0A\x05\x12\x03\x80\xC3\x7F"), false, 0, 0, BAD BAD " "},
    {BYTES("{\"partialSuccess\":{\"errorMessage\":\"a\\u0000\\u001b\\nb\"}}"),
     true, 0, 0, "a" BAD "  b"},
    {BYTES("{\"partialSuccess\":{\"errorMessage\":\"key="
           "abcdefgh\xD0\xB2\xD0\xB2l12 x\"}}"),
     true, 0, 0, "key=***" BAD "l12 x"},
    {BYTES("{\"partialSuccess\":{\"errorMessage\":\"bad api_key="
           "abcdefghijkl1234 here\"}}"),
     true, 0, 0, "bad api_key=***1234 here"},
};

TEST(test_otlp_answers)
{
    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        struct llmobs_otlp_answer answer;
        int rc = read_exact(llmobs_otlp_read_answer, answers[i].body,
                            answers[i].len, answers[i].json, &answer);

        ck_assert_msg(rc == answers[i].rc &&
                          answer.rejected == answers[i].rejected &&
                          strcmp(answer.message, answers[i].message) == 0,
                      "%zu: %d, %lld, %s", i, rc, (long long)answer.rejected,
                      answer.message);
    }
}

static const struct {
    const char *body;
    size_t len;
    bool json;
    int rc;
    const char *message;
} refusals[] = {
    {BYTES("\x08\x03\x12\x02no\x1A\x01x"), false, 0, "no"},
    {BYTES(""), false, 0, ""},
    {BYTES("{\"code\":3,\"message\":\"no\\nBearer abcdefghijkl1234\"}"), true,
     0, "no Bearer ***1234"},
    {BYTES("{\"code\":3}"), true, -EINVAL, ""},
    {BYTES("{\"message\":3}"), true, -EINVAL, ""},
    {BYTES(""), true, -EINVAL, ""},
    {BYTES("<html>"), false, -EINVAL, ""},
    {BYTES("\x12\x03no"), false, -EINVAL, ""},
};

TEST(test_otlp_refusals)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        struct llmobs_otlp_answer answer;
        int rc = read_exact(llmobs_otlp_read_refusal, refusals[i].body,
                            refusals[i].len, refusals[i].json, &answer);

        ck_assert_msg(rc == refusals[i].rc && answer.rejected == 0 &&
                          strcmp(answer.message, refusals[i].message) == 0,
                      "%zu: %d, %s", i, rc, answer.message);
    }
}

/* A message of any length and any width, which is cut between characters. */
TEST(test_otlp_long_words)
{
    static const char *const characters[] = {"x", "\xC3\xA9", "\xE2\x82\xAC",
                                             "\xF0\x9F\x98\x80"};
    struct llmobs_otlp_answer answer;

    for (size_t wide = 0; wide < 4; wide++) {
        for (size_t shift = 0; shift < 4; shift++) {
            UNIT_ENDS(llmobs_buf) body;
            struct llmobs_json *json;

            llmobs_buf_init(&body, SIZE_MAX);
            llmobs_buf_adds(&body, "{\"message\":\"");
            for (size_t i = 0; i < shift; i++)
                llmobs_buf_adds(&body, "-");
            for (size_t i = 0; i < 20000; i++)
                llmobs_buf_adds(&body, characters[wide]);
            llmobs_buf_adds(&body, "\"}");
            ck_assert_int_eq(
                llmobs_otlp_read_refusal(
                    (struct llmobs_text){body.data, body.len}, true, &answer),
                0);
            ck_assert_uint_ge(strlen(answer.message),
                              sizeof(answer.message) - 4);
            json = llmobs_json_string(answer.message);
            ck_assert_str_eq(llmobs_json_text(json), answer.message);
            llmobs_json_free(json);
        }
    }
}
