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

/* True for a call that has neither a name nor arguments: some servers send one
 * with each answer, and no tool is meant. */
bool llmobs_tools_is_none(const char *name,
                          const struct llmobs_json *arguments);

/* Gives a tool call; NULL texts become "". Takes `arguments`. */
struct llmobs_json *llmobs_tools_call(const char *name, const char *id,
                                      const char *type,
                                      struct llmobs_json *arguments);

/* Gives a tool's result; NULL texts become "", but a NULL name is left out.
 * Takes `result`, a string value. */
struct llmobs_json *llmobs_tools_result(const char *name, const char *id,
                                        const char *type,
                                        struct llmobs_json *result);

/* Adds the call and the result of a tool that the server ran: an element of
 * Groq's `executed_tools`, which has no id. */
int llmobs_tools_add_executed(const struct llmobs_json *from,
                              struct llmobs_json *calls,
                              struct llmobs_json *results);

/* Sets message.tool_calls and .tool_results to these lists, of which an empty
 * one is left out; nothing where `rc` is an error. Takes both, answers the
 * error. */
int llmobs_tools_set(struct llmobs_json *message, struct llmobs_json *calls,
                     struct llmobs_json *results, int rc);

/* Sets them from `tool_calls`, the legacy `function_call` and the
 * `executed_tools` of an OpenAI message, if it has any. */
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
