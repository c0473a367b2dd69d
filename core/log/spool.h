/* spool - keeps calls on the disk until they are delivered, so that they
 * survive the process.
 *
 * Each process has files "o.PID-START-NONCE-N" (spool_file.h) in the spool of
 * its user, each begun when the file before has LLMOBS_SPOOL_FILE bytes. All
 * entries of a call are in the file of its first. To write an entry (entry.h)
 * takes one open, one write and one close: the app could take a descriptor that
 * stayed open for a file of its own, and could cut a mapped file short. Only a
 * program that enters a sandbox keeps a descriptor open (spool_file.h). RELEASE
 * entries in the same file name the entries that were delivered; a file is
 * removed when all of its entries are released. A relay may claim a file that
 * has an entry for it: docs/SPOOL.md.
 *
 * Owns:    the files of this process, by one name, from its first entry on.
 * Threads: begin, end: any. They take no lock, and allocate only by
 *          scratch.h; the first threads wait for each other. release, load,
 *          look: the thread that has the worker's turn. close: the exit
 *          handler after it.
 * Errors:  -EDQUOT: the spool is full; any other error: the disk's. The caller
 *          still has in memory what could not be written; if an END could not,
 *          the spool has no entry of the call any more.
 * Limits:  LLMOBS_SPOOL_MAX bytes in the user's spool. A process counts them at
 *          most once a second, and shares the result with other processes, so
 *          that many processes at once may exceed the limit a little.
 *          LLMOBS_SPOOL_FILES files at once.
 * Fork:    a child has files of its own, with another key, by reset.
 */
#ifndef LLMOBS_SPOOL_H
#define LLMOBS_SPOOL_H

#include "lib/base/process_id.h"
#include "core/config/config.h"
#include "core/event/exchange.h"
#include "core/log/entry.h"
#include "core/log/spool_file.h"

struct llmobs_spool;

/* Gives a spool for the process, which touches no disk yet; NULL when memory
 * runs out, or if LLMOBS_SPOOL_MAX is 0. Borrows the configuration. */
struct llmobs_spool *llmobs_spool_new(const struct llmobs_config *config);
/* Frees the memory; the disk keeps its entries. */
void llmobs_spool_free(struct llmobs_spool *spool);

/* 0 where the process has its name. The first caller finds it, and makes the
 * spool, or notes that it could not; the first threads wait, without a lock,
 * for the thread that does. -EBUSY: it takes too long, or the disk has just
 * failed. Any thread. */
int llmobs_spool_open(struct llmobs_spool *spool);

/* _has_moved: the process has changed its user or its root since it found its
 * name. _is_away: it has moved, and cannot release this entry now. If it
 * delivered the entry, the next process of that user would deliver it again.
 * _may_return: it is away, does not end yet, and may become that user again.
 * For the thread that has the worker's turn. */
bool llmobs_spool_has_moved(const struct llmobs_spool *spool);
bool llmobs_spool_is_away(struct llmobs_spool *spool,
                          const struct llmobs_spooled *spooled);
bool llmobs_spool_may_return(struct llmobs_spool *spool,
                             const struct llmobs_spooled *spooled);

/* Makes the key for a call that is about to begin, and for its account
 * (account.h). */
void llmobs_spool_find_key(struct llmobs_spool *spool,
                           const struct llmobs_exchange *exchange);

/* _begin writes that a call begins (LLMOBS_STAGE_START), or its request
 * (LLMOBS_STAGE_BEGIN); _end everything when it has ended. The exchange is
 * prepared for that stage (exchange.h). Each entry replaces the earlier entries
 * of the call. They note in the exchange's item where the entry is. The caller
 * keeps its thread from being cancelled. */
int llmobs_spool_begin(struct llmobs_spool *spool,
                       struct llmobs_exchange *exchange,
                       enum llmobs_stage stage);
int llmobs_spool_end(struct llmobs_spool *spool,
                     struct llmobs_exchange *exchange);
