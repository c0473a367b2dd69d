/* Compares and trims texts. */
#include "rules/read/text.h"

#include <stdint.h>
#include <strings.h>

bool llmobs_text_ends(struct llmobs_text text, const char *suffix)
{
    size_t len = strlen(suffix);

    return text.len >= len &&
           (len == 0 || memcmp(text.data + text.len - len, suffix, len) == 0);
}

bool llmobs_text_has_nocase(struct llmobs_text text, const char *word)
{
    size_t len = strlen(word);

    for (size_t i = 0; i + len <= text.len; i++)
        if (strncasecmp(text.data + i, word, len) == 0)
            return true;
    return false;
}

struct llmobs_text llmobs_text_unblank(struct llmobs_text text)
{
    if (text.len >= 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0) {
        text.data += 3;
        text.len -= 3;
    }
    while (text.len > 0 && memchr(" \t\r\n", text.data[0], 4)) {
        text.data++;
        text.len--;
    }
    return text;
}

/* True for a byte that is no white space: most texts begin and end with one. */
static bool is_no_space(char byte)
{
    return byte > ' ' && byte < 0x7F;
}

/* The length of the white space at `at`, 0: no white space. Unicode's
 * White_Space and the characters of Python's str.strip count. */
static size_t space_at(const char *at, size_t len)
{
    unsigned char c = (unsigned char)at[0];

    if (is_no_space(at[0]))
        return 0;
    if (c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F))
        return 1;
    if (len >= 2 && c == 0xC2 && (at[1] == '\x85' || at[1] == '\xA0'))
        return 2;
    if (len < 3)
        return 0;
    if (memcmp(at, "\xE1\x9A\x80", 3) == 0 ||
        memcmp(at, "\xE2\x81\x9F", 3) == 0 ||
        memcmp(at, "\xE3\x80\x80", 3) == 0)
        return 3;
    if (memcmp(at, "\xE2\x80", 2) != 0)
        return 0;
    c = (unsigned char)at[2];
    return (c >= 0x80 && c <= 0x8A) || c == 0xA8 || c == 0xA9 || c == 0xAF ? 3
                                                                           : 0;
}

/* The length of the white space at the end of `text`. */
static size_t space_behind(struct llmobs_text text)
{
    if (is_no_space(text.data[text.len - 1]))
        return 0;
    for (size_t n = 1; n <= 3 && n <= text.len; n++)
        if (space_at(text.data + text.len - n, n) == n)
            return n;
    return 0;
}

struct llmobs_text llmobs_text_strip(struct llmobs_text text)
{
    size_t n;

    while (text.len > 0 && (n = space_at(text.data, text.len)) > 0) {
        text.data += n;
        text.len -= n;
    }
    while (text.len > 0 && (n = space_behind(text)) > 0)
        text.len -= n;
    return text;
}

bool llmobs_text_matches(struct llmobs_text text, struct llmobs_text pattern)
{
    size_t i = 0, p = 0, from = 0, star = SIZE_MAX;

    if (!llmobs_text_may_match(text, pattern))
        return false;
    while (i < text.len) {
        if (p < pattern.len && pattern.data[p] == '*') {
            star = ++p;
            from = i;
        } else if (p < pattern.len && pattern.data[p] == text.data[i]) {
            p++;
            i++;
        } else if (star != SIZE_MAX) {
            p = star;
            i = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*')
        p++;
    return p == pattern.len;
}

bool llmobs_text_has_any(struct llmobs_text text, const char *words)
{
    if (text.len > 0)
        LLMOBS_WORDS_EACH (word, words)
            if (memmem(text.data, text.len, word, strlen(word)))
                return true;
    return false;
}

bool llmobs_text_like(struct llmobs_text text, const char *pattern)
{
    return llmobs_text_matches(text, llmobs_text_of(pattern));
}

/* The length of the UTF-8 character with this first byte; 0: no character. */
static size_t utf8_need(unsigned char c)
{
    if (c < 0x80)
        return 1;
    if (c >= 0xC2 && c <= 0xDF)
        return 2;
    if (c >= 0xE0 && c <= 0xEF)
        return 3;
    return c >= 0xF0 && c <= 0xF4 ? 4 : 0;
}

struct llmobs_text llmobs_text_cut(struct llmobs_text text, size_t max)
{
    size_t back = 0;

    if (text.len > max)
        text.len = max;
    while (back < 3 && back < text.len &&
           ((unsigned char)text.data[text.len - 1 - back] & 0xC0) == 0x80)
        back++;
    if (back < text.len &&
        utf8_need((unsigned char)text.data[text.len - 1 - back]) > back + 1)
        text.len -= back + 1;
    return text;
}

/* True when the `n` bytes at `at` are a whole character or its beginning.
 * Overlong forms, surrogates and numbers beyond U+10FFFF are not characters. */
static bool utf8_valid(const unsigned char *at, size_t n)
{
    static const unsigned char low[5] = {0xE0, 0xF0, 0xED, 0xF4, 0};
    static const unsigned char edge[4] = {0xA0, 0x90, 0x9F, 0x8F};

    for (size_t i = 1; i < n; i++)
        if ((at[i] & 0xC0) != 0x80)
            return false;
    for (size_t i = 0; n > 1 && low[i]; i++)
        if (at[0] == low[i])
            return i < 2 ? at[1] >= edge[i] : at[1] <= edge[i];
    return true;
}

bool llmobs_text_readable(struct llmobs_text text)
{
    const unsigned char *at = (const unsigned char *)text.data;

    for (size_t i = 0; i < text.len;) {
        size_t need = utf8_need(at[i]), left = text.len - i;

        if (need == 0 || !utf8_valid(at + i, need < left ? need : left))
            return false;
        if (at[i] == 0x7F ||
            (at[i] < 0x20 && !memchr("\t\n\v\f\r\b\x1B", at[i], 7)))
            return false;
        i += need;
    }
    return true;
}

char *llmobs_text_word(const char *what, const char *detail)
{
    struct llmobs_buf buf;
    char *out = NULL;
    int rc;

    llmobs_buf_init(&buf, 512);
    rc = llmobs_buf_addf(&buf, "[%s%s%.256s]", what, detail ? ": " : "",
                         detail ? detail : "");
    if (rc == 0)
        out = llmobs_buf_take(&buf, NULL);
    llmobs_buf_fini(&buf);
    return out;
}
