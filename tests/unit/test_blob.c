/* Pictures and sounds that stay out of a body while it grows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/event/encode.h"
#include "core/event/exchange.h"
#include "core/event/to_span.h"
#include "lib/text/body.h"
#include "rules/read/media.h"
#include "tests/unit/unit.h"

#define TEXT_MAX ((size_t)64 * 1024)
#define LIMIT 3000

/* ---- a slow reader that does the same -------------------------------------
 */

static bool is_char(const char *text, size_t len, size_t at)
{
    if (text[at] == '\\')
        return at + 1 < len && text[at + 1] == '/';
    return strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                  "0123456789+/-_",
                  text[at]) != NULL;
}

/* Behind '1' all goes, behind '2' what is longer than LIMIT. */
static size_t stays(unsigned how, struct llmobs_text before)
{
    bool quoted = before.len > 1 && before.data[before.len - 1] == '"';
    char last = quoted ? before.data[before.len - 2] : '\0';

    ck_assert_uint_eq(how, 7);
    ck_assert_uint_le(before.len, LLMOBS_BLOB_BEFORE);
    return last == '1' ? 0 : last == '2' ? LIMIT : SIZE_MAX;
}

static size_t put_mark(char *out, const char *run, size_t len)
{
    size_t kept = LLMOBS_BLOB_KEPT, chars = 0;
    uint32_t sum = UINT32_C(0x811c9dc5);

    kept -= run[kept - 1] == '\\';
    memcpy(out, run, kept);
    for (size_t i = 0; i < len; i++) {
        chars += run[i] != '\\';
        if (i % 64 == 0)
            sum = (sum ^ (unsigned char)run[i]) * UINT32_C(0x01000193);
    }
    return kept + (size_t)sprintf(out + kept, LLMOBS_BLOB_MARK,
                                  (uint64_t)chars * 3 / 4, sum);
}

static size_t expected(const char *text, size_t len, char *out)
{
    size_t n = 0, at = 0;

    while (at < len) {
        size_t run = 0, most;

        while (at + run < len && is_char(text, len, at + run))
            run++;
        most = n < 2 || out[n - 1] != '"' ? SIZE_MAX
               : out[n - 2] == '1'        ? 0
               : out[n - 2] == '2'        ? LIMIT
                                          : SIZE_MAX;
        if (run >= LLMOBS_BLOB_MIN && run > most) {
            n += put_mark(out + n, text + at, run);
            at += run;
            while (at < len && text[at] == '=')
                at++;
        } else {
            memcpy(out + n, text + at, run);
            n += run;
            at += run;
        }
        if (at < len && !is_char(text, len, at))
            out[n++] = text[at++];
    }
    return n;
}

static size_t difference(struct llmobs_text got, const char *want)
{
    size_t at = 0;

    while (at < got.len && got.data[at] == want[at])
        at++;
    return at;
}

static void check(const char *text, size_t len, size_t piece)
{
    char *want = malloc(len + 100);
    size_t want_len = expected(text, len, want), at = 0;
    struct llmobs_blob blob = {.most = stays, .how = 7};
    struct llmobs_text got;
    UNIT_ENDS(llmobs_body) body;

    llmobs_body_init(&body, TEXT_MAX);
    while (at < len) {
        size_t n = piece ? piece : (size_t)rand() % 3000 + 1;

        n = n < len - at ? n : len - at;
        /* memory of its own, for the sanitizer */
        char *own = malloc(n);
        memcpy(own, text + at, n);
        ck_assert_int_eq(llmobs_blob_add(&blob, &body, own, n), 0);
        free(own);
        at += n;
    }
    got = llmobs_body_head(&body);
    ck_assert_uint_eq(body.total, len);
    ck_assert_uint_eq(llmobs_body_len(&body), got.len);
    if (got.len != want_len || memcmp(got.data, want, want_len) != 0)
        ck_abort_msg("pieces of %zu of %.60s...\n got %.800s\nwant %.800s",
                     piece, text, got.data + difference(got, want),
                     want + difference(got, want));
    free(want);
}

static void check_pieces(const char *text, size_t len)
{
    static const size_t pieces[] = {1,   7,    16,   31,   512,
                                    513, 1023, 1024, 1025, 4096};

    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++)
        check(text, len, pieces[i]);
    check(text, len, len);
    check(text, len, 0);
}

static size_t add(char *text, size_t at, const char *more)
{
    return at + (size_t)sprintf(text + at, "%s", more);
}

