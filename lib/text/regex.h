/* regex - compiles extended regular expressions, and finds their matches in a
 * text, in bounded time and memory.
 *
 * The syntax is that of `grep -E`: . [] [^] [[:alpha:]] () | * + ? {m,n} ^ $,
 * with \d \w \s \b and their opposites, and (?i) at the beginning for upper and
 * lower case alike; no references back. ^ and $ stand at the ends of lines, and
 * neither . nor [^] matches a line feed. Text is bytes; brackets hold ASCII.
 *
 * Of matches that begin at one place the search takes the longest, of matches
 * that overlap the leftmost.
 *
 * Owns:    a regex owns its program; a memory owns the room of the searches.
 * Threads: a regex is constant: any. A memory: one at a time.
 * Errors:  -EINVAL for a pattern, with the reason; -ENOMEM; -E2BIG where a
 *          hostile text or pattern would take too long.
 * Limits:  LLMOBS_REGEX_LEN bytes of a pattern, LLMOBS_REGEX_SIZE instructions
 *          of its program. The steps of all searches with one memory together
 *          are in proportion to their texts.
 */
#ifndef LLMOBS_REGEX_H
#define LLMOBS_REGEX_H

#include "lib/base/buf.h"

#define LLMOBS_REGEX_LEN 512
#define LLMOBS_REGEX_SIZE 3000
/* Steps of work (work.h) for each byte that the caller asks for before a
 * search. A pattern with many ways at once takes more; the search asks for
 * these. */
#define LLMOBS_REGEX_WORK 4

struct llmobs_regex;
struct llmobs_regex_room;

/* Searches with one regex keep their lists of states here, and the number of
 * steps that they may still take. All zero at first. */
struct llmobs_regex_memory {
    struct llmobs_regex_room *room;
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

/* Gives a regex. Refuses a pattern that matches the empty text. `why` is
 * static. */
int llmobs_regex_compile(struct llmobs_text pattern, struct llmobs_regex **out,
                         const char **why);
void llmobs_regex_free(struct llmobs_regex *regex);

/* Adds all matches of the text; they do not overlap. */
int llmobs_regex_find(const struct llmobs_regex *regex,
                      struct llmobs_regex_memory *memory,
                      struct llmobs_text text, size_t what,
                      struct llmobs_founds *founds);
void llmobs_regex_memory_free(struct llmobs_regex_memory *memory);

#endif
