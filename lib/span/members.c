/* Masks JSON members whose names say that they are secret. */
#include "lib/span/members.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "lib/span/chars.h"
#include "lib/span/hide.h"
#include "lib/span/links.h"
#include "lib/span/mask.h"
#include "lib/span/names.h"
#include "lib/span/shapes.h"
#include "lib/text/json_plain.h"

/* The most bytes of a name, each letter of which is escaped. */
#define NAME_BYTES ((size_t)LLMOBS_NAMES_LETTERS * 8)
#define NAME_MAX_LETTERS ((size_t)2 * LLMOBS_NAMES_LETTERS)
#define PAIRS_MAX 8            /* members beside a name, among them its value */
#define NEST_MAX ((size_t)512) /* most bytes of such a member */

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

/* A text between quotes that was judged as a name. */
struct judged {
    uint32_t from, len;
    enum llmobs_named named;
};

/* A walk over the bytes of a body. */
struct walk {
    char *data;
    size_t len;
    size_t at;
    size_t escapes;          /* backslashes of the name's quotes */
    bool list;               /* the walk is in a list, not in an object */
    enum llmobs_named named; /* what the last name in the object says */
    bool valued;             /* the last name is "value" or the like */
    size_t ahead;            /* up to here the texts of lists were looked for */
    struct judged judged[16]; /* by their last letters: streams repeat texts */
    struct llmobs_repeat repeat;
};

/* The first member of a schema is a word below, or "type" with a type below. */
static const char keywords[] =
    "allOf\0anyOf\0const\0default\0deprecated\0description\0enum\0example\0"
    "items\0examples\0format\0maxLength\0maxItems\0minItems\0not\0minLength\0"
    "nullable\0oneOf\0pattern\0readOnly\0title\0properties\0required\0"
    "writeOnly\0contentEncoding\0contentMediaType\0exclusiveMaximum\0"
    "exclusiveMinimum\0maxProperties\0maximum\0minProperties\0minimum\0"
    "multipleOf\0patternProperties\0propertyNames\0uniqueItems\0"
    "additionalProperties\0";
static const char types[] =
    "string\0number\0integer\0boolean\0object\0array\0null\0";

/* How many of the backslashes before the quote at `at` belong to the quote.
 * They tell how deep its text lies within other texts: 0 for the outermost,
 * then 1, 3, 7. Pairs before them are text: it ends in a backslash. */
static size_t escapes_at(const struct walk *w, size_t at)
{
    size_t run = 0;

    while (run < at && w->data[at - run - 1] == '\\')
        run++;
    return (run ^ (run + 1)) >> 1;
}

/* Gives the position behind the blank at `at`, which may be escaped as the name
 * is; `at`: no blank stands there. */
static size_t skip_blank(const struct walk *w, size_t at)
{
    size_t run = 0;

    if (at < w->len && llmobs_is_blank(w->data[at]))
        return at + 1;
    while (run < w->escapes && at + run < w->len && w->data[at + run] == '\\')
        run++;
    if (run == 0 || run != (w->escapes + 1) / 2 || at + run == w->len)
        return at;
    return memchr("nrt", w->data[at + run], 3) ? at + run + 1 : at;
}

static size_t skip_blanks(const struct walk *w, size_t at)
{
    size_t next;

    while ((next = skip_blank(w, at)) != at)
        at = next;
    return at;
}

/* The place for what was judged of a text that ends at the quote `end`. */
static inline struct judged *judged_at(struct walk *w, size_t end)
{
    return &w->judged[(w->data[end - 1] + w->data[end - 3] * 3) & 15];
}

/* Gives what was judged of the same text, which ends at the quote `end`, and
 * has a quote before it; NULL: nothing. */
static inline const struct judged *find_judged(struct walk *w, size_t end)
{
    const struct judged *judged = judged_at(w, end);
    size_t len = judged->len + (size_t)1;

    return len > 1 && len <= end &&
                   memcmp(w->data + end - len, w->data + judged->from - 1,
                          len) == 0
               ? judged
               : NULL;
}

