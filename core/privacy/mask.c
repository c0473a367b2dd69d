#include "core/privacy/mask.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "core/base/work.h"

#define KEEP 4
#define OPAQUE_LEAST 20
#define OPAQUE_CHANGES 4
#define MASK_WORK 2 /* steps of work a byte */
#define KEEP_FROM 8
#define BRACKETS_MAX 64

/* The form of a secret: the text at its beginning, and the characters that it
 * consists of. */
struct pattern {
    const char *lead;
    bool any_case;
    bool inside_word;  /* the lead may follow a letter or digit */
    size_t least;      /* a secret has at least so many characters */
    const char *extra; /* secret characters besides letters and digits */
};

#define KEY_CHARS "-_*"
#define TOKEN_CHARS "-_*.~+/=:"

static const struct pattern patterns[] = {
    {"sk-", false, false, 4, KEY_CHARS},
    {"pk-", false, false, 12, KEY_CHARS},
    {"sk_", false, false, 12, KEY_CHARS},
    {"gsk_", false, false, 8, KEY_CHARS},
    {"xai-", false, false, 12, KEY_CHARS},
    {"pplx-", false, false, 12, KEY_CHARS},
    {"nvapi-", false, false, 12, KEY_CHARS},
    {"csk-", false, false, 12, KEY_CHARS},
    {"hf_", false, false, 12, KEY_CHARS},
    {"ghp_", false, false, 12, KEY_CHARS},
    {"github_pat_", false, false, 12, KEY_CHARS},
    {"AIza", false, false, 12, KEY_CHARS},
    {"ya29.", false, false, 12, TOKEN_CHARS},
    {"AKIA", false, false, 12, ""},
    {"ASIA", false, false, 12, ""},
    {"eyJ", false, false, 20, "-_."},
    {"xoxb-", false, false, 8, KEY_CHARS},
    {"xoxp-", false, false, 8, KEY_CHARS},
    {"glpat-", false, false, 8, KEY_CHARS},
    {"key provided: ", true, true, 4, TOKEN_CHARS},
};

/* The kind of a value, by the name before it. */
enum rank {
    WEAK,   /* perhaps a secret: masked in the text of an error alone */
    STRONG, /* a secret in any text */
    HEADER  /* a secret up to the end of its line */
};

struct name {
    const char *word; /* in any case; '_' stands for '_', '-' or nothing */
    enum rank rank;
    bool inside_word;
};

static const struct name names[] = {
    {"authorization", HEADER, true},
    {"cookie", HEADER, true},
    {"api_key", STRONG, true},
    {"access_key", STRONG, true},
    {"secret_key", STRONG, true},
    {"private_key", STRONG, true},
    {"access_token", STRONG, true},
    {"refresh_token", STRONG, true},
    {"auth_token", STRONG, true},
    {"id_token", STRONG, false},
    {"client_secret", STRONG, true},
    {"password", STRONG, true},
    {"passwd", STRONG, true},
    {"key", WEAK, true},
    {"token", WEAK, true},
    {"secret", WEAK, true},
    {"signature", WEAK, true},
    {"credential", WEAK, true},
    {"sig", WEAK, false},
};

#define PATTERNS (sizeof(patterns) / sizeof(*patterns))
#define NAMES (sizeof(names) / sizeof(*names))
_Static_assert(PATTERNS + NAMES < 63, "a bit for each");

#define BIT(n) (UINT64_C(1) << (n))
#define PATTERN_BITS (BIT(PATTERNS) - 1)
#define NAME_BITS ((BIT(NAMES) - 1) << PATTERNS)
#define SCHEME_BIT BIT(63) /* "Bearer", "Basic" */

/* The rows that may begin with a letter, in upper or lower case: a bit for each
 * pattern, and above these a bit for each name. The search asks at each byte of
 * each URL: of 39 rows some three are left. */
struct rows {
    uint64_t of[32];
    uint64_t inside_word;
};

