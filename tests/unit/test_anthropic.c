/* Exchanges that are too large for a text of tests/rules/anthropic. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/vendors/anthropic_message.h"
#include "rules/vendors/anthropic_stream.h"
#include "tests/unit/unit.h"

static struct llmobs_json *parse(const char *text)
{
    struct llmobs_json *json = NULL;

    ck_assert_int_eq(
        llmobs_json_parse((struct llmobs_text){text, strlen(text)}, &json), 0);
    return json;
}

static struct llmobs_json *inputs(const struct llmobs_json *request,
                                  bool images)
{
    struct llmobs_json *list;
    struct llmobs_span span;

    ck_assert_int_eq(llmobs_span_init(&span), 0);
    ck_assert_int_eq(llmobs_anthropic_inputs(request, images, &span), 0);
    list = llmobs_json_share(span.input_messages);
    llmobs_span_fini(&span);
    return list;
}

/* The message of a request with one image of so many bytes of base64. */
static struct llmobs_json *read_image(size_t len, bool images)
{
    struct llmobs_json *request =
        parse("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
              "\"image\",\"source\":{\"type\":\"base64\",\"media_type\":"
              "\"image/png\"}}]}]}");
    struct llmobs_json *block = llmobs_json_at(
        llmobs_json_get(llmobs_json_at(llmobs_json_get(request, "messages"), 0),
                        "content"),
        0);
    struct llmobs_json *list, *message;
    char *data = malloc(len);

    memset(data, 'A', len);
    ck_assert_int_eq(llmobs_json_set(llmobs_json_get(block, "source"), "data",
                                     llmobs_json_stringn(data, len)),
                     0);
    list = inputs(request, images);
    ck_assert_uint_eq(llmobs_json_len(list), 1);
    message = llmobs_json_share(llmobs_json_at(list, 0));
    llmobs_json_free(list);
    llmobs_json_free(request);
    free(data);
    return message;
}

TEST(images_have_a_limit)
{
    static const struct {
        size_t len;
        bool images;
        const char *content;
    } rows[] = {
        {LLMOBS_ANTHROPIC_IMAGE_MAX, true, ""},
        {LLMOBS_ANTHROPIC_IMAGE_MAX + 1, true, "[image omitted: too large]"},
        {LLMOBS_ANTHROPIC_IMAGE_MAX + 1, false, "([IMAGE DETECTED])"},
        {8, false, "([IMAGE DETECTED])"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct llmobs_json *message = read_image(rows[i].len, rows[i].images);
        struct llmobs_json *parts = llmobs_json_get(message, "image_parts");

        ck_assert_str_eq(llmobs_json_gets(message, "content"), rows[i].content);
        ck_assert_int_eq(parts != NULL, !*rows[i].content);
        if (parts)
            ck_assert_uint_eq(
                strlen(llmobs_json_gets(llmobs_json_at(parts, 0), "content")),
                rows[i].len);
        llmobs_json_free(message);
    }
}

static void add(struct llmobs_anthropic_stream *stream, const char *event)
{
    struct llmobs_json *json = parse(event);

    ck_assert_int_eq(llmobs_anthropic_stream_add(stream, json), 0);
    llmobs_json_free(json);
}

TEST(blocks_have_a_limit)
{
    struct llmobs_anthropic_stream stream = {.done = false};
    struct llmobs_json *out;
    char event[256];

    for (int i = 0; i < LLMOBS_ANTHROPIC_BLOCKS_MAX + 2; i++) {
        snprintf(event, sizeof(event),
                 "{\"type\":\"content_block_start\",\"index\":%d,"
                 "\"content_block\":{\"type\":\"text\",\"text\":\"%d\"}}",
                 i, i);
        add(&stream, event);
        snprintf(event, sizeof(event),
                 "{\"type\":\"content_block_delta\",\"index\":%d,"
                 "\"delta\":{\"type\":\"text_delta\",\"text\":\".\"}}",
                 i);
        add(&stream, event);
    }
    ck_assert_int_eq(llmobs_anthropic_stream_outputs(&stream, &out), 0);
    ck_assert_uint_eq(llmobs_json_len(out), LLMOBS_ANTHROPIC_BLOCKS_MAX);
    snprintf(event, sizeof(event), "%d.", LLMOBS_ANTHROPIC_BLOCKS_MAX - 1);
    ck_assert_str_eq(
        llmobs_json_gets(llmobs_json_at(out, LLMOBS_ANTHROPIC_BLOCKS_MAX - 1),
                         "content"),
        event);
    llmobs_json_free(out);
    llmobs_anthropic_stream_fini(&stream);
}

/* A file may lie as deep as JSON may go. */
TEST(deep_data_is_dropped)
{
    UNIT_ENDS(llmobs_buf) text;
    struct llmobs_json *request, *list;
    const char *content;

    llmobs_buf_init(&text, 1 << 16);
    llmobs_buf_adds(&text, "{\"messages\":[{\"role\":\"user\",\"content\":["
                           "{\"type\":\"x\",\"in\":");
    for (int i = 0; i < 180; i++)
        llmobs_buf_addc(&text, '[');
    llmobs_buf_adds(&text, "{\"type\":\"base64\",\"data\":\"SECRET\"}");
    for (int i = 0; i < 180; i++)
        llmobs_buf_addc(&text, ']');
    llmobs_buf_adds(&text, "}]}]}");
    request = parse(text.data);
    list = inputs(request, true);
    content = llmobs_json_gets(llmobs_json_at(list, 0), "content");
    ck_assert_ptr_nonnull(strstr(content, "[[{\"type\": \"base64\"}]]"));
    ck_assert_ptr_null(strstr(content, "SECRET"));
    llmobs_json_free(list);
    llmobs_json_free(request);
}
