/* help - what each command's --help prints: the texts of cli/help, which the
 * build puts into the tool.
 *
 * Threads: any.
 */
#ifndef LLMOBS_HELP_H
#define LLMOBS_HELP_H

/* The text of a command that has one, such as "llmobs view". */
const char *llmobs_help(const char *command);

#endif
