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
    return llmobs_json_parse((struct llmobs_text){text, strlen(text)}, out);
}

static bool is_list(const void *list, size_t count)
{
    return count == 0 || (list && count <= LLMOBS_VALUES_LIST_MAX);
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
    if (!rc && object) {
        *out = object;
        return 0;
    }
    llmobs_json_free(object);
    return rc ? rc : -ENOMEM;
}

static struct llmobs_json *number_of(double value)
{
    /* No libm here: gcc has trunc inline, clang calls it. */
    if (fabs(value) <= WHOLE_MAX && value == (double)(int64_t)value)
        return llmobs_json_int((int64_t)value);
    return llmobs_json_real(value);
}

static int numbers_of(const struct llmobs_number *numbers, size_t count,
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
    if (!rc && object) {
        *out = object;
        return 0;
    }
    llmobs_json_free(object);
    return rc ? rc : -ENOMEM;
}

/* -- sides ---------------------------------------------------------------- */

static int add_call(struct llmobs_json *list,
                    const struct llmobs_tool_call *call)
{
    struct llmobs_json *object = llmobs_json_object();
    int rc = llmobs_json_sets(object, "name", call->name ? call->name : "");

    if (!rc)
        rc = llmobs_json_sets(object, "arguments", call->arguments);
    if (!rc)
        rc = llmobs_json_sets(object, "tool_id", call->tool_id);
    if (!rc)
        rc = llmobs_json_sets(object, "type", call->type);
    if (!rc)
        return llmobs_json_add(list, object);
    llmobs_json_free(object);
    return rc;
}

static int add_result(struct llmobs_json *list,
                      const struct llmobs_tool_result *result)
{
    struct llmobs_json *object = llmobs_json_object();
    int rc = llmobs_json_sets(object, "result",
                              result->result ? result->result : "");

    if (!rc)
        rc = llmobs_json_sets(object, "name", result->name);
    if (!rc)
        rc = llmobs_json_sets(object, "tool_id", result->tool_id);
    if (!rc)
        rc = llmobs_json_sets(object, "type", result->type);
    if (!rc)
        return llmobs_json_add(list, object);
    llmobs_json_free(object);
    return rc;
}

static int set_tools(struct llmobs_json *object,
                     const struct llmobs_message *message)
{
    struct llmobs_json *list;
    int rc = 0;

    if (message->tool_call_count) {
        list = llmobs_json_array();
        for (size_t i = 0; i < message->tool_call_count && !rc; i++)
            rc = add_call(list, &message->tool_calls[i]);
        if (!rc)
            rc = llmobs_json_set(object, "tool_calls", list);
        else
            llmobs_json_free(list);
    }
    if (!rc && message->tool_result_count) {
        list = llmobs_json_array();
        for (size_t i = 0; i < message->tool_result_count && !rc; i++)
            rc = add_result(list, &message->tool_results[i]);
        if (!rc)
            rc = llmobs_json_set(object, "tool_results", list);
        else
            llmobs_json_free(list);
    }
    return rc;
}

static int add_message(struct llmobs_json *list,
                       const struct llmobs_message *message)
{
    struct llmobs_json *object;
    int rc;

    if (!is_list(message->tool_calls, message->tool_call_count) ||
        !is_list(message->tool_results, message->tool_result_count))
        return -EINVAL;
    object = llmobs_json_object();
    rc = llmobs_json_sets(object, "content",
                          message->content ? message->content : "");
    if (!rc)
        rc = llmobs_json_sets(object, "role", message->role);
    if (!rc)
        rc = set_tools(object, message);
    if (!rc)
        return llmobs_json_add(list, object);
    llmobs_json_free(object);
    return rc;
}

