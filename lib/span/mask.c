/* Finds credentials in text by prefixes, names and shapes. */
#include "lib/span/mask.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "lib/base/work.h"
#include "lib/span/leads.h"
#include "lib/span/chars.h"
#include "lib/span/names.h"
#include "lib/span/shapes.h"
#include "lib/text/json_plain.h"

#define KEEP 4
#define KEEP_FROM 8
#define MASK_WORK 2 /* steps of work a byte */

#define CUT_LEAST ((size_t)4) /* of a key that the text's end cuts off */
/* The least length of a private key's line, and of a key that its beginning
 * alone makes certain: the words of a sentence are shorter. */
#define COUNT_DIGITS 5 /* of tokens */
#define KEY_LINE ((size_t)16)
#define TOKEN_CHARS "-_*.~+/=:"

/* A piece of the text. */
struct piece {
    size_t from, to;
};

static bool set_found(struct llmobs_mask_walk *w, struct piece piece)
{
    w->from = piece.from;
    w->len = piece.to - piece.from;
    w->whole = false;
    w->done = piece.to;
    return true;
}

/* A body that goes to the disk anyway keeps its sentences; a caller that asks
 * for the mask of a text gets more masked. */
static bool is_lax(const struct llmobs_mask_walk *w)
{
    return w->kind != LLMOBS_MASK_REST;
}

static bool is_blank_char(char c)
{
    return c == ' ' || c == '\t';
}

/* -- pieces -------------------------------------------------------------- */

/* The run of letters, digits and `extra` characters at `at`, of at most `most`
 * bytes. A full stop or colon at its end belongs to the sentence. */
static struct piece run_at(const struct llmobs_mask_walk *w, size_t at,
                           const char *extra, size_t most)
{
    struct piece run = {at, at};
    char c;

    while (run.to - run.from < most &&
           (c = llmobs_chars_read(w->text, &at)) != '\0' &&
           (llmobs_mask_is_alnum(c) || strchr(extra, c)))
        run.to = at;
    while (run.to > run.from && strchr(".:", w->text.data[run.to - 1]))
        run.to--;
    return run;
}

/* The text at `at` up to one of the stops, a control character, or `most`
 * bytes. In place, a quote without a backslash also ends it, as the quote may
 * end a text of JSON. */
static struct piece until(const struct llmobs_mask_walk *w, size_t at,
                          const char *stops, size_t most)
{
    struct piece piece = {at, at};
    char c;

    while (piece.to - piece.from < most &&
           (unsigned char)(c = llmobs_chars_next(w->text, &at)) >= ' ' &&
           !strchr(stops, c) && (is_lax(w) || w->text.data[piece.to] != '"'))
        piece.to = at;
    return piece;
}

static bool is_boundary(const struct llmobs_mask_walk *w, size_t at)
{
    return at == 0 || !llmobs_mask_is_alnum(llmobs_chars_last(w->text, &at));
}

/* True where the piece looks like a key, and not like a word of a sentence.
 * Characters that are neither letter nor digit cut the piece into parts. A part
 * of at least `least` characters must have a digit or an inner capital, or be
 * at least 16 characters long. */
static bool is_keylike(const struct llmobs_mask_walk *w, struct piece piece,
                       size_t least)
{
    const char *text = w->text.data;

    for (size_t at = piece.from; at < piece.to; at++) {
        size_t digits = 0, capitals = 0, from = at;

        for (; at < piece.to && llmobs_mask_is_alnum(text[at]); at++) {
            digits += text[at] <= '9';
            capitals += at > from && text[at] >= 'A' && text[at] <= 'Z';
        }
        if (at - from >= least && (digits || capitals || at - from >= 16))
            return true;
        if (piece.to - at >= 3 && memcmp(text + at, "***", 3) == 0)
            return true;
        at += at < piece.to && text[at] == '%' ? 2 : 0; /* of "%2D" */
    }
    return false;
}

static bool has_word(const struct llmobs_mask_walk *w, size_t at,
                     const char *word)
{
    size_t len = strlen(word);

    return w->text.len - at >= len && memcmp(w->text.data + at, word, len) == 0;
}

/* Gives the end of the `word` at `at`, perhaps with escapes; 0: not there. */
static size_t skip_word(const struct llmobs_mask_walk *w, size_t at,
                        const char *word)
{
    for (; *word; word++) {
        char c = llmobs_chars_read(w->text, &at);

        if (c != *word && !(c == '+' && *word == ' '))
            return 0;
    }
    return at;
}

/* -- stand-ins ----------------------------------------------------------- */

/* In the text of an error every name with such an end counts. */
static bool is_doubtful_name(const char *end, size_t have)
{
    static const char ends[] = "key\0token\0secret\0signature\0credential\0";

    LLMOBS_WORDS_EACH (one, ends)
        if (have >= strlen(one) &&
            strncasecmp(end - strlen(one), one, strlen(one)) == 0)
            return true;
    return false;
}

/* True for a word that stands for a secret in code, "YOUR_API_KEY" or "$TOKEN",
 * also before the end of a quote or of a sentence. */
static bool is_code_name(const char *text, size_t len)
{
    size_t lead = len > 0 && *text == '$', letters = 0, marks = 0;

    while (len > 0 && (text[len - 1] == '`' || text[len - 1] == '.'))
        len--;
    for (size_t i = lead; i < len; i++) {
        letters += (text[i] >= 'A' && text[i] <= 'Z') ||
                   (lead && text[i] >= 'a' && text[i] <= 'z');
        marks += text[i] == '_';
    }
    return lead + letters + marks == len && lead + marks > 0 &&
           is_doubtful_name(text + len, len - lead);
}

