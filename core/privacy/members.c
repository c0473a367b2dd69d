#include "core/privacy/members.h"

#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/text/json_plain.h"

#define KEEP 4
#define KEEP_FROM 12
#define SHORTEST 6   /* "secret" */
#define LOOKED_AT 12 /* the last bytes of a name */
/* The most bytes of a name, each letter of which is escaped. */
#define NAME_BYTES ((size_t)LLMOBS_MEMBERS_NAME_MAX * 8)

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

/* A walk over the bytes of a body. */
struct walk {
    char *data;
    size_t len;
    size_t at;
    size_t own; /* backslashes of the name's quotes */
};

struct word {
    const char *text;
    size_t len;
};

#define WORD(text)             \
    {                          \
        text, sizeof(text) - 1 \
    }

static const struct word whole[] = {
    WORD("authorization"), WORD("proxyauthorization"), WORD("secret"),
    WORD("credentials"),   WORD("passphrase"),         WORD("passwd"),
    WORD("cookie"),        WORD("setcookie")};
static const struct word ends[] = {
    WORD("apikey"),         WORD("accesskey"),
    WORD("secretkey"),      WORD("privatekey"),
    WORD("accountkey"),     WORD("appkey"),
    WORD("applicationkey"), WORD("subscriptionkey"),
    WORD("accesstoken"),    WORD("refreshtoken"),
    WORD("idtoken"),        WORD("authtoken"),
    WORD("bearertoken"),    WORD("sessiontoken"),
    WORD("securitytoken"),  WORD("clientsecret"),
    WORD("password"),       WORD("passwordconfirmation")};

/* The first member of a schema: one of these, or "type" with one of those. */
static const char *const keywords[] = {"allOf",
                                       "anyOf",
                                       "const",
                                       "default",
                                       "deprecated",
                                       "description",
                                       "enum",
                                       "example",
                                       "items",
                                       "examples",
                                       "format",
                                       "maxLength",
                                       "maxItems",
                                       "minItems",
                                       "not",
                                       "minLength",
                                       "nullable",
                                       "oneOf",
                                       "pattern",
                                       "readOnly",
                                       "title",
                                       "properties",
                                       "required",
                                       "writeOnly",
                                       "additionalProperties"};
static const char *const types[] = {"string", "number", "integer", "boolean",
                                    "object", "array",  "null"};

static bool may_end(char letter)
{
    return letter == 'y' || letter == 'n' || letter == 't' || letter == 'd' ||
           letter == 's' || letter == 'e';
}

/* Most names differ in their last letter already. */
static bool ends_in(const char *name, size_t len, const struct word *word)
{
    return len >= word->len && name[len - 1] == word->text[word->len - 1] &&
           memcmp(name + len - word->len, word->text, word->len) == 0;
}

bool llmobs_members_is_secret(const char *name, size_t len)
{
    /* The length or the last letter rules out most names. */
    if (len < SHORTEST || !may_end(name[len - 1]))
        return false;
    for (size_t i = 0; i < COUNT(whole); i++)
        if (len == whole[i].len && ends_in(name, len, &whole[i]))
            return true;
    for (size_t i = 0; i < COUNT(ends); i++)
        if (ends_in(name, len, &ends[i]))
            return true;
    return false;
}

/* How many backslashes before the quote at `at` are its own, and tell how deep
 * its text lies within texts: none for the outermost, then 1, 3, 7. Pairs
 * before them belong to the text itself, which then ends in a backslash. */
static size_t own_of(const struct walk *w, size_t at)
{
    size_t run = 0;

    while (run < at && w->data[at - run - 1] == '\\')
        run++;
    return (run ^ (run + 1)) >> 1;
}

/* Answers the position behind the blank at `at`, which is escaped as the name
 * is; `at`: there is no blank. */
