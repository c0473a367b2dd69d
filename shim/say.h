/* say - writes one line to the log of LLMOBS_LOG for a process that has no
 * core, which writes all others.
 *
 * Owns:    static buffers.
 * Threads: any; the first call that can write does so. All later calls, and
 *          calls at the same time, do nothing.
 * Errors:  none; where the file may not be written, as lib/base/file.h has it,
 *          or not without a signal, there is no line. errno stays.
 */
#ifndef LLMOBS_SHIM_SAY_H
#define LLMOBS_SHIM_SAY_H

#include <stdbool.h>

/* Writes both texts, one behind the other, as an error or as a warning. */
void llmobs_say(bool error, const char *text, const char *more);

#endif
