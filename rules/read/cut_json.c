#include "rules/read/cut_json.h"

#include <string.h>

#define SCAN_TRIES_MAX 1024
#define SCAN_VALUE_MAX (16 * 1024)

/* The offset after the string whose quote is at `at`; 0 when the string is cut.
 */
static size_t string_end(struct llmobs_text text, size_t at)
{
    for (size_t i = at + 1; i < text.len; i++) {
        if (text.data[i] == '\\')
            i++;
        else if (text.data[i] == '"')
            return i + 1;
    }
    return 0;
}

/* The offset after the value at `at`; 0 when the value is cut. */
static size_t value_end(struct llmobs_text text, size_t at)
{
    size_t depth = 0, i = at;

    while (i < text.len) {
        char c = text.data[i];

        if (c == '"') {
            i = string_end(text, i);
            if (i == 0 || depth == 0)
                return i;
            continue;
        }
        if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth <= 1)
                return i + depth;
            depth--;
        } else if (depth == 0 && memchr(", \t\r\n", c, 5)) {
            return i;
        }
        i++;
    }
    return 0;
}

static size_t skip_blank(struct llmobs_text text, size_t at)
{
    while (at < text.len && memchr(" \t\r\n", text.data[at], 4))
        at++;
    return at;
}

/* True when the string from `at` to `end` is `key`, and a colon follows; sets
 * *value to the beginning of the member's value. */
static bool key_at(struct llmobs_text text, size_t at, size_t end,
                   const char *key, size_t *value)
{
    size_t len = strlen(key), colon;

    if (end - at != len + 2 || memcmp(text.data + at + 1, key, len) != 0)
        return false;
    colon = skip_blank(text, end);
    if (colon >= text.len || text.data[colon] != ':')
        return false;
    *value = skip_blank(text, colon + 1);
    return true;
}

static struct llmobs_json *parse_at(struct llmobs_text text, size_t at)
{
    struct llmobs_json *json = NULL;
    size_t end = value_end(text, at);

    if (end <= at)
        return NULL;
    text = (struct llmobs_text){text.data + at, end - at};
    return llmobs_json_parse(text, &json) == 0 ? json : NULL;
}

/* The offset of the value of `key`, one level below the start; 0: not found. */
static size_t find_first(struct llmobs_text head, const char *key)
{
    size_t depth = 0, value;

    for (size_t i = 0; i < head.len;) {
        char c = head.data[i];

        if (c == '"') {
            size_t end = string_end(head, i);

            if (end == 0)
                return 0;
            if (depth == 1 && key_at(head, i, end, key, &value))
                return value;
            i = end;
            continue;
        }
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && depth > 0)
            depth--;
        i++;
    }
    return 0;
}

struct llmobs_json *llmobs_cut_json_first(struct llmobs_text head,
                                          const char *key)
{
    size_t at = find_first(head, key);

    return at ? parse_at(head, at) : NULL;
}

/* True when an odd number of backslashes stands before `at`: then the quote
 * there is part of a string. */
static bool cut_json_escaped(struct llmobs_text text, size_t at)
{
    size_t n = 0;

    while (n < at && text.data[at - 1 - n] == '\\')
        n++;
    return n % 2 == 1;
}

struct llmobs_json *llmobs_cut_json_last(struct llmobs_text tail,
                                         const char *key)
{
    size_t len = strlen(key) + 2, value, tries = 0;

    for (size_t i = tail.len; i-- > 0 && tries < SCAN_TRIES_MAX;) {
        struct llmobs_text window = tail;
        struct llmobs_json *json;

        if (tail.data[i] != '"' || tail.len - i < len ||
            cut_json_escaped(tail, i) || tail.data[i + len - 1] != '"' ||
            !key_at(tail, i, i + len, key, &value))
            continue;
        if (window.len - value > SCAN_VALUE_MAX)
            window.len = value + SCAN_VALUE_MAX;
        json = parse_at(window, value);
        if (json && !llmobs_json_is_null(json))
            return json;
        llmobs_json_free(json);
        tries++;
    }
    return NULL;
}

/* The offset at which the value of `key` begins, one level below the document
 * that ends with `tail`; 0: not found. Reads backwards, where a quote that is
 * not escaped always ends or begins a string. */
static size_t find_last(struct llmobs_text tail, const char *key)
{
    size_t depth = 0, end = 0, value;

    for (size_t i = tail.len; i-- > 0;) {
        char c = tail.data[i];

        if (c == '"' && !cut_json_escaped(tail, i)) {
            if (end == 0) {
                end = i + 1;
                continue;
            }
            if (depth == 1 && key_at(tail, i, end, key, &value))
                return value;
            end = 0;
        } else if (end == 0 && (c == '}' || c == ']')) {
            depth++;
        } else if (end == 0 && (c == '{' || c == '[')) {
            if (depth <= 1)
                return 0;
            depth--;
        }
    }
    return 0;
}

bool llmobs_cut_json_has(struct llmobs_text head, struct llmobs_text tail,
                         const char *key)
{
    return find_first(head, key) != 0 || find_last(tail, key) != 0;
}

struct llmobs_json *llmobs_cut_json_add(struct llmobs_json *object,
                                        struct llmobs_text head,
                                        struct llmobs_text tail,
                                        const char *key)
{
    struct llmobs_json *value = llmobs_cut_json_first(head, key);
    size_t at = value ? 0 : find_last(tail, key);

    if (at > 0)
        value = parse_at(tail, at);
    if (!value || llmobs_json_set(object, key, value) == 0)
        return object;
    llmobs_json_free(object);
    return NULL;
}

struct llmobs_json *llmobs_cut_json_object(struct llmobs_text head,
                                           struct llmobs_text tail,
                                           const char *keys)
{
    struct llmobs_json *object = llmobs_json_object();

    LLMOBS_WORDS_EACH (key, keys)
        if (object)
            object = llmobs_cut_json_add(object, head, tail, key);
    return object;
}
