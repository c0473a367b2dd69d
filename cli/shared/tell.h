/* tell - messages to stderr, which may repeat what others wrote: an argument, a
 * file's name, a value of a variable.
 *
 * Threads: any. Errors: none; a message that finds no memory is lost.
 */
#ifndef LLMOBS_TELL_H
#define LLMOBS_TELL_H

/* As fprintf(stderr). But for a line's end as the last character it writes
 * controls, characters that change the direction of writing, and bytes that are
 * no UTF-8 as \xHH, so that no message controls a terminal or begins a line.
 */
void llmobs_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
