/* Tests the HTTP/2 reader. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/base/sanitizer.h"
#include "lib/text/h2.h"
#include "tests/support/case_file.h"
#include "tests/support/h2_log.h"
#include "tests/unit/unit.h"

/* A connection is written as words: ">" and "<" say who speaks, "P" is the
 * preface, "X" the end of the connection, and all else a frame: its type and
 * flags in hexadecimal, its stream, and its payload in hexadecimal. */
#define START "> P 4.0.0: < 4.0.0: "

/* Parts of blocks: the method, the path /a of the host h, a line "a: b". */
#define GET "82" PATH
#define POST "83" PATH
#define PATH "8704022f61010168"
#define LINE "0001610162"
#define S413 "0803343133"
#define S103 "0803313033"
#define ENDS "5.1:"  /* the flags END_HEADERS, END_STREAM of stream 1 */
#define OPENS "4.1:" /* without the latter */

#define G1 ">1 GET /a h|>1 whole|"
#define G3 ">3 GET /a h|>3 whole|"
#define P1 ">1 POST /a h|"
#define A1 "<1 200|<1 whole|"
#define A3 "<3 200|<3 whole|"
#define DOUBT "doubt|"
#define DOUBTFUL "passed: a head in doubt|"
#define LOST1 G1 "<1 lost|" DOUBT
#define ASK START "> 1." ENDS GET " "
#define POSTS START "> 1." OPENS POST " "

struct row {
    const char *in, *out;
};

static const struct row whole[] = {
    {"", ""},
    {ASK "< 1." ENDS "88", G1 A1},
    {ASK "1.1.3: 9.4.3:" GET " < 1.5.3:88 1.5.1:88",
     G1 ">3 GET /a h|>3 whole|" A3 A1},
    {POSTS "0.1.1:7b7d < 1." OPENS "88" LINE " 0.0.1:7b 0.0.1:7d 0.1.1:",
     P1 ">1 = {}|>1 whole|<1 200 a=b|<1 = {}|<1 whole|"},
    /* two streams, whose answers come crosswise */
    {ASK "1.5.3:" GET " < 1.4.3:88 1.4.1:88 0.0.1:61 0.0.3:62 0.1.1:63 0.1.3:",
     G1 G3 "<3 200|<1 200|<1 = a|<3 = b|<1 = c|<1 whole|<3 whole|"},
    /* padding, priority, both */
    {START "> 1.d.1:02" GET "0000 < 0.8.1: X", LOST1},
    {START "> 1.d.1:02" GET "0000 < 1.4.1:88 0.8.1:03616263000000 0.8.1:00 "
           "0.9.1:0100",
     G1 "<1 200|<1 = abc|<1 whole|"},
    {START "> 1.25.1:8000000310" GET " < 1.2d.1:018000000010"
           "8800",
     G1 A1},
    /* blocks in pieces */
    {START "> 1.1.1: 9.0.1:82 9.0.1: 9.4.1:" PATH " < 1.9.1:0188"
           "00 9.0.1:0001610162 9.4.1:0001630164",
     G1 "<1 200 a=b c=d|<1 whole|"},
    /* the table: each way has its own */
    {START "> 1.5.1:" GET "4001610162 < 1.5.1:884001630164 > 1.5.3:" GET
           "be < 1.5.3:88be",
     ">1 GET /a h a=b|>1 whole|<1 200 c=d|<1 whole|>3 GET /a h a=b|>3 whole|"
     "<3 200 c=d|<3 whole|"},
    /* 1xx, trailers of both */
    {POSTS "0.0.1:61 1.5.1:" LINE " < 1.4.1:" S103 LINE " 1.4.1:0803313030 "
           "1.4.1:88 0.0.1:62 1.5.1:" LINE,
     P1 ">1 = a|>1 whole|<1 200|<1 = b|<1 whole|"},
    /* nothing of 1xx is read but that, and the table goes on */
    {ASK "< 1.4.1:" S103 "4001610162"
         "0001"
         "61030d0a62 1.5.1:88be",
     G1 "<1 200 a=b|<1 whole|"},
    /* frames that are passed over */
    {ASK "8.0.0:00000001 2.0.1:0000000010 2.0.5:0000000010 6.0.0:"
         "0000000000000000 4.1.0: < 77.ff.9:616263 6.1.0:0000000000000000 "
         "8.0.1:00000001 4.0.0:000300000064 10.0.0: 1.5.1:88",
     G1 A1},
    /* the host by a line, Host that is not needed, no host */
    {START "> 1.5.1:828704022f6100"
           "04686f73740178",
     ">1 GET /a x|>1 whole|"},
    {START "> 1.5.1:" GET "0004686f73740178", G1},
    {START "> 1.5.1:828704022f61", ">1 GET /a |>1 whole|"},
    /* the server speaks first */
    {"< 4.0.0: 8.0.0:00000001 > P 4.0.0: 1.5.1:" GET " < 1.5.1:88", G1 A1},
    /* a push is read for the table alone */
    {ASK "< 5.4.1:00000002" GET "4001610162 5.0.1:00000004 9.4.1:82 1.5.2:88 "
         "0.1.2:61 3.0.4:00000008 1.5.1:88be",
     G1 "<1 200 a=b|<1 whole|"},
};

