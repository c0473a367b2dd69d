/* Tests the content of chat messages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/message_content.h"
#include "tests/unit/unit.h"

#define PREFIX "data:image/png;base64,"

/* Reads one image part whose payload is `len` letters, with a line end after
 * every `every` of them (0: none); answers the text, "" when it was kept. */
static void read_image(size_t len, size_t every, const char *expected)
{
    struct llmobs_json *parts = llmobs_json_array();
    struct llmobs_json *part = llmobs_json_object();
    struct llmobs_message_content content;
    UNIT_ENDS(llmobs_buf) url;

    llmobs_buf_init(&url, 1 << 28);
    llmobs_buf_adds(&url, PREFIX);
    for (size_t i = 0; i < len; i++) {
        llmobs_buf_addc(&url, 'A');
        if (every && i % every == 0)
            llmobs_buf_adds(&url, "\r\n");
    }
    llmobs_json_sets(part, "type", "image_url");
    llmobs_json_sets(part, "image_url", url.data);
    llmobs_json_add(parts, part);
    llmobs_message_content_init(&content);
    ck_assert_int_eq(llmobs_message_content_read(&content, parts, false), 0);
    ck_assert_str_eq(content.text.data ? content.text.data : "", expected);
    ck_assert_int_eq(content.images != NULL, *expected == '\0');
    if (content.images)
        ck_assert_uint_eq(strlen(llmobs_json_gets(
                              llmobs_json_at(content.images, 0), "content")),
                          len);
    llmobs_message_content_fini(&content);
    llmobs_json_free(parts);
}

TEST(images_have_a_budget)
{
    read_image(LLMOBS_IMAGE_MAX, 0, "");
    read_image(LLMOBS_IMAGE_MAX, 76, "");
    read_image(LLMOBS_IMAGE_MAX + 1, 0, "[image omitted: too large]");
    read_image(LLMOBS_IMAGE_MAX * 8 + 1, 0, "[image omitted: too large]");
    read_image(0, 0, "[image]");
}

TEST(image_urls_are_told_apart)
{
    static const struct {
        const char *url;
        const char *mime; /* NULL: a marker */
    } rows[] = {
        {"data:image/png;base64,AA", "image/png"},
        {"Data:Image/svg+xml;BASE64,AA", "image/svg+xml"},
        {"data:image/png;base64,not base64!<svg/>", NULL},
        {" data:image/png;base64,AA", NULL},
        {"data:image/png;a=b;base64, A A ", "image/png"},
        {"data:image/png;base64", NULL},
        {"data:image/png;base64,  ", NULL},
        {"data:image/;base64,AA", NULL},
        {"data:image/png,AA", NULL},
        {"data:image/pngbase64,AA", NULL},
        {"data:text/plain;base64,AA", NULL},
        {"data:image/,;base64,AA", NULL},
        {"https://x.test/data:image/png;base64,AA", NULL},
        {"", NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct llmobs_json *parts = llmobs_json_array();
        struct llmobs_json *part = llmobs_json_object();
        struct llmobs_message_content content;
        const struct llmobs_json *image;

        llmobs_json_sets(part, "type", "image_url");
        llmobs_json_sets(part, "image_url", rows[i].url);
        llmobs_json_add(parts, part);
        llmobs_message_content_init(&content);
        ck_assert_int_eq(llmobs_message_content_read(&content, parts, false),
                         0);
        image = llmobs_json_at(content.images, 0);
        if (rows[i].mime) {
            ck_assert_str_eq(llmobs_json_gets(image, "mime_type"),
                             rows[i].mime);
            ck_assert_str_eq(llmobs_json_gets(image, "content"), "AA");
        } else {
            ck_assert_msg(image == NULL, "%s", rows[i].url);
            ck_assert_str_eq(content.text.data, "[image]");
        }
        llmobs_message_content_fini(&content);
        llmobs_json_free(parts);
    }
}
