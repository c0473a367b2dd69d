/* mix - turns a number into another one, each bit of which depends on all bits
 * of the first; no two numbers give the same. These are the last steps of
 * splitmix64.
 */
#ifndef LLMOBS_MIX_H
#define LLMOBS_MIX_H

#include <stdint.h>
#include <string.h>

static inline uint64_t llmobs_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* A number of bytes, which whoever knows this function can find others for. */
static inline uint64_t llmobs_mix_bytes(const void *data, size_t len)
{
    const char *at = data;
    uint64_t sum = len, piece;

    for (; len >= sizeof(piece); at += sizeof(piece), len -= sizeof(piece)) {
        memcpy(&piece, at, sizeof(piece));
        sum = (sum ^ sum >> 32 ^ piece) * UINT64_C(0x94d049bb133111eb);
    }
    piece = 0;
    memcpy(&piece, at, len);
    return llmobs_mix(sum ^ piece);
}

#endif