/* -- schemes ------------------------------------------------------------- */

/* The word behind a scheme at `at`: "Bearer abc", "bearer: ab", "Basic
 * YWJj". */
static struct piece scheme_at(const struct llmobs_mask_walk *w, size_t at,
                              bool sure)
{
    const char *text = w->text.data + at;
    size_t left = w->text.len - at;
    bool bearer = left > 6 && strncasecmp(text, "bearer", 6) == 0;
    struct piece none = {at, at}, word;
    size_t blank = at;
    char c;

    if (!bearer && (left < 6 || strncasecmp(text, "basic", 5) != 0))
        return none;
    blank += bearer ? 6 : 5;
    at = blank;
    for (size_t next = at;
         (c = llmobs_chars_next(w->text, &next)) &&
         (is_blank_char(c) || c == '+' || (bearer && c == ':'));)
        at = next;
    word = run_at(w, at, TOKEN_CHARS, LLMOBS_MASK_LOOK);
    if (at == blank || word.to - word.from < (bearer || sure ? 4u : 12u))
        return none;
    if (sure || is_lax(w) || is_keylike(w, word, 4) ||
        w->text.data[word.to - 1] == '=')
        return run_at(w, at, TOKEN_CHARS, SIZE_MAX);
    return none;
}

static bool find_scheme(struct llmobs_mask_walk *w, size_t at)
{
    struct piece word;

    if (!is_boundary(w, at))
        return false;
    word = scheme_at(w, at, w->kind == LLMOBS_MASK_BEARER);
    return word.to > word.from &&
           !is_code_name(w->text.data + word.from, word.to - word.from) &&
           set_found(w, word);
}

/* -- beginnings ---------------------------------------------------------- */

/* Gives the end of the lead whose mark, of `bytes` bytes, is at `at`; 0: not
 * there. */
static size_t match_lead(struct llmobs_mask_walk *w,
                         const struct llmobs_lead *lead, size_t at, size_t end)
{
    size_t mark = lead->mark;

    for (size_t i = mark; i > 0; i--)
        if (at == 0 || lead->text[i - 1] != llmobs_chars_last(w->text, &at))
            return 0;
    if (!is_boundary(w, at))
        return 0;
    w->repeat.narrow = false;
    for (size_t i = mark + 1; lead->text[i]; i++)
        if (lead->text[i] != llmobs_chars_next(w->text, &end))
            return 0;
    return end;
}

/* True for a key with a beginning that no word has. */
static bool is_sure(const struct llmobs_mask_walk *w,
                    const struct llmobs_lead *lead, struct piece key)
{
    static const char *const more[] = {"proj-", "ant-", "svcacct-", "live_"};
    bool is = *lead->extra == *LLMOBS_LEAD_SURE;
    size_t end;

    for (size_t i = 0; !is && i < sizeof(more) / sizeof(*more); i++)
        if (lead->text[1] == 'k' && (end = skip_word(w, key.from, more[i]))) {
            key.from = end;
            is = true;
        }
    return is && key.to >= key.from + KEY_LINE;
}

/* True for what a mask left of a key, to which nothing was joined since. */
static bool is_masked(const struct llmobs_mask_walk *w, struct piece key)
{
    size_t at = key.to;

    while (at > key.from && w->text.data[at - 1] != '*')
        at--;
    return w->text.data[key.from] == '*' && key.to - at <= KEEP;
}

static bool find_lead(struct llmobs_mask_walk *w, char mark, size_t at,
                      size_t end)
{
    const struct llmobs_leads_mark *rows = &llmobs_leads_marks[mark & 15];
    size_t row = rows->from, last = rows->to, before_mark = at;
    bool few = llmobs_leads_are_few(mark);
    char second;

    if (at < (few ? 1u : 2u) ||
        !llmobs_leads_may_be(mark, at < 2 ? "  " : w->text.data + at - 2))
        return false;
    (void)llmobs_chars_last(w->text, &before_mark);
    second = llmobs_chars_last(w->text, &before_mark);
    if (!few && is_boundary(w, before_mark))
        last = rows->longer;
    else if (!few)
        row = rows->longer;
    for (; row < last; row++) {
        const struct llmobs_lead *lead = &llmobs_leads[row];
        struct piece key, pair;
        const char *dot;
        size_t from;
        bool cut, sure;

        if (lead->text[lead->mark - 1] != w->text.data[at - 1] ||
            (lead->extra == w->dull_extra && at < w->dull_to) ||
            (lead->mark > 1 && lead->text[lead->mark - 2] != second))
            continue;
        from = match_lead(w, lead, at, end);
        if (!from)
            continue;
        key = run_at(w, from, lead->extra, LLMOBS_MASK_LOOK);
        if (key.to > from && key.to < from + LLMOBS_MASK_LOOK &&
            is_masked(w, key))
            return false;
        cut = key.to == w->text.len && !is_lax(w);
        sure = is_lax(w) || is_sure(w, lead, key);
        if (!sure && !is_keylike(w, key, CUT_LEAST)) {
            w->dull_to = key.to;
            w->dull_extra = lead->extra;
            continue;
        }
        if (key.to - key.from < (cut ? CUT_LEAST : (size_t)lead->least) ||
            (!sure &&
             !is_keylike(w, key, cut ? CUT_LEAST : (size_t)lead->part)))
            continue;
        key = run_at(w, from, lead->extra, SIZE_MAX);
        dot = memchr(w->text.data + key.from, '.', key.to - key.from);
        /* A JSON Web Token has parts between dots (RFC 7519, 3). Other JSON
         * objects in base64 begin alike, as Bedrock's frames do. */
        if (mark == 'J' && (!dot || dot + 1 == w->text.data + key.to)) {
            w->dull_to = key.to;
            w->dull_extra = lead->extra;
            continue;
        }
        if (mark == 'I') { /* the key itself may follow AWS's id of it */
            for (at = key.to; at - key.to < 3 && at < w->text.len &&
                              strchr(":,;|/ \t", w->text.data[at]);)
                at++;
            pair = run_at(w, at, "/+=", LLMOBS_MASK_LOOK);
            if (at > key.to && pair.to - pair.from == 40)
                key.to = pair.to;
        }
        return set_found(w, key);
    }
    return false;
}