static size_t add_run(char *text, size_t at, size_t len, unsigned escapes)
{
    static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
                                "qrstuvwxyz0123456789+/-_";

    for (size_t i = 0; i < len; i++) {
        char c = chars[(size_t)rand() % 64];

        if (c == '/' && escapes && i + 1 < len && ++i)
            text[at++] = '\\';
        text[at++] = c;
    }
    return at;
}

/* ---- one body --------------------------------------------------------------
 */

TEST(long_texts_become_marks)
{
    static const size_t lens[] = {0,    1,    31,   32,   33,   1022, 1023,
                                  1024, 1025, 2047, 2999, 3000, 3001, 9000};
    static char text[TEXT_MAX];

    for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++)
        for (unsigned kind = 0; kind < 6; kind++) {
            size_t n = add(text, 0, "{\"a\":\"a b\",\"");

            n = add(text, n,
                    kind % 3 == 0   ? "1\""
                    : kind % 3 == 1 ? "2\""
                                    : "3\"");
            n = add_run(text, n, lens[i], kind / 3);
            n = add(text, n, i % 3 == 0 ? "\"" : i % 3 == 1 ? "=\"" : "==\"");
            n = add(text, n, ",\"1\"");
            n = add_run(text, n, lens[i], 0);
            n = add(text, n, kind / 3 ? "\\n\"}" : "\"}");
            check_pieces(text, n);
        }
}

/* Of text that is like no JSON, and as it comes. */
TEST(any_bytes)
{
    static char text[TEXT_MAX / 2];
    static const char odd[] = "\"\\/=1\"2 \n\xC3\xA9{}[],:x";

    srand(1);
    for (int round = 0; round < 400; round++) {
        size_t n = 0;

        while (n + 3100 < sizeof(text) / (size_t)(1 + round % 4)) {
            n = add_run(text, n, (size_t)rand() % (rand() % 3 ? 40 : 3000),
                        (unsigned)rand() % 2);
            for (int i = rand() % 4; i > 0; i--)
                text[n++] = odd[(size_t)rand() % (sizeof(odd) - 1)];
            if (rand() % 2)
                n = add(text, n, rand() % 2 ? "1\"" : "2\"");
        }
        /* The cut of an escape at this very place counts otherwise. */
        for (size_t at = 0; at + 1 < n; at++)
            if (text[at] == '\\' && text[at + 1] != '/')
                text[at] = '.';
        text[n - 1] = '"';
        check(text, n, 0);
        check(text, n, n);
    }
}

/* A body that has two ends already takes all that comes. */
TEST(a_cut_body_stays_one)
{
    static char text[4096];
    struct llmobs_blob blob = {.most = stays, .how = 7};
    UNIT_ENDS(llmobs_body) body;
    size_t n = add(text, 0, "{\"1\"");

    n = add_run(text, n, 2000, 0);
    llmobs_body_init(&body, 512);
    (void)llmobs_blob_add(&blob, &body, text, n);
    ck_assert(body.truncated && !body.lost);
    ck_assert_uint_eq(body.total, n);
    ck_assert_uint_eq(body.left, 0);
    ck_assert_uint_eq(llmobs_body_tail(&body).len, 256);
    ck_assert_mem_eq(llmobs_body_tail(&body).data, text + n - 256, 256);
}

/* A body with a long text in it was too long to be kept; without that text the
 * rest of it fits. */
TEST(the_rest_fits_in)
{
    static char run[100000];
    struct llmobs_blob blob = {.most = stays, .how = 7};
    UNIT_ENDS(llmobs_body) body;

    (void)add_run(run, 0, sizeof(run), 0);
    llmobs_body_init(&body, 8192);
    for (int i = 0; i < 20; i++) {
        (void)llmobs_blob_add(&blob, &body, "{\"1\"", 4);
        (void)llmobs_blob_add(&blob, &body, run, sizeof(run));
        (void)llmobs_blob_add(&blob, &body, "\"}", 2);
    }
    ck_assert(!body.truncated && !body.lost);
    ck_assert_uint_eq(body.total, 20 * (sizeof(run) + 6));
    ck_assert_uint_lt(llmobs_body_len(&body), 20 * 100);
    /* Back into it: nobody knows where that would be. */
    llmobs_body_rewind(&body, 1000000);
    ck_assert(body.lost);
    llmobs_body_rewind(&body, 0);
    ck_assert(!body.lost);
    ck_assert_uint_eq(llmobs_body_len(&body), 0);
}

