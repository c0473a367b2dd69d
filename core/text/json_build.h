/* json_build - values from a text that json_clean has passed.
 *
 * Owns:    nothing.
 * Threads: any; the locale has no say.
 * Errors:  -ENOMEM.
 * Limits:  those of json_clean.
 * Fork:    plain memory.
 *
 * The grammar is not checked again: the text has to be what llmobs_json_clean
 * gave. The library's own reader takes 140 instructions for each byte of a
 * string, a dozen times what this one does.
 */
#ifndef LLMOBS_JSON_BUILD_H
#define LLMOBS_JSON_BUILD_H

#include "core/text/json.h"

/* Gives `*out`. */
int llmobs_json_build(struct llmobs_text clean, struct llmobs_json **out);

#endif
