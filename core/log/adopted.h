/* adopted - entries of other processes, as an adoption gives them, as values.
 */
#ifndef LLMOBS_ADOPTED_H
#define LLMOBS_ADOPTED_H

#include <sys/types.h>

#include "core/config/config.h"
#include "core/event/event_kind.h"
#include "core/log/exchange_entry.h"

enum llmobs_adopt_whose {
    LLMOBS_ADOPT_OURS, /* of processes with the same destinations only */
    LLMOBS_ADOPT_ANY   /* of all: the user has named the destinations */
};

/* One entry that was not delivered. */
struct llmobs_adopted {
    struct llmobs_spooled spooled; /* for let_go */
    /* One of both: */
    struct llmobs_exchange *exchange; /* the caller's, to free */
    struct llmobs_text event;         /* borrowed until the next call */
    enum llmobs_event_kind kind;
    bool killed;           /* it had only begun */
    bool uncounted;        /* no process has counted it as captured yet */
    unsigned delivered_to; /* bit i: destination i has it */
    const struct llmobs_config *config; /* with the names of its process;
                                         * borrowed until the next call */
};

/* A count of all that is in the spool. */
struct llmobs_adopt_left {
    uint64_t ours;       /* entries of ended processes, for this one */
    uint64_t others;     /* entries of ended processes, for other ones */
    uint64_t living;     /* ended calls of running processes */
    uint64_t unreadable; /* files, and directories without an owner */
    int64_t oldest_ns;   /* wall clock: when the oldest began; 0: no entry */
};

/* A call that has begun and not ended, in a process that lives, or may live: it
 * is not known of a process in another pid namespace. All of it is as the
 * entries say, which anybody may have written who may write the spool. */
struct llmobs_adopt_call {
    pid_t pid;
    uint64_t start; /* of the process (ledger_dir.h); 0: not known */
    uint64_t pidns; /* where its pid counts; 0: not known */
    bool elsewhere; /* not where this process is */
    uint64_t id;
    struct llmobs_exchange_place place;
    struct llmobs_exchange *exchange;   /* borrowed until the visit returns */
    const struct llmobs_config *config; /* likewise: names of the process */
};
typedef int llmobs_adopt_call_fn(void *ctx,
                                 const struct llmobs_adopt_call *call);

#endif
