/* Decodes base64. */
#include "rules/read/base64.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define BLOCK                                                     \
    3072 /* bytes that are added at once: a multiple of a group's \
          * three */

/* One more than the six bits of each digit; 0: not a digit. */
static const unsigned char digits[256] = {
    ['+'] = 63, ['/'] = 64, ['0'] = 53, 54, 55, 56,         57, 58, 59, 60, 61,
    62,         ['A'] = 1,  2,          3,  4,  5,          6,  7,  8,  9,  10,
    11,         12,         13,         14, 15, 16,         17, 18, 19, 20, 21,
    22,         23,         24,         25, 26, ['a'] = 27, 28, 29, 30, 31, 32,
    33,         34,         35,         36, 37, 38,         39, 40, 41, 42, 43,
    44,         45,         46,         47, 48, 49,         50, 51, 52};

/* Writes the bytes of a group. */
static int read_group(const char group[4], char out[3])
{
    uint32_t a = digits[(unsigned char)group[0]],
             b = digits[(unsigned char)group[1]],
             c = digits[(unsigned char)group[2]],
             d = digits[(unsigned char)group[3]];
    uint32_t bits = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);

    out[0] = (char)(bits >> 16);
    out[1] = (char)(bits >> 8);
    out[2] = (char)bits;
    return a && b && c && d ? 0 : -EINVAL;
}

int llmobs_base64_decode(struct llmobs_text text, struct llmobs_buf *out)
{
    size_t len = text.len, used = 0;
    char block[BLOCK], last[] = "AAAA";
    int rc;

    while (len > 0 && text.len - len < 2 && text.data[len - 1] == '=')
        len--;
    rc = len % 4 == 1 ? -EINVAL : 0;
    for (size_t i = 0; rc == 0 && i < len; i += 4) {
        const char *group = text.data + i;
        size_t count = len - i < 4 ? len - i : 4;

        if (count < 4)
            group = memcpy(last, group, count);
        rc = read_group(group, block + used);
        used += count - 1;
        if (rc == 0 && (used == BLOCK || i + 4 >= len)) {
            rc = llmobs_buf_add(out, block, used);
            used = 0;
        }
    }
    return rc;
}