static void find_rows(struct rows *rows)
{
    memset(rows, 0, sizeof(*rows));
    for (size_t i = 0; i < PATTERNS; i++) {
        rows->of[patterns[i].lead[0] & 31] |= BIT(i);
        rows->inside_word |= patterns[i].inside_word ? BIT(i) : 0;
    }
    for (size_t i = 0; i < NAMES; i++) {
        rows->of[names[i].word[0] & 31] |= BIT(PATTERNS + i);
        rows->inside_word |= names[i].inside_word ? BIT(PATTERNS + i) : 0;
    }
    rows->of['b' & 31] |= SCHEME_BIT;
}

static inline uint64_t rows_at(const struct rows *rows, const char *text,
                               bool in_word)
{
    char letter = (char)(*text | 0x20);

    if (letter < 'a' || letter > 'z')
        return 0;
    return rows->of[letter & 31] & (in_word ? rows->inside_word : UINT64_MAX);
}

/* Takes the first row out, and answers its number. */
static inline size_t next_row(uint64_t *bits)
{
    size_t row = (size_t)__builtin_ctzll(*bits);

    *bits &= *bits - 1;
    return row;
}

/* Length of the text up to the first of the stops. */
static size_t until(const char **end, const char *text, const char *stops)
{
    if (!*end || *end < text)
        *end = text + strcspn(text, stops);
    return (size_t)(*end - text);
}

static size_t secret_len(const char *text, const char *extra)
{
    size_t len = 0;

    while (text[len] &&
           (llmobs_mask_is_alnum(text[len]) || strchr(extra, text[len])))
        len++;
    /* A full stop or colon at the end belongs to the sentence. */
    while (len > 0 && (text[len - 1] == '.' || text[len - 1] == ':'))
        len--;
    return len;
}

/* The length of the secret behind one of these beginnings; 0: none. */
static size_t match_pattern(uint64_t left, const char *text, size_t *lead_len)
{
    left &= PATTERN_BITS;
    while (left) {
        const struct pattern *p = &patterns[next_row(&left)];
        size_t len = strlen(p->lead), secret;

        if (p->any_case ? strncasecmp(text, p->lead, len) != 0
                        : strncmp(text, p->lead, len) != 0)
            continue;
        secret = secret_len(text + len, p->extra);
        if (secret < p->least)
            continue;
        *lead_len = len;
        return secret;
    }
    return 0;
}

/* "Bearer abc", "bearer:  abc", "Basic YWJj". */
static size_t match_scheme(const char *text, size_t *lead_len)
{
    bool bearer = strncasecmp(text, "bearer", 6) == 0;
    size_t len, blanks, secret;

    if (!bearer && strncasecmp(text, "basic", 5) != 0)
        return 0;
    len = bearer ? 6 : 5;
    blanks = strspn(text + len, bearer ? " \t:" : " \t");
    secret = blanks ? secret_len(text + len + blanks, TOKEN_CHARS) : 0;
    *lead_len = len + blanks;
    return secret >= (bearer ? 4u : 12u) ? secret : 0;
}

/* Length of `word` at `text`; 0: it is not there. */
static size_t match_word(const char *text, const char *word)
{
    const char *at = text;

    for (; *word; word++) {
        if (*word == '_') {
            at += *at == '_' || *at == '-' || *at == ' ';
            continue;
        }
        if ((*at | 0x20) != *word)
            return 0;
        at++;
    }
    return (size_t)(at - text);
}

/* The length of a bracket, which a URL's coding may have made "%5B". */
static size_t match_bracket(const char *text, char bracket)
{
    if (*text == bracket)
        return 1;
    return strncasecmp(text, bracket == '[' ? "%5b" : "%5d", 3) == 0 ? 3 : 0;
}

/* The length of "[...]". */
static size_t match_brackets(const char *text)
{
    size_t at = match_bracket(text, '[');
    size_t most = at + BRACKETS_MAX, end = 0;

    if (!at)
        return 0;
    while (at < most && (llmobs_mask_is_alnum(text[at]) || text[at] == '_' ||
                         text[at] == '-'))
        at++;
    end = match_bracket(text + at, ']');
    return end ? at + end : 0;
}

/* The length of the brackets behind a part of a form's name, as in
 * "password[again]=" and "user[api_key]="; 0: no '=' follows them. */
static size_t match_form(const char *text)
{
    size_t at = match_bracket(text, ']'), more;

    while ((more = match_brackets(text + at)))
        at += more;
    return text[at] == '=' ? at : 0;
}

