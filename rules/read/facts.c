#include "rules/read/facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rules/read/cut_json.h"
#include "rules/read/request.h"

/* -- the request ---------------------------------------------------------- */

static bool is_set(const struct llmobs_span *span, enum llmobs_fact fact)
{
    return llmobs_span_fact_is_set(&span->facts, fact);
}

void llmobs_fact_asked(struct llmobs_reading *reading, const char *model)
{
    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_REQUEST_MODEL, model);
}

static void set_model(struct llmobs_reading *reading)
{
    char *deployment;

    if (!is_set(reading->span, LLMOBS_FACT_REQUEST_MODEL))
        llmobs_fact_asked(reading, llmobs_json_gets(reading->request, "model"));
    if (is_set(reading->span, LLMOBS_FACT_REQUEST_MODEL))
        return;
    deployment =
        llmobs_url_decode(llmobs_request_deployment(reading->classified->url));
    llmobs_fact_asked(reading, deployment);
    free(deployment);
}

/* The text at the end of a path of at most three keys through objects. */
static const char *read_facts_at(const struct llmobs_json *from,
                                 const char *const way[3])
{
    from = llmobs_json_get(from, way[0]);
    for (size_t i = 1; i < 3 && way[i]; i++)
        from = llmobs_json_get(from, way[i]);
    return llmobs_json_text(from);
}

/* How much the model shall think, as the API's word. */
static void set_reasoning(struct llmobs_reading *reading)
{
    static const char *const ways[][3] = {
        {"reasoning_effort"},
        {"reasoning", "effort"},
        {"output_config", "effort"},
        {"generationConfig", "thinkingConfig", "thinkingLevel"},
    };
    const char *text = NULL;

    for (size_t i = 0; !text && i < sizeof(ways) / sizeof(ways[0]); i++)
        text = read_facts_at(reading->request, ways[i]);
    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_REASONING_LEVEL, text);
}

/* The conventions' word for a kind of output; NULL: another kind. */
static const char *output_word(const char *kind)
{
    static const char *const words[][2] = {
        {"text", "text"},        {"text/plain", "text"},
        {"json", "json"},        {"json_object", "json"},
        {"json_schema", "json"}, {"application/json", "json"},
        {"audio", "speech"},     {"image", "image"},
    };

    for (size_t i = 0; kind && i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasecmp(kind, words[i][0]) == 0)
            return words[i][1];
    return NULL;
}

/* Where there are several kinds of output, the kind that is not text counts. */
static const char *modality(const struct llmobs_json *list)
{
    LLMOBS_JSON_EACH (one, list, true) {
        const char *word = output_word(llmobs_json_text(one));

        if (word && strcmp(word, "text") != 0)
            return word;
    }
    return NULL;
}

static const char *output_type(const struct llmobs_json *request)
{
    static const char *const ways[][3] = {
        {"response_format", "type"},
        {"text", "format", "type"},
        {"output_format", "type"},
        {"output_config", "format", "type"},
        {"generationConfig", "responseMimeType"},
        {"generation_config", "response_mime_type"},
        {"format"},
    };
    const char *word = modality(llmobs_json_get(request, "modalities"));

    if (!word)
        word = modality(
            llmobs_json_get(llmobs_json_get(request, "generationConfig"),
                            "responseModalities"));
    for (size_t i = 0; !word && i < sizeof(ways) / sizeof(ways[0]); i++)
        word = output_word(read_facts_at(request, ways[i]));
    /* Ollama takes a schema instead of "json". */
    if (!word && llmobs_json_is_object(llmobs_json_get(request, "format")))
        word = "json";
    return word;
}

/* Notes the conversation, which is an id, or an object with an id. */
static void set_conversation(struct llmobs_reading *reading,
                             const struct llmobs_json *body)
{
    const struct llmobs_json *value = llmobs_json_get(body, "conversation");
    const char *id = llmobs_json_text(value);

    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_CONVERSATION_ID,
                     id ? id : llmobs_json_gets(value, "id"));
}

