/* regex - finds the matches of a regular expression in a text, in bounded time
 * and memory.
 *
 * Of matches that begin at one place it takes the longest, of matches that
 * overlap the leftmost.
 *
 * Owns:    a memory owns all that its searches have learnt of one regex.
 * Threads: a memory: one at a time.
 * Errors:  -ENOMEM; -E2BIG where a hostile text or pattern would take too long.
 * Limits:  LLMOBS_REGEX_STATES states at once, and time in proportion to all
 *          texts of one memory together.
 */
#ifndef LLMOBS_REGEX_H
#define LLMOBS_REGEX_H

#include "lib/base/buf.h"

#define LLMOBS_REGEX_STATES 1024

struct llmobs_regex; /* regex_compile.h makes it */

/* The states that searches have learnt of one regex, for the next searches; all
 * zero at first. */
struct llmobs_regex_memory {
    struct llmobs_dfa *ahead;
    struct llmobs_dfa *back;
};

/* The place of a match. */
struct llmobs_found {
    size_t start;
    size_t len;
    size_t what; /* a number of the caller */
};

/* A growing list; all zero at first, freed by its owner. */
struct llmobs_founds {
    struct llmobs_found *list;
    size_t count;
    size_t cap;
};

int llmobs_founds_add(struct llmobs_founds *founds, size_t start, size_t len,
                      size_t what);

/* Adds all matches of the text; they do not overlap. */
int llmobs_regex_find(const struct llmobs_regex *regex,
                      struct llmobs_regex_memory *memory,
                      struct llmobs_text text, size_t what,
                      struct llmobs_founds *founds);
void llmobs_regex_forget(struct llmobs_regex_memory *memory);

#endif
