#include "lib/text/gzip.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define HASH_BITS 13
#define MATCH_MIN 4
#define MATCH_MAX 258
#define DISTANCE_MAX 32768
#define END_OF_BLOCK 256
/* The bits wait here until they fill a part of the output. */
#define CHUNK 1024

struct packer {
    const unsigned char *in;
    size_t len;
    struct llmobs_buf *out;
    int error;
    uint64_t bits;
    unsigned bit_count;
    size_t used;
    unsigned char chunk[CHUNK];
    /* The last place of each hash of MATCH_MIN bytes, from 1; 0: none. */
    size_t last[1 << HASH_BITS];
};

/* -- bits --------------------------------------------------------------- */

static void flush_bits(struct packer *packer)
{
    if (!packer->error)
        packer->error =
            llmobs_buf_add(packer->out, packer->chunk, packer->used);
    packer->used = 0;
}

/* Puts the bits of a value: its lowest bit comes first. */
static void put_bits(struct packer *packer, unsigned value, unsigned count)
{
    packer->bits |= (uint64_t)value << packer->bit_count;
    packer->bit_count += count;
    while (packer->bit_count >= 8) {
        packer->chunk[packer->used++] = (unsigned char)packer->bits;
        packer->bits >>= 8;
        packer->bit_count -= 8;
        if (packer->used == CHUNK)
            flush_bits(packer);
    }
}

/* Puts the bits of a code: its highest bit comes first. */
static void put_code(struct packer *packer, unsigned code, unsigned count)
{
    unsigned turned = 0;

    for (unsigned i = 0; i < count; i++)
        turned |= (code >> i & 1) << (count - 1 - i);
    put_bits(packer, turned, count);
}

/* -- symbols ------------------------------------------------------------ */

/* A byte, END_OF_BLOCK, or the code of a length (RFC 1951, 3.2.6). */
static void put_symbol(struct packer *packer, unsigned symbol)
{
    if (symbol < 144)
        put_code(packer, 0x30 + symbol, 8);
    else if (symbol < 256)
        put_code(packer, 0x190 + symbol - 144, 9);
    else if (symbol < 280)
        put_code(packer, symbol - 256, 7);
    else
        put_code(packer, 0xc0 + symbol - 280, 8);
}

/* Lengths and distances have the same form (RFC 1951, 3.2.5): after the first
 * few values, each group of codes covers values of one more bit. `value` counts
 * from 0; 2^group codes share a number of extra bits. Gives the code. */
static unsigned code_of(unsigned value, unsigned group, unsigned *extra)
{
    unsigned top = 0;

    while (value >> (top + 1))
        top++;
    *extra = top > group ? top - group : 0;
    return (*extra << group) + (value >> *extra);
}

static void put_match(struct packer *packer, size_t len, size_t distance)
{
    unsigned value = (unsigned)(len - 3), extra, code;

    if (len == MATCH_MAX) {
        put_symbol(packer, 285);
    } else {
        code = code_of(value, 2, &extra);
        put_symbol(packer, 257 + code);
        put_bits(packer, value & ((1u << extra) - 1), extra);
    }
    value = (unsigned)(distance - 1);
    code = code_of(value, 1, &extra);
    put_code(packer, code, 5);
    put_bits(packer, value & ((1u << extra) - 1), extra);
}

/* -- matches ------------------------------------------------------------ */

static size_t *slot_of(struct packer *packer, size_t at)
{
    uint32_t word;

    memcpy(&word, packer->in + at, sizeof(word));
    return &packer->last[word * UINT32_C(2654435761) >> (32 - HASH_BITS)];
}

static size_t match_at(const struct packer *packer, size_t before, size_t at)
{
    size_t most = packer->len - at, n = 0;

    if (most > MATCH_MAX)
        most = MATCH_MAX;
    while (n < most && packer->in[before + n] == packer->in[at + n])
        n++;
    return n;
}

/* Writes the byte or the match at `at`; gives how many bytes it covers. */
static size_t pack_at(struct packer *packer, size_t at)
{
    size_t *slot = slot_of(packer, at);
    size_t before = *slot, n = 0;

    *slot = at + 1;
    if (before && at + 1 - before <= DISTANCE_MAX)
        n = match_at(packer, before - 1, at);
    if (n < MATCH_MIN) {
        put_symbol(packer, packer->in[at]);
        return 1;
    }
    put_match(packer, n, at + 1 - before);
    for (size_t i = 1; i < n && at + i + MATCH_MIN <= packer->len; i++)
        *slot_of(packer, at + i) = at + i + 1;
    return n;
}

static void put_block(struct packer *packer)
{
    size_t at = 0;

    put_bits(packer, 3, 3); /* the last block, with fixed codes */
    while (at + MATCH_MIN <= packer->len && !packer->error)
        at += pack_at(packer, at);
    while (at < packer->len)
        put_symbol(packer, packer->in[at++]);
    put_symbol(packer, END_OF_BLOCK);
    put_bits(packer, 0, 7 & (8 - packer->bit_count));
}

/* -- the member --------------------------------------------------------- */

static uint32_t sum_of(struct llmobs_text text)
{
    uLong sum = crc32(0, Z_NULL, 0);

    while (text.len) {
        uInt len = text.len < UINT_MAX ? (uInt)text.len : UINT_MAX;

        sum = crc32(sum, (const Bytef *)text.data, len);
        text.data += len;
        text.len -= len;
    }
    return (uint32_t)sum;
}

static void put_member(struct packer *packer, struct llmobs_text text)
{
    static const char head[10] = "\x1f\x8b\x08\0\0\0\0\0\x04\xff";
    uint32_t sum = sum_of(text);

    packer->error = llmobs_buf_add(packer->out, head, sizeof(head));
    put_block(packer);
    put_bits(packer, sum & 0xffff, 16);
    put_bits(packer, sum >> 16, 16);
    put_bits(packer, (unsigned)text.len & 0xffff, 16);
    put_bits(packer, (unsigned)text.len >> 16 & 0xffff, 16);
    flush_bits(packer);
}

int llmobs_gzip(struct llmobs_text text, struct llmobs_buf *out)
{
    struct packer *packer = calloc(1, sizeof(*packer));
    size_t before = out->len;
    int rc;

    if (!packer)
        return -ENOMEM;
    packer->in = (const unsigned char *)text.data;
    packer->len = text.len;
    packer->out = out;
    put_member(packer, text);
    rc = packer->error;
    free(packer);
    if (rc)
        llmobs_buf_cut(out, before);
    return rc;
}
