#include "core/sdk/annotation_pack.h"

#include <errno.h>
#include <string.h>

#include "core/sdk/thread_state.h"

/* -- in the thread that calls ---------------------------------------------- */

static void join_tags(struct llmobs_json *said, const struct llmobs_json *tags)
{
    struct llmobs_json *all = llmobs_json_get(said, "tags");

    if (!all) {
        (void)llmobs_json_set(said, "tags", llmobs_json_object());
        all = llmobs_json_get(said, "tags");
    }
    for (void *it = llmobs_json_iter(tags); it; it = llmobs_json_next(tags, it))
        (void)llmobs_json_set(all, llmobs_json_iter_key(it),
                              llmobs_json_clone(llmobs_json_iter_value(it)));
}

char *llmobs_annotation_pack(void)
{
    const struct llmobs_annotation_context *extra =
        llmobs_annotation_context_at(0);
    struct llmobs_json *said;
    char *text;

    if (!extra)
        return NULL;
    said = llmobs_json_object();
    for (size_t i = 0; (extra = llmobs_annotation_context_at(i)) != NULL; i++) {
        (void)llmobs_json_sets(said, "name", extra->name);
        if (extra->tags)
            join_tags(said, extra->tags);
        if (extra->prompt)
            (void)llmobs_json_set(said, "prompt",
                                  llmobs_json_clone(extra->prompt));
    }
    text = said ? llmobs_json_dumps(said, 0) : NULL;
    llmobs_json_free(said);
    return text;
}
