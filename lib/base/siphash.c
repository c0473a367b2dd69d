/* Computes SipHash-2-4 with 128 bits. */
#include "lib/base/siphash.h"

#include <string.h>

#define ROTATE(x, n) ((x) << (n) | (x) >> (64 - (n)))

/* The functions take and give the four words by value, so that the compiler
 * keeps them in registers. */
typedef struct llmobs_siphash_words words;

static inline words one_round(words v)
{
    v.a += v.b;
    v.b = ROTATE(v.b, 13) ^ v.a;
    v.a = ROTATE(v.a, 32);
    v.c += v.d;
    v.d = ROTATE(v.d, 16) ^ v.c;
    v.a += v.d;
    v.d = ROTATE(v.d, 21) ^ v.a;
    v.c += v.b;
    v.b = ROTATE(v.b, 17) ^ v.c;
    v.c = ROTATE(v.c, 32);
    return v;
}

static inline words put_word(words v, uint64_t word)
{
    v.d ^= word;
    v = one_round(one_round(v));
    v.a ^= word;
    return v;
}

static inline uint64_t mixed(words v)
{
    return v.a ^ v.b ^ v.c ^ v.d;
}

static inline words begin_words(const uint64_t key[2])
{
    return (words){key[0] ^ UINT64_C(0x736f6d6570736575),
                   key[1] ^ UINT64_C(0x646f72616e646f6d),
                   key[0] ^ UINT64_C(0x6c7967656e657261),
                   key[1] ^ UINT64_C(0x7465646279746573)};
}

void llmobs_siphash_init(struct llmobs_siphash *state, const uint64_t key[2])
{
    state->v = begin_words(key);
    state->v.b ^= 0xee;
    state->word = 0;
    state->total = 0;
}

/* The bytes of a word, the first one lowest. */
static inline uint64_t word_of(const unsigned char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* After a piece whose bytes are no multiple of eight, each word has two parts:
 * `left`, the bytes that were left over, and the next bytes, `shift` bits
 * higher. */
static void add_words(struct llmobs_siphash *state, const unsigned char *at,
                      size_t count)
{
    unsigned shift = (unsigned)(state->total % 8 * 8);
    uint64_t left = state->word;
    words v = state->v;

    state->total += count * 8;
    if (shift == 0)
        for (; count > 0; count--, at += 8)
            v = put_word(v, word_of(at));
    for (; count > 0; count--, at += 8) {
        uint64_t word = word_of(at);

        v = put_word(v, left | word << shift);
        left = word >> (64 - shift);
    }
    state->word = left;
    state->v = v;
}

void llmobs_siphash_add(struct llmobs_siphash *state, const void *data,
                        size_t len)
{
    const unsigned char *at = data;

    add_words(state, at, len / 8);
    at += len / 8 * 8;
    for (len %= 8; len > 0; len--) {
        state->word |= (uint64_t)*at++ << state->total % 8 * 8;
        if (++state->total % 8 == 0) {
            state->v = put_word(state->v, state->word);
            state->word = 0;
        }
    }
}

void llmobs_siphash_spread(const uint64_t key[2],
                           uint64_t spread[LLMOBS_SIPHASH_WORDS])
{
    for (uint64_t i = 0; i < LLMOBS_SIPHASH_WORDS; i++)
        spread[i] = llmobs_siphash_short(key, &i, sizeof(i));
}

/* Adds the sum of a block; `len` is a multiple of sixteen. */
static inline void add_sum(struct llmobs_siphash *state,
                           const uint64_t spread[LLMOBS_SIPHASH_WORDS],
                           const unsigned char *at, size_t len)
{
    __extension__ unsigned __int128 sum = 0;

    for (const unsigned char *end = at + len; at < end; at += 16, spread += 2)
        sum += (unsigned __int128)(word_of(at) + spread[0]) *
               (word_of(at + 8) + spread[1]);
    llmobs_siphash_add(state, &sum, sizeof(sum));
}

void llmobs_siphash_add_sums(struct llmobs_siphash *state,
                             const uint64_t spread[LLMOBS_SIPHASH_WORDS],
                             const void *data, size_t len)
{
    const size_t block = LLMOBS_SIPHASH_WORDS * sizeof(*spread);
    const unsigned char *at = data;
    const uint64_t total = len;
    unsigned char last[16] = {0};

    for (; len >= block; len -= block, at += block)
        add_sum(state, spread, at, block);
    add_sum(state, spread, at, len / 16 * 16);
    memcpy(last, at + len / 16 * 16, len % 16);
    add_sum(state, spread + len / 16 * 2, last, sizeof(last));
    llmobs_siphash_add(state, &total, sizeof(total));
}

struct llmobs_hash128 llmobs_siphash_now(const struct llmobs_siphash *state)
{
    words v = put_word(state->v, state->word | state->total << 56);
    struct llmobs_hash128 out;

    v.c ^= 0xee;
    v = one_round(one_round(one_round(one_round(v))));
    out.lo = mixed(v);
    v.b ^= 0xdd;
    v = one_round(one_round(one_round(one_round(v))));
    out.hi = mixed(v);
    return out;
}

static inline words add_short(words v, uint64_t word)
{
    v.d ^= word;
    v = one_round(v);
    v.a ^= word;
    return v;
}

uint64_t llmobs_siphash_short(const uint64_t key[2], const void *data,
                              size_t len)
{
    const unsigned char *at = data, *end = at + len / 8 * 8;
    uint64_t last = (uint64_t)len << 56;
    words v = begin_words(key);

    for (; at < end; at += 8)
        v = add_short(v, word_of(at));
    for (size_t i = 0; i < len % 8; i++)
        last |= (uint64_t)at[i] << 8 * i;
    v = add_short(v, last);
    v.c ^= 0xff;
    return mixed(one_round(one_round(one_round(v))));
}
