/* buf - a growing byte buffer, which always has a size cap.
 *
 * Owns:    its bytes, from the first add to fini or take, unless they are lent.
 * Threads: one at a time; no lock.
 * Errors:  -EFBIG beyond the cap, -ENOMEM when memory runs out; the bytes then
 *          stay as they were, and `error` has the first failure: who appends
 *          many pieces looks there once, at the end.
 * Limits:  `max` bytes, given at init, and a NUL behind them.
 */
#ifndef LLMOBS_BUF_H
#define LLMOBS_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct llmobs_buf {
    char *data; /* NULL while the buffer has no memory, own or lent */
    size_t len;
    size_t cap;
    size_t max;
    bool lent; /* data is memory that the buffer does not own */
    bool raw;  /* its new memory is not cleared: the bytes come soon, and
                * llmobs_buf_fit or _fini gives the rest back */
    int error; /* of the first add that failed since init; 0: none did */
};

/* Borrowed bytes; not NUL-terminated. data may be NULL. */
struct llmobs_text {
    const char *data;
    size_t len;
};

/* NULL: empty */
static inline struct llmobs_text llmobs_text_of(const char *text)
{
    return (struct llmobs_text){text, text ? strlen(text) : 0};
}

static inline bool llmobs_has_text(const char *text)
{
    return text && *text;
}

/* True for a blank, a tab, or a character that ends a line: the white space of
 * JSON (RFC 8259, 2). */
static inline bool llmobs_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A list of words is one text, "a\0b\0", which has no pointers for the loader
 * to relocate. Gives the word behind this one; it is empty behind the last. */
static inline const char *llmobs_words_next(const char *word)
{
    return word + strlen(word) + 1;
}

/* The words one after the other; a NULL list has none. */
#define LLMOBS_WORDS_EACH(word, list)              \
    for (const char *word = (list); word && *word; \
         word = llmobs_words_next(word))

bool llmobs_words_have(const char *words, const char *word);

static inline bool llmobs_is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static inline bool llmobs_text_is(struct llmobs_text text, const char *word)
{
    size_t len = strlen(word);

    return text.len == len && (len == 0 || memcmp(text.data, word, len) == 0);
}

static inline bool llmobs_text_begins(struct llmobs_text text, const char *with)
{
    size_t len = strlen(with);

    return text.len >= len && memcmp(text.data, with, len) == 0;
}

/* True for one of the words of a list (llmobs_words_next). */
static inline bool llmobs_text_among(struct llmobs_text text, const char *words)
{
    LLMOBS_WORDS_EACH (word, words)
        if (llmobs_text_is(text, word))
            return true;
    return false;
}

/* Like llmobs_text_is, but in upper or lower case. */
bool llmobs_text_is_word(struct llmobs_text text, const char *word);

/* The text without the blanks and ends of lines around it. */
struct llmobs_text llmobs_text_trim(struct llmobs_text text);

/* Takes the text before the next mark off `rest`, and the mark; where no mark
 * is left, all of `rest`. False: `rest` was empty. */
bool llmobs_text_split(struct llmobs_text *rest, char mark,
                       struct llmobs_text *part);

/* The next part of a list between commas, without the blanks around it. */
bool llmobs_text_next(struct llmobs_text *rest, struct llmobs_text *part);

/* The value of a hexadecimal digit, in upper or lower case; -1: not a digit. */
int llmobs_text_hex(char c);

/* Writes a number as text, with a NUL behind it; answers its length. */
size_t llmobs_text_decimal(uint64_t number, char out[21]);

/* The byte that "%xx" at `i` stands for, -1 where there is none. */
int llmobs_text_escape(struct llmobs_text text, size_t i);

void llmobs_buf_init(struct llmobs_buf *buf, size_t max);
void llmobs_buf_fini(struct llmobs_buf *buf);

/* The bytes, which the caller borrows. */
static inline struct llmobs_text llmobs_buf_text(const struct llmobs_buf *buf)
{
    return (struct llmobs_text){buf->data, buf->len};
}

/* Lets an empty buffer use `room`. The buffer borrows the room until its bytes
 * outgrow the room, or until fini. */
void llmobs_buf_lend(struct llmobs_buf *buf, char *room, size_t cap);

/* Copy `len` bytes, a C string, one byte, or formatted text to the end. The
 * source must not lie in the buffer itself. After each add that succeeds, even
 * of no bytes, data is a C string. */
int llmobs_buf_add(struct llmobs_buf *buf, const void *data, size_t len);
int llmobs_buf_adds(struct llmobs_buf *buf, const char *text);
int llmobs_buf_addc(struct llmobs_buf *buf, char byte);
int llmobs_buf_addf(struct llmobs_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Lets `error` be set where it is 0, for a piece that failed before it came to
 * the buffer; answers the piece's failure, 0: none. */
int llmobs_buf_fail(struct llmobs_buf *buf, int failure);

/* Makes room for `len` more bytes and the NUL behind them. The caller writes
 * the bytes at data + len, adds their number to len, and writes the NUL. */
int llmobs_buf_reserve(struct llmobs_buf *buf, size_t len);

/* Forgets all bytes after the first `len`; keeps the memory. */
void llmobs_buf_cut(struct llmobs_buf *buf, size_t len);

/* Gives unused memory back; the buffer may grow again later. */
void llmobs_buf_fit(struct llmobs_buf *buf);

/* Gives the bytes (free with free()) and leaves the buffer empty; NULL when no
 * byte was ever added, or when memory for a copy of lent bytes runs out. `len`
 * may be NULL. */
char *llmobs_buf_take(struct llmobs_buf *buf, size_t *len);

#endif