/* Skips a well-known beginning of a value, and a scheme: they stay readable, as
 * they show whose key it was. */
static struct piece skip_lead(const struct llmobs_mask_walk *w,
                              struct piece value)
{
    struct piece word = scheme_at(w, value.from, true);

    if (word.to > word.from && word.to <= value.to) {
        struct piece rest = run_at(w, word.to, ".:", LLMOBS_MASK_LOOK);

        value.from = word.from;
        value.to =
            rest.to == value.to || value.to - word.to == 1 ? word.to : value.to;
    }
    for (size_t i = 0; i < LLMOBS_LEADS; i++) {
        const char *text = llmobs_leads[i].text;
        size_t len;

        if (value.to == value.from || w->text.data[value.from] != *text)
            continue;
        len = strlen(text);
        if (value.to - value.from > len &&
            memcmp(w->text.data + value.from, text, len) == 0) {
            value.from += len;
            break;
        }
    }
    return value;
}

/* -- PEM ----------------------------------------------------------------- */

#define DASHES "-----"
#define SSH_DASHES "----" /* "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----" */
#define PEM_LINE 48       /* "-----BEGIN ENCRYPTED PRIVATE KEY-----" */
#define PEM_HEADERS 8     /* "Proc-Type: 4,ENCRYPTED" */
#define LINE_NUMBER ((size_t)6)

/* Gives the end of the "BEGIN RSA PRIVATE KEY-----" at `at`; 0: not there. */
static size_t pem_line(const struct llmobs_mask_walk *w, size_t at,
                       const char *word)
{
    bool is_private = false;
    size_t end;

    at = skip_word(w, at, word);
    for (size_t i = 0; at && i < PEM_LINE; i++) {
        if (is_private && ((end = skip_word(w, at, DASHES)) ||
                           (end = skip_word(w, at, SSH_DASHES))))
            return end;
        is_private = is_private || skip_word(w, at, "PRIVATE");
        if (!llmobs_chars_read(w->text, &at))
            return 0;
    }
    return 0;
}

/* True for a character between two lines of a key, even where the lines are
 * texts of a program, a citation, or have numbers. */
static bool is_between(char c)
{
    return c && strchr(" \t\r\n\"'`,.:+/>|#\x80", c);
}

static size_t skip_between(const struct llmobs_mask_walk *w, size_t at)
{
    for (size_t next = at; is_between(llmobs_chars_read(w->text, &next));)
        at = next;
    return at;
}

/* Gives the end of the line that begins like "DEK-Info: ..."; 0: it does not.
 */
static size_t pem_header(const struct llmobs_mask_walk *w, size_t at)
{
    struct piece name = run_at(w, at, "-", PEM_LINE);
    size_t end = skip_word(w, name.to, ": "), most = end + LLMOBS_MASK_LOOK;
    char c;

    if (!end || w->text.data[at] < 'A' || w->text.data[at] > 'Z')
        return 0;
    while (end < most && (c = llmobs_chars_read(w->text, &end)))
        if (c == '\n' || (c == '"' && w->text.data[end - 1] != '"'))
            return end;
    return 0;
}

/* True for the last line of a key, which is shorter than the others. */
static bool is_last_line(const struct llmobs_mask_walk *w, struct piece line)
{
    size_t behind = skip_between(w, line.to);
    const char *text = w->text.data;

    if (skip_word(w, behind, SSH_DASHES))
        return true;
    return !memchr(text + w->key, '"', line.from - w->key) &&
           (is_keylike(w, line, 4) || behind == w->text.len ||
            text[line.to] == '"');
}

/* Gives the end of a line's number; 0: the line has no number. */
static size_t pem_number(const struct llmobs_mask_walk *w, size_t at)
{
    struct piece run = run_at(w, at, "+/=*", LINE_NUMBER + 1);

    while (at < run.to && w->text.data[at] >= '0' && w->text.data[at] <= '9')
        at++;
    return at == run.to && at - run.from <= LINE_NUMBER && at > run.from ? at
                                                                         : 0;
}

/* Gives where a line of the key may begin, behind headers and numbers. */
static size_t skip_to_line(const struct llmobs_mask_walk *w, size_t at)
{
    size_t end;

    for (int i = 0; i < PEM_HEADERS; i++) {
        at = skip_between(w, at);
        if (!(end = pem_number(w, at)) && !(end = pem_header(w, at)))
            break;
        at = end;
    }
    return skip_between(w, at);
}

