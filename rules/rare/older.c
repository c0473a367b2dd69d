/* Hooks of older.api. */
#include <errno.h>

#include "rules/read/hooks.h"
#include "rules/read/request.h"
#include "rules/rare/history.h"
#include "rules/tables/interpreter.h"

int llmobs_cohere_chat_request(struct llmobs_reading *reading)
{
    int rc = llmobs_request_metadata(reading->request, reading->form->keys,
                                     reading->span);

    return rc < 0 ? rc
                  : llmobs_history_request(reading, reading->request,
                                           "preamble", "chat_history");
}

/* The event of the calls has again what the model said of them. It comes once;
 * the state keeps the rest of it, since the layout remembers where it is. */
int llmobs_cohere_chat_event(struct llmobs_reading *reading,
                             const struct llmobs_event *event)
{
    static const char calls[] = "tool-calls-generation";
    const char *type = llmobs_json_gets(event->json, "event_type");
    struct llmobs_interpreter *state = reading->state;
    struct llmobs_event rest = *event;

    if (!state->said || state->value || !type || strcmp(type, calls) != 0)
        return llmobs_interpreter_event(reading, event);
    rest.json = llmobs_json_clone(event->json);
    if (!rest.json)
        return -ENOMEM;
    rest.alike = NULL;
    llmobs_json_unset(rest.json, "text");
    state->value = rest.json;
    return llmobs_interpreter_event(reading, &rest);
}
