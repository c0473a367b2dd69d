/* paths - the files of the machine's administrator, which the shim, the core
 * and the llmobs command all look for. */
#ifndef LLMOBS_PATHS_H
#define LLMOBS_PATHS_H

/* Lines of NAME=value; LLMOBS_CONFIG may name another file. */
#define LLMOBS_CONFIG_FILE "/etc/llmobs/llmobs.conf"
/* As LLMOBS_CONFIG: there is no file. No file can be there. */
#define LLMOBS_CONFIG_NONE "/dev/null/none"
/* While this file exists, the library stays inert in new processes. */
#define LLMOBS_DISABLED_FILE "/etc/llmobs/disabled"

#endif
