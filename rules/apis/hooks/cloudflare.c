/* Hooks of cloudflare.api. */
#include <errno.h>

#include "rules/read/hooks.h"
#include "rules/tables/interpreter.h"

/* Takes the first try's body as the request. */
int llmobs_cloudflare_tries(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *list = NULL, *query;
    int rc = 0;

    if (!reading->request && call->request.data && !call->request_truncated)
        rc = llmobs_json_parse(call->request, &list);
    query = llmobs_json_share(llmobs_json_get(
        list ? llmobs_json_at(list, 0) : reading->request, "query"));
    llmobs_json_free(list);
    if (!llmobs_json_is_object(query)) {
        llmobs_json_free(query);
        return rc == -ENOMEM ? rc : -ENOENT;
    }
    llmobs_json_free(reading->request);
    reading->request = query;
    return llmobs_interpreter_begin(reading);
}
