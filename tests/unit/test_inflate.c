#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/inflate.h"
#include "tests/unit/unit.h"

#define RAW (-15)
#define ZLIB 15
#define GZIP 31

/* Adds `text`, packed, to the end of `out`. */
static void pack(struct llmobs_text text, int window, struct llmobs_buf *out)
{
    unsigned char *room = malloc(text.len + text.len / 100 + 100);
    z_stream z;

    memset(&z, 0, sizeof(z));
    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, window, 8, 0), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)text.data;
    z.avail_in = (uInt)text.len;
    z.next_out = room;
    z.avail_out = (uInt)(text.len + text.len / 100 + 100);
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    ck_assert_int_eq(llmobs_buf_add(out, room, z.total_out), 0);
    ck_assert_int_eq(deflateEnd(&z), Z_OK);
    free(room);
}

static struct llmobs_text text_of(const struct llmobs_buf *buf)
{
    return (struct llmobs_text){buf->data, buf->len};
}

static struct llmobs_text chars(const char *text)
{
    return (struct llmobs_text){text, strlen(text)};
}

/* Packs `text` by each of the windows in turn. */
static void pack_all(const char *text, const int *windows, size_t count,
                     struct llmobs_buf *out)
{
    llmobs_buf_init(out, 1 << 20);
    ck_assert_int_eq(llmobs_buf_adds(out, text), 0);
    for (size_t i = 0; i < count; i++) {
        struct llmobs_buf next;

        llmobs_buf_init(&next, 1 << 20);
        pack(text_of(out), windows[i], &next);
        llmobs_buf_fini(out);
        *out = next;
    }
}

/* Unpacks from memory of exactly the input's size. */
static int unpack(struct llmobs_text in, const char *coding, size_t max,
                  struct llmobs_buf *out, bool *cut)
{
    char *exact = malloc(in.len > 0 ? in.len : 1);
    int rc;

    if (in.len > 0)
        memcpy(exact, in.data, in.len);
    rc = llmobs_inflate_part((struct llmobs_text){exact, in.len}, coding, max,
                             out, cut);
    free(exact);
    return rc;
}

static const struct {
    const char *coding;
    size_t count;
    int windows[4]; /* in the order they were applied */
    int rc;
} codings[] = {
    {NULL, 0, {0}, 0},
    {"", 0, {0}, 0},
    {" , ,", 0, {0}, 0},
    {"identity", 0, {0}, 0},
    {"Identity , IDENTITY", 0, {0}, 0},
    {"gzip", 1, {GZIP}, 0},
    {"GZip", 1, {GZIP}, 0},
    {"x-gzip", 1, {GZIP}, 0},
    {" gzip\t", 1, {GZIP}, 0},
    {"deflate", 1, {ZLIB}, 0},
    {"deflate", 1, {RAW}, 0},
    {"gzip, gzip", 2, {GZIP, GZIP}, 0},
    {"deflate,gzip", 2, {ZLIB, GZIP}, 0},
    {"gzip,deflate", 2, {GZIP, ZLIB}, 0},
    {"deflate,,gzip", 2, {RAW, GZIP}, 0},
    {"gzip, identity, deflate", 2, {GZIP, RAW}, 0},
    {"gzip,gzip,deflate,gzip", 4, {GZIP, GZIP, ZLIB, GZIP}, 0},
    {"gzip,gzip,gzip,gzip,gzip", 0, {0}, -ENOTSUP},
    {"br", 0, {0}, -ENOTSUP},
    {"gzip, br", 1, {GZIP}, -ENOTSUP},
    {"zstd, gzip", 1, {GZIP}, -ENOTSUP},
    {"gzi", 0, {0}, -ENOTSUP},
    {"gzipp", 0, {0}, -ENOTSUP},
    {"gzip;q=1", 1, {GZIP}, -ENOTSUP},
    {"gzip deflate", 1, {GZIP}, -ENOTSUP},
    {"gzip", 1, {ZLIB}, -EBADMSG},
    {"gzip", 1, {RAW}, -EBADMSG},
    {"gzip", 0, {0}, -EBADMSG},
    {"deflate", 1, {GZIP}, -EBADMSG},
    {"deflate", 0, {0}, -EBADMSG},
    {"gzip, gzip", 1, {GZIP}, -EBADMSG},
    {"deflate, gzip", 2, {GZIP, ZLIB}, -EBADMSG},
};

