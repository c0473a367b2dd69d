/* Reads InvokeModel bodies by the model's maker. */
#include "rules/vendors/bedrock_family.h"

#include <stdio.h>
#include <string.h>

#include "rules/read/facts.h"
#include "rules/read/message.h"
#include "rules/read/text.h"

static const struct llmobs_bedrock_family families[] = {
    {.name = "ai21",
     .prompt = "prompt",
     .temperature = "temperature",
     .max_tokens = "maxTokens",
     .list = "completions",
     .text = "data.text",
     .stop = "finishReason.reason"},
    {.name = "amazon",
     .prompt = "inputText",
     .temperature = "textGenerationConfig.temperature",
     .max_tokens = "textGenerationConfig.maxTokenCount",
     .list = "results",
     .text = "outputText",
     .stop = "completionReason"},
    {.name = "anthropic",
     .prompt = "prompt",
     .temperature = "temperature",
     .max_tokens = "max_tokens_to_sample",
     .text = "completion",
     .stop = "stop_reason"},
    {.name = "cohere",
     .prompt = "prompt",
     .temperature = "temperature",
     .max_tokens = "max_tokens",
     .list = "generations",
     .text = "text",
     .stop = "finish_reason",
     .all = true},
    {.name = "meta",
     .prompt = "prompt",
     .temperature = "temperature",
     .max_tokens = "max_gen_len",
     .text = "generation",
     .stop = "stop_reason"},
    {.name = "mistral",
     .prompt = "prompt",
     .temperature = "temperature",
     .max_tokens = "max_tokens",
     .list = "outputs",
     .text = "text",
     .stop = "stop_reason",
     .role = "assistant",
     .all = true},
    {.name = "deepseek",
     .prompt = "prompt",
     .temperature = "temperature",
     .max_tokens = "max_tokens",
     .list = "choices",
     .text = "text",
     .stop = "stop_reason",
     .all = true},
};

#define FAMILIES (sizeof(families) / sizeof(families[0]))

static const struct llmobs_bedrock_family *find_name(struct llmobs_text name)
{
    for (size_t i = 0; i < FAMILIES; i++)
        if (llmobs_text_is(name, families[i].name))
            return &families[i];
    return NULL;
}

/* The model's id in an ARN that has it, else `id` itself. */
static const char *bare_id(const char *id)
{
    static const char *const kinds[] = {"foundation-model/", "custom-model/",
                                        "inference-profile/"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const char *at = strstr(id, kinds[i]);

        if (at)
            return at + strlen(kinds[i]);
    }
    return id;
}

/* Finds the family by the maker's name, which stands between dots before the
 * model's own name, which may have dots too. */
static const struct llmobs_bedrock_family *find_segment(const char *id)
{
    const struct llmobs_bedrock_family *family = NULL, *found;
    const char *dot;

    for (; (dot = strchr(id, '.')); id = dot + 1) {
        found = find_name((struct llmobs_text){id, (size_t)(dot - id)});
        if (found)
            family = found;
    }
    return family;
}

/* An ARN without an id may have the maker's name anywhere. */
const struct llmobs_bedrock_family *llmobs_bedrock_family_find(const char *id)
{
    const struct llmobs_bedrock_family *family = find_segment(bare_id(id));
    struct llmobs_text text = llmobs_text_of(id);

    if (!llmobs_text_begins(text, "arn:"))
        return family;
    for (size_t i = 0; !family && i < FAMILIES; i++)
        if (llmobs_text_has_nocase(text, families[i].name))
            family = &families[i];
    return family;
}

/* The ARN of an application's inference profile has no model. Settings and
 * members of the answer tell whose body it is, but `prompt` is of several. */
const struct llmobs_bedrock_family *llmobs_bedrock_family_guess(
    const struct llmobs_reading *reading, const char *id)
{
    struct llmobs_text answer = reading->classified->call->response;
    char name[32];

    for (size_t i = 0; strstr(id, "arn:aws") == id && i < FAMILIES; i++) {
        const struct llmobs_bedrock_family *one = &families[i];

        snprintf(name, sizeof(name), "\"%s\"%c",
                 one->list ? one->list : one->text, '\0');
        if (llmobs_reading_has(reading, one->prompt) &&
            (strcmp(one->prompt, "prompt") != 0 ||
             (strcmp(one->max_tokens, "max_tokens") != 0 &&
              llmobs_reading_has(reading, one->max_tokens)) ||
             llmobs_text_has_any(answer, name)))
            return one;
    }
    return NULL;
}

