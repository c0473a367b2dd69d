/* sha256 - the hash of FIPS 180-4, for values that are compared without being
 * held: keys, ids of sessions, users. Threads: any; no state. Never fails.
 */
#ifndef LLMOBS_SHA256_H
#define LLMOBS_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define LLMOBS_SHA256_LEN 32

void llmobs_sha256(const void *data, size_t len,
                   uint8_t out[LLMOBS_SHA256_LEN]);

/* The first `count` hexadecimal digits of the hash, at most 64, with a NUL
 * behind them. */
void llmobs_sha256_digits(const void *data, size_t len, size_t count,
                          char *out);

/* "sha256:" and 16 digits, in the place of a text that names a person; with a
 * key "hmac:" and the digits of its HMAC, which nobody without the key finds by
 * guessing. The key is on no stack afterwards. */
#define LLMOBS_SHA256_DIGITS 16
#define LLMOBS_SHA256_NAMED (8 + LLMOBS_SHA256_DIGITS)
void llmobs_sha256_named(const char *key, const char *text,
                         char out[LLMOBS_SHA256_NAMED]);

#endif
