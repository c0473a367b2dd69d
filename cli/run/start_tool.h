/* start_tool - executes the tool proper, llmobs-tool, by the loader that this
 * system has.
 *
 * One file of the tool serves glibc and musl, and has the path of glibc's
 * loader in it. Where the kernel finds that one, it starts the tool. Elsewhere
 * the loader is sought, and executed with the tool as its argument.
 *
 * Owns:    nothing: it opens no descriptor that stays.
 * Threads: one.
 * Errors:  one line on stderr, and the exit status.
 */
#ifndef LLMOBS_START_TOOL_H
#define LLMOBS_START_TOOL_H

/* Gives the tool these arguments, argv[0] included, and the environment as it
 * is. Returns where the tool cannot be started: 127 where it or a loader is
 * missing, else 126. */
int llmobs_start_tool(int argc, char **argv);

#endif
