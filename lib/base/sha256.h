/* sha256 - the hash of FIPS 180-4, for owner.h, which compares keys without
 * holding them. Threads: any; no state. Never fails.
 */
#ifndef LLMOBS_SHA256_H
#define LLMOBS_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define LLMOBS_SHA256_LEN 32

void llmobs_sha256(const void *data, size_t len,
                   uint8_t out[LLMOBS_SHA256_LEN]);

#endif
