/* A form: first byte the boundary, second one where the bytes are cut. Cut
 * anywhere, fed byte by byte, it gives the same lines; each is an object of one
 * member, so that no byte of a form can make another line; what a gap leaves
 * out invents nothing that is too long. */
#include <stdio.h>
#include <string.h>

#include "lib/text/form.h"
#include "lib/text/json.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(const char *type, struct llmobs_text in, size_t step, bool gap,
                 struct llmobs_body *out)
{
    struct llmobs_form_parser *form = llmobs_form_new(type);

    FUZZ_CHECK(form != NULL);
    for (size_t at = 0; at < in.len; at += step) {
        size_t len = in.len - at < step ? in.len - at : step;
        char *piece = fuzz_copy((struct llmobs_text){in.data + at, len});

        llmobs_form_feed(form, piece, len, out);
        if (gap)
            llmobs_form_gap(form);
        free(piece);
    }
    llmobs_form_free(form);
}

static void check_lines(struct llmobs_text lines)
{
    FUZZ_CHECK(lines.len <= LLMOBS_FORM_KEPT_MAX);
    while (lines.len > 0) {
        const char *end = memchr(lines.data, '\n', lines.len);
        struct llmobs_json *json = NULL;

        FUZZ_CHECK(end != NULL);
        FUZZ_CHECK(
            llmobs_json_parse(
                (struct llmobs_text){lines.data, (size_t)(end - lines.data)},
                &json) == 0);
        FUZZ_CHECK(llmobs_json_is_object(json) && llmobs_json_len(json) == 1);
        llmobs_json_free(json);
        lines.len -= (size_t)(end + 1 - lines.data);
        lines.data = end + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {
        "multipart/form-data; boundary=b",
        "multipart/form-data; boundary=\"--\"",
        "multipart/form-data; boundary=bb; charset=x",
        "multipart/mixed; x=\"y;boundary=z\"; boundary=\"a b\""};
    struct llmobs_text in = {(const char *)data, size};
    const char *type = types[fuzz_byte(&in) % 4];
    size_t step = 1 + fuzz_byte(&in);
    struct llmobs_body whole, cut, single, gaps;
    struct llmobs_body *const all[] = {&whole, &cut, &single, &gaps};

    for (size_t i = 0; i < 4; i++)
        llmobs_body_init(all[i], LLMOBS_FORM_KEPT_MAX);
    feed(type, in, in.len + 1, false, &whole);
    feed(type, in, step, false, &cut);
    feed(type, in, 1, false, &single);
    feed(type, in, step, true, &gaps);
    for (size_t i = 0; i < 4; i++)
        check_lines(llmobs_body_head(all[i]));
    FUZZ_CHECK(cut.total == whole.total && single.total == whole.total);
    FUZZ_CHECK(
        whole.total == 0 ||
        (memcmp(cut.head.data, whole.head.data, whole.head.len) == 0 &&
         memcmp(single.head.data, whole.head.data, whole.head.len) == 0));
    fuzz_work();
    for (size_t i = 0; i < 4; i++)
        llmobs_body_fini(all[i]);
    return 0;
}
