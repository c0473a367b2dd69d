/* Validates JSON text, and repairs bad bytes. */
#include "lib/text/json_clean.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/work.h"
#include "lib/text/json.h"
#include "lib/text/json_plain.h"

#define REPLACEMENT "\xEF\xBF\xBD"
#define GROWTH_MAX 6 /* one control character: \u00XX */

/* This many digits decide whether a number rounds to infinity: the limit,
 * halfway beyond the largest double, has 309 of them. */
#define DIGITS_MAX 320
#define EXPONENT_MAX 1000000000000000

/* The next thing that the grammar allows. */
enum expected {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END,
    EXPECT_KEY,
    EXPECT_KEY_OR_END,
    EXPECT_COLON,
    EXPECT_MORE_OR_END /* outside of any container: nothing */
};

struct cleaner {
    const unsigned char *in;
    size_t len;
    size_t at;
    size_t copied; /* input bytes that `out` already stands for */
    struct llmobs_buf *out;
    size_t tokens;
    size_t work; /* steps that were not counted yet */
    size_t depth;
    enum expected expected;
    enum llmobs_json_token token; /* the last token */
    llmobs_json_token_fn *take;   /* NULL: the text is wanted as a whole */
    void *ctx;
    bool objects[LLMOBS_JSON_DEPTH_MAX]; /* which open containers are objects */
};

/* A number as written, without sign. */
struct number {
    size_t whole; /* offset of its first digit */
    size_t whole_len;
    size_t frac; /* offset behind the point */
    size_t frac_len;
    int64_t exponent;
    bool real;
};

static bool is_continued(unsigned char byte)
{
    return (byte & 0xC0u) == 0x80u;
}

size_t llmobs_utf8_fit(const char *text, size_t max)
{
    for (int i = 0; i < 3 && max > 0 && is_continued((unsigned char)text[max]);
         i++)
        max--;
    return max;
}

size_t llmobs_utf8_decode(struct llmobs_text text, uint32_t *point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *in = (const unsigned char *)text.data;
    uint32_t value;
    size_t len;

    if (text.len == 0)
        return 0;
    if (in[0] < 0x80) {
        *point = in[0];
        return 1;
    }
    if (in[0] < 0xC2 || in[0] > 0xF4)
        return 0;
    len = in[0] < 0xE0 ? 2 : in[0] < 0xF0 ? 3 : 4;
    if (text.len < len)
        return 0;
    value = in[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (!is_continued(in[i]))
            return 0;
        value = value << 6 | (in[i] & 0x3Fu);
    }
    if (value < least[len] || value > 0x10FFFF ||
        (value >= 0xD800 && value <= 0xDFFF))
        return 0;
    *point = value;
    return len;
}

static void start_cleaning(struct cleaner *c, struct llmobs_text text,
                           struct llmobs_buf *scratch)
{
    memset(c, 0, sizeof(*c));
    c->in = (const unsigned char *)text.data;
    c->len = text.len;
    c->out = scratch;
    llmobs_buf_init(scratch, text.len < SIZE_MAX / GROWTH_MAX - 1
                                 ? (text.len + 1) * GROWTH_MAX
                                 : SIZE_MAX);
}

/* Replaces the next `len` input bytes by `text`. */
static int replace_input(struct cleaner *c, size_t len, const char *text)
{
    int rc = -ENOMEM;

    if (llmobs_work_some(&c->work, LLMOBS_WORK_MEND))
        rc = llmobs_buf_add(c->out, c->in + c->copied, c->at - c->copied);
    if (rc == 0)
        rc = llmobs_buf_adds(c->out, text);
    c->at += len;
    c->copied = c->at;
    return rc == -EFBIG ? -ENOMEM : rc;
}

static int finish_cleaning(struct cleaner *c, struct llmobs_text *clean)
{
    int rc;

    if (c->out->len == 0) {
        clean->data = (const char *)c->in + c->copied;
        clean->len = c->len - c->copied;
        return 0;
    }
    rc = replace_input(c, 0, "");
    clean->data = c->out->data;
    clean->len = c->out->len;
    return rc;
}

/* Passes one character beyond ASCII, or replaces a bad byte. */
static int clean_wide(struct cleaner *c)
{
    struct llmobs_text rest = {(const char *)c->in + c->at, c->len - c->at};
    uint32_t point;
    size_t len = llmobs_utf8_decode(rest, &point);

    if (len == 0)
        return replace_input(c, 1, REPLACEMENT);
    if (!llmobs_work_some(&c->work, LLMOBS_WORK_ODD))
        return -ENOMEM;
    c->at += len;
    return 0;
}

/* Writes the escape of a raw control character. The grammar forbids such a
 * character, but providers' parsers accept it: so the text is kept. */
