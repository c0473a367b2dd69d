/* cli - the commands of `llmobs`.
 *
 * Owns:    nothing. Each command is one function over its own arguments, with
 *          argv[0] the command as a person typed it ("llmobs view").
 * Threads: the main thread.
 * Errors:  each returns the exit status: LLMOBS_CLI_OK, _FAILED or _USAGE;
 *          `doctor` also _WARNED; `workflow`, `span`, `limit`, `intercept` and
 *          `entrypoint` exit as the command that they ran.
 * Fork:    those five fork, and `drain` and `purge` for each spool.
 */
#ifndef LLMOBS_CLI_H
#define LLMOBS_CLI_H

#define LLMOBS_CLI_OK 0
#define LLMOBS_CLI_FAILED 1
#define LLMOBS_CLI_USAGE 2
#define LLMOBS_CLI_WARNED 3  /* of `doctor`: no faults, but warnings */
#define LLMOBS_CLI_UNKNOWN 4 /* of `doctor`: it did not look at all */

int llmobs_cmd_completion(int argc, char **argv);
int llmobs_cmd_span(int argc, char **argv);
int llmobs_cmd_doctor(int argc, char **argv);
int llmobs_cmd_drain(int argc, char **argv);
int llmobs_cmd_evaluate(int argc, char **argv);
int llmobs_cmd_feedback(int argc, char **argv);
int llmobs_cmd_entrypoint(int argc, char **argv);
int llmobs_cmd_intercept(int argc, char **argv);
int llmobs_cmd_limit(int argc, char **argv);
int llmobs_cmd_mock(int argc, char **argv);
int llmobs_cmd_ps(int argc, char **argv);
int llmobs_cmd_relay(int argc, char **argv);
int llmobs_cmd_purge(int argc, char **argv);
int llmobs_cmd_stats(int argc, char **argv);
int llmobs_cmd_view(int argc, char **argv);
int llmobs_cmd_workflow(int argc, char **argv);

#endif
