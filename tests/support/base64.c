/* Encodes base64 for tests. */
#include "tests/support/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "abcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_add(struct llmobs_buf *buf, struct llmobs_text text)
{
    const unsigned char *at = (const unsigned char *)text.data;
    int rc = 0;

    for (size_t i = 0; i < text.len && rc == 0; i += 3) {
        size_t left = text.len - i;
        uint32_t bits = (uint32_t)at[i] << 16;
        char four[4] = {'=', '=', '=', '='};

        bits |= left > 1 ? (uint32_t)at[i + 1] << 8 : 0;
        bits |= left > 2 ? at[i + 2] : 0;
        for (size_t k = 0; k < (left < 3 ? left + 1 : 4); k++)
            four[k] = digits[bits >> (18 - 6 * k) & 63];
        rc = llmobs_buf_add(buf, four, 4);
    }
    return rc;
}
