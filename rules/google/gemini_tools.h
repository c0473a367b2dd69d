/* gemini_tools - the function declarations of Google's models as tool
 * definitions.
 *
 * Owns:    nothing; what is given belongs to the caller.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  schemas as deep as core/text/json.h parses them.
 * Fork:    nothing to do.
 *
 * Source: WIRE 6.10.
 */
#ifndef LLMOBS_GEMINI_TOOLS_H
#define LLMOBS_GEMINI_TOOLS_H

#include "core/text/json.h"

/* The tool definitions of a request. Sets *out, NULL when there are none; the
 * caller frees it. */
int llmobs_gemini_read_tools(const struct llmobs_json *request,
                             struct llmobs_json **out);

#endif
