/* adopted - the values in which an adoption gives entries of other processes.
 */
#ifndef LLMOBS_ADOPTED_H
#define LLMOBS_ADOPTED_H

#include <sys/types.h>

#include "core/config/config.h"
#include "core/event/event_kind.h"
#include "core/log/exchange_entry.h"

enum llmobs_adopt_whose {
    LLMOBS_ADOPT_OURS, /* only of processes with the same destinations */
    LLMOBS_ADOPT_ANY   /* of all: the user has named the destinations */
};

/* An entry that was not delivered. */
struct llmobs_adopted {
    struct llmobs_spooled spooled; /* for let_go */
    /* One of these two: */
    struct llmobs_exchange *exchange; /* the caller's, to free */
    struct llmobs_text event;         /* borrowed until the next call */
    enum llmobs_event_kind kind;
    bool killed;           /* the process was killed before the call ended */
    bool uncounted;        /* no process has counted it as captured yet */
    unsigned delivered_to; /* bit i: destination i has it */
    const struct llmobs_config *config; /* its process's names; borrowed until
                                         * the next call */
};

/* A count of all that is in the spool. */
struct llmobs_adopt_left {
    uint64_t ours;       /* entries of ended processes, for this process */
    uint64_t others;     /* entries of ended processes, for other processes */
    uint64_t living;     /* ended calls of running processes */
    uint64_t unreadable; /* files */
    int64_t oldest_ns;   /* wall clock: when the oldest began; 0: no entries */
};

/* A call that has begun and not ended, in a process that lives or may live: for
 * a process in another pid namespace this is not known. Anyone who may write
 * the spool may have written the entries, from which all of this comes. */
struct llmobs_adopt_call {
    pid_t pid;
    uint64_t start; /* the process's (ledger_dir.h); 0: not known */
    uint64_t pidns; /* where its pid counts; 0: not known */
    bool elsewhere; /* it does not count in this process's namespace */
    uint64_t id;
    struct llmobs_exchange_place place;
    struct llmobs_exchange *exchange;   /* borrowed until the visit returns */
    const struct llmobs_config *config; /* borrowed: the process's names */
};
typedef int llmobs_adopt_call_fn(void *ctx,
                                 const struct llmobs_adopt_call *call);

#endif
