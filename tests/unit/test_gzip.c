/* Tests compressed request bodies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/text/gzip.h"
#include "tests/unit/unit.h"

#define SIZE_BIG ((size_t)300000)

/* zlib reads the member back: the same bytes, and nothing behind them. */
static size_t round_trip(struct llmobs_text text)
{
    unsigned char *back = malloc(text.len + 1);
    struct llmobs_buf out;
    z_stream z;

    llmobs_buf_init(&out, 1 << 30);
    ck_assert_int_eq(llmobs_buf_adds(&out, "before"), 0);
    ck_assert_int_eq(llmobs_gzip(text, &out), 0);
    memset(&z, 0, sizeof(z));
    ck_assert_int_eq(inflateInit2(&z, MAX_WBITS + 16), Z_OK);
    z.next_in = (Bytef *)out.data + 6;
    z.avail_in = (uInt)out.len - 6;
    z.next_out = back;
    z.avail_out = (uInt)text.len + 1;
    ck_assert_int_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
    ck_assert_uint_eq(z.avail_in, 0);
    ck_assert_uint_eq(z.total_out, text.len);
    ck_assert(text.len == 0 || memcmp(back, text.data, text.len) == 0);
    inflateEnd(&z);
    llmobs_buf_fini(&out);
    free(back);
    return z.total_in;
}

/* Bytes that repeat what stood `distance` before, in runs of `run`, with
 * something new between two runs. */
static void fill(char *data, size_t len, size_t distance, size_t run)
{
    unsigned seed = (unsigned)(distance * 31 + run);

    for (size_t i = 0; i < len; i++)
        data[i] = i < distance || i % (run + 3) >= run ? (char)rand_r(&seed)
                                                       : data[i - distance];
}

TEST(every_distance_and_length)
{
    static const size_t distances[] = {
        1,  2,   3,   4,    5,    8,    9,     16,    17,    24,    25,   64,
        65, 256, 257, 1000, 4097, 8192, 16385, 32767, 32768, 32769, 40000};
    char *data = unit_own(malloc(SIZE_BIG));

    for (size_t d = 0; d < sizeof(distances) / sizeof(*distances); d++) {
        for (size_t run = 3; run < 300; run += run < 12 ? 1 : 7) {
            size_t len = distances[d] * 2 + run * 3 + 500;

            fill(data, len, distances[d], run);
            (void)round_trip((struct llmobs_text){data, len});
        }
    }
}

TEST(every_short_length)
{
    char data[600];

    for (size_t len = 0; len < sizeof(data); len++) {
        memset(data, 'a', len);
        (void)round_trip((struct llmobs_text){data, len});
        fill(data, len, len, 1);
        (void)round_trip((struct llmobs_text){data, len});
    }
}

TEST(it_is_worth_its_time)
{
    char *data = unit_own(malloc(SIZE_BIG));
    size_t len = 0, packed;
    unsigned seed = 1;

    while (len + 200 < SIZE_BIG)
        len += (size_t)sprintf(
            data + len,
            "{\"key\":\"gen_ai.usage.input_tokens\",\"value\":{\"intValue\":"
            "\"%d\"}},{\"key\":\"llmobs.tag.team\",\"value\":{\"stringValue\":"
            "\"%x\"}},",
            rand_r(&seed) % 5000, rand_r(&seed));
    packed = round_trip((struct llmobs_text){data, len});
    ck_assert_uint_lt(packed * 4, len);
    memset(data, 0, SIZE_BIG);
    packed = round_trip((struct llmobs_text){data, SIZE_BIG});
    ck_assert_uint_lt(packed * 100, SIZE_BIG);
    /* Bytes by chance grow by no more than an eighth. */
    fill(data, SIZE_BIG, SIZE_BIG, 1);
    packed = round_trip((struct llmobs_text){data, SIZE_BIG});
    ck_assert_uint_lt(packed, SIZE_BIG + SIZE_BIG / 8);
}

TEST(a_full_buffer_stays_as_it_was)
{
    UNIT_ENDS(llmobs_buf) out;
    char data[4000];

    fill(data, sizeof(data), sizeof(data), 1);
    llmobs_buf_init(&out, 1000);
    ck_assert_int_eq(llmobs_buf_adds(&out, "before"), 0);
    ck_assert_int_ne(
        llmobs_gzip((struct llmobs_text){data, sizeof(data)}, &out), 0);
    ck_assert_uint_eq(out.len, 6);
}