static size_t skip_blank(const struct walk *w, size_t at)
{
    size_t run = 0;

    if (at < w->len && llmobs_is_blank(w->data[at]))
        return at + 1;
    while (run < w->own && at + run < w->len && w->data[at + run] == '\\')
        run++;
    if (run == 0 || run != (w->own + 1) / 2 || at + run == w->len)
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

char llmobs_members_unit(const char *text, size_t len)
{
    int value = 0;

    for (size_t i = 1; i < 5; i++) {
        int digit = i < len ? llmobs_text_hex(text[i]) : -1;

        if (digit < 0 || value * 16 + digit >= 0x80)
            return 0;
        value = value * 16 + digit;
    }
    return (char)value;
}

/* The letters of a name while it is read. */
struct letters {
    char name[LLMOBS_MEMBERS_NAME_MAX];
    size_t count;
    size_t part; /* where those begin that follow the last bracket */
    bool index;  /* digits are the index of a form's list */
    bool secret; /* a part of the name is a secret's name */
};

/* A bracket ends a part of a form's name: "password[confirmation]" belongs to a
 * password, and "user[secret]" is a secret. */
static void end_part(struct letters *l)
{
    l->secret = l->secret ||
                llmobs_members_is_secret(l->name + l->part, l->count - l->part);
    l->part = l->count;
}

/* Takes a character of a name; false: no name of the list has it. */
static bool take_letter(struct letters *l, char c)
{
    if (c == '[' || c == ']')
        end_part(l);
    if (c != '\0' && strchr("\\-_. []", c)) {
        l->index = c == '[';
        return true;
    }
    if (l->index && c >= '0' && c <= '9')
        return true;
    c |= 0x20;
    if (c < 'a' || c > 'z' || l->count == sizeof(l->name))
        return false;
    l->name[l->count++] = c;
    return true;
}

/* True where the text between two quotes is a name of the list: takes its
 * letters alone, in lower case, and no number behind a bracket. In JSON within
 * a text there are more backslashes, also before the second quote. */
static bool is_secrets_name(const char *text, size_t len)
{
    struct letters l = {.count = 0};

    for (size_t i = 0; i < len; i++) {
        bool escaped = text[i] == 'u' && i > 0 && text[i - 1] == '\\';
        char c = escaped ? llmobs_members_unit(text + i, len - i) : text[i];

        i += escaped ? 4 : 0;
        if (!take_letter(&l, c))
            return l.secret;
    }
    return l.secret || llmobs_members_is_secret(l.name, l.count);
}

/* True where an event of a stream follows the line feed at `at`. */
static bool is_event(const struct walk *w, size_t at)
{
    static const char begin[] = "\ndata:";
    size_t len = sizeof(begin) - 1;

    return w->len - at >= len && memcmp(w->data + at, begin, len) == 0;
}

/* True for a line feed that ends a text which was cut off. */
static bool is_cut(const struct walk *w, size_t at)
{
    return w->data[at] == '\n' &&
           (is_event(w, at) ||
            (at + 1 < w->len && memchr("\n\r{", w->data[at + 1], 3)));
}

/* Answers the end of the text that begins at `at`: its quote, or that of a text
 * around it, which has fewer backslashes. */
static size_t find_end(const struct walk *w, size_t at)
{
    while (at < w->len && !is_cut(w, at) &&
           (w->data[at] != '"' || own_of(w, at) > w->own))
        at++;
    return at;
}

/* Answers the position behind the quote at `at`; 0: there is none. A quote of
 * another level of nesting than the name's does not count: a text of that level
 * may end in a name and a colon. */
static size_t skip_quote(const struct walk *w, size_t at)
{
    size_t from = at;

    while (at < w->len && w->data[at] == '\\')
        at++;
    if (at == w->len || w->data[at] != '"' || at - from != w->own)
        return 0;
    return at + 1;
}

/* Answers where the value begins, for a name that ends at the quote `at`; 0: it
 * is no name. */
static size_t skip_colon(const struct walk *w, size_t at)
{
    at = skip_blanks(w, at + 1);
    if (at == w->len || w->data[at] != ':')
        return 0;
    return skip_blanks(w, at + 1);
}

/* True where the text between `from` and the quote `end` is one of these. */
static bool is_one_of(const struct walk *w, size_t from, size_t end,
                      const char *const *words, size_t count)
{
    size_t len = end - from - w->own;

    for (size_t i = 0; i < count; i++)
        if (len == strlen(words[i]) &&
            strncasecmp(w->data + from, words[i], len) == 0)
            return true;
    return false;
}

/* The quote that ends the text which begins at `from`; 0: it is cut off. */
static size_t find_quote(const struct walk *w, size_t from)
{
    size_t end = find_end(w, from);
    bool is = end < w->len && w->data[end] == '"' && own_of(w, end) == w->own;

    return is && end - from >= w->own ? end : 0;
}

/* True where the object at `at` is by its first member a schema, which
 * describes a parameter of a tool. An object that is cut off there, or is
 * empty, counts as one. */
static bool is_schema(const struct walk *w, size_t at)
{
    size_t from = skip_quote(w, skip_blanks(w, at + 1));
    size_t end = from ? find_quote(w, from) : 0;
    size_t value = end ? skip_colon(w, end) : 0;

    if (!value)
        return true;
    if (!is_one_of(w, from, end, (const char *const[]){"type"}, 1))
        return w->data[from] == '$' ||
               is_one_of(w, from, end, keywords, COUNT(keywords));
    from = skip_quote(w, value);
    end = from ? find_quote(w, from) : 0;
    return !end || is_one_of(w, from, end, types, COUNT(types));
}

/* Answers where the value begins behind the name that ends at the quote `at`:
 * behind the quote of a text, or at the bracket of a list or an object; 0:
 * there is none of them. */
static size_t find_value(const struct walk *w, size_t at)
{
    at = skip_colon(w, at);
    if (!at || at == w->len)
        return 0;
    if (w->data[at] == '[' || (w->data[at] == '{' && !is_schema(w, at)))
        return at;
    return skip_quote(w, at);
}

static bool is_plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] < 0x20 || text[i] > 0x7e || text[i] == '\\')
            return false;
    return true;
}

