#include "core/sdk/api_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/sdk/span_io.h"
#include "core/sdk/own_span.h"
#include "core/sdk/thread_state.h"

/* What is to be changed, made before anything is. */
struct change {
    bool has_input, has_output;
    struct llmobs_span_side input, output;
    struct llmobs_json *tools;
    struct llmobs_json *prompt;
    struct llmobs_json *tags; /* values are texts */
};

static void free_change(struct change *change)
{
    llmobs_span_side_free(&change->input);
    llmobs_span_side_free(&change->output);
    llmobs_json_free(change->tools);
    llmobs_json_free(change->prompt);
    llmobs_json_free(change->tags);
}

void llmobs_annotation_json_free(struct llmobs_annotation_json *data)
{
    llmobs_json_free(data->input);
    llmobs_json_free(data->output);
    llmobs_json_free(data->metadata);
    llmobs_json_free(data->metrics);
    llmobs_json_free(data->tags);
    llmobs_json_free(data->tools);
    llmobs_json_free(data->prompt);
    memset(data, 0, sizeof(*data));
}

static bool are_numbers(const struct llmobs_json *metrics)
{
    if (!llmobs_json_is_object(metrics))
        return false;
    for (void *it = llmobs_json_iter(metrics); it;
         it = llmobs_json_next(metrics, it))
        if (!*llmobs_json_iter_key(it) ||
            !llmobs_json_is_number(llmobs_json_iter_value(it)))
            return false;
    return true;
}

static int make_tags(const struct llmobs_json *tags, struct llmobs_json **out)
{
    struct llmobs_json *made;
    int rc = 0;

    if (!llmobs_json_is_object(tags))
        return -EINVAL;
    made = llmobs_json_object();
    for (void *it = llmobs_json_iter(tags); it && !rc;
         it = llmobs_json_next(tags, it)) {
        const char *key = llmobs_json_iter_key(it);
        char *text = llmobs_span_io_tag(llmobs_json_iter_value(it));

        rc = text ? llmobs_json_sets(made, key, text) : -ENOMEM;
        if (!*key || strchr(key, ':'))
            rc = -EINVAL;
        free(text);
    }
    *out = made;
    return made ? rc : -ENOMEM;
}

static int make_change(enum llmobs_kind kind,
                       const struct llmobs_annotation_json *data,
                       struct change *change)
{
    int rc = 0;

    if ((data->metadata && !llmobs_json_is_object(data->metadata)) ||
        (data->metrics && !are_numbers(data->metrics)) ||
        ((data->tools || data->prompt) && kind != LLMOBS_KIND_LLM))
        return -EINVAL;
    change->has_input = data->input && !llmobs_json_is_null(data->input);
    change->has_output = data->output && !llmobs_json_is_null(data->output);
    if (change->has_input)
        rc = llmobs_span_io_input(kind, data->input, &change->input);
    if (!rc && change->has_output)
        rc = llmobs_span_io_output(kind, data->output, &change->output);
    if (!rc && data->tools)
        rc = llmobs_span_io_tools(data->tools, &change->tools);
    if (!rc && data->prompt)
        rc = llmobs_span_io_prompt(data->prompt, &change->prompt);
    if (!rc && data->tags)
        rc = make_tags(data->tags, &change->tags);
    return rc;
}

static void swap(struct llmobs_json **a, struct llmobs_json **b)
{
    struct llmobs_json *was = *a;

    *a = *b;
    *b = was;
}

static void swap_side(struct llmobs_span_side *side,
                      struct llmobs_json **messages,
                      struct llmobs_json **documents, char **value)
{
    char *was = *value;

    swap(messages, &side->messages);
    swap(documents, &side->documents);
    *value = side->value;
    side->value = was;
}

/* Moves members; the one owner of `from` is about to let go of it. */
static int join(struct llmobs_json **to, const struct llmobs_json *from)
{
    int rc = 0;

    if (!*to)
        *to = llmobs_json_object();
    for (void *it = llmobs_json_iter(from); it && !rc;
         it = llmobs_json_next(from, it))
        rc = llmobs_json_set(*to, llmobs_json_iter_key(it),
                             llmobs_json_share(llmobs_json_iter_value(it)));
    return *to ? rc : -ENOMEM;
}

static int join_tags(struct llmobs_open_span *live,
                     const struct llmobs_json *tags)
{
    const char *session = llmobs_json_gets(tags, "session_id");

    if (session && *session)
        llmobs_context_text(live->span.context.session_id,
                            sizeof(live->span.context.session_id),
                            (struct llmobs_text){session, strlen(session)});
    return join(&live->tags, tags);
}