static const struct row ends[] = {
    {ASK "X", G1 "<1 none|"},
    {ASK "< 1.4.1:88 0.0.1:61 X 0.1.1:62", G1 "<1 200|<1 = a|<1 cut|"},
    {POSTS "0.0.1:61 X", P1 ">1 = a|>1 cut|<1 none|"},
    /* resets: by the client, by the server, behind the end */
    {ASK "< 1.4.1:88 > 3.0.1:00000008 < 0.1.1:61", G1 "<1 200|<1 given up|"},
    {POSTS "3.0.1:00000008 < 1.5.1:88", P1 ">1 cut|<1 given up|"},
    {ASK "< 3.0.1:00000007", G1 "<1 refused|"},
    {ASK "< 1.4.1:88 3.0.1:00000007", G1 "<1 200|<1 cut|"},
    {ASK "< 1.4.1:88 3.0.1:00000002 > 1.5.3:" GET " < 1.5.3:88",
     G1 "<1 200|<1 cut|" G3 A3},
    {ASK "< 1.5.1:88 > 3.0.1:00000008 < 3.0.1:00000000", G1 A1},
    /* an early answer */
    {POSTS "0.0.1:61 < 1.4.1:" S413 " 0.1.1:62 > 0.1.1:63",
     P1 ">1 = a|<1 413|<1 = b|<1 whole|>1 = c|>1 whole|"},
    {POSTS "0.0.1:61 < 1.5.1:" S413 " 3.0.1:00000000 > 0.1.1:63",
     P1 ">1 = a|<1 413|<1 whole|>1 cut|"},
    {POSTS "< 1.5.1:" S413 " X", P1 "<1 413|<1 whole|>1 cut|"},
    /* GOAWAY: the streams above were not begun */
    {ASK "1.5.3:" GET " 1.4.5:" POST " < 7.0.0:7fffffff00000000 "
         "7.0.0:0000000100000000616263 1.5.1:88 X",
     G1 G3 ">5 POST /a h|<3 refused|>5 cut|<5 refused|" A1},
    /* one behind it is not, either, unless it is answered */
    {ASK "< 7.0.0:0000000100000000 7.0.0:7fffffff00000000 > 1.5.3:" GET
         " 1.5.5:" GET " < 1.5.5:88 1.5.1:88 X",
     G1 G3 ">5 GET /a h|>5 whole|<5 200|<5 whole|" A1 "<3 refused|"},
    {ASK "7.0.0:0000000000000000 < 1.5.1:88", G1 A1},
};

