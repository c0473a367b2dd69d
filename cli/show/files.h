/* files - the completion file of each shell, as a part of the tool.
 *
 * Threads: any.
 */
#ifndef LLMOBS_COMPLETION_FILES_H
#define LLMOBS_COMPLETION_FILES_H

#include "lib/base/buf.h"

/* The text of the file; its data is NULL for a shell that has none. */
struct llmobs_text llmobs_completion_file(const char *shell);

#endif