static int clean_control(struct cleaner *c)
{
    unsigned char byte = c->in[c->at];
    char escape[] = "\\u0000";

    if (byte == 0)
        return replace_input(c, 1, REPLACEMENT);
    escape[4] = byte < 0x10 ? '0' : '1';
    escape[5] = "0123456789abcdef"[byte & 0xF];
    return replace_input(c, 1, escape);
}

/* Reads the four hex digits of a \u escape at `at`; -1: no such escape. */
static int32_t read_unit(const struct cleaner *c, size_t at)
{
    int32_t unit = 0;

    if (c->len - at < 6 || c->in[at] != '\\' || c->in[at + 1] != 'u')
        return -1;
    for (size_t i = at + 2; i < at + 6; i++) {
        unsigned char byte = c->in[i];
        unsigned char low = byte | 0x20;

        if (llmobs_is_digit(byte))
            unit = unit * 16 + (byte - '0');
        else if (low >= 'a' && low <= 'f')
            unit = unit * 16 + (low - 'a' + 10);
        else
            return -1;
    }
    return unit;
}

static int clean_unicode(struct cleaner *c)
{
    int32_t unit = read_unit(c, c->at);
    int32_t next;

    if (unit < 0)
        return -EINVAL;
    if (unit == 0 || (unit >= 0xDC00 && unit <= 0xDFFF))
        return replace_input(c, 6, "\\ufffd");
    if (unit >= 0xD800 && unit <= 0xDBFF) {
        next = read_unit(c, c->at + 6);
        if (next < 0xDC00 || next > 0xDFFF)
            return replace_input(c, 6, "\\ufffd");
        c->at += 6;
    }
    c->at += 6;
    return 0;
}

static bool is_escape(unsigned char name)
{
    switch (name) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return true;
    default:
        return false;
    }
}

static int clean_escape(struct cleaner *c)
{
    unsigned char next = c->at + 1 < c->len ? c->in[c->at + 1] : 0;

    if (!llmobs_work_some(&c->work, LLMOBS_WORK_ODD))
        return -ENOMEM;
    if (next == 'u')
        return clean_unicode(c);
    if (!is_escape(next))
        return -EINVAL;
    c->at += 2;
    return 0;
}

static const char *rest_of(const struct cleaner *c)
{
    return (const char *)c->in + c->at;
}

static int clean_string(struct cleaner *c)
{
    int rc = 0;

    c->at++;
    while (rc == 0) {
        c->at +=
            llmobs_json_run(rest_of(c), c->len - c->at, LLMOBS_JSON_STOP_ODD);
        if (c->at == c->len)
            return -EINVAL;
        if (c->in[c->at] == '"')
            break;
        if (c->in[c->at] == '\\')
            rc = clean_escape(c);
        else if (c->in[c->at] < 0x20)
            rc = clean_control(c);
        else if (c->in[c->at] == 0x7F)
            c->at++;
        else
            rc = clean_wide(c);
    }
    c->at++;
    return rc;
}

static size_t skip_digits(struct cleaner *c)
{
    size_t first = c->at;

    while (c->at < c->len && llmobs_is_digit(c->in[c->at]))
        c->at++;
    return c->at - first;
}

static bool skip_either(struct cleaner *c, unsigned char one,
                        unsigned char other)
{
    if (c->at == c->len || (c->in[c->at] != one && c->in[c->at] != other))
        return false;
    c->at++;
    return true;
}

static bool read_number(struct cleaner *c, struct number *n)
{
    bool negative;
    size_t first;

    memset(n, 0, sizeof(*n));
    (void)skip_either(c, '-', '-');
    n->whole = c->at;
    n->whole_len = skip_digits(c);
    if (n->whole_len == 0 || (n->whole_len > 1 && c->in[n->whole] == '0'))
        return false;
    n->frac = c->at;
    if (skip_either(c, '.', '.')) {
        n->real = true;
        n->frac = c->at;
        n->frac_len = skip_digits(c);
        if (n->frac_len == 0)
            return false;
    }
    if (skip_either(c, 'e', 'E')) {
        n->real = true;
        negative = c->at < c->len && c->in[c->at] == '-';
        (void)skip_either(c, '+', '-');
        first = c->at;
        if (skip_digits(c) == 0)
            return false;
        for (size_t i = first; i < c->at; i++) {
            if (n->exponent < EXPONENT_MAX)
                n->exponent = n->exponent * 10 + (c->in[i] - '0');
        }
        if (negative)
            n->exponent = -n->exponent;
    }
    return true;
}

static unsigned char digit_at(const struct cleaner *c, const struct number *n,
                              size_t i)
{
    return i < n->whole_len ? c->in[n->whole + i]
                            : c->in[n->frac + i - n->whole_len];
}

