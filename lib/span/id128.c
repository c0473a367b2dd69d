/* Formats and parses trace ids. */
#include "lib/span/id128.h"

#include <string.h>

static void put_hex64(uint64_t value, char *out)
{
    for (int i = 15; i >= 0; i--, value >>= 4)
        out[i] = "0123456789abcdef"[value & 15];
}

void llmobs_id128_hex(struct llmobs_id128 id,
                      char out[LLMOBS_TRACE_HEX_LEN + 1])
{
    put_hex64(id.hi, out);
    put_hex64(id.lo, out + 16);
    out[LLMOBS_TRACE_HEX_LEN] = '\0';
}

void llmobs_id128_decimal(struct llmobs_id128 id, char out[40])
{
    uint32_t limbs[4] = {(uint32_t)(id.hi >> 32), (uint32_t)id.hi,
                         (uint32_t)(id.lo >> 32), (uint32_t)id.lo};
    char digits[46];
    size_t at = sizeof(digits);

    /* Five rounds of nine digits, the last digits first. */
    for (int round = 0; round < 5; round++) {
        uint64_t rest = 0;

        for (int i = 0; i < 4; i++) {
            uint64_t part = rest << 32 | limbs[i];

            limbs[i] = (uint32_t)(part / 1000000000);
            rest = part % 1000000000;
        }
        for (int i = 0; i < 9; i++, rest /= 10)
            digits[--at] = (char)('0' + rest % 10);
    }
    while (at < sizeof(digits) - 1 && digits[at] == '0')
        at++;
    memcpy(out, digits + at, sizeof(digits) - at);
    out[sizeof(digits) - at] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool llmobs_id128_parse_hex64(const char *text, size_t len, uint64_t *out)
{
    uint64_t value = 0;

    for (size_t i = 0; i < len; i++) {
        int digit = hex_digit(text[i]);

        if (digit < 0)
            return false;
        value = value << 4 | (uint64_t)digit;
    }
    *out = value;
    return true;
}

static bool parse_decimal(struct llmobs_text text, struct llmobs_id128 *out)
{
    uint32_t limbs[4] = {0};

    if (text.len == 0 || text.len > 64)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint64_t carry;

        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        carry = (uint64_t)(text.data[i] - '0');
        for (int k = 3; k >= 0; k--) {
            carry += (uint64_t)limbs[k] * 10;
            limbs[k] = (uint32_t)carry;
            carry >>= 32;
        }
        if (carry)
            return false;
    }
    out->hi = (uint64_t)limbs[0] << 32 | limbs[1];
    out->lo = (uint64_t)limbs[2] << 32 | limbs[3];
    return true;
}

bool llmobs_id128_parse_decimal64(struct llmobs_text text, uint64_t *out)
{
    struct llmobs_id128 id;

    if (!parse_decimal(text, &id) || id.hi != 0)
        return false;
    *out = id.lo;
    return true;
}

bool llmobs_id128_parse(struct llmobs_text text, struct llmobs_id128 *out)
{
    bool digits = text.len > 0 && text.len <= 64;

    for (size_t i = 0; digits && i < text.len; i++)
        digits = text.data[i] >= '0' && text.data[i] <= '9';
    if (digits && !(text.len == 32 && text.data[0] == '0')) {
        if (!parse_decimal(text, out))
            return false;
    } else if (text.len != 32 ||
               !llmobs_id128_parse_hex64(text.data, 16, &out->hi) ||
               !llmobs_id128_parse_hex64(text.data + 16, 16, &out->lo)) {
        return false;
    }
    return out->hi != 0 || out->lo != 0;
}
