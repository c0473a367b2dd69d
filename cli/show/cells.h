/* cells - the facts of a row as short texts for a terminal.
 *
 * Threads: any.
 * Errors:  -ENOMEM, -EFBIG of the buffer.
 *
 * A fact that is unknown is a dash, never 0.
 */
#ifndef LLMOBS_CELLS_H
#define LLMOBS_CELLS_H

#include "cli/query/row.h"
#include "cli/shared/screen.h"

#define LLMOBS_CELLS_DASH "–"

/* A number as it is; -1: `dash`. */
int llmobs_cells_count(struct llmobs_buf *out, int64_t count, const char *dash);

/* Tokens in and out: "61/115", "12.3k/–"; nothing where both are unknown and
 * the span calls no model. */
int llmobs_cells_tokens(struct llmobs_buf *out, const struct llmobs_row *row);

/* A duration in the unit that a person would choose: "412 ms", "3 m 05 s". */
int llmobs_cells_duration(struct llmobs_buf *out, int64_t ns, const char *dash);
int llmobs_cells_first(struct llmobs_buf *out, const struct llmobs_row *row,
                       const char *dash);

/* A wall time; `brief`: "13:04:05" where it is of today, "Nov 21 13:04:05"
 * where it is of this year. */
int llmobs_cells_time(struct llmobs_buf *out, int64_t ns, bool brief);

/* The model's name; `brief`: without the date at its end. */
int llmobs_cells_model(struct llmobs_buf *out, const char *model, bool brief,
                       size_t columns);

/* The first words of the question in one line. */
int llmobs_cells_question(struct llmobs_buf *out, const struct llmobs_row *row,
                          size_t columns);

/* The facts that have no column: "span 42, session s-7, 30 cached". Those that
 * are unknown are left out. */
int llmobs_cells_facts(struct llmobs_buf *out, const struct llmobs_row *row);

/* "type: message". */
int llmobs_cells_error(struct llmobs_buf *out, const struct llmobs_row *row);

/* The sign of a kind of span, and its colour. */
char llmobs_cells_letter(const char *kind);
enum llmobs_paint llmobs_cells_paint(const char *kind);

#endif
