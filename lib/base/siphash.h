/* siphash - SipHash-2-4 with 128 bits of output: a short hash under a key, from
 * which nobody without the key learns what was hashed.
 *
 * Threads: any; the state is the caller's. Never fails.
 * Source:  Aumasson and Bernstein, "SipHash: a fast short-input PRF", and the
 *          variant of 128 bits by the same authors.
 */
#ifndef LLMOBS_SIPHASH_H
#define LLMOBS_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* SipHash's four words, v0 to v3. */
struct llmobs_siphash_words {
    uint64_t a, b, c, d;
};

struct llmobs_siphash {
    struct llmobs_siphash_words v;
    uint64_t word;  /* the bytes behind the last whole eight */
    uint64_t total; /* all bytes so far */
};

struct llmobs_hash128 {
    uint64_t hi, lo;
};

void llmobs_siphash_init(struct llmobs_siphash *state, const uint64_t key[2]);
void llmobs_siphash_add(struct llmobs_siphash *state, const void *data,
                        size_t len);

/* For long texts, at a tenth of the cost: adds the sums of NH (Krovetz, "UMAC",
 * RFC 4418) of each block of 256 bytes, and the length. Two texts that nobody
 * chose by the key have the same sums once in 2^64. _spread gives the words,
 * which depend on the key alone. */
#define LLMOBS_SIPHASH_WORDS 32
void llmobs_siphash_spread(const uint64_t key[2],
                           uint64_t spread[LLMOBS_SIPHASH_WORDS]);
void llmobs_siphash_add_sums(struct llmobs_siphash *state,
                             const uint64_t spread[LLMOBS_SIPHASH_WORDS],
                             const void *data, size_t len);

/* The hash of all that was added; the state stays as it is, and more may be
 * added to it. */
struct llmobs_hash128 llmobs_siphash_now(const struct llmobs_siphash *state);

/* SipHash-1-3 with 64 bits of output: for the app's threads. */
uint64_t llmobs_siphash_short(const uint64_t key[2], const void *data,
                              size_t len);

#endif
