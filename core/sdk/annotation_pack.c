#include "core/sdk/annotation_pack.h"

#include <string.h>

#include "core/sdk/thread_state.h"

static void annotation_pack_join_tags(struct llmobs_json *packed,
                                      const struct llmobs_json *tags)
{
    struct llmobs_json *all = llmobs_json_get(packed, "tags");

    if (!all) {
        (void)llmobs_json_set(packed, "tags", llmobs_json_object());
        all = llmobs_json_get(packed, "tags");
    }
    for (void *it = llmobs_json_iter(tags); it; it = llmobs_json_next(tags, it))
        (void)llmobs_json_set(all, llmobs_json_iter_key(it),
                              llmobs_json_clone(llmobs_json_iter_value(it)));
}

static void join_cost_tags(struct llmobs_json *packed,
                           const struct llmobs_json *keys)
{
    struct llmobs_json *all = llmobs_json_get(packed, "cost_tags");

    if (!all) {
        (void)llmobs_json_set(packed, "cost_tags", llmobs_json_array());
        all = llmobs_json_get(packed, "cost_tags");
    }
    for (size_t i = 0; i < llmobs_json_len(keys); i++)
        (void)llmobs_json_add(all, llmobs_json_clone(llmobs_json_at(keys, i)));
}

char *llmobs_annotation_pack(void)
{
    const struct llmobs_annotation_context *context =
        llmobs_annotation_context_at(0);
    struct llmobs_json *packed;
    char *text;

    if (!context)
        return NULL;
    packed = llmobs_json_object();
    for (size_t i = 0; (context = llmobs_annotation_context_at(i)) != NULL;
         i++) {
        (void)llmobs_json_sets(packed, "name", context->name);
        if (context->tags)
            annotation_pack_join_tags(packed, context->tags);
        if (context->cost_tags)
            join_cost_tags(packed, context->cost_tags);
        if (context->prompt)
            (void)llmobs_json_set(packed, "prompt",
                                  llmobs_json_clone(context->prompt));
    }
    text = packed ? llmobs_json_dumps(packed, 0) : NULL;
    llmobs_json_free(packed);
    return text;
}
