/* mask - secrets in a text that leaves the process.
 *
 * Threads: any.
 * Errors:  -ENOMEM, also where no work is left (work.h).
 * Limits:  linear in the text; the result is never much longer than it.
 *
 * Masked are keys by their well-known beginnings (sk-, AIza, ...), what follows
 * "Bearer", values of parameters and headers whose name says key, token,
 * secret, password or signature, and the user part of a URL; in the text of an
 * error also what looks like a key, or stands behind one of these names. Of a
 * secret its last four characters stay, of one below eight characters nothing
 * (WIRE 8.2).
 */
#ifndef LLMOBS_MASK_H
#define LLMOBS_MASK_H

#include "core/base/buf.h"

/* Appends `text`, an error message, with its secrets masked. */
int llmobs_mask_text(const char *text, struct llmobs_buf *out);

/* The same for a body kept as text, where a name must leave no doubt:
 * "api_key" and "password", not any "key". */
int llmobs_mask_body(const char *text, struct llmobs_buf *out);

/* Masks, where they lie from `at` on, the words that look like keys and like no
 * name: of twenty characters or more, with a part between '-' and '_' that
 * alternates between digits and letters as words and dates do not. Also
 * UUIDs. */
void llmobs_mask_opaque(struct llmobs_buf *buf, size_t at);

/* Where what may be a value ended, by what ends it: the same for all beginnings
 * before there, so that a hostile text is not read to its end for each. */
struct llmobs_mask_ends {
    const char *user;
    const char *line;
    const char *word;
};

/* A walk over one text from its beginning; all zero at first. */
struct llmobs_mask_walk {
    size_t at;
    struct llmobs_mask_ends ends;
};

/* The next secret from walk->at on, by the rules for a body, or with `bearer`
 * by "Bearer" and "Basic" alone: its length, and its place in walk->at, which
 * the caller moves behind it; 0: none. */
size_t llmobs_mask_find(const char *text, bool bearer,
                        struct llmobs_mask_walk *walk);

static inline bool llmobs_mask_is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

#endif
