#include "core/members.h"

#include <stdbool.h>
#include <string.h>

#define KEEP 4
#define KEEP_FROM 12

/* A text that is walked over. */
struct walk {
    char *data;
    size_t len;
    size_t at;
};

static const char *const whole[] = {"authorization", "proxyauthorization",
                                    "secret",        "credentials",
                                    "passphrase",    "passwd"};
static const char *const ends[] = {
    "apikey",      "accesskey",    "secretkey",      "privatekey",
    "accountkey",  "appkey",       "applicationkey", "subscriptionkey",
    "accesstoken", "refreshtoken", "idtoken",        "authtoken",
    "bearertoken", "sessiontoken", "securitytoken",  "clientsecret",
    "password"};

static bool is_secret(const char *name, size_t len)
{
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

static int peek(const struct walk *w)
{
    return w->at < w->len ? (unsigned char)w->data[w->at] : -1;
}

static bool skip(struct walk *w, char c)
{
    if (peek(w) != (unsigned char)c)
        return false;
    w->at++;
    return true;
}

static void skip_any(struct walk *w, const char *some)
{
    while (w->at < w->len && w->data[w->at] &&
           strchr(some, w->data[w->at]) != NULL)
        w->at++;
}

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The character of "u0041" behind its backslashes; -1: it is none of ASCII. */
static int read_unit(struct walk *w)
{
    int value = 0;

    if (w->len - w->at < 5)
        return -1;
    for (size_t i = 1; i < 5; i++) {
        int digit = hex_of(w->data[w->at + i]);

        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    w->at += 5;
    return value < 0x80 ? value : -1;
}

/* The next character of a name, whatever its escape; '"': its end; -1: it is no
 * name. JSON within a text has more backslashes. */
static int read_letter(struct walk *w)
{
    size_t before = w->at;
    int c;

    skip_any(w, "\\");
    c = peek(w);
    if (c == 'u' && w->at > before)
        return read_unit(w);
    if (c == '"' || w->at == before) {
        w->at++;
        return c;
    }
    return -1;
}

/* Moves behind the quote that a name's value begins with; false: what begins
 * here is no secret's name. */
static bool find_value(struct walk *w)
{
    char name[LLMOBS_MEMBERS_NAME_MAX];
    size_t len = 0;
    int c;

    while ((c = read_letter(w)) != '"') {
        bool letter = c >= 0 && ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');

        if (letter && len < sizeof(name))
            name[len++] = (char)(c | 0x20);
        else if (c <= 0 || letter || !strchr("-_. ", c))
            return false;
    }
    if (!is_secret(name, len))
        return false;
    skip_any(w, " \t\r\n");
    if (!skip(w, ':'))
        return false;
    skip_any(w, " \t\r\n\\");
    return skip(w, '"');
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

static void mask_value(struct walk *w)
{
    bool inner = w->at >= 2 && w->data[w->at - 2] == '\\';
    size_t end = value_end(w, inner), len = end - w->at;

    if (len >= KEEP_FROM && is_plain(w->data + w->at, len))
        len -= KEEP;
    memset(w->data + w->at, '*', len);
    w->at = end;
}

void llmobs_members_mask(char *data, size_t len)
{
    struct walk w = {data, len, 0};

    while (w.at < len) {
        char *quote = memchr(data + w.at, '"', len - w.at);
        size_t next;

        if (!quote)
            return;
        next = w.at = (size_t)(quote - data) + 1;
        if (find_value(&w))
            mask_value(&w);
        else
            w.at = next;
    }
}
