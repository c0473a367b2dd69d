/* load - reads the rows that a view shows from a store.
 *
 * Owns:    the rows, their texts and the evaluations, until fini.
 * Threads: one.
 * Errors:  -errno of the directory, -ENOMEM.
 * Limits:  memory: some 400 bytes a span.
 *
 * A window of the newest traces is found from the store's end: the first walk
 * goes backwards until enough traces have a span that the filter selects; the
 * second walk reads all spans of these traces, in the files that were written
 * to since the oldest of the traces began.
 */
#ifndef LLMOBS_QUERY_LOAD_H
#define LLMOBS_QUERY_LOAD_H

#include "cli/query/prices.h"
#include "cli/query/evaluations.h"
#include "cli/query/filter.h"
#include "cli/query/forest.h"
#include "cli/query/row.h"
#include "cli/shared/reader.h"
#include "lib/text/json_series.h"

struct llmobs_load {
    /* The caller sets these; all else is zero at first. */
    struct llmobs_filter *filter; /* borrowed */
    enum llmobs_row_parts parts;  /* of wanted rows */
    struct llmobs_prices *prices; /* borrowed; NULL: no cost is estimated */
    bool tree;     /* reads also the ids of spans between wanted spans */
    bool bare;     /* nobody asks which spans the evaluations are of */
    bool paths;    /* with `tree`: also shows the spans above wanted spans */
    size_t newest; /* how many traces, or spans, to read; 0: all */

    struct llmobs_json_series series; /* of lines that are cut */
    size_t misses;                    /* lines that were not alike, in turn */
    struct llmobs_json *event;        /* of the last line that is not */
    struct llmobs_buf line;

    struct llmobs_texts texts;
    struct llmobs_forest forest;
    struct llmobs_evaluations evaluations;
    size_t events; /* spans that were met */
    size_t shown;  /* spans that the filter selects */
    size_t bad;    /* lines that are neither span nor evaluation */
    bool more;     /* there are more traces than `newest` */
};

void llmobs_load_fini(struct llmobs_load *load);

/* Reads the rows of traces, and orders them. Borrows the reader, which can read
 * the rows' lines again. */
int llmobs_load_rows(struct llmobs_load *load, struct llmobs_reader *reader);

/* Reads the evaluations alone, but those in files that were last written before
 * `since_ns`, a wall time. */
int llmobs_load_evaluations(struct llmobs_load *load,
                            struct llmobs_reader *reader, int64_t since_ns);

/* Finds the newest trace with a span that the filter selects. Gives its id, for
 * the caller to free; NULL: there is none. */
int llmobs_load_newest_trace(struct llmobs_filter *filter,
                             struct llmobs_reader *reader, char **trace);

/* The steps of llmobs_load_rows, for rows that come later: _add adds one span,
 * and _order orders all rows, as often as it is called. */
int llmobs_load_add(struct llmobs_load *load, const struct llmobs_json *event,
                    struct llmobs_place place);
int llmobs_load_order(struct llmobs_load *load, struct llmobs_reader *reader);

/* Parses a line that the filter may select, and gives its *event, which the
 * caller borrows until the next call, and which has what the parts of rows and
 * the filter need. *event is NULL where the filter excludes the line, or the
 * line is no JSON, which is counted. */
int llmobs_load_parse(struct llmobs_load *load, struct llmobs_text line,
                      struct llmobs_json **event);

/* Sets a key of a span's ids; NULL is an empty one. */
int llmobs_load_key(struct llmobs_buf *key, const char *trace,
                    const char *span);

/* True for an event that is a span. */
bool llmobs_load_is_span(const struct llmobs_json *event);

#endif
