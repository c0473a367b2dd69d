/* tools - tool calls, results and definitions of OpenAI-shaped messages.
 *
 * Owns:    nothing; what is given belongs to the caller.
 * Threads: any; no state.
 * Errors:  NULL or -ENOMEM without memory.
 * Limits:  none of its own.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_TOOLS_H
#define LLMOBS_TOOLS_H

#include "core/text/json.h"

/* Arguments as an object: JSON text is parsed, other text is {"value": text},
 * nothing is {} (WIRE 1.5). Gives it. */
struct llmobs_json *llmobs_tools_arguments(const struct llmobs_json *value);

/* A tool call; NULL texts become "". Takes `arguments`; gives the call. */
struct llmobs_json *llmobs_tools_call(const char *name, const char *id,
                                      const char *type,
                                      struct llmobs_json *arguments);

/* A tool's result; NULL texts become "", but a NULL name is left out. Takes
 * `result`, a string value; gives the object. */
struct llmobs_json *llmobs_tools_result(const char *name, const char *id,
                                        const char *type,
                                        struct llmobs_json *result);

/* Sets message.tool_calls from `tool_calls` and the legacy `function_call` of
 * an OpenAI message, where it has any. */
int llmobs_tools_read_calls(const struct llmobs_json *from,
                            struct llmobs_json *message);

/* The tool definitions of a request: `tools`, then legacy `functions`. Sets
 * *out, NULL when there are none; the caller frees it. */
int llmobs_tools_read_definitions(const struct llmobs_json *request,
                                  struct llmobs_json **out);

/* Adds the definitions of an array of tools to *list, which is made when
 * needed. */
int llmobs_tools_add_definitions(const struct llmobs_json *tools,
                                 struct llmobs_json **list);

/* A tool's definition; NULL texts become "". Takes `schema`; gives it. */
struct llmobs_json *llmobs_tools_definition(const char *name,
                                            const char *description,
                                            struct llmobs_json *schema);

#endif
