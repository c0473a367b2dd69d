/* destinations - why nothing arrives at a destination, in the words of every
 * command: the meaning of its last answer (answers.h), and what to do.
 *
 * Threads: one.
 * Errors:  none; a ledger that cannot be read says nothing.
 */
#ifndef LLMOBS_DESTINATIONS_H
#define LLMOBS_DESTINATIONS_H

#include "core/config/config.h"
#include "core/log/adopt.h"
#include "core/log/relay_sign.h"
#include "lib/base/answers.h"

#define LLMOBS_DESTINATION_WHY 512
#define LLMOBS_DESTINATION_TEXT 1536
#define LLMOBS_DESTINATION_TIME 32

/* The words of a command about so many entries. */
#define LLMOBS_DESTINATION_ASIDE                                              \
    "set_aside: %" PRIu64 " in the spool, as readers crashed on it; another " \
    "version tries again, `llmobs purge --spool` removes it"

/* A row without a count waits for nothing, a row without a form is no answer.
 */
struct llmobs_destinations {
    struct llmobs_answer answers[LLMOBS_ANSWERS];
    struct llmobs_adopt_counts spool;
    enum llmobs_relay relay;
};

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

/* Reads how many calls wait in the spool of this user, and the last answers of
 * its destinations. Those for which nothing waits count as accepting. */
void llmobs_destinations_read(const struct llmobs_config *config,
                              struct llmobs_destinations *out);

/* Adds up places that are named alike; of answers the one that fails counts. */
void llmobs_destinations_add(struct llmobs_destinations *to,
                             const struct llmobs_destinations *more);

/* Counts the entries of the spool; an unreadable spool counts as empty. */
void llmobs_destinations_look(const struct llmobs_config *config,
                              struct llmobs_adopt_counts *out);

/* Describes a row: of the answers, as llmobs_destination_fails, and behind
 * them of the places: how many calls wait, since when, when the next try is,
 * and by which command they are sent now. False: there is nothing to say. */
#define LLMOBS_DESTINATIONS_ROWS (LLMOBS_ANSWERS + LLMOBS_ADOPT_PLACES)
bool llmobs_destinations_say(const struct llmobs_destinations *all, size_t row,
                             const struct llmobs_config *config,
                             char out[LLMOBS_DESTINATION_TEXT]);

/* Says on stderr which destinations accept nothing, and what waits; `sent`:
 * also where events have gone, how many, and when last. */
void llmobs_destinations_tell(const char *command,
                              const struct llmobs_config *config, bool sent);

#endif