/* Judges the text between two quotes as a name. In JSON within a text both
 * quotes have more backslashes. Of a long name the end counts. */
static enum llmobs_named judge_name(struct walk *w, size_t from, size_t end)
{
    const char *text = w->data;
    char name[NAME_MAX_LETTERS];
    size_t count = 0;
    bool keep = w->escapes == 0 && end > 3 && end <= UINT32_MAX &&
                !memchr(text + from, '\n', end - from);
    const struct judged *known = keep ? find_judged(w, end) : NULL;
    struct judged judged = {(uint32_t)from, (uint32_t)(end - from), 0};

    if (known && known->len == end - from)
        return known->named;
    *name = '\0';
    for (size_t i = from; i < end; i++) {
        bool escaped = text[i] == 'u' && i > from && text[i - 1] == '\\';
        char c = escaped ? llmobs_chars_unit(text + i, end - i) : text[i];

        i += escaped && c ? 4 : 0;
        if (c == '\\')
            continue;
        if (count == sizeof(name)) {
            count /= 2;
            memcpy(name, name + count, count);
        }
        name[count++] = c;
    }
    judged.named = llmobs_names_judge(name, count);
    if (keep)
        *judged_at(w, end) = judged;
    return judged.named;
}

/* True where an event of a stream follows the line feed at `at`. */
static bool is_event(const struct walk *w, size_t at)
{
    static const char begin[] = "\ndata:";
    size_t len = sizeof(begin) - 1;

    return w->len - at >= len && memcmp(w->data + at, begin, len) == 0;
}

/* True for a line feed that ends a text which was cut off. */
static bool is_cut_end(const struct walk *w, size_t at)
{
    return w->data[at] == '\n' &&
           (is_event(w, at) ||
            (at + 1 < w->len && memchr("\n\r{", w->data[at + 1], 3)));
}

/* Gives where the first of the two characters is, from `at` on. */
static inline size_t find_char(const struct walk *w, size_t at, char a, char b)
{
    llmobs_json_block bytes;
    size_t run = sizeof(bytes);

    for (; run == sizeof(bytes) && w->len - at >= run; at += run) {
        memcpy(&bytes, w->data + at, sizeof(bytes));
        run = llmobs_json_unmarked((bytes == a) | (bytes == b));
    }
    while (run == sizeof(bytes) && at < w->len && w->data[at] != a &&
           w->data[at] != b)
        at++;
    return at;
}

/* Gives the end of the text that begins at `at`: its quote, or the quote of a
 * text around it, which has fewer backslashes. */
static size_t find_text_end(const struct walk *w, size_t at)
{
    while ((at = find_char(w, at, '"', '\n')) < w->len && !is_cut_end(w, at) &&
           (w->data[at] != '"' || escapes_at(w, at) > w->escapes))
        at++;
    return at;
}

/* Gives the position behind the quote at `at`; 0: no quote stands there. Only a
 * quote of the name's own level counts, since a text within a text may end in a
 * name and a colon. */
static size_t skip_quote(const struct walk *w, size_t at)
{
    size_t from = at;

    while (at < w->len && w->data[at] == '\\')
        at++;
    if (at == w->len || w->data[at] != '"' || at - from != w->escapes)
        return 0;
    return at + 1;
}

/* Gives where the value of the name begins that ends at the quote `at`; 0: no
 * colon. */
static size_t skip_colon(const struct walk *w, size_t at)
{
    at = skip_blanks(w, at + 1);
    if (at == w->len || w->data[at] != ':')
        return 0;
    return skip_blanks(w, at + 1);
}

/* True where the text between `from` and the quote `end` is on the list. */
static bool is_one_of(const struct walk *w, size_t from, size_t end,
                      const char *words)
{
    size_t len = end - from - w->escapes;

    LLMOBS_WORDS_EACH (word, words)
        if (len == strlen(word) && strncasecmp(w->data + from, word, len) == 0)
            return true;
    return false;
}

