/* cut_json - finds a few values in JSON text that is cut at one end or both, or
 * that the program's thread may not parse.
 *
 * Owns:    nothing; the caller owns the values that it is given.
 * Threads: any; no state.
 * Errors:  NULL or false where nothing is found or memory runs out.
 * Limits:  one pass over the text for each question; no recursion. _last looks
 *          at SCAN_TRIES_MAX places, and at values of SCAN_VALUE_MAX bytes.
 *
 * Of bodies beyond the capture limit (WIRE 2.4, 8.4) no parser could prove the
 * answers, which are a careful guess.
 */
#ifndef LLMOBS_CUT_JSON_H
#define LLMOBS_CUT_JSON_H

#include "lib/text/json.h"

/* Gives the value of `key` one level below the start of the document, whose
 * beginning is `head`, as it is written; empty: it has none that is complete.
 * Allocates nothing; borrowed from `head`. */
struct llmobs_text llmobs_cut_json_text(struct llmobs_text head,
                                        const char *key);

/* The same, as a value. */
struct llmobs_json *llmobs_cut_json_first(struct llmobs_text head,
                                          const char *key);

/* Gives the last value of `key`, at any level, that is complete and not null.
 */
struct llmobs_json *llmobs_cut_json_last(struct llmobs_text tail,
                                         const char *key);

/* Gives an object with the members of `keys` (NULL: none) that stand one level
 * below the document that begins with `head` and ends with `tail`; NULL when
 * memory runs out. */
struct llmobs_json *llmobs_cut_json_object(struct llmobs_text head,
                                           struct llmobs_text tail,
                                           const char *keys);

/* True when `key` stands one level below the document. */
bool llmobs_cut_json_has(struct llmobs_text head, struct llmobs_text tail,
                         const char *key);

#endif
