/* ask - a question to the person at the terminal.
 *
 * Threads: one. Errors: no answer is a no.
 */
#ifndef LLMOBS_ASK_H
#define LLMOBS_ASK_H

#include <stdbool.h>

/* Writes the question, as it is, to stderr and reads the answer from stdin;
 * true for a yes. The caller makes sure that stdin is a terminal. */
bool llmobs_ask(const char *question);

#endif
