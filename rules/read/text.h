/* text - small questions about borrowed texts.
 *
 * Threads: any; no state.
 * Errors:  never fails.
 * Limits:  one pass over the bytes, no recursion.
 */
#ifndef LLMOBS_RULES_TEXT_H
#define LLMOBS_RULES_TEXT_H

#include <string.h>

#include "lib/base/buf.h"

/* The text without its byte order mark and JSON's white space before its first
 * byte. */
struct llmobs_text llmobs_text_unblank(struct llmobs_text text);

/* The text without white space at both ends, Unicode's included (WIRE 6.7). */
struct llmobs_text llmobs_text_strip(struct llmobs_text text);

bool llmobs_text_ends(struct llmobs_text text, const char *suffix);

/* True if the text has the word, in upper or lower case of ASCII letters. */
bool llmobs_text_has_nocase(struct llmobs_text text, const char *word);

/* True where the text has one of the words. */
bool llmobs_text_has_any(struct llmobs_text text, const char *words);

/* False if the last bytes differ, which rules out most patterns of a list. */
static inline bool llmobs_text_may_match(struct llmobs_text text,
                                         struct llmobs_text pattern)
{
    char last = pattern.len > 0 ? pattern.data[pattern.len - 1] : '*';

    return last == '*' || (text.len > 0 && text.data[text.len - 1] == last);
}

/* '*' in the pattern stands for any bytes, even for none. */
bool llmobs_text_like(struct llmobs_text text, const char *pattern);
bool llmobs_text_matches(struct llmobs_text text, struct llmobs_text pattern);

/* At most `max` bytes of the text, cut between two characters. An incomplete
 * character at the end of the text is also cut off. */
struct llmobs_text llmobs_text_cut(struct llmobs_text text, size_t max);

/* True for UTF-8 text as people write it: no NUL, and no control characters
 * except white space. The last character may be incomplete. */
bool llmobs_text_readable(struct llmobs_text text);

/* Gives "[what: detail]", or "[what]" if `detail` is NULL, for data that is not
 * text; NULL when memory runs out. */
char *llmobs_text_word(const char *what, const char *detail);

#endif