/* Finds the next line of the private key that goes on at w->key. A sentence has
 * shorter words than such a line. */
static bool find_key_line(struct llmobs_mask_walk *w)
{
    struct piece line = run_at(w, skip_to_line(w, w->key), "+/=*", SIZE_MAX);
    bool more = line.to - line.from >= KEY_LINE;
    bool is = more || (line.to > line.from &&
                       (w->key == w->done || line.to == w->text.len) &&
                       is_last_line(w, line));

    w->key = more ? line.to : 0;
    if (is)
        set_found(w, line);
    w->whole = is;
    return is;
}

static bool find_pem(struct llmobs_mask_walk *w, size_t from)
{
    w->key = from;
    return find_key_line(w);
}

/* Finds a private key whose first line was cut off, from the line at `to`
 * back. */
static bool find_pem_end(struct llmobs_mask_walk *w, size_t to)
{
    size_t from = to, at = to, len = 0, lines = 0;

    while (at > w->done) {
        char c = llmobs_chars_last(w->text, &at);

        if (llmobs_mask_is_alnum(c) || strchr("+/=*", c)) {
            if (++len >= KEY_LINE)
                from = at;
        } else if (!is_between(c) || (len && len < KEY_LINE && lines)) {
            break;
        } else {
            lines += len > 0;
            len = 0;
        }
    }
    return from < to && find_pem(w, from);
}

/* -- names and values ---------------------------------------------------- */

/* A name before a mark, and the value behind it. */
struct member {
    char name[LLMOBS_NAMES_LETTERS];
    size_t len;
    size_t from;    /* where the name begins */
    bool quoted;    /* the name is in double quotes */
    bool spaced;    /* a blank is between name and mark, or the mark is ':' */
    bool equals;    /* the mark is '=' */
    bool parameter; /* the name is a parameter of a URL or a form */
    enum llmobs_named named;
    struct piece value;
};

static bool is_name_byte(char c)
{
    return llmobs_mask_is_alnum(c) || c == '_' || c == '-' || c == '.' ||
           c == '[' || c == ']';
}

/* Reads the name that ends before `at`, from its last letter on. */
static void read_name(const struct llmobs_mask_walk *w, struct member *m,
                      size_t at)
{
    char c;

    m->len = 0;
    for (m->from = at; at > w->done && m->len < sizeof(m->name); m->from = at) {
        c = llmobs_chars_last(w->text, &at);
        if (at < w->done || !is_name_byte(c))
            return;
        m->name[sizeof(m->name) - ++m->len] = c;
    }
}

static const char *name_of(const struct member *m)
{
    return m->name + sizeof(m->name) - m->len;
}

/* The name may have another word before a blank: "api key: ...". */
static void read_word_before(const struct llmobs_mask_walk *w, struct member *m)
{
    struct member more = *m;
    size_t at = m->from;

    if (m->named != LLMOBS_NAMED_WEAK || at == w->done ||
        llmobs_chars_last(w->text, &at) != ' ')
        return;
    read_name(w, &more, at);
    if (more.len == 0 || more.len + 1 + m->len > sizeof(m->name))
        return;
    memmove(more.name + sizeof(more.name) - more.len - m->len - 1,
            name_of(&more), more.len);
    memcpy(more.name + sizeof(more.name) - m->len - 1, " ", 1);
    memcpy(more.name + sizeof(more.name) - m->len, name_of(m), m->len);
    more.len += m->len + 1;
    more.named = llmobs_names_judge_words(name_of(&more), more.len);
    *m = more;
}

/* The end of the name in "api key provided: ..." and "password is: ...". */
static size_t before_verb(const struct llmobs_mask_walk *w, size_t at)
{
    static const char *const verbs[] = {" provided", " is", " was"};

    for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
        size_t len = strlen(verbs[i]);

        if (at - w->done > len &&
            memcmp(w->text.data + at - len, verbs[i], len) == 0)
            return at - len;
    }
    return at;
}

/* The end of the name in "api_key: str = ...". */
static size_t before_type(const struct llmobs_mask_walk *w, size_t at)
{
    const char *text = w->text.data;
    size_t i = at;

    while (i > w->done && at - i < LLMOBS_NAMES_LETTERS &&
           (llmobs_mask_is_alnum(text[i - 1]) || text[i - 1] == '&'))
        i--;
    while (i > w->done && at - i < LLMOBS_NAMES_LETTERS && text[i - 1] == ' ')
        i--;
    return i < at && i > w->done && text[i - 1] == ':' ? i - 1 : at;
}

