/* layout - the columns of a table: which there are, and how wide each is.
 *
 * Owns:    nothing.
 * Threads: any.
 * Errors:  none.
 * Limits:  a fitted row is never wider than the screen, however narrow that is.
 */
#ifndef LLMOBS_SHOW_LAYOUT_H
#define LLMOBS_SHOW_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

enum llmobs_layout_column {
    LLMOBS_COLUMN_TIME, /* of a list only */
    LLMOBS_COLUMN_LETTER,
    LLMOBS_COLUMN_NAME,
    LLMOBS_COLUMN_KIND,
    LLMOBS_COLUMN_MODEL,
    LLMOBS_COLUMN_TOKENS, /* fitted: both of the next two */
    LLMOBS_COLUMN_IN,
    LLMOBS_COLUMN_OUT,
    LLMOBS_COLUMN_DURATION,
    LLMOBS_COLUMN_FIRST,
    LLMOBS_COLUMN_COST,
    LLMOBS_COLUMN_STATUS,
    LLMOBS_COLUMN_TRACE, /* of a list only */
    LLMOBS_COLUMN_QUESTION,
    LLMOBS_COLUMN_COUNT
};

struct llmobs_layout {
    size_t columns; /* of the screen; 0: any number, all is shown as it is */
    bool shown[LLMOBS_COLUMN_COUNT];
    size_t width[LLMOBS_COLUMN_COUNT];
};

/* The columns of a screen from which on there is more to see. */
#define LLMOBS_LAYOUT_FIRST 100
#define LLMOBS_LAYOUT_KIND 120
#define LLMOBS_LAYOUT_COST 140

/* Chooses the columns of a list, or of a tree. */
void llmobs_layout_init(struct llmobs_layout *layout, bool list,
                        size_t columns);

/* Notes that a cell wants `width` columns. */
void llmobs_layout_want(struct llmobs_layout *layout,
                        enum llmobs_layout_column column, size_t width);

/* Shares the screen among the columns; the least needed ones are left out where
 * it is too narrow. */
void llmobs_layout_fit(struct llmobs_layout *layout);

/* The columns of the screen before a column's cell, and behind it up to the
 * next one. */
size_t llmobs_layout_before(const struct llmobs_layout *layout,
                            enum llmobs_layout_column column);
/* The columns of the screen before a question, which is as long as it likes. */
size_t llmobs_layout_end(const struct llmobs_layout *layout);
size_t llmobs_layout_gap(const struct llmobs_layout *layout,
                         enum llmobs_layout_column column);

const char *llmobs_layout_title(enum llmobs_layout_column column);
bool llmobs_layout_right(
    enum llmobs_layout_column column); /* its cells stand there */

#endif