const struct llmobs_json *llmobs_bedrock_family_get(
    const struct llmobs_json *body, const char *path)
{
    char key[64];

    while (path && body) {
        size_t len = strcspn(path, ".");

        if (len >= sizeof(key))
            return NULL;
        memcpy(key, path, len);
        key[len] = '\0';
        body = llmobs_json_get(body, key);
        path = path[len] == '.' ? path + len + 1 : NULL;
    }
    return body;
}

static int add_output(const struct llmobs_bedrock_family *family,
                      const struct llmobs_json *output,
                      struct llmobs_json *list)
{
    const char *text =
        llmobs_json_text(llmobs_bedrock_family_get(output, family->text));

    return llmobs_message_add_text(list, family->role, llmobs_text_of(text));
}

int llmobs_bedrock_family_outputs(const struct llmobs_bedrock_family *family,
                                  const struct llmobs_json *body,
                                  struct llmobs_json **out)
{
    const struct llmobs_json *outputs =
        family->list ? llmobs_json_get(body, family->list) : NULL;
    size_t count = llmobs_json_is_array(outputs) ? llmobs_json_len(outputs) : 0;
    int rc = 0;

    *out = NULL;
    if (count > 1 && !family->all)
        count = 1;
    if (family->list ? count == 0
                     : !llmobs_bedrock_family_get(body, family->text))
        return 0;
    *out = llmobs_json_array();
    if (!family->list)
        return add_output(family, body, *out);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = add_output(family, llmobs_json_at(outputs, i), *out);
    return rc;
}

static const char *reason_of(const struct llmobs_bedrock_family *family,
                             const struct llmobs_json *output)
{
    return family->stop ? llmobs_json_text(
                              llmobs_bedrock_family_get(output, family->stop))
                        : NULL;
}

void llmobs_bedrock_family_reasons(const struct llmobs_bedrock_family *family,
                                   const struct llmobs_json *body,
                                   struct llmobs_span *span)
{
    const struct llmobs_json *outputs =
        family->list ? llmobs_json_get(body, family->list) : NULL;
    size_t count = llmobs_json_len(span->output_messages);

    for (size_t i = 0; i < count; i++)
        llmobs_fact_finish(
            span, reason_of(family,
                            family->list ? llmobs_json_at(outputs, i) : body));
}

static int add_piece(const struct llmobs_bedrock_family *family,
                     const struct llmobs_json *output, int64_t index,
                     struct llmobs_text_stream *texts, bool *done)
{
    const struct llmobs_json *own = llmobs_json_get(output, "index");
    const char *reason = reason_of(family, output);
    const char *text =
        llmobs_json_text(llmobs_bedrock_family_get(output, family->text));

    int rc = 0;

    if (llmobs_json_is_int(own))
        index = llmobs_json_to_int(own);
    if (text)
        rc = llmobs_text_stream_add(texts, index, llmobs_text_of(text));
    if (rc < 0 || !reason)
        return rc;
    *done = true;
    return llmobs_text_stream_end(texts, index, reason);
}

int llmobs_bedrock_family_chunk(const struct llmobs_bedrock_family *family,
                                const struct llmobs_json *chunk,
                                struct llmobs_text_stream *texts, bool *done)
{
    const struct llmobs_json *outputs =
        family->list ? llmobs_json_get(chunk, family->list) : NULL;
    int rc = 0;

    if (!llmobs_json_is_array(outputs))
        return add_piece(family, chunk, 0, texts, done);
    for (size_t i = 0; rc == 0 && i < llmobs_json_len(outputs); i++)
        rc = add_piece(family, llmobs_json_at(outputs, i), (int64_t)i, texts,
                       done);
    return rc;
}
