/* Finds values in JSON without its start or end. */
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

/* The beginning of the value of a member whose key is the string from `at` to
 * `end`; 0: no colon follows, so that it is no key. */
static size_t value_of(struct llmobs_text text, size_t at, size_t end)
{
    size_t colon = skip_blank(text, end);

    if (end - at < 2 || colon >= text.len || text.data[colon] != ':')
        return 0;
    return skip_blank(text, colon + 1);
}

/* The value at `at`, as it is written; empty: it is cut. */
static struct llmobs_text text_at(struct llmobs_text text, size_t at)
{
    size_t end = value_end(text, at);

    return (struct llmobs_text){text.data + at, end > at ? end - at : 0};
}

static struct llmobs_json *parse_at(struct llmobs_text text, size_t at)
{
    struct llmobs_json *json = NULL;

    text = text_at(text, at);
    return text.len > 0 && llmobs_json_parse(text, &json) == 0 ? json : NULL;
}

/* A walk over the members one level below a document: forwards from its start,
 * or backwards from its end. Zeros, but for the text and the place. */
struct walk {
    struct llmobs_text text, key;
    size_t at, depth;
    bool back;
};

/* True when an odd number of backslashes stands before `at`: then the quote
 * there is part of a string. */
static bool cut_json_escaped(struct llmobs_text text, size_t at)
{
    size_t n = 0;

    while (n < at && text.data[at - 1 - n] == '\\')
        n++;
    return n % 2 == 1;
}

/* The offset of the next member's value, and its key; 0: no more. */
static size_t member(struct walk *walk)
{
    const char *data = walk->text.data;

    if (walk->back) {
        /* Backwards, a quote that is not escaped always ends or begins a
         * string. */
        size_t end = 0, value;

        while (walk->at > 0) {
            size_t i = --walk->at;
            char c = walk->text.data[i];

            if (c == '"' && !cut_json_escaped(walk->text, i)) {
                if (end == 0) {
                    end = i + 1;
                    continue;
                }
                value = walk->depth == 1 ? value_of(walk->text, i, end) : 0;
                walk->key =
                    (struct llmobs_text){walk->text.data + i + 1, end - i - 2};
                if (value)
                    return value;
                end = 0;
            } else if (end == 0 && (c == '}' || c == ']')) {
                walk->depth++;
            } else if (end == 0 && (c == '{' || c == '[')) {
                if (walk->depth <= 1)
                    return 0;
                walk->depth--;
            }
        }
        return 0;
    }
    while (walk->at < walk->text.len) {
        size_t begin = walk->at++, value;
        char c = data[begin];

        if (c == '{' || c == '[')
            walk->depth++;
        else if ((c == '}' || c == ']') && walk->depth > 0)
            walk->depth--;
        if (c != '"')
            continue;
        walk->at = string_end(walk->text, begin);
        if (walk->at == 0)
            return 0;
        value = walk->depth == 1 ? value_of(walk->text, begin, walk->at) : 0;
        walk->key =
            (struct llmobs_text){data + begin + 1, walk->at - begin - 2};
        if (value)
            return value;
    }
    return 0;
}

static size_t find(struct walk walk, const char *key)
{
    size_t value;

    while ((value = member(&walk)) != 0)
        if (llmobs_text_is(walk.key, key))
            break;
    return value;
}

struct llmobs_text llmobs_cut_json_text(struct llmobs_text head,
                                        const char *key)
{
    size_t at = find((struct walk){.text = head}, key);

    return at ? text_at(head, at) : (struct llmobs_text){"", 0};
}

struct llmobs_json *llmobs_cut_json_first(struct llmobs_text head,
                                          const char *key)
{
    size_t at = find((struct walk){.text = head}, key);

    return at ? parse_at(head, at) : NULL;
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
            memcmp(tail.data + i + 1, key, len - 2) != 0 ||
            (value = value_of(tail, i, i + len)) == 0)
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

static struct walk backwards(struct llmobs_text tail)
{
    return (struct walk){.text = tail, .at = tail.len, .back = true};
}

bool llmobs_cut_json_has(struct llmobs_text head, struct llmobs_text tail,
                         const char *key)
{
    return find((struct walk){.text = head}, key) != 0 ||
           find(backwards(tail), key) != 0;
}

struct llmobs_json *llmobs_cut_json_object(struct llmobs_text head,
                                           struct llmobs_text tail,
                                           const char *keys)
{
    struct walk walks[] = {{.text = head}, backwards(tail)};
    struct llmobs_json *object = llmobs_json_object(), *value;
    size_t at;

    for (int i = 0; i < 2; i++)
        while ((at = member(&walks[i])) != 0)
            LLMOBS_WORDS_EACH (key, keys)
                if (llmobs_text_is(walks[i].key, key) &&
                    !llmobs_json_get(object, key) &&
                    (value = parse_at(walks[i].text, at)) != NULL &&
                    llmobs_json_set(object, key, value) != 0) {
                    llmobs_json_free(object);
                    return NULL;
                }
    return object;
}
