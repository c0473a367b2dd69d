/* Tests the HPACK decoder. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text/hpack.h"
#include "tests/unit/unit.h"

static const uint64_t key[2] = {1, 2};

static bool add_line(void *user, struct llmobs_text name,
                     struct llmobs_text value)
{
    struct llmobs_buf *out = user;

    (void)llmobs_buf_add(out, name.data, name.len);
    (void)llmobs_buf_adds(out, ": ");
    (void)llmobs_buf_add(out, value.data, value.len);
    (void)llmobs_buf_addc(out, '\n');
    return true;
}

/* Reads a block that is given in hexadecimal, the last part so many times. Its
 * bytes are in memory of their own, so that a read beyond them is found. */
static int read_many(struct llmobs_hpack *hpack, const char *first,
                     const char *then, size_t times,
                     bool (*field)(void *user, struct llmobs_text name,
                                   struct llmobs_text value),
                     struct llmobs_buf *out)
{
    size_t len = strlen(first) / 2, more = strlen(then) / 2;
    char *bytes = malloc(len + more * times);
    int error;

    for (size_t i = 0; i < len + more * times; i++) {
        const char *hex = i < len ? first + 2 * i : then + (i - len) % more * 2;

        bytes[i] =
            (char)(llmobs_text_hex(hex[0]) << 4 | llmobs_text_hex(hex[1]));
    }
    llmobs_buf_init(out, 1 << 20);
    (void)llmobs_buf_adds(out, "");
    error = llmobs_hpack_read(
        hpack, (struct llmobs_text){bytes, len + more * times}, field, out);
    free(bytes);
    return error;
}

static int read_hex(struct llmobs_hpack *hpack, const char *hex,
                    struct llmobs_buf *out)
{
    return read_many(hpack, hex, "", 0, add_line, out);
}

#define SITE ":authority: www.example.com\n"
#define ROOT ":method: GET\n:scheme: http\n:path: /\n" SITE
#define OTHER ":method: GET\n:scheme: https\n:path: /index.html\n" SITE
#define WHEN "date: Mon, 21 Oct 2013 20:13:2"
#define MOVED(how) ":status: " how "\ncache-control: private\n" WHEN "1 GMT\n"
#define THERE "location: https://www.example.com\n"
#define LAST                                                      \
    ":status: 200\ncache-control: private\n" WHEN "2 GMT\n" THERE \
    "content-encoding: gzip\n"                                    \
    "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n"

/* The examples of RFC 7541, appendix C. The server's table has 256 bytes, which
 * a first "3fe101" says here. */
static const struct {
    const char *hex, *out;
    uint32_t size; /* of the table then */
    bool begins;   /* with a table of its own */
} examples[] = {
    {"400a637573746f6d2d6b65790d637573746f6d2d686561646572",
     "custom-key: custom-header\n", 55, true},
    {"040c2f73616d706c652f70617468", ":path: /sample/path\n", 0, true},
    {"100870617373776f726406736563726574", "password: secret\n", 0, true},
    {"82", ":method: GET\n", 0, true},
    {"828684410f7777772e6578616d706c652e636f6d", ROOT, 57, true},
    {"828684be58086e6f2d6361636865", ROOT "cache-control: no-cache\n", 110,
     false},
    {"828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
     OTHER "custom-key: custom-value\n", 164, false},
    {"828684418cf1e3c2e5f23a6ba0ab90f4ff", ROOT, 57, true},
    {"828684be5886a8eb10649cbf", ROOT "cache-control: no-cache\n", 110, false},
    {"828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
     OTHER "custom-key: custom-value\n", 164, false},
    {"3fe1014803333032580770726976617465611d4d6f6e2c203231204f63742032303133"
     "2032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e"
     "636f6d",
     MOVED("302") THERE, 222, true},
    {"4803333037c1c0bf", MOVED("307") THERE, 222, false},
    {"88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a"
     "04677a69707738666f6f3d4153444a4b48514b425a584f5157454f5049554158515745"
     "4f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
     LAST, 215, false},
    {"3fe101488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a6"
     "2d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
     MOVED("302") THERE, 222, true},
    {"4883640effc1c0bf", MOVED("307") THERE, 222, false},
    {"88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94"
     "e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c0"
     "03ed4ee5b1063d5007",
     LAST, 215, false},
};

TEST(hpack_examples)
{
    struct llmobs_hpack hpack = {.size = 0};

    for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
        UNIT_ENDS(llmobs_buf) out;

        if (examples[i].begins) {
            llmobs_hpack_fini(&hpack);
            llmobs_hpack_init(&hpack, key);
        }
        ck_assert_int_eq(read_hex(&hpack, examples[i].hex, &out), 0);
        ck_assert_str_eq(out.data, examples[i].out);
        ck_assert_uint_eq(hpack.size, examples[i].size);
    }
    llmobs_hpack_fini(&hpack);
}

