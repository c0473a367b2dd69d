/* texts - keeps the texts of many rows in a few blocks of memory.
 *
 * Owns:    its blocks, until fini; the texts live as long.
 * Threads: one.
 * Errors:  NULL when memory runs out; `failed` is set then, so that who keeps
 *          many texts looks there once, at the end.
 * Limits:  memory.
 */
#ifndef LLMOBS_TEXTS_H
#define LLMOBS_TEXTS_H

#include "lib/base/buf.h"

struct llmobs_texts {
    struct llmobs_texts_block *blocks; /* the newest first */
    const char **table;                /* the shared texts, by their hash */
    size_t count, cap;
    bool borrows; /* rows keep the texts of their event, which lives as long */
    bool failed;
};

void llmobs_texts_fini(struct llmobs_texts *texts);

/* Copies the text, also if an equal text is there. */
const char *llmobs_texts_copy(struct llmobs_texts *texts, const char *text,
                              size_t len);

/* One copy for all equal texts: for names, models, ids of traces. */
const char *llmobs_texts_share(struct llmobs_texts *texts, const char *text);

/* True where this text is shared. */
bool llmobs_texts_has(const struct llmobs_texts *texts, const char *text,
                      size_t len);

/* True where the text ends as the form does, in which a 0 is any digit, and has
 * more before that. */
bool llmobs_texts_end(const char *text, const char *form);

/* The length of a model's name without the date that it ends with: -2024-08-06,
 * -20240806, @20240806. */
size_t llmobs_texts_undated(const char *model);

/* The length of the text, up to `max` bytes and without a cut character. */
size_t llmobs_texts_cut(const char *text, size_t max);

#endif
