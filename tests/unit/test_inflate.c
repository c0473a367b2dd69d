/* Tests content codings. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/text/inflate.h"
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

/* Unpacks from memory of exactly the input's size, to the end of `out`. */
static int unpack(struct llmobs_text in, const char *coding, size_t max,
                  struct llmobs_buf *out, bool *cut)
{
    size_t room = out->max - out->len;
    char *exact = malloc(in.len > 0 ? in.len : 1);
    struct llmobs_body body;
    int rc;

    if (in.len > 0)
        memcpy(exact, in.data, in.len);
    llmobs_body_init(&body, SIZE_MAX);
    rc = llmobs_inflate_body((struct llmobs_text){exact, in.len}, coding,
                             max < room ? max : room, &body, cut);
    ck_assert(!body.truncated && !body.lost);
    ck_assert_int_eq(llmobs_buf_add(out, body.head.data, body.head.len), 0);
    llmobs_body_fini(&body);
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
    {"compress", 0, {0}, -ENOTSUP},
    {"gzip, compress", 1, {GZIP}, -ENOTSUP},
    {"bro, gzip", 1, {GZIP}, -ENOTSUP},
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

TEST(test_inflate_codings)
{
    const char *text = "{\"a\": \"the same text the same text\"}";

    for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++) {
        UNIT_ENDS(llmobs_buf) packed;
        UNIT_ENDS(llmobs_buf) out;
        bool cut;
        int rc;

        pack_all(text, codings[i].windows, codings[i].count, &packed);
        llmobs_buf_init(&out, 1000);
        ck_assert_int_eq(llmobs_buf_adds(&out, "before:"), 0);
        rc = unpack(text_of(&packed), codings[i].coding, 1000, &out, &cut);
        ck_assert_msg(rc == codings[i].rc, "row %zu gives %d", i, rc);
        ck_assert(cut == (rc != 0));
        if (rc == 0)
            ck_assert_str_eq(out.data + 7, text);
        if (rc == -ENOTSUP)
            ck_assert_str_eq(out.data, "before:");
    }
}

/* Cut anywhere: a prefix, no error, and the cut is told. */
TEST(test_inflate_cuts)
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
        UNIT_ENDS(llmobs_buf) packed;
        size_t last = 0;

        pack_all(text, &windows[w], 1, &packed);
        for (size_t len = 0; len <= packed.len; len++) {
            struct llmobs_text in = {packed.data, len};
            UNIT_ENDS(llmobs_buf) out;
            bool cut;

            llmobs_buf_init(&out, 10000);
            ck_assert_int_eq(unpack(in, names[w], 10000, &out, &cut), 0);
            ck_assert(cut == (len > 0 && len < packed.len));
            ck_assert_uint_ge(out.len, last);
            last = out.len;
            if (last > 0)
                ck_assert_mem_eq(out.data, text, last);
        }
        ck_assert_uint_eq(last, sizeof(text) - 1);
    }
}

/* Each byte of a packed text damaged in turn: what comes out is bounded, and
 * gzip's and zlib's checksums never let damage to the data pass. */
TEST(test_inflate_damage)
{
    static const char *const names[] = {"gzip", "deflate"};
    static const int windows[] = {GZIP, ZLIB};
    const char *text = "{\"model\": \"m\", \"n\": [1, 2, 3, 4, 5, 6, 7, 8]}";

    for (size_t w = 0; w < 2; w++) {
        UNIT_ENDS(llmobs_buf) packed;

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
    }
}

TEST(test_inflate_bad_checksum_keeps_text)
{
    UNIT_ENDS(llmobs_buf) packed;
    UNIT_ENDS(llmobs_buf) out;
    bool cut;

    pack_all("kept", (const int[]){GZIP}, 1, &packed);
    packed.data[packed.len - 8] ^= 1;
    llmobs_buf_init(&out, 100);
    ck_assert_int_eq(unpack(text_of(&packed), "gzip", 100, &out, &cut),
                     -EBADMSG);
    ck_assert(cut);
    ck_assert_str_eq(out.data, "kept");
}

TEST(test_inflate_members)
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
        UNIT_ENDS(llmobs_buf) packed;
        UNIT_ENDS(llmobs_buf) out;
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
    }
}

