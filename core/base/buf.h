/* buf - a growing byte buffer that cannot exist without a size cap.
 *
 * Owns:    its bytes, from the first add to fini or take, but for lent memory.
 * Threads: one at a time; no lock.
 * Errors:  -EFBIG beyond the cap, -ENOMEM without memory; the buffer is then
 *          unchanged.
 * Limits:  `max` bytes, given at init; a NUL is always kept behind them.
 */
#ifndef LLMOBS_BUF_H
#define LLMOBS_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct llmobs_buf {
    char *data; /* NULL while empty and never grown */
    size_t len;
    size_t cap;
    size_t max;
    bool lent; /* data is somebody else's memory */
};

/* Bytes that somebody else owns; not NUL-terminated. data may be NULL. */
struct llmobs_text {
    const char *data;
    size_t len;
};

/* Without the blanks and ends of lines around it. */
struct llmobs_text llmobs_text_trim(struct llmobs_text text);

/* The value of a hexadecimal digit, large or small; -1: it is none. */
int llmobs_text_hex(char c);

/* The byte that "%xx" at `i` stands for, -1 where there is none. */
int llmobs_text_escape(struct llmobs_text text, size_t i);

void llmobs_buf_init(struct llmobs_buf *buf, size_t max);
void llmobs_buf_fini(struct llmobs_buf *buf);

/* Lets an empty buffer use `room` until it grows beyond it: borrows it up to
 * then, or to fini. */
void llmobs_buf_lend(struct llmobs_buf *buf, char *room, size_t cap);

/* Copies `len` bytes, a C string, one byte, or formatted text to the end. The
 * source must not lie in the buffer itself. After any add that succeeds, also
 * of nothing, data is a C string. */
int llmobs_buf_add(struct llmobs_buf *buf, const void *data, size_t len);
int llmobs_buf_adds(struct llmobs_buf *buf, const char *text);
int llmobs_buf_addc(struct llmobs_buf *buf, char byte);
int llmobs_buf_addf(struct llmobs_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Forgets all bytes after the first `len`; keeps the memory. */
void llmobs_buf_cut(struct llmobs_buf *buf, size_t len);

/* Gives unused memory back; the buffer may grow again later. */
void llmobs_buf_fit(struct llmobs_buf *buf);

/* Gives the bytes (free with free()) and leaves the buffer empty; NULL when
 * nothing was ever added, or without memory for lent ones. `len` may be NULL.
 */
char *llmobs_buf_take(struct llmobs_buf *buf, size_t *len);

#endif