/* The length of the separator between a name and its value; 0: no value
 * follows.
 */
static size_t match_separator(const char *text, bool *equals)
{
    const char *at = text + match_form(text);

    at += *at == '\\';
    at += *at == '"' || *at == '\'';
    at += strspn(at, " \t");
    *equals = *at == '=' || strncasecmp(at, "%3d", 3) == 0;
    if (!*equals && *at != ':')
        return 0;
    at += *at == '%' ? 3 : 1;
    at += strspn(at, " \t");
    at += *at == '\\';
    at += *at == '"' || *at == '\'';
    return (size_t)(at - text);
}

static size_t match_value(const char *text, enum rank rank, bool equals,
                          struct llmobs_mask_ends *ends)
{
    size_t len = rank == HEADER
                     ? until(&ends->line, text, "\r\n\"\\")
                     : until(&ends->word, text, " \t\r\n\"'\\,;&)}]<>");

    return len >= (equals || rank != WEAK ? 1u : 4u) ? len : 0;
}

/* The length of the value of a parameter, member or header that is a secret by
 * its name; 0: none begins here. */
static size_t match_name(uint64_t left, const char *text, enum rank least,
                         struct llmobs_mask_ends *ends, size_t *lead_len)
{
    left = (left & NAME_BITS) >> PATTERNS;
    while (left) {
        const struct name *name = &names[next_row(&left)];
        size_t word, separator, value;
        bool equals;

        if (name->rank < least)
            continue;
        word = match_word(text, name->word);
        separator = word ? match_separator(text + word, &equals) : 0;
        if (!separator)
            continue;
        *lead_len = word + separator;
        value = match_value(text + *lead_len, name->rank, equals, ends);
        if (value)
            return value;
    }
    return 0;
}

static size_t match(const struct rows *rows, const char *text, bool in_word,
                    enum rank least, struct llmobs_mask_ends *ends,
                    size_t *lead_len)
{
    uint64_t left = rows_at(rows, text, in_word);
    size_t secret = match_pattern(left, text, lead_len);
    size_t beginning = 0, rest;

    if (!secret)
        secret = match_name(left, text, least, ends, lead_len);
    if (!secret)
        return left & SCHEME_BIT ? match_scheme(text, lead_len) : 0;
    /* A well-known beginning stays readable: it tells whose key it was. */
    text += *lead_len;
    rest = match_scheme(text, &beginning);
    if (!rest && match_pattern(rows_at(rows, text, false), text, &beginning) &&
        beginning < secret)
        rest = secret - beginning;
    if (rest) {
        *lead_len += beginning;
        secret = rest;
    }
    return secret;
}

/* True for "host:8080/path": an '@' behind it belongs to the path. */
static bool is_host_and_port(const char *text, size_t slash)
{
    const char *colon = memchr(text, ':', slash);

    return !colon ||
           colon + 1 + strspn(colon + 1, "0123456789") == text + slash;
}

/* Length of "user:password" behind "://" at `text`, 0: none. */
static size_t match_userinfo(const char *text, struct llmobs_mask_ends *ends)
{
    size_t len, slash;

    if (*text != ':' || strncmp(text, "://", 3) != 0)
        return 0;
    len = until(&ends->user, text + 3, "@?# \t\r\n\"'<>");
    if (text[3 + len] != '@')
        return 0;
    slash = strcspn(text + 3, "/@");
    return slash < len && is_host_and_port(text + 3, slash) ? 0 : len;
}

static int add_masked(const char *secret, size_t len, struct llmobs_buf *out)
{
    int rc = llmobs_buf_adds(out, "***");

    /* The value of a header may hold several secrets: no character stays. */
    if (!rc && len >= KEEP_FROM && !memchr(secret, ' ', len))
        rc = llmobs_buf_add(out, secret + len - KEEP, KEEP);
    return rc;
}

/* The length of the text here that begins no secret: most of a text. */
static size_t dull_len(const struct rows *rows, const char *text, bool *in_word)
{
    size_t len = 0;

    while (text[len] && text[len] != ':' &&
           !rows_at(rows, text + len, *in_word))
        *in_word = llmobs_mask_is_alnum(text[len++]);
    return len;
}

