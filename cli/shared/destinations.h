/* destinations - why nothing arrives at a destination, in the words of every
 * command: the meaning of its last answer (answers.h), and what to do.
 *
 * Threads: one.
 * Errors:  none; a ledger that cannot be read says nothing.
 */
#ifndef LLMOBS_DESTINATIONS_H
#define LLMOBS_DESTINATIONS_H

#include "core/config/config.h"
#include "lib/base/answers.h"

#define LLMOBS_DESTINATION_WHY 512
#define LLMOBS_DESTINATION_TEXT 1024
#define LLMOBS_DESTINATION_TIME 32

/* Says what a status or an error means that accepts nothing, and what to do:
 * "status 403: its key is wrong". */
void llmobs_destination_why(const struct llmobs_answer *answer,
                            char out[LLMOBS_DESTINATION_WHY]);

/* True where the destination accepts nothing, and was asked in the last day: no
 * call in the spool is older. Says which, since when, and why; since_ns is < 0
 * for a directory that cannot be written. */
bool llmobs_destination_fails(const struct llmobs_answer *answer,
                              char out[LLMOBS_DESTINATION_TEXT]);

/* The local time of a moment. */
const char *llmobs_destination_time(int64_t ns,
                                    char out[LLMOBS_DESTINATION_TIME]);

/* The last answers of the destinations of this user; those that are missing
 * have no form. */
void llmobs_destinations_read(const struct llmobs_config *config,
                              struct llmobs_answer out[LLMOBS_ANSWERS]);

/* Says on stderr which destinations accept nothing; `sent`: also where events
 * have gone, how many, and when last. */
void llmobs_destinations_tell(const char *command,
                              const struct llmobs_config *config, bool sent);

#endif