/* Streams that have no events. */
static const struct row passed[] = {
    {START "> 1.4.1:"
           "0207434f4e4e454354"
           "010168 0.0.1:61 < 1.4.1:88 0.0.1:62"
           " > 1.5.3:" GET,
     "passed: CONNECT|" G3},
    {START "> 1.4.1:0207434f4e4e454354" PATH /* of a websocket (RFC 8441) */
           "00093a70726f746f636f6c09776562736f636b6574",
     "passed: CONNECT|"},
    {START "> 1.4.1:" POST "0f1010"
           "6170706c69636174696f6e2f67727063 0.0.1:61 "
           "< 1.4.1:88 0.1.1:62",
     "passed: gRPC|"},
    {START "> 1.5.1:8287010168", DOUBTFUL}, /* no path */
    {START "> 1.5.1:870402"
           "2f61010168",
     DOUBTFUL},
    {START "> 1.5.1:82" GET, DOUBTFUL},         /* two methods */
    {START "> 1.5.1:" GET LINE "82", DOUBTFUL}, /* too late */
    {START "> 1.5.1:" GET "0002"
           "3a780162",
     DOUBTFUL},
    {START "> 1.5.1:" GET "0001"
           "61030d0a62",
     DOUBTFUL},
    {START "> 1.5.1:" GET "0003"
           "613a620162",
     DOUBTFUL},
    {START "> 1.5.1:" GET "0003"
           "610a620162",
     DOUBTFUL},
    {START "> 1.5.1:" GET "000001"
           "62",
     DOUBTFUL},
    {START "> 1.5.1:" GET "0002"
           "6120"
           "0162",
     DOUBTFUL},
    {START "> 1.5.1:", DOUBTFUL},
    {START "> 1.5.1:" GET "000141"
           "0162",
     DOUBTFUL},
    /* an answer that not all clients refuse */
    {ASK "< 1.5.1:880001"
         "61030d0a62",
     G1 DOUBTFUL "<1 lost|"},
};

/* "content-length: 2" */
#define SIZE "0f0d0132"
#define NONE G1 "<1 none|"
#define CUT(how) G1 "<1 200|" how "<1 cut|"

/* Answers that each client must refuse, by themselves. */
static const struct row refused[] = {
    {ASK "< 1.5.1:" LINE, NONE}, /* no status */
    {POSTS "< 1.4.1:0803"
           "327830 > 0.1.1:61",
     P1 "<1 none|>1 = a|>1 whole|"},
    {ASK "< 1.5.1:" S103, NONE},
    {ASK "< 1.5.1:0803303939", NONE},
    {ASK "< 1.5.1:080432303030", NONE},
    {ASK "< 1.5.1:8888", NONE},       /* two */
    {ASK "< 1.5.1:" LINE "88", NONE}, /* too late */
    {ASK "< 1.5.1:8882", NONE},       /* a request's line, an unknown one */
    {ASK "< 1.5.1:8800023a780162", NONE},
    {ASK "< 1.5.1:88000141"
         "0162",
     NONE}, /* an upper-case letter */
    {ASK "< 1.4.1:88" SIZE " 0.0.1:61 0.1.1:62", G1 "<1 200|<1 = ab|<1 whole|"},
    {ASK "< 1.4.1:88" SIZE " 0.1.1:61", CUT("<1 = a|")},
    {ASK "< 1.4.1:88" SIZE " 0.0.1:61 1.5.1:" LINE, CUT("<1 = a|")},
    {ASK "< 1.4.1:88" SIZE " 0.0.1:616263 0.1.1:64", CUT("<1 = ab|")},
    {ASK "< 1.5.1:88" SIZE, CUT("")},
    {ASK "< 1.4.1:88" SIZE "0f0d0133 0.1.1:6162", NONE},
    {ASK "< 1.4.1:880f0d0178 0.1.1:61", NONE},
    {ASK "< 1.5.1:89" SIZE, G1 "<1 204|<1 whole|"},
    {ASK "< 1.5.1:8b" SIZE, G1 "<1 304|<1 whole|"},
    {START "> 1.5.1:020448454144" PATH " < 1.5.1:88" SIZE,
     ">1 HEAD /a h|>1 whole|" A1},
    /* trailers that do not end it; DATA before the head */
    {ASK "< 1.4.1:88 1.4.1:" LINE " 0.1.1:61", CUT("")},
    {ASK "1.5.3:" GET " < 0.0.1:61 1.5.3:88 1.5.1:88", G1 G3 "<1 none|" A3},
    {ASK "< 0.1.1:", NONE},
    /* the client says so */
    {ASK "< 1.4.1:88 > 3.0.1:00000001", CUT("")},
};

