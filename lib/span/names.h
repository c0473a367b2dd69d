/* names - says by a name whether its value is a credential.
 *
 * A name may be that of a member, a header, a parameter, a line of YAML. It is
 * split into words at changes of case, at digits and at all that is no letter,
 * and judged by its last words: "apiKey2", "X-API-KEY", "OPENAI_API_KEY" and
 * "encoded_api_key" are keys; "max_tokens", "prompt_cache_key", "key_points"
 * and "author" are not. docs/SECRETS.md lists the words; credential_fields.h
 * has the fields that providers document.
 *
 * Threads: any.
 * Errors:  none: of a longer name only the last LLMOBS_NAMES_LETTERS letters
 *          and LLMOBS_NAMES_WORDS words count.
 */
#ifndef LLMOBS_NAMES_H
#define LLMOBS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#define LLMOBS_NAMES_LETTERS 64
#define LLMOBS_NAMES_WORDS 8

enum llmobs_named {
    LLMOBS_NAMED_NOT,
    LLMOBS_NAMED_PAIR,    /* "name": another member may hold its value */
    LLMOBS_NAMED_LINK,    /* the URL's path may hold a key */
    LLMOBS_NAMED_SERVERS, /* the paths of all URLs below may */
    LLMOBS_NAMED_HEADERS, /* each value below is a credential */
    LLMOBS_NAMED_PUSH,    /* below it, the doubtful names count */
    LLMOBS_NAMED_PARAM,   /* a credential only as a parameter of a URL */
    LLMOBS_NAMED_WEAK,    /* if it looks like a key: "key", "token" */
    LLMOBS_NAMED_SECRET,
    LLMOBS_NAMED_LINE /* and the rest of a header's line: "Cookie" */
};

/* `name` has no escapes. Each part between the brackets of a form's name counts
 * by itself: "user[password]". */
enum llmobs_named llmobs_names_judge(const char *name, size_t len);

/* Like llmobs_names_judge, but for words with blanks between them, as in "api
 * key": an unknown word leaves a doubt. */
enum llmobs_named llmobs_names_judge_words(const char *name, size_t len);

/* False for most names that are no secret's, by their last letters; also true
 * where the last characters are not letters. */
bool llmobs_names_may_be(const char *end, size_t len);

#endif