START_TEST(test_inflate_codings)
{
    const char *text = "{\"a\": \"the same text the same text\"}";

    for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++) {
        struct llmobs_buf packed;
        struct llmobs_buf out;
        bool cut;
        int rc;

        pack_all(text, codings[i].windows, codings[i].count, &packed);
        llmobs_buf_init(&out, 1000);
        ck_assert_int_eq(llmobs_buf_adds(&out, "before:"), 0);
        rc = unpack(text_of(&packed), codings[i].coding, 1000, &out, &cut);
        ck_assert_msg(rc == codings[i].rc, "row %zu gives %d", i, rc);
        ck_assert(cut == (rc != 0));
        ck_assert(llmobs_inflate_knows(codings[i].coding) == (rc != -ENOTSUP));
        if (rc == 0)
            ck_assert_str_eq(out.data + 7, text);
        if (rc == -ENOTSUP)
            ck_assert_str_eq(out.data, "before:");
        llmobs_buf_cut(&out, 7);
        ck_assert_int_eq(
            llmobs_inflate(text_of(&packed), codings[i].coding, 1000, &out),
            rc);
        llmobs_buf_fini(&packed);
        llmobs_buf_fini(&out);
    }
}
END_TEST

/* Cut anywhere: a prefix, no error, and the cut is told. */
START_TEST(test_inflate_cuts)
{
    static const int windows[] = {GZIP, ZLIB, RAW};
    static const char *const names[] = {"gzip", "deflate", "deflate"};
    char text[3000];
    uint32_t state = 1;

    for (size_t i = 0; i < sizeof(text); i++) {
        state = state * 1664525 + 1013904223;
        text[i] = (char)('a' + (state >> 29));
    }
    text[sizeof(text) - 1] = '\0';
    for (size_t w = 0; w < 3; w++) {
        struct llmobs_buf packed;
        size_t last = 0;

        pack_all(text, &windows[w], 1, &packed);
        for (size_t len = 0; len <= packed.len; len++) {
            struct llmobs_text in = {packed.data, len};
            struct llmobs_buf out;
            bool cut;

            llmobs_buf_init(&out, 10000);
            ck_assert_int_eq(unpack(in, names[w], 10000, &out, &cut), 0);
            ck_assert(cut == (len > 0 && len < packed.len));
            ck_assert_uint_ge(out.len, last);
            last = out.len;
            if (last > 0)
                ck_assert_mem_eq(out.data, text, last);
            llmobs_buf_fini(&out);
        }
        ck_assert_uint_eq(last, sizeof(text) - 1);
        llmobs_buf_fini(&packed);
    }
}
END_TEST

/* Each byte of a packed text damaged in turn: what comes out is bounded, and
 * gzip's and zlib's checksums never let damage to the data pass. */
START_TEST(test_inflate_damage)
{
    static const char *const names[] = {"gzip", "deflate"};
    static const int windows[] = {GZIP, ZLIB};
    const char *text = "{\"model\": \"m\", \"n\": [1, 2, 3, 4, 5, 6, 7, 8]}";

    for (size_t w = 0; w < 2; w++) {
        struct llmobs_buf packed;

        pack_all(text, &windows[w], 1, &packed);
        for (size_t i = 0; i < packed.len * 8; i++) {
            struct llmobs_buf out;
            bool cut;
            int rc;

            packed.data[i / 8] = (char)(packed.data[i / 8] ^ 1 << i % 8);
            llmobs_buf_init(&out, 10000);
            rc = unpack(text_of(&packed), names[w], 10000, &out, &cut);
            ck_assert(rc == 0 || rc == -EBADMSG);
            ck_assert(rc == 0 || cut);
            /* The fields of gzip's header beside magic and flags are free. */
            if (rc == 0 && !cut && !(w == 0 && i / 8 >= 3 && i / 8 < 10))
                ck_abort_msg("%s: bit %zu passes", names[w], i);
            llmobs_buf_fini(&out);
            packed.data[i / 8] = (char)(packed.data[i / 8] ^ 1 << i % 8);
        }
        llmobs_buf_fini(&packed);
    }
}
END_TEST

