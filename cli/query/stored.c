/* Reads fields of a stored event, such as its tags and its model. */
#include "cli/query/stored.h"

#include <string.h>

static const char *full(const char *text)
{
    return llmobs_has_text(text) ? text : NULL;
}

const char *llmobs_stored_kind(const struct llmobs_json *event)
{
    const struct llmobs_json *meta = llmobs_json_get(event, "meta");
    const char *kind = llmobs_json_gets(llmobs_json_get(meta, "span"), "kind");

    return kind ? kind : llmobs_json_gets(meta, "span.kind");
}

const char *llmobs_stored_tag(const struct llmobs_json *event, const char *key)
{
    const struct llmobs_json *tags = llmobs_json_get(event, "tags");
    size_t len = strlen(key), count = llmobs_json_len(tags);

    for (size_t i = 0; i < count; i++) {
        const char *tag = llmobs_json_text(llmobs_json_at(tags, i));

        if (tag && *tag == *key && !strncmp(tag, key, len) && tag[len] == ':')
            return tag + len + 1;
    }
    return NULL;
}

const char *llmobs_stored_session(const struct llmobs_json *event)
{
    const char *session = llmobs_json_gets(event, "session_id");

    return session ? session : llmobs_stored_tag(event, "session_id");
}

const struct llmobs_json *llmobs_stored_call(const struct llmobs_json *event,
                                             const char *name)
{
    return llmobs_json_get(llmobs_json_get(event, "_call"), name);
}

bool llmobs_stored_billed(const struct llmobs_json *event)
{
    static const char kinds[] = "agent\0task\0tool\0retrieval\0"
                                "";
    static const char *const counts[] = {"input_tokens", "output_tokens",
                                         "total_cost"};
    const struct llmobs_json *metrics = llmobs_json_get(event, "metrics");
    const char *kind = llmobs_stored_kind(event);
    bool known = false;

    if (!kind || !llmobs_words_have(kinds, kind) ||
        !llmobs_stored_tag(event, "integration"))
        return false;
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        known |= llmobs_json_is_number(llmobs_json_get(metrics, counts[i]));
    return known;
}

const char *llmobs_stored_model(const struct llmobs_json *event)
{
    const struct llmobs_json *meta = llmobs_json_get(event, "meta");
    const char *model =
        full(llmobs_json_text(llmobs_stored_call(event, "request_model")));

    if (!model)
        model = full(llmobs_json_gets(meta, "model_name"));
    if (!model && llmobs_stored_billed(event))
        model =
            full(llmobs_json_gets(llmobs_json_get(meta, "metadata"), "model"));
    return model;
}

const char *llmobs_stored_response_model(const struct llmobs_json *event)
{
    const struct llmobs_json *meta = llmobs_json_get(event, "meta");
    const char *named = full(llmobs_json_gets(meta, "model_name"));
    const char *model =
        full(llmobs_json_text(llmobs_stored_call(event, "response_model")));

    if (model || !named)
        return model;
    return strcmp(named, llmobs_stored_model(event)) != 0 ? named : NULL;
}

const struct llmobs_json *llmobs_stored_caller(const struct llmobs_json *event)
{
    return llmobs_json_get(
        llmobs_json_get(llmobs_json_get(event, "meta"), "metadata"), "caller");
}

const char *llmobs_stored_script(const struct llmobs_json *event)
{
    return full(llmobs_json_gets(llmobs_stored_caller(event), "entry"));
}

const char *llmobs_stored_run(const struct llmobs_json *event,
                              char room[LLMOBS_STORED_ROOM])
{
    const char *run = full(llmobs_json_text(llmobs_stored_call(event, "run")));

    size_t len = run ? strcspn(run, ".") : 0;

    if (!run || strchr(run, '['))
        return NULL;
    len = len < LLMOBS_STORED_ROOM ? len : LLMOBS_STORED_ROOM - 1;
    memcpy(room, run, len);
    room[len] = '\0';
    return full(room);
}

const char *llmobs_stored_path_end(const char *path, const char *end)
{
    if (!end) /* in "dir/file:4 a/b" the last member begins with "file" */
        end = path + strcspn(path, " ");
    else if (end == path)
        return NULL;
    else
        end--;
    while (end > path && end[-1] != '/')
        end--;
    return end;
}