/* Adds a text, or a list of texts. */
static void add_encodings(struct llmobs_span *span,
                          const struct llmobs_json *value)
{
    if (llmobs_json_is_string(value))
        llmobs_span_fact_add(&span->facts, LLMOBS_FACT_ENCODING_FORMATS,
                             llmobs_json_text(value));
    LLMOBS_JSON_EACH (one, value, true)
        if (llmobs_json_is_string(one))
            llmobs_span_fact_add(&span->facts, LLMOBS_FACT_ENCODING_FORMATS,
                                 llmobs_json_text(one));
}

static void set_encodings(struct llmobs_reading *reading)
{
    static const char *const keys[] = {"encoding_format", "encoding_formats",
                                       "embedding_types", "embeddingTypes"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        add_encodings(reading->span,
                      llmobs_json_get(reading->request, keys[i]));
}

int llmobs_fact_session(struct llmobs_reading *reading, size_t back)
{
    char *id = llmobs_url_segment(reading->classified->url->path, back);

    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_CONVERSATION_ID, id);
    free(id);
    return id ? 0 : -ENOMEM;
}

void llmobs_fact_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *request = reading->request;
    struct llmobs_span *span = reading->span;

    set_model(reading);
    if (!request)
        return;
    if (reading->classified->shape->kind == LLMOBS_KIND_EMBEDDING)
        set_encodings(reading);
    if (reading->classified->shape->kind != LLMOBS_KIND_LLM)
        return;
    set_reasoning(reading);
    set_conversation(reading, request);
    llmobs_span_fact(&span->facts, LLMOBS_FACT_OUTPUT_TYPE,
                     output_type(request));
    llmobs_span_fact(&span->facts, LLMOBS_FACT_REQUEST_SERVICE_TIER,
                     llmobs_json_gets(request, "service_tier"));
    llmobs_span_fact(&span->facts, LLMOBS_FACT_PREVIOUS_RESPONSE_ID,
                     llmobs_json_gets(request, "previous_response_id"));
}

void llmobs_fact_apart(struct llmobs_span *span)
{
    size_t count = llmobs_json_len(span->input_messages);

    if (count > 0)
        llmobs_span_fact_int(&span->facts, LLMOBS_FACT_APART, (int64_t)count);
}

/* -- the answer ----------------------------------------------------------- */

/* Sets a fact, unless it is set, to the text under the first of two keys that
 * has a text. */
static bool set_once(struct llmobs_span *span, enum llmobs_fact fact,
                     const struct llmobs_json *body, const char *key,
                     const char *other)
{
    const char *text;

    if (is_set(span, fact))
        return true;
    text = llmobs_json_gets(body, key);
    llmobs_span_fact(&span->facts, fact,
                     text ? text : llmobs_json_gets(body, other));
    return false;
}

static bool set_names(struct llmobs_span *span, const struct llmobs_json *body)
{
    bool id = set_once(span, LLMOBS_FACT_RESPONSE_ID, body, "id", "responseId");
    bool model = set_once(span, LLMOBS_FACT_RESPONSE_MODEL, body, "model",
                          "modelVersion");

    return id && model;
}

/* Notes which provider a gateway had chosen: OpenRouter's and Vercel's word. */
static void set_server(struct llmobs_span *span, const struct llmobs_json *body)
{
    static const char *const way[] = {"message", "provider_metadata", "gateway",
                                      "routing", "finalProvider"};
    const struct llmobs_json *at =
        llmobs_json_at(llmobs_json_get(body, "choices"), 0);
    const char *name = llmobs_json_gets(body, "provider");

    for (size_t i = 0; at && i < sizeof(way) / sizeof(way[0]); i++)
        at = llmobs_json_get(at, way[i]);
    (void)llmobs_json_sets(span->metadata, "served_by",
                           name ? name : llmobs_json_text(at));
}

/* True if id and model were known before. */
static bool set_answer(struct llmobs_reading *reading,
                       const struct llmobs_json *body)
{
    struct llmobs_span *span = reading->span;
    bool known;

    if (!llmobs_json_is_object(body) ||
        reading->classified->call->status >= 300)
        return true;
    known = set_names(span, body);
    set_conversation(reading, body);
    llmobs_span_fact(&span->facts, LLMOBS_FACT_RESPONSE_SERVICE_TIER,
                     llmobs_json_gets(body, "service_tier"));
    llmobs_span_fact(&span->facts, LLMOBS_FACT_SYSTEM_FINGERPRINT,
                     llmobs_json_gets(body, "system_fingerprint"));
    set_server(span, body);
    return known;
}

