/* start_tool - executes the tool itself, llmobs-tool, by the loader that this
 * system has.
 *
 * One file of the tool serves glibc and musl, and has the path of glibc's
 * loader in it. If the kernel finds that loader, it starts the tool. Otherwise
 * this looks for the loader, and executes it with the tool as argument.
 *
 * Owns:    nothing: it opens no descriptor that stays.
 * Threads: one.
 * Errors:  one line on stderr, and the exit status.
 */
#ifndef LLMOBS_START_TOOL_H
#define LLMOBS_START_TOOL_H

/* Executes the tool with these arguments, argv[0] included, and the environment
 * unchanged. Returns if the tool cannot be started: 127 if the tool or a loader
 * is missing, else 126. */
int llmobs_start_tool(int argc, char **argv);

#endif
