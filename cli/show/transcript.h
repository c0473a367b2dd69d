/* transcript - what was said in a call, below its row: the messages with their
 * tool calls, results and media, the documents and the values.
 *
 * Owns:    the event that it showed last, from init to fini.
 * Threads: one.
 * Errors:  -ENOMEM.
 * Limits:  no line is wider than the screen; `most` lines of each text.
 *
 * Lines that go to the model begin with >, those that come back with <.
 */
#ifndef LLMOBS_TRANSCRIPT_H
#define LLMOBS_TRANSCRIPT_H

#include "cli/query/filter.h"
#include "cli/query/row.h"
#include "cli/shared/screen.h"
#include "lib/text/json.h"

struct llmobs_transcript {
    /* The caller sets these. */
    const struct llmobs_screen *screen;
    struct llmobs_filter *filter; /* its pattern is underlined; may be NULL */
    size_t most;                  /* lines of a text; 0: all */
    bool repeat; /* also shows messages that the call before had */

    struct llmobs_json *before;         /* the last event that had messages */
    uint32_t family;                    /* of that event's row */
    const struct llmobs_json *messages; /* while printing: of the side */
    size_t at;                          /* and which of them */
    const char *bars;                   /* left of each line */
    const char *label;                  /* the next line's; NULL: none */
    char side;                          /* > or < */
    enum llmobs_paint paint;            /* the colour of the text */
};

void llmobs_transcript_fini(struct llmobs_transcript *transcript);

/* Prints a row's event, which it takes. `bars` stand to the left. */
int llmobs_transcript_print(struct llmobs_transcript *transcript,
                            const struct llmobs_row *row,
                            struct llmobs_json *event, const char *bars);

/* Writes a text that is fit for a terminal, its matches underlined. */
int llmobs_transcript_put(const struct llmobs_transcript *transcript,
                          const char *text);

/* Prints a text of a row below it, wrapped, its matches underlined. */
int llmobs_transcript_text(struct llmobs_transcript *transcript,
                           const char *text, enum llmobs_paint paint,
                           const char *bars);

#endif