/* True when the number rounds to infinity. The power of ten of its first digit
 * decides, except at one power, where the digits decide. */
static bool is_infinite(const struct cleaner *c, const struct number *n)
{
    size_t digits = n->whole_len + n->frac_len;
    char text[DIGITS_MAX + 16];
    size_t first = 0;
    int64_t power;
    int len = 0;

    if (n->exponent <= 0 && n->whole_len < 309)
        return false;
    while (first < digits && digit_at(c, n, first) == '0')
        first++;
    if (first == digits)
        return false;
    power = (int64_t)n->whole_len - 1 - (int64_t)first + n->exponent;
    if (power != 308)
        return power > 308;
    for (size_t i = first; i < digits && len < DIGITS_MAX; i++)
        text[len++] = (char)digit_at(c, n, i);
    (void)snprintf(text + len, 16, "e%d", 308 - (len - 1));
    return isinf(strtod(text, NULL));
}

static int clean_number(struct cleaner *c)
{
    size_t first = c->at;
    struct number n;
    const char *most;
    size_t len;

    if (!read_number(c, &n))
        return -EINVAL;
    c->token = n.real ? LLMOBS_JSON_TOKEN_REAL : LLMOBS_JSON_TOKEN_INT;
    if (is_infinite(c, &n)) {
        c->token = LLMOBS_JSON_TOKEN_NULL;
        len = c->at - first;
        c->at = first;
        return replace_input(c, len, "null");
    }
    most = n.whole > 0 && c->in[n.whole - 1] == '-' ? "9223372036854775808"
                                                    : "9223372036854775807";
    if (n.real || n.whole_len < 19 ||
        (n.whole_len == 19 && memcmp(c->in + n.whole, most, 19) <= 0))
        return 0;
    c->token = LLMOBS_JSON_TOKEN_REAL;
    return replace_input(c, 0, ".0");
}

static int skip_word(struct cleaner *c, const char *word,
                     enum llmobs_json_token token)
{
    size_t len = strlen(word);

    c->token = token;
    if (c->len - c->at < len || memcmp(c->in + c->at, word, len) != 0)
        return -EINVAL;
    c->at += len;
    return 0;
}

/* Reads NaN or Infinity: Python writes them although JSON has no such words. */
static int clean_no_number(struct cleaner *c, const char *word)
{
    size_t first = c->at;
    int rc = skip_word(c, word, LLMOBS_JSON_TOKEN_NULL);

    if (rc != 0)
        return rc;
    c->at = first;
    return replace_input(c, strlen(word), "null");
}

/* Begins the text of a token anew; only a taker of tokens wants it separate. */
static void begin_token(struct cleaner *c)
{
    c->copied = c->at;
    if (c->out->len > 0)
        llmobs_buf_cut(c->out, 0);
}

/* Gives the token that began at `first`. */
static int pass_token(struct cleaner *c, size_t first)
{
    struct llmobs_text text = {(const char *)c->in + first, c->at - first};
    int rc = 0;

    if (c->out->len > 0) {
        rc = replace_input(c, 0, "");
        text.data = c->out->data;
        text.len = c->out->len;
    }
    if (c->token == LLMOBS_JSON_TOKEN_KEY ||
        c->token == LLMOBS_JSON_TOKEN_STRING) {
        text.data++;
        text.len -= 2;
    }
    return rc == 0 ? c->take(c->ctx, c->token, text) : rc;
}

static int close_container(struct cleaner *c, bool object)
{
    enum expected empty = object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;

    if (c->depth == 0 || c->objects[c->depth - 1] != object ||
        (c->expected != EXPECT_MORE_OR_END && c->expected != empty))
        return -EINVAL;
    c->depth--;
    c->expected = EXPECT_MORE_OR_END;
    c->token = LLMOBS_JSON_TOKEN_CLOSE;
    c->at++;
    if (!c->take)
        return 0;
    begin_token(c);
    return pass_token(c, c->at);
}

static int clean_value(struct cleaner *c)
{
    unsigned char byte = c->in[c->at];

    c->expected = EXPECT_MORE_OR_END;
    switch (byte) {
    case '{':
    case '[':
        if (c->depth == LLMOBS_JSON_DEPTH_MAX)
            return -E2BIG;
        c->objects[c->depth++] = byte == '{';
        c->token = byte == '{' ? LLMOBS_JSON_TOKEN_OPEN_OBJECT
                               : LLMOBS_JSON_TOKEN_OPEN_ARRAY;
        c->expected = byte == '{' ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
        c->at++;
        return 0;
    case '"':
        c->token = LLMOBS_JSON_TOKEN_STRING;
        return clean_string(c);
    case 't':
        return skip_word(c, "true", LLMOBS_JSON_TOKEN_TRUE);
    case 'f':
        return skip_word(c, "false", LLMOBS_JSON_TOKEN_FALSE);
    case 'n':
        return skip_word(c, "null", LLMOBS_JSON_TOKEN_NULL);
    case 'N':
        return clean_no_number(c, "NaN");
    case 'I':
        return clean_no_number(c, "Infinity");
    case '-':
        if (c->len - c->at > 1 && c->in[c->at + 1] == 'I')
            return clean_no_number(c, "-Infinity");
        return clean_number(c);
    default:
        return llmobs_is_digit(byte) ? clean_number(c) : -EINVAL;
    }
}

