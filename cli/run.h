/* run - the launcher: becomes a command with our library preloaded.
 *
 * It is a program of its own, llmobs-run, and `llmobs run`. As
 * llmobs-entrypoint it is the first process of a container: `llmobs entrypoint`
 * stays there, and what fails of ours does not keep the command from running.
 *
 * Owns:    nothing: it opens no descriptor, and ends by an exec.
 * Threads: one.
 * Errors:  the answer is the exit status: 2 for a mistake in the options, 126
 * or 127 where library or command cannot be had. Limits:  where the kernel
 * takes no more variables, or a longer one, the command gets those that came,
 * and is not observed. Fork:    only the entrypoint's, to see whether the tool
 * starts.
 */
#ifndef LLMOBS_RUN_H
#define LLMOBS_RUN_H

int llmobs_cmd_run(int argc, char **argv);

#endif