/* Reads name and quotes before the mark at `at`; false: no name that counts. */
static bool read_before(const struct llmobs_mask_walk *w, struct member *m,
                        size_t at)
{
    const char *text = w->text.data;
    size_t before;
    char quote;

    if (m->equals && at > w->done && text[at - 1] == ':')
        at--; /* the ':' of ":=" */
    while (at > w->done && is_blank_char(text[at - 1])) {
        m->spaced = true;
        at--;
    }
    if (m->equals && m->spaced)
        at = before_type(w, at);
    while (at > w->done && (text[at - 1] == '*' || text[at - 1] == '`'))
        at--; /* the "**" of Markdown */
    before = at;
    quote = llmobs_chars_last(w->text, &before);
    if ((quote == '"' || quote == '\'') && before >= w->done) {
        m->quoted = text[at - 1] == '"';
        at = before;
    }
    if (!m->equals && !m->quoted)
        at = before_verb(w, at);
    if ((m->quoted && w->kind == LLMOBS_MASK_REST) ||
        !llmobs_names_may_be(text + at, at - w->done))
        return false;
    read_name(w, m, at);
    m->named = llmobs_names_judge(name_of(m), m->len);
    read_word_before(w, m);
    before = m->from;
    if (before > 0) {
        char c = llmobs_chars_last(w->text, &before);

        m->parameter = c && strchr("?&;", c);
    } else {
        m->parameter = true;
    }
    if (m->parameter && m->equals &&
        (m->named == LLMOBS_NAMED_PARAM || m->named == LLMOBS_NAMED_WEAK))
        m->named = LLMOBS_NAMED_SECRET;
    if (w->kind == LLMOBS_MASK_ERROR && m->named < LLMOBS_NAMED_SECRET &&
        is_doubtful_name(m->name + sizeof(m->name), m->len))
        m->named = LLMOBS_NAMED_WEAK;
    return m->named >= LLMOBS_NAMED_WEAK;
}

static bool begins_line(const struct llmobs_mask_walk *w, size_t at)
{
    while (at > 0) {
        char c = llmobs_chars_last(w->text, &at);

        if (c == '\n' || c == '"' || c == '\'')
            return true;
        if (!is_blank_char(c) && c != '-')
            return false;
    }
    return true;
}

static bool ends_line(const struct llmobs_mask_walk *w, size_t at)
{
    char c;

    do
        c = llmobs_chars_next(w->text, &at);
    while (is_blank_char(c) || c == ',');
    return (unsigned char)c < ' ' || c == '"' || c == '\'';
}

/* Moves behind the mark, blanks and the value's first quote. Gives that quote;
 * '\0': the value has none. */
static char skip_mark(const struct llmobs_mask_walk *w, struct member *m,
                      size_t *at)
{
    const char *text = w->text.data;
    size_t len = w->text.len, i = *at, after;

    i += m->equals && i < len && text[i] == '>'; /* the '>' of "=>" */
    if (len - i > 2 && memcmp(text + i, "** ", 3) == 0)
        i += 2; /* Markdown: "**Password:** ..." */
    while (i < len && is_blank_char(text[i])) {
        m->spaced = true;
        i++;
    }
    *at = i;
    while (i < len && text[i] == '\\')
        i++;
    if (i == len || !strchr("\"'`u", text[i]))
        return '\0';
    if (text[i] == 'u') {
        size_t end = *at;
        char c = llmobs_chars_next(w->text, &end);

        if (i == *at || (c != '"' && c != '\''))
            return '\0';
        *at = end;
        return c;
    }
    after = i + 1;
    while (text[i] == '"' && after < len && llmobs_is_blank(text[after]))
        after++;
    /* The quote behind a text in JSON begins no value. */
    if (text[i] == '"' && after < len && strchr(",:]}", text[after]))
        return '\0';
    *at = i + 1;
    return text[i];
}

/* True for a value; where a sentence is possible, it must look like a
 * secret. */
static bool is_value(struct llmobs_mask_walk *w, const struct member *m,
                     struct piece value)
{
    const char *text = w->text.data + value.from;
    size_t len = value.to - value.from;

    if (m->named == LLMOBS_NAMED_WEAK && value.from < w->weak_to)
        return false;
    if (m->named == LLMOBS_NAMED_WEAK) {
        w->weak_to = llmobs_shapes_is_value(text, len) ? 0 : value.to;
        return w->weak_to == 0;
    }
    if (is_lax(w) || (!m->spaced && m->equals))
        return true;
    if (memchr(text, '(', len))
        return false;
    for (size_t i = 0; i < len; i++)
        if (strchr("@#$^&*+~%", text[i]))
            return true;
    return is_keylike(w, value, 4) ||
           (begins_line(w, m->from) && ends_line(w, value.to));
}

static bool has_equals(const struct llmobs_mask_walk *w, struct piece piece)
{
    while (piece.from < piece.to)
        if (llmobs_chars_read(w->text, &piece.from) == '=')
            return true;
    return false;
}

/* Reads a header's value: the rest of the line, unless that is a sentence. */
static bool read_header_line(const struct llmobs_mask_walk *w, struct member *m,
                             size_t at)
{
    struct piece word = until(w, at, " \t\"'", LLMOBS_MASK_LOOK), second;
    struct piece line = until(w, at, "\"'", LLMOBS_MASK_LOOK);
    const char *text = w->text.data;
    bool is = is_lax(w) && line.to > line.from;

    if (!is && word.to > word.from) {
        second =
            until(w, word.to + (word.to < line.to), " \t\"'", LLMOBS_MASK_LOOK);
        is = has_equals(w, word) || is_keylike(w, second, 4) ||
             has_equals(w, second) ||
             (word.to == line.to &&
              (is_keylike(w, word, 4) || begins_line(w, m->from)));
    }
    if (!is) {
        second = scheme_at(w, at, true);
        is = second.to > second.from;
    }
    if (is)
        m->value = until(w, at, "\"'", SIZE_MAX);
    while (is && m->value.to > at && is_blank_char(text[m->value.to - 1]))
        m->value.to--;
    return is;
}

#define STOPS " \t\"',;&)}]<>"

