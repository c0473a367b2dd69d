/* listing - the names in a directory, one after the other, as by readdir, but
 * without the allocator: an exit handler that interrupted malloc() in the same
 * thread reads them, too.
 *
 * Owns:    _open takes a descriptor, and a block of scratch memory, until
 *          _close.
 * Threads: a listing belongs to one thread at a time.
 * Errors:  negative errno. A directory that can be read no further ends the
 *          list.
 * Limits:  LLMOBS_LISTING_MAX names: somebody may add names as fast as we read.
 *          Where all blocks of scratch memory are taken (scratch.h), the
 *          allocator gives one.
 * Source:  struct linux_dirent64 in getdents(2).
 */
#ifndef LLMOBS_LISTING_H
#define LLMOBS_LISTING_H

#include <stdint.h>

#define LLMOBS_LISTING_MAX 100000u

struct llmobs_listing {
    int fd;        /* of the directory */
    unsigned left; /* names that may still be read */
    int64_t next;  /* the place behind the last name, for _seek */
    char *block;
    long at, len; /* in the block */
};

/* Takes `fd`, of a directory opened for reading, even where it fails; a
 * negative one is -EBADF. */
int llmobs_listing_open(struct llmobs_listing *listing, int fd);

/* Opens the directory `name` in `dir` by llmobs_fd_open; ".": `dir` itself. */
int llmobs_listing_open_in(struct llmobs_listing *listing, int dir,
                           const char *name);

/* Gives the next name, borrowed until the next call of this listing; NULL at
 * the end, and once `left` is 0. */
const char *llmobs_listing_next(struct llmobs_listing *listing);

/* Goes on at `next`, a place of a listing of the same directory; 0: from the
 * start. */
void llmobs_listing_seek(struct llmobs_listing *listing, int64_t next);

void llmobs_listing_close(struct llmobs_listing *listing);

#endif