static const struct row stops[] = {
    {"> 4.0.0:", "foreign|"},
    {"> 1.0.0:", "foreign|"},
    {"> P 1.5.1:" GET, DOUBT}, /* no SETTINGS */
    {"> P 4.1.0:", DOUBT},
    {"< 6.0.0:0000000000000000", DOUBT},
    {"> P 4.0.0: < 1.4.1:88", DOUBT},
    /* within a block */
    {ASK "1.0.3:82 1.4.3:" PATH, LOST1},
    {ASK "1.0.3:82 9.4.5:" PATH, LOST1},
    {ASK "1.0.3:82 8.0.0:00000001", LOST1},
    {ASK "1.0.3:82 77.0.0:", LOST1},
    {ASK "9.4.1:", LOST1},
    /* streams that were never opened, or cannot be */
    {ASK "< 1.5.3:88", LOST1},
    {ASK "< 1.5.2:88", LOST1},
    {ASK "< 0.1.3:61", LOST1},
    {ASK "< 3.0.3:00000008", LOST1},
    {ASK "> 0.1.3:61", LOST1},
    {ASK "> 3.0.3:00000008", LOST1},
    {ASK "1.5.2:" GET, LOST1},
    {ASK "1.5.0:" GET, LOST1},
    {ASK "0.0.0:61", LOST1},
    {ASK "3.0.0:00000008", LOST1},
    {ASK "2.0.0:0000000010", LOST1},
    {ASK "4.0.1:", LOST1},
    {ASK "6.0.1:0000000000000000", LOST1},
    {ASK "7.0.1:0000000000000000", LOST1},
    {ASK "5.4.1:00000002" GET, LOST1},
    {ASK "< 5.4.0:00000002" GET, LOST1},
    {ASK "< 5.4.3:00000002" GET, LOST1},
    {ASK "< 5.4.1:00000000" GET, LOST1},
    {ASK "< 5.4.1:00000003" GET, LOST1},
    {ASK "< 5.4.1:00000002" GET " 5.4.1:00000002" GET, LOST1},
    /* wrong sizes */
    {ASK "3.0.1:000008", LOST1},
    {ASK "2.0.1:00000010", LOST1},
    {ASK "4.0.0:0001000000", LOST1},
    {ASK "4.1.0:000100000000", LOST1},
    {ASK "6.0.0:00", LOST1},
    {ASK "7.0.0:00000000", LOST1},
    {ASK "8.0.0:00", LOST1},
    {ASK "< 5.4.1:000000", LOST1},
    {ASK "< 1.24.1:80000000", LOST1},
    /* padding */
    {ASK "1.d.3:", LOST1},
    {ASK "1.d.3:05828704", LOST1},
    {ASK "1.2d.3:0180000000", LOST1},
    {ASK "< 1.4.1:88 0.8.1:", G1 "<1 200|<1 lost|" DOUBT},
    {ASK "< 1.4.1:88 0.8.1:01", G1 "<1 200|<1 lost|" DOUBT},
    {ASK "< 1.4.1:88 0.8.1:0561626364", G1 "<1 200|<1 lost|" DOUBT},
    /* HPACK (test_hpack.c) */
    {ASK "< 1.5.1:be", LOST1},
    {ASK "< 1.5.1:883f01", LOST1},
    {ASK "< 1.5.1:3fe21f88", LOST1},
    {POSTS "1.5.3:80", P1 ">1 lost|<1 lost|" DOUBT},
    /* trailers, too */
    {ASK "< 1.4.1:88 1.5.1:be", G1 "<1 200|<1 lost|" DOUBT},
};

/* SETTINGS allow the other way's table and frames. */
static const struct row settings[] = {
    {"> P 4.0.0:000100001001 < 4.0.0: > 1.5.1:" GET " < 1.5.1:3fe21f88", G1 A1},
    {"> P 4.0.0:000100001001 < 4.0.0: > 1.5.1:3fe21f" GET, DOUBT},
    {"> P 4.0.0: < 4.0.0:000100001001 > 1.5.1:3fe21f" GET, G1},
    {"> P 4.0.0:000300000001000100100000 < 4.0.0: > 1.5.1:" GET
     " < 1.5.1:3fe1ff0388",
     G1 A1},
    {"> P 4.0.0:000100100000 < 4.0.0: > 1.5.1:" GET " < 1.5.1:3fe2ff0388",
     G1 "<1 lost|large|"},
};

static void add_part(struct llmobs_buf *to, unsigned side, const char *bytes,
                     size_t len)
{
    ck_assert_int_eq(llmobs_buf_addc(to, (char)(side << 7 | len >> 8)), 0);
    ck_assert_int_eq(llmobs_buf_addc(to, (char)len), 0);
    ck_assert_int_eq(llmobs_buf_add(to, bytes, len), 0);
}

