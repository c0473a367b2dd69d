/* spool_name - the names of the files in a spool.
 *
 * "o.PID-START-NONCE-N" is the N-th file of a process, to which it writes.
 * "c.PID-START-NONCE.NAMESPACE.PID-START-NONCE-N" is such a file that a reader
 * has claimed: the reader, the pid namespace in which its pid counts, and what
 * stood behind "o."; the reader's NONCE is its program (process_id.h). "r." in
 * place of "c.": the reader is a relay. The writer
 * finds its file under each name.
 *
 * Owns:    nothing.
 * Threads: any.
 */
#ifndef LLMOBS_SPOOL_NAME_H
#define LLMOBS_SPOOL_NAME_H

#include "lib/base/process_id.h"

#define LLMOBS_SPOOL_NAME_MAX (2 * LLMOBS_PROCESS_ID_MAX + 40)

struct llmobs_spool_name {
    struct llmobs_process_id who; /* the process that writes to the file */
    uint32_t file;
    bool claimed;
    bool by_relay; /* it holds the sign (relay_sign.h) as long as it lives */
    struct llmobs_process_id by; /* of a claimed file: the reader */
    uint64_t by_pidns;           /* 0: not known */
};

/* True only for names that _write makes. */
bool llmobs_spool_name_parse(const char *name, struct llmobs_spool_name *out);

void llmobs_spool_name_write(const struct llmobs_spool_name *name,
                             char out[LLMOBS_SPOOL_NAME_MAX]);

/* True for two names of one file, whoever has claimed it. */
bool llmobs_spool_name_same(const struct llmobs_spool_name *a,
                            const struct llmobs_spool_name *b);

/* Orders names by the time when the files were made: a call that continues
 * another process's call comes after it. For qsort. */
int llmobs_spool_name_by_age(const void *a, const void *b);

#endif
