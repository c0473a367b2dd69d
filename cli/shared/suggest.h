/* suggest - finds the known word nearest to a mistyped word.
 *
 * Threads: any.
 * Limits:  words of LLMOBS_SUGGEST_MAX letters.
 */
#ifndef LLMOBS_SUGGEST_H
#define LLMOBS_SUGGEST_H

#include <stddef.h>

#define LLMOBS_SUGGEST_MAX 64

/* The search for the nearest word. */
struct llmobs_suggest {
    const char *typed;
    const char *best; /* NULL: no word is near */
    size_t distance;
};

void llmobs_suggest_init(struct llmobs_suggest *suggest, const char *typed);

/* Borrows `word`, and keeps it as `best` if no word before was nearer. At most
 * two letters, or a third of a short word, may be missing, be too many, differ,
 * or stand in the wrong order. Capitals and small letters are equal. */
void llmobs_suggest_offer(struct llmobs_suggest *suggest, const char *word);

/* Ends a line on stderr: "; did you mean BEST?"; if `best` is NULL, "; " and
 * `otherwise`. */
void llmobs_suggest_end(const char *best, const char *otherwise);

/* Ends a line about the options of a command: "; did you mean --BEST?"; if
 * `best` is NULL, with where the command's help is. */
void llmobs_suggest_option(const char *best, const char *command);

#endif
