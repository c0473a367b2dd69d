/* Computes SHA-256. */
#include "lib/base/sha256.h"

#include <string.h>

#define BLOCK 64

static const uint32_t rounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate_right(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static void add_block(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[64], s[8];

    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];

        w[i] = w[i - 16] + (rotate_right(a, 7) ^ rotate_right(a, 18) ^ a >> 3) +
               w[i - 7] + (rotate_right(b, 17) ^ rotate_right(b, 19) ^ b >> 10);
    }
    memcpy(s, state, sizeof(s));
    for (int i = 0; i < 64; i++) {
        uint32_t one = s[7] +
                       (rotate_right(s[4], 6) ^ rotate_right(s[4], 11) ^
                        rotate_right(s[4], 25)) +
                       ((s[4] & s[5]) ^ (~s[4] & s[6])) + rounds[i] + w[i];
        uint32_t two = (rotate_right(s[0], 2) ^ rotate_right(s[0], 13) ^
                        rotate_right(s[0], 22)) +
                       ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));

        memmove(s + 1, s, 7 * sizeof(*s));
        s[4] += one;
        s[0] = one + two;
    }
    for (int i = 0; i < 8; i++)
        state[i] += s[i];
    explicit_bzero(w, sizeof(w)); /* it may be a key's */
}

/* `lead`: a block before the data, or NULL. */
static void hash_behind(const uint8_t *lead, const void *data, size_t len,
                        uint8_t out[LLMOBS_SHA256_LEN])
{
    uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    uint8_t last[2 * BLOCK] = {0};
    const uint8_t *at = data;
    size_t left = len, size;

    if (lead) {
        add_block(state, lead);
        len += BLOCK;
    }
    for (; left >= BLOCK; at += BLOCK, left -= BLOCK)
        add_block(state, at);
    if (left > 0)
        memcpy(last, at, left);
    last[left] = 0x80;
    size = left < BLOCK - 8 ? BLOCK : 2 * BLOCK;
    for (int i = 0; i < 8; i++)
        last[size - 1 - (size_t)i] = (uint8_t)((uint64_t)len * 8 >> 8 * i);
    for (size_t i = 0; i < size; i += BLOCK)
        add_block(state, last + i);
    for (int i = 0; i < LLMOBS_SHA256_LEN; i++)
        out[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
    explicit_bzero(last, sizeof(last));
}

void llmobs_sha256(const void *data, size_t len, uint8_t out[LLMOBS_SHA256_LEN])
{
    hash_behind(NULL, data, len, out);
}

/* HMAC (RFC 2104). */
static void hash_with(const char *key, const void *data, size_t len,
                      uint8_t out[LLMOBS_SHA256_LEN])
{
    uint8_t pad[BLOCK] = {0}, inner[LLMOBS_SHA256_LEN];
    size_t size = strlen(key);

    if (size > BLOCK)
        llmobs_sha256(key, size, pad);
    else
        memcpy(pad, key, size);
    for (size_t i = 0; i < BLOCK; i++)
        pad[i] ^= 0x36;
    hash_behind(pad, data, len, inner);
    for (size_t i = 0; i < BLOCK; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    hash_behind(pad, inner, sizeof(inner), out);
    explicit_bzero(pad, sizeof(pad));
}

static void write_digits(const uint8_t *hash, size_t count, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < count; i++)
        out[i] = digits[hash[i / 2] >> (i % 2 ? 0 : 4) & 15];
    out[count] = '\0';
}

void llmobs_sha256_digits(const void *data, size_t len, size_t count, char *out)
{
    uint8_t hash[LLMOBS_SHA256_LEN];

    llmobs_sha256(data, len, hash);
    write_digits(hash, count, out);
}

void llmobs_sha256_named(const char *key, const char *text,
                         char out[LLMOBS_SHA256_NAMED])
{
    const char *lead = key ? "hmac:" : "sha256:";
    size_t len = strlen(lead);
    uint8_t hash[LLMOBS_SHA256_LEN];

    memcpy(out, lead, len);
    if (key)
        hash_with(key, text, strlen(text), hash);
    else
        llmobs_sha256(text, strlen(text), hash);
    write_digits(hash, LLMOBS_SHA256_DIGITS, out + len);
}