void llmobs_members_hide(char *value, size_t len)
{
    if (len >= KEEP_FROM && is_plain(value, len))
        len -= KEEP;
    memset(value, '*', len);
}

/* Masks a value that is cut off, whole but for backslashes at its end: they may
 * belong to a quote that comes later. */
static void mask_cut(char *value, size_t len)
{
    while (len > 0 && value[len - 1] == '\\')
        len--;
    memset(value, '*', len);
}

/* Masks the value from `from` to `end`. */
static void mask_value(struct walk *w, size_t from, size_t end)
{
    if (end < w->len && w->data[end] == '"')
        llmobs_members_hide(w->data + from, end - own_of(w, end) - from);
    else
        mask_cut(w->data + from, end - from);
}

/* Masks the text behind the quote at w->at, unless it is a name, and moves
 * w->at to its end; false: the text around the list ends there. */
static bool mask_item(struct walk *w)
{
    size_t from = w->at + 1, quote = find_quote(w, from);

    w->at = quote ? quote : find_end(w, from);
    if (!quote || !skip_colon(w, quote))
        mask_value(w, from, w->at);
    return quote > 0;
}

/* Masks the texts of the list or object whose bracket is at w->at, but not the
 * names in objects, and moves w->at to its end. */
static void mask_list(struct walk *w)
{
    size_t depth = 0;

    for (; w->at < w->len && !is_event(w, w->at); w->at++) {
        char c = w->data[w->at];
        size_t own = c == '"' ? own_of(w, w->at) : 0;

        if (c == '[' || c == '{')
            depth++;
        if ((c == ']' || c == '}') && --depth == 0)
            return;
        if (c != '"' || own > w->own)
            continue;
        if (own < w->own || !mask_item(w))
            return;
    }
}

/* Masks the value at w->at, and moves w->at to its end. */
static void mask_any(struct walk *w)
{
    size_t from = w->at;

    if (w->data[from - 1] != '"') {
        mask_list(w);
        return;
    }
    w->at = find_end(w, from);
    mask_value(w, from, w->at);
}

/* True where a byte is surely not this letter: it is another one, which is no
 * digit of an escaped letter. */
static bool differs(char byte, char letter)
{
    char c = byte | 0x20;

    return c != letter && c > 'f' && c <= 'z';
}

/* Of the number of an escaped letter. */
static bool is_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* True where the byte at `at` may be a digit of an escaped letter. */
static bool may_be_escaped(const char *name, size_t at)
{
    for (size_t i = 1; i <= 4 && i < at; i++)
        if (name[at - i] == 'u' && name[at - i - 1] == '\\')
            return true;
    return at < 5;
}

/* True where `name`, the last bytes of a name, may end as `word` does. A byte
 * that is no letter may be a mark between two letters, or belong to an escaped
 * one. */
static inline bool may_end_in(const char *name, size_t len, const char *word)
{
    size_t at = len;

    for (size_t i = strlen(word); i > 0; i--) {
        char c = name[--at] | 0x20;

        if (c == word[i - 1])
            continue;
        if (differs(c, word[i - 1]))
            return false;
        return !is_digit(c) || may_be_escaped(name, at);
    }
    return true;
}

/* False for most of the texts that are no name of the list, by the last of
 * their bytes. */
static bool may_be_secret(const char *name, size_t len)
{
    switch (name[len - 1] | 0x20) {
    case 'y':
        return may_end_in(name, len, "key");
    case 'n':
        return may_end_in(name, len, "ation") || may_end_in(name, len, "oken");
    case 't':
        return may_end_in(name, len, "cret");
    case 'd':
        return may_end_in(name, len, "sswd") || may_end_in(name, len, "word");
    case 's':
        return may_end_in(name, len, "ials");
    case 'e':
        return may_end_in(name, len, "rase") || may_end_in(name, len, "okie");
    default:
        return memchr("-_. ][\\3459", name[len - 1], 11) != NULL;
    }
}

