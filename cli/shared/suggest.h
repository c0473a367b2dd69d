/* suggest - finds the word that somebody meant who mistyped it.
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

/* Borrows `word`: the best one so far is one of those that were offered. At
 * most two letters, or a third of a short word, may be missing, be too many,
 * differ, or stand in the wrong order; in either case of letters. */
void llmobs_suggest_offer(struct llmobs_suggest *suggest, const char *word);

/* Ends a line on stderr: "; did you mean BEST?", or where BEST is NULL "; " and
 * the other words. */
void llmobs_suggest_end(const char *best, const char *otherwise);

#endif
