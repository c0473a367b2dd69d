#include "rules/read/idn.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define PREFIX "xn--"
#define LABEL_MAX 63

/* RFC 3492, section 5. */
#define BASE 36
#define T_MIN 1
#define T_MAX 26
#define SKEW 38
#define DAMP 700
#define INITIAL_BIAS 72
#define INITIAL_N 0x80

/* A label while it is converted. */
struct label {
    uint32_t points[LABEL_MAX];
    size_t count;
    char out[LABEL_MAX];
    size_t len;
};

/* -- UTF-8 --------------------------------------------------------------- */

/* The length of the character at the text's beginning; 0: no character. */
static size_t decode(struct llmobs_text text, uint32_t *point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *at = (const unsigned char *)text.data;
    size_t n = at[0] < 0x80             ? 1
               : (at[0] & 0xe0) == 0xc0 ? 2
               : (at[0] & 0xf0) == 0xe0 ? 3
               : (at[0] & 0xf8) == 0xf0 ? 4
                                        : 0;

    if (n == 0 || n > text.len)
        return 0;
    *point = n == 1 ? at[0] : at[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        *point = *point << 6 | (at[i] & 0x3fu);
    }
    if (*point < least[n] || *point > 0x10ffff ||
        (*point >= 0xd800 && *point <= 0xdfff))
        return 0;
    return n;
}

static int decode_all(struct llmobs_text text, struct label *label)
{
    label->count = 0;
    while (text.len > 0) {
        size_t n;

        if (label->count == LABEL_MAX)
            return -EINVAL;
        n = decode(text, &label->points[label->count++]);
        if (n == 0)
            return -EINVAL;
        text.data += n;
        text.len -= n;
    }
    return 0;
}

/* -- Punycode ------------------------------------------------------------ */

static int put(struct label *label, char c)
{
    if (label->len == LABEL_MAX)
        return -EINVAL;
    label->out[label->len++] = c;
    return 0;
}

static char digit(uint32_t value)
{
    return (char)(value < 26 ? 'a' + value : '0' + (value - 26));
}

static uint32_t adapt(uint32_t delta, uint32_t points, bool first)
{
    uint32_t k = 0;

    delta = first ? delta / DAMP : delta / 2;
    delta += delta / points;
    for (; delta > (BASE - T_MIN) * T_MAX / 2; k += BASE)
        delta /= BASE - T_MIN;
    return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

/* Writes a number whose digits show where it ends (RFC 3492, section 3.3). */
static int put_number(struct label *label, uint32_t q, uint32_t bias)
{
    for (uint32_t k = BASE;; k += BASE) {
        uint32_t t = k <= bias ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias;

        if (q < t)
            return put(label, digit(q));
        if (put(label, digit(t + (q - t) % (BASE - t))))
            return -EINVAL;
        q = (q - t) / (BASE - t);
    }
}

static uint32_t next_point(const struct label *label, uint32_t from)
{
    uint32_t least = UINT32_MAX;

    for (size_t i = 0; i < label->count; i++)
        if (label->points[i] >= from && label->points[i] < least)
            least = label->points[i];
    return least;
}

/* 63 characters below 0x110000 keep every number within 32 bits. */
static int put_others(struct label *label, uint32_t basic)
{
    uint32_t n = INITIAL_N, delta = 0, bias = INITIAL_BIAS, done = basic;

    while (done < label->count) {
        uint32_t next = next_point(label, n);

        delta += (next - n) * (done + 1);
        n = next;
        for (size_t i = 0; i < label->count; i++) {
            delta += label->points[i] < n;
            if (label->points[i] != n)
                continue;
            if (put_number(label, delta, bias))
                return -EINVAL;
            bias = adapt(delta, done + 1, done == basic);
            delta = 0;
            done++;
        }
        delta++;
        n++;
    }
    return 0;
}

static int encode(struct llmobs_text text, struct label *label)
{
    uint32_t basic = 0;
    int rc = decode_all(text, label);

    label->len = 0;
    for (const char *c = PREFIX; rc == 0 && *c; c++)
        rc = put(label, *c);
    for (size_t i = 0; rc == 0 && i < label->count; i++) {
        if (label->points[i] >= INITIAL_N)
            continue;
        rc = put(label, (char)label->points[i]);
        basic++;
    }
    if (rc == 0 && basic > 0)
        rc = put(label, '-');
    return rc ? rc : put_others(label, basic);
}

/* -- names --------------------------------------------------------------- */

static bool is_plain(struct llmobs_text text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] >= 0x80)
            return memchr(text.data, '*', text.len) != NULL;
    return true;
}

int llmobs_idn_encode(struct llmobs_text host, char *out, size_t cap)
{
    size_t at = 0, from = 0;

    while (from <= host.len) {
        const char *dot = from < host.len
                              ? memchr(host.data + from, '.', host.len - from)
                              : NULL;
        size_t end = dot ? (size_t)(dot - host.data) : host.len;
        struct llmobs_text text = {host.data + from, end - from};
        struct label label;

        if (!is_plain(text)) {
            if (encode(text, &label))
                return -EINVAL;
            text = (struct llmobs_text){label.out, label.len};
        }
        if (at + text.len + 1 >= cap)
            return -EINVAL;
        for (size_t i = 0; i < text.len; i++) {
            char c = text.data[i];

            out[at++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        }
        if (dot)
            out[at++] = '.';
        from = end + 1;
    }
    out[at] = '\0';
    return 0;
}
