/* tools - tool calls, results and definitions of OpenAI-shaped messages.
 *
 * Owns:    nothing; the caller owns the values that it is given.
 * Threads: any; no state.
 * Errors:  NULL or -ENOMEM when memory runs out.
 */
#ifndef LLMOBS_TOOLS_H
#define LLMOBS_TOOLS_H

#include "lib/text/json.h"

/* Gives arguments as an object: JSON text is parsed, other text becomes
 * {"value": text}, no arguments {} (WIRE 1.5). */
struct llmobs_json *llmobs_tools_arguments(const struct llmobs_json *value);

/* Gives a tool call; NULL texts become "". Takes `arguments`. */
struct llmobs_json *llmobs_tools_call(const char *name, const char *id,
                                      const char *type,
                                      struct llmobs_json *arguments);

/* Gives a tool's result; NULL texts become "", but a NULL name is left out.
 * Takes `result`, a string value. */
struct llmobs_json *llmobs_tools_result(const char *name, const char *id,
                                        const char *type,
                                        struct llmobs_json *result);

/* Sets message.tool_calls from `tool_calls` and the legacy `function_call` of
 * an OpenAI message, if it has them. */
int llmobs_tools_read_calls(const struct llmobs_json *from,
                            struct llmobs_json *message);

/* Gives the tool definitions of a request, `tools`, then legacy `functions`, in
 * *out; NULL when it has no definitions. */
int llmobs_tools_read_definitions(const struct llmobs_json *request,
                                  struct llmobs_json **out);

/* Adds the definitions of an array of tools to *list, which is made when
 * needed. */
int llmobs_tools_add_definitions(const struct llmobs_json *tools,
                                 struct llmobs_json **list);

/* Gives a tool's definition; NULL texts become "". Takes `schema`. */
struct llmobs_json *llmobs_tools_definition(const char *name,
                                            const char *description,
                                            struct llmobs_json *schema);

#endif