/* Raw data whose first bytes are a right header of zlib's: a stored block with
 * its padding bits set so. */
TEST(test_inflate_raw_like_zlib)
{
    static const char raw[] = "\x78\x01\x00\xFE\xFF"
                              "A\x01\x00\x00\xFF\xFF";
    UNIT_ENDS(llmobs_buf) out;
    bool cut;

    llmobs_buf_init(&out, 100);
    ck_assert_int_eq(unpack((struct llmobs_text){raw, sizeof(raw) - 1},
                            "deflate", 100, &out, &cut),
                     0);
    ck_assert(!cut);
    ck_assert_str_eq(out.data, "A");
}

/* Text that unpacks to something by chance, and ends long before its input. */
TEST(test_inflate_raw_ends_early)
{
    static const char raw[] = "K\x04\0 and more";
    UNIT_ENDS(llmobs_buf) out;
    bool cut;

    llmobs_buf_init(&out, 100);
    ck_assert_int_eq(
        unpack((struct llmobs_text){raw, 3}, "deflate", 100, &out, &cut), 0);
    ck_assert_str_eq(out.data, "a");
    ck_assert_int_eq(unpack((struct llmobs_text){raw, sizeof(raw) - 1},
                            "deflate", 100, &out, &cut),
                     -EBADMSG);
    ck_assert(cut);
}

#define ZEROS 64000000

/* 64 MB of zeros in 64 KB, and that packed again: never more than allowed. */
TEST(test_inflate_bombs)
{
    static const size_t limits[] = {0,     1,       8191,     8192,    8193,
                                    65536, 1000000, 64000000, 64000001};
    char *zeros = unit_own(calloc(1, ZEROS));
    UNIT_ENDS(llmobs_buf) once;
    UNIT_ENDS(llmobs_buf) twice;

    llmobs_buf_init(&once, 1 << 20);
    llmobs_buf_init(&twice, 1 << 20);
    pack((struct llmobs_text){zeros, ZEROS}, GZIP, &once);
    pack(text_of(&once), GZIP, &twice);
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        size_t want = limits[i] < ZEROS ? limits[i] : ZEROS;
        UNIT_ENDS(llmobs_buf) out;
        bool cut;

        llmobs_buf_init(&out, SIZE_MAX);
        ck_assert_int_eq(unpack(text_of(&once), "gzip", limits[i], &out, &cut),
                         0);
        ck_assert_uint_eq(out.len, want);
        ck_assert(cut == (limits[i] < ZEROS));
        llmobs_buf_fini(&out);
        llmobs_buf_init(&out, SIZE_MAX);
        ck_assert_int_eq(
            unpack(text_of(&twice), "gzip, gzip", limits[i], &out, &cut), 0);
        ck_assert(limits[i] < once.len ? out.len <= want : out.len == want);
        ck_assert(cut == (limits[i] < ZEROS));
    }
}

TEST(test_inflate_identity_max)
{
    for (size_t max = 0; max < 8; max++) {
        UNIT_ENDS(llmobs_buf) out;
        bool cut;

        llmobs_buf_init(&out, 6);
        ck_assert_int_eq(unpack(chars("12345"), "identity", max, &out, &cut),
                         0);
        ck_assert_uint_eq(out.len, max < 5 ? max : 5);
        ck_assert(cut == (max < 5));
        ck_assert_int_eq(unpack(chars("12345"), NULL, 100, &out, &cut), 0);
        ck_assert(cut == (max > 1));
        ck_assert_uint_eq(out.len, max < 1 ? 5 : 6);
    }
}

