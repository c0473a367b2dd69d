/* api - the functions for programs that make spans themselves.
 *
 * Owns:    nothing.
 * Threads: any, but not within a dlclose.
 * Errors:  NULL: nothing is observed.
 */
#ifndef LLMOBS_SHIM_API_H
#define LLMOBS_SHIM_API_H

/* Does a command of the program, and gives its answer (core/capture/command.h).
 */
const char *llmobs_api_command(const char *text);

#endif
