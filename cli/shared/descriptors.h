/* descriptors - a process that stays keeps no file of others open.
 *
 * Threads: one.
 * Errors:  none: a descriptor that cannot be replaced stays as it is.
 */
#ifndef LLMOBS_DESCRIPTORS_H
#define LLMOBS_DESCRIPTORS_H

/* Opens /dev/null in place of the first three, and closes all others. */
void llmobs_cli_release_descriptors(void);

#endif
