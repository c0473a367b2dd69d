#include "core/members.h"

#include <string.h>

#include "core/buf.h"

#define KEEP 4
#define KEEP_FROM 12
#define SHORTEST 6 /* "secret" */
/* Of a name, all of it escaped. */
#define NAME_BYTES ((size_t)LLMOBS_MEMBERS_NAME_MAX * 8)

/* A text that is walked over. */
struct walk {
    char *data;
    size_t len;
    size_t at;
};

static const char *const whole[] = {"authorization", "proxyauthorization",
                                    "secret",        "credentials",
                                    "passphrase",    "passwd",
                                    "cookie",        "setcookie"};
static const char *const ends[] = {
    "apikey",      "accesskey",    "secretkey",      "privatekey",
    "accountkey",  "appkey",       "applicationkey", "subscriptionkey",
    "accesstoken", "refreshtoken", "idtoken",        "authtoken",
    "bearertoken", "sessiontoken", "securitytoken",  "clientsecret",
    "password"};

bool llmobs_members_is_secret(const char *name, size_t len)
{
    /* Most names are none by their length or their last letter. */
    if (len < SHORTEST || !strchr("yntdse", name[len - 1]))
        return false;
    for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++)
        if (len == strlen(whole[i]) && memcmp(name, whole[i], len) == 0)
            return true;
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        size_t end = strlen(ends[i]);

        if (len >= end && memcmp(name + len - end, ends[i], end) == 0)
            return true;
    }
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static size_t skip_blanks(const struct walk *w, size_t at)
{
    while (at < w->len && is_blank(w->data[at]))
        at++;
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

/* The name between two quotes: its letters alone, small. JSON within a text has
 * more backslashes, also before the second quote. */
static bool is_secrets_name(const char *text, size_t len)
{
    char name[LLMOBS_MEMBERS_NAME_MAX];
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        bool escaped = text[i] == 'u' && i > 0 && text[i - 1] == '\\';
        char c = escaped ? llmobs_members_unit(text + i, len - i) : text[i];

        i += escaped ? 4 : 0;
        if (c != '\0' && strchr("\\-_. ", c))
            continue;
        c |= 0x20;
        if (c < 'a' || c > 'z' || n == sizeof(name))
            return false;
        name[n++] = c;
    }
    return llmobs_members_is_secret(name, n);
}

/* Where the value begins that stands behind the name which ends at the quote
 * `at`: behind the quote of a text, at the bracket of a list; 0: neither is
 * there. An object is left alone: the schema of a tool describes a parameter of
 * that name so. */
static size_t find_value(const struct walk *w, size_t at)
{
    at = skip_blanks(w, at + 1);
    if (at == w->len || w->data[at] != ':')
        return 0;
    at = skip_blanks(w, at + 1);
    if (at < w->len && w->data[at] == '[')
        return at;
    while (at < w->len && w->data[at] == '\\')
        at++;
    return at < w->len && w->data[at] == '"' ? at + 1 : 0;
}

/* Where the value ends. In JSON within a text (`inner`) the first backslash
 * that stands before a quote ends it. */
static size_t value_end(const struct walk *w, bool inner)
{
    size_t i = w->at;

    while (i < w->len && w->data[i] != '"') {
        if (w->data[i] == '\\' && inner && i + 1 < w->len &&
            w->data[i + 1] == '"')
            break;
        i += w->data[i] == '\\' && !inner ? 2 : 1;
    }
    return i < w->len ? i : w->len;
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

static void mask_value(struct walk *w)
{
    bool inner = w->data[w->at - 2] == '\\';
    size_t end = value_end(w, inner);

    llmobs_members_hide(w->data + w->at, end - w->at);
    w->at = end;
}

/* True where a colon follows the text that ends at the quote `at`. */
static bool is_name(const struct walk *w, size_t at)
{
    at = skip_blanks(w, at + 1);
    return at < w->len && w->data[at] == ':';
}

/* Masks the texts of a list, but the names in its objects. `at` stands at its
 * bracket, and behind its end afterwards. */
static void mask_list(struct walk *w)
{
    size_t depth = 0;

    for (; w->at < w->len; w->at++) {
        char c = w->data[w->at];
        struct walk text = *w;

        if (c == '[' || c == '{')
            depth++;
        if ((c == ']' || c == '}') && --depth == 0)
            break;
        if (c != '"')
            continue;
        text.at++;
        w->at = value_end(&text, w->data[w->at - 1] == '\\');
        w->at += w->at < w->len && w->data[w->at] == '\\';
        if (!is_name(w, w->at))
            mask_value(&text);
    }
    w->at++;
}

/* Masks the value that `at` stands at, and goes behind it. */
static void mask_any(struct walk *w)
{
    if (w->data[w->at - 1] != '"') {
        mask_list(w);
        return;
    }
    mask_value(w);
    w->at += w->at < w->len && w->data[w->at] == '\\';
    w->at++;
}

void llmobs_members_mask(char *data, size_t len)
{
    struct walk w = {data, len, 0};
    size_t begin = 0; /* of a possible name: behind the last quote; 0: none */

    while (w.at < len) {
        const char *quote = memchr(data + w.at, '"', len - w.at);
        size_t here = quote ? (size_t)(quote - data) : len;
        size_t value = 0;

        if (!quote)
            return;
        if (begin && here - begin >= SHORTEST && here - begin <= NAME_BYTES)
            value = find_value(&w, here);
        if (value && is_secrets_name(data + begin, here - begin)) {
            w.at = value;
            mask_any(&w);
            begin = 0;
        } else {
            begin = w.at = here + 1;
        }
    }
}
