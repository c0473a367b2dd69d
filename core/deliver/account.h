/* account - what this process has to deliver, and what becomes of it: encoded
 * events, and the entries of the log that they came from.
 *
 * Owns:    its events, until the last destination releases them; its lists.
 *          Borrows the queue, the spool and the adoption.
 * Threads: the thread that has the worker's turn; `pending`: any.
 * Errors:  an event that is lost is counted in stats.h.
 * Limits:  the caller's, who reads `bytes`.
 * Fork:    a child begins empty, by reset.
 */
#ifndef LLMOBS_DELIVER_ACCOUNT_H
#define LLMOBS_DELIVER_ACCOUNT_H

#include "core/deliver/queue.h"
#include "core/log/adopt.h"
#include "core/log/spool.h"
#include "lib/base/stats.h"

/* A bit besides the destinations': the meter has the span (delivery.h). */
#define LLMOBS_MEASURED (1u << 31)

struct llmobs_account {
    atomic_size_t pending;   /* items neither delivered nor lost yet */
    size_t bytes;            /* of encoded events */
    struct llmobs_buf spare; /* memory of a long event, for the next one */
    struct llmobs_queue *queue;
    struct llmobs_spool *spool; /* NULL: no spool */
    struct llmobs_adopt *adopt; /* NULL: no adoption */
    /* At most LLMOBS_RELEASE_MAX entries to be released; or NULL. */
    struct llmobs_spooled *done;
    size_t done_count;
};

/* An encoded event with a count of its references. It is released when the last
 * destination releases it, and delivered only if all destinations got it. */
struct llmobs_event {
    size_t refs;
    enum llmobs_event_kind kind;
    enum llmobs_stat fate;
    struct llmobs_spooled spooled; /* where the disk keeps it */
    unsigned delivered_to;         /* bit i: destination i has it */
    unsigned postponed; /* bit i: destination i has moved it to its end */
    bool old;           /* a span that began over a day ago */
    bool rescued;       /* the rescue exporter has it, and gets it only once */
    size_t len;
    char *data; /* `copy`, or memory that the event owns */
    char copy[];
};

/* Sets the spool and the adoption. */
void llmobs_account_set(struct llmobs_account *account,
                        struct llmobs_spool *spool, struct llmobs_adopt *adopt);

/* For a forked child. Frees nothing that it inherited: a thread of the parent
 * may have been in the middle of changing it. */
void llmobs_account_reset(struct llmobs_account *account);

/* Moves a pending item to a counter, if one is pending: so the sums stay right
 * if a stop no longer waits for a thread that still runs. */
void llmobs_account_count(struct llmobs_account *account,
                          enum llmobs_stat stat);

/* Lets an entry of this process wait on the disk because memory has no room for
 * it; counts it as left there for another process where that fails. False: the
 * disk does not have the entry. */
bool llmobs_account_wait(struct llmobs_account *account,
                         const struct llmobs_spooled *spooled,
                         enum llmobs_event_kind kind, unsigned delivered_to);

/* Writes which destinations have an entry (spool.h, adopt.h). */
void llmobs_account_write_delivered_to(const struct llmobs_account *account,
                                       const struct llmobs_spooled *spooled,
                                       unsigned delivered_to);

/* An entry was delivered, or never will be. It is released at the next flush,
 * or earlier if many entries are to be released. */
void llmobs_account_release(struct llmobs_account *account,
                            const struct llmobs_spooled *spooled);
void llmobs_account_flush(struct llmobs_account *account);

/* Gives an event with one reference and a copy of the text; takes a long text
 * from the buffer that owns it (or NULL), which then is empty. NULL when memory
 * runs out: the buffer keeps the text. Released events leave an event's memory,
 * at most LLMOBS_EVENT_SPARE bytes, in account->spare. */
#define LLMOBS_EVENT_SPARE ((size_t)2 * 1024 * 1024)
struct llmobs_event *llmobs_event_new(struct llmobs_account *account,
                                      enum llmobs_event_kind kind,
                                      struct llmobs_text text,
                                      struct llmobs_buf *owner);

/* Drops one reference. A `fate` other than delivered: this destination does not
 * get the event. An event for which memory had no room waits on the disk, if
 * the disk has it. */
void llmobs_event_release(struct llmobs_account *account,
                          struct llmobs_event *event, enum llmobs_stat fate);

#endif
