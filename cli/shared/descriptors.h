/* descriptors - closes inherited files in a process that runs on for long.
 *
 * Threads: one.
 * Errors:  none: a descriptor that cannot be replaced stays as it is.
 */
#ifndef LLMOBS_DESCRIPTORS_H
#define LLMOBS_DESCRIPTORS_H

#include <stdbool.h>

/* Opens /dev/null, or where there is none the root, in place of the first
 * three, and closes all others. `tells`: keeps stderr. */
void llmobs_cli_release_descriptors(bool tells);

#endif
