/* chars - reads the characters of a text whose escapes count as what they
 * stand for: those of JSON, at any depth of texts within texts, and those of a
 * URL.
 *
 * Threads: any.
 * Errors:  none.
 */
#ifndef LLMOBS_CHARS_H
#define LLMOBS_CHARS_H

#include "lib/base/buf.h"

/* Stands for every letter beyond ASCII. */
#define LLMOBS_CHARS_FOREIGN '\x80'

/* The letter that the "u0041" behind a backslash stands for; '\0': no unit. */
char llmobs_chars_unit(const char *text, size_t len);

/* Reads the character at *at, and moves behind it. Of escapes, only a slash and
 * \u units are characters; any other escape counts as a quote. '\0' at the end
 * of the text. */
char llmobs_chars_next(struct llmobs_text text, size_t *at);

/* Reads the character that ends before *at, and moves to its beginning: \n is a
 * line feed, %2D a hyphen. '\0' at the beginning of the text. */
char llmobs_chars_last(struct llmobs_text text, size_t *at);

/* Reads two hexadecimal digits behind the '%' at `at`, and sets *end behind
 * them; '\0': no such digits. */
char llmobs_chars_percent(struct llmobs_text text, size_t at, size_t *end);

/* Like llmobs_chars_next, but %2D also counts as a hyphen. */
char llmobs_chars_read(struct llmobs_text text, size_t *at);

#endif
