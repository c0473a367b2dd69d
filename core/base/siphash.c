#include "core/base/siphash.h"

#include <string.h>

#define ROTATE(x, n) ((x) << (n) | (x) >> (64 - (n)))

static inline void one_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = ROTATE(v[1], 13) ^ v[0];
    v[0] = ROTATE(v[0], 32);
    v[2] += v[3];
    v[3] = ROTATE(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = ROTATE(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = ROTATE(v[1], 17) ^ v[2];
    v[2] = ROTATE(v[2], 32);
}

static void rounds(uint64_t v[4], int count)
{
    for (; count > 0; count--)
        one_round(v);
}

static void put(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    rounds(v, 2);
    v[0] ^= word;
}

void llmobs_siphash_init(struct llmobs_siphash *state, const uint64_t key[2])
{
    state->v[0] = key[0] ^ UINT64_C(0x736f6d6570736575);
    state->v[1] = key[1] ^ UINT64_C(0x646f72616e646f6d) ^ 0xee;
    state->v[2] = key[0] ^ UINT64_C(0x6c7967656e657261);
    state->v[3] = key[1] ^ UINT64_C(0x7465646279746573);
    state->word = 0;
    state->total = 0;
}

/* The bytes of a word, the first one lowest. */
static uint64_t word_of(const unsigned char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Behind a piece that is no multiple of eight bytes each word is of two parts.
 */
static void put_word(struct llmobs_siphash *state, uint64_t word)
{
    unsigned shift = (unsigned)(state->total % 8 * 8);

    put(state->v, state->word | word << shift);
    state->word = shift ? word >> (64 - shift) : 0;
    state->total += 8;
}

void llmobs_siphash_add(struct llmobs_siphash *state, const void *data,
                        size_t len)
{
    const unsigned char *at = data;

    for (; len >= 8; len -= 8, at += 8)
        put_word(state, word_of(at));
    for (; len > 0; len--) {
        state->word |= (uint64_t)*at++ << state->total % 8 * 8;
        if (++state->total % 8 == 0) {
            put(state->v, state->word);
            state->word = 0;
        }
    }
}

struct llmobs_hash128 llmobs_siphash_now(const struct llmobs_siphash *state)
{
    struct llmobs_hash128 out;
    uint64_t v[4];

    memcpy(v, state->v, sizeof(v));
    put(v, state->word | state->total << 56);
    v[2] ^= 0xee;
    rounds(v, 4);
    out.lo = v[0] ^ v[1] ^ v[2] ^ v[3];
    v[1] ^= 0xdd;
    rounds(v, 4);
    out.hi = v[0] ^ v[1] ^ v[2] ^ v[3];
    return out;
}

uint64_t llmobs_siphash_number(const uint64_t key[2], uint64_t number)
{
    const uint64_t words[2] = {number, UINT64_C(8) << 56};
    uint64_t v[4] = {key[0] ^ UINT64_C(0x736f6d6570736575),
                     key[1] ^ UINT64_C(0x646f72616e646f6d),
                     key[0] ^ UINT64_C(0x6c7967656e657261),
                     key[1] ^ UINT64_C(0x7465646279746573)};

    for (int i = 0; i < 2; i++) {
        v[3] ^= words[i];
        one_round(v);
        v[0] ^= words[i];
    }
    v[2] ^= 0xff;
    one_round(v);
    one_round(v);
    one_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
