/* Any bytes as JSON: what is read can be written, reads back the same, and is
 * what jansson reads, where it reads the text at all: it has no lone
 * surrogates, NUL, NaN, raw control characters and bad bytes. */
#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <string.h>

#include "lib/text/json.h"
#include "lib/text/json_clean.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Written, and read again: the same. */
static void check_round(const struct llmobs_json *json, unsigned flags)
{
    char *text = llmobs_json_dumps(json, flags), *again;
    struct llmobs_json *back;

    FUZZ_CHECK(text != NULL);
    FUZZ_CHECK(llmobs_json_parse((struct llmobs_text){text, strlen(text)},
                                 &back) == 0);
    again = llmobs_json_dumps(back, flags);
    FUZZ_CHECK(again && strcmp(text, again) == 0);
    llmobs_json_free(back);
    free(text);
    free(again);
}

static void check_same(const struct llmobs_json *json, const json_t *other);

/* In the same order. */
static void check_members(const struct llmobs_json *json, const json_t *other)
{
    void *it = json_object_iter((json_t *)(uintptr_t)other);

    FUZZ_CHECK(llmobs_json_len(json) == json_object_size(other));
    for (void *at = llmobs_json_iter(json); at;
         at = llmobs_json_next(json, at)) {
        const char *key = llmobs_json_iter_key(at);

        FUZZ_CHECK(it && strcmp(json_object_iter_key(it), key) == 0);
        FUZZ_CHECK(llmobs_json_get(json, key) == llmobs_json_iter_value(at));
        check_same(llmobs_json_iter_value(at), json_object_iter_value(it));
        it = json_object_iter_next((json_t *)(uintptr_t)other, it);
    }
}

static void check_same(const struct llmobs_json *json, const json_t *other)
{
    switch (json_typeof(other)) {
    case JSON_OBJECT:
        FUZZ_CHECK(llmobs_json_is_object(json));
        check_members(json, other);
        return;
    case JSON_ARRAY:
        FUZZ_CHECK(llmobs_json_is_array(json));
        FUZZ_CHECK(llmobs_json_len(json) == json_array_size(other));
        for (size_t i = 0; i < json_array_size(other); i++)
            check_same(llmobs_json_at(json, i), json_array_get(other, i));
        return;
    case JSON_STRING:
        FUZZ_CHECK(llmobs_json_is_string(json));
        FUZZ_CHECK(strcmp(llmobs_json_text(json), json_string_value(other)) ==
                   0);
        return;
    case JSON_INTEGER:
        FUZZ_CHECK(llmobs_json_is_int(json));
        FUZZ_CHECK(llmobs_json_to_int(json) == json_integer_value(other));
        return;
    case JSON_REAL:
        FUZZ_CHECK(llmobs_json_is_number(json) && !llmobs_json_is_int(json));
        FUZZ_CHECK(llmobs_json_to_real(json) == json_real_value(other));
        return;
    default:
        FUZZ_CHECK(llmobs_json_is_true(json) == json_is_true(other));
        FUZZ_CHECK(llmobs_json_is_false(json) == json_is_false(other));
        FUZZ_CHECK(llmobs_json_is_null(json) == json_is_null(other));
    }
}

static void check_beside(struct llmobs_text text,
                         const struct llmobs_json *json)
{
    json_t *other = json_loadb(text.data, text.len, JSON_DECODE_ANY, NULL);

    if (other)
        check_same(json, other);
    json_decref(other);
}

static void check_string(struct llmobs_text text)
{
    struct llmobs_json *json = llmobs_json_stringn(text.data, text.len);

    FUZZ_CHECK(json != NULL);
    check_round(json, LLMOBS_JSON_ASCII);
    llmobs_json_free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text text = {(const char *)data, size}, clean;
    struct llmobs_json *json;
    struct llmobs_buf scratch;
    int cleaned = llmobs_json_clean(text, &scratch, &clean);
    int rc = llmobs_json_parse(text, &json);

    FUZZ_CHECK(rc == 0 || rc == -EINVAL || rc == -E2BIG);
    FUZZ_CHECK(rc == cleaned);
    if (rc == 0) {
        FUZZ_CHECK(clean.len <= 6 * size);
        check_beside(text, json);
        check_round(json, 0);
        check_round(json, LLMOBS_JSON_ASCII);
        check_round(json, LLMOBS_JSON_KEEP_ORDER);
        llmobs_json_free(json);
    }
    llmobs_buf_fini(&scratch);
    check_string(text);
    return 0;
}
