/* Formats doubles as the shortest decimals. */
#include "lib/text/decimal.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 17 /* always enough for a double */

/* A positive decimal: 0.DIGITS times ten to the power of `point`. */
struct decimal {
    char digits[DIGITS_MAX + 1];
    int len;
    int point;
};

/* Takes the digits of "%.*e": the decimal point, which depends on the locale,
 * does not matter. */
static double read_back(double number, int precision, struct decimal *out)
{
    char text[48];
    const char *at;

    (void)snprintf(text, sizeof(text), "%.*e", precision - 1, number);
    out->len = 0;
    for (at = text; *at != 'e'; at++) {
        if (*at >= '0' && *at <= '9')
            out->digits[out->len++] = *at;
    }
    out->point = atoi(at + 1) + 1;
    return strtod(text, NULL);
}

/* The gap below a power of two is half the gap above it: the nearest decimal of
 * 16 digits may lie below and read back wrong, while the next decimal above
 * reads back right. One more at the last digit never has to carry out of a
 * first digit of 9: tests/unit tries every power of two. */
static bool find_above(double number, struct decimal *out)
{
    char text[48];
    uint64_t bits;
    int i = out->len - 1;

    memcpy(&bits, &number, sizeof(bits));
    if ((bits & ((UINT64_C(1) << 52) - 1)) != 0)
        return false;
    while (i > 0 && out->digits[i] == '9')
        out->digits[i--] = '0';
    out->digits[i]++;
    (void)snprintf(text, sizeof(text), "%.*se%d", out->len, out->digits,
                   out->point - out->len);
    return strtod(text, NULL) == number;
}

/* 15 digits always survive the way to a double and back, so a shorter form
 * shows as zeros at their end. Numbers near zero have fewer bits, so for them
 * the search begins with one digit. */
static void find_slowly(double number, struct decimal *out)
{
    int precision = number < DBL_MIN ? 1 : DBL_DIG;

    while (precision < DIGITS_MAX &&
           read_back(number, precision, out) != number)
        precision++;
    if (precision == DIGITS_MAX && !find_above(number, out))
        (void)read_back(number, precision, out);
    while (out->len > 1 && out->digits[out->len - 1] == '0')
        out->len--;
}

/* Finds numbers that people write: M / 10^k, where a double holds M and 10^k
 * exactly, so the division rounds only once. The first k that fits gives the
 * fewest digits. */
static bool find_quickly(double number, struct decimal *out)
{
    double scale = 1;
    char text[LLMOBS_DECIMAL_MAX];

    if (number < 1e-5 || number >= 1e15)
        return false;
    for (int k = 0; k <= 20 && number * scale < 1e15; k++, scale *= 10) {
        double scaled = (double)(long long)(number * scale + 0.5);

        if (scaled / scale != number)
            continue;
        out->len = (int)llmobs_decimal_write_int((int64_t)scaled, text);
        out->point = out->len - k;
        while (out->len > 1 && text[out->len - 1] == '0')
            out->len--;
        memcpy(out->digits, text, (size_t)out->len);
        return true;
    }
    return false;
}

static size_t write_fixed(const struct decimal *in, char *out)
{
    size_t len = 0;

    if (in->point <= 0) {
        out[len++] = '0';
        out[len++] = '.';
        for (int i = in->point; i < 0; i++)
            out[len++] = '0';
    }
    for (int i = 0; i < in->len || i <= in->point; i++) {
        if (i == in->point && i > 0)
            out[len++] = '.';
        out[len++] = i < in->len ? in->digits[i] : '0';
    }
    return len;
}

static size_t write_exponent(const struct decimal *in, char *out)
{
    size_t len = 0;

    out[len++] = in->digits[0];
    if (in->len > 1)
        out[len++] = '.';
    for (int i = 1; i < in->len; i++)
        out[len++] = in->digits[i];
    return len + (size_t)snprintf(out + len, LLMOBS_DECIMAL_MAX - 1 - len,
                                  "e%+03d", in->point - 1);
}

size_t llmobs_decimal_write(double number, char out[LLMOBS_DECIMAL_MAX])
{
    struct decimal decimal = {.digits = "0", .len = 1, .point = 1};
    double positive = fabs(number);
    size_t len = 0;

    if (signbit(number))
        out[len++] = '-';
    if (positive > 0 && !find_quickly(positive, &decimal))
        find_slowly(positive, &decimal);
    /* Python's repr changes its form at the same two places. */
    if (decimal.point > 16 || decimal.point < -3)
        len += write_exponent(&decimal, out + len);
    else
        len += write_fixed(&decimal, out + len);
    out[len] = '\0';
    return len;
}

size_t llmobs_decimal_write_int(int64_t number, char out[LLMOBS_DECIMAL_MAX])
{
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    char digits[LLMOBS_DECIMAL_MAX];
    size_t first = sizeof(digits), len;

    do {
        digits[--first] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0)
        digits[--first] = '-';
    len = sizeof(digits) - first;
    memcpy(out, digits + first, len);
    out[len] = '\0';
    return len;
}

/* -- reading ------------------------------------------------------------- */

#define EXPONENT_MAX                                         \
    1000000000 /* no text is so long that its digits undo it \
                */

/* A number as it is read: its digits without the point, times ten to the power
 * of `power`. */
struct number {
    uint64_t digits; /* right where `count` is at most 19 */
    size_t count;    /* without the zeros at their beginning */
    int64_t power;
    bool negative;
};

/* Reads the exponent behind the letter. */
static int64_t read_power(const char *at, const char *end)
{
    bool negative = *at == '-';
    int64_t power = 0;

    for (at += negative || *at == '+'; at < end; at++) {
        if (power < EXPONENT_MAX)
            power = power * 10 + (*at - '0');
    }
    return negative ? -power : power;
}

static struct number read_parts(struct llmobs_text text)
{
    struct number n = {.negative = text.data[0] == '-'};
    const char *at = text.data + n.negative, *end = text.data + text.len;
    bool point = false;

    for (; at < end && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        n.digits = n.digits * 10 + (uint64_t)(*at - '0');
        n.count += n.count > 0 || *at != '0';
        n.power -= point;
    }
    if (at < end)
        n.power += read_power(at + 1, end);
    return n;
}

/* strtod would take the decimal point from the thread's locale, so it gets the
 * digits without a point. */
static int read_slowly(struct llmobs_text text, const struct number *n,
                       struct llmobs_buf *scratch, double *number)
{
    int rc = 0;

    llmobs_buf_cut(scratch, 0);
    for (size_t i = 0; rc == 0 && i < text.len && (text.data[i] | 0x20) != 'e';
         i++) {
        if (text.data[i] != '.')
            rc = llmobs_buf_addc(scratch, text.data[i]);
    }
    if (rc == 0)
        rc = llmobs_buf_addf(scratch, "e%lld", (long long)n->power);
    if (rc == 0)
        *number = strtod(scratch->data, NULL);
    return rc == 0 ? 0 : -ENOMEM;
}

/* A double holds integers below 2^53 and these powers of ten exactly, so one
 * multiplication or division rounds once. */
int llmobs_decimal_read(struct llmobs_text text, struct llmobs_buf *scratch,
                        double *number)
{
    static const double tens[] = {
        1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    struct number n = read_parts(text);
    double digits = (double)n.digits;

    if (n.count > 19 || n.digits >> 53 != 0 || n.power < -22 || n.power > 22)
        return read_slowly(text, &n, scratch, number);
    digits = n.power < 0 ? digits / tens[-n.power] : digits * tens[n.power];
    *number = n.negative ? -digits : digits;
    return 0;
}
