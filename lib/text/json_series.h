/* json_series - parses documents that are much alike, as the events of a stream
 * are, without a new tree for each.
 *
 * A document that differs from an earlier one in some strings and numbers alone
 * needs no tree of its own: the earlier document's tree gets the new values.
 * The series compares the bytes between the values, keys and brackets included;
 * any other document is parsed as usual. Both ways give the same tree.
 *
 * Owns:    the trees and a copy of their documents, from init to fini.
 * Threads: one at a time.
 * Errors:  those of llmobs_json_parse.
 * Limits:  remembers two documents of at most LLMOBS_JSON_SERIES_LEN bytes and
 *          LLMOBS_JSON_SERIES_VALUES strings and numbers; at most
 *          LLMOBS_JSON_SERIES_NEW of these may differ. Time is linear in the
 *          documents, and takes its steps from the budget (work.h).
 *
 * A tree of which the user of the series has shared a container
 * (llmobs_json_share) gets no new values before that share is freed: the series
 * remembers a second document for users who always share a part of the last
 * one. A tree that the user has changed gets no new values at all.
 */
#ifndef LLMOBS_JSON_SERIES_H
#define LLMOBS_JSON_SERIES_H

#include "lib/text/json.h"

#define LLMOBS_JSON_SERIES_LEN ((size_t)16 * 1024)
#define LLMOBS_JSON_SERIES_VALUES 128
#define LLMOBS_JSON_SERIES_NEW 24

struct llmobs_json_model;

/* The places in a tree that got other values. */
struct llmobs_json_changes {
    uint64_t tree; /* its number: a freed tree's address may be another's */
    size_t count;
    struct llmobs_json **places[LLMOBS_JSON_SERIES_NEW];
};

struct llmobs_json_series {
    struct llmobs_json_model *models[2]; /* the latest first; NULL: no model */
    struct llmobs_json *other; /* the last tree, of which no model is made */
    bool turns;                /* the older model was used last */
    /* If the last document differs from an earlier one only in strings and
     * numbers, and has its tree: which; else NULL. */
    const struct llmobs_json_changes *alike;
};

/* A series of all zeros is empty and ready. */
void llmobs_json_series_fini(struct llmobs_json_series *series);

/* Parses the next document. Its tree is borrowed until the next call, and must
 * not be changed. */
int llmobs_json_series_parse(struct llmobs_json_series *series,
                             struct llmobs_text text, struct llmobs_json **out);

/* Where `text` begins with a document that differs from the last one only where
 * that differed from the one before, and in no string has a raw line feed:
 * gives it to the tree, and answers its length; else 0. The text stays until
 * fini. */
size_t llmobs_json_series_again(struct llmobs_json_series *series,
                                struct llmobs_text text);

#endif