static bool read_value(struct llmobs_mask_walk *w, struct member *m, size_t at)
{
    char quote = skip_mark(w, m, &at);
    const char only[] = {quote, '\0'};
    const char *stops = quote ? only : STOPS;
    struct piece look;

    if (m->quoted && !quote)
        return false; /* a number, or the start of a list */
    if (m->named == LLMOBS_NAMED_LINE && !m->quoted && !m->equals)
        return read_header_line(w, m, at);
    if (!quote && m->equals && !m->spaced && m->parameter)
        stops = " \t\"'&;<>";
    look = until(w, at, stops, LLMOBS_MASK_LOOK);
    if (w->kind == LLMOBS_MASK_ERROR) {
        if (look.to - look.from <
            (m->equals || m->named >= LLMOBS_NAMED_SECRET ? 1u : 4u))
            return false;
    } else if (look.to == look.from || (!quote && !is_value(w, m, look)) ||
               (quote && m->named == LLMOBS_NAMED_WEAK &&
                !is_value(w, m, look))) {
        return false;
    }
    m->value = until(w, at, stops, SIZE_MAX);
    if (w->kind == LLMOBS_MASK_ERROR && !quote &&
        w->text.data[m->value.to - 1] == '.')
        m->value.to--;
    return true;
}

/* True for a mark that is part of a longer mark: "==", "::", "://". */
static bool is_other_mark(const struct llmobs_mask_walk *w, char mark,
                          size_t at, size_t end)
{
    const char *text = w->text.data;

    if (end < w->text.len && (text[end] == '=' || text[end] == ':'))
        return true;
    if (mark == ':')
        return (at > 0 && text[at - 1] == ':') || has_word(w, end, "//");
    return at > 0 && strchr("!<>=", text[at - 1]);
}

/* True also for a count of tokens; a code of six digits is none. */
static bool is_stand_in(const struct llmobs_mask_walk *w,
                        const struct member *m, struct piece value)
{
    const char *text = w->text.data + value.from;
    size_t len = value.to - value.from, digits = 0;

    while (digits < len && text[digits] >= '0' && text[digits] <= '9')
        digits++;
    if (digits == len && len <= COUNT_DIGITS)
        return m->len >= 5 &&
               strncasecmp(name_of(m) + m->len - 5, "token", 5) == 0;
    return (len == m->len && strncasecmp(text, name_of(m), len) == 0) ||
           is_code_name(text, len);
}

static bool find_named(struct llmobs_mask_walk *w, char mark, size_t at,
                       size_t end)
{
    struct member m = {.equals = mark == '='};

    if (is_other_mark(w, mark, at, end))
        return false;
    if (!read_before(w, &m, at) || !read_value(w, &m, end))
        return false;
    if (skip_word(w, m.value.from, SSH_DASHES))
        return false; /* a private key, which has more lines */
    m.value = skip_lead(w, m.value);
    return m.value.to > m.value.from && !is_stand_in(w, &m, m.value) &&
           set_found(w, m.value);
}

/* Moves from behind a word of a list, and its quote, to the text of the next
 * word; false: no word follows. */
static bool skip_to_word(const struct llmobs_mask_walk *w, char quote,
                         size_t *at)
{
    char c = llmobs_chars_next(w->text, at);

    if (c != ',')
        return false;
    do
        c = llmobs_chars_next(w->text, at);
    while (is_blank_char(c) || c == '\n' || c == '\r');
    return c == quote;
}

/* Finds the value of an option, "--api-key VALUE" or ["--api-key", "VALUE"],
 * whose name begins at `at`. */
static bool find_option(struct llmobs_mask_walk *w, size_t at)
{
    struct member m = {.from = at};
    struct piece value;
    char c;

    while (is_name_byte(c = llmobs_chars_next(w->text, &at)) &&
           m.len < sizeof(m.name))
        m.name[m.len++] = c;
    m.named = llmobs_names_judge(m.name, m.len);
    if (m.named < LLMOBS_NAMED_WEAK)
        return false;
    if (is_blank_char(c))
        (void)skip_mark(w, &m, &at);
    else if ((c != '"' && c != '\'') || !skip_to_word(w, c, &at))
        return false;
    value = until(w, at, is_blank_char(c) ? STOPS : (const char[]){c, '\0'},
                  SIZE_MAX);
    if (value.to == value.from || w->text.data[value.from] == '-' ||
        (m.named == LLMOBS_NAMED_WEAK &&
         !llmobs_shapes_is_value(w->text.data + value.from,
                                 value.to - value.from)))
        return false;
    return set_found(w, skip_lead(w, value));
}

/* Finds the value in ["X-Api-Key", "VALUE"], whose bracket ends at `at`. */
static bool find_listed(struct llmobs_mask_walk *w, size_t at)
{
    struct member m = {.len = 0};
    struct piece value;
    char c;

    do
        c = llmobs_chars_next(w->text, &at);
    while (is_blank_char(c) || c == '\n' || c == '\r' || c == '"');
    for (; is_name_byte(c) && m.len < sizeof(m.name);
         c = llmobs_chars_next(w->text, &at))
        m.name[m.len++] = c;
    if (c != '"' || llmobs_names_judge(m.name, m.len) < LLMOBS_NAMED_WEAK ||
        !skip_to_word(w, '"', &at))
        return false;
    value = until(w, at, "\"", SIZE_MAX);
    at = value.to;
    if (!llmobs_shapes_is_value(w->text.data + value.from,
                                value.to - value.from) ||
        (at < w->text.len && (llmobs_chars_next(w->text, &at) != '"' ||
                              (at < w->text.len && w->text.data[at] != ']'))))
        return false;
    return set_found(w, skip_lead(w, value));
}