TEST(test_inflate_fuzz)
{
    static const char *const names[] = {"gzip",     "deflate", "deflate, gzip",
                                        "identity", "br",      "zstd"};
    uint64_t state = 0xA4093822299F31D0;
    size_t decoded = 0;

    for (size_t i = 0; i < 30000; i++) {
        unsigned char bytes[64];
        UNIT_ENDS(llmobs_buf) out;
        size_t len;
        bool cut;
        int rc;

        for (size_t k = 0; k < sizeof(bytes); k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            bytes[k] = (unsigned char)(state >> 56);
        }
        len = state >> 58;
        if (i % 6 == 0)
            memcpy(bytes, "\x1F\x8B\x08\0", 4);
        if (i % 6 == 5)
            memcpy(bytes, "\x28\xB5\x2F\xFD", 4);
        llmobs_buf_init(&out, 4096);
        rc = unpack((struct llmobs_text){(const char *)bytes, len},
                    names[i % 6], 4096, &out, &cut);
        ck_assert(rc == 0 || rc == -EBADMSG || (rc == -ENOTSUP && i % 6 > 3));
        decoded += i % 6 != 3 && out.len > 0;
    }
    ck_assert_uint_gt(decoded, 500);
}

/* The codings for which the build may have found libraries: the same text by br
 * (quality 11) and by zstd (level 19, with its checksum), and 64 MB of zeros by
 * br. */
#define TEXT                                                                \
    "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","       \
    "\"content\":"                                                          \
    "\"Brotli and Zstandard, told apart by their first bytes; the rest is " \
    "text, text and text again.\"},\"finish_reason\":\"stop\"}],"           \
    "\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":22}}"

static const char br_packed[] =
    "\x1b\xec\x00\x40\x8c\xc3\x74\xa3\x3d\x7f\x84\x70\x8d\xd2\x14\x44"
    "\x6e\x4b\xf5\x77\x99\x00\x54\x9a\x25\x6a\x60\x6c\x1a\xd8\x54\x18"
    "\xff\xa6\x9f\xad\xc3\xd2\xd5\xf7\x6d\x03\xdf\x72\x9c\xab\x0e\x41"
    "\x5c\x41\x27\x88\x40\x7a\xd1\x0a\xda\xbe\xdd\x1b\xe9\xa6\x08\x3e"
    "\xcf\x62\xc5\x4b\x0b\xd2\xea\x74\xdc\xc2\xe1\x18\xdf\x88\x01\x91"
    "\x80\x13\xee\x00\x99\xec\x84\xf6\x0f\x6c\x6b\xd8\xdd\xa5\xbd\xa7"
    "\xec\x36\xf9\x1d\x96\xb5\xb3\xc5\x32\xb6\x89\x9e\x76\x69\x91\xc1"
    "\x45\xe9\x7a\x94\x04\xef\x26\x82\xfc\x67\xce\xe4\x0f\xfc\x7a\x4d"
    "\x76\x03\xd5\xb8\xf8\xe2\xf3\xf0\x9c\x6b\x3c\xd3\x2a\x24\x50\x91"
    "\x52\x02\xb4\x32\x22\xe7\x1f";

static const char zstd_packed[] =
    "\x28\xb5\x2f\xfd\x04\x68\x25\x05\x00\xc2\x4b\x22\x18\x70\x6f\x03"
    "\xa8\xac\x89\x31\x64\x4c\xe9\x6b\x18\x23\x03\xea\x96\x68\x54\xa3"
    "\x4a\x00\x55\xf8\x02\xd7\x35\x0c\x0d\xf9\x17\x92\x22\x41\x68\xea"
    "\xbd\x0f\xfc\xe4\xa5\x08\x46\x69\x52\x86\x5c\x2a\xc1\x77\x6d\xda"
    "\xd0\xdd\xc6\xc4\x71\x6e\x66\x94\x5d\x0a\x34\xbb\x86\x3d\xb5\x9f"
    "\xce\xf9\xbe\x31\x09\xdf\xf7\xc8\x4c\x46\x5e\xe7\xb3\x52\xf2\xa3"
    "\x93\x5c\x3e\x08\x7e\xb2\x17\xdd\x33\xf2\xb5\x4b\x86\x1e\xc6\x42"
    "\x9b\x7e\xef\x37\x5c\x94\xe9\xb7\x7b\x67\x77\xa7\x4d\x17\x82\x51"
    "\xad\xa6\xdb\x38\xf7\x8d\x94\x05\x4d\xa9\x7d\xcd\x6a\x1d\x4d\x7d"
    "\x17\x86\xce\xa2\x56\x09\x00\x3a\x8b\x87\xb0\x36\x32\xe4\x59\x09"
    "\x4a\x30\x20\xa5\x95\xcd\x25\xca\x5c\x67\xc2\xaa\xcc\xab\x94\x77"
    "\xdd";

