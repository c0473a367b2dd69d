/* gather - reads the calls under way from the spools of this host.
 *
 * For each user's spool it makes a child that becomes the user, reads the spool
 * and sends the calls by a pipe.
 *
 * Owns:    nothing; the caller owns the list.
 * Threads: one, in a process that has no other.
 * Errors:  negative errno; of a spool that cannot be read there is a message on
 *          stderr, and the others are read.
 * Limits:  GATHER_MS for each spool, GATHER_BYTES of its calls.
 * Fork:    a child for each spool, which ends before gather returns.
 */
#ifndef LLMOBS_PS_GATHER_H
#define LLMOBS_PS_GATHER_H

#include "cli/log/call.h"
#include "cli/shared/spool_dirs.h"

/* Reads the spool `dir`; NULL: the spools that llmobs_spool_dirs_visit visits.
 * Messages begin with `command`. */
int llmobs_ps_gather(const char *command, const char *dir,
                     struct llmobs_config *config, struct llmobs_ps_calls *out);

#endif
