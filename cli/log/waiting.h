/* waiting - the calls that ended processes left in this user's spool, beside
 * the spans of a store: for a person who looks before they are delivered.
 *
 * A child reads the entries, which come from peers: nothing that it meets there
 * ends the command. It claims and changes nothing, but for the note of an entry
 * that crashes it (guard.h).
 *
 * Threads: one, as it forks.
 * Errors:  what cannot be read, in ten seconds, is not shown.
 */
#ifndef LLMOBS_WAITING_H
#define LLMOBS_WAITING_H

#include "cli/shared/reader.h"
#include "core/config/config.h"

/* Adds to the reader of the store, as lines with the tag LLMOBS_READER_WAITING,
 * the spans that the store lacks; gives how many, or an error. A reader of
 * NULL, where there is no store, is made if some wait. */
int llmobs_waiting_join(struct llmobs_config *config,
                        struct llmobs_reader **reader);

#endif
