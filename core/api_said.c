#include "core/api_said.h"

#include <errno.h>
#include <string.h>

#include "core/api_thread.h"

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

char *llmobs_api_said(void)
{
    const struct llmobs_api_extra *extra = llmobs_api_thread_extra(0);
    struct llmobs_json *said;
    char *text;

    if (!extra)
        return NULL;
    said = llmobs_json_object();
    for (size_t i = 0; (extra = llmobs_api_thread_extra(i)) != NULL; i++) {
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

/* -- of the span that is made ---------------------------------------------- */

static void add_tag(struct llmobs_span *span, const char *key,
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

static void say_tags(const struct llmobs_json *tags, struct llmobs_span *span)
{
    for (void *it = llmobs_json_iter(tags); it;
         it = llmobs_json_next(tags, it)) {
        const char *key = llmobs_json_iter_key(it);
        const char *value = llmobs_json_text(llmobs_json_iter_value(it));

        if (!value)
            continue;
        add_tag(span, key, value);
        if (strcmp(key, "session_id") == 0 && *value)
            llmobs_context_text(span->context.session_id,
                                sizeof(span->context.session_id),
                                (struct llmobs_text){value, strlen(value)});
    }
}

static void say_prompt(struct llmobs_json *prompt, struct llmobs_span *span)
{
    if (!llmobs_json_is_object(prompt) || span->kind != LLMOBS_KIND_LLM ||
        span->proxied)
        return;
    llmobs_json_free(span->input_prompt);
    span->input_prompt = llmobs_json_share(prompt);
    add_tag(span, "prompt_tracking_instrumentation_method", "annotated");
}

void llmobs_api_say(const char *said, struct llmobs_span *span)
{
    struct llmobs_json *json;

    if (!said ||
        llmobs_json_parse((struct llmobs_text){said, strlen(said)}, &json) != 0)
        return;
    if (llmobs_json_gets(json, "name"))
        (void)llmobs_span_set(&span->name, llmobs_json_gets(json, "name"));
    say_tags(llmobs_json_get(json, "tags"), span);
    say_prompt(llmobs_json_get(json, "prompt"), span);
    llmobs_json_free(json);
}
