/* json_plain - finds runs of bytes that need no escape in JSON text, eight
 * bytes at a time.
 *
 * Threads: any.
 */
#ifndef LLMOBS_JSON_PLAIN_H
#define LLMOBS_JSON_PLAIN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LLMOBS_JSON_ALL(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Sets the high bit of each byte that is below `limit`, where all bytes are
 * below 0x80. The lowest mark is right; a byte above it may be marked
 * wrongly. */
static inline uint64_t llmobs_json_plain_below(uint64_t word, uint64_t limit)
{
    return (word - LLMOBS_JSON_ALL(limit)) & ~word & LLMOBS_JSON_ALL(0x80);
}

/* Answers how many bytes at the beginning are printable ASCII and neither a
 * quotation mark nor a backslash: a multiple of eight, so perhaps fewer than
 * there are. */
static inline size_t llmobs_json_plain_run(const void *data, size_t len)
{
    size_t at = 0;

    for (; at + sizeof(uint64_t) <= len; at += sizeof(uint64_t)) {
        uint64_t word, special;

        memcpy(&word, (const char *)data + at, sizeof(word));
        special = (word & LLMOBS_JSON_ALL(0x80)) |
                  llmobs_json_plain_below(word, 0x20) |
                  llmobs_json_plain_below(word ^ LLMOBS_JSON_ALL('"'), 1) |
                  llmobs_json_plain_below(word ^ LLMOBS_JSON_ALL('\\'), 1) |
                  llmobs_json_plain_below(word ^ LLMOBS_JSON_ALL(0x7F), 1);
        if (special)
            break;
    }
    return at;
}

/* The same for all of ASCII but NUL. */
static inline size_t llmobs_json_plain_ascii(const void *data, size_t len)
{
    size_t at = 0;

    for (; at + sizeof(uint64_t) <= len; at += sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, (const char *)data + at, sizeof(word));
        if ((word & LLMOBS_JSON_ALL(0x80)) | llmobs_json_plain_below(word, 1))
            break;
    }
    return at;
}

#endif