/* Adds as much of the text as there is room for. */
static int add_plain(const char *text, size_t len, struct llmobs_buf *out)
{
    size_t room = out->max - out->len;
    int rc = llmobs_buf_add(out, text, len < room ? len : room);

    return !rc && len > room ? -EFBIG : rc;
}

struct masking {
    struct rows rows;
    struct llmobs_mask_ends ends;
    enum rank least;
    bool in_word;
    bool user; /* the secret that was found is the user part of a URL */
};

/* Moves *text to the next secret, behind its beginning that stays, and answers
 * the secret's length; 0: there is none up to the end. */
static size_t find_next(struct masking *m, const char **text)
{
    for (;; m->in_word = llmobs_mask_is_alnum(*(*text)++)) {
        size_t lead = strlen("://"), len;

        *text += dull_len(&m->rows, *text, &m->in_word);
        if (!**text)
            return 0;
        len = match_userinfo(*text, &m->ends);
        m->user = len > 0;
        if (!m->user)
            len = match(&m->rows, *text, m->in_word, m->least, &m->ends, &lead);
        if (len) {
            *text += lead;
            return len;
        }
    }
}

static int kind_of(char c)
{
    if (c >= '0' && c <= '9')
        return 1;
    if (c >= 'A' && c <= 'Z')
        return 2;
    return c >= 'a' && c <= 'z' ? 3 : 0;
}

/* The characters of a part of a word, counted by kind. */
struct part {
    size_t len, changes;
    size_t digits, capitals, smalls;
};

/* Reads the part that begins here; '-' and '_' end it. */
static struct part read_part(const char *text, size_t len)
{
    struct part part = {0};
    int before = 0, kind;

    while (part.len < len && (kind = kind_of(text[part.len]))) {
        /* "Llama": a capital at the beginning of a word is no change. */
        part.changes += before && kind != before && !(before == 2 && kind == 3);
        part.digits += kind == 1;
        part.capitals += kind == 2;
        part.smalls += kind == 3;
        before = kind;
        part.len++;
    }
    return part;
}

/* True for a part that changes between kinds of characters more often than a
 * name: "Mixtral8x22B" changes four times. */
static bool is_random(const struct part *part)
{
    if (part->len >= 8 && part->changes >= 6 && part->digits &&
        part->capitals && part->smalls)
        return true;
    return part->digits > 1 && part->len >= 16 &&
           part->changes >= (part->len < OPAQUE_LEAST ? 5 : OPAQUE_CHANGES);
}

/* True for a part that changes often; a name has one such part at most:
 * "Qwen2VL7B". */
static bool is_doubtful(const struct part *part)
{
    return part->len >= 5 && part->changes >= 3 && part->capitals &&
           part->smalls;
}

/* True for a word that looks like a key. Judges each part by itself: those of
 * "qwen3-235b-a22b-2507-v1" change six times in all. */
static bool is_opaque(const char *text, size_t len)
{
    size_t doubtful = 0, at = 0;
    bool random = false;

    while (at < len) {
        struct part part = read_part(text + at, len - at);

        at += part.len + 1;
        random |= is_random(&part);
        doubtful += is_doubtful(&part);
    }
    return len >= OPAQUE_LEAST && (random || doubtful > 1);
}

static bool begins(const char *text, size_t len, const char *lead)
{
    size_t n = strlen(lead);

    return len > n && strncasecmp(text, lead, n) == 0;
}

/* True for an id by which a user asks a provider about a request or a limit:
 * "req_...", "org-...". */
static bool is_id(const char *text, size_t len)
{
    static const char *const leads[] = {"req",  "resp_", "msg_", "chatcmpl-",
                                        "run_", "call_", "org-", "proj_"};
    size_t lead = 0;

    while (lead < sizeof(leads) / sizeof(*leads) &&
           !begins(text, len, leads[lead]))
        lead++;
    return lead < sizeof(leads) / sizeof(*leads);
}

/* True for a UUID: in an error it is the id of a request; in a path it may be a
 * key. */
static bool is_uuid(const char *text, size_t len)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    size_t i = 0;

    while (i < len && len == strlen(form) &&
           (form[i] == 'x' ? llmobs_text_hex(text[i]) >= 0 : text[i] == '-'))
        i++;
    return i == strlen(form);
}

