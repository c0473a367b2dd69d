/* adopt_file - a file of the spool as another process reads it: its owner, its
 * entries, and which of them are still to be delivered.
 *
 * Owns:    the text, the owner and the ids of the file, until _free.
 * Threads: one at a time.
 * Errors:  negative errno. After an error the file has no entries.
 * Limits:  LLMOBS_SPOOL_TEXT bytes of a file.
 */
#ifndef LLMOBS_ADOPT_FILE_H
#define LLMOBS_ADOPT_FILE_H

#include <limits.h>
#include <sys/types.h>

#include "core/log/entry.h"
#include "core/log/owner.h"

/* All that a file says of one call, or event. */
struct llmobs_adopt_fact {
    uint64_t id;
    unsigned what;
    unsigned delivered_to; /* the destinations that have it, a bit each */
};

struct llmobs_adopt_file {
    struct llmobs_buf text;
    bool living;        /* its process lives: set by the caller */
    off_t size;         /* from before it was read */
    size_t closed_at;   /* bytes of `text` from before the closing */
    size_t due;         /* open entries that the reader has to deliver, */
    size_t left;        /* and others */
    int64_t written_ns; /* wall clock: the last write to the file */
    struct llmobs_entry_key key;
    struct llmobs_owner *owner;      /* NULL: not known */
    struct llmobs_adopt_fact *facts; /* those that are settled have one each */
    size_t settled, fact_count, fact_cap;
    char path[PATH_MAX]; /* set by the caller, who reads it next */
    /* Set by the caller, for all files. `all`: an entry that is set aside is
     * due as well; `wary`: one of which a reader has died once is set aside. */
    bool all, wary;
};

/* _free frees what was read. _forget frees nothing, as in a forked child. */
void llmobs_adopt_file_free(struct llmobs_adopt_file *file);
void llmobs_adopt_file_forget(struct llmobs_adopt_file *file);

/* Reads the owner of the file. -ENODATA: it has none in its first bytes. */
#define LLMOBS_ADOPT_OWNER_LOOK ((size_t)64 * 1024)
int llmobs_adopt_file_find_owner(struct llmobs_adopt_file *file);

/* Reads the whole file, and finds out which entries were released, and how many
 * are due. */
int llmobs_adopt_file_survey(struct llmobs_adopt_file *file);

/* After _survey: gives the next open entry from *at on, which is neither
 * released nor replaced by a later one; false at the end. The entry's offset is
 * its place in the file. `due`: the reader has to deliver it; a living process
 * itself delivers what is not for the relay, and nobody one that is set aside.
 */
bool llmobs_adopt_file_next(const struct llmobs_adopt_file *file, size_t *at,
                            struct llmobs_entry *entry, bool *due);

/* After _survey: true where two readers of this version have died of the entry
 * (try.h). It waits for another version. */
bool llmobs_adopt_file_is_aside(const struct llmobs_adopt_file *file,
                                uint64_t id);

/* After _survey: true where the file has, or had, an END or EVENT with this id.
 */
bool llmobs_adopt_file_has(const struct llmobs_adopt_file *file, uint64_t id);

/* After _survey: gives the destinations that have the entry. False where no
 * process has written which, not even an empty set. */
bool llmobs_adopt_file_delivered_to(const struct llmobs_adopt_file *file,
                                    uint64_t id, unsigned *bits);

#endif
