/* json_plain - finds the next byte of JSON text that needs a closer look,
 * sixteen bytes at a time.
 *
 * Threads: any.
 */
#ifndef LLMOBS_JSON_PLAIN_H
#define LLMOBS_JSON_PLAIN_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The compiler uses vector instructions that each processor has. */
typedef signed char llmobs_json_block __attribute__((vector_size(16)));

/* Answers how many bytes of a block precede the first marked one. */
static inline size_t llmobs_json_unmarked(llmobs_json_block marks)
{
#ifdef __SSE2__
    unsigned bits = (unsigned)_mm_movemask_epi8((__m128i)marks);

    return bits ? (size_t)__builtin_ctz(bits) : sizeof(marks);
#else
    uint64_t half[2];

    memcpy(half, &marks, sizeof(half));
    if (half[0])
        return (size_t)__builtin_ctzll(le64toh(half[0])) / 8;
    if (half[1])
        return 8 + (size_t)__builtin_ctzll(le64toh(half[1])) / 8;
    return sizeof(marks);
#endif
}

/* The bytes at which a run ends. */
enum llmobs_json_stop {
    LLMOBS_JSON_STOP_BAD,   /* NUL and all beyond ASCII */
    LLMOBS_JSON_STOP_QUOTE, /* the quotation mark, backslash, control codes */
    LLMOBS_JSON_STOP_ODD    /* those of QUOTE, DEL and all beyond ASCII */
};

/* A byte beyond ASCII is negative. */
static inline size_t llmobs_json_block_run(const char *data,
                                           enum llmobs_json_stop stop)
{
    typedef unsigned char unsigned_block
        __attribute__((vector_size(sizeof(llmobs_json_block))));
    unsigned_block bytes;

    memcpy(&bytes, data, sizeof(bytes));
    if (stop == LLMOBS_JSON_STOP_BAD)
        return llmobs_json_unmarked((llmobs_json_block)bytes < 1);
    /* A comparison each, as no byte is below 0: of ODD, from DEL on. */
    return llmobs_json_unmarked((bytes == '"') | (bytes == '\\') |
                                (stop == LLMOBS_JSON_STOP_QUOTE
                                     ? bytes < ' '
                                     : bytes - ' ' >= 0x7F - ' '));
}

static inline bool llmobs_json_is_stop(char byte, enum llmobs_json_stop stop)
{
    signed char value = (signed char)byte;

    if (stop == LLMOBS_JSON_STOP_BAD)
        return value < 1;
    if (value == '"' || value == '\\' || (value >= 0 && value < ' '))
        return true;
    return stop == LLMOBS_JSON_STOP_ODD && (value < 0 || value == 0x7F);
}

/* Of 4 to 15 bytes, by one look at both their ends, which may overlap. */
static inline size_t llmobs_json_short_run(const char *data, size_t len,
                                           enum llmobs_json_stop stop)
{
    size_t half = len >= 8 ? 8 : 4, run;
    char both[sizeof(llmobs_json_block)];

    memset(both, '0', sizeof(both));
    if (half == 8) {
        memcpy(both, data, 8);
        memcpy(both + 8, data + len - 8, 8);
    } else {
        memcpy(both, data, 4);
        memcpy(both + 4, data + len - 4, 4);
    }
    run = llmobs_json_block_run(both, stop);
    return run < half ? run : run < 2 * half ? run + len - 2 * half : len;
}

/* Gives how many bytes precede the first byte that ends the run. If there are
 * enough bytes, the last block overlaps the block before it. */
static inline size_t llmobs_json_run(const char *data, size_t len,
                                     enum llmobs_json_stop stop)
{
    size_t at = 0, run;

    for (; at + sizeof(llmobs_json_block) <= len;
         at += sizeof(llmobs_json_block)) {
        run = llmobs_json_block_run(data + at, stop);
        if (run < sizeof(llmobs_json_block))
            return at + run;
    }
    if (at > 0 && at < len) {
        at = len - sizeof(llmobs_json_block);
        return at + llmobs_json_block_run(data + at, stop);
    }
    if (at == 0 && len >= 4)
        return llmobs_json_short_run(data, len, stop);
    while (at < len && !llmobs_json_is_stop(data[at], stop))
        at++;
    return at;
}

/* Gives the end of the string: a quote after an even number of backslashes;
 * without such a quote, the end of the document. */
static inline const char *llmobs_json_string_end(const char *from,
                                                 const char *end)
{
    for (const char *at = from; at < end; at++) {
        const char *quote = memchr(at, '"', (size_t)(end - at));

        if (!quote)
            break;
        for (at = quote; at > from && at[-1] == '\\';)
            at--;
        if ((quote - at) % 2 == 0)
            return quote;
        at = quote;
    }
    return end;
}

/* Answers how many bytes at the beginning are the same. */
static inline size_t llmobs_json_same(const char *a, const char *b, size_t len)
{
    llmobs_json_block x, y, more, others;
    size_t at = 0, run = sizeof(x);

    for (; len - at >= 2 * sizeof(x); at += 2 * sizeof(x)) {
        memcpy(&x, a + at, sizeof(x));
        memcpy(&y, b + at, sizeof(y));
        memcpy(&more, a + at + sizeof(x), sizeof(x));
        memcpy(&others, b + at + sizeof(y), sizeof(y));
        if (llmobs_json_unmarked(~((x == y) & (more == others))) < sizeof(x))
            break;
    }
    for (; run == sizeof(x) && len - at >= sizeof(x); at += run) {
        memcpy(&x, a + at, sizeof(x));
        memcpy(&y, b + at, sizeof(y));
        run = llmobs_json_unmarked(x != y);
    }
    if (run == sizeof(x) && at > 0 && at < len) {
        at = len - sizeof(x);
        memcpy(&x, a + at, sizeof(x));
        memcpy(&y, b + at, sizeof(y));
        return at + llmobs_json_unmarked(x != y);
    }
    while (run == sizeof(x) && at < len && a[at] == b[at])
        at++;
    return at;
}

#endif
