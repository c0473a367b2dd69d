/* machine - the name of this machine.
 *
 * Owns:    the name, for ever.
 * Threads: any.
 */
#ifndef LLMOBS_MACHINE_H
#define LLMOBS_MACHINE_H

/* The name as it was when it was asked for first; NULL: /proc does not tell.
 * Read from there, as a filter of system calls may forbid uname. */
const char *llmobs_machine_name(void);

#endif
