/* Hooks of renders.api. */
#include <string.h>

#include "rules/read/hooks.h"
#include "rules/read/text.h"

static const char sora_says[] = "\"object\":\"video\"\0\"object\": \"video\"\0";

/* Many servers have videos. These have a prompt for a model of this family;
 * where the request names no model, the host is known, or the answer is
 * OpenAI's object. */
bool llmobs_openai_videos_asks(const struct llmobs_reading *reading)
{
    const char *model = llmobs_json_gets(reading->request, "model");

    return llmobs_json_gets(reading->request, "prompt") &&
           (model ? strncmp(model, "sora-", 5) == 0
                  : !reading->classified->confirm ||
                        llmobs_text_has_any(reading->classified->call->response,
                                            sora_says));
}

bool llmobs_xai_speaks(const struct llmobs_reading *reading)
{
    return llmobs_reading_has(reading, "text");
}

char *llmobs_hyperbolic_model(const struct llmobs_reading *reading)
{
    const char *model = llmobs_json_gets(reading->request, "model_name");

    return strdup(model ? model : "");
}

/* The application is the path's first part. */
char *llmobs_fal_model(const struct llmobs_reading *reading)
{
    struct llmobs_text path = reading->classified->url->path;
    const char *end = memmem(path.data, path.len, "/requests/", 10);

    if (end)
        path.len = (size_t)(end - path.data);
    if (path.len > 0) {
        path.data++;
        path.len--;
    }
    return llmobs_url_decode(path);
}
