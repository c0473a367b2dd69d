/* call - a call that is under way, as `llmobs ps` shows it.
 *
 * Owns:    a list owns its calls and their texts, until free.
 * Threads: one.
 * Errors:  -ENOMEM; -EINVAL for a line that is no call.
 * Limits:  LLMOBS_PS_CALLS calls of a list; texts of LLMOBS_PS_TEXT bytes.
 *
 * A process that has become the user of a spool reads it, and hands each call
 * on as a line of JSON. The user may have written anything there: the place of
 * a call is believed only where the process itself confirms it (target.h).
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
    uint64_t start; /* of the process (ledger_dir.h); 0: not known */
    uint64_t pidns; /* the pid namespace of its pid; 0: not known */
    bool elsewhere; /* not in the pid namespace of this process */
    uint64_t id, trace_high, trace_low;
    struct llmobs_exchange_place place;
    int64_t start_wall_ns, start_mono_ns;
    char *text[LLMOBS_PS_FIELDS]; /* NULL: not known */
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

/* Appends the line of a call. -ENOENT: the request is perhaps no model call. */
int llmobs_ps_call_write(const struct llmobs_adopt_call *call,
                         struct llmobs_buf *out);

/* Adds the call of a line, made by the user `uid`. */
int llmobs_ps_call_read(struct llmobs_text line, uid_t uid,
                        struct llmobs_ps_calls *calls);

/* Sorts the calls, the oldest first, and removes repeated calls and calls that
 * `keep` refuses. */
void llmobs_ps_calls_keep(struct llmobs_ps_calls *calls,
                          bool (*keep)(struct llmobs_ps_call *));
void llmobs_ps_calls_free(struct llmobs_ps_calls *calls);

#endif
