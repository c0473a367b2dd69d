/* regex - extended regular expressions, in bounded time and memory.
 *
 * The syntax is that of `grep -E`: . [] [^] [[:alpha:]] () | * + ? {m,n} ^ $,
 * with \d \w \s \b and their opposites, and (?i) at the beginning for any case;
 * no references back. Lines count: ^ and $ stand at their ends, which neither
 * . nor [^] match. Of the matches at one place the longest is found, of all
 * that overlap the leftmost. Text is bytes; brackets hold ASCII.
 *
 * Owns:    a regex owns its programs; a dfa what it has learnt of one.
 * Threads: a regex: any, it is constant; a dfa: one at a time.
 * Errors:  new: -EINVAL with the reason, -ENOMEM; find: -ENOMEM, or -E2BIG
 *          where a hostile text or pattern would take too long.
 * Limits:  LLMOBS_REGEX_LEN bytes of a pattern, LLMOBS_REGEX_SIZE instructions
 *          of its program, LLMOBS_REGEX_STATES states at once, and steps in
 *          proportion to all texts of one memory together.
 */
#ifndef LLMOBS_REGEX_H
#define LLMOBS_REGEX_H

#include <stdint.h>

#include "core/base/buf.h"

#define LLMOBS_REGEX_LEN 512
#define LLMOBS_REGEX_SIZE 3000
#define LLMOBS_REGEX_STATES 1024

struct llmobs_regex;

/* What searches have learnt of one regex, for the next ones; all zero at
 * first. */
struct llmobs_regex_memory {
    struct llmobs_dfa *ahead;
    struct llmobs_dfa *back;
};

/* Where a match is. */
struct llmobs_found {
    size_t start;
    size_t len;
    size_t what; /* the caller's */
};

/* A growing list; all zero at first, freed by its owner. */
struct llmobs_founds {
    struct llmobs_found *list;
    size_t count;
    size_t cap;
};

/* Gives a regex. A pattern that matches the empty text is refused. `why` is
 * static. */
int llmobs_regex_new(struct llmobs_text pattern, struct llmobs_regex **out,
                     const char **why);
void llmobs_regex_free(struct llmobs_regex *regex);

int llmobs_founds_add(struct llmobs_founds *founds, size_t start, size_t len,
                      size_t what);

/* Adds all matches of the text, none of which overlap. */
int llmobs_regex_find(const struct llmobs_regex *regex,
                      struct llmobs_regex_memory *memory,
                      struct llmobs_text text, size_t what,
                      struct llmobs_founds *founds);
void llmobs_regex_forget(struct llmobs_regex_memory *memory);

#endif
