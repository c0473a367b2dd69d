/* Converts the structs of llmobs.h to JSON values. */
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

typedef int add_fn(struct llmobs_json *to, const void *items, size_t i);

/* Makes a list or an object of the items; NULL of none. */
static int make_of(const void *items, size_t count,
                   struct llmobs_json *make(void), add_fn *add,
                   struct llmobs_json **out)
{
    struct llmobs_json *made;
    int rc = 0;

    *out = NULL;
    if (!is_list(items, count))
        return -EINVAL;
    if (count == 0)
        return 0;
    made = make();
    for (size_t i = 0; i < count && !rc; i++)
        rc = add(made, items, i);
    return finish(made, rc, out);
}

static int add_pair(struct llmobs_json *object, const void *items, size_t i)
{
    const struct llmobs_pair *pair = (const struct llmobs_pair *)items + i;

    if (!pair->key || !*pair->key || strchr(pair->key, ':'))
        return -EINVAL;
    return llmobs_json_sets(object, pair->key, pair->value ? pair->value : "");
}

int llmobs_values_pairs(const struct llmobs_pair *pairs, size_t count,
                        struct llmobs_json **out)
{
    return make_of(pairs, count, llmobs_json_object, add_pair, out);
}

static struct llmobs_json *number_of(double value)
{
    /* libm is not linked: gcc has trunc inline, clang calls it. */
    if (fabs(value) <= WHOLE_MAX && value == (double)(int64_t)value)
        return llmobs_json_int((int64_t)value);
    return llmobs_json_real(value);
}

static int add_number(struct llmobs_json *object, const void *items, size_t i)
{
    const struct llmobs_number *number =
        (const struct llmobs_number *)items + i;

    if (!number->key || !*number->key || !isfinite(number->value))
        return -EINVAL;
    return llmobs_json_set(object, number->key, number_of(number->value));
}

/* -- sides ---------------------------------------------------------------- */

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
    if (message->tool_call_count || message->tool_result_count) {
        struct llmobs_json *calls = llmobs_json_array();
        struct llmobs_json *results = llmobs_json_array();

        for (size_t i = 0; i < message->tool_call_count; i++) {
            const struct llmobs_tool_call *call = &message->tool_calls[i];
            struct llmobs_json *one = llmobs_json_object();

            (void)llmobs_json_set_texts(
                one, "name", call->name ? call->name : "", "arguments",
                call->arguments, "tool_id", call->tool_id, "type", call->type,
                NULL);
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

static int add_text(struct llmobs_json *list, const void *items, size_t i)
{
    const char *text = ((const char *const *)items)[i];

    return text ? llmobs_json_add(list, llmobs_json_string(text)) : -EINVAL;
}

int llmobs_values_texts(const char *const *texts, size_t count,
                        struct llmobs_json **out)
{
    return make_of(texts, count, llmobs_json_array, add_text, out);
}

/* The attributes of a link that names neither end are empty. */
static int add_link(struct llmobs_json *list, const void *items, size_t i)
{
    const struct llmobs_link *link = (const struct llmobs_link *)items + i;
    struct llmobs_json *one, *ends;

    if (!link->span)
        return -EINVAL;
    one = llmobs_json_object();
    ends = llmobs_json_object();
    (void)llmobs_json_set_texts(one, "span_id", link->span->span_id, "trace_id",
                                link->span->trace_id, NULL);
    (void)llmobs_json_set_texts(ends, "from", link->from, "to", link->to, NULL);
    (void)llmobs_json_set(one, "attributes", ends);
    return llmobs_json_add(list, one);
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
        rc = make_of(annotation->metrics, annotation->metric_count,
                     llmobs_json_object, add_number, &out->metrics);
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
        rc = make_of(annotation->links, annotation->link_count,
                     llmobs_json_array, add_link, &out->links);
    if (rc)
        llmobs_annotation_json_free(out);
    return rc;
}
