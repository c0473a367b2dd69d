/* marks - a store's side file, which says where each line of the store stands
 * and of which trace it is, so that most lines need not be read.
 *
 * Owns:    the side file's descriptor and table, from open to close; a list's
 *          entries, until its owner frees them.
 * Threads: one. Several processes may read and replace the side file.
 * Errors:  none: without a side file that fits, every line is read. Nobody is
 *          told that none could be written.
 * Limits:  a store of less than LLMOBS_MARKS_LEAST bytes has none.
 *
 * It holds ids of traces and numbers alone, only its owner may read it, and it
 * stands in the store's directory, if that belongs to this user. The part of a
 * file of the store fits as long as inode and first and last bytes are those
 * that were marked, and the file has grown, or is as old as it was. So a file
 * that was cut, replaced or written again has no marks; lines behind the marks
 * are read.
 */
#ifndef LLMOBS_MARKS_H
#define LLMOBS_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

/* The side file's name. */
#define LLMOBS_MARKS_FILE "view.index"
#define LLMOBS_MARKS_LEAST (1u << 20)
#define LLMOBS_MARKS_TRACE 16 /* bytes of a trace's id */

struct llmobs_marks_entry {
    uint64_t at;
    uint8_t trace[LLMOBS_MARKS_TRACE]; /* all 0: the line has to be read */
};

/* The marks of the first `end` bytes of a file. */
struct llmobs_marks_list {
    struct llmobs_marks_entry *list;
    size_t count, cap;
    uint64_t odd; /* the marks whose lines have to be read */
    uint64_t end;
    bool failed; /* memory ran out */
};

struct llmobs_marks {
    int fd; /* -1: there is none */
    struct llmobs_marks_part *parts;
    size_t count;
};

/* Opens the side file of a directory, or begins a new one of `count` files. */
void llmobs_marks_open(struct llmobs_marks *marks, int dir);
void llmobs_marks_begin(struct llmobs_marks *marks, int dir, size_t count);
void llmobs_marks_close(struct llmobs_marks *marks);

/* How many bytes of an open file of the store are marked. */
uint64_t llmobs_marks_known(const struct llmobs_marks *marks, int fd);

/* Reads the marks of an open file of the store; an empty list: none fit. Where
 * `odd` alone are wanted and there are none, gives no more than their count. */
struct llmobs_marks_list llmobs_marks_read(const struct llmobs_marks *marks,
                                           int fd, bool odd);

/* Marks a line that stands behind those of the list. */
void llmobs_marks_add(struct llmobs_marks_list *list, struct llmobs_text line,
                      uint64_t at);

/* Writes the marks of the next file of the store. */
void llmobs_marks_write(struct llmobs_marks *marks, int fd,
                        const struct llmobs_marks_list *list);

/* Gives the new side file its name, in the place of the last one. */
void llmobs_marks_end(const struct llmobs_marks *marks, int dir);

#endif
