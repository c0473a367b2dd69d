/* Masks credentials in URLs. */
#include "lib/span/links.h"

#include <stdbool.h>
#include <string.h>

#include "lib/span/chars.h"
#include "lib/span/hide.h"
#include "lib/span/names.h"
#include "lib/span/shapes.h"

#define PORT_MAX 5 /* digits of the longest port */
#define TOKEN 32   /* least bytes of a refresh token */

#define FOREIGN LLMOBS_CHARS_FOREIGN

enum part {
    USER, /* or the host: only an '@' tells which */
    PATH, /* up to the next parameter */
    NAME,
    VALUE /* of a parameter that is a secret */
};

struct walk {
    char *data;
    size_t len;
    size_t at;        /* behind the last character that was read */
    size_t here;      /* where that character begins */
    size_t slash;     /* where a slash may begin the next URL, if ahead */
    size_t percent;   /* where a coded slash may, if ahead */
    size_t backslash; /* where a backslash may, if ahead */
    /* The URL that is read: */
    enum part part;
    bool coded;   /* it lies in another URL, with its marks as %3A and %2F */
    size_t from;  /* where the user part or the value begins */
    size_t port;  /* behind the first colon of the user part; 0: no colon yet */
    bool digits;  /* only digits came behind that colon */
    size_t count; /* its letters; more than `name` holds: no known name */
    char name[LLMOBS_NAMES_LETTERS];
};

/* -- characters ---------------------------------------------------------- */

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* Reads the next character; '\0' at the end. */
static char read_char(struct walk *w)
{
    w->here = w->at;
    return llmobs_chars_next((struct llmobs_text){w->data, w->len}, &w->at);
}

/* Reads the next character of a URL. A mark of the outer URL ends an inner one.
 */
static char read_mark(struct walk *w)
{
    char c = read_char(w);
    int high, low;

    if (w->coded && (c == '&' || c == '#')) {
        w->coded = false;
        w->part = w->part == VALUE ? VALUE : PATH;
    }
    if (c != '%' || (!w->coded && (w->part == USER || w->part == VALUE)))
        return c;
    high = w->len - w->at >= 2 ? llmobs_text_hex(w->data[w->at]) : -1;
    low = high >= 0 ? llmobs_text_hex(w->data[w->at + 1]) : -1;
    if (low < 0)
        return c;
    w->at += 2;
    c = high > 7 ? FOREIGN : (char)(high * 16 + low);
    w->coded |= c && strchr(":?#&=", c);
    return is_alnum(c) || (c && strchr(":/?#&=@;[]_-.", c)) ? c : '%';
}

/* Moves behind two slashes; false: no two slashes stand here. */
static bool skip_slashes(struct walk *w)
{
    struct walk before = {.at = w->at, .coded = w->coded, .part = w->part};

    if (read_mark(w) == '/' && read_mark(w) == '/')
        return true;
    w->at = before.at;
    w->coded = before.coded;
    w->part = before.part;
    return false;
}

/* -- parts --------------------------------------------------------------- */

static void begin_user(struct walk *w)
{
    w->part = USER;
    w->from = w->at;
    w->port = 0;
    w->digits = true;
}

static void begin_name(struct walk *w)
{
    w->part = NAME;
    w->count = 0;
}

/* True for "host" and "host:8080", which cannot hold a password. */
static bool is_host(const struct walk *w)
{
    return !w->port || (w->digits && w->here > w->port);
}

static void step_in_user(struct walk *w, char c)
{
    if (c == '@') {
        /* The password itself may hold an '@': then another follows, and the
         * part between them is masked too. */
        memset(w->data + w->from, '*', w->here - w->from);
        begin_user(w);
        w->from = w->here;
    } else if (c == '?' || c == '#' || (is_host(w) && (c == ';' || c == '&'))) {
        begin_name(w);
    } else if ((is_host(w) && c == '/') || (!w->port && strchr(",|()[]", c))) {
        w->part = PATH;
    } else if (c == ':' && !w->port) {
        w->port = w->at;
    } else if (w->port) {
        w->digits &= c >= '0' && c <= '9';
    }
}

static void step_in_name(struct walk *w, char c)
{
    if (c == '=') {
        w->part =
            w->count <= sizeof(w->name) &&
                    llmobs_names_judge(w->name, w->count) >= LLMOBS_NAMED_PARAM
                ? VALUE
                : PATH;
        w->from = w->at;
    } else if (strchr("?#&;", c)) {
        begin_name(w);
    } else if (w->count < sizeof(w->name) &&
               (is_alnum(c) || strchr("-_.[]+", c))) {
        w->name[w->count++] = c;
    } else {
        w->count = sizeof(w->name) + 1;
    }
}

/* Masks a value; a full stop or bracket at its end belongs to the sentence. */
static void end_value(struct walk *w)
{
    size_t end = w->here;

    while (end > w->from && strchr(".,;:!)]}", w->data[end - 1]))
        end--;
    llmobs_hide_secret(w->data + w->from, end - w->from);
}

