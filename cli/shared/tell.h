/* tell - messages to stderr that may contain texts from outside: an argument, a
 * file's name, a value of a variable.
 *
 * Threads: any. Errors: none; a message that finds no memory is lost.
 */
#ifndef LLMOBS_TELL_H
#define LLMOBS_TELL_H

/* Does as fprintf(stderr), but writes controls, characters that change the
 * direction of writing, and bytes that are no UTF-8 as \xHH, except a line end
 * at the end: so no message controls a terminal or begins a new line. */
void llmobs_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
