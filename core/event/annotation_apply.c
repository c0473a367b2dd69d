#include "core/event/annotation_apply.h"

#include <string.h>

static void add_pair(struct llmobs_span *span, const char *key,
                     const char *value)
{
    struct llmobs_buf pair;

    llmobs_buf_init(&pair, (size_t)1 << 24);
    if (!span->extra_tags)
        span->extra_tags = llmobs_json_array();
    if (llmobs_buf_addf(&pair, "%s:%s", key, value) == 0)
        (void)llmobs_json_add(span->extra_tags, llmobs_json_string(pair.data));
    llmobs_buf_fini(&pair);
}

static void apply_tags(const struct llmobs_json *tags, struct llmobs_span *span)
{
    for (void *it = llmobs_json_iter(tags); it;
         it = llmobs_json_next(tags, it)) {
        const char *key = llmobs_json_iter_key(it);
        const char *value = llmobs_json_text(llmobs_json_iter_value(it));

        if (!value)
            continue;
        add_pair(span, key, value);
        if (strcmp(key, "session_id") == 0 && *value)
            llmobs_context_text(span->context.session_id,
                                sizeof(span->context.session_id),
                                (struct llmobs_text){value, strlen(value)});
    }
}

static void apply_prompt(struct llmobs_json *prompt, struct llmobs_span *span)
{
    if (!llmobs_json_is_object(prompt) || span->kind != LLMOBS_KIND_LLM ||
        span->proxied)
        return;
    llmobs_json_free(span->input_prompt);
    span->input_prompt = llmobs_json_share(prompt);
    add_pair(span, "prompt_tracking_instrumentation_method", "annotated");
}

void llmobs_annotation_apply(const char *packed, struct llmobs_span *span)
{
    struct llmobs_json *json;

    if (!packed ||
        llmobs_json_parse((struct llmobs_text){packed, strlen(packed)},
                          &json) != 0)
        return;
    if (llmobs_json_gets(json, "name"))
        (void)llmobs_span_set(&span->name, llmobs_json_gets(json, "name"));
    apply_tags(llmobs_json_get(json, "tags"), span);
    (void)llmobs_span_cost_tags(span, llmobs_json_get(json, "cost_tags"),
                                llmobs_json_get(json, "tags"));
    apply_prompt(llmobs_json_get(json, "prompt"), span);
    llmobs_json_free(json);
}
