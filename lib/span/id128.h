/* id128 - trace ids: 128-bit numbers and their written forms.
 *
 * Threads: any; plain values.
 * Errors:  parsers answer false for any other form and leave *out undefined.
 * Limits:  a parser reads at most 64 characters.
 */
#ifndef LLMOBS_ID128_H
#define LLMOBS_ID128_H

#include <stdint.h>

#include "lib/base/buf.h"

#define LLMOBS_TRACE_HEX_LEN 32

struct llmobs_id128 {
    uint64_t hi;
    uint64_t lo;
};

/* 32 lower-case hex digits and a NUL. */
void llmobs_id128_hex(struct llmobs_id128 id,
                      char out[LLMOBS_TRACE_HEX_LEN + 1]);
/* At most 39 decimal digits and a NUL. */
void llmobs_id128_decimal(struct llmobs_id128 id, char out[40]);

/* Reads a propagated trace id: 32 lower-case hex digits; or a decimal number,
 * unless it has 32 digits and begins with 0 (WIRE 5.3). False for 0. */
bool llmobs_id128_parse(struct llmobs_text text, struct llmobs_id128 *out);

/* Exactly `len` (at most 16) lower-case hex digits. */
bool llmobs_id128_parse_hex64(const char *text, size_t len, uint64_t *out);
/* A decimal number below 2^64. */
bool llmobs_id128_parse_decimal64(struct llmobs_text text, uint64_t *out);

#endif