START_TEST(test_inflate_bad_checksum_keeps_text)
{
    struct llmobs_buf packed;
    struct llmobs_buf out;
    bool cut;

    pack_all("kept", (const int[]){GZIP}, 1, &packed);
    packed.data[packed.len - 8] ^= 1;
    llmobs_buf_init(&out, 100);
    ck_assert_int_eq(unpack(text_of(&packed), "gzip", 100, &out, &cut),
                     -EBADMSG);
    ck_assert(cut);
    ck_assert_str_eq(out.data, "kept");
    llmobs_buf_fini(&out);
    llmobs_buf_fini(&packed);
}
END_TEST

START_TEST(test_inflate_members)
{
    static const struct {
        const char *tail;
        size_t len;
        int rc;
        bool cut;
    } tails[] = {
        {"", 0, 0, false},
        {"\0\0\0\0", 4, 0, false},
        {"junk", 4, 0, false},
        {"\x1F", 1, 0, false},
        {"\x1F\x8B", 2, 0, true},
        {"\x1F\x8B\x08\0\0\0\0\0\0\0\xFF\xFF", 12, -EBADMSG, true},
    };

    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        struct llmobs_buf packed;
        struct llmobs_buf out;
        bool cut;
        int rc;

        llmobs_buf_init(&packed, 1000);
        pack(chars("one,"), GZIP, &packed);
        pack(chars(""), GZIP, &packed);
        pack(chars("two"), GZIP, &packed);
        rc = llmobs_buf_add(&packed, tails[i].tail, tails[i].len);
        ck_assert_int_eq(rc, 0);
        llmobs_buf_init(&out, 1000);
        rc = unpack(text_of(&packed), "gzip", 1000, &out, &cut);
        ck_assert_msg(rc == tails[i].rc, "row %zu gives %d", i, rc);
        ck_assert(cut == tails[i].cut);
        ck_assert_str_eq(out.data, "one,two");
        llmobs_buf_fini(&out);
        llmobs_buf_fini(&packed);
    }
}
END_TEST

/* Raw data whose first bytes are a right header of zlib's: a stored block with
 * its padding bits set so. */
START_TEST(test_inflate_raw_like_zlib)
{
    static const char raw[] = "\x78\x01\x00\xFE\xFF"
                              "A\x01\x00\x00\xFF\xFF";
    struct llmobs_buf out;
    bool cut;

    llmobs_buf_init(&out, 100);
    ck_assert_int_eq(unpack((struct llmobs_text){raw, sizeof(raw) - 1},
                            "deflate", 100, &out, &cut),
                     0);
    ck_assert(!cut);
    ck_assert_str_eq(out.data, "A");
    llmobs_buf_fini(&out);
}
END_TEST

/* Text that unpacks to something by chance, and ends long before its input. */
START_TEST(test_inflate_raw_ends_early)
{
    static const char raw[] = "K\x04\0 and more";
    struct llmobs_buf out;
    bool cut;

    llmobs_buf_init(&out, 100);
    ck_assert_int_eq(
        unpack((struct llmobs_text){raw, 3}, "deflate", 100, &out, &cut), 0);
    ck_assert_str_eq(out.data, "a");
    ck_assert_int_eq(unpack((struct llmobs_text){raw, sizeof(raw) - 1},
                            "deflate", 100, &out, &cut),
                     -EBADMSG);
    ck_assert(cut);
    llmobs_buf_fini(&out);
}
END_TEST

