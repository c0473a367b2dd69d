/* glob - matches a program against a list of patterns (LLMOBS_EXCLUDE).
 *
 * Commas separate the patterns; blanks around a pattern do not count. `*`
 * stands for any text, also with a '/' in it, `?` for one character, `[a-z]`
 * and `[!a-z]` for one character of a set, and a '[' without its end for
 * itself. A pattern with a '/' is matched against the whole path, any other
 * pattern against the part behind the last '/'.
 *
 * All is inline, as the shim may not call the core here.
 *
 * Threads: any.
 * Errors:  never fails.
 * Limits:  at worst one step for each pair of characters of pattern and path.
 */
#ifndef LLMOBS_GLOB_H
#define LLMOBS_GLOB_H

#include <stdbool.h>
#include <stddef.h>

struct llmobs_glob {
    const char *at;
    const char *end;
};

/* Steps over the set that begins at pattern->at, and tells whether `c` is in
 * it. Where the set has no end: false, and no step. */
static inline bool llmobs_glob_set(struct llmobs_glob *pattern, char c,
                                   bool *in)
{
    const char *at = pattern->at + 1;
    bool not = at < pattern->end && *at == '!';
    bool found = false;
    const char *first;

    at += not ;
    for (first = at; at < pattern->end && (*at != ']' || at == first); at++) {
        char from = *at, to = from;

        if (pattern->end - at > 2 && at[1] == '-' && at[2] != ']') {
            to = at[2];
            at += 2;
        }
        found |= c >= from && c <= to;
    }
    if (at >= pattern->end)
        return false;
    pattern->at = at + 1;
    *in = found != not ;
    return true;
}

/* Matches one character of the text against one of the pattern, and steps over
 * the latter where both match. */
static inline bool llmobs_glob_one(struct llmobs_glob *pattern, char c)
{
    bool in;

    if (pattern->at == pattern->end)
        return false;
    if (*pattern->at == '[' && llmobs_glob_set(pattern, c, &in))
        return in;
    if (*pattern->at != '?' && *pattern->at != c)
        return false;
    pattern->at++;
    return true;
}

/* Where the text does not match, the last `*` takes one character more and the
 * rest is tried again; earlier `*` need no second try. */
static inline bool llmobs_glob_match(struct llmobs_glob pattern,
                                     const char *text)
{
    const char *star = NULL, *retry = NULL;

    while (*text != '\0') {
        if (pattern.at < pattern.end && *pattern.at == '*') {
            star = ++pattern.at;
            retry = text;
        } else if (llmobs_glob_one(&pattern, *text)) {
            text++;
        } else if (star != NULL) {
            pattern.at = star;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (pattern.at < pattern.end && *pattern.at == '*')
        pattern.at++;
    return pattern.at == pattern.end;
}

static inline bool llmobs_glob_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Takes the first pattern off the list, without its blanks. */
static inline struct llmobs_glob llmobs_glob_next(const char **list)
{
    struct llmobs_glob pattern = {*list, *list};

    while (*pattern.end != '\0' && *pattern.end != ',')
        pattern.end++;
    *list = *pattern.end == ',' ? pattern.end + 1 : pattern.end;
    while (pattern.at < pattern.end && llmobs_glob_blank(*pattern.at))
        pattern.at++;
    while (pattern.end > pattern.at && llmobs_glob_blank(pattern.end[-1]))
        pattern.end--;
    return pattern;
}

/* True when a pattern of the list fits the program with that path. */
static inline bool llmobs_glob_listed(const char *list, const char *path)
{
    const char *base = path;

    for (const char *at = path; *at != '\0'; at++)
        if (*at == '/')
            base = at + 1;
    while (*list != '\0') {
        /* Most patterns begin with another letter. */
        bool may =
            *list < 'A' || *list == '[' || *list == *base || *list == *path;
        struct llmobs_glob pattern = llmobs_glob_next(&list);
        const char *at = pattern.at;

        if (!may)
            continue;
        while (at < pattern.end && *at != '/')
            at++;
        if (pattern.at < pattern.end &&
            llmobs_glob_match(pattern, at < pattern.end ? path : base))
            return true;
    }
    return false;
}

#endif
