/* Prints messages to stderr with foreign text made harmless. */
#include "cli/shared/tell.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_harmless(uint32_t code)
{
    return (code >= 0x20 && code < 0x7F) ||
           (code >= 0xA0 && code != 0x061C && code != 0x200E &&
            code != 0x200F && !(code >= 0x2028 && code <= 0x202E) &&
            !(code >= 0x2066 && code <= 0x2069));
}

/* The length of the character at `s`, which ends with a NUL, if it may be
 * written as it is; else 0. */
static size_t harmless(const unsigned char *s)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    uint32_t code = n == 1 ? s[0] : s[0] & (0x7Fu >> n);

    if (n > 1 && (s[0] < 0xC2 || s[0] > 0xF4))
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3Fu);
    }
    return code >= least[n] && code <= 0x10FFFF && is_harmless(code) ? n : 0;
}

void llmobs_tell(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    int len;

    va_start(args, format);
    len = vasprintf(&text, format, args);
    va_end(args);
    for (const char *at = text; len >= 0 && *at != '\0';) {
        size_t n = harmless((const unsigned char *)at);

        if (n > 0)
            fwrite(at, 1, n, stderr);
        else if (*at == '\n' && at[1] == '\0')
            putc('\n', stderr);
        else
            fprintf(stderr, "\\x%02x", (unsigned char)*at);
        at += n > 0 ? n : 1;
    }
    if (len >= 0)
        free(text);
}