/* Each name of the static table ends where the next one begins. */
TEST(hpack_static)
{
    UNIT_ENDS(llmobs_hpack) hpack;
    UNIT_ENDS(llmobs_buf) out;

    llmobs_hpack_init(&hpack, key);
    ck_assert_int_eq(
        read_hex(&hpack,
                 "8182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e"
                 "9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babb"
                 "bcbd",
                 &out),
        0);
    ck_assert_uint_eq(out.len, 867);
    ck_assert_ptr_nonnull(strstr(out.data, "\nvia: \nwww-authenticate: \n"));
    ck_assert_ptr_nonnull(strstr(out.data, "\n:status: 500\naccept-charset: "
                                           "\naccept-encoding: gzip, deflate\n"
                                           "accept-language: \n"));
}

/* All bytes in their order, as another coder packs them. */
static const char packed[] =
    "ffc7fffd8fffffe2fffffe3fffffe4fffffe5fffffe6fffffe7fffffe8ffffeafffffff3"
    "fffffa7fffffabffffffdfffffebfffffecfffffedfffffeefffffefffffff0ffffff1ff"
    "ffff2fffffffbfffffcffffffd3fffffd7fffffdbfffffdffffffe3fffffe7fffffebfff"
    "ffed4fe3f9ffaffcabf1febfafefe7fdfd2cbb00089969b71d79fb9f7fff20ffbff3ff50"
    "ddbd7f061c58f265cd9f469d5af66dddbf871e5f9cff7ff7fffc3ff9ffe45fff4719242c"
    "b34e6e9d68a6a3d7dac426defe3cfaf7fffbfe7ffbffdffffffcfffe6ffff4bfff9ffffa"
    "3fffd3ffff53fffd5ffffb3fffeb7fffdaffffb7ffff73fffeeffffdeffffebffffbffff"
    "fd9ffffdbfffebffffe0ffffeeffffc3ffff8bffff1ffffe4fffee7fffb1ffff97fffd9f"
    "fffcdffff9fffffbffffdafffeeffff4ffffb7fffee7fffe8ffffd3fffdeffffd5fffeef"
    "fffbdffffe1fffdfffff7fffff5ffffecffff07fff87fffe0ffff17fffedffff87ffff77"
    "fffeffffeaffff8bfffe3ffff93ffff87fffcbffff37ffff1fffff83ffffe1fffebfffe3"
    "ffff3fffff2ffffa3ffffd9fffff17ffffc7fffff27ffffdefffffbffffff2fffff8ffff"
    "fb7fff97fff8fffffe6fffffc1fffff87ffffe7fffffc5ffffe5fffe4ffff2fffffd1fff"
    "ff4ffffffefffffe3fffffc9fffff97fffb3ffffcffffb7fffcdffff4ffff9ffffd1ffff"
    "cffffeaffffafffffddffffeffffff4fffff5fffffabffffa7ffffd7fffff9bffffecfff"
    "ffb7fffff3fffffe8fffffd3fffffabfffff5fffffff7ffffecfffffdbfffffbbfffff7f"
    "fffff0fffffbbf";

TEST(hpack_all_bytes)
{
    UNIT_ENDS(llmobs_hpack) hpack;
    UNIT_ENDS(llmobs_buf) hex;
    UNIT_ENDS(llmobs_buf) out;

    llmobs_buf_init(&hex, 1 << 20);
    llmobs_hpack_init(&hpack, key);
    /* a name of one letter, and a value of 583 bytes */
    ck_assert_int_eq(llmobs_buf_adds(&hex, "000161ffc803"), 0);
    ck_assert_int_eq(llmobs_buf_adds(&hex, packed), 0);
    ck_assert_int_eq(read_hex(&hpack, hex.data, &out), 0);
    ck_assert_uint_eq(out.len, 256 + 4);
    for (int i = 0; i < 256; i++)
        ck_assert_int_eq((unsigned char)out.data[3 + i], i);
}

/* Blocks that a peer must refuse. A block before them may fill the table. */
static const struct {
    const char *before, *hex;
    int error;
} wrong[] = {
    {"", "80", -EBADMSG}, /* entry 0 */
    {"", "be", -EBADMSG}, /* beyond the static table */
    {"4001610162", "bf", -EBADMSG},
    {"", "7e0162", -EBADMSG},       /* the name of an entry that is none */
    {"", "ffffffffff7f", -EBADMSG}, /* numbers that are too large */
    {"", "ff8080808000", -EBADMSG},
    {"", "ff", -EBADMSG}, /* which are cut off */
    {"", "ff80", -EBADMSG},
    {"", "00", -EBADMSG},
    {"", "000261", -EBADMSG},
    {"", "000161", -EBADMSG},
    {"", "00016102", -EBADMSG},
    {"", "8220", -EBADMSG},       /* a table's size behind a line */
    {"", "3fe21f", -EBADMSG},     /* larger than allowed */
    {"", "00016181ff", -EBADMSG}, /* padding of a byte */
    {"", "0001618207ff", -EBADMSG},
    {"", "0001618106", -EBADMSG}, /* and with a zero */
    {"", "00016181fe", -EBADMSG},
    {"", "00016184ffffffff", -EBADMSG}, /* the mark of an end */
    {"", "000161843fffffff", -EBADMSG},
    {"20", "4001610162be", -EBADMSG}, /* a table of no bytes */
};

