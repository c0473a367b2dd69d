/* Gives a dialect what it reads into. */
#include "rules/read/reading.h"

#include <errno.h>
#include <string.h>

#include "rules/read/cut_json.h"
#include "rules/read/text.h"

int llmobs_reading_model(struct llmobs_reading *reading, const char *model)
{
    if (reading->model || !model || !*model)
        return 0;
    reading->model = strdup(model);
    return reading->model ? 0 : -ENOMEM;
}

const char *llmobs_reading_file(const char *model)
{
    static const char begins[] = "/\0./\0../\0~/\0";
    const char *slash = model ? strrchr(model, '/') : NULL;
    const char *back = model ? strrchr(model, '\\') : NULL;
    static const char cache[] = "/models--";
    const char *hub = model ? strstr(model, cache) : NULL;
    bool path = back || (slash && strstr(slash, ".gguf"));

    LLMOBS_WORDS_EACH (begin, slash ? begins : "")
        path = path || strncmp(model, begin, strlen(begin)) == 0;
    if (!slash || (back && back > slash))
        slash = back;
    /* Hugging Face's cache: "/models--OWNER--NAME/snapshots/REVISION". */
    hub = hub ? strstr(hub + strlen(cache), "--") : NULL;
    if (hub && strstr(hub, "/snapshots/"))
        return hub + strlen("--");
    return path && slash[1] != '\0' ? slash + 1 : model;
}

void llmobs_reading_token(struct llmobs_reading *reading,
                          const struct llmobs_event *event)
{
    if (reading->first_at == 0)
        reading->first_at = event->end;
}

bool llmobs_reading_has(const struct llmobs_reading *reading, const char *key)
{
    const struct llmobs_call *call = reading->classified->call;

    if (call->request_truncated)
        return llmobs_cut_json_has(call->request, call->request_tail, key);
    return llmobs_json_get(reading->request, key) != NULL;
}

int llmobs_reading_ends(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    bool list = llmobs_text_begins(llmobs_text_unblank(call->response), "[");

    reading->span->complete = llmobs_text_ends(
        llmobs_text_strip(call->response_tail), list ? "]" : "}");
    return 0;
}
