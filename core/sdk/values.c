#include "core/sdk/values.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* By how many bytes a struct of a later version may be bigger. */
#define LATER_MAX 4096
/* Whole numbers up to here (2^53) are written without a fraction. */
#define WHOLE_MAX 9007199254740992.0

int llmobs_values_copy(void *to, size_t own, size_t first, const void *from)
{
    const unsigned char *bytes = from;
    size_t size;

    if (!from)
        return -EINVAL;
    memcpy(&size, from, sizeof(size));
    if (size < first || size % sizeof(void *) || size > own + LATER_MAX)
        return -EINVAL;
    for (size_t i = own; i < size; i++)
        if (bytes[i] != 0)
            return -E2BIG;
    memset(to, 0, own);
    memcpy(to, from, size < own ? size : own);
    return 0;
}

int llmobs_values_parse(const char *text, struct llmobs_json **out)
{
    *out = NULL;
    if (!text)
        return 0;
    return llmobs_json_parse(llmobs_text_of(text), out);
}

static bool is_list(const void *list, size_t count)
{
    return count == 0 || (list && count <= LLMOBS_VALUES_LIST_MAX);
}

/* Gives the value that was made. If `rc` or the value has an error, frees the
 * value and returns the error. */
static int finish(struct llmobs_json *made, int rc, struct llmobs_json **out)
{
    if (rc == 0)
        rc = llmobs_json_error(made);
    *out = llmobs_json_done(made, rc);
    return rc;
}

int llmobs_values_pairs(const struct llmobs_pair *pairs, size_t count,
                        struct llmobs_json **out)
{
    struct llmobs_json *object;
    int rc = 0;

    *out = NULL;
    if (!is_list(pairs, count))
        return -EINVAL;
    if (count == 0)
        return 0;
    object = llmobs_json_object();
    for (size_t i = 0; i < count && !rc; i++) {
        if (!pairs[i].key || !*pairs[i].key || strchr(pairs[i].key, ':'))
            rc = -EINVAL;
        else
            rc = llmobs_json_sets(object, pairs[i].key,
                                  pairs[i].value ? pairs[i].value : "");
    }
    return finish(object, rc, out);
}

static struct llmobs_json *number_of(double value)
{
    /* libm is not linked: gcc has trunc inline, clang calls it. */
    if (fabs(value) <= WHOLE_MAX && value == (double)(int64_t)value)
        return llmobs_json_int((int64_t)value);
    return llmobs_json_real(value);
}

static int make_numbers(const struct llmobs_number *numbers, size_t count,
                        struct llmobs_json **out)
{
    struct llmobs_json *object;
    int rc = 0;

    if (!is_list(numbers, count))
        return -EINVAL;
    if (count == 0)
        return 0;
    object = llmobs_json_object();
    for (size_t i = 0; i < count && !rc; i++) {
        if (!numbers[i].key || !*numbers[i].key || !isfinite(numbers[i].value))
            rc = -EINVAL;
        else
            rc = llmobs_json_set(object, numbers[i].key,
                                 number_of(numbers[i].value));
    }
    return finish(object, rc, out);
}

/* -- sides ---------------------------------------------------------------- */

static void add_tools(struct llmobs_json *object,
                      const struct llmobs_message *message)
{
    struct llmobs_json *calls = llmobs_json_array();
    struct llmobs_json *results = llmobs_json_array();

    for (size_t i = 0; i < message->tool_call_count; i++) {
        const struct llmobs_tool_call *call = &message->tool_calls[i];
        struct llmobs_json *one = llmobs_json_object();

        (void)llmobs_json_set_texts(one, "name", call->name ? call->name : "",
                                    "arguments", call->arguments, "tool_id",
                                    call->tool_id, "type", call->type, NULL);
        (void)llmobs_json_add(calls, one);
    }
    for (size_t i = 0; i < message->tool_result_count; i++) {
        const struct llmobs_tool_result *result = &message->tool_results[i];
        struct llmobs_json *one = llmobs_json_object();

        (void)llmobs_json_set_texts(
            one, "result", result->result ? result->result : "", "name",
            result->name, "tool_id", result->tool_id, "type", result->type,
            NULL);
        (void)llmobs_json_add(results, one);
    }
    if (message->tool_call_count)
        (void)llmobs_json_set(object, "tool_calls", calls);
    else
        llmobs_json_free(calls);
    if (message->tool_result_count)
        (void)llmobs_json_set(object, "tool_results", results);
    else
        llmobs_json_free(results);
}