/* The quote that ends the text which begins at `from`; 0: it is cut off. */
static size_t find_quote(const struct walk *w, size_t from)
{
    size_t end = find_text_end(w, from);
    bool is =
        end < w->len && w->data[end] == '"' && escapes_at(w, end) == w->escapes;

    return is && end - from >= w->escapes ? end : 0;
}

/* Moves behind the list or object at *at; false: it is too long. */
static bool skip_nest(const struct walk *w, size_t *at)
{
    size_t from = *at, depth = 0, quote;

    for (; *at < w->len && *at - from < NEST_MAX; ++*at) {
        char c = w->data[*at];

        depth += c == '[' || c == '{';
        depth -= c == ']' || c == '}';
        if (depth == 0)
            return ++*at > from;
        quote = c == '"' ? find_quote(w, *at + 1) : *at;
        if (!quote)
            return false;
        *at = quote;
    }
    return false;
}

/* Moves behind the value at *at; false: no other value follows. */
static bool skip_value(const struct walk *w, size_t *at)
{
    size_t from = skip_quote(w, *at);

    if (from) {
        from = find_quote(w, from);
        *at = from + 1;
        return from > 0;
    }
    if (w->data[*at] == '[' || w->data[*at] == '{')
        return skip_nest(w, at);
    while (*at < w->len && !strchr(",{}[]\"", w->data[*at]))
        ++*at;
    return *at < w->len && w->data[*at] == ',';
}

/* True where the first member of the object at `at` shows that it is a schema,
 * which describes a parameter of a tool; members such as "x-order" may come
 * first. An object that is cut off there, or is empty, counts as a schema. */
static bool is_schema(const struct walk *w, size_t at)
{
    for (int i = 0; i < PAIRS_MAX; i++) {
        size_t from = skip_quote(w, skip_blanks(w, at + 1));
        size_t end = from ? find_quote(w, from) : 0;
        size_t value = end ? skip_colon(w, end) : 0;

        if (!value || value == w->len)
            return i == 0;
        if (is_one_of(w, from, end, "type\0")) {
            from = skip_quote(w, value);
            end = from ? find_quote(w, from) : 0;
            return !end || is_one_of(w, from, end, types);
        }
        if (w->data[from] == '$' ||
            (w->data[value] == '{' && is_one_of(w, from, end, "schema\0")) ||
            is_one_of(w, from, end, keywords))
            return true;
        at = value;
        if (w->data[from] != 'x' || w->data[from + 1] != '-' ||
            !skip_value(w, &at))
            return false;
        at = skip_blanks(w, at);
        if (at == w->len || w->data[at] != ',')
            return false;
    }
    return false;
}

/* Gives where the value begins behind the name that ends at the quote `at`:
 * behind a text's quote, or at the bracket of a list or an object; 0:
 * otherwise. */
static size_t find_value(const struct walk *w, size_t at)
{
    at = skip_colon(w, at);
    if (!at || at == w->len)
        return 0;
    if (w->data[at] == '[' || (w->data[at] == '{' && !is_schema(w, at)))
        return at;
    return skip_quote(w, at);
}

/* Forgets what the bytes said that a mask is about to replace. */
static void forget(struct walk *w)
{
    memset(w->judged, 0, sizeof(w->judged));
    llmobs_repeat_forget(&w->repeat);
}

/* Masks the value from `from` to `end`. Of a value that is cut off, the
 * backslashes at its end stay: they may belong to a quote that comes later. */
static void mask_value(struct walk *w, size_t from, size_t end)
{
    forget(w);
    if (end < w->len && w->data[end] == '"') {
        llmobs_hide_secret(w->data + from, end - escapes_at(w, end) - from);
        return;
    }
    while (end > from && w->data[end - 1] == '\\')
        end--;
    memset(w->data + from, '*', end - from);
}

static bool is_values_name(const struct walk *w, size_t from, size_t end,
                           enum llmobs_named named)
{
    static const char links[] = "url\0uri\0endpoint\0";
    static const char names[] =
        "value\0values\0val\0v\0fieldValue\0field_value\0headerValue\0"
        "header_value\0paramValue\0param_value\0parameterValue\0"
        "parameter_value\0";