TEST(hpack_wrong)
{
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        UNIT_ENDS(llmobs_hpack) hpack;
        UNIT_ENDS(llmobs_buf) out;
        UNIT_ENDS(llmobs_buf) more;

        llmobs_hpack_init(&hpack, key);
        ck_assert_int_eq(read_hex(&hpack, wrong[i].before, &out), 0);
        if (read_hex(&hpack, wrong[i].hex, &more) != wrong[i].error)
            ck_abort_msg("%s is read", wrong[i].hex);
    }
}

/* The sender chooses the size, up to what the receiver ever allowed. */
TEST(hpack_table_size)
{
    UNIT_ENDS(llmobs_hpack) hpack;
    UNIT_ENDS(llmobs_buf) out;

    llmobs_hpack_init(&hpack, key);
    llmobs_hpack_allow(&hpack, 0);
    llmobs_hpack_allow(&hpack, 4097);
    llmobs_hpack_allow(&hpack, 16);
    ck_assert_int_eq(read_hex(&hpack, "3fe21f4001610162be", &out), 0);
    ck_assert_str_eq(out.data, "a: b\na: b\n");
    ck_assert_uint_eq(hpack.size, 34);
    llmobs_buf_fini(&out);
    /* less, and more again: the entry is gone */
    ck_assert_int_eq(read_hex(&hpack, "3f023fe21f82", &out), 0);
    ck_assert_uint_eq(hpack.size, 0);
    llmobs_buf_fini(&out);
    llmobs_hpack_allow(&hpack, UINT32_MAX);
    ck_assert_int_eq(read_hex(&hpack, "3fe1ff03", &out), 0);
    llmobs_buf_fini(&out);
    ck_assert_int_eq(read_hex(&hpack, "3fe2ff03", &out), -EFBIG);
}

/* A new entry has the name of the one that goes for it; one that does not fit
 * empties the table. */
TEST(hpack_evicted_name)
{
    UNIT_ENDS(llmobs_hpack) hpack;
    UNIT_ENDS(llmobs_buf) out;

    llmobs_hpack_init(&hpack, key);
    ck_assert_int_eq(read_hex(&hpack, "3f034001610162", &out), 0);
    ck_assert_uint_eq(hpack.size, 34);
    llmobs_buf_fini(&out);
    ck_assert_int_eq(read_hex(&hpack, "7e0163be", &out), 0);
    ck_assert_str_eq(out.data, "a: c\na: c\n");
    ck_assert_uint_eq(hpack.size, 34);
    llmobs_buf_fini(&out);
    ck_assert_int_eq(read_hex(&hpack, "7e026364", &out), 0);
    ck_assert_str_eq(out.data, "a: cd\n");
    ck_assert_uint_eq(hpack.size, 0);
    ck_assert_uint_eq(hpack.texts.bytes.len, hpack.texts.gone);
}

/* -- work ------------------------------------------------------------------ */

static bool add_one(void *user, struct llmobs_text name,
                    struct llmobs_text value)
{
    (void)add_line(user, name, value);
    return false;
}

/* Behind the last line that is wanted, lines count for the table alone. */
TEST(hpack_unwanted)
{
    UNIT_ENDS(llmobs_hpack) hpack;
    UNIT_ENDS(llmobs_buf) out;
    UNIT_ENDS(llmobs_buf) none;

    llmobs_hpack_init(&hpack, key);
    ck_assert_int_eq(
        read_many(&hpack, "4001610162", "be", 60000, add_one, &out), 0);
    ck_assert_str_eq(out.data, "a: b\n");
    llmobs_buf_fini(&out);
    ck_assert_int_eq(
        read_many(&hpack, "7e0163", "be0f2f0164", 9000, NULL, &none), 0);
    ck_assert_str_eq(none.data, "");
    ck_assert_int_eq(read_hex(&hpack, "bebf", &out), 0);
    ck_assert_str_eq(out.data, "a: c\na: b\n");
    llmobs_buf_fini(&out);
    ck_assert_int_eq(read_many(&hpack, "", "c0", 1, NULL, &out), -EBADMSG);
    llmobs_buf_fini(&out);
    ck_assert_int_eq(read_many(&hpack, "", "80", 1, NULL, &out), -EBADMSG);
    llmobs_buf_fini(&out);
    ck_assert_int_eq(read_many(&hpack, "", "0f310164", 1, NULL, &out),
                     -EBADMSG);
}