static int add_message(struct llmobs_json *list,
                       const struct llmobs_message *message)
{
    struct llmobs_json *object;

    if (!is_list(message->tool_calls, message->tool_call_count) ||
        !is_list(message->tool_results, message->tool_result_count))
        return -EINVAL;
    object = llmobs_json_object();
    (void)llmobs_json_set_texts(object, "content",
                                message->content ? message->content : "",
                                "role", message->role, NULL);
    if (message->tool_call_count || message->tool_result_count)
        add_tools(object, message);
    return llmobs_json_add(list, object);
}

static int add_document(struct llmobs_json *list,
                        const struct llmobs_document *document)
{
    struct llmobs_json *object;

    if (document->has_score && !isfinite(document->score))
        return -EINVAL;
    object = llmobs_json_object();
    (void)llmobs_json_set_texts(object, "text",
                                document->text ? document->text : "", "name",
                                document->name, "id", document->id, NULL);
    if (document->has_score)
        (void)llmobs_json_set(object, "score", number_of(document->score));
    return llmobs_json_add(list, object);
}

static int make_side(const struct llmobs_side *side, struct llmobs_json **out)
{
    int forms = (side->text != NULL) + (side->json != NULL) +
                (side->message_count > 0) + (side->document_count > 0);
    struct llmobs_json *list;
    int rc = 0;

    if (forms == 0)
        return 0;
    if (forms > 1 || !is_list(side->messages, side->message_count) ||
        !is_list(side->documents, side->document_count))
        return -EINVAL;
    if (side->json)
        return llmobs_values_parse(side->json, out);
    if (side->text) {
        *out = llmobs_json_string(side->text);
        return *out ? 0 : -ENOMEM;
    }
    list = llmobs_json_array();
    for (size_t i = 0; i < side->message_count && !rc; i++)
        rc = add_message(list, &side->messages[i]);
    for (size_t i = 0; i < side->document_count && !rc; i++)
        rc = add_document(list, &side->documents[i]);
    return finish(list, rc, out);
}

int llmobs_values_texts(const char *const *texts, size_t count,
                        struct llmobs_json **out)
{
    struct llmobs_json *list;
    int rc = 0;

    *out = NULL;
    if (!is_list(texts, count))
        return -EINVAL;
    if (count == 0)
        return 0;
    list = llmobs_json_array();
    for (size_t i = 0; i < count && !rc; i++)
        rc = texts[i] ? llmobs_json_add(list, llmobs_json_string(texts[i]))
                      : -EINVAL;
    return finish(list, rc, out);
}

/* The attributes of a link that names neither end are empty. */
static int make_links(const struct llmobs_link *links, size_t count,
                      struct llmobs_json **out)
{
    struct llmobs_json *list;
    int rc = 0;

    if (!is_list(links, count))
        return -EINVAL;
    if (count == 0)
        return 0;
    list = llmobs_json_array();
    for (size_t i = 0; i < count && !rc; i++) {
        struct llmobs_json *one, *ends;

        if (!links[i].span) {
            rc = -EINVAL;
            continue;
        }
        one = llmobs_json_object();
        ends = llmobs_json_object();
        (void)llmobs_json_set_texts(one, "span_id", links[i].span->span_id,
                                    "trace_id", links[i].span->trace_id, NULL);
        (void)llmobs_json_set_texts(ends, "from", links[i].from, "to",
                                    links[i].to, NULL);
        (void)llmobs_json_set(one, "attributes", ends);
        rc = llmobs_json_add(list, one);
    }
    return finish(list, rc, out);
}

int llmobs_values_annotation(const struct llmobs_annotation *annotation,
                             struct llmobs_annotation_json *out)
{
    int rc;

    memset(out, 0, sizeof(*out));
    rc = make_side(&annotation->input, &out->input);
    if (!rc)
        rc = make_side(&annotation->output, &out->output);
    if (!rc)
        rc = make_numbers(annotation->metrics, annotation->metric_count,
                          &out->metrics);
    if (!rc)
        rc = llmobs_values_pairs(annotation->tags, annotation->tag_count,
                                 &out->tags);
    if (!rc)
        rc = llmobs_values_parse(annotation->metadata_json, &out->metadata);
    if (!rc)
        rc =
            llmobs_values_parse(annotation->tool_definitions_json, &out->tools);
    if (!rc)
        rc = llmobs_values_parse(annotation->prompt_json, &out->prompt);
    if (!rc)
        rc = llmobs_values_texts(annotation->cost_tags,
                                 annotation->cost_tag_count, &out->cost_tags);
    if (!rc && annotation->agent_version) {
        out->agent = llmobs_json_object();
        rc = llmobs_json_sets(out->agent, "version", annotation->agent_version);
    }
    if (!rc)
        rc = llmobs_values_parse(annotation->agent_manifest_json,
                                 &out->manifest);
    if (!rc)
        rc = make_links(annotation->links, annotation->link_count, &out->links);
    if (rc)
        llmobs_annotation_json_free(out);
    return rc;
}
