/* paths - the files of the machine's administrator, which the shim, the core
 * and the command all look for. */
#ifndef LLMOBS_PATHS_H
#define LLMOBS_PATHS_H

/* NAME=value lines, where LLMOBS_CONFIG names no other file. */
#define LLMOBS_CONFIG_FILE "/etc/llmobs/llmobs.conf"
/* While it is there, new processes are left alone. */
#define LLMOBS_DISABLED_FILE "/etc/llmobs/disabled"

#endif
