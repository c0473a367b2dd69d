/* reason - what an answer of a destination that accepts nothing means, and what
 * to do about it: the words of the log and of every command.
 *
 * Threads: any.
 */
#ifndef LLMOBS_REASON_H
#define LLMOBS_REASON_H

#include "lib/base/answers.h"

/* Reads all but the place and the times. */
const char *llmobs_reason(const struct llmobs_answer *answer);

#endif
