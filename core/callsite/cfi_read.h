/* cfi_read - numbers of DWARF tables, read where they lie; for
 * core/callsite/cfi.c.
 *
 * Threads: any.
 * Errors:  what ends too early sets `bad` and reads as 0 from then on.
 * Limits:  never beyond `end`.
 */
#ifndef LLMOBS_CFI_READ_H
#define LLMOBS_CFI_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct llmobs_cfi_reader {
    const unsigned char *at;
    const unsigned char *end;
    bool bad;
};

static inline void llmobs_cfi_skip(struct llmobs_cfi_reader *reader,
                                   uint64_t len)
{
    if (len > (size_t)(reader->end - reader->at))
        reader->bad = true;
    else
        reader->at += len;
}

static inline void llmobs_cfi_take(struct llmobs_cfi_reader *reader, void *to,
                                   size_t len)
{
    const unsigned char *from = reader->at;

    if (!reader->bad)
        llmobs_cfi_skip(reader, len);
    if (reader->bad)
        memset(to, 0, len);
    else
        memcpy(to, from, len);
}

static inline uint8_t llmobs_cfi_u8(struct llmobs_cfi_reader *reader)
{
    uint8_t value;

    llmobs_cfi_take(reader, &value, sizeof(value));
    return value;
}

static inline uint16_t llmobs_cfi_u16(struct llmobs_cfi_reader *reader)
{
    uint16_t value;

    llmobs_cfi_take(reader, &value, sizeof(value));
    return value;
}

static inline uint32_t llmobs_cfi_u32(struct llmobs_cfi_reader *reader)
{
    uint32_t value;

    llmobs_cfi_take(reader, &value, sizeof(value));
    return value;
}

static inline uint64_t llmobs_cfi_u64(struct llmobs_cfi_reader *reader)
{
    uint64_t value;

    llmobs_cfi_take(reader, &value, sizeof(value));
    return value;
}

/* Seven bits a byte; *shift is how many there were. */
static inline uint64_t llmobs_cfi_leb(struct llmobs_cfi_reader *reader,
                                      unsigned *shift, uint8_t *last)
{
    uint64_t value = 0;

    *shift = 0;
    do {
        *last = llmobs_cfi_u8(reader);
        if (*shift < 64)
            value |= (uint64_t)(*last & 0x7f) << *shift;
        *shift += 7;
    } while ((*last & 0x80) && !reader->bad);
    return value;
}

static inline uint64_t llmobs_cfi_uleb(struct llmobs_cfi_reader *reader)
{
    unsigned shift;
    uint8_t last;

    return llmobs_cfi_leb(reader, &shift, &last);
}

static inline int64_t llmobs_cfi_sleb(struct llmobs_cfi_reader *reader)
{
    unsigned shift;
    uint8_t last;
    uint64_t value = llmobs_cfi_leb(reader, &shift, &last);

    if ((last & 0x40) && shift < 64)
        value |= ~(uint64_t)0 << shift;
    return (int64_t)value;
}

/* The text before the next NUL; "" when there is none. */
static inline const char *llmobs_cfi_text(struct llmobs_cfi_reader *reader)
{
    const unsigned char *from = reader->at;
    const unsigned char *nul =
        reader->bad ? NULL : memchr(from, 0, (size_t)(reader->end - from));

    if (!nul) {
        reader->bad = true;
        return "";
    }
    reader->at = nul + 1;
    return (const char *)from;
}

/* Of the encodings those that position-independent code uses: absolute or from
 * here on, never indirect. */
static inline uintptr_t llmobs_cfi_pointer(struct llmobs_cfi_reader *reader,
                                           uint8_t encoding)
{
    uintptr_t base = (encoding & 0x70) == 0x10 ? (uintptr_t)reader->at : 0;
    uint64_t value = 0;

    switch (encoding & 0x0f) {
    case 0x00: /* as wide as an address */
    case 0x04:
    case 0x0c:
        value = llmobs_cfi_u64(reader);
        break;
    case 0x02:
        value = llmobs_cfi_u16(reader);
        break;
    case 0x0a:
        value = (uint64_t)(int64_t)(int16_t)llmobs_cfi_u16(reader);
        break;
    case 0x03:
        value = llmobs_cfi_u32(reader);
        break;
    case 0x0b:
        value = (uint64_t)(int64_t)(int32_t)llmobs_cfi_u32(reader);
        break;
    default:
        reader->bad = true;
    }
    return base + (uintptr_t)value;
}

#endif
