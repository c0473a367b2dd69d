/* Removes lists of numbers from a body. */
#include "lib/span/vectors.h"

#include <string.h>

#include "lib/base/buf.h"

/* A text with so many whole numbers is no reference to a page. */
#define MANY 16

struct walk {
    char *data;
    size_t len;
    size_t spared; /* open lists below a member that stays */
    size_t name;   /* where the text before this byte begins */
    size_t name_len;
    bool named;  /* a colon follows that text */
    bool text;   /* this byte is within a text */
    bool tracks; /* `text` is known */
};

/* The contents of a run of bytes that may be the inside of a list. */
struct seen {
    size_t end;
    size_t numbers;
    bool fraction;
    bool in_name; /* the last quote begins a name */
};

/* The number of bytes of one blank: in a text a line's end is two letters. */
static size_t blank_at(const struct walk *w, size_t at)
{
    char c = w->data[at];

    if (c == ' ' || c == ',' || c == '\t' || c == '\r' || c == '\n')
        return 1;
    return c == '\\' && at + 1 < w->len && strchr("ntr", w->data[at + 1]) &&
                   w->data[at + 1]
               ? 2
               : 0;
}

/* The number of bytes of one number, or of one word in place of a number. */
static size_t number_at(const struct walk *w, size_t at, struct seen *seen)
{
    static const char *const words[] = {"null", "NaN", "Infinity"};
    size_t from = at;
    bool any = false;

    for (; at < w->len && w->data[at] && strchr("0123456789+-.eE", w->data[at]);
         at++) {
        any = any || llmobs_is_digit(w->data[at]);
        seen->fraction =
            seen->fraction || (any && strchr(".eE", w->data[at]) != NULL);
    }
    seen->numbers += any;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (w->len - at >= strlen(words[i]) &&
            memcmp(w->data + at, words[i], strlen(words[i])) == 0)
            return at + strlen(words[i]) - from;
    return at - from;
}

/* Reads up to a byte that is no number or blank; with `names` no quote or
 * colon. */
static struct seen read_numbers(const struct walk *w, size_t at, bool names)
{
    struct seen seen = {at, 0, false, false};

    while (seen.end < w->len) {
        size_t n = blank_at(w, seen.end);

        if (n == 0)
            n = number_at(w, seen.end, &seen);
        if (n == 0 && names &&
            (w->data[seen.end] == '"' || w->data[seen.end] == ':')) {
            seen.in_name ^= w->data[seen.end] == '"';
            n = 1;
        }
        if (n == 0)
            break;
        seen.end += n;
    }
    return seen;
}

/* Where the numbers behind the bracket at `at` are a vector, writes blanks over
 * them; gives where the walk goes on. */
static size_t hide_vector(struct walk *w, size_t at, char close, bool names)
{
    struct seen seen = read_numbers(w, at + 1, names);
    bool vector = w->text ? seen.numbers >= MANY ||
                                (seen.fraction &&
                                 (seen.numbers > 1 || seen.end == w->len))
                          : seen.numbers > 0;

    if ((seen.end < w->len && (w->data[seen.end] != close || seen.in_name)) ||
        !vector)
        return at + 1;
    memset(w->data + at + 1, ' ', seen.end - at - 1);
    return seen.end;
}

static size_t pass_in_text(struct walk *w, size_t at)
{
    switch (w->data[at]) {
    case '\\':
        return at + 2;
    case '[':
        return hide_vector(w, at, ']', false);
    case '"':
        w->text = !w->tracks;
        w->name_len = at - w->name;
        return at + 1;
    default:
        return at + 1;
    }
}

static size_t pass_in_json(struct walk *w, size_t at)
{
    switch (w->data[at]) {
    case '"':
        w->text = true;
        w->named = false;
        w->name = at + 1;
        return at + 1;
    case ':':
        w->named = true;
        return at + 1;
    case '[': {
        struct llmobs_text name = {w->data + w->name, w->name_len};
        bool kept =
            w->spared > 0 || (w->named && (llmobs_text_is(name, "distances") ||
                                           llmobs_text_is(name, "scores")));

        w->named = false;
        if (!kept)
            return hide_vector(w, at, ']', false);
        w->spared++;
        return at + 1;
    }
    case ']':
        w->spared -= w->spared > 0;
        break;
    case '{':
        w->named = false;
        return hide_vector(w, at, '}', true);
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        return at + 1;
    default:
        break;
    }
    w->named = false;
    return at + 1;
}

void llmobs_vectors_mask(char *data, size_t len, bool from_start)
{
    struct walk w = {
        .data = data, .len = len, .text = !from_start, .tracks = from_start};
    struct seen seen = {0};
    size_t at = 0;

    /* The rest of a vector that the bytes begin with. */
    if (!from_start)
        seen = read_numbers(&w, 0, false);
    if (seen.numbers > 0 && (seen.end == len || data[seen.end] == ']')) {
        memset(data, ' ', seen.end);
        at = seen.end;
    }
    while (at < len)
        at = w.text ? pass_in_text(&w, at) : pass_in_json(&w, at);
}
