#include "rules/read/base64.h"

#include <errno.h>
#include <stdint.h>

#define BLOCK                                                     \
    3072 /* bytes that are added at once: a multiple of a group's \
          * three */

/* The six bits of a digit; negative: not a digit. */
static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

static size_t without_padding(struct llmobs_text text)
{
    size_t len = text.len;

    while (len > 0 && text.len - len < 2 && text.data[len - 1] == '=')
        len--;
    return len;
}

/* Writes the bytes of a group of two to four digits. */
static int base64_read_group(const char *digits, size_t count, char out[3])
{
    uint32_t bits = 0;

    for (size_t i = 0; i < 4; i++) {
        int value = i < count ? base64_digit(digits[i]) : 0;

        if (value < 0)
            return -EINVAL;
        bits = bits << 6 | (uint32_t)value;
    }
    out[0] = (char)(bits >> 16);
    out[1] = (char)(bits >> 8);
    out[2] = (char)bits;
    return 0;
}

int llmobs_base64_decode(struct llmobs_text text, struct llmobs_buf *out)
{
    size_t len = without_padding(text), used = 0;
    char block[BLOCK];
    int rc = len % 4 == 1 ? -EINVAL : 0;

    for (size_t i = 0; rc == 0 && i < len; i += 4) {
        size_t count = len - i < 4 ? len - i : 4;

        rc = base64_read_group(text.data + i, count, block + used);
        used += count - 1;
        if (rc == 0 && (used == BLOCK || i + 4 >= len)) {
            rc = llmobs_buf_add(out, block, used);
            used = 0;
        }
    }
    return rc;
}