    return named == LLMOBS_NAMED_LINK ? is_one_of(w, from, end, links)
                                      : is_one_of(w, from, end, names);
}

/* Masks a text within lists or objects. `depth`: how many of these. */
typedef void text_fn(struct walk *w, size_t from, size_t depth);

static void hide_text(struct walk *w, size_t from, size_t depth)
{
    (void)depth;
    mask_value(w, from, w->at);
}

/* True for the words of a table's head or a title: no word looks like a key,
 * and the first of two is no scheme. */
static bool is_prose(const char *text, size_t len)
{
    static const char *const schemes[] = {"bearer", "basic",  "token", "key",
                                          "apikey", "digest", "hmac"};
    size_t words = 0, from = 0;
    bool scheme = false;

    for (size_t at = 0; at <= len; at++) {
        if (at < len && text[at] != ' ')
            continue;
        if (llmobs_shapes_is_path_key(text + from, at - from))
            return false;
        for (size_t i = 0; words == 0 && i < COUNT(schemes); i++)
            scheme |= at == strlen(schemes[i]) &&
                      strncasecmp(text, schemes[i], at) == 0;
        words += at > from;
        from = at + 1;
    }
    return words > 1 && !(scheme && words == 2) && !memchr(text, '=', len);
}

/* True for "Name: value". A header's name has no blank, and a title may have
 * one: "Monthly report: May". */
static bool is_header_line(const char *text, size_t len)
{
    const char *colon = memchr(text, ':', len);

    return colon && !memchr(text, ' ', (size_t)(colon - text)) &&
           !is_prose(colon + 1, (size_t)(text + len - colon - 1));
}

/* Masks the values in a list or object of headers. A table may also have
 * headers, but those are words, or objects with a title. */
static void hide_header(struct walk *w, size_t from, size_t depth)
{
    const char *text = w->data + from;
    size_t len = w->at - from;

    if (w->named >= LLMOBS_NAMED_SECRET ||
        (!w->list || w->valued ? !is_prose(text, len)
         : depth == 1          ? is_header_line(text, len)
                               : llmobs_shapes_is_path_key(text, len)))
        mask_value(w, from, w->at);
}

static void hide_path(struct walk *w, size_t from, size_t depth)
{
    (void)depth;
    forget(w);
    llmobs_links_mask_path(w->data + from, w->at - from);
}

/* In a list of a place that needs keys, masks the texts named "key" or
 * "token". */
static void hide_named(struct walk *w, size_t from, size_t depth)
{
    hide_path(w, from, depth);
    if (w->named == LLMOBS_NAMED_WEAK)
        mask_value(w, from, w->at);
}

/* Hands the text behind the quote at w->at to `hide`, unless it is a name, and
 * moves w->at to its end; false: the text around the list ends there. */
static bool walk_item(struct walk *w, size_t depth, text_fn *hide)
{
    size_t from = w->at + 1, quote = find_quote(w, from);

    w->at = quote ? quote : find_text_end(w, from);
    if (quote && skip_colon(w, quote)) {
        if (hide != hide_text)
            w->named = judge_name(w, from, quote);
        w->valued = is_values_name(w, from, quote, LLMOBS_NAMED_SECRET);
        return true;
    }
    hide(w, from, depth);
    w->named = LLMOBS_NAMED_NOT;
    w->valued = false;
    return quote > 0;
}

/* Walks the texts of the list or object whose bracket is at w->at, but not the
 * names in objects, and moves w->at to its end. */
static void walk_list(struct walk *w, text_fn *hide)
{
    size_t depth = 0;

    w->list = w->data[w->at] == '[';
    w->named = LLMOBS_NAMED_NOT;
    for (; w->at < w->len && !is_event(w, w->at); w->at++) {
        char c = w->data[w->at];
        size_t escapes = c == '"' ? escapes_at(w, w->at) : 0;

        if (c == '[' || c == '{')
            depth++;
        if ((c == ']' || c == '}') && --depth == 0)
            return;
        if (c != '"' || escapes > w->escapes)
            continue;
        if (escapes < w->escapes || !walk_item(w, depth, hide))
            return;
    }
}

