/* names - says by a name whether its value is a credential.
 *
 * A name may be that of a member, a header, a parameter, a line of YAML. It is
 * split into words at changes of case, at digits and at all that is no letter,
 * and judged by its last words: "apiKey2", "X-API-KEY", "OPENAI_API_KEY" and
 * "encoded_api_key" are keys; "max_tokens", "prompt_cache_key", "key_points"
 * and "author" are none. docs/SECRETS.md lists the words;
 * credential_fields.h has the fields that providers document.
 *
 * Threads: any.
 * Errors:  none: the first letters of a name do not count beyond
 *          LLMOBS_NAMES_LETTERS letters or LLMOBS_NAMES_WORDS words.
 */
#ifndef LLMOBS_NAMES_H
#define LLMOBS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#define LLMOBS_NAMES_LETTERS 64
#define LLMOBS_NAMES_WORDS 8

enum llmobs_named {
    LLMOBS_NAMED_NOT,
    LLMOBS_NAMED_PAIR,    /* "name": another member may be its value */
    LLMOBS_NAMED_LINK,    /* the path of the URL may have a key */
    LLMOBS_NAMED_SERVERS, /* so may that of each URL below */
    LLMOBS_NAMED_HEADERS, /* each value below is one */
    LLMOBS_NAMED_PUSH,    /* below, the doubtful names count */
    LLMOBS_NAMED_PARAM,   /* a credential as a parameter of a URL alone */
    LLMOBS_NAMED_WEAK,    /* one if it looks like one: "key", "token" */
    LLMOBS_NAMED_SECRET,
    LLMOBS_NAMED_LINE /* so is the rest of a header's line: "Cookie" */
};

/* `name` has no escapes. Each part between the brackets of a form's name counts
 * by itself: "user[password]". */
enum llmobs_named llmobs_names_judge(const char *name, size_t len);

/* The same for a word behind a blank, "api key": a word that is no known one
 * leaves a doubt. */
enum llmobs_named llmobs_names_judge_words(const char *name, size_t len);

/* False for most names that are none, by their last letters; also true where
 * these are no letters. */
bool llmobs_names_may_be(const char *end, size_t len);

#endif
