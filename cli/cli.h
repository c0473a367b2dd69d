/* cli - the commands of `llmobs`.
 *
 * Owns:    nothing. Each command is one function over its own arguments, with
 *          argv[0] the command as a person typed it ("llmobs view").
 * Threads: the main thread.
 * Errors:  the answer is the exit status: LLMOBS_CLI_OK, _FAILED or _USAGE,
 *          but for `workflow`, which exits as the command it ran.
 * Limits:  none of its own.
 * Fork:    only `workflow` forks.
 */
#ifndef LLMOBS_CLI_H
#define LLMOBS_CLI_H

#define LLMOBS_CLI_OK 0
#define LLMOBS_CLI_FAILED 1
#define LLMOBS_CLI_USAGE 2

int llmobs_cmd_stats(int argc, char **argv);
int llmobs_cmd_view(int argc, char **argv);
int llmobs_cmd_workflow(int argc, char **argv);

#endif
