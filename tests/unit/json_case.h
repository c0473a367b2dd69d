/* json_case - what the tests of JSON share. */
#ifndef LLMOBS_UNIT_JSON_CASE_H
#define LLMOBS_UNIT_JSON_CASE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/text/json.h"
#include "tests/unit/unit.h"

#define BAD "\xEF\xBF\xBD" /* U+FFFD */
#define BYTES(text) (text), sizeof(text) - 1

/* Parses from memory of exactly the text's size, so that a sanitizer sees any
 * byte read beyond it. */
int json_case_parse(const char *text, size_t len, struct llmobs_json **json);

/* Gives what a text that is good JSON holds. */
struct llmobs_json *json_case_parsed(const char *text);

/* The next of a series that is the same in each run. */
uint64_t json_case_random(uint64_t *state);

#endif
