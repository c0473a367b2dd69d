/* reader - reads the lines of a local store, file after file.
 *
 * Owns:    one open file and one line at a time.
 * Threads: one.
 * Errors:  -errno of the directory; of a file that cannot be read there is a
 *          message on stderr and a count; the others are read.
 * Limits:  LLMOBS_READER_LINE_MAX bytes a line; a longer one is skipped and
 *          counted. Files may have any size.
 */
#ifndef LLMOBS_READER_H
#define LLMOBS_READER_H

#include <stdint.h>

#include "core/base/buf.h"

#define LLMOBS_READER_LINE_MAX (64u * 1024 * 1024)

/* Nothing that happened after the last write to a file can be in it. The clock
 * of a file server may be so far behind this host's. */
#define LLMOBS_READER_CLOCKS_S 60

struct llmobs_reader_report {
    size_t files;      /* files read */
    size_t old;        /* files passed over */
    size_t unreadable; /* files that could not be read to their end */
    size_t oversized;  /* lines beyond the limit */
};

/* Calls `line` with every non-empty line, without its end, of all *.jsonl files
 * of `dir` in the order of their names. `line` borrows the text until it
 * returns; a negative answer ends the walk and is returned. Without `report` it
 * prints and counts nothing. It passes files over that were last written before
 * `since_ns`, a wall time; 0: none. */
int llmobs_reader_walk(const char *dir, int64_t since_ns,
                       int (*line)(void *ctx, struct llmobs_text text),
                       void *ctx, struct llmobs_reader_report *report);

#endif