/* ---- which texts ----------------------------------------------------------
 */

#define TOLD LLMOBS_MEDIA_TOLD
#define IMAGES (TOLD | LLMOBS_MEDIA_IMAGES)
#define DATA (TOLD | LLMOBS_MEDIA_DATA)

static const struct {
    const char *before;
    unsigned media;
    size_t stays;
} texts[] = {
    {"{\"data\":\"", 0, SIZE_MAX},
    {"{\"data\":\"", TOLD, 0},
    {"{\"data\" :\n \"", TOLD, 0},
    {"{\"data\":\"", IMAGES, 0},
    {"{\"data\":\"", DATA, LLMOBS_MEDIA_MAX},
    {"\"media_type\":\"application/pdf\",\"data\":\"", DATA, 0},
    {"\"media_type\":\"application\\/pdf\", \"data\": \"", DATA, 0},
    {"\"media_type\":\"image/png\",\"data\":\"", DATA, LLMOBS_MEDIA_MAX},
    {"{\"b64_json\":\"", DATA, 0},
    {"{\"mydata\":\"", TOLD, SIZE_MAX},
    {"{\"text\":\"", TOLD, SIZE_MAX},
    {"{\"signature\":\"", TOLD, SIZE_MAX},
    {"{\"encrypted_content\":\"", TOLD, SIZE_MAX},
    {"{\"thoughtSignature\":\"", TOLD, SIZE_MAX},
    {"data\":\"", TOLD, SIZE_MAX},
    {"\"", TOLD, SIZE_MAX},
    {"", TOLD, SIZE_MAX},
    {"{\"data\" \"", TOLD, SIZE_MAX},
    {"{\"url\":\"data:image/png;base64,", TOLD, 0},
    {"{\"url\":\"data:image/png;base64,", DATA, 0},
    {"{\"url\":\"data:image/png;base64,", IMAGES, LLMOBS_MEDIA_MAX},
    {"{\"url\":\"DATA:Image\\/png;x=y;base64,", IMAGES, LLMOBS_MEDIA_MAX},
    {"{\"url\":\"data:application/pdf;base64,", IMAGES, 0},
    {"words ;base64,", IMAGES, 0},
    {"see data:audio/mp3;base64,", 0, SIZE_MAX},
    {"{\"images\":[\"", TOLD, 0},
    {"{\"images\" : [ \"", TOLD, 0},
    {"{\"texts\":[\"", TOLD, SIZE_MAX},
    {"iVBORw0KGgo...[912 bytes of base64, 1a2b3c4d]\", \"", TOLD, 0},
    {"iVBORw0KGgo...[912 bytes of base64, 1a2b3c4d]\", \"x\":\"", TOLD,
     SIZE_MAX},
    {"bytes of base64, 1a2b3c4d]\", \"", TOLD, SIZE_MAX},
};

TEST(members_of_media_alone)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct llmobs_text before = {texts[i].before, strlen(texts[i].before)};

        ck_assert_msg(llmobs_media_stays(texts[i].media, before) ==
                          texts[i].stays,
                      "%s", texts[i].before);
    }
}

static const struct {
    const char *text;
    uint64_t bytes;
    bool is;
} marks[] = {
    {"iVBORw0KGgo...[912 bytes of base64, 1a2b3c4d]", 912, true},
    {"...[18446744073709551615 bytes of base64, 00000000]", UINT64_MAX, true},
    {"...[ bytes of base64, 00000000]", 0, false},
    {"..[12 bytes of base64, 00000000]", 0, false},
    {"...[12 bytes of base64, 0000000]", 0, false},
    {"...[12 bytes of base64, 00000000]==", 12, true},
    {"AAAA...[12 bytes of base64, 00000000]\\u003D\\u003d", 12, true},
    {"...[12 bytes of base64, 00000000]u003d", 0, false},
    {"AAAA", 3, false},
    {"AAA=", 2, false},
    {"AA==", 1, false},
    {"]", 0, false},
    {"", 0, false},
};

TEST(sizes_are_told)
{
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
        struct llmobs_text text = {marks[i].text, strlen(marks[i].text)};
        uint64_t bytes = 0;

        ck_assert_msg(llmobs_media_left_out(text, &bytes) == marks[i].is, "%s",
                      marks[i].text);
        if (marks[i].is || text.len < 5)
            ck_assert_uint_eq(llmobs_media_base64(text), marks[i].bytes);
    }
}
