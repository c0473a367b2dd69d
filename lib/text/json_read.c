/* Parses JSON text into values. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/scratch.h"
#include "lib/base/work.h"
#include "lib/text/decimal.h"
#include "lib/text/json_clean.h"
#include "lib/text/json_value.h"

/* A string with escapes keeps unused memory up to this. */
#define SLACK_MAX 64
/* A string of so many bytes, without escapes, may stay in its document. */
#define LENT_MIN ((size_t)64 * 1024)

/* Makes values of the tokens that json_clean passes: their grammar is checked,
 * and their text is repaired. */
struct builder {
    struct llmobs_json *root;
    struct llmobs_json *open[LLMOBS_JSON_DEPTH_MAX]; /* owned by the root */
    size_t depth;
    struct llmobs_json_member *member; /* the member whose value comes next */
    struct llmobs_buf text;            /* of the key or number that is read */
    bool masked;                       /* llmobs_json_parse_masked */
    struct llmobs_text lends;          /* the document; empty: lends nothing */
};

/* Puts a value in its place; takes it. */
static int put_value(struct builder *b, struct llmobs_json *value)
{
    struct llmobs_json *in = b->depth > 0 ? b->open[b->depth - 1] : NULL;

    if (value == NULL)
        return -ENOMEM;
    if (in == NULL)
        b->root = value;
    else if (in->type == LLMOBS_JSON_ARRAY)
        return llmobs_json_value_add(in, value);
    else
        llmobs_json_fill(in, b->member, value);
    return 0;
}

static int open_container(struct builder *b, struct llmobs_json *value)
{
    int rc = put_value(b, value);

    if (rc == 0)
        b->open[b->depth++] = value;
    return rc;
}

/* Reads the digits of a \u escape. */
static uint32_t read_unit(const char *at)
{
    uint32_t unit = 0;

    for (int i = 0; i < 4; i++) {
        unsigned char byte = (unsigned char)at[i];
        unsigned value = byte <= '9' ? byte : (byte | 0x20u) - 'a' + 10u;

        unit = unit << 4 | (value & 0xF);
    }
    return unit;
}

static size_t encode_utf8(uint32_t point, char *out)
{
    size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0, 0xC0, 0xE0, 0xF0};

    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80u | (point & 0x3Fu));
        point >>= 6;
    }
    out[0] = (char)(first[len < 2 ? 0 : len] | point);
    return len;
}

/* Reads the escape at `at`; gives its length. */
static size_t read_escape(const char *at, char **out)
{
    static const char bytes[] = {
        ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};
    unsigned char name = (unsigned char)at[1];

    if (name == 'u') {
        uint32_t point = read_unit(at + 2);
        bool pair = point >= 0xD800 && point <= 0xDBFF;

        if (pair)
            point =
                0x10000 + ((point - 0xD800) << 10) + read_unit(at + 8) - 0xDC00;
        *out += encode_utf8(point, *out);
        return pair ? 12 : 6;
    }
    *(*out)++ = name < sizeof(bytes) && bytes[name] ? bytes[name] : (char)name;
    return 2;
}

/* Writes the characters of a string, which are never longer than its text.
 * Answers their length. */
static size_t read_string(struct llmobs_text text, char *out)
{
    const char *end = text.data + text.len;
    char *to = out;

    for (const char *at = text.data; at < end;) {
        const char *slash = memchr(at, '\\', (size_t)(end - at));
        size_t run = (size_t)((slash ? slash : end) - at);

        memcpy(to, at, run);
        to += run;
        at += run;
        if (slash)
            at += read_escape(at, &to);
    }
    return (size_t)(to - out);
}

struct llmobs_json *llmobs_json_value_text(struct llmobs_text text)
{
    struct llmobs_json *json = llmobs_json_value_string(text.len), *less;
    size_t len;

    if (json == NULL)
        return NULL;
    len = read_string(text, llmobs_json_bytes(json));
    json->len = len;
    llmobs_json_bytes(json)[len] = '\0';
    if (text.len - len < SLACK_MAX)
        return json;
    less = realloc(json, sizeof(*json) + len + 1);
    return less != NULL ? less : json;
}

