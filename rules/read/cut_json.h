/* cut_json - finding a few values in JSON text that is cut at one end or both.
 *
 * Owns:    nothing; values that are given belong to the caller.
 * Threads: any; no state.
 * Errors:  NULL or false where nothing is found or memory is short.
 * Limits:  one pass over the text for each question; no recursion. _last
 *          looks at SCAN_TRIES_MAX places and values of SCAN_VALUE_MAX bytes.
 * Fork:    nothing to do.
 *
 * Used only for bodies beyond the capture limit (WIRE 2.4, 8.4): the
 * answers are what a reader would guess, not what a parser would prove.
 */
#ifndef LLMOBS_CUT_JSON_H
#define LLMOBS_CUT_JSON_H

#include "core/text/json.h"

/* The value of `key` one level below the document's start, where `head` is
 * the document's beginning; only one that is there whole. Gives it. */
struct llmobs_json *llmobs_cut_json_first(struct llmobs_text head,
                                          const char *key);

/* The last value of `key` at any level that is there whole and not null. Gives
 * it. */
struct llmobs_json *llmobs_cut_json_last(struct llmobs_text tail,
                                         const char *key);

/* An object with those of `keys` (NULL-terminated, NULL: none) that stand one
 * level below the document, whose beginning and end are given. Gives it; NULL
 * without memory. */
struct llmobs_json *llmobs_cut_json_object(struct llmobs_text head,
                                           struct llmobs_text tail,
                                           const char *const *keys);

/* True when `key` stands one level below the document. */
bool llmobs_cut_json_has(struct llmobs_text head, struct llmobs_text tail,
                         const char *key);

#endif