/* Walks the value at w->at, and moves w->at to its end. */
static void walk_value(struct walk *w, text_fn *hide)
{
    size_t from = w->at;

    if (w->data[from - 1] != '"') {
        walk_list(w, hide);
        return;
    }
    w->at = find_text_end(w, from);
    hide(w, from, 0);
}

/* Like walk_value, but for a list whose members are also checked by their own
 * names; w->at stays. */
static void walk_ahead(struct walk *w, text_fn *hide)
{
    size_t at = w->at;

    if (at < w->ahead)
        return;
    walk_value(w, hide);
    w->ahead = w->at;
    w->at = at;
}

/* Gives the end of the last text before the colon, perhaps with blanks between;
 * 0: no such text behind `floor`. */
static size_t quote_before(const struct walk *w, size_t floor, size_t colon)
{
    size_t at = colon;

    while (at > floor && w->data[at - 1] != '"' &&
           memchr(" \n\t\r\\nrt", w->data[at - 1], 8))
        at--;
    return at > floor && w->data[at - 1] == '"' ? at - 1 : 0;
}

/* Gives where the text begins that ends at the quote `here`; 0: it begins
 * before `floor`, or is no name that counts. */
static size_t name_before(const struct walk *w, size_t floor, size_t here)
{
    size_t most = here - floor <= NAME_BYTES ? here - floor : NAME_BYTES + 1;
    const char *quote;

    if (most <= w->escapes)
        return 0;
    quote = memrchr(w->data + here - most, '"', most);
    return quote ? (size_t)(quote + 1 - w->data) : 0;
}

/* -- pairs: {"name": "X-Api-Key", "value": "..."} -------------------------- */

static void mask_pair(struct walk *w, size_t value, enum llmobs_named named)
{
    size_t end = find_text_end(w, value);

    w->at = value;
    if (named == LLMOBS_NAMED_LINK)
        walk_value(w, hide_path);
    else if (named != LLMOBS_NAMED_WEAK ||
             (w->data[value - 1] == '"' &&
              llmobs_shapes_is_value(w->data + value, end - value)))
        walk_value(w, hide_text);
}

/* Looks for the value behind the text that ends at the quote `at`. */
static bool pair_behind(struct walk *w, size_t at, enum llmobs_named named)
{
    size_t from, end, value;

    at++;
    for (int i = 0; i < PAIRS_MAX; i++) {
        at = skip_blanks(w, at);
        if (at == w->len || w->data[at] != ',')
            return false;
        from = skip_quote(w, skip_blanks(w, at + 1));
        end = from ? find_quote(w, from) : 0;
        value = end ? skip_colon(w, end) : 0;
        if (!value || value == w->len)
            return false;
        if (is_values_name(w, from, end, named)) {
            value = find_value(w, end);
            if (value)
                mask_pair(w, value, named);
            return value > 0;
        }
        at = value;
        if (!skip_value(w, &at))
            return false;
    }
    return false;
}

/* The quote of this level before `at`; SIZE_MAX: no such quote behind `floor`.
 */
static size_t quote_back(const struct walk *w, size_t floor, size_t at)
{
    while (at > floor) {
        const char *quote = memrchr(w->data + floor, '"', at - floor);

        if (!quote)
            break;
        at = (size_t)(quote - w->data);
        if (escapes_at(w, at) <= w->escapes)
            return escapes_at(w, at) == w->escapes ? at : SIZE_MAX;
    }
    return SIZE_MAX;
}

/* Gives the place of `mark` before `at`, perhaps with blanks between; SIZE_MAX:
 * no such mark. */
static size_t mark_back(const struct walk *w, size_t floor, size_t at,
                        char mark)
{
    while (at > floor && memchr(" \n\t\r\\nrt", w->data[at - 1], 8))
        at--;
    return at > floor && w->data[at - 1] == mark ? at - 1 : SIZE_MAX;
}

