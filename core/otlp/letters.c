#include "core/otlp/letters.h"

#include <endian.h>
#include <string.h>

#include "core/text/json_clean.h"
#include "core/text/json_plain.h"

/* A block may be stored whole although only a part of it is taken, and an
 * escape has at most seven bytes. */
#define SLACK 16

/* Sixteen bytes at a time, by instructions that each processor has. */
typedef signed char block __attribute__((vector_size(16)));

struct letters {
    struct llmobs_buf *buf;
    const char *at, *end;
    char *to; /* up to `limit` there is room for all that is left, and SLACK */
    char *limit;
};

/* Marks the bytes that do not stand for themselves. A byte beyond ASCII is
 * negative. */
static inline block special_bytes(block bytes, enum llmobs_quoting quoting)
{
    if (quoting == LLMOBS_QUOTED_NOT)
        return bytes < 1;
    return (bytes < ' ') | (bytes == '"') | (bytes == '\\');
}

static inline bool is_special(char byte, enum llmobs_quoting quoting)
{
    signed char value = (signed char)byte;

    if (quoting == LLMOBS_QUOTED_NOT)
        return value < 1;
    return value < ' ' || value == '"' || value == '\\';
}

/* Answers how many bytes of a block precede the first marked one. */
static inline size_t unmarked(block marks)
{
    uint64_t half[2];

    memcpy(half, &marks, sizeof(half));
    if (half[0])
        return (size_t)__builtin_ctzll(le64toh(half[0])) / 8;
    if (half[1])
        return 8 + (size_t)__builtin_ctzll(le64toh(half[1])) / 8;
    return sizeof(marks);
}

/* Copies to the next byte that is special, or to the end. */
static inline void copy_plain(struct letters *l, enum llmobs_quoting quoting)
{
    while (l->end - l->at >= (ptrdiff_t)sizeof(block)) {
        block bytes;
        size_t len;

        memcpy(&bytes, l->at, sizeof(bytes));
        memcpy(l->to, &bytes, sizeof(bytes));
        len = unmarked(special_bytes(bytes, quoting));
        l->at += len;
        l->to += len;
        if (len < sizeof(bytes))
            return;
    }
    while (l->at < l->end && !is_special(*l->at, quoting))
        *l->to++ = *l->at++;
}

size_t llmobs_letters_good(struct llmobs_text text)
{
    size_t at = 0, len = 1;
    uint32_t point;

    while (at < text.len && len > 0) {
        struct llmobs_text rest;

        at += llmobs_json_plain_ascii(text.data + at, text.len - at);
        while (at < text.len && !is_special(text.data[at], LLMOBS_QUOTED_NOT))
            at++;
        rest = (struct llmobs_text){text.data + at, text.len - at};
        len = rest.len ? llmobs_utf8_decode(rest, &point) : 0;
        if (len == 1)
            len = 0; /* a NUL */
        at += len;
    }
    return at;
}

/* Makes room again, after some bytes became more than they were. */
static int make_room(struct letters *l)
{
    struct llmobs_buf *buf = l->buf;
    int rc;

    buf->len = (size_t)(l->to - buf->data);
    rc = llmobs_buf_reserve(buf, (size_t)(l->end - l->at) + SLACK);
    l->to = buf->data + buf->len;
    l->limit = buf->data + buf->cap - 1;
    return rc;
}

/* The letter that stands for a byte behind a backslash; 0: there is none. */
static const char names[] = {
    ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n',  ['\f'] = 'f',
    ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\',
};

static char *put_code(char *to, unsigned char byte)
{
    static const char hex[] = "0123456789abcdef";

    memcpy(to, "u00", 3);
    to[3] = hex[byte >> 4];
    to[4] = hex[byte & 0xF];
    return to + 5;
}

/* Writes the escape of one byte; quoted twice, the backslash is one that has an
 * escape itself, and so is the letter behind it where it is special. */
static inline char *put_escape(char *to, unsigned char byte,
                               enum llmobs_quoting quoting)
{
    char name = names[byte];

    *to++ = '\\';
    if (quoting == LLMOBS_QUOTED_TWICE)
        *to++ = '\\';
    if (!name)
        return put_code(to, byte);
    if (quoting == LLMOBS_QUOTED_TWICE && is_special(name, quoting))
        *to++ = '\\';
    *to++ = name;
    return to;
}

/* Takes a character beyond ASCII, a bad byte or a NUL. */
static void take_wide(struct letters *l)
{
    struct llmobs_text rest = {l->at, (size_t)(l->end - l->at)};
    uint32_t point;
    size_t len = llmobs_utf8_decode(rest, &point);

    if (len < 2) {
        memcpy(l->to, "\xEF\xBF\xBD", 3);
        l->to += 3;
        l->at++;
        return;
    }
    memcpy(l->to, l->at, len);
    l->to += len;
    l->at += len;
}

static inline __attribute__((always_inline)) int add_as(
    struct llmobs_buf *buf, enum llmobs_quoting quoting,
    struct llmobs_text text)
{
    struct letters l = {buf, text.data, text.data + text.len, NULL, NULL};
    int rc = 0;

    l.to = buf->data + buf->len;
    l.limit = buf->data + buf->cap - 1;
    for (;;) {
        copy_plain(&l, quoting);
        if (l.at == l.end)
            break;
        if ((signed char)*l.at > 0)
            l.to = put_escape(l.to, (unsigned char)*l.at++, quoting);
        else
            take_wide(&l);
        if (l.limit - l.to < l.end - l.at + SLACK && (rc = make_room(&l)) != 0)
            break;
    }
    buf->len = (size_t)(l.to - buf->data);
    buf->data[buf->len] = '\0';
    return rc;
}

int llmobs_letters_add(struct llmobs_buf *buf, enum llmobs_quoting quoting,
                       struct llmobs_text text)
{
    int rc = text.len ? llmobs_buf_reserve(buf, text.len + SLACK) : 0;

    if (rc || text.len == 0)
        return rc;
    switch (quoting) {
    case LLMOBS_QUOTED:
        return add_as(buf, LLMOBS_QUOTED, text);
    case LLMOBS_QUOTED_TWICE:
        return add_as(buf, LLMOBS_QUOTED_TWICE, text);
    default:
        return add_as(buf, LLMOBS_QUOTED_NOT, text);
    }
}