/* True for "token", "key" and the like: a value may follow them after a mere
 * blank. */
static bool is_name(const char *text, size_t len)
{
    static const char *const some[] = {"token", "key", "secret", "password",
                                       "credential"};

    for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++)
        if (strlen(some[i]) == len && strncasecmp(text, some[i], len) == 0)
            return true;
    return false;
}

/* True for a word with letters and digits. */
static bool is_mixed(const char *text, size_t len)
{
    size_t digits = 0, letters = 0;

    for (size_t i = 0; i < len; i++) {
        digits += kind_of(text[i]) == 1;
        letters += kind_of(text[i]) > 1;
    }
    return len >= KEEP_FROM && digits > 0 && letters > 0;
}

static bool is_word_byte(char c)
{
    return kind_of(c) || c == '-' || c == '_';
}

/* Decides whether a word is a secret: in the text of an error by its shape or
 * the word before it, in a URL by its shape alone. */
struct shape {
    bool error;
    bool named; /* the last word was a name */
};

static bool is_shaped(struct shape *shape, const char *text, size_t len)
{
    bool named = shape->named;

    shape->named = shape->error && is_name(text, len);
    if (named && is_mixed(text, len))
        return true;
    if (is_uuid(text, len))
        return !shape->error;
    return is_opaque(text, len) && !(shape->error && is_id(text, len));
}

static void mask_shapes(struct llmobs_buf *buf, size_t at, bool error)
{
    struct shape shape = {.error = error};
    size_t to = at;

    while (at < buf->len) {
        size_t len = 0, keep;

        while (at + len < buf->len && is_word_byte(buf->data[at + len]))
            len++;
        keep = len;
        if (len && is_shaped(&shape, buf->data + at, len)) {
            memset(buf->data + to, '*', 3);
            to += 3;
            keep = KEEP;
        }
        memmove(buf->data + to, buf->data + at + len - keep, keep);
        to += keep;
        at += len;
        if (at < buf->len) {
            shape.named &= strchr(" \t:\"'`", buf->data[at]) != NULL;
            buf->data[to++] = buf->data[at++];
        }
    }
    llmobs_buf_cut(buf, to);
}

void llmobs_mask_opaque(struct llmobs_buf *buf, size_t at)
{
    if (buf->data)
        mask_shapes(buf, at, false);
}

static int mask(const char *text, enum rank least, struct llmobs_buf *out)
{
    struct masking m = {.least = least};
    int rc;

    if (!llmobs_work_do(strlen(text) * MASK_WORK))
        return -ENOMEM;
    find_rows(&m.rows);
    do {
        const char *plain = text;
        size_t len = find_next(&m, &text);

        rc = add_plain(plain, (size_t)(text - plain), out);
        if (!rc && len)
            rc = m.user ? llmobs_buf_adds(out, "***")
                        : add_masked(text, len, out);
        text += len;
        m.in_word = !m.user;
    } while (*text && !rc);
    return rc;
}

int llmobs_mask_text(const char *text, struct llmobs_buf *out)
{
    size_t at = out->len;
    int rc = mask(text, WEAK, out);

    if (out->data)
        mask_shapes(out, at, true);
    return rc;
}

int llmobs_mask_body(const char *text, struct llmobs_buf *out)
{
    return mask(text, STRONG, out);
}

size_t llmobs_mask_find(const char *text, bool bearer,
                        struct llmobs_mask_walk *walk)
{
    struct rows rows;

    find_rows(&rows);
    for (;; ++walk->at) {
        bool in_word = walk->at > 0 && llmobs_mask_is_alnum(text[walk->at - 1]);
        size_t lead = 3, secret = 0;
        const char *here;

        walk->at += dull_len(&rows, text + walk->at, &in_word);
        here = text + walk->at;
        if (!*here)
            return 0;
        if (bearer)
            secret = in_word || (*here | 0x20) != 'b'
                         ? 0
                         : match_scheme(here, &lead);
        else if (!(secret = match_userinfo(here, &walk->ends)))
            secret = match(&rows, here, in_word, STRONG, &walk->ends, &lead);
        walk->at += secret ? lead : 0;
        if (secret)
            return secret;
    }
}