static int clean_next(struct cleaner *c)
{
    unsigned char byte = c->in[c->at];

    switch (byte) {
    case ' ':
    case '\t':
    case '\n':
    case '\r':
        c->at++;
        return 0;
    case ',':
        if (c->expected != EXPECT_MORE_OR_END || c->depth == 0)
            return -EINVAL;
        c->expected = c->objects[c->depth - 1] ? EXPECT_KEY : EXPECT_VALUE;
        c->at++;
        return 0;
    case ':':
        if (c->expected != EXPECT_COLON)
            return -EINVAL;
        c->expected = EXPECT_VALUE;
        c->at++;
        return 0;
    case '}':
    case ']':
        return close_container(c, byte == '}');
    default: {
        bool key =
            c->expected == EXPECT_KEY || c->expected == EXPECT_KEY_OR_END;
        size_t first = c->at;
        int rc;

        if (c->expected == EXPECT_COLON || c->expected == EXPECT_MORE_OR_END)
            return -EINVAL;
        if (++c->tokens > LLMOBS_JSON_TOKENS_MAX)
            return -E2BIG;
        if (!llmobs_work_some(&c->work, LLMOBS_WORK_VALUE))
            return -ENOMEM;
        if (c->take)
            begin_token(c);
        if (!key) {
            rc = clean_value(c);
        } else {
            c->expected = EXPECT_COLON;
            c->token = LLMOBS_JSON_TOKEN_KEY;
            rc = c->in[c->at] == '"' ? clean_string(c) : -EINVAL;
        }
        return rc == 0 && c->take ? pass_token(c, first) : rc;
    }
    }
}

/* Passes the whole document; the cleaner has started. */
static int clean_document(struct cleaner *c)
{
    int rc = 0;

    if (c->len >= 3 && memcmp(c->in, "\xEF\xBB\xBF", 3) == 0)
        c->at = c->copied = 3;
    if (!llmobs_work_do(c->len))
        rc = -ENOMEM;
    while (rc == 0 && c->at < c->len)
        rc = clean_next(c);
    if (rc == 0 && (c->depth > 0 || c->expected != EXPECT_MORE_OR_END))
        rc = -EINVAL;
    if (rc == 0 && !llmobs_work_do(c->work))
        rc = -ENOMEM;
    return rc;
}

int llmobs_json_clean(struct llmobs_text text, struct llmobs_buf *scratch,
                      struct llmobs_text *clean)
{
    struct cleaner c;
    int rc;

    start_cleaning(&c, text, scratch);
    rc = clean_document(&c);
    return rc == 0 ? finish_cleaning(&c, clean) : rc;
}

int llmobs_json_tokens(struct llmobs_text text, llmobs_json_token_fn *take,
                       void *ctx)
{
    struct llmobs_buf scratch;
    struct cleaner c;
    int rc;

    start_cleaning(&c, text, &scratch);
    c.take = take;
    c.ctx = ctx;
    rc = clean_document(&c);
    llmobs_buf_fini(&scratch);
    return rc;
}

/* A text without a byte to repair needs no cleaner. */
int llmobs_json_clean_string(struct llmobs_text text, size_t steps,
                             struct llmobs_buf *scratch,
                             struct llmobs_text *clean)
{
    size_t plain = llmobs_json_run(text.data, text.len, LLMOBS_JSON_STOP_BAD);
    struct cleaner c;
    int rc = 0;

    llmobs_buf_init(scratch, 0);
    if (!llmobs_work_do(text.len / 4 + steps))
        return -ENOMEM;
    *clean = text;
    if (plain == text.len)
        return 0;
    start_cleaning(&c, text, scratch);
    for (c.at = plain; rc == 0 && c.at < c.len;
         c.at +=
         llmobs_json_run(rest_of(&c), c.len - c.at, LLMOBS_JSON_STOP_BAD))
        rc = c.in[c.at] == 0 ? replace_input(&c, 1, REPLACEMENT)
                             : clean_wide(&c);
    if (rc == 0 && !llmobs_work_do(c.work))
        rc = -ENOMEM;
    return rc == 0 ? finish_cleaning(&c, clean) : rc;
}