static const char br_zeros[] =
    "\xcb\xff\xff\x3f\xf8\x27\x00\xe2\xb1\x40\x20\xf7\xfe\x8f\xff\xff"
    "\x7f\xf0\x4f\x00\xc4\x61\x11\x80\xee\xfd\x1f\xff\xff\xff\xe0\x9f"
    "\x00\x88\xc3\x02\x00\xdd\xfb\x3f\xfe\xff\xff\xc1\x3f\x01\x10\x87"
    "\x05\x00\xba\xf7\x7f\xfc\xff\xff\x83\x7f\x02\x20\x0e\x0b\x00\x74"
    "\xef\xff\xf8\xff\xff\x07\xff\x04\x40\x1c\x16\x00\xe8\xde\xff\xf1"
    "\xff\xff\x0f\xfe\x09\x80\x38\x2c\x00\xd0\xbd\xff\xcb\xff\x47\x28"
    "\xfc\x13\x00\x71\x58\x00\xa0\x7b\x08\x05";

static const struct {
    const char *name;
    const char *packed;
    size_t len;
} others[] = {
    {"br", br_packed, sizeof(br_packed) - 1},
    {"zstd", zstd_packed, sizeof(zstd_packed) - 1},
};
#define OTHERS (sizeof(others) / sizeof(others[0]))

/* Whether the build found its library. */
static bool is_known(const char *coding)
{
    const struct llmobs_text nothing = {"", 0};
    struct llmobs_buf out;
    bool cut;
    int rc;

    llmobs_buf_init(&out, 1);
    rc = unpack(nothing, coding, 1, &out, &cut);
    llmobs_buf_fini(&out);
    return rc != -ENOTSUP;
}

/* Known, they are undone, also within gzip; unknown, nothing is added. */
TEST(test_inflate_others)
{
    for (size_t i = 0; i < OTHERS; i++) {
        bool known = is_known(others[i].name);
        struct llmobs_text in = {others[i].packed, others[i].len};
        struct llmobs_buf packed, out;
        char names[32];
        bool cut;

        llmobs_buf_init(&out, 1000);
        ck_assert_int_eq(unpack(in, others[i].name, 1000, &out, &cut),
                         known ? 0 : -ENOTSUP);
        ck_assert(cut == !known);
        ck_assert_str_eq(out.data ? out.data : "", known ? TEXT : "");
        llmobs_buf_cut(&out, 0);
        llmobs_buf_init(&packed, 1000);
        pack(in, GZIP, &packed);
        snprintf(names, sizeof(names), "%s, gzip", others[i].name);
        ck_assert_int_eq(unpack(text_of(&packed), names, 1000, &out, &cut),
                         known ? 0 : -ENOTSUP);
        ck_assert_str_eq(out.data ? out.data : "", known ? TEXT : "");
        llmobs_buf_fini(&packed);
        llmobs_buf_fini(&out);
    }
}

TEST(test_inflate_others_cut)
{
    for (size_t i = 0; i < OTHERS; i++) {
        size_t last = 0;

        for (size_t len = 0; len <= others[i].len; len++) {
            struct llmobs_text in = {others[i].packed, len};
            UNIT_ENDS(llmobs_buf) out;
            bool cut;

            if (!is_known(others[i].name))
                continue;
            llmobs_buf_init(&out, 1000);
            ck_assert_int_eq(unpack(in, others[i].name, 1000, &out, &cut), 0);
            ck_assert(cut == (len > 0 && len < others[i].len));
            ck_assert_uint_ge(out.len, last);
            last = out.len;
            ck_assert(last == 0 || memcmp(out.data, TEXT, last) == 0);
        }
        ck_assert_uint_eq(last,
                          is_known(others[i].name) ? sizeof(TEXT) - 1 : 0);
    }
}