/* -- URLs ---------------------------------------------------------------- */

/* Finds the "user:password" behind the "://" at `at`. */
static bool find_user(struct llmobs_mask_walk *w, size_t at)
{
    size_t from = at + 3;
    struct piece user = until(w, from, "@?# \t\"'<>", LLMOBS_MASK_LOOK);
    const char *text = w->text.data + from, *slash, *colon;

    if (user.to >= w->text.len || w->text.data[user.to] != '@' ||
        user.to == from)
        return false;
    slash = memchr(text, '/', user.to - from);
    colon = slash ? memchr(text, ':', (size_t)(slash - text)) : NULL;
    /* Behind "host:8080/path" an '@' belongs to the path. */
    if (slash &&
        (!colon || colon + 1 + strspn(colon + 1, "0123456789") == slash))
        return false;
    set_found(w, user);
    w->whole = true;
    return true;
}

/* -- the walk ------------------------------------------------------------ */

static bool find_dashes(struct llmobs_mask_walk *w, size_t at)
{
    size_t line = skip_word(w, at, DASHES), option, end;

    if (at > 0 && w->text.data[at - 1] == '-')
        return false;
    if (!line)
        line = skip_word(w, at, SSH_DASHES " ");
    if (!line)
        return (option = skip_word(w, at, "--")) && find_option(w, option);
    if ((end = pem_line(w, line, "BEGIN ")))
        return find_pem(w, end);
    return pem_line(w, line, "END ") && find_pem_end(w, at);
}

/* Looks around the mark at `at`, which `end` follows. */
static bool look_around(struct llmobs_mask_walk *w, char mark, size_t at,
                        size_t end)
{
    bool dashes = mark == '-' && skip_word(w, end, "-");
    bool putty = mark == '-' && has_word(w, end, "Lines: ");

    if (strchr("-_.IJT", mark) && !dashes && !putty)
        return find_lead(w, mark, at, end);
    w->repeat.narrow = false;
    switch (mark) {
    case ':':
        if (w->kind != LLMOBS_MASK_REST && has_word(w, end, "//"))
            return find_user(w, at);
        return find_named(w, mark, at, end);
    case '=':
        return find_named(w, mark, at, end);
    case '[':
        return find_listed(w, end);
    case '-':
        if (dashes)
            return find_dashes(w, at);
        if (at >= 7 && memcmp(w->text.data + at - 7, "Private", 7) == 0)
            return find_pem(w, end); /* a key file of PuTTY */
        return find_lead(w, mark, at, end);
    case 'i':
        return find_lead(w, 'a', at - 2, at - 1);
    case 'b':
        return find_scheme(w, at);
    case 'B':
        return find_scheme(w, at) || find_lead(w, mark, at, end);
    default:
        return false;
    }
}

/* Looks at a mark, which may be escaped. */
static bool look_at_mark(struct llmobs_mask_walk *w, size_t at)
{
    size_t end = at;
    char mark = w->text.data[at];

    if (w->kind == LLMOBS_MASK_BEARER)
        return (mark | 0x20) == 'b' && find_scheme(w, at);
    if (mark == '\\' && (at + 1 == w->text.len || w->text.data[at + 1] != 'u'))
        return false;
    if (mark == '%')
        mark = llmobs_chars_percent(w->text, at, &end);
    else
        mark = llmobs_chars_next(w->text, &end);
    while (at > 0 && w->text.data[at] == '\\' && w->text.data[at - 1] == '\\')
        at--;
    return mark && look_around(w, mark, at, end);
}

static unsigned bits_of(llmobs_json_block marks)
{
#ifdef __SSE2__
    return (unsigned)_mm_movemask_epi8((__m128i)marks);
#else
    unsigned bits = 0;

    for (size_t i = 0; i < sizeof(marks); i++)
        bits |= marks[i] ? 1u << i : 0;
    return bits;
#endif
}

#define BLOCK sizeof(llmobs_json_block)

/* Marks those of sixteen bytes that need a look; `data` has one more byte
 * before them. A text has many of some marks; a neighbour rules most of these
 * out: the colons of members, which members.h has seen, and letters that only a
 * key has beside one another. Two marks that differ in one bit cost one
 * comparison. */
static inline unsigned mark_block(const char *data, bool lax)
{
    llmobs_json_block last, b, eight, marks;

    memcpy(&last, data, BLOCK);
    memcpy(&b, data + 1, BLOCK);
    marks = b == ':';
    if (lax)
        marks |= b == 'b';
    else
        marks &= last != '"';
    eight = b | 8;
    marks |= (eight == '-') /* or '%' */ | (b == '=') | ((b | 4) == '_');
    marks |= (eight == '\\') /* or 'T' */ | (b == '.');
    marks |= (eight == 'J') /* or 'B' */ | (b == 'I');
    return bits_of(marks | ((b == 'i') & (last == 'p')));
}

/* The marks of the two blocks at `base`, at either end of the text. */
static __attribute__((noinline)) unsigned edge_marks(
    const struct llmobs_mask_walk *w, size_t base)
{
    size_t before = base > 0, left = w->text.len - base;
    char edge[2 * BLOCK + 1] = {0};

    left = left < 2 * BLOCK ? left : 2 * BLOCK;
    memcpy(edge + 1 - before, w->text.data + base - before, before + left);
    return mark_block(edge, is_lax(w)) | mark_block(edge + BLOCK, is_lax(w))
                                             << BLOCK;
}

