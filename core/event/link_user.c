#include "core/event/link_user.h"

#include <string.h>

/* Where a walk through a document is. */
struct walk {
    const char *at, *end;
    int depth;
    bool within; /* "metadata" is the object open at depth 2 */
};

/* Gives the end of the string: a quote after an even number of backslashes;
 * without such a quote, the end of the document. */
static const char *end_of_string(const char *from, const char *end)
{
    for (const char *at = from; at < end; at++) {
        const char *quote = memchr(at, '"', (size_t)(end - at));

        if (!quote)
            break;
        for (at = quote; at > from && at[-1] == '\\';)
            at--;
        if ((quote - at) % 2 == 0)
            return quote;
        at = quote;
    }
    return end;
}

/* Reads the string that begins at the quote, and moves behind it. */
static struct llmobs_text read_quoted(struct walk *w)
{
    const char *from = w->at + 1;
    const char *to = end_of_string(from, w->end);

    w->at = to < w->end ? to + 1 : to;
    return (struct llmobs_text){from, (size_t)(to - from)};
}

static void skip_blanks(struct walk *w)
{
    while (w->at < w->end && strchr(" \t\r\n", *w->at) && *w->at)
        w->at++;
}

static bool names_user(const struct walk *w, struct llmobs_text key)
{
    if (w->depth == 2)
        return w->within && llmobs_text_is(key, "user_id");
    return w->depth == 1 && (llmobs_text_is(key, "user") ||
                             llmobs_text_is(key, "safety_identifier") ||
                             llmobs_text_is(key, "user_id"));
}

/* Reads a string; before a colon it is a key. */
static void read_member(struct walk *w, struct llmobs_siphash *out)
{
    struct llmobs_text key = read_quoted(w), value;
    bool user;

    skip_blanks(w);
    if (w->at == w->end || *w->at != ':')
        return;
    w->at++;
    skip_blanks(w);
    user = names_user(w, key);
    if (w->depth == 1)
        w->within = llmobs_text_is(key, "metadata");
    if (!user || w->at == w->end || *w->at != '"')
        return;
    value = read_quoted(w);
    llmobs_siphash_add(out, key.data, key.len);
    llmobs_siphash_add(out, "\0", 1);
    llmobs_siphash_add(out, value.data, value.len);
    llmobs_siphash_add(out, "\0", 1);
}

void llmobs_link_user_add(struct llmobs_text body, struct llmobs_siphash *out)
{
    struct walk w = {.at = body.data, .end = body.data + body.len};

    if (!body.data)
        return;
    while (w.at < w.end) {
        char c = *w.at;

        if (c == '"') {
            read_member(&w, out);
            continue;
        }
        w.depth += c == '{' || c == '[';
        w.depth -= c == '}' || c == ']';
        w.at++;
    }
}
