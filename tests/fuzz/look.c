/* A frame of a websocket that passes by: first byte where it is cut. However it
 * is cut, the look finds the same; each member is a C string within its
 * bounds. */
#include <string.h>

#include "rules/read/frame.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(struct llmobs_text in, size_t step,
                    struct llmobs_look *look)
{
    static const char names[] = "type\0a\0serverContent\0";

    memset(look, 0, sizeof(*look));
    llmobs_look_begin(look, names);
    for (size_t at = 0; at < in.len; at += step) {
        size_t len = in.len - at < step ? in.len - at : step;
        char *piece = fuzz_copy((struct llmobs_text){in.data + at, len});

        llmobs_look_add(look, piece, len);
        free(piece);
    }
}

static void check_same(const struct llmobs_look *one,
                       const struct llmobs_look *other)
{
    FUZZ_CHECK(one->over == other->over && one->depth == other->depth);
    FUZZ_CHECK(memcmp(one->seen, other->seen, sizeof(one->seen)) == 0);
    FUZZ_CHECK(memcmp(one->truths, other->truths, sizeof(one->truths)) == 0);
    for (size_t i = 0; i < LLMOBS_FRAME_MEMBERS; i++) {
        FUZZ_CHECK(memchr(one->members[i], '\0', LLMOBS_FRAME_VALUE));
        FUZZ_CHECK(strcmp(one->members[i], other->members[i]) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size};
    size_t step = 1 + fuzz_byte(&in);
    struct llmobs_look whole, cut, single;

    look_at(in, in.len + 1, &whole);
    look_at(in, step, &cut);
    look_at(in, 1, &single);
    check_same(&whole, &cut);
    check_same(&whole, &single);
    fuzz_work();
    return 0;
}