static void add_frame(struct llmobs_buf *to, unsigned side, const char *word)
{
    unsigned type = 0, flags = 0, stream = 0;
    char frame[1024] = "";
    const char *payload = strchr(word, ':');
    size_t len = 0;

    ck_assert_int_eq(sscanf(word, "%x.%x.%u", &type, &flags, &stream), 3);
    for (payload++; *payload && *payload != ' '; payload += 2)
        frame[9 + len++] = (char)(llmobs_text_hex(payload[0]) << 4 |
                                  llmobs_text_hex(payload[1]));
    frame[1] = (char)(len >> 8);
    frame[2] = (char)len;
    frame[3] = (char)type;
    frame[4] = (char)flags;
    frame[7] = (char)(stream >> 8);
    frame[8] = (char)stream;
    add_part(to, side, frame, 9 + len);
}

static void write_recording(const char *words, struct llmobs_buf *to)
{
    unsigned side = 0;

    llmobs_buf_init(to, 1 << 20);
    for (const char *word = words; *word; word += strcspn(word, " ")) {
        word += strspn(word, " ");
        if (*word == '>' || *word == '<')
            side = *word == '<';
        else if (*word == 'P')
            add_part(to, 0, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
        else if (*word == 'X')
            ck_assert_int_eq(llmobs_buf_add(to, "\xff\xff", 2), 0);
        else if (*word)
            add_frame(to, side, word);
    }
}

static char *log_of(struct llmobs_text recording, size_t most, uint64_t seed)
{
    struct llmobs_buf out;

    llmobs_buf_init(&out, 8 << 20);
    ck_assert(h2_log(recording, most, seed, &out));
    return llmobs_buf_take(&out, NULL);
}

static void check_all(const struct row *rows, size_t count)
{
    for (const struct row *row = rows; row < rows + count; row++) {
        UNIT_ENDS(llmobs_buf) in;

        write_recording(row->in, &in);
        for (uint64_t seed = 0; seed < 50; seed++) {
            char *out = log_of(llmobs_buf_text(&in), seed % 8, seed);

            if (strcmp(out, row->out) != 0)
                ck_abort_msg("%s\nin pieces up to %u gives\n%s\nand not\n%s",
                             row->in, (unsigned)(seed % 8), out, row->out);
            free(out);
        }
    }
}

#define ROWS_TEST(name, of)                        \
    TEST(name)                                     \
    {                                              \
        check_all(of, sizeof(of) / sizeof(of[0])); \
    }

ROWS_TEST(h2_whole, whole)
ROWS_TEST(h2_ends, ends)
ROWS_TEST(h2_passed, passed)
ROWS_TEST(h2_refused, refused)
ROWS_TEST(h2_stops, stops)
ROWS_TEST(h2_settings, settings)

/* Recordings of other peers: nghttp with nghttpd, and Python's h2. */
static const struct {
    const char *name, *end; /* of the log */
} recordings[] = {
    {"continuation", "<13 = {\"x\":1}\n|<13 whole|"},
    {"early", "<5 = slow|<5 whole|>7 cut|<7 refused|"},
    {"inter", "<23 given up|<1 whole|<3 whole|<7 whole|<9 whole|<13 whole|"
              "<15 whole|<19 whole|<21 whole|"},
    {"many", "<71 = {\"x\":1}\n|<71 whole|"},
    {"missing", "</body></html>|<13 whole|"},
    {"padding", "<13 = {\"x\":1}\n|<13 whole|"},
    {"plain", "<13 = {\"x\":1}\n|<13 whole|"},
    {"push", "<1 200 a=d|<1 = yes|<1 whole|"},
    {"table", "<19 whole|"},
    {"table0", "<21 = {\"x\":1}\n|<21 whole|"},
};

#define RECORDINGS (sizeof(recordings) / sizeof(*recordings))

/* Without the eight bytes of chance that a fuzz target wants. */
static struct llmobs_text read_recording(size_t i, struct case_texts *seeds)
{
    int rc = case_texts_read(seeds, "tests/fuzz/seeds.txt");
    struct llmobs_text text;

    ck_assert_int_eq(rc, 0);
    text = case_text_section(case_texts_find(seeds, "h2"), recordings[i].name);
    ck_assert_uint_gt(text.len, 8);
    return (struct llmobs_text){text.data + 8, text.len - 8};
}

TEST(h2_recordings)
{
    for (size_t i = 0; i < RECORDINGS; i++) {
        UNIT_ENDS(case_texts) seeds;
        struct llmobs_text in = read_recording(i, &seeds);
        char *whole_log = log_of(in, 0, 1);
        size_t len = strlen(whole_log), end = strlen(recordings[i].end);

        ck_assert_uint_ge(len, end);
        ck_assert_str_eq(whole_log + len - end, recordings[i].end);
        for (size_t most = 1; most <= 7; most++) {
            char *log = log_of(in, most, most);

            ck_assert_str_eq(log, whole_log);
            free(log);
        }
        free(whole_log);
    }
}

/* 150 times each: some bytes are others, or the recording is cut. */
TEST(h2_damaged)
{
    uint64_t chance = 1;

    for (size_t i = 0; i < RECORDINGS; i++) {
        UNIT_ENDS(case_texts) seeds;
        struct llmobs_text in = read_recording(i, &seeds);

        for (int run = 0; run < 150; run++) {
            char *copy = malloc(in.len);
            struct llmobs_text damaged = {copy, in.len};

            memcpy(copy, in.data, in.len);
            for (int byte = 0; byte < 1 + run % 3; byte++) {
                chance = chance * UINT64_C(6364136223846793005) + 1;
                copy[(chance >> 20) % in.len] ^=
                    (char)(1u << (chance >> 60) % 8);
            }
            if (run % 5 == 0)
                damaged.len = (chance >> 20) % in.len;
            free(log_of(damaged, (size_t)run % 40, chance));
            free(copy);
        }
    }
}

/* -- limits ---------------------------------------------------------------- */

/* Heads of many lines that stand in the table, with one line of 1,000 bytes. */
static char *log_of_lines(size_t lines)
{
    UNIT_ENDS(llmobs_buf) in;
    char part[1010] = "\x40\x01"
                      "a"
                      "\x7f\xe9\x06",
         frame[9 + 1200] = "";
    static const char head[] = "\x82\x87\x04\x02/a\x01\x01h";
    size_t len = 9;

    memset(part + 6, 'x', 1000);
    memcpy(frame + len, head, sizeof(head) - 1);
    len += sizeof(head) - 1;
    memcpy(frame + len, part, 1006);
    len += 1006;
    memset(frame + len, '\xbe', lines - 1);
    len += lines - 1;
    frame[1] = (char)((len - 9) >> 8);
    frame[2] = (char)(len - 9);
    frame[3] = 1;
    frame[4] = 5;
    frame[8] = 1;
    write_recording(START, &in);
    add_part(&in, 0, frame, len);
    add_frame(&in, 0, "1.5.3:" GET "be");
    return log_of(llmobs_buf_text(&in), 0, 1);
}

/* Each line has 1,005 bytes; the table goes on. */
TEST(h2_large_head)
{
    char *log = log_of_lines(65);

    ck_assert_ptr_nonnull(strstr(log, "|>1 whole|>3 GET /a h a=xxx"));
    ck_assert_ptr_null(strstr(log, "passed"));
    free(log);
    log = log_of_lines(66);
    ck_assert_ptr_null(strstr(log, ">1"));
    ck_assert_ptr_nonnull(strstr(log, ">3 GET /a h a=xxx"));
    ck_assert_ptr_nonnull(strstr(log, "passed: a large head|"));
    free(log);
}

/* A block, and a frame that is kept. */
TEST(h2_large_block)
{
    static char bytes[9 + 16384] = {0, 0x40, 0, 1, 0, 0, 0, 0, 1};
    UNIT_ENDS(llmobs_buf) in;
    char *log;

    memset(bytes + 9, '\x82', 16384);
    write_recording(START, &in);
    add_part(&in, 0, bytes, sizeof(bytes));
    bytes[3] = 9;
    for (int i = 0; i < 3; i++)
        add_part(&in, 0, bytes, sizeof(bytes));
    log = log_of(llmobs_buf_text(&in), 0, 1);
    ck_assert_str_eq(log, "");
    free(log);
    add_frame(&in, 0, "9.0.1:82");
    log = log_of(llmobs_buf_text(&in), 0, 1);
    ck_assert_str_eq(log, "large|");
    free(log);
    llmobs_buf_fini(&in);
    write_recording(START, &in);
    bytes[2] = 1; /* a frame of more than 16,384 bytes was not allowed */
    add_part(&in, 0, bytes, sizeof(bytes));
    log = log_of(llmobs_buf_text(&in), 0, 1);
    ck_assert_str_eq(log, DOUBT);
    free(log);
}

/* -- memory that ends ------------------------------------------------------ */

struct tally {
    struct llmobs_h2_stream streams[64];
    int open, requests, ends;
    bool stopped, wrong;
};

static struct llmobs_h2_stream *find(void *user, uint32_t number)
{
    struct tally *tally = user;
    int i = 0;

    while (i < tally->open && tally->streams[i].id < number)
        i++;
    return i < tally->open ? &tally->streams[i] : NULL;
}

static void count_head(void *user, enum llmobs_http1_side side, uint32_t number,
                       const struct llmobs_http1_head *head)
{
    struct tally *tally = user;

    (void)head;
    tally->wrong |= tally->stopped || tally->open == 64;
    if (side == LLMOBS_HTTP1_ANSWER || tally->wrong)
        return;
    tally->streams[tally->open++] = (struct llmobs_h2_stream){.id = number};
    tally->requests++;
}

static void count_body(void *user, enum llmobs_http1_side side, uint32_t number,
                       struct llmobs_text bytes)
{
    struct tally *tally = user;

    (void)side, (void)number, (void)bytes;
    tally->wrong |= tally->stopped;
}

static void count_end(void *user, enum llmobs_http1_side side, uint32_t number,
                      enum llmobs_http1_end how)
{
    struct tally *tally = user;
    struct llmobs_h2_stream *stream = find(user, number);

    (void)side, (void)how;
    tally->ends++;
    tally->wrong |= tally->stopped;
    if (stream->ended[0] && stream->ended[1])
        memmove(stream, stream + 1,
                (size_t)(tally->streams + tally->open-- - stream - 1) *
                    sizeof(*stream));
}

static void count_passed(void *user, const char *what)
{
    struct tally *tally = user;

    (void)what;
    tally->wrong |= tally->stopped;
}

static void count_stop(void *user, enum llmobs_http1_why why)
{
    struct tally *tally = user;

    tally->wrong |= tally->stopped || why != LLMOBS_HTTP1_MEMORY;
    tally->stopped = true;
}

static void pass_recording(struct llmobs_h2 *h2, struct llmobs_text in)
{
    for (size_t left; in.len >= 2; in.data += left, in.len -= left) {
        bool received = in.data[0] & 0x80;

        left = (size_t)(in.data[0] & 0x7f) << 8 | (unsigned char)in.data[1];
        in.data += 2;
        in.len -= 2;
        if (received && left == 0x7fff)
            left = 0; /* an end */
        for (size_t i = 0; i < left; i += 50)
            (received ? llmobs_h2_received : llmobs_h2_sent)(
                h2, in.data + i, left - i < 50 ? left - i : 50);
    }
}

/* Each allocation fails once: then the reader stops, each request has both its
 * ends, and nothing is kept. */
TEST(h2_no_memory)
{
    static const struct llmobs_http1_events events = {
        count_head, count_body, count_end, find, count_passed, count_stop};
    const uint64_t key[2] = {1, 2};

    for (size_t i = 0; i < RECORDINGS; i++) {
        UNIT_ENDS(case_texts) seeds;
        struct llmobs_text in = read_recording(i, &seeds);
        bool ended = true;

        for (long n = 1; ended; n++) {
            struct tally tally = {.requests = 0};
            struct llmobs_h2 h2;

            llmobs_h2_init(&h2, &events, &tally, key);
            unit_memory_ends(n);
            pass_recording(&h2, in);
            ended = unit_memory_ended();
            unit_memory_ends(0);
            ck_assert(!tally.wrong && tally.stopped == ended);
            if (ended) {
                ck_assert_int_eq(tally.ends, 2 * tally.requests);
                ck_assert_int_eq(tally.open, 0);
                for (int side = 0; side < 2; side++)
                    ck_assert(!h2.ways[side].kept.data &&
                              !h2.ways[side].table.texts.bytes.data);
            }
            llmobs_h2_fini(&h2);
        }
    }
}
