/* Appends text with the escapes of JSON, at two depths. */
#include "core/export/letters.h"

#include <string.h>

#include "lib/text/json_clean.h"
#include "lib/text/json_plain.h"

/* A block may be written whole although only a part of it counts, and an escape
 * has at most seven bytes. */
#define SLACK 16

struct letters {
    struct llmobs_buf *buf;
    const char *at, *end;
    char *to; /* has room for the rest of the text and SLACK */
    char *limit;
};

static inline bool is_special(char byte, enum llmobs_quoting quoting)
{
    signed char value = (signed char)byte;

    if (quoting == LLMOBS_QUOTED_NOT)
        return value < 1;
    return value < ' ' || value == '"' || value == '\\';
}

/* Copies sixteen bytes; gives how many come before the first special byte. */
static inline size_t copy_block(const char *at, char *to,
                                enum llmobs_quoting quoting)
{
    llmobs_json_block bytes;

    memcpy(&bytes, at, sizeof(bytes));
    memcpy(to, &bytes, sizeof(bytes));
    /* Marks the bytes that must be escaped or checked. A byte beyond ASCII is
     * negative. */
    if (quoting == LLMOBS_QUOTED_NOT)
        return llmobs_json_unmarked(bytes < 1);
    return llmobs_json_unmarked((bytes < ' ') | (bytes == '"') |
                                (bytes == '\\'));
}

/* Copies up to the next special byte, or to the end; gives how many bytes. If
 * there are enough bytes, the last block overlaps the block before it. */
static inline size_t copy_run(const char *at, char *to, size_t len,
                              enum llmobs_quoting quoting)
{
    size_t done = 0, some;

    for (; len - done >= sizeof(llmobs_json_block);
         done += sizeof(llmobs_json_block)) {
        some = copy_block(at + done, to + done, quoting);
        if (some < sizeof(llmobs_json_block))
            return done + some;
    }
    if (done > 0 && done < len) {
        done = len - sizeof(llmobs_json_block);
        return done + copy_block(at + done, to + done, quoting);
    }
    while (done < len && !is_special(at[done], quoting)) {
        to[done] = at[done];
        done++;
    }
    return done;
}

/* Makes room again, after some bytes became longer. */
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

/* The letter that stands for a byte behind a backslash; 0: no such letter. */
static const char names[] = {
    ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n',  ['\f'] = 'f',
    ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\',
};

/* Writes the escape of a byte. In a text that is quoted twice, the backslash is
 * itself escaped, and so is the letter behind it if it is special. */
static inline char *put_escape(char *to, unsigned char byte,
                               enum llmobs_quoting quoting)
{
    char name = names[byte];

    *to++ = '\\';
    if (quoting == LLMOBS_QUOTED_TWICE)
        *to++ = '\\';
    if (!name) {
        static const char hex[] = "0123456789abcdef";

        memcpy(to, "u00", 3);
        to[3] = hex[byte >> 4];
        to[4] = hex[byte & 0xF];
        return to + 5;
    }
    if (quoting == LLMOBS_QUOTED_TWICE && is_special(name, quoting))
        *to++ = '\\';
    *to++ = name;
    return to;
}

/* Adds a character beyond ASCII, a bad byte or a NUL. */
static void add_wide(struct letters *l)
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

/* `scanned` is LLMOBS_QUOTED for both quoted forms. It is a constant, so the
 * compiler makes two copies of this function. */
static inline __attribute__((always_inline)) int add_as(
    struct llmobs_buf *buf, enum llmobs_quoting scanned,
    enum llmobs_quoting quoting, struct llmobs_text text)
{
    struct letters l = {buf, text.data, text.data + text.len, NULL, NULL};
    size_t run;
    int rc = 0;

    l.to = buf->data + buf->len;
    l.limit = buf->data + buf->cap - 1;
    for (;;) {
        run = copy_run(l.at, l.to, (size_t)(l.end - l.at), scanned);
        l.at += run;
        l.to += run;
        if (l.at == l.end)
            break;
        if (scanned == LLMOBS_QUOTED && (signed char)*l.at > 0)
            l.to = put_escape(l.to, (unsigned char)*l.at++, quoting);
        else
            add_wide(&l);
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
    size_t need = text.len + SLACK;
    int rc = buf->cap - buf->len > need ? 0 : llmobs_buf_reserve(buf, need);

    if (rc || text.len == 0)
        return rc;
    if (quoting == LLMOBS_QUOTED_NOT)
        return add_as(buf, LLMOBS_QUOTED_NOT, LLMOBS_QUOTED_NOT, text);
    return add_as(buf, LLMOBS_QUOTED, quoting, text);
}
