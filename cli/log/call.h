/* call - a call that is under way, as `llmobs ps` shows it, and a look at its
 * process from outside, without stopping it.
 *
 * Owns:    a list owns its calls, until free.
 * Threads: one.
 * Errors:  -ENOMEM; a fact that cannot be read is not known.
 * Limits:  LLMOBS_PS_CALLS calls of a list; texts of LLMOBS_PS_TEXT bytes.
 *
 * A process that has become the user of a spool reads it, and hands each call
 * on as it is in memory. The user may have written anything there: the place of
 * a call is believed only where the process confirms three facts: it began when
 * the spool says, it is of the spool's user, and the call still runs, by the
 * numbers at the entry's address.
 */
#ifndef LLMOBS_PS_CALL_H
#define LLMOBS_PS_CALL_H

#include <sys/types.h>

#include "core/log/adopt.h"

#define LLMOBS_PS_CALLS 4096
#define LLMOBS_PS_TEXT 512

enum llmobs_ps_state {
    LLMOBS_PS_UNKNOWN,
    LLMOBS_PS_WAITING,  /* no byte of the answer has come */
    LLMOBS_PS_STREAMING /* bytes of the answer have come */
};

enum llmobs_ps_field {
    LLMOBS_PS_PROGRAM,
    LLMOBS_PS_MODEL,
    LLMOBS_PS_PROVIDER,
    LLMOBS_PS_HOST,
    LLMOBS_PS_ML_APP,
    LLMOBS_PS_FIELDS
};

struct llmobs_ps_call {
    pid_t pid;
    uint64_t start; /* of the process (process_id.h); 0: not known */
    uint64_t pidns; /* the pid namespace of its pid; 0: not known */
    bool elsewhere; /* not in the pid namespace of this process */
    uint64_t id, trace_high, trace_low;
    struct llmobs_exchange_place place;
    int64_t start_wall_ns, start_mono_ns;
    char text[LLMOBS_PS_FIELDS][LLMOBS_PS_TEXT]; /* "": not known */
    /* The process itself shows these: */
    uid_t uid;
    pid_t thread; /* 0: not known */
    enum llmobs_ps_state state;
    uint64_t received;
};

struct llmobs_ps_calls {
    struct llmobs_ps_call *list;
    size_t count;
    bool more; /* there were more than the limit */
};

/* Fills in what the spool says of a call. -ENOENT: the request is perhaps no
 * model call. */
int llmobs_ps_call_of(const struct llmobs_adopt_call *from,
                      struct llmobs_ps_call *call);

/* Adds a call, made by the user `uid`, as another process has sent it. */
int llmobs_ps_calls_add(struct llmobs_ps_calls *calls,
                        const struct llmobs_ps_call *call, uid_t uid);

/* Fills state and thread; false where the call is certainly not under way. Does
 * not look at a process in another pid namespace. */
bool llmobs_ps_call_look(struct llmobs_ps_call *call);

/* True where the process `pid` that began at `start` still lives. */
bool llmobs_ps_lives(pid_t pid, uint64_t start);

/* Sorts the calls, the oldest first, and removes repeated calls and calls that
 * `keep` refuses. */
void llmobs_ps_calls_keep(struct llmobs_ps_calls *calls,
                          bool (*keep)(struct llmobs_ps_call *));
void llmobs_ps_calls_free(struct llmobs_ps_calls *calls);

#endif
