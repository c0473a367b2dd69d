/* exchange_entry - an exchange as an entry of the spool, and back.
 *
 * URL and headers are what capture.c let the exchange keep (allowlist.h). Where
 * content is not to be seen (content_filter.h), bodies and libcurl's error text
 * stay out, and their sizes say that they were there.
 *
 * Owns:    an exchange that is read is the caller's.
 * Threads: add: whoever owns the exchange; read: any.
 * Errors:  -ENOSPC, -ENOMEM; -EINVAL for an entry that is none of ours;
 *          -ENOTSUP where its dialect is not known to this version.
 * Limits:  those of entry.h; of a request that has only begun the first
 *          LLMOBS_BEGIN_MAX bytes.
 * Fork:    plain memory.
 */
#ifndef LLMOBS_EXCHANGE_ENTRY_H
#define LLMOBS_EXCHANGE_ENTRY_H

#include "core/event/exchange.h"
#include "core/spool/entry.h"

#define LLMOBS_BEGIN_MAX ((size_t)64 * 1024)

/* What the fields of a writer borrow beside the exchange. */
struct llmobs_exchange_facts {
    int64_t numbers[32];
    double times[4];
    char rule[512];
};

/* Adds the exchange's fields to an entry of the type START, without headers and
 * bodies: `stands` then says whether it was a call; BEGIN, of its request
 * only, as far as it is known, or END; `bare`: without a word of its bodies.
 * The writer borrows the exchange and `facts` until it is written. */
int llmobs_exchange_add(struct llmobs_exchange *exchange, bool bare,
                        struct llmobs_exchange_facts *facts,
                        struct llmobs_entry_writer *writer);

/* Gives the exchange of a START, BEGIN or END entry; its match borrows from the
 * recalls. */
int llmobs_exchange_read(const struct llmobs_entry *entry,
                         struct llmobs_recalls **recalls,
                         struct llmobs_exchange **out);

/* When the call or event of such an entry, or of an EVENT, began: wall clock;
 * 0: it does not say. */
int64_t llmobs_exchange_entry_start(const struct llmobs_entry *entry);

#endif
