/* live - the lines that came to a store since a moment, for a page that is open
 * in a browser.
 *
 * Owns:    the places of the newest lines, and the reader, until close.
 * Threads: one.
 * Errors:  -errno; a store that is not there is empty.
 * Limits:  LLMOBS_LIVE_KEPT to twice as many lines are known; one answer has
 *          LLMOBS_LIVE_LINES of them, and not many more than LLMOBS_LIVE_BYTES.
 *          The store is looked at every LLMOBS_LIVE_LOOK_MS at most.
 *
 * A position is "EPOCH-NUMBER". The epoch counts the directories that have had
 * the store's name; the number counts the lines that came to this one.
 */
#ifndef LLMOBS_LIVE_H
#define LLMOBS_LIVE_H

#include <stdio.h>
#include <sys/types.h>

#include "cli/query/filter.h"
#include "cli/query/prices.h"
#include "cli/shared/reader.h"

#define LLMOBS_LIVE_KEPT 10000
#define LLMOBS_LIVE_LINES 500
#define LLMOBS_LIVE_BYTES (1024u * 1024)
#define LLMOBS_LIVE_LOOK_MS 100
#define LLMOBS_LIVE_POSITION 48

struct llmobs_live {
    /* The caller sets these. */
    const char *store;            /* the directory */
    struct llmobs_filter *filter; /* borrowed */
    struct llmobs_prices *prices; /* borrowed; NULL: no cost is estimated */
    bool full;                    /* no text is cut */

    struct llmobs_reader *reader; /* NULL: there is no store */
    dev_t dev;                    /* the directory that is read */
    ino_t ino;
    unsigned long epoch;
    struct llmobs_places places; /* of the newest lines */
    size_t first;                /* the number of places.list[0] */
    int64_t looked_ns;
};

/* Finds the lines that have come by now. */
int llmobs_live_look(struct llmobs_live *live);
void llmobs_live_close(struct llmobs_live *live);

/* Writes the position behind the last line that is known. */
void llmobs_live_position(const struct llmobs_live *live,
                          char out[LLMOBS_LIVE_POSITION]);

/* True where no line is known behind the position. */
bool llmobs_live_is_last(const struct llmobs_live *live, const char *position);

/* Writes the events behind a position: a line each, as in a page (body.h), and
 * a last line, {"at":POSITION,"more":BOOL,"rows":[...]}, whose row N belongs to
 * line N; null for an evaluation. The answer to an unknown position is
 * {"again":true}: the page has to be read again. */
int llmobs_live_write(struct llmobs_live *live, const char *position,
                      FILE *out);

#endif
