/* regex_compile - compiles an extended regular expression to programs that
 * regex.h runs.
 *
 * The syntax is that of `grep -E`: . [] [^] [[:alpha:]] () | * + ? {m,n} ^ $,
 * with \d \w \s \b and their opposites, and (?i) at the beginning for upper and
 * lower case alike; no references back. ^ and $ stand at the ends of lines, and
 * neither . nor [^] matches a line feed. Text is bytes; brackets hold ASCII.
 *
 * Owns:    a regex owns its programs.
 * Threads: any; a regex is constant.
 * Errors:  -EINVAL with the reason, -ENOMEM.
 * Limits:  LLMOBS_REGEX_LEN bytes of a pattern, LLMOBS_REGEX_SIZE instructions
 *          of a program.
 */
#ifndef LLMOBS_REGEX_COMPILE_H
#define LLMOBS_REGEX_COMPILE_H

#include "lib/base/buf.h"

#define LLMOBS_REGEX_LEN 512
#define LLMOBS_REGEX_SIZE 3000

struct llmobs_regex;

/* Gives a regex. Refuses a pattern that matches the empty text. `why` is
 * static. */
int llmobs_regex_compile(struct llmobs_text pattern, struct llmobs_regex **out,
                         const char **why);
void llmobs_regex_free(struct llmobs_regex *regex);

#endif
