/* wrapped_names - the objects that may call libcurl past the library, by name,
 * in a file beside the counters: a counter alone does not say which.
 *
 * Owns:    copies of the paths.
 * Threads: note: any; write: the thread that writes the ledger.
 * Errors:  none; a name that cannot be written is not there.
 * Limits:  LLMOBS_WRAPPED_NAMES of a process, each shorter than
 *          LLMOBS_WRAPPED_PATH bytes; LLMOBS_WRAPPED_FILE bytes of all. A path
 *          with a control character is not written.
 */
#ifndef LLMOBS_WRAPPED_NAMES_H
#define LLMOBS_WRAPPED_NAMES_H

#define LLMOBS_WRAPPED_NAMES 8
#define LLMOBS_WRAPPED_PATH 512
#define LLMOBS_WRAPPED_FILE 8192

/* "" stands for the program itself. */
void llmobs_wrapped_add(const char *path);

/* Adds the names that the file in the directory lacks. */
void llmobs_wrapped_write(int dir);

/* Reads the lines of all names; an empty text where there is no file. */
void llmobs_wrapped_read(const char *dir, char out[LLMOBS_WRAPPED_FILE]);

#endif