/* 64 MB of zeros in 64 KB, and that packed again: never more than allowed. */
START_TEST(test_inflate_bombs)
{
    static const size_t limits[] = {0,     1,       8191,     8192,    8193,
                                    65536, 1000000, 64000000, 64000001};
    static char zeros[64000000];
    struct llmobs_buf once;
    struct llmobs_buf twice;

    llmobs_buf_init(&once, 1 << 20);
    llmobs_buf_init(&twice, 1 << 20);
    pack((struct llmobs_text){zeros, sizeof(zeros)}, GZIP, &once);
    pack(text_of(&once), GZIP, &twice);
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        size_t want = limits[i] < sizeof(zeros) ? limits[i] : sizeof(zeros);
        struct llmobs_buf out;
        bool cut;

        llmobs_buf_init(&out, SIZE_MAX);
        ck_assert_int_eq(unpack(text_of(&once), "gzip", limits[i], &out, &cut),
                         0);
        ck_assert_uint_eq(out.len, want);
        ck_assert(cut == (limits[i] < sizeof(zeros)));
        llmobs_buf_fini(&out);
        llmobs_buf_init(&out, limits[i]);
        ck_assert_int_eq(
            unpack(text_of(&twice), "gzip, gzip", SIZE_MAX, &out, &cut), 0);
        ck_assert_uint_eq(out.len, want);
        ck_assert(cut == (limits[i] < sizeof(zeros)));
        llmobs_buf_fini(&out);
    }
    llmobs_buf_fini(&once);
    llmobs_buf_fini(&twice);
}
END_TEST

START_TEST(test_inflate_identity_max)
{
    for (size_t max = 0; max < 8; max++) {
        struct llmobs_buf out;
        bool cut;

        llmobs_buf_init(&out, 6);
        ck_assert_int_eq(unpack(chars("12345"), "identity", max, &out, &cut),
                         0);
        ck_assert_uint_eq(out.len, max < 5 ? max : 5);
        ck_assert(cut == (max < 5));
        ck_assert_int_eq(unpack(chars("12345"), NULL, 100, &out, &cut), 0);
        ck_assert(cut == (max > 1));
        ck_assert_uint_eq(out.len, max < 1 ? 5 : 6);
        llmobs_buf_fini(&out);
    }
}
END_TEST

START_TEST(test_inflate_fuzz)
{
    static const char *const names[] = {"gzip", "deflate", "deflate, gzip",
                                        "identity"};
    uint64_t state = 0xA4093822299F31D0;
    size_t decoded = 0;

    for (size_t i = 0; i < 30000; i++) {
        unsigned char bytes[64];
        struct llmobs_buf out;
        size_t len;
        bool cut;
        int rc;

        for (size_t k = 0; k < sizeof(bytes); k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            bytes[k] = (unsigned char)(state >> 56);
        }
        len = state >> 58;
        if (i % 4 == 0)
            memcpy(bytes, "\x1F\x8B\x08\0", 4);
        llmobs_buf_init(&out, 4096);
        rc = unpack((struct llmobs_text){(const char *)bytes, len},
                    names[i % 4], 4096, &out, &cut);
        ck_assert(rc == 0 || rc == -EBADMSG);
        decoded += i % 4 != 3 && out.len > 0;
        llmobs_buf_fini(&out);
    }
    ck_assert_uint_gt(decoded, 500);
}
END_TEST

UNIT_SUITE(inflate)
{
    Suite *suite = suite_create("inflate");

    UNIT_TEST(suite, test_inflate_codings);
    UNIT_TEST(suite, test_inflate_cuts);
    UNIT_TEST(suite, test_inflate_damage);
    UNIT_TEST(suite, test_inflate_bad_checksum_keeps_text);
    UNIT_TEST(suite, test_inflate_members);
    UNIT_TEST(suite, test_inflate_raw_like_zlib);
    UNIT_TEST(suite, test_inflate_raw_ends_early);
    UNIT_TEST(suite, test_inflate_bombs);
    UNIT_TEST(suite, test_inflate_identity_max);
    UNIT_TEST(suite, test_inflate_fuzz);
    return suite;
}
