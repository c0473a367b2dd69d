/* A message beside its history: Cohere's first version, and Oracle's copy of
 * it.
 */
#include "rules/rare/history.h"

#include <errno.h>
#include <stdlib.h>

#include "rules/read/facts.h"
#include "rules/read/tools.h"
#include "rules/read/values.h"

int llmobs_history_calls(struct llmobs_json *message,
                         const struct llmobs_json *from)
{
    const struct llmobs_json *calls = llmobs_json_get(from, "toolCalls");
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? 0 : -ENOMEM;

    if (!calls)
        calls = llmobs_json_get(from, "tool_calls");
    LLMOBS_JSON_EACH (one, calls, rc == 0) {
        const struct llmobs_json *given = llmobs_json_get(one, "arguments");
        const char *name = llmobs_json_gets(one, "name");

        if (!given)
            given = llmobs_json_get(one, "parameters");
        if (!llmobs_tools_is_none(name, given))
            rc = llmobs_json_add(
                list,
                llmobs_tools_call(name, llmobs_json_gets(one, "id"), "function",
                                  llmobs_tools_arguments(given)));
    }
    return llmobs_tools_set(message, list, NULL, rc);
}

int llmobs_history_add(struct llmobs_json *list,
                       const struct llmobs_json *message,
                       const struct llmobs_message_form *form)
{
    const char *own = llmobs_json_gets(message, "role");
    size_t len = own ? strlen(own) : 0;
    int rc = llmobs_message_add(list, message, form);
    char role[16] = "assistant";

    if (rc == 0)
        rc = llmobs_history_calls(
            llmobs_json_at(list, llmobs_json_len(list) - 1), message);
    if (rc < 0 || len == 0 || len >= sizeof(role))
        return rc;
    for (size_t i = 0; i <= len && strcmp(own, "CHATBOT") != 0; i++)
        role[i] = own[i] >= 'A' && own[i] <= 'Z' ? (char)(own[i] + 32) : own[i];
    return llmobs_json_sets(llmobs_json_at(list, llmobs_json_len(list) - 1),
                            "role", role);
}

/* The results of tools that stand beside a message, or in one; NULL: none. */
static const struct llmobs_json *history_results(const struct llmobs_json *from)
{
    const struct llmobs_json *list = llmobs_json_get(from, "tool_results");

    if (!list)
        list = llmobs_json_get(from, "toolResults");
    return llmobs_json_is_array(list) && llmobs_json_len(list) > 0 ? list
                                                                   : NULL;
}

/* Sets the results of `from`, if it has any, in the last message. */
static int history_set_results(struct llmobs_json *messages,
                               const struct llmobs_json *from)
{
    const struct llmobs_json *results = history_results(from);
    struct llmobs_json *list = results ? llmobs_json_array() : NULL;
    int rc = 0;

    LLMOBS_JSON_EACH (one, results, rc == 0) {
        const struct llmobs_json *said = llmobs_json_get(one, "outputs");
        const char *name =
            llmobs_json_gets(llmobs_json_get(one, "call"), "name");
        char *text = said ? llmobs_value_text(said) : NULL;

        if (said)
            rc = llmobs_json_add(
                list,
                llmobs_tools_result(name ? name : "", NULL, "tool_result",
                                    text ? llmobs_json_string(text) : NULL));
        free(text);
    }
    if (rc == 0 && results)
        return llmobs_json_set(
            llmobs_json_at(messages, llmobs_json_len(messages) - 1),
            "tool_results", list);
    llmobs_json_free(list);
    return rc;
}

int llmobs_history_request(struct llmobs_reading *reading,
                           const struct llmobs_json *from, const char *system,
                           const char *history)
{
    static const struct llmobs_message_form form = {.instead = "message"};
    const struct llmobs_json *turns = llmobs_json_get(from, history);
    struct llmobs_span *span = reading->span;
    struct llmobs_json *list;
    int rc;

    if (reading->classified->call->request_truncated)
        return 0;
    list = span->input_messages = llmobs_json_array();
    rc = list ? llmobs_message_say(list, "system",
                                   llmobs_json_gets(from, system))
              : -ENOMEM;
    llmobs_fact_apart(span);
    LLMOBS_JSON_EACH (one, turns, rc == 0) {
        if (llmobs_json_is_object(one))
            rc = llmobs_history_add(list, one, &form);
        if (rc == 0)
            rc = history_set_results(list, one);
    }
    if (rc == 0)
        rc =
            llmobs_message_say(list, "user", llmobs_json_gets(from, "message"));
    /* The results are those for the message that the request has again. */
    if (rc == 0 && history_results(from))
        rc = llmobs_message_add_text(list, "tool", (struct llmobs_text){"", 0});
    if (rc == 0)
        rc = history_set_results(list, from);
    return rc < 0
               ? rc
               : llmobs_tools_read_definitions(from, &span->tool_definitions);
}