/* Gives where the list or object begins that ends before `at`; `at`: nothing of
 * this kind ends there, or it is too long. */
static size_t nest_back(const struct walk *w, size_t floor, size_t at)
{
    size_t from = at, depth = 0;

    while (from > floor && at - from < NEST_MAX) {
        char c = w->data[--from];

        depth += c == ']' || c == '}';
        depth -= c == '[' || c == '{';
        if (depth == 0)
            return from;
    }
    return at;
}

/* Gives where the number, switch, list or object begins that ends before
 * `at`. */
static size_t word_back(const struct walk *w, size_t floor, size_t at)
{
    while (at > floor && llmobs_is_blank(w->data[at - 1]))
        at--;
    if (at > floor && (w->data[at - 1] == ']' || w->data[at - 1] == '}'))
        return nest_back(w, floor, at);
    while (at > floor && (llmobs_mask_is_alnum(w->data[at - 1]) ||
                          memchr("+-.", w->data[at - 1], 3)))
        at--;
    return at;
}

/* Looks for the value, a text, before the name whose first quote is at `at`. */
static void pair_before(struct walk *w, size_t floor, size_t at,
                        enum llmobs_named named)
{
    for (int i = 0; i < PAIRS_MAX; i++) {
        size_t comma = mark_back(w, floor, at - w->escapes, ','), last, first;
        size_t colon, end, name;

        if (comma == SIZE_MAX)
            return;
        last = mark_back(w, floor, comma, '"');
        first = last == SIZE_MAX ? word_back(w, floor, comma) + w->escapes
                                 : quote_back(w, floor, last);
        colon = first == SIZE_MAX
                    ? first
                    : mark_back(w, floor, first - w->escapes, ':');
        end = colon == SIZE_MAX ? colon : mark_back(w, floor, colon, '"');
        name = end == SIZE_MAX ? end : quote_back(w, floor, end);
        if (name == SIZE_MAX)
            return;
        if (last != SIZE_MAX && is_values_name(w, name + 1, end, named)) {
            mask_pair(w, first + 1, named);
            return;
        }
        at = name;
    }
}

/* The name between `begin` and `here` says that its value is a name. Where that
 * value names a secret, masks what the object gives as its value. */
static void find_pair(struct walk *w, size_t floor, size_t begin, size_t here)
{
    size_t at = w->at, value = find_value(w, here);
    size_t end = value && w->data[value - 1] == '"' ? find_quote(w, value) : 0;
    enum llmobs_named named;

    if (!end || llmobs_repeat_words((struct llmobs_text){w->data, w->len}, true,
                                    value) >= end)
        w->repeat.narrow = false;
    if (!end || end - value > NAME_BYTES ||
        !llmobs_names_may_be(w->data + end - w->escapes,
                             end - w->escapes - value))
        return;
    named = judge_name(w, value, end);
    if (named >= LLMOBS_NAMED_WEAK && !pair_behind(w, end, named))
        pair_before(w, floor, begin - 1, named);
    w->at = at;
}

/* True before a word that begins with "mcp". */
static bool is_before_mcp(struct walk *w)
{
    size_t at = w->at + 1;

    while (at < w->len &&
           (w->data[at] == '"' || w->data[at] == '\\' || w->data[at] == ' '))
        at++;
    return w->len - at > 3 && memcmp(w->data + at, "mcp", 3) == 0;
}

/* Masks the keys in the URL of {"type": "mcp", "url": "..."}. */
static void find_server(struct walk *w, size_t floor)
{
    size_t at = w->at, here = quote_before(w, floor, at), begin, value, end;

    if (!here)
        return;
    w->escapes = escapes_at(w, here);
    begin = quote_back(w, floor, here);
    value = find_value(w, here);
    end = value ? find_quote(w, value) : 0;
    if (begin != SIZE_MAX && end && w->data[value - 1] == '"' &&
        is_one_of(w, begin + 1, here, "type\0") &&
        is_one_of(w, value, end, "mcp\0") &&
        !pair_behind(w, end, LLMOBS_NAMED_LINK))
        pair_before(w, floor, begin, LLMOBS_NAMED_LINK);
    w->at = at;
}