/* True where the text has only escapes that a dump writes in the same way. */
static bool is_dumped_alike(struct llmobs_text text)
{
    const char *at = text.data, *end = at + text.len;

    while ((at = memchr(at, '\\', (size_t)(end - at))) != NULL) {
        if (at[1] == 'u' || at[1] == '/')
            return false;
        at += 2;
    }
    return true;
}

static int read_token(void *ctx, enum llmobs_json_token token,
                      struct llmobs_text text)
{
    struct builder *b = ctx;
    struct llmobs_json *value;
    double number;

    switch (token) {
    case LLMOBS_JSON_TOKEN_OPEN_OBJECT:
        return open_container(b, llmobs_json_value_object());
    case LLMOBS_JSON_TOKEN_OPEN_ARRAY:
        return open_container(b, llmobs_json_value_array());
    case LLMOBS_JSON_TOKEN_CLOSE:
        b->depth--;
        return 0;
    case LLMOBS_JSON_TOKEN_KEY: {
        struct llmobs_json *in = b->open[b->depth - 1];
        size_t steps = llmobs_json_place_work(in);
        int rc;

        if (memchr(text.data, '\\', text.len)) {
            llmobs_buf_cut(&b->text, 0);
            rc = llmobs_buf_reserve(&b->text, text.len);
            if (rc != 0)
                return -ENOMEM;
            text.len = read_string(text, b->text.data);
            text.data = b->text.data;
        }
        /* A token's cost covers the place in a small object. */
        if (steps >= LLMOBS_WORK_VALUE && !llmobs_work_do(steps))
            return -ENOMEM;
        b->member = llmobs_json_place(in, text);
        return b->member != NULL ? 0 : -ENOMEM;
    }
    case LLMOBS_JSON_TOKEN_STRING: {
        /* A text that was repaired does not lie in the document. */
        uintptr_t at = (uintptr_t)text.data - (uintptr_t)b->lends.data;
        bool lent = text.len >= LENT_MIN && at < b->lends.len &&
                    !memchr(text.data, '\\', text.len);

        value =
            lent ? llmobs_json_value_lent(text) : llmobs_json_value_text(text);
        if (value != NULL)
            value->searched =
                b->masked && (value->len == text.len || is_dumped_alike(text));
        return put_value(b, value);
    }
    case LLMOBS_JSON_TOKEN_INT: {
        bool negative = text.data[0] == '-';
        uint64_t whole = 0;

        for (size_t i = negative; i < text.len; i++)
            whole = whole * 10 + (uint64_t)(text.data[i] - '0');
        value = llmobs_json_int((int64_t)(negative ? -whole : whole));
        return put_value(b, b->masked ? llmobs_json_searched(value) : value);
    }
    case LLMOBS_JSON_TOKEN_REAL:
        if (llmobs_decimal_read(text, &b->text, &number) != 0)
            return -ENOMEM;
        value = llmobs_json_real(number);
        return put_value(b, b->masked ? llmobs_json_searched(value) : value);
    case LLMOBS_JSON_TOKEN_TRUE:
        return put_value(b, llmobs_json_bool(true));
    case LLMOBS_JSON_TOKEN_FALSE:
        return put_value(b, llmobs_json_bool(false));
    case LLMOBS_JSON_TOKEN_NULL:
        break;
    }
    return put_value(b, llmobs_json_null());
}

static int parse(struct llmobs_text text, bool masked, bool lends,
                 struct llmobs_json **json)
{
    struct builder *b = llmobs_scratch_alloc(sizeof(*b));
    int rc;

    *json = NULL;
    if (!b)
        return -ENOMEM;
    b->root = NULL;
    b->depth = 0;
    b->masked = masked;
    b->lends = (struct llmobs_text){text.data, lends ? text.len : 0};
    llmobs_buf_init(&b->text, SIZE_MAX);
    rc = llmobs_json_tokens(text, read_token, b);
    llmobs_buf_fini(&b->text);
    if (rc != 0)
        llmobs_json_free(b->root);
    else
        *json = b->root;
    llmobs_scratch_free(b);
    return rc;
}

int llmobs_json_parse(struct llmobs_text text, struct llmobs_json **json)
{
    return parse(text, false, false, json);
}

int llmobs_json_parse_masked(struct llmobs_text text, bool lends,
                             struct llmobs_json **json)
{
    return parse(text, true, lends, json);
}