static void step_over(struct walk *w, char c)
{
    if (c == ':' && w->part != VALUE && skip_slashes(w)) {
        begin_user(w);
    } else if (w->part == USER) {
        step_in_user(w, c);
    } else if (w->part == NAME) {
        step_in_name(w, c);
    } else if (w->part == VALUE && (c == '&' || c == '#')) {
        end_value(w);
        begin_name(w);
    } else if (w->part == PATH && strchr("?#&;", c)) {
        begin_name(w);
    }
}

/* -- URLs ---------------------------------------------------------------- */

static bool is_end(const struct walk *w, char c)
{
    if (c == FOREIGN)
        return w->part != USER || is_host(w);
    return (unsigned char)c <= ' ' || strchr("\"'`<>", c);
}

static void mask_url(struct walk *w)
{
    char c;

    begin_user(w);
    while (!is_end(w, c = read_mark(w)))
        step_over(w, c);
    if (!c && w->at == w->len) {
        /* The bytes end within a URL: masks a value whole, and a user part
         * whose '@' may have been cut off. Backslashes at the end stay: they
         * may belong to a quote. */
        bool user = w->part == USER && w->port &&
                    (!w->digits || w->here - w->port > PORT_MAX);

        if (w->part == VALUE || user)
            memset(w->data + w->from, '*', w->here - w->from);
    } else if (w->part == VALUE)
        end_value(w);
}

/* True for a colon behind a scheme, and for a backslash before a \u unit, which
 * may stand for such a colon. */
static bool may_begin(const struct walk *w, size_t at)
{
    char before = at > 0 ? w->data[at - 1] : 'a';

    if (w->data[at] == '\\')
        return at + 1 < w->len && w->data[at + 1] == 'u';
    return is_alnum(before);
}

/* Masks a refresh token of Google's, "1//0" and what follows, whose second
 * slash is at `at`: mask.h looks at no slash. */
static void mask_token(const struct walk *w, size_t at)
{
    const struct llmobs_text text = {w->data, w->len};
    size_t before = ++at, from, end;
    char c;

    for (const char *lead = "//1"; *lead; lead++)
        if (llmobs_chars_last(text, &before) != *lead)
            return;
    if (is_alnum(llmobs_chars_last(text, &before)))
        return;
    for (from = end = ++at; (c = llmobs_chars_next(text, &at)) &&
                            (is_alnum(c) || strchr("-_*", c));)
        end = at;
    if (end - from >= TOKEN || end == w->len)
        llmobs_hide_secret(w->data + from, end - from);
}

/* Finds the next colon that may begin a URL and stands before `c`, a slash in
 * one of its forms; or a backslash that may stand for the colon. Notes it in
 * *known, so no byte is searched twice. JSON has more colons than slashes. */
static size_t find_colon(const struct walk *w, char c, size_t *known)
{
    size_t at = w->at;
    const char *there;

    if (*known > at)
        return *known;
    while ((there = memchr(w->data + at, c, w->len - at))) {
        at = (size_t)(there - w->data);
        if (at > w->at && there[-1] == ':' && may_begin(w, at - 1))
            return *known = at - 1;
        if (c == '/' && at + 1 < w->len && there[1] == '0')
            mask_token(w, at);
        if (c == '\\' && may_begin(w, at))
            return *known = at;
        at++;
    }
    return *known = w->len;
}

/* Moves behind the "://" of the next URL; false: no URL follows. */
static bool find_url(struct walk *w)
{
    w->part = PATH;
    w->coded = false;
    while (w->at < w->len) {
        size_t slash = find_colon(w, '/', &w->slash);
        size_t coded = find_colon(w, '%', &w->percent);
        size_t escaped = find_colon(w, '\\', &w->backslash);

        w->at = slash < coded ? slash : coded;
        w->at = w->at < escaped ? w->at : escaped;
        if (read_char(w) == ':' && skip_slashes(w))
            return true;
    }
    return false;
}

void llmobs_links_mask(char *data, size_t len,
                       const struct llmobs_repeat_runs *runs)
{
    struct walk w = {.data = data};
    size_t count = runs ? runs->count : 0;

    for (size_t i = 0; i <= count; i++) {
        w.len = i < count ? runs->list[i].from : len;
        if (find_url(&w)) {
            w = (struct walk){.data = data, .len = len};
            while (find_url(&w))
                mask_url(&w);
            return;
        }
        w = (struct walk){.data = data, .at = i < count ? runs->list[i].to : 0};
    }
}

void llmobs_links_mask_path(char *data, size_t len)
{
    const struct llmobs_text text = {data, len};
    size_t at = 0, from = 0, end, slashes = 0;
    char c;

    do {
        end = at;
        c = llmobs_chars_next(text, &at);
        if (c && !strchr("/?#\"", c))
            continue;
        if (slashes > 2 && llmobs_shapes_is_path_key(data + from, end - from))
            llmobs_hide_secret(data + from, end - from);
        slashes += c == '/';
        from = at;
    } while (c && !strchr("?#\"", c));
}