/* New entries move no more bytes of others than they have, but for a few
 * times. */
TEST(hpack_moves)
{
    UNIT_ENDS(llmobs_hpack) hpack;
    struct llmobs_hpack was;
    size_t moved = 0;

    llmobs_hpack_init(&hpack, key);
    llmobs_hpack_allow(&hpack, LLMOBS_HPACK_TABLE_MAX);
    for (int i = 0; i < 8000; i++) {
        UNIT_ENDS(llmobs_buf) out;

        was = hpack;
        ck_assert_int_eq(read_many(&hpack, i ? "" : "3fe1ff03",
                                   "4003616263056465666768", 1, NULL, &out),
                         0);
        if (hpack.texts.bytes.data != was.texts.bytes.data ||
            hpack.texts.before != was.texts.before)
            moved += was.texts.bytes.len - was.texts.gone;
    }
    ck_assert_uint_gt(hpack.texts.before, 0);
    ck_assert_uint_lt(moved, 8000 * 8 * 2);
}

/* A name of 1,000 bytes comes again and again, in two bytes. */
TEST(hpack_large_lines)
{
    UNIT_ENDS(llmobs_buf) first;

    llmobs_buf_init(&first, 1 << 20);
    (void)llmobs_buf_adds(&first, "407fe906");
    for (int i = 0; i < 1000; i++)
        (void)llmobs_buf_adds(&first, "61");
    (void)llmobs_buf_adds(&first, "00");
    for (size_t times = 200; times <= 300; times += 100) {
        UNIT_ENDS(llmobs_hpack) hpack;
        UNIT_ENDS(llmobs_buf) out;

        llmobs_hpack_init(&hpack, key);
        ck_assert_int_eq(
            read_many(&hpack, first.data, "7e00", times, NULL, &out),
            times == 200 ? 0 : -EFBIG);
    }
}

/* "sk-secret", the value of "authorization" by the static table. */
#define KEY "5709736b2d736563726574"

static bool has_key(const char *data, size_t len)
{
    return memmem(data, len, "sk-secret", 9) || memmem(data, len, "-secre", 6);
}

/* Memory that malloc gives again has no key in it. */
static void check_wiped(void)
{
    for (size_t size = 1024; size <= 8192; size *= 2) {
        char *again = malloc(size);

        ck_assert(!has_key(again, size));
        free(again);
    }
}

/* Keys are in the table for as long as the connection lasts, but in no plain
 * form, and not where the table was. */
TEST(hpack_keys)
{
    struct llmobs_hpack hpack;
    UNIT_ENDS(llmobs_buf) out;
    size_t filled;

    llmobs_hpack_init(&hpack, key);
    for (int i = 0; i < 60; i++) {
        ck_assert_int_eq(read_hex(&hpack, KEY, &out), 0);
        llmobs_buf_fini(&out);
        ck_assert(!has_key(hpack.texts.bytes.data, hpack.texts.bytes.cap));
    }
    check_wiped();
    ck_assert_int_eq(read_hex(&hpack, "bec4f9", &out), 0);
    ck_assert_str_eq(out.data, "authorization: sk-secret\n"
                               "authorization: sk-secret\n"
                               "authorization: sk-secret\n");
    llmobs_buf_fini(&out);
    filled = hpack.texts.bytes.len;
    ck_assert_int_eq(read_hex(&hpack, "20", &out), 0);
    for (size_t i = 0; i < filled; i++)
        ck_assert_int_eq(hpack.texts.bytes.data[i], 0);
    llmobs_hpack_fini(&hpack);
    check_wiped();
}

static bool ignore(void *user, struct llmobs_text name,
                   struct llmobs_text value)
{
    (void)user, (void)name, (void)value;
    return true;
}

/* Each allocation fails once; no key stays anywhere. */
TEST(hpack_no_memory)
{
    static const struct llmobs_text blocks[] = {
        {"\x57\x09sk-secret", 11},
        {"\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff\xbf\x7e\x01"
         "a",
         18}};
    bool ended = true;

    for (long n = 1; ended; n++) {
        struct llmobs_hpack hpack;
        int error = 0;

        llmobs_hpack_init(&hpack, key);
        unit_memory_ends(n);
        for (int i = 0; i < 60 && !error; i++)
            error = llmobs_hpack_read(&hpack, blocks[i % 2], ignore, NULL);
        ended = unit_memory_ended();
        unit_memory_ends(0);
        ck_assert_int_eq(error, ended ? -ENOMEM : 0);
        llmobs_hpack_fini(&hpack);
        check_wiped();
    }
}
