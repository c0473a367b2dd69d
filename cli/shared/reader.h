/* reader - reads the lines of a local store, from either end.
 *
 * Owns:    the open files of one store, until close.
 * Threads: one.
 * Errors:  -errno of the directory; of a file that cannot be read there is a
 *          message on stderr and a count; the others are read.
 * Limits:  LLMOBS_READER_LINE_MAX bytes a line; a longer one is skipped and
 *          counted. Files may have any size. A walk sees a file as long as it
 *          was at the open, or after the last more().
 */
#ifndef LLMOBS_SHARED_READER_H
#define LLMOBS_SHARED_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/shared/marks.h"
#include "lib/base/buf.h"
#include "lib/text/json.h"

#define LLMOBS_READER_LINE_MAX (64u * 1024 * 1024)

/* A file holds no span that is younger than its last write. The clock that
 * dates the writes, a file server's, may be this many seconds behind ours. */
#define LLMOBS_READER_CLOCKS_S 60

struct llmobs_reader;

/* The tag of a span that is not in the store: it waits in the spool. */
#define LLMOBS_READER_WAITING "waiting"

/* Where a line stands in the store. */
struct llmobs_place {
    uint32_t file;
    uint32_t len;
    uint64_t at;
};

/* Places in the order in which they were added; all zeros: none. */
struct llmobs_places {
    struct llmobs_place *list;
    size_t count, cap;
};

int llmobs_places_add(struct llmobs_places *places, struct llmobs_place place);
void llmobs_places_fini(struct llmobs_places *places);

struct llmobs_reader_report {
    size_t files;      /* files read by the last walk */
    size_t old;        /* files that the last walk passed over */
    size_t passed;     /* lines that it passed over by their marks */
    size_t unreadable; /* files that could not be read to their end, ever */
    size_t oversized;  /* lines beyond the limit */
};

/* Takes one line without its end, never an empty one. It borrows the text until
 * it returns; a negative answer ends the walk and is returned, and so is a
 * positive one. */
typedef int llmobs_reader_line(void *ctx, struct llmobs_text text,
                               struct llmobs_place place);

/* True for the name of a file that an open of its directory takes. */
bool llmobs_reader_takes(const char *name);

/* Opens all *.jsonl files of `dir`; NULL: no file. Gives *out. */
int llmobs_reader_open(const char *dir, struct llmobs_reader **out);
/* Adds an open file behind all others, as their newest; takes `fd`, also on
 * error. Not with _more. */
int llmobs_reader_join(struct llmobs_reader *reader, int fd);
void llmobs_reader_close(struct llmobs_reader *reader); /* NULL is fine */

/* Chooses the spans of a walk by the bytes of their traces' ids, where marks
 * are known (marks.h). A walk also gives lines that were not chosen. */
struct llmobs_pick {
    bool (*takes)(const void *ctx, const uint8_t *trace); /* NULL: none */
    const void *ctx;
    uint64_t want[2], mask[2]; /* of who takes the traces of one id */
};

/* Calls `line` with every line of all files, in the order of their names; the
 * file that the exporter writes to comes last. Passes over files that were last
 * written before `since_ns`, a wall time; 0: passes over no file. With a pick
 * it may pass over lines of other traces. */
int llmobs_reader_walk(struct llmobs_reader *reader, int64_t since_ns,
                       const struct llmobs_pick *pick, llmobs_reader_line *line,
                       void *ctx);

/* Walks from the last line to the first. */
int llmobs_reader_walk_back(struct llmobs_reader *reader, int64_t since_ns,
                            const struct llmobs_pick *pick,
                            llmobs_reader_line *line, void *ctx);

/* Walks through what is no span of the exporter, and may pass over all else.
 * Marks the lines, if too few are. */
int llmobs_reader_walk_odd(struct llmobs_reader *reader, int64_t since_ns,
                           llmobs_reader_line *line, void *ctx);

/* Calls `line` with the whole lines that came since the open, or since the last
 * call of _more, whatever a file's name is by now. Reads a removed file to its
 * end, and closes it. */
int llmobs_reader_more(struct llmobs_reader *reader, llmobs_reader_line *line,
                       void *ctx);

/* Calls `line` with every line of a file that is open, from its begin on; the
 * places have no use. */
int llmobs_reader_lines(int fd, llmobs_reader_line *line, void *ctx);

/* Reads a line again, into `out`, whose content it replaces. -ESTALE: the file
 * is gone, or shorter. */
int llmobs_reader_again(struct llmobs_reader *reader, struct llmobs_place place,
                        struct llmobs_buf *out);

/* Reads a line again, and gives its *event; NULL where it is gone, since the
 * exporter removes old files. Replaces the content of `room`. */
int llmobs_reader_event(struct llmobs_reader *reader, struct llmobs_place place,
                        struct llmobs_buf *room, struct llmobs_json **event);

/* When the file of a line was last written to, a wall time as since_ns is. */
int64_t llmobs_reader_written(const struct llmobs_reader *reader,
                              struct llmobs_place place);

/* The exporter removed all spans before this wall time for want of room; 0: it
 * removed none. */
int64_t llmobs_reader_trimmed(const struct llmobs_reader *reader);

const struct llmobs_reader_report *llmobs_reader_report(
    const struct llmobs_reader *reader);

#endif
