/* cost - the cost of one call and of many, in USD.
 *
 * Threads: any.
 * Errors:  none.
 *
 * An unknown cost is not 0: the caller shows it as "-", and a sum says for how
 * many calls the cost is known. Some calls lack the tokens that a cost is made
 * of; the tool says so, and how to have them.
 */
#ifndef LLMOBS_COST_H
#define LLMOBS_COST_H

#include "cli/query/prices.h"
#include "cli/query/row.h"

#define LLMOBS_COST_TEXT 48
#define LLMOBS_COST_NOTE 64

/* Estimates the cost of a call whose provider gave none. NULL prices are fine.
 */
void llmobs_cost_estimate(struct llmobs_row *row, struct llmobs_prices *prices);

/* Writes "estimated, prices of 2026-11-22", or "no prices known", to `room` and
 * returns it. Call this wherever an estimate is shown, after the last estimate
 * is made. */
const char *llmobs_cost_source(const struct llmobs_prices *prices,
                               char room[LLMOBS_COST_NOTE]);

/* Writes a cost as a person reads it, such as $0.012 or $1,204.50, to `room`
 * and returns it. Returns NULL if the cost is unknown. */
const char *llmobs_cost_text(double cost, char room[LLMOBS_COST_TEXT]);

/* Adds a comma before each group of three digits in the number at the beginning
 * of `room`, which must have space for the commas. */
void llmobs_cost_group(char *room);

/* The cost of some calls; all zero: of no call. */
struct llmobs_cost_sum {
    double known_cost; /* LLMOBS_COST_MAX: that or more */
    size_t known;      /* the number of calls that have a cost */
    bool any;          /* a call, or a span billed beside them, has a cost */
    size_t calls;
};

/* Adds a row if it is a call, or is billed without being a call. */
void llmobs_cost_add(struct llmobs_cost_sum *sum, const struct llmobs_row *row);

/* Writes "of 310 of 338 calls" to `room` if some calls have no cost, else "".
 * Returns `room`. */
const char *llmobs_cost_note(const struct llmobs_cost_sum *sum,
                             char room[LLMOBS_COST_NOTE]);

#define LLMOBS_LACK_NOTE 160
/* The end of the note, in the terminal and in the page. */
#define LLMOBS_LACK_REMEDY \
    ": OpenAI's API tells them with stream_options {\"include_usage\": true}"

/* The model calls that have no tokens; all zero: none. Nothing is estimated for
 * them. OpenAI's API ends a stream with its tokens where the request asks for
 * them (platform.openai.com/docs/api-reference/chat/create, stream_options). */
struct llmobs_lack {
    size_t calls;   /* of the kind llm, not failed, without any tokens */
    size_t streams; /* those of them that have a time to the first token */
};

/* Counts the row if it is a model call without tokens. */
void llmobs_lack_add(struct llmobs_lack *lack, const struct llmobs_row *row);

/* Writes "3 streamed calls told no tokens: ..." to `room`, or "3 calls told no
 * tokens" if no call was streamed, or "" if there is no such call. Returns
 * `room`. */
const char *llmobs_lack_note(const struct llmobs_lack *lack,
                             char room[LLMOBS_LACK_NOTE]);

#endif