/* Reads on to bytes with marks; false: no marks follow. */
static inline bool read_marks(struct llmobs_mask_walk *w, bool lax)
{
    const char *data = w->text.data;
    size_t at = w->next, len = w->text.len;
    unsigned marks = w->marks;

    while (!marks && at < len) {
        if (at > 0 && len - at >= 2 * BLOCK)
            marks = mark_block(data + at - 1, lax) |
                    mark_block(data + at - 1 + BLOCK, lax) << BLOCK;
        else
            marks = edge_marks(w, at);
        w->base = at;
        at += 2 * BLOCK;
    }
    w->marks = marks;
    w->next = at;
    return marks != 0;
}

/* False for most marks that lead to no secret. They are ruled out here, without
 * a call, as one byte in fifty of a text is such a mark. */
static inline bool may_count(struct llmobs_mask_walk *w, size_t at)
{
    const char *text = w->text.data + at;
    char next = at + 1 < w->text.len ? text[1] : '\0';

    switch (*text) {
    case ':':
        if (is_lax(w) && next == '/')
            return true;
        if (!is_lax(w) && llmobs_repeat_is_line(w->text, at)) {
            (void)llmobs_repeat_line(&w->repeat, w->text, at);
            return false;
        }
        /* fall through */
    case '=':
        return at > 0 && (!llmobs_mask_is_alnum(text[-1]) ||
                          llmobs_names_may_be(text, at));
    case '-':
        if (next == '-' || next == '\\' || next == 'L')
            return at == 0 || text[-1] != '-';
        /* fall through */
    case '_':
    case '.':
        return at > 1 && llmobs_leads_may_be(*text, text - 2) &&
               (llmobs_mask_is_alnum(next) || next == '*');
    case '[':
        return next != '\0' && strchr("\"\\ \n", next);
    case '\\':
        return next == 'u';
    case '%':
        return next == '2' || next == '3' || next == '5';
    case 'I':
        return next == 'A' || next == 'z';
    case 'J':
        return at > 0 && text[-1] == 'y';
    case 'T':
        return next == 'T' && at > 2 && text[-1] == 'A' && text[-2] == 'T';
    case 'i':
        return at > 2 && text[-2] == 'a' && text[-3] == 'd';
    default:
        return at + 3 < w->text.len &&
               (((next | 0x20) == 'e' && (text[2] | 0x20) == 'a' &&
                 (text[3] | 0x20) == 'r') ||
                ((next | 0x20) == 'a' && (text[2] | 0x20) == 's') ||
                (next == 'S' && at > 0 && text[-1] == 'A'));
    }
}

bool llmobs_mask_next(struct llmobs_mask_walk *w)
{
    if (w->key && find_key_line(w))
        return true;
    while (is_lax(w) ? read_marks(w, true) : read_marks(w, false)) {
        size_t at = w->base + (size_t)__builtin_ctz(w->marks);

        w->marks &= w->marks - 1;
        if (at < w->repeat.next) {
            w->marks = 0;
            w->next = w->repeat.next;
        } else if (at >= w->done && may_count(w, at) && look_at_mark(w, at)) {
            llmobs_repeat_forget(&w->repeat);
            return true;
        }
    }
    return false;
}

bool llmobs_mask_is_plain(const char *word)
{
    struct llmobs_mask_walk w = {.text = llmobs_text_of(word)};

    for (size_t at = 0; at < w.text.len; at++) {
        char c = word[at];

        if (llmobs_mask_is_alnum(c) && c != 'B' && c != 'I' && c != 'J' &&
            c != 'T' && c != 'i')
            continue;
        if (!strchr("-_.BIJTi", c) || may_count(&w, at))
            return false;
    }
    return true;
}

/* -- copies -------------------------------------------------------------- */

/* Adds as much of the text as there is room for. */
static int add_plain(const char *text, size_t len, struct llmobs_buf *out)
{
    size_t room = out->max - out->len;
    int rc = llmobs_buf_add(out, text, len < room ? len : room);

    return !rc && len > room ? -EFBIG : rc;
}

static int mask_text(const char *text, enum llmobs_mask_kind kind,
                     struct llmobs_buf *out)
{
    struct llmobs_mask_walk w = {{text, strlen(text)}, .kind = kind};
    size_t at = 0;
    int rc = 0;

    if (!llmobs_work_do(w.text.len * MASK_WORK))
        return -ENOMEM;
    while (!rc && llmobs_mask_next(&w)) {
        rc = add_plain(text + at, w.from - at, out);
        if (!rc)
            rc = llmobs_buf_adds(out, "***");
        at = w.from + w.len;
        /* The value of a header may hold several secrets, so no character
         * stays. */
        if (!rc && !w.whole && w.len >= KEEP_FROM &&
            !memchr(text + w.from, ' ', w.len))
            rc = llmobs_buf_add(out, text + at - KEEP, KEEP);
    }
    return rc ? rc : add_plain(text + at, w.text.len - at, out);
}

int llmobs_mask_text(const char *text, struct llmobs_buf *out)
{
    size_t at = out->len;
    int rc = mask_text(text, LLMOBS_MASK_ERROR, out);

    llmobs_shapes_mask(out, at, true);
    return rc;
}

int llmobs_mask_body(const char *text, struct llmobs_buf *out)
{
    return mask_text(text, LLMOBS_MASK_BODY, out);
}