static int set_prompt(struct llmobs_open_span *live,
                      struct llmobs_json **prompt)
{
    swap(&live->span.input_prompt, prompt);
    if (!live->tags)
        live->tags = llmobs_json_object();
    return llmobs_json_sets(
        live->tags, "prompt_tracking_instrumentation_method", "annotated");
}

static int apply(struct llmobs_open_span *live, struct change *change,
                 const struct llmobs_annotation_json *data)
{
    struct llmobs_span *span = &live->span;
    int rc = 0;

    if (change->has_input)
        swap_side(&change->input, &span->input_messages, &span->input_documents,
                  &span->input_value);
    if (change->has_output)
        swap_side(&change->output, &span->output_messages,
                  &span->output_documents, &span->output_value);
    if (change->tools)
        swap(&span->tool_definitions, &change->tools);
    if (change->prompt)
        rc = set_prompt(live, &change->prompt);
    if (!rc && change->tags)
        rc = join_tags(live, change->tags);
    if (!rc && data->metadata)
        rc = join(&span->metadata, data->metadata);
    if (!rc && data->metrics)
        rc = join(&span->metrics, data->metrics);
    return rc;
}

int llmobs_own_span_annotate(uint64_t span, struct llmobs_annotation_json *data)
{
    struct change change = {0};
    struct llmobs_open_span *live;
    int rc = llmobs_own_span_lock(&span, &live);

    if (!rc) {
        rc = make_change(live->span.kind, data, &change);
        if (!rc)
            rc = apply(live, &change, data);
        free_change(&change);
        llmobs_annotation_json_free(data);
        llmobs_span_table_unlock(span);
    } else {
        llmobs_annotation_json_free(data);
    }
    return llmobs_own_span_complain(rc, "annotate");
}

static int add_extra(struct llmobs_open_span *live,
                     const struct llmobs_annotation_context *extra)
{
    struct llmobs_json *copy;
    int rc = extra->name ? llmobs_span_set(&live->span.name, extra->name) : 0;

    if (!rc && extra->tags) {
        copy = llmobs_json_clone(extra->tags);
        rc = copy ? join_tags(live, copy) : -ENOMEM;
        llmobs_json_free(copy);
    }
    if (!rc && extra->prompt && live->span.kind == LLMOBS_KIND_LLM) {
        copy = llmobs_json_clone(extra->prompt);
        rc = copy ? set_prompt(live, &copy) : -ENOMEM;
        llmobs_json_free(copy);
    }
    return rc;
}

int llmobs_own_span_add_contexts(struct llmobs_open_span *live)
{
    const struct llmobs_annotation_context *extra;
    int rc = 0;

    for (size_t i = 0; !rc && (extra = llmobs_annotation_context_at(i)) != NULL;
         i++)
        rc = add_extra(live, extra);
    return rc;
}

int llmobs_own_span_annotate_json(uint64_t span,
                                  const struct llmobs_json *object)
{
    struct llmobs_annotation_json data = {0};
    const struct {
        const char *key;
        struct llmobs_json **to;
    } keys[] = {
        {"input", &data.input},       {"output", &data.output},
        {"metadata", &data.metadata}, {"metrics", &data.metrics},
        {"tags", &data.tags},         {"tool_definitions", &data.tools},
        {"prompt", &data.prompt},
    };
    size_t known = 0;

    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        const struct llmobs_json *value = llmobs_json_get(object, keys[i].key);

        known += value != NULL;
        *keys[i].to = value ? llmobs_json_clone(value) : NULL;
        if (value && !*keys[i].to) {
            llmobs_annotation_json_free(&data);
            return -ENOMEM;
        }
    }
    if (llmobs_json_is_object(object) && known == llmobs_json_len(object))
        return llmobs_own_span_annotate(span, &data);
    llmobs_annotation_json_free(&data);
    return llmobs_own_span_complain(-EINVAL,
                                    "annotate by what is no annotation");
}

int llmobs_own_span_fail(uint64_t span, const char *type, const char *message,
                         const char *stack)
{
    struct llmobs_open_span *live;
    int rc = llmobs_own_span_lock(&span, &live);

    if (rc)
        return llmobs_own_span_complain(rc, "error");
    if (!live->span.failed) {
        rc = llmobs_span_fail(&live->span, type, message);
        if (!rc)
            rc = llmobs_span_set_masked(&live->span.error_stack, stack);
    }
    llmobs_span_table_unlock(span);
    return llmobs_own_span_complain(rc, "error");
}
