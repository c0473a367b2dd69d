/* Decodes escapes of JSON and URLs, character by character. */
#include "lib/span/chars.h"

#define UNIT 5 /* "u0041" */

char llmobs_chars_unit(const char *text, size_t len)
{
    int value = 0;

    for (size_t i = 1; i < UNIT; i++) {
        int digit = i < len ? llmobs_text_hex(text[i]) : -1;

        if (digit < 0 || value * 16 + digit >= 0x80)
            return 0;
        value = value * 16 + digit;
    }
    return (char)value;
}

char llmobs_chars_next(struct llmobs_text text, size_t *at)
{
    char c;

    if (*at >= text.len)
        return '\0';
    c = text.data[*at];
    if (c == '\\') {
        /* Reads the character behind backslashes, the first of which is at *at.
         */
        while (*at < text.len && text.data[*at] == '\\')
            ++*at;
        if (*at == text.len)
            return '\0';
        c = text.data[(*at)++];
        if (c != 'u')
            return c == '/' ? c : '"';
        c = llmobs_chars_unit(text.data + *at - 1, text.len - *at + 1);
        *at += c ? UNIT - 1 : 0;
        return c ? c : LLMOBS_CHARS_FOREIGN;
    }
    ++*at;
    return c & '\x80' ? LLMOBS_CHARS_FOREIGN : c;
}

static size_t skip_backslashes(struct llmobs_text text, size_t at)
{
    while (at > 0 && text.data[at - 1] == '\\')
        at--;
    return at;
}

char llmobs_chars_percent(struct llmobs_text text, size_t at, size_t *end)
{
    int high = text.len - at > 2 ? llmobs_text_hex(text.data[at + 1]) : -1;
    int low = high >= 0 ? llmobs_text_hex(text.data[at + 2]) : -1;

    *end = at + 3;
    if (low < 0)
        return '\0';
    return high > 7 ? LLMOBS_CHARS_FOREIGN : (char)(high * 16 + low);
}

char llmobs_chars_read(struct llmobs_text text, size_t *at)
{
    size_t end;
    char c = *at < text.len && text.data[*at] == '%'
                 ? llmobs_chars_percent(text, *at, &end)
                 : '\0';

    if (!c)
        return llmobs_chars_next(text, at);
    *at = end;
    return c;
}

char llmobs_chars_last(struct llmobs_text text, size_t *at)
{
    const char *data = text.data;
    size_t i = *at, end;
    char c;

    if (i == 0)
        return '\0';
    if (i > UNIT && data[i - 2] != '\\' && data[i - 3] != '%' &&
        data[i - UNIT] != 'u') {
        *at = i - 1; /* most characters end no escape */
        c = data[i - 1];
        return c & '\x80' ? LLMOBS_CHARS_FOREIGN : c;
    }
    if (i > UNIT && data[i - UNIT] == 'u' && data[i - UNIT - 1] == '\\' &&
        (c = llmobs_chars_unit(data + i - UNIT, UNIT))) {
        *at = skip_backslashes(text, i - UNIT);
        return c;
    }
    if (i >= 3 && data[i - 3] == '%' &&
        (c = llmobs_chars_percent(text, i - 3, &end))) {
        *at = i - 3;
        return c;
    }
    *at = i - 1;
    c = data[i - 1];
    if (i > 1 && data[i - 2] == '\\' && c != '\\') {
        *at = skip_backslashes(text, i - 1);
        switch (c) {
        case 'n':
        case 'r':
            return '\n';
        case 't':
            return '\t';
        default:
            return c;
        }
    }
    return c & '\x80' ? LLMOBS_CHARS_FOREIGN : c;
}