/* -- members --------------------------------------------------------------- */

/* Masks the value at w->at as its name says. False: w->at stays, since names
 * that count may follow. */
static bool mask_named(struct walk *w, enum llmobs_named named)
{
    bool text = w->data[w->at - 1] == '"';
    size_t from = w->at;

    switch (named) {
    case LLMOBS_NAMED_LINE:
    case LLMOBS_NAMED_SECRET:
        walk_value(w, hide_text);
        return true;
    case LLMOBS_NAMED_HEADERS:
        if (text &&
            !is_header_line(w->data + from, find_text_end(w, from) - from))
            return false;
        walk_value(w, text ? hide_text : hide_header);
        return true;
    case LLMOBS_NAMED_WEAK:
        if (!text || !llmobs_shapes_is_value(w->data + from,
                                             find_text_end(w, from) - from))
            return false;
        walk_value(w, hide_text);
        return true;
    case LLMOBS_NAMED_PUSH:
        walk_ahead(w, hide_named);
        return false;
    case LLMOBS_NAMED_LINK:
    case LLMOBS_NAMED_SERVERS:
        walk_ahead(w, hide_path);
        return false;
    default:
        return false;
    }
}

/* Where the colon at w->at follows a name that counts, masks its value and
 * moves w->at to the value's end. The name begins behind `floor`. */
static bool mask_member(struct walk *w, size_t floor)
{
    size_t here = quote_before(w, floor, w->at), begin, value, colon = w->at;
    enum llmobs_named named;

    if (!here)
        return false;
    w->escapes = escapes_at(w, here);
    begin = name_before(w, floor, here);
    if (!begin || escapes_at(w, begin - 1) != w->escapes)
        return false;
    named = judge_name(w, begin, here);
    w->repeat.narrow &= named <= LLMOBS_NAMED_PAIR && begin > w->repeat.line;
    if (named == LLMOBS_NAMED_PAIR || named == LLMOBS_NAMED_HEADERS ||
        named == LLMOBS_NAMED_WEAK)
        find_pair(w, floor, begin, here);
    value = named > LLMOBS_NAMED_PAIR ? find_value(w, here) : 0;
    if (!value)
        return false;
    w->at = value;
    if (mask_named(w, named))
        return true;
    w->at = colon;
    return false;
}

/* False for most colons that follow no name that counts. */
static inline bool may_follow_name(struct walk *w)
{
    size_t at = w->at - 1;
    const struct judged *judged;

    if (w->at < 4)
        return false;
    if (w->data[at] != '"')
        return memchr(" \n\t\r\\nrt", w->data[at], 8) != NULL;
    judged = find_judged(w, at);
    if (judged)
        return judged->named != LLMOBS_NAMED_NOT;
    while (at > 0 && w->data[at - 1] == '\\')
        at--;
    return llmobs_names_may_be(w->data + at, at);
}

/* Looks for names before colons: JSON has fewer colons than quotes. */
void llmobs_members_mask(char *data, size_t len,
                         struct llmobs_repeat_runs *runs)
{
    struct walk w = {.data = data, .len = len, .repeat.runs = runs};
    const struct llmobs_text text = {data, len};
    size_t floor = 0;

    while ((w.at = find_char(&w, w.at, ':', ':')) < len) {
        char next = w.at + 1 < len ? data[w.at + 1] : '\0';
        bool server, member = false;

        if (llmobs_repeat_is_line(text, w.at)) {
            w.at = llmobs_repeat_line(&w.repeat, text, w.at);
            continue;
        }
        /* Before a text, a list or an object, perhaps with blanks between. */
        if (next == '"' || next == '[' || next == '{' || next == '\\' ||
            llmobs_is_blank(next)) {
            server = is_before_mcp(&w);
            member = may_follow_name(&w);
            w.repeat.narrow &= !server;
            if (server)
                find_server(&w, floor);
            member = member && mask_member(&w, floor);
        }
        if (member)
            floor = w.at;
        else
            w.at++;
    }
}
