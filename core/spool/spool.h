/* spool - what the disk keeps of calls until they are delivered, so that they
 * survive the process.
 *
 * A directory a process, "<pid>-<start>-<nonce>" (ledger_dir.h), in the spool
 * of its user; in it files "1.entries", "2.entries", ..., each begun when the
 * one before has LLMOBS_SPOOL_FILE bytes. An entry (entry.h) is one open, one
 * write, one close: a descriptor that stayed open could become the app's own
 * file, and a mapped file could be cut under us. Entries that were delivered
 * are named by RELEASE entries in the same file; a file all of whose entries
 * are released is removed.
 *
 * Owns:    the directory of this process, until close.
 * Threads: start, begin, end: any thread, no lock, no allocation but that of
 *          scratch.h, no list of a directory; the first ones wait for each
 *          other. release, load, look: the worker, one at a time. close: the
 *          exit handler after it.
 * Errors:  -EDQUOT: the spool is full; any other: the disk's. What is not
 *          written is not kept: the caller still has it in memory.
 * Limits:  LLMOBS_SPOOL_MAX bytes in the user's spool: by what processes find
 *          once a second at most and tell each other, so that many at once may
 *          go a little beyond it; LLMOBS_SPOOL_FILES files at once.
 * Fork:    reset: a child makes a directory of its own, with another key.
 */
#ifndef LLMOBS_SPOOL_H
#define LLMOBS_SPOOL_H

#include "core/config/config.h"
#include "core/event/exchange.h"
#include "core/spool/entry.h"

#define LLMOBS_SPOOL_FILE ((size_t)4 * 1024 * 1024)
#define LLMOBS_SPOOL_FILES 1024

struct llmobs_spool;

/* Gives a spool for the process, which touches no disk yet; NULL without
 * memory, or where LLMOBS_SPOOL_MAX is 0. Borrows the configuration. */
struct llmobs_spool *llmobs_spool_new(const struct llmobs_config *config);
/* Its memory; the disk keeps what it has. */
void llmobs_spool_free(struct llmobs_spool *spool);

/* Keeps what is known of a call that begins: first that it does, then what it
 * asks; or all of one that has ended. Each stands for the ones before it. Notes
 * the place in the exchange's item. errno stays. */
int llmobs_spool_start(struct llmobs_spool *spool,
                       struct llmobs_exchange *exchange);
int llmobs_spool_begin(struct llmobs_spool *spool,
                       struct llmobs_exchange *exchange);
int llmobs_spool_end(struct llmobs_spool *spool,
                     struct llmobs_exchange *exchange);

/* Keeps an encoded event, by an id of its own; fills `spooled`. Any thread. */
int llmobs_spool_event(struct llmobs_spool *spool,
                       struct llmobs_spooled *spooled,
                       enum llmobs_event_kind kind, struct llmobs_text event);

/* Sets an event aside that its peer refused, in LLMOBS_REJECTED of the spool,
 * one a line, for a person to look at; that file has a 16th of the spool's
 * bytes at most. The worker's. */
#define LLMOBS_REJECTED "rejected.jsonl"
int llmobs_spool_reject(struct llmobs_spool *spool, struct llmobs_text event);

/* Notes that some destinations have an event which others have not: bit i of
 * `had` is destination i. The worker's. */
void llmobs_spool_note_delivered_to(struct llmobs_spool *spool,
                                    const struct llmobs_spooled *spooled,
                                    unsigned delivered_to);

/* A call that began was none after all: lets go of what was kept of it. Any
 * thread. */
void llmobs_spool_cancel(struct llmobs_spool *spool,
                         struct llmobs_exchange *exchange);

/* Lets go of entries that were delivered, or that nobody will have. At most
 * LLMOBS_RELEASE_MAX of them. */
void llmobs_spool_release(struct llmobs_spool *spool,
                          const struct llmobs_spooled *list, size_t count);

/* Reads an END entry of this process again into `text`; gives the entry, which
 * borrows from it. */
int llmobs_spool_load(struct llmobs_spool *spool,
                      const struct llmobs_spooled *spooled,
                      struct llmobs_buf *text, struct llmobs_entry *entry);

/* Whether the file of an entry is still there. */
bool llmobs_spool_has(struct llmobs_spool *spool,
                      const struct llmobs_spooled *spooled);

/* True where the process has given up its user or its root since it made its
 * directory, and can't release this entry now: who delivers it delivers it
 * twice, for the next process of that user finds it there. _may_return: it may
 * take that user up again, and does not end. The worker's. */
bool llmobs_spool_is_away(struct llmobs_spool *spool,
                          const struct llmobs_spooled *spooled);
bool llmobs_spool_may_return(struct llmobs_spool *spool);

/* Looks whether there is room, if it is time to; not in a process that ends.
 */
void llmobs_spool_look(struct llmobs_spool *spool);

/* The process is about to end: what is released needs no note any more, where
 * its file goes as a whole. Any thread. */
void llmobs_spool_ending(struct llmobs_spool *spool);

/* The process ends: removes the files of which nothing is left. */
void llmobs_spool_close(struct llmobs_spool *spool);

void llmobs_spool_reset(struct llmobs_spool *spool);

/* Its directory while it has one, else "". Borrowed. */
const char *llmobs_spool_path(const struct llmobs_spool *spool);
/* True for the directory that it has, or had and may make again. */
bool llmobs_spool_is_at(const struct llmobs_spool *spool, const char *path);

#endif
