/* adopt_seen - the files of living processes, as a reader has seen them last:
 * as long as a file has the same size there is nothing new in it.
 *
 * Owns:    the list, until _free.
 * Threads: one at a time.
 * Errors:  without memory a file is not added, and is looked at each time.
 */
#ifndef LLMOBS_ADOPT_SEEN_H
#define LLMOBS_ADOPT_SEEN_H

#include "core/log/spool_name.h"

struct llmobs_adopt_seen_file {
    struct llmobs_spool_name name;
    off_t size;
    int64_t looked_ns; /* when its process was last asked for */
    bool away;         /* it cannot be asked: its pid does not count here */
    bool met;          /* seen in this walk */
};

struct llmobs_adopt_seen {
    struct llmobs_adopt_seen_file *list;
    size_t count;
};

/* True where another look would find nothing: the file has the size that it had
 * at the last look, which was not long ago, and its process still lives. */
bool llmobs_adopt_seen_is_unchanged(struct llmobs_adopt_seen *seen,
                                    const struct llmobs_spool_name *name,
                                    off_t size);

/* True where the process of one of the files lives. */
bool llmobs_adopt_seen_lives(const struct llmobs_adopt_seen *seen);

/* Adds the file, or sets its size. `away`: its process cannot be asked. */
void llmobs_adopt_seen_add(struct llmobs_adopt_seen *seen,
                           const struct llmobs_spool_name *name, bool away,
                           off_t size);

/* Forgets the files for which neither was called in this walk. */
void llmobs_adopt_seen_end_walk(struct llmobs_adopt_seen *seen);

void llmobs_adopt_seen_free(struct llmobs_adopt_seen *seen);

#endif
