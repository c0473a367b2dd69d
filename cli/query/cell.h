/* cell - one value of a table, and its text as JSON, as CSV, for a terminal.
 *
 * Owns:    nothing; a cell borrows its text.
 * Threads: one; days and hours for a terminal are in the zone of TZ.
 * Errors:  -ENOMEM, -EFBIG of the buffer.
 * Limits:  LLMOBS_CELL_COLUMNS of a text on a terminal.
 *
 * An unknown value is null in JSON, nothing in CSV, "–" on a terminal: never 0.
 * A text that begins like a formula gets a ' before it in CSV, so that a
 * spreadsheet computes nothing that a stranger wrote.
 */
#ifndef LLMOBS_CELL_H
#define LLMOBS_CELL_H

#include <stdint.h>

#include "lib/base/buf.h"

#define LLMOBS_CELL_COLUMNS 40

enum llmobs_cell_kind {
    LLMOBS_CELL_UNKNOWN,
    LLMOBS_CELL_TEXT,
    LLMOBS_CELL_DRAWN, /* a text that is fit for a terminal, of any width */
    LLMOBS_CELL_COUNT,
    LLMOBS_CELL_LENGTH,  /* `whole` nanoseconds; JSON and CSV have seconds */
    LLMOBS_CELL_SECONDS, /* `real`; as a length on a terminal */
    LLMOBS_CELL_TIME,    /* `whole` nanoseconds since 1970; in ISO's form */
    LLMOBS_CELL_NUMBER,  /* `real` */
    LLMOBS_CELL_MONEY,   /* `real` dollars */
    LLMOBS_CELL_SHARE    /* `real`, of 1; percents on a terminal */
};

struct llmobs_cell {
    enum llmobs_cell_kind kind;
    const char *text;
    int64_t whole;
    double real;
};

/* Makers; NULL, a number below 0 and one that is not finite are unknown. */
struct llmobs_cell llmobs_cell_text(const char *text);
struct llmobs_cell llmobs_cell_drawn(const char *text);
struct llmobs_cell llmobs_cell_count(int64_t count);
struct llmobs_cell llmobs_cell_length(int64_t ns);
struct llmobs_cell llmobs_cell_time(int64_t wall_ns); /* 0: unknown */
struct llmobs_cell llmobs_cell_real(enum llmobs_cell_kind kind, double real);

#define LLMOBS_CELL_CLOCK 64

/* Writes a wall time in the zone of TZ, by a form of strftime; returns `room`,
 * or NULL for an unknown time. */
const char *llmobs_cell_clock(int64_t wall_ns, const char *form,
                              char room[LLMOBS_CELL_CLOCK]);

int llmobs_cell_add_json(struct llmobs_buf *out, struct llmobs_cell cell);

/* `terminal`: controls are escaped, as a terminal would obey them. */
int llmobs_cell_add_csv(struct llmobs_buf *out, struct llmobs_cell cell,
                        bool terminal);

/* `ascii`: only the cell's own text may have other characters than ASCII. */
int llmobs_cell_add_words(struct llmobs_buf *out, struct llmobs_cell cell,
                          bool ascii);

#endif