/* In a child that has completed a transfer of its parent: writes the END to the
 * file that has the parent's START, so that a parent that dies without an END
 * of its own leaves no call that looks cut off. Borrows the exchange. */
void llmobs_spool_end_parents(struct llmobs_spool *spool,
                              struct llmobs_exchange *exchange);

/* Leaves an item to the relay, once its END or EVENT is written: this process
 * does not deliver or release it. Any thread. */
void llmobs_spool_delegate(struct llmobs_spool *spool,
                           const struct llmobs_spooled *spooled);

/* Notes on the disk that an entry which this process was to deliver is for the
 * relay, as its END would have said; _delegate follows. For the thread that has
 * the worker's turn. */
int llmobs_spool_leave(struct llmobs_spool *spool,
                       struct llmobs_spooled *spooled);

/* Writes an encoded event, with its own id; fills `spooled`. If that names a
 * file already, of a call of this process, the event stands beside the call in
 * it. Any thread. */
int llmobs_spool_write_event(struct llmobs_spool *spool,
                             struct llmobs_spooled *spooled,
                             enum llmobs_event_kind kind,
                             struct llmobs_text event);

/* Adds an event that its peer refused, as a line, to LLMOBS_REJECTED of the
 * spool, for a person to read. That file has a 16th of the spool's bytes at
 * most. For the thread that has the worker's turn. */
#define LLMOBS_REJECTED "rejected.jsonl"
int llmobs_spool_reject(struct llmobs_spool *spool, struct llmobs_text event);

/* Notes which destinations have an event that other destinations wait for: bit
 * i of `delivered_to` is destination i. LLMOBS_INFERRED in it: the spans that
 * were inferred from the call have entries of their own, or had them. For the
 * thread that has the worker's turn. */
void llmobs_spool_write_delivered_to(struct llmobs_spool *spool,
                                     const struct llmobs_spooled *spooled,
                                     unsigned delivered_to);

/* Releases the entries of a request that was no LLM call after all. Any thread.
 */
void llmobs_spool_cancel(struct llmobs_spool *spool,
                         struct llmobs_exchange *exchange);

/* Releases at most LLMOBS_RELEASE_MAX entries that were delivered, or never
 * will be. */
void llmobs_spool_release(struct llmobs_spool *spool,
                          const struct llmobs_spooled *list, size_t count);

/* To be called before the program enters a sandbox: makes the current file, and
 * holds the file open (spool_file.h). Entries then go to this file if no other
 * can be opened. Any thread; preserves errno. */
int llmobs_spool_hold(struct llmobs_spool *spool);

/* Reads the item of a head (item.h) that this process wrote. -ENOMEM: memory or
 * descriptors are short; -EXDEV: the entry stays for another process, as this
 * one cannot reach it, or does not know its place (several threads wrote to a
 * held file at once); any other error: the entry is lost. */
int llmobs_spool_load(struct llmobs_spool *spool,
                      const struct llmobs_item *head,
                      struct llmobs_recalls **recalls,
                      struct llmobs_item **out);

/* True where the file of an entry still exists. */
bool llmobs_spool_has(struct llmobs_spool *spool,
                      const struct llmobs_spooled *spooled);

/* Counts the bytes of the spool, if that is due; never in a process that ends.
 */
void llmobs_spool_count(struct llmobs_spool *spool);

/* The process is about to end: the last entries of a file that is then removed
 * need no RELEASE entry. Any thread. */
void llmobs_spool_set_ending(struct llmobs_spool *spool);

/* The process ends: removes the files that have no entry left. */
void llmobs_spool_close(struct llmobs_spool *spool);

/* For a forked child. */
void llmobs_spool_reset(struct llmobs_spool *spool);

/* True for the name of this process's files. */
bool llmobs_spool_is_self(const struct llmobs_spool *spool,
                          const struct llmobs_process_id *who);

#endif
