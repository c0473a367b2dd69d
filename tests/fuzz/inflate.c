/* A compressed body; first byte: its codings. No more comes out than may. */
#include "lib/text/inflate.h"
#include "tests/fuzz/fuzz.h"

#define MOST ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const codings[] = {
        "gzip",     "deflate",    "br",         "zstd",
        "br, gzip", "zstd, gzip", "gzip, zstd", "gzip, gzip"};
    struct llmobs_text in = {(const char *)data, size};
    const char *coding = codings[fuzz_byte(&in) % 8];
    char *copy = fuzz_copy(in);
    struct llmobs_body out;
    bool cut;

    in.data = copy;
    llmobs_body_init(&out, 2 * MOST);
    (void)llmobs_inflate_body(in, coding, MOST, &out, &cut);
    FUZZ_CHECK(out.total <= MOST);
    fuzz_work();
    llmobs_body_fini(&out);
    free(copy);
    return 0;
}