void llmobs_fact_answer(struct llmobs_reading *reading,
                        const struct llmobs_json *body)
{
    (void)set_answer(reading, body);
}

/* The object in an event that has the answer's id: the event, or a member. */
static const struct llmobs_json *told_in(const struct llmobs_json *event)
{
    static const char *const keys[] = {"message", "response", "interaction"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const struct llmobs_json *inner = llmobs_json_get(event, keys[i]);

        if (llmobs_json_gets(inner, "id"))
            return inner;
    }
    return event;
}

void llmobs_fact_event(struct llmobs_reading *reading,
                       const struct llmobs_json *event)
{
    if (reading->told >= LLMOBS_FACT_EVENTS || !event)
        return;
    reading->told++;
    if (set_answer(reading, told_in(event)))
        reading->told = LLMOBS_FACT_EVENTS;
}

void llmobs_fact_ends(struct llmobs_reading *reading)
{
    static const char keys[] =
        "id\0responseId\0model\0modelVersion\0service_tier\0"
        "system_fingerprint\0";
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *body =
        llmobs_cut_json_object(call->response, call->response_tail, keys);

    llmobs_fact_answer(reading, body);
    llmobs_json_free(body);
}

/* -- the end -------------------------------------------------------------- */

/* Reasons of a call that failed: nobody refused or stopped the answer. */
static const char failures[] =
    "error\0failed\0malformed_function_call\0malformed_response\0"
    "unexpected_tool_call\0too_many_tool_calls\0missing_thought_signature\0"
    "no_image\0malformed_model_output\0malformed_tool_use\0"
    "insufficient_system_resource\0network_error\0timeout\0";

static const struct {
    const char *theirs;
    const char *word;
} reasons[] = {
    {"stop", "stop"},
    {"end_turn", "stop"},
    {"stop_sequence", "stop"},
    {"complete", "stop"},
    {"completed", "stop"},
    {"finish", "stop"},
    {"endoftext", "stop"},
    {"length", "length"},
    {"max_tokens", "length"},
    {"max_output_tokens", "length"},
    {"model_length", "length"},
    {"model_context_window_exceeded", "length"},
    {"tool_calls", "tool_call"},
    {"tool_call", "tool_call"},
    {"tool_use", "tool_call"},
    {"function_call", "tool_call"},
    {"content_filter", "content_filter"},
    {"content_filtered", "content_filter"},
    {"safety", "content_filter"},
    {"image_safety", "content_filter"},
    {"prohibited_content", "content_filter"},
    {"blocklist", "content_filter"},
    {"spii", "content_filter"},
    {"refusal", "content_filter"},
    {"guardrail_intervened", "content_filter"},
    {"model_armor", "content_filter"},
    {"image_prohibited_content", "content_filter"},
    {"error", "error"},
    {"cancelled", "error"},
    {"FINISH_REASON_UNSPECIFIED", "error"},
    {"", "error"},
};

void llmobs_fact_finish(struct llmobs_span *span, const char *reason)
{
    const char *last;

    if (!reason)
        reason = "";
    /* Google's OpenAI endpoint says "function_call_filter: REASON". */
    last = strstr(reason, ": ");
    last = last ? last + 2 : reason;
    LLMOBS_WORDS_EACH (word, failures)
        if (strcasecmp(last, word) == 0) {
            if (!span->error_type)
                (void)llmobs_span_set_masked(&span->error_type, last);
            reason = "error";
            break;
        }
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (strcasecmp(reason, reasons[i].theirs) == 0) {
            llmobs_span_fact_add_word(&span->facts, LLMOBS_FACT_FINISH_REASONS,
                                      reasons[i].word);
            return;
        }
    llmobs_span_fact_add(&span->facts, LLMOBS_FACT_FINISH_REASONS, reason);
}

void llmobs_fact_refused(struct llmobs_span *span)
{
    llmobs_span_fact_unset(&span->facts, LLMOBS_FACT_FINISH_REASONS);
}

void llmobs_fact_drop(struct llmobs_span *span)
{
    for (int fact = 0; fact < LLMOBS_FACTS; fact++)
        if (fact != LLMOBS_FACT_ERROR_CODE)
            llmobs_span_fact_unset(&span->facts, (enum llmobs_fact)fact);
}