/* zstd's checksum lets nothing pass but bits that mean nothing; br has none. */
TEST(test_inflate_others_damaged)
{
    for (size_t i = 0; i < OTHERS; i++) {
        for (size_t bit = 0; bit < others[i].len * 8; bit++) {
            UNIT_ENDS(llmobs_buf) out;
            char bytes[256];
            bool cut;
            int rc;

            if (!is_known(others[i].name))
                continue;
            memcpy(bytes, others[i].packed, others[i].len);
            bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
            llmobs_buf_init(&out, 5000);
            rc = unpack((struct llmobs_text){bytes, others[i].len},
                        others[i].name, 5000, &out, &cut);
            ck_assert_msg(rc == 0 || rc == -EBADMSG, "%s, bit %zu: %d",
                          others[i].name, bit, rc);
            if (rc == 0 && !cut && strcmp(others[i].name, "zstd") == 0)
                ck_assert_str_eq(out.data, TEXT);
        }
    }
}

/* zstd goes by frames: skippable ones and any number of others, padding. */
TEST(test_inflate_zstd_frames)
{
    static const char skip[] = "\x50\x2a\x4d\x18\x03\0\0\0abc";
    struct llmobs_buf in, out;
    bool cut;

    if (!is_known("zstd"))
        return;
    llmobs_buf_init(&in, 10000);
    llmobs_buf_init(&out, 10000);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(llmobs_buf_add(&in, skip, sizeof(skip) - 1), 0);
        ck_assert_int_eq(llmobs_buf_add(&in, zstd_packed, others[1].len), 0);
    }
    ck_assert_int_eq(llmobs_buf_adds(&in, "padding"), 0);
    ck_assert_int_eq(unpack(text_of(&in), "zstd", 10000, &out, &cut), 0);
    ck_assert(!cut);
    ck_assert_str_eq(out.data, TEXT TEXT);
    llmobs_buf_fini(&in);
    llmobs_buf_fini(&out);
}

/* A frame of `count` blocks, each 128 KiB of zeros in four bytes, under a
 * window of 2^`log` bytes. */
static void zstd_zeros(struct llmobs_buf *buf, int log, size_t count)
{
    llmobs_buf_init(buf, 1 << 20);
    ck_assert_int_eq(llmobs_buf_add(buf, "\x28\xb5\x2f\xfd\0", 5), 0);
    ck_assert_int_eq(llmobs_buf_addc(buf, (char)((log - 10) << 3)), 0);
    while (count-- > 0) {
        ck_assert_int_eq(llmobs_buf_addc(buf, count ? 2 : 3), 0);
        ck_assert_int_eq(llmobs_buf_add(buf, "\0\x10\0", 3), 0);
    }
}

TEST(test_inflate_others_bombs)
{
    static const size_t limits[] = {0, 1, 8191, 8192, 8193, 65536, 1000000};
    UNIT_ENDS(llmobs_buf) zeros;
    struct llmobs_text in[] = {{br_zeros, sizeof(br_zeros) - 1}, {NULL, 0}};

    zstd_zeros(&zeros, 20, 500);
    in[1] = text_of(&zeros);
    for (size_t i = 0; i < OTHERS * 7; i++) {
        size_t max = limits[i / OTHERS];
        UNIT_ENDS(llmobs_buf) out;
        bool cut;

        if (!is_known(others[i % OTHERS].name))
            continue;
        llmobs_buf_init(&out, SIZE_MAX);
        ck_assert_int_eq(
            unpack(in[i % OTHERS], others[i % OTHERS].name, max, &out, &cut),
            0);
        ck_assert_uint_eq(out.len, max);
        ck_assert(cut);
    }
}

/* 8 MiB of window are what a content coding may ask for. */
TEST(test_inflate_zstd_window)
{
    for (int log = 20; log < 41; log++) {
        struct llmobs_buf in, out;
        bool cut;

        if (!is_known("zstd"))
            return;
        zstd_zeros(&in, log, 1);
        llmobs_buf_init(&out, 1 << 20);
        ck_assert_int_eq(unpack(text_of(&in), "zstd", 1 << 20, &out, &cut),
                         log <= 23 ? 0 : -EBADMSG);
        ck_assert_uint_eq(out.len, log <= 23 ? 1 << 17 : 0);
        llmobs_buf_fini(&in);
        llmobs_buf_fini(&out);
    }
}
