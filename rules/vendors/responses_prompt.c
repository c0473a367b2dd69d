#include "rules/vendors/responses_prompt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/vendors/responses_items.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"

struct variable {
    const char *name;
    struct llmobs_text value;
    size_t order;
};

/* Gives a variable as text, in a string value (WIRE 6.5). */
static struct llmobs_json *flatten(const struct llmobs_json *value)
{
    const char *text =
        llmobs_json_is_null(value) ? "" : llmobs_json_text(value);
    struct llmobs_json *string;
    char *dump;

    if (!text)
        text = llmobs_responses_reference(value);
    if (!text)
        text = llmobs_json_gets(value, "text");
    if (text)
        return llmobs_json_string(text);
    dump = llmobs_json_dumps(value, 0);
    string = llmobs_json_string(dump);
    free(dump);
    return string;
}

static int add_tag(struct llmobs_span *span, const char *tag)
{
    if (!span->extra_tags)
        span->extra_tags = llmobs_json_array();
    return llmobs_json_add(span->extra_tags, llmobs_json_string(tag));
}

/* Copies the variables. Sets *media where one of them is an image or a file. */
static int set_variables(struct llmobs_json *to,
                         const struct llmobs_json *variables, bool *media)
{
    struct llmobs_json *flat = llmobs_json_object();
    int rc = flat ? 0 : -ENOMEM;

    for (void *it = llmobs_json_iter(variables); it && rc == 0;
         it = llmobs_json_next(variables, it)) {
        const struct llmobs_json *value = llmobs_json_iter_value(it);

        *media = *media || llmobs_responses_reference(value);
        rc = llmobs_json_set(flat, llmobs_json_iter_key(it), flatten(value));
    }
    return llmobs_json_set_made(to, "variables", flat, rc);
}

/* Copies the keys of the prompt that the request sets. */
static int copy_keys(struct llmobs_json *to, const struct llmobs_json *prompt)
{
    int rc = 0;

    for (void *it = llmobs_json_iter(prompt); it && rc == 0;
         it = llmobs_json_next(prompt, it)) {
        struct llmobs_json *value = llmobs_json_iter_value(it);

        if (!llmobs_json_is_null(value))
            rc = llmobs_json_set(to, llmobs_json_iter_key(it),
                                 llmobs_json_share(value));
    }
    return rc;
}

static int set_keys(struct llmobs_json *to, const char *key, const char *name)
{
    struct llmobs_json *list = llmobs_json_array();
    int rc = llmobs_json_add(list, llmobs_json_string(name));

    return llmobs_json_set_made(to, key, list, rc);
}

int llmobs_responses_read_prompt(const struct llmobs_json *prompt,
                                 struct llmobs_span *span)
{
    const struct llmobs_json *variables = llmobs_json_get(prompt, "variables");
    bool media = false;
    int rc;

    if (!llmobs_json_is_object(prompt))
        return 0;
    span->input_prompt = llmobs_json_object();
    if (!span->input_prompt)
        return -ENOMEM;
    rc = copy_keys(span->input_prompt, prompt);
    if (rc == 0 && llmobs_json_is_object(variables))
        rc = set_variables(span->input_prompt, variables, &media);
    if (rc == 0)
        rc = set_keys(span->input_prompt, "_dd_context_variable_keys",
                      "context");
    if (rc == 0)
        rc =
            set_keys(span->input_prompt, "_dd_query_variable_keys", "question");
    if (rc == 0)
        rc = add_tag(span, "prompt_tracking_instrumentation_method:auto");
    if (rc == 0 && media)
        rc = add_tag(span, "prompt_multimodal:true");
    return rc;
}

/* -- the template -------------------------------------------------------- */

/* Orders variables: the longest first, of equal ones the last in the request.
 */
static int by_length(const void *a, const void *b)
{
    const struct variable *one = a, *two = b;

    if (one->value.len != two->value.len)
        return one->value.len < two->value.len ? 1 : -1;
    return one->order < two->order ? 1 : -1;
}

/* Gives the variables, *count of them, in the order in which they are looked
 * for; NULL without memory. */
static struct variable *gather(const struct llmobs_json *variables,
                               size_t *count)
{
    struct variable *list =
        calloc(llmobs_json_len(variables) + 1, sizeof(*list));

    *count = 0;
    for (void *it = llmobs_json_iter(variables); list && it;
         it = llmobs_json_next(variables, it)) {
        struct llmobs_text value =
            llmobs_text_of(llmobs_json_text(llmobs_json_iter_value(it)));

        /* too common to be found again in a text */
        if (value.len == 0 || llmobs_text_is(value, "[image]") ||
            llmobs_text_is(value, "[file]"))
            continue;
        list[*count] =
            (struct variable){llmobs_json_iter_key(it), value, *count};
        ++*count;
    }
    if (list)
        qsort(list, *count, sizeof(*list), by_length);
    if (*count > RESPONSES_VARIABLES_MAX)
        *count = RESPONSES_VARIABLES_MAX;
    return list;
}

/* Puts variables' names in the place of their values. A name that was put in
 * must not be searched again, so the text before it is searched by itself, for
 * the remaining variables. The recursion is as deep as there are variables. */
static int substitute(struct llmobs_buf *out, struct llmobs_text text,
                      const struct variable *list, size_t count)
{
    int rc = 0;

    while (rc == 0 && count > 0 && text.len > 0) {
        const char *at =
            memmem(text.data, text.len, list->value.data, list->value.len);
        struct llmobs_text before = {text.data,
                                     at ? (size_t)(at - text.data) : 0};

        if (!at) {
            list++, count--;
            continue;
        }
        rc = substitute(out, before, list + 1, count - 1);
        if (rc == 0)
            rc = llmobs_buf_addf(out, "{{%s}}", list->name);
        text.data = at + list->value.len;
        text.len -= before.len + list->value.len;
    }
    return rc < 0 ? rc : llmobs_buf_add(out, text.data, text.len);
}

static int add_template(struct llmobs_json *template,
                        const struct llmobs_json *message,
                        const struct variable *list, size_t count)
{
    struct llmobs_text text =
        llmobs_text_of(llmobs_json_gets(message, "content"));
    struct llmobs_buf out;
    int rc;

    if (text.len == 0)
        return 0;
    llmobs_buf_init(&out, LLMOBS_MESSAGE_CONTENT_MAX);
    rc = substitute(&out, text, list, count);
    if (rc == 0 || rc == -EFBIG)
        rc = llmobs_message_add_text(
            template, llmobs_json_gets(message, "role"), llmobs_buf_text(&out));
    llmobs_buf_fini(&out);
    return rc;
}

int llmobs_responses_read_template(const struct llmobs_json *messages,
                                   struct llmobs_span *span)
{
    struct llmobs_json *template;
    struct variable *list;
    size_t count;
    int rc;

    if (llmobs_json_get(span->input_prompt, "template") ||
        llmobs_json_get(span->input_prompt, "chat_template"))
        return 0;
    template = llmobs_json_array();
    list = gather(llmobs_json_get(span->input_prompt, "variables"), &count);
    rc = list && template ? 0 : -ENOMEM;

    LLMOBS_JSON_EACH (one, messages, rc == 0)
        rc = add_template(template, one, list, count);
    free(list);
    return llmobs_json_set_made(span->input_prompt, "chat_template", template,
                                rc);
}