static int add_document(struct llmobs_json *list,
                        const struct llmobs_document *document)
{
    struct llmobs_json *object;
    int rc;

    if (document->has_score && !isfinite(document->score))
        return -EINVAL;
    object = llmobs_json_object();
    rc = llmobs_json_sets(object, "text", document->text ? document->text : "");
    if (!rc)
        rc = llmobs_json_sets(object, "name", document->name);
    if (!rc)
        rc = llmobs_json_sets(object, "id", document->id);
    if (!rc && document->has_score)
        rc = llmobs_json_set(object, "score", number_of(document->score));
    if (!rc)
        return llmobs_json_add(list, object);
    llmobs_json_free(object);
    return rc;
}

static int lists_of(const struct llmobs_side *side, struct llmobs_json **out)
{
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? 0 : -ENOMEM;

    for (size_t i = 0; i < side->message_count && !rc; i++)
        rc = add_message(list, &side->messages[i]);
    for (size_t i = 0; i < side->document_count && !rc; i++)
        rc = add_document(list, &side->documents[i]);
    if (rc)
        llmobs_json_free(list);
    else
        *out = list;
    return rc;
}

static int side_of(const struct llmobs_side *side, struct llmobs_json **out)
{
    int forms = (side->text != NULL) + (side->json != NULL) +
                (side->message_count > 0) + (side->document_count > 0);

    if (forms == 0)
        return 0;
    if (forms > 1 || !is_list(side->messages, side->message_count) ||
        !is_list(side->documents, side->document_count))
        return -EINVAL;
    if (side->json)
        return llmobs_values_parse(side->json, out);
    if (!side->text)
        return lists_of(side, out);
    *out = llmobs_json_string(side->text);
    return *out ? 0 : -ENOMEM;
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
    if (!rc && list) {
        *out = list;
        return 0;
    }
    llmobs_json_free(list);
    return rc ? rc : -ENOMEM;
}

/* Where neither end is named, the link says nothing of them. */
static int add_link(struct llmobs_json *list, const struct llmobs_link *link)
{
    struct llmobs_json *object = llmobs_json_object();
    struct llmobs_json *ends = llmobs_json_object();
    int rc = llmobs_json_sets(object, "span_id", link->span->span_id);

    if (!rc)
        rc = llmobs_json_sets(object, "trace_id", link->span->trace_id);
    if (!rc)
        rc = llmobs_json_sets(ends, "from", link->from);
    if (!rc)
        rc = llmobs_json_sets(ends, "to", link->to);
    if (!rc)
        rc = llmobs_json_set(object, "attributes", llmobs_json_share(ends));
    llmobs_json_free(ends);
    if (!rc)
        return llmobs_json_add(list, object);
    llmobs_json_free(object);
    return rc;
}

static int links_of(const struct llmobs_link *links, size_t count,
                    struct llmobs_json **out)
{
    struct llmobs_json *list;
    int rc = 0;

    if (!is_list(links, count))
        return -EINVAL;
    if (count == 0)
        return 0;
    list = llmobs_json_array();
    for (size_t i = 0; i < count && !rc; i++)
        rc = links[i].span ? add_link(list, &links[i]) : -EINVAL;
    if (!rc && list) {
        *out = list;
        return 0;
    }
    llmobs_json_free(list);
    return rc ? rc : -ENOMEM;
}

static int agent_of(const char *version, struct llmobs_json **out)
{
    if (!version)
        return 0;
    *out = llmobs_json_object();
    return llmobs_json_sets(*out, "version", version);
}

int llmobs_values_annotation(const struct llmobs_annotation *annotation,
                             struct llmobs_annotation_json *out)
{
    int rc;

    memset(out, 0, sizeof(*out));
    rc = side_of(&annotation->input, &out->input);
    if (!rc)
        rc = side_of(&annotation->output, &out->output);
    if (!rc)
        rc = numbers_of(annotation->metrics, annotation->metric_count,
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
    if (!rc)
        rc = agent_of(annotation->agent_version, &out->agent);
    if (!rc)
        rc = llmobs_values_parse(annotation->agent_manifest_json,
                                 &out->manifest);
    if (!rc)
        rc = links_of(annotation->links, annotation->link_count, &out->links);
    if (rc)
        llmobs_annotation_json_free(out);
    return rc;
}
