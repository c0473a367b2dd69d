#include "core/text/json_build.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/scratch.h"

struct builder {
    const char *at, *end;
    struct llmobs_json *root;
    struct llmobs_json *open[LLMOBS_JSON_DEPTH_MAX]; /* owned by the root */
    size_t depth;
    struct llmobs_buf key;
    bool has_key; /* its value comes next */
    struct llmobs_buf text;
};

/* Takes the value. */
static int put(struct builder *b, struct llmobs_json *value)
{
    struct llmobs_json *in = b->depth > 0 ? b->open[b->depth - 1] : NULL;

    if (value == NULL)
        return -ENOMEM;
    if (in == NULL) {
        b->root = value;
        return 0;
    }
    if (!b->has_key)
        return llmobs_json_add(in, value);
    b->has_key = false;
    return llmobs_json_set(in, b->key.data, value);
}

/* The digits of a \u escape; they are moved behind. */
static uint32_t read_unit(struct builder *b)
{
    uint32_t unit = 0;

    for (int i = 0; i < 4; i++) {
        unsigned char byte = (unsigned char)*b->at++;
        unsigned value = byte <= '9' ? byte : (byte | 0x20u) - 'a' + 10u;

        unit = unit << 4 | (value & 0xF);
    }
    return unit;
}

static size_t encode(uint32_t point, char out[4])
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

static int read_escape(struct builder *b, struct llmobs_buf *out)
{
    static const char names[] = "bfnrt", bytes[] = "\b\f\n\r\t";
    char name = b->at[1];
    const char *known = strchr(names, name);
    char wide[4];
    uint32_t point;

    b->at += 2;
    if (name != 'u')
        return llmobs_buf_addc(out, known ? bytes[known - names] : name);
    point = read_unit(b);
    if (point >= 0xD800 && point <= 0xDBFF) {
        b->at += 2;
        point = 0x10000 + ((point - 0xD800) << 10) + (read_unit(b) - 0xDC00);
    }
    return llmobs_buf_add(out, wide, encode(point, wide));
}

static size_t plain_run(const struct builder *b)
{
    const char *at = b->at;

    while (at < b->end && *at != '"' && *at != '\\')
        at++;
    return (size_t)(at - b->at);
}

static int read_string(struct builder *b, struct llmobs_buf *out)
{
    int rc = 0;

    llmobs_buf_cut(out, 0);
    b->at++;
    while (rc == 0) {
        size_t run = plain_run(b);

        rc = llmobs_buf_add(out, b->at, run);
        b->at += run;
        if (*b->at == '"')
            break;
        if (rc == 0)
            rc = read_escape(b, out);
    }
    b->at++;
    return rc == 0 ? 0 : -ENOMEM;
}

static struct llmobs_json *read_int(const char *text)
{
    bool negative = text[0] == '-';
    uint64_t number = 0;

    for (const char *at = text + negative; *at != '\0'; at++)
        number = number * 10 + (uint64_t)(*at - '0');
    return llmobs_json_int((int64_t)(negative ? -number : number));
}

/* strtod asks the thread's locale for the point. */
static struct llmobs_json *read_real(const char *text)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t old = plain != (locale_t)0 ? uselocale(plain) : (locale_t)0;
    double number = strtod(text, NULL);

    if (plain != (locale_t)0) {
        (void)uselocale(old);
        freelocale(plain);
    }
    return llmobs_json_real(number);
}

static int build_number(struct builder *b)
{
    const char *first = b->at;
    const char *digits;

    while (b->at < b->end && *b->at != '\0' &&
           strchr("0123456789+-.eE", *b->at) != NULL)
        b->at++;
    llmobs_buf_cut(&b->text, 0);
    if (llmobs_buf_add(&b->text, first, (size_t)(b->at - first)) != 0)
        return -ENOMEM;
    digits = b->text.data;
    return put(b,
               strpbrk(digits, ".eE") ? read_real(digits) : read_int(digits));
}

static int build_word(struct builder *b, size_t len, struct llmobs_json *value)
{
    b->at += len;
    return put(b, value);
}

static int build_string(struct builder *b)
{
    bool key = b->depth > 0 && !b->has_key &&
               llmobs_json_is_object(b->open[b->depth - 1]);
    int rc = read_string(b, key ? &b->key : &b->text);

    b->has_key |= key;
    if (key || rc != 0)
        return rc;
    return put(b, llmobs_json_stringn(b->text.data, b->text.len));
}

static int open_container(struct builder *b, struct llmobs_json *value)
{
    int rc = build_word(b, 1, value);

    if (rc == 0)
        b->open[b->depth++] = value;
    return rc;
}

static int build_next(struct builder *b)
{
    switch (*b->at) {
    case '{':
        return open_container(b, llmobs_json_object());
    case '[':
        return open_container(b, llmobs_json_array());
    case '"':
        return build_string(b);
    case 't':
        return build_word(b, 4, llmobs_json_bool(true));
    case 'f':
        return build_word(b, 5, llmobs_json_bool(false));
    case 'n':
        return build_word(b, 4, llmobs_json_null());
    case '}':
    case ']':
        b->depth--;
        break;
    case ',':
    case ':':
    case ' ':
    case '\t':
    case '\n':
    case '\r':
        break;
    default:
        return build_number(b);
    }
    b->at++;
    return 0;
}

int llmobs_json_build(struct llmobs_text clean, struct llmobs_json **out)
{
    struct builder *b = llmobs_scratch_take(sizeof(*b));
    int rc = 0;

    *out = NULL;
    if (!b)
        return -ENOMEM;
    b->at = clean.data;
    b->end = clean.data + clean.len;
    b->root = NULL;
    b->depth = 0;
    b->has_key = false;
    llmobs_buf_init(&b->key, clean.len);
    llmobs_buf_init(&b->text, clean.len);
    while (rc == 0 && b->at < b->end)
        rc = build_next(b);
    llmobs_buf_fini(&b->key);
    llmobs_buf_fini(&b->text);
    if (rc != 0)
        llmobs_json_free(b->root);
    else
        *out = b->root;
    llmobs_scratch_give(b);
    return rc;
}
