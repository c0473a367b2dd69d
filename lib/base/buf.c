/* Grows, fills and frees byte buffers. */
#include "lib/base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define CAP_FIRST 64
#define CLEAR_MAX ((size_t)64 * 1024)

static void empty(struct llmobs_buf *buf)
{
    buf->data = NULL;
    buf->len = 0;
    buf->cap = 0;
    buf->lent = false;
    buf->error = 0;
}

void llmobs_buf_init(struct llmobs_buf *buf, size_t max)
{
    empty(buf);
    buf->raw = false;
    /* No object in C is larger, the NUL behind the last byte included. */
    buf->max = max < PTRDIFF_MAX ? max : PTRDIFF_MAX - 1;
}

void llmobs_buf_fini(struct llmobs_buf *buf)
{
    if (!buf->lent)
        free(buf->data);
    empty(buf);
}

void llmobs_buf_lend(struct llmobs_buf *buf, char *room, size_t cap)
{
    buf->data = room;
    buf->cap = cap;
    buf->lent = true;
    room[0] = '\0';
}

/* Moves the bytes to `cap` bytes of memory that the buffer owns; NULL: memory
 * ran out and the bytes stay. A small block is cleared: memory that the program
 * freed may still hold the program's addresses, which would hide its leaks
 * (hidden.h); larger blocks come from the kernel. `added`: bytes that the
 * caller writes at once.
 */
static char *move_bytes(struct llmobs_buf *buf, size_t cap, size_t added)
{
    size_t used = buf->len + added;
    char *data = realloc(buf->lent ? NULL : buf->data, cap);

    if (data && buf->lent)
        memcpy(data, buf->data, buf->len + 1);
    if (data && cap <= CLEAR_MAX && !buf->raw)
        memset(data + used, 0, cap - used);
    return data;
}

int llmobs_buf_fail(struct llmobs_buf *buf, int failure)
{
    if (buf->error == 0)
        buf->error = failure;
    return failure;
}

/* Doubling keeps a long series of small adds linear; the last step stops at the
 * cap instead of beyond it. */
static __attribute__((noinline)) int grow(struct llmobs_buf *buf, size_t need,
                                          size_t added)
{
    size_t cap = buf->cap < CAP_FIRST ? CAP_FIRST : buf->cap;
    char *data;

    while (cap < need)
        cap *= 2;
    if (cap > buf->max + 1)
        cap = buf->max + 1;
    data = move_bytes(buf, cap, added);
    if (data == NULL && cap > need) {
        cap = need;
        data = move_bytes(buf, cap, added);
    }
    if (data == NULL)
        return llmobs_buf_fail(buf, -ENOMEM);
    buf->data = data;
    buf->cap = cap;
    buf->lent = false;
    return 0;
}

static inline int make_room(struct llmobs_buf *buf, size_t len, size_t added)
{
    if (len > buf->max - buf->len)
        return llmobs_buf_fail(buf, -EFBIG);
    return len < buf->cap - buf->len ? 0 : grow(buf, buf->len + len + 1, added);
}

int llmobs_buf_reserve(struct llmobs_buf *buf, size_t len)
{
    return make_room(buf, len, 0);
}

int llmobs_buf_add(struct llmobs_buf *buf, const void *data, size_t len)
{
    int rc = make_room(buf, len, len);

    if (rc != 0)
        return rc;
    if (len > 0)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return 0;
}

int llmobs_buf_adds(struct llmobs_buf *buf, const char *text)
{
    return llmobs_buf_add(buf, text, strlen(text));
}

int llmobs_buf_addc(struct llmobs_buf *buf, char byte)
{
    return llmobs_buf_add(buf, &byte, 1);
}

int llmobs_buf_addf(struct llmobs_buf *buf, const char *format, ...)
{
    char text[160]; /* a longer text is printed twice */
    va_list args;
    int len;
    int rc;

    va_start(args, format);
    len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (len < 0)
        return llmobs_buf_fail(buf, -EINVAL);
    if ((size_t)len < sizeof(text))
        return llmobs_buf_add(buf, text, (size_t)len);
    rc = llmobs_buf_reserve(buf, (size_t)len);
    if (rc != 0)
        return rc;
    va_start(args, format);
    (void)vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
    return 0;
}

void llmobs_buf_cut(struct llmobs_buf *buf, size_t len)
{
    if (len >= buf->len)
        return;
    buf->len = len;
    buf->data[len] = '\0';
}

void llmobs_buf_fit(struct llmobs_buf *buf)
{
    char *data;

    if (buf->data == NULL || buf->lent || buf->cap == buf->len + 1)
        return;
    data = realloc(buf->data, buf->len + 1);
    if (data == NULL)
        return;
    buf->data = data;
    buf->cap = buf->len + 1;
}

char *llmobs_buf_take(struct llmobs_buf *buf, size_t *len)
{
    char *data = buf->lent ? move_bytes(buf, buf->len + 1, 0) : buf->data;

    if (len != NULL)
        *len = data ? buf->len : 0;
    empty(buf);
    return data;
}

bool llmobs_words_have(const char *words, const char *word)
{
    LLMOBS_WORDS_EACH (one, words)
        if (*one == *word && strcmp(one, word) == 0)
            return true;
    return false;
}

struct llmobs_text llmobs_text_trim(struct llmobs_text text)
{
    while (text.len && llmobs_is_blank(text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len && llmobs_is_blank(text.data[text.len - 1]))
        text.len--;
    return text;
}

bool llmobs_text_is_word(struct llmobs_text text, const char *word)
{
    return text.len == strlen(word) &&
           strncasecmp(text.data, word, text.len) == 0;
}

bool llmobs_text_split(struct llmobs_text *rest, char mark,
                       struct llmobs_text *part)
{
    const char *at = rest->len ? memchr(rest->data, mark, rest->len) : NULL;
    size_t len = at ? (size_t)(at - rest->data) : rest->len;
    bool any = rest->len > 0;

    *part = (struct llmobs_text){rest->data, len};
    if (any)
        rest->data += len + (at ? 1 : 0);
    rest->len -= len + (at ? 1 : 0);
    return any;
}

bool llmobs_text_next(struct llmobs_text *rest, struct llmobs_text *part)
{
    bool any = llmobs_text_split(rest, ',', part);

    *part = llmobs_text_trim(*part);
    return any;
}

size_t llmobs_text_decimal(uint64_t number, char out[21])
{
    char digits[20];
    size_t at = sizeof(digits), len;

    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    len = sizeof(digits) - at;
    memcpy(out, digits + at, len);
    out[len] = '\0';
    return len;
}

int llmobs_text_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int llmobs_text_escape(struct llmobs_text text, size_t i)
{
    int high, low;

    if (i + 2 >= text.len || text.data[i] != '%')
        return -1;
    high = llmobs_text_hex(text.data[i + 1]);
    low = llmobs_text_hex(text.data[i + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}
