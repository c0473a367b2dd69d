/* Tests the inputs of embeddings. */
#include "rules/read/embedding.h"

#include <stdlib.h>
#include <string.h>

#include "rules/read/text.h"
#include "tests/unit/unit.h"

static struct llmobs_json *json_of(const char *text)
{
    struct llmobs_json *json = NULL;

    ck_assert_int_eq(llmobs_json_parse(llmobs_text_of(text), &json), 0);
    return json;
}

static const struct {
    const char *input, *documents;
} inputs[] = {
    {"\"hi\"", "[{\"text\": \"hi\"}]"},
    {"\"\"", "[{\"text\": \"\"}]"},
    {"[\"a\", \"b\"]", "[{\"text\": \"a\"}, {\"text\": \"b\"}]"},
    {"[1111, 2222]", "[{\"text\": \"[1111, 2222]\"}]"},
    {"[[1, 2], [3]]", "[{\"text\": \"[1, 2]\"}, {\"text\": \"[3]\"}]"},
    {"[\"a\", 7, null]",
     "[{\"text\": \"a\"}, {\"text\": \"7\"}, {\"text\": \"\"}]"},
    {"{\"x\": 1}", "[{\"text\": \"{\\\"x\\\": 1}\"}]"},
    {"[]", "[]"},
    {"null", "[{\"text\": \"\"}]"},
};

TEST(an_input_is_its_documents)
{
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        struct llmobs_json *input = json_of(inputs[i].input);
        UNIT_ENDS(llmobs_span) span;
        char *text;

        llmobs_span_init(&span);
        ck_assert_int_eq(llmobs_embedding_read_input(&span, input), 0);
        text = llmobs_json_dumps(span.input_documents, 0);
        ck_assert_str_eq(text, inputs[i].documents);
        free(text);
        llmobs_json_free(input);
    }
}

static const struct {
    const char *list, *key, *told;
} lists[] = {
    {"[{\"v\": [1, 2]}, {\"v\": [3]}]", "v",
     "[2 embedding(s) returned with size 2]"},
    {"[{\"v\": \"AAAA\"}]", "v", "[1 embedding(s) returned]"},
    {"[[0.5, 1, 2]]", NULL, "[1 embedding(s) returned with size 3]"},
    {"[{\"w\": [1]}]", "v", "[1 embedding(s) returned]"},
    {"[]", "v", "[0 embedding(s) returned]"},
    {"{\"v\": [1]}", "v", NULL},
    {"null", NULL, NULL},
};

TEST(vectors_are_counted_not_kept)
{
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct llmobs_json *list = json_of(lists[i].list);
        UNIT_ENDS(llmobs_span) span;

        llmobs_span_init(&span);
        ck_assert_int_eq(llmobs_embedding_tell_list(&span, list, lists[i].key),
                         0);
        ck_assert_pstr_eq(span.output_value, lists[i].told);
        llmobs_json_free(list);
    }
}
