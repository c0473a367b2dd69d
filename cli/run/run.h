/* run - the launcher: becomes a command with the library preloaded.
 *
 * It is the program llmobs-run, and also `llmobs run`. As llmobs-entrypoint it
 * is the first process of a container: `llmobs entrypoint` stays there. Where
 * the command cannot be observed it runs all the same, and one line says so.
 *
 * Owns:    nothing: it opens no descriptor, and ends by an exec. With --relay
 *          it may leave a process behind, which is not a child of the command.
 * Threads: one.
 * Errors:  the answer is the exit status: 2 for a mistake in the options, 126
 *          or 127 where the command cannot be run, or where --replay,
 * --max-cost or --max-tokens would not hold. Limits:  if the kernel does not
 * take the added variables, the command gets the environment unchanged, and is
 * not observed. Fork:    the entrypoint forks to see whether the tool starts,
 * and --relay to ask the tool for a relay.
 */
#ifndef LLMOBS_RUN_H
#define LLMOBS_RUN_H

int llmobs_cmd_run(int argc, char **argv);

#endif