/* Answers the end of the last text before the colon, with perhaps blanks
 * between them; 0: there is none behind `floor`. */
static size_t quote_before(const struct walk *w, size_t floor, size_t colon)
{
    size_t at = colon;

    while (at > floor && w->data[at - 1] != '"' &&
           memchr(" \n\t\r\\nrt", w->data[at - 1], 8))
        at--;
    return at > floor && w->data[at - 1] == '"' ? at - 1 : 0;
}

/* Answers where the text begins that ends at the quote `here`; 0: it does not
 * begin behind `floor`, or is no name of the list. */
static size_t name_before(const struct walk *w, size_t floor, size_t here)
{
    size_t most = here - floor <= NAME_BYTES ? here - floor : NAME_BYTES + 1;
    size_t end = most < LOOKED_AT ? most : LOOKED_AT;
    const char *quote;

    if (most <= SHORTEST || !may_be_secret(w->data + here - end, end))
        return 0;
    quote = memrchr(w->data + here - most, '"', most);
    if (!quote || (size_t)(w->data + here - quote) <= SHORTEST)
        return 0;
    return (size_t)(quote + 1 - w->data);
}

/* Where the colon at w->at follows the name of a secret, masks its value and
 * moves w->at to the value's end. The name begins behind `floor`. */
static bool mask_member(struct walk *w, size_t floor)
{
    size_t here = quote_before(w, floor, w->at);
    size_t begin = here ? name_before(w, floor, here) : 0, value;

    if (!begin)
        return false;
    w->own = own_of(w, here);
    if (own_of(w, begin - 1) != w->own)
        return false;
    value = find_value(w, here);
    if (!value || !is_secrets_name(w->data + begin, here - begin))
        return false;
    w->at = value;
    mask_any(w);
    return true;
}

/* Moves to the next colon. */
static inline void pass_to_colon(struct walk *w)
{
    llmobs_json_block bytes;
    size_t run = sizeof(bytes);

    for (; run == sizeof(bytes) && w->len - w->at >= run; w->at += run) {
        memcpy(&bytes, w->data + w->at, sizeof(bytes));
        run = llmobs_json_unmarked(bytes == ':');
    }
    while (run == sizeof(bytes) && w->at < w->len && w->data[w->at] != ':')
        w->at++;
}

#define FOUR(a, b, c, d)                                        \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | \
     (uint32_t)(d) << 24)

/* True where four bytes are small letters. */
static inline bool are_letters(uint32_t four)
{
    uint32_t from_a = four + FOUR(0x1f, 0x1f, 0x1f, 0x1f);
    uint32_t above_z = four + FOUR(5, 5, 5, 5);

    return (from_a & ~above_z & ~four & 0x80808080) == 0x80808080;
}

/* True for the last four letters of a name of the list. */
static inline bool ends_a_secret(uint32_t four)
{
    switch (four >> 24) {
    case 'y':
        return four >> 8 == FOUR('k', 'e', 'y', 0);
    case 'n':
        return four == FOUR('t', 'i', 'o', 'n') ||
               four == FOUR('o', 'k', 'e', 'n');
    case 't':
        return four == FOUR('c', 'r', 'e', 't');
    case 'd':
        return four == FOUR('s', 's', 'w', 'd') ||
               four == FOUR('w', 'o', 'r', 'd');
    case 's':
        return four == FOUR('i', 'a', 'l', 's');
    case 'e':
        return four == FOUR('r', 'a', 's', 'e') ||
               four == FOUR('o', 'k', 'i', 'e');
    default:
        return false;
    }
}

/* False for most of the colons that follow no name of the list, by the bytes
 * before them: where the last four of a name are letters, and none is the last
 * digit of an escaped letter, these decide. */
static inline bool may_follow_secret(const struct walk *w)
{
    const char *colon = w->data + w->at;
    uint32_t four;

    if (w->at < SHORTEST + 1)
        return false;
    if (colon[-1] != '"')
        return memchr(" \n\t\r\\nrt", colon[-1], 8) != NULL;
    memcpy(&four, colon - 5, sizeof(four));
    four = le32toh(four) | FOUR(0x20, 0x20, 0x20, 0x20);
    return !are_letters(four) || (colon[-6] >= '0' && colon[-6] <= '9') ||
           ends_a_secret(four);
}

/* Looks for names before colons: there are fewer of those than of quotes. */
void llmobs_members_mask(char *data, size_t len)
{
    struct walk w = {data, len, 0, 0};
    size_t floor = 0;

    for (pass_to_colon(&w); w.at < len; pass_to_colon(&w)) {
        if (may_follow_secret(&w) && mask_member(&w, floor))
            floor = w.at;
        else
            w.at++;
    }
}
