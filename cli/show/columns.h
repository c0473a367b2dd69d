/* columns - the columns of spans for a person, in trees and lists: which there
 * are, what a row's cells say, and in which colours.
 *
 * Threads: any.
 * Errors:  -ENOMEM, -EFBIG; the buffer's `error` has the first one.
 *
 * A fact that is unknown is a dash, never 0.
 */
#ifndef LLMOBS_COLUMNS_H
#define LLMOBS_COLUMNS_H

#include "cli/query/forest.h"
#include "cli/query/row.h"
#include "cli/query/sheet.h"

/* The columns, from left to right: C(KEY, name, title, left, spare, least,
 * most, on). KEY is the fact whose value stands there, of those that a row has
 * (ROW and EITHER of keys.h); `name` and `title` are the column's, for two may
 * show one fact; a text has `most` characters, and `on` names the screens that
 * show it: p any width, as in a pipe; terminals: s less than 100 columns, m
 * less than 120, l less than 140, x wider. */
#define LLMOBS_COLUMNS(C)                                                     \
    C(START, TIME, "STARTED", true, TIME, 0, 0, "psmlx") /* of a list only */ \
    C(KIND, LETTER, "", true, STATUS, 0, 0, "sm")                             \
    C(NAME, NAME, "NAME", true, NEVER, 15, 40, "psmlx")                       \
    C(KIND, KIND, "KIND", true, TEXT, 0, 12, "plx")                           \
    C(MODEL, MODEL, "MODEL", true, TEXT, 8, 32, "psmlx")                      \
    C(INPUT, TOKENS, "IN/OUT", false, TOKENS, 0, 0, "smlx")                   \
    C(INPUT, IN, "TOKENS IN", false, NEVER, 0, 0, "p")                        \
    C(OUTPUT, OUT, "OUT", false, NEVER, 0, 0, "p")                            \
    C(DURATION, DURATION, "DURATION", false, TIME, 0, 0, "psmlx")             \
    C(FIRST_TOKEN, FIRST, "1ST TOKEN", false, FIRST, 0, 0, "pmlx")            \
    C(COST, COST, "COST", false, COST, 0, 0, "psmlx")                         \
    C(STATUS, STATUS, "STATUS", true, STATUS, 0, 5, "psmlx")                  \
    C(TRACE_ID, TRACE, "TRACE", true, DETAIL, 0, 39, "px") /* as TIME */      \
    C(QUESTION, QUESTION, "QUESTION", true, TEXT, 12, 0, "smlx")

#define LLMOBS_COLUMN_ID(key, name, ...) LLMOBS_COLUMN_##name,
enum llmobs_columns_name {
    LLMOBS_COLUMNS(LLMOBS_COLUMN_ID) LLMOBS_COLUMN_COUNT
};
#undef LLMOBS_COLUMN_ID

/* How rows are shown. */
struct llmobs_columns_style {
    bool list;    /* without branches */
    bool follows; /* more rows may come */
    size_t width; /* the screen's; 0: no limit, all is shown as it is */
    size_t depth; /* levels that are drawn */
};

/* Begins a sheet of the columns that the screen has room for. */
void llmobs_columns_init(struct llmobs_sheet *sheet,
                         const struct llmobs_screen *screen, bool list);

/* Shares the screen among the columns; the least needed ones are left out where
 * it is too narrow. A fitted row is never wider than the screen. */
void llmobs_columns_fit(struct llmobs_sheet *sheet);

/* Adds the text of a row's cell. */
void llmobs_columns_add(struct llmobs_buf *out, enum llmobs_columns_name column,
                        const struct llmobs_row *row,
                        const struct llmobs_columns_style *style);
enum llmobs_paint llmobs_columns_paint(
    enum llmobs_columns_name column, const struct llmobs_row *row,
    const struct llmobs_columns_style *style);

/* The columns of one level of a tree. */
#define LLMOBS_COLUMNS_BRANCH 3

/* Adds the branches of a row's own line, or the bars beside the lines below it.
 * At most `depth` levels are drawn; deeper rows stand below the last one. A
 * root has none, since its siblings are other trees. */
void llmobs_columns_branches(struct llmobs_buf *out,
                             const struct llmobs_row *row, bool own,
                             size_t depth);

/* Adds a wall time; `brief`: "13:04:05" for a time of today, "Nov 21 13:04:05"
 * for a time of this year. */
void llmobs_columns_time(struct llmobs_buf *out, int64_t ns, bool brief);

/* Adds what a run is: "report.sh  3 traces, 3 calls, 61/115 tokens, $0.012, 4.2
 * s". */
void llmobs_columns_run(struct llmobs_buf *out, const struct llmobs_run *run);

/* Adds the facts that have no column: "span 42, session s-7, 30 cached". Leaves
 * out unknown facts. */
void llmobs_columns_facts(struct llmobs_buf *out, const struct llmobs_row *row);

/* Adds the row's error as "type: message". */
void llmobs_columns_error(struct llmobs_buf *out, const struct llmobs_row *row);

#endif
