#include "core/otlp/letters.h"

#include <endian.h>
#include <string.h>

#include "core/text/json_clean.h"
#include "core/text/json_plain.h"

/* A word may be stored whole although only a part of it is taken, and an escape
 * has at most seven bytes. */
#define SLACK 16

struct letters {
    struct llmobs_buf *buf;
    char *to; /* the buffer has room for all that is left, and SLACK more */
    const char *at, *end;
    enum llmobs_quoting quoting;
};

/* Marks the bytes of a word that do not stand for themselves; the first mark
 * in memory is right. */
static inline uint64_t special_bytes(uint64_t word, enum llmobs_quoting quoting)
{
    uint64_t wide = word & LLMOBS_JSON_ALL(0x80);

    word = le64toh(word);
    wide = le64toh(wide);
    if (quoting == LLMOBS_QUOTED_NOT)
        return wide | llmobs_json_plain_below(word, 1);
    return wide | llmobs_json_plain_below(word, 0x20) |
           llmobs_json_plain_below(word ^ LLMOBS_JSON_ALL('"'), 1) |
           llmobs_json_plain_below(word ^ LLMOBS_JSON_ALL('\\'), 1);
}

static inline bool is_special(unsigned char byte, enum llmobs_quoting quoting)
{
    if (quoting == LLMOBS_QUOTED_NOT)
        return byte == 0 || byte >= 0x80;
    return byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\';
}

/* Copies to the next byte that is special, or to the end. */
static inline void copy_plain(struct letters *l, enum llmobs_quoting quoting)
{
    while (l->end - l->at >= (ptrdiff_t)sizeof(uint64_t)) {
        uint64_t word, marks;
        size_t len = sizeof(word);

        memcpy(&word, l->at, sizeof(word));
        memcpy(l->to, &word, sizeof(word));
        marks = special_bytes(word, quoting);
        if (marks)
            len = (size_t)__builtin_ctzll(marks) / 8;
        l->at += len;
        l->to += len;
        if (marks)
            return;
    }
    while (l->at < l->end && !is_special((unsigned char)*l->at, quoting))
        *l->to++ = *l->at++;
}

size_t llmobs_letters_good(struct llmobs_text text)
{
    size_t at = 0, len = 1;
    uint32_t point;

    while (at < text.len && len > 0) {
        struct llmobs_text rest;

        at += llmobs_json_plain_ascii(text.data + at, text.len - at);
        rest = (struct llmobs_text){text.data + at, text.len - at};
        len = llmobs_utf8_decode(rest, &point);
        if (len > 0 && point == 0)
            len = 0;
        at += len;
    }
    return at;
}

/* Makes sure of the room after some bytes became more than they were. */
static int make_room(struct letters *l)
{
    size_t need = (size_t)(l->end - l->at) + SLACK;
    int rc;

    l->buf->len = (size_t)(l->to - l->buf->data);
    if (l->buf->cap - l->buf->len > need)
        return 0;
    rc = llmobs_buf_reserve(l->buf, need);
    l->to = l->buf->data + l->buf->len;
    return rc;
}

/* Writes the JSON escape of one byte; answers its length. */
static size_t escape(unsigned char byte, char out[8])
{
    static const char names[] = "\"\\\n\r\t\b\f";
    static const char letters[] = "\"\\nrtbf";
    static const char hex[] = "0123456789abcdef";
    const char *name = memchr(names, byte, sizeof(names) - 1);

    out[0] = '\\';
    if (name) {
        out[1] = letters[name - names];
        return 2;
    }
    memcpy(out + 1, "u00", 3);
    out[4] = hex[byte >> 4];
    out[5] = hex[byte & 0xF];
    return 6;
}

/* Quotes an escape once more: its backslash, and the quotation mark or
 * backslash that may follow. */
static size_t escape_twice(unsigned char byte, char out[8])
{
    char once[8];
    size_t len = escape(byte, once);

    out[0] = out[1] = '\\';
    if (once[1] != '"' && once[1] != '\\') {
        memcpy(out + 2, once + 1, len - 1);
        return len + 1;
    }
    out[2] = '\\';
    out[3] = once[1];
    return 4;
}

/* Takes one byte or character that copy_plain left. */
static void take_special(struct letters *l)
{
    struct llmobs_text rest = {l->at, (size_t)(l->end - l->at)};
    unsigned char byte = (unsigned char)*l->at;
    uint32_t point;
    size_t len = byte < 0x80 ? 0 : llmobs_utf8_decode(rest, &point);

    if (len > 0) {
        memcpy(l->to, l->at, len);
        l->at += len;
        l->to += len;
        return;
    }
    l->at++;
    if (byte == 0 || byte >= 0x80) {
        memcpy(l->to, "\xEF\xBF\xBD", 3);
        l->to += 3;
    } else {
        l->to += l->quoting == LLMOBS_QUOTED ? escape(byte, l->to)
                                             : escape_twice(byte, l->to);
    }
}

int llmobs_letters_add(struct llmobs_buf *buf, enum llmobs_quoting quoting,
                       struct llmobs_text text)
{
    struct letters l = {
        .buf = buf,
        .at = text.data,
        .end = text.len ? text.data + text.len : text.data,
        .quoting = quoting,
    };
    int rc = text.len ? llmobs_buf_reserve(buf, text.len + SLACK) : 0;

    if (rc || text.len == 0)
        return rc;
    l.to = buf->data + buf->len;
    while (!rc && l.at < l.end) {
        if (quoting == LLMOBS_QUOTED_NOT)
            copy_plain(&l, LLMOBS_QUOTED_NOT);
        else
            copy_plain(&l, LLMOBS_QUOTED);
        if (l.at < l.end) {
            take_special(&l);
            rc = make_room(&l);
        }
    }
    buf->len = (size_t)(l.to - buf->data);
    buf->data[buf->len] = '\0';
    return rc;
}
