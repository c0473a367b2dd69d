#include "cli/show/media.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/shared/escape.h"

#define TYPE_COLUMNS 40
#define HEAD_MAX (64u * 1024)

/* -- bytes ---------------------------------------------------------------- */

/* The value of a digit of base64; -1: it is none. */
static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;

    if (c == '-' || c == '_') /* of the alphabet for addresses */
        return c == '-' ? 62 : 63;
    return at ? (int)(at - digits) : -1;
}

/* Decodes up to `cap` bytes; answers their number. */
static size_t decode(const char *text, unsigned char *out, size_t cap)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t len = 0;

    for (; len < cap && digit_of(*text) >= 0; text++) {
        bits = bits << 6 | (uint32_t)digit_of(*text);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[len++] = (unsigned char)(bits >> have);
        }
    }
    return len;
}

static unsigned big(const unsigned char *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static unsigned little(const unsigned char *at)
{
    return (unsigned)at[1] << 8 | at[0];
}

/* -- sizes ---------------------------------------------------------------- */

struct size {
    unsigned width, height;
};

/* A JPEG is a list of segments; one of them is the frame. */
static bool jpeg(const unsigned char *data, size_t len, struct size *out)
{
    size_t at = 2;

    while (at + 9 <= len && data[at] == 0xFF) {
        unsigned char mark = data[at + 1];

        if (mark >= 0xC0 && mark <= 0xCF && mark != 0xC4 && mark != 0xC8 &&
            mark != 0xCC) {
            *out = (struct size){big(data + at + 7), big(data + at + 5)};
            return true;
        }
        at += 2 + big(data + at + 2);
    }
    return false;
}

static bool webp(const unsigned char *data, size_t len, struct size *out)
{
    if (len < 30)
        return false;
    if (memcmp(data + 12, "VP8 ", 4) == 0)
        *out = (struct size){little(data + 26) & 0x3FFF,
                             little(data + 28) & 0x3FFF};
    else if (memcmp(data + 12, "VP8L", 4) == 0)
        *out =
            (struct size){(little(data + 21) & 0x3FFF) + 1,
                          (((unsigned)data[22] >> 6 | (unsigned)data[23] << 2 |
                            (unsigned)data[24] << 10) &
                           0x3FFF) +
                              1};
    else
        *out = (struct size){little(data + 24) + 1, little(data + 27) + 1};
    return true;
}

static bool size_of(const unsigned char *data, size_t len, struct size *out)
{
    if (len >= 24 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0) {
        *out = (struct size){big(data + 18), big(data + 22)};
        return big(data + 16) == 0 && big(data + 20) == 0;
    }
    if (len >= 10 && memcmp(data, "GIF8", 4) == 0) {
        *out = (struct size){little(data + 6), little(data + 8)};
        return true;
    }
    if (len >= 12 && memcmp(data, "RIFF", 4) == 0 &&
        memcmp(data + 8, "WEBP", 4) == 0)
        return webp(data, len, out);
    return len >= 4 && data[0] == 0xFF && data[1] == 0xD8 &&
           jpeg(data, len, out);
}

/* -- words ---------------------------------------------------------------- */

static void add_pixels(struct llmobs_buf *out, const char *content)
{
    unsigned char *head = malloc(HEAD_MAX);
    struct size size;

    if (!head)
        llmobs_buf_fail(out, -ENOMEM);
    else if (size_of(head, decode(content, head, HEAD_MAX), &size))
        llmobs_buf_addf(out, " %ux%u", size.width, size.height);
    free(head);
}

static void add_bytes(struct llmobs_buf *out, const char *content)
{
    size_t bytes = strspn(content, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz0123456789"
                                   "+/-_") *
                   3 / 4;

    if (bytes >= 10000000)
        llmobs_buf_addf(out, ", %zu MB", (bytes + 500000) / 1000000);
    else if (bytes >= 1000)
        llmobs_buf_addf(out, ", %zu KB", (bytes + 500) / 1000);
    else if (bytes > 0)
        llmobs_buf_addf(out, ", %zu bytes", bytes);
}

int llmobs_media_add(struct llmobs_buf *out, const struct llmobs_json *part,
                     const char *what)
{
    const char *type = llmobs_json_gets(part, "mime_type");
    const char *content = llmobs_json_gets(part, "content");

    llmobs_buf_addc(out, '[');
    llmobs_escape_adds(out, llmobs_has_text(type) ? type : what, TYPE_COLUMNS);
    if (content) {
        add_pixels(out, content);
        add_bytes(out, content);
    }
    llmobs_buf_addc(out, ']');
    return out->error;
}
