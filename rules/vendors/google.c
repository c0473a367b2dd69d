/* Reads what Google's generative APIs share. */
#include "rules/vendors/google.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rules/read/facts.h"
#include "rules/read/usage.h"

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

const char *llmobs_google_snake(const char *name,
                                char out[LLMOBS_GOOGLE_SNAKE_CAP])
{
    size_t n = 0;

    if (strlen(name) > LLMOBS_GOOGLE_NAME_MAX)
        return name;
    for (const char *at = name; *at; at++) {
        if (is_upper(*at) && at > name)
            out[n++] = '_';
        out[n++] = is_upper(*at) ? (char)(*at + 32) : *at;
    }
    out[n] = '\0';
    return out;
}

struct llmobs_json *llmobs_google_get(const struct llmobs_json *object,
                                      const char *name)
{
    struct llmobs_json *value = llmobs_json_get(object, name);
    char snake[LLMOBS_GOOGLE_SNAKE_CAP];

    return value ? value
                 : llmobs_json_get(object, llmobs_google_snake(name, snake));
}

const char *llmobs_google_gets(const struct llmobs_json *object,
                               const char *name)
{
    return llmobs_json_text(llmobs_google_get(object, name));
}

size_t llmobs_google_len(const struct llmobs_json *list)
{
    return llmobs_json_is_object(list) ? 1 : llmobs_json_len(list);
}

const struct llmobs_json *llmobs_google_at(const struct llmobs_json *list,
                                           size_t i)
{
    return llmobs_json_is_object(list) ? list : llmobs_json_at(list, i);
}

int llmobs_google_metadata(const struct llmobs_json *from,
                           const struct llmobs_json *other, const char *names,
                           struct llmobs_span *span)
{
    char key[LLMOBS_GOOGLE_SNAKE_CAP];
    int rc = 0;

    for (; rc == 0 && *names; names = llmobs_words_next(names)) {
        struct llmobs_json *value = llmobs_google_get(from, names);

        if (!value)
            value = llmobs_google_get(other, names);
        rc = llmobs_json_set(span->metadata, llmobs_google_snake(names, key),
                             value ? llmobs_json_share(value)
                                   : llmobs_json_null());
    }
    return rc;
}

/* Gives the model's name in the path: the text between the last slash and the
 * operation's colon, decoded, and of several segments the last (WIRE 6.2).
 * Empty: the path has none. */
static char *path_model(const struct llmobs_url *url)
{
    struct llmobs_text path = url->path, name = {NULL, 0};
    const char *slash, *colon = NULL, *last;
    char *model;

    slash = memrchr(path.data, '/', path.len);
    if (slash)
        colon = memrchr(slash, ':', path.len - (size_t)(slash - path.data));
    if (colon)
        name = (struct llmobs_text){slash + 1, (size_t)(colon - slash - 1)};
    model = llmobs_url_decode(name);
    last = model ? strrchr(model, '/') : NULL;
    if (last)
        memmove(model, last + 1, strlen(last));
    return model;
}

int llmobs_google_ask(struct llmobs_reading *reading)
{
    char *model = path_model(reading->classified->url);

    llmobs_fact_asked(reading, model);
    free(model);
    return model ? 0 : -ENOMEM;
}

int llmobs_google_model(struct llmobs_reading *reading)
{
    char *model = path_model(reading->classified->url);
    int rc = model ? llmobs_reading_model(reading, model) : -ENOMEM;

    free(model);
    return rc;
}

static const struct {
    const char *prefix;
    const char *vendor;
} vendors[] = {
    {"gemini", "google"},     {"imagen", "google"},
    {"veo", "google"},        {"text-embedding", "google"},
    {"jamba", "ai21"},        {"claude", "anthropic"},
    {"llama", "meta"},        {"mistral", "mistral"},
    {"codestral", "mistral"}, {"deepseek", "deepseek"},
    {"olmo", "ai2"},          {"tulu", "ai2"},
    {"molmo", "ai2"},         {"specter", "ai2"},
    {"cosmoo", "ai2"},        {"qodo", "qodo"},
    {"mars", "camb.ai"},
};

const char *llmobs_google_vendor(const char *model)
{
    for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++)
        if (strncasecmp(model, vendors[i].prefix, strlen(vendors[i].prefix)) ==
            0)
            return vendors[i].vendor;
    return NULL;
}

int llmobs_google_begin(struct llmobs_reading *reading)
{
    const char *vendor;
    char *model;
    int rc = 0;

    if (reading->classified->proxied)
        return 0;
    model = path_model(reading->classified->url);
    if (!model)
        return -ENOMEM;
    vendor = llmobs_google_vendor(model);
    llmobs_fact_asked(reading, model);
    if (vendor)
        rc = llmobs_span_set(&reading->span->model_provider, vendor);
    free(model);
    return rc;
}

static int64_t count_of(const struct llmobs_json *usage, const char *name)
{
    return llmobs_usage_value(llmobs_google_get(usage, name));
}

void llmobs_google_usage(const struct llmobs_json *usage,
                         const struct llmobs_google_counts *counts,
                         struct llmobs_span *span)
{
    int64_t in = count_of(usage, counts->input);
    int64_t tools = count_of(usage, counts->tools);
    int64_t said = count_of(usage, counts->output);
    int64_t thought = count_of(usage, counts->thoughts);
    int64_t total = count_of(usage, counts->total);
    int64_t out = said < 0 ? thought : thought < 0 ? said : said + thought;

    if (tools > 0 && in >= 0)
        in += tools;
    if (in >= 0 && out >= 0 && total < in + out)
        total = in + out;
    llmobs_span_metric(span, "input_tokens", in);
    llmobs_span_metric(span, "output_tokens", out);
    llmobs_span_metric(span, "total_tokens", total);
    llmobs_span_metric(span, "reasoning_output_tokens", thought);
    llmobs_span_metric(span, "cache_read_input_tokens",
                       count_of(usage, counts->cached));
    llmobs_usage_kinds(usage, span);
}

const char *llmobs_google_reason(const struct llmobs_json *value,
                                 char out[LLMOBS_GOOGLE_REASON_CAP])
{
    static const char *const names[] = {"FINISH_REASON_UNSPECIFIED",
                                        "STOP",
                                        "MAX_TOKENS",
                                        "SAFETY",
                                        "RECITATION",
                                        "OTHER"};
    int64_t number = llmobs_json_to_int(value);

    if (!llmobs_json_is_int(value))
        return llmobs_json_text(value);
    if (number >= 0 && number < (int64_t)(sizeof(names) / sizeof(names[0])))
        return names[number];
    snprintf(out, LLMOBS_GOOGLE_REASON_CAP, "%" PRId64, number);
    return out;
}
