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

/* Gives the value that was made, unless `rc` says that a part of it failed. */
static int sdk_values_give(struct llmobs_json *made, int rc,
                           struct llmobs_json **out)
{
    if (!rc && made) {
        *out = made;
        return 0;
    }
    llmobs_json_free(made);
    return rc ? rc : -ENOMEM;
}

/* As sdk_values_give, but adds it to a list. */
static int sdk_values_add(struct llmobs_json *list, struct llmobs_json *made,
                          int rc)
{
    if (!rc)
        return llmobs_json_add(list, made);
    llmobs_json_free(made);
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
    return sdk_values_give(object, rc, out);
}

static struct llmobs_json *sdk_values_number_of(double value)
{
    /* libm is not linked: gcc has trunc inline, clang calls it. */
    if (fabs(value) <= WHOLE_MAX && value == (double)(int64_t)value)
        return llmobs_json_int((int64_t)value);
    return llmobs_json_real(value);
}

static int sdk_values_numbers_of(const struct llmobs_number *numbers,
                                 size_t count, struct llmobs_json **out)
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
                                 sdk_values_number_of(numbers[i].value));
    }
    return sdk_values_give(object, rc, out);
}

/* -- sides ---------------------------------------------------------------- */

static int sdk_values_add_call(struct llmobs_json *list,
                               const struct llmobs_tool_call *call)
{
    struct llmobs_json *object = llmobs_json_object();
    int rc = llmobs_json_set_texts(object, "name", call->name ? call->name : "",
                                   "arguments", call->arguments, "tool_id",
                                   call->tool_id, "type", call->type, NULL);

    return sdk_values_add(list, object, rc);
}

static int sdk_values_add_result(struct llmobs_json *list,
                                 const struct llmobs_tool_result *result)
{
    struct llmobs_json *object = llmobs_json_object();
    int rc = llmobs_json_set_texts(
        object, "result", result->result ? result->result : "", "name",
        result->name, "tool_id", result->tool_id, "type", result->type, NULL);

    return sdk_values_add(list, object, rc);
}

static int set_tools(struct llmobs_json *object,
                     const struct llmobs_message *message)
{
    struct llmobs_json *calls = llmobs_json_array();
    struct llmobs_json *results = llmobs_json_array();
    int rc = calls && results ? 0 : -ENOMEM;

    for (size_t i = 0; i < message->tool_call_count && !rc; i++)
        rc = sdk_values_add_call(calls, &message->tool_calls[i]);
    for (size_t i = 0; i < message->tool_result_count && !rc; i++)
        rc = sdk_values_add_result(results, &message->tool_results[i]);
    if (!rc && message->tool_call_count)
        rc = llmobs_json_set(object, "tool_calls", llmobs_json_share(calls));
    if (!rc && message->tool_result_count)
        rc =
            llmobs_json_set(object, "tool_results", llmobs_json_share(results));
    llmobs_json_free(calls);
    llmobs_json_free(results);
    return rc;
}

static int sdk_values_add_message(struct llmobs_json *list,
                                  const struct llmobs_message *message)
{
    struct llmobs_json *object;
    int rc;

    if (!is_list(message->tool_calls, message->tool_call_count) ||
        !is_list(message->tool_results, message->tool_result_count))
        return -EINVAL;
    object = llmobs_json_object();
    rc = llmobs_json_set_texts(object, "content",
                               message->content ? message->content : "", "role",
                               message->role, NULL);
    if (!rc && (message->tool_call_count || message->tool_result_count))
        rc = set_tools(object, message);
    return sdk_values_add(list, object, rc);
}

static int sdk_values_add_document(struct llmobs_json *list,
                                   const struct llmobs_document *document)
{
    struct llmobs_json *object;
    int rc;

    if (document->has_score && !isfinite(document->score))
        return -EINVAL;
    object = llmobs_json_object();
    rc = llmobs_json_set_texts(object, "text",
                               document->text ? document->text : "", "name",
                               document->name, "id", document->id, NULL);
    if (!rc && document->has_score)
        rc = llmobs_json_set(object, "score",
                             sdk_values_number_of(document->score));
    return sdk_values_add(list, object, rc);
}

static int lists_of(const struct llmobs_side *side, struct llmobs_json **out)
{
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? 0 : -ENOMEM;

    for (size_t i = 0; i < side->message_count && !rc; i++)
        rc = sdk_values_add_message(list, &side->messages[i]);
    for (size_t i = 0; i < side->document_count && !rc; i++)
        rc = sdk_values_add_document(list, &side->documents[i]);
    if (rc)
        llmobs_json_free(list);
    else
        *out = list;
    return rc;
}

static int sdk_values_side_of(const struct llmobs_side *side,
                              struct llmobs_json **out)
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
    return sdk_values_give(list, rc, out);
}

/* The attributes of a link that names neither end are empty. */
static int sdk_values_add_link(struct llmobs_json *list,
                               const struct llmobs_link *link)
{
    struct llmobs_json *object = llmobs_json_object();
    struct llmobs_json *ends = llmobs_json_object();
    int rc = llmobs_json_set_texts(object, "span_id", link->span->span_id,
                                   "trace_id", link->span->trace_id, NULL);

    if (!rc)
        rc = llmobs_json_set_texts(ends, "from", link->from, "to", link->to,
                                   NULL);
    if (!rc)
        rc = llmobs_json_set(object, "attributes", llmobs_json_share(ends));
    llmobs_json_free(ends);
    return sdk_values_add(list, object, rc);
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
        rc = links[i].span ? sdk_values_add_link(list, &links[i]) : -EINVAL;
    return sdk_values_give(list, rc, out);
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
    rc = sdk_values_side_of(&annotation->input, &out->input);
    if (!rc)
        rc = sdk_values_side_of(&annotation->output, &out->output);
    if (!rc)
        rc = sdk_values_numbers_of(annotation->metrics,
                                   annotation->metric_count, &out->metrics);
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
