/* gemini_tools - the function declarations of Google's models as tool
 * definitions.
 *
 * Owns:    nothing; the caller owns the definitions that it is given.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  schemas as deep as lib/text/json.h parses them.
 *
 * Source:  WIRE 6.10.
 */
#ifndef LLMOBS_GEMINI_TOOLS_H
#define LLMOBS_GEMINI_TOOLS_H

#include "lib/text/json.h"

/* Gives a request's tool definitions in *out; NULL when there are none. */
int llmobs_gemini_read_tools(const struct llmobs_json *request,
                             struct llmobs_json **out);

#endif
