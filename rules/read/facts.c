/* Reads settings, ids and finish reasons. */
#include "rules/read/facts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/span/allowlist.h"
#include "rules/read/cut_json.h"
#include "rules/read/request.h"
#include "rules/read/text.h"
#include "rules/read/usage.h"

#define STOPPED_MAX 32 /* names of a side */

/* -- the request ---------------------------------------------------------- */

static bool is_set(const struct llmobs_span *span, enum llmobs_fact fact)
{
    return llmobs_span_fact_is_set(&span->facts, fact);
}

void llmobs_fact_asked(struct llmobs_reading *reading, const char *model)
{
    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_REQUEST_MODEL,
                     llmobs_reading_file(model));
}

static void set_model(struct llmobs_reading *reading)
{
    char *deployment;

    llmobs_fact_asked(reading, llmobs_request_named(reading->classified->call));
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

int llmobs_fact_session(struct llmobs_reading *reading, size_t back)
{
    char *id = llmobs_url_segment(reading->classified->url->path, back);

    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_CONVERSATION_ID, id);
    free(id);
    return id ? 0 : -ENOMEM;
}

void llmobs_fact_request(struct llmobs_reading *reading)
{
    static const char encodings[] = "encoding_format\0encoding_formats\0"
                                    "embedding_types\0embeddingTypes\0";
    /* How much the model shall think, as the API's word. */
    static const char *const thinks[][3] = {
        {"reasoning_effort"},
        {"reasoning", "effort"},
        {"output_config", "effort"},
        {"generationConfig", "thinkingConfig", "thinkingLevel"},
    };
    static const char *const tiers[][3] = {
        {"service_tier"}, {"serviceTier"}, {"serviceTier", "type"}};
    static const char *const before[][3] = {
        {"previous_response_id"},
        {"diagnostics", "previous_message_id"}, /* Claude Code */
        {"thread", "previous_message_id"},
    };
    const struct llmobs_json *request = reading->request;
    struct llmobs_span *span = reading->span;
    const char *text = NULL;

    set_model(reading);
    if (!request)
        return;
    if (reading->classified->shape->kind == LLMOBS_KIND_EMBEDDING)
        LLMOBS_WORDS_EACH (key, encodings)
            add_encodings(span, llmobs_json_get(request, key));
    if (reading->classified->shape->kind != LLMOBS_KIND_LLM)
        return;
    for (size_t i = 0; !text && i < sizeof(thinks) / sizeof(thinks[0]); i++)
        text = read_facts_at(request, thinks[i]);
    llmobs_span_fact(&span->facts, LLMOBS_FACT_REASONING_LEVEL, text);
    set_conversation(reading, request);
    llmobs_span_fact(&span->facts, LLMOBS_FACT_OUTPUT_TYPE,
                     output_type(request));
    for (size_t i = 0; i < sizeof(tiers) / sizeof(tiers[0]); i++)
        llmobs_span_fact(&span->facts, LLMOBS_FACT_REQUEST_SERVICE_TIER,
                         read_facts_at(request, tiers[i]));
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
        llmobs_span_fact(&span->facts, LLMOBS_FACT_PREVIOUS_RESPONSE_ID,
                         read_facts_at(request, before[i]));
}

void llmobs_fact_apart(struct llmobs_span *span)
{
    size_t count = llmobs_json_len(span->input_messages);

    if (count > 0)
        llmobs_span_fact_int(&span->facts, LLMOBS_FACT_APART, (int64_t)count);
}

/* -- the answer ----------------------------------------------------------- */

/* The names of an answer. Where a fact has `once`, its first text stays. */
static const struct {
    enum llmobs_fact fact;
    bool once;
    char key[20];
} names[] = {
    {LLMOBS_FACT_RESPONSE_ID, true, "id"},
    {LLMOBS_FACT_RESPONSE_ID, true, "responseId"},
    {LLMOBS_FACT_RESPONSE_MODEL, true, "model"},
    {LLMOBS_FACT_RESPONSE_MODEL, true, "modelVersion"},
    {LLMOBS_FACT_RESPONSE_MODEL, true, "modelId"},
    {LLMOBS_FACT_SYSTEM_FINGERPRINT, false, "system_fingerprint"},
};

/* Facts that an answer has beside its text: keys through objects, of a
 * list in each element. */
enum said {
    SAID_TEXT,    /* metadata */
    SAID_NUMBER,  /* metadata */
    SAID_TEXTS,   /* metadata */
    SAID_TIER,    /* the fact response_service_tier */
    SAID_COST,    /* a metric in dollars */
    SAID_NANO,    /* a metric of a billionth */
    SAID_MODEL,   /* the fact response_model, without the rest of an ARN */
    SAID_SECONDS, /* a metric */
    SAID_MS,      /* a metric in seconds */
    SAID_STOPPED  /* names in metadata.moderation */
};

static const struct place {
    enum said said;
    char to[24], way[72];
} places[] = {
/* Vercel's gateway. */
#define ROUTED "gateway\0routing\0finalProvider\0"
    {SAID_TEXT, "served_by", "provider\0"}, /* OpenRouter */
    {SAID_TEXT, "served_by", "choices\0message\0provider_metadata\0" ROUTED},
    {SAID_TEXT, "served_by", "choices\0delta\0provider_metadata\0" ROUTED},
    {SAID_COST, "total_cost",
     "choices\0message\0provider_metadata\0gateway\0cost\0"},
    {SAID_COST, "total_cost",
     "choices\0delta\0provider_metadata\0gateway\0cost\0"},
    {SAID_TEXT, "served_by", "provider_metadata\0" ROUTED},
    {SAID_COST, "total_cost", "provider_metadata\0gateway\0cost\0"},
    {SAID_TEXT, "served_by", "providerMetadata\0" ROUTED},
    {SAID_COST, "total_cost", "providerMetadata\0gateway\0cost\0"},
    {SAID_TEXT, "cache_miss_reason", /* Claude */
     "diagnostics\0cache_miss_reason\0type\0"},
    {SAID_NANO, "ai_credits", "copilot_usage\0total_nano_aiu\0"},
    {SAID_TIER, "", "service_tier\0"},
    {SAID_TIER, "", "serviceTier\0type\0"},          /* Converse */
    {SAID_TIER, "", "usageMetadata\0serviceTier\0"}, /* Gemini */
    {SAID_TEXT, "guardrail_action", "guardrailAction\0"},
    {SAID_TEXT, "guardrail_action", "amazon-bedrock-guardrailAction\0"},
    {SAID_TEXTS, "related_questions", "related_questions\0"}, /* Perplexity */
    {SAID_NUMBER, "tokens_per_second", "stats\0tokens_per_second\0"},
    {SAID_NUMBER, "time_to_first_token", "stats\0time_to_first_token\0"},
    {SAID_NUMBER, "generation_time", "stats\0generation_time\0"},
    /* llama.cpp */
    {SAID_MS, "time_in_model_prefill", "timings\0prompt_ms\0"},
    {SAID_MS, "time_in_model_decode", "timings\0predicted_ms\0"},
    {SAID_SECONDS, "time_in_queue", "time_info\0queue_time\0"}, /* Cerebras */
    {SAID_SECONDS, "time_in_model_prefill", "time_info\0prompt_time\0"},
    {SAID_SECONDS, "time_in_model_decode", "time_info\0completion_time\0"},
    {SAID_SECONDS, "time_in_queue", "usage\0queue_time\0"},
    {SAID_SECONDS, "time_in_model_prefill", "usage\0prompt_time\0"},
    {SAID_SECONDS, "time_in_model_decode", "usage\0completion_time\0"},
    {SAID_SECONDS, "time_in_queue", "x_groq\0usage\0queue_time\0"}, /* Groq */
    {SAID_SECONDS, "time_in_model_prefill", "x_groq\0usage\0prompt_time\0"},
    {SAID_SECONDS, "time_in_model_decode", "x_groq\0usage\0completion_time\0"},
    {SAID_MS, "time_in_model_inference", "metrics\0latencyMs\0"}, /* Bedrock */
    {SAID_MS, "time_in_model_inference",
     "amazon-bedrock-invocationMetrics\0invocationLatency\0"},
    {SAID_STOPPED, "input", "moderation\0input\0"}, /* OpenAI */
    {SAID_STOPPED, "output", "moderation\0output\0"},
    {SAID_STOPPED, "input", "prompt_filter_results\0"}, /* Azure */
    {SAID_STOPPED, "output", "choices\0content_filter_results\0"},
    {SAID_STOPPED, "input", "content_filters\0"},
    {SAID_STOPPED, "input", "error\0innererror\0"},
    {SAID_STOPPED, "input", "error\0inner_error\0"},
    {SAID_STOPPED, "input", "promptFeedback\0"}, /* Gemini */
    {SAID_STOPPED, "output", "candidates\0safetyRatings\0"},
    {SAID_MODEL, "", "trace\0promptRouter\0invokedModelId\0"}, /* Bedrock */
    {SAID_STOPPED, "input", "trace\0guardrail\0inputAssessment\0"},
    {SAID_STOPPED, "output", "trace\0guardrail\0outputAssessments\0"},
    {SAID_STOPPED, "input", "trace\0guardrailTrace\0inputAssessments\0"},
    {SAID_STOPPED, "output", "trace\0guardrailTrace\0outputAssessments\0"},
    {SAID_STOPPED, "input", "amazon-bedrock-trace\0guardrail\0input\0"},
    {SAID_STOPPED, "output", "amazon-bedrock-trace\0guardrail\0outputs\0"},
};

/* Adds a name to the list of a side, once. A request's own setting `moderation`
 * stays: it is a part of the request's tree, and may have anything in it. */
static void add_stopped(struct llmobs_reading *reading, const char *side,
                        const char *name)
{
    struct llmobs_json *metadata = reading->span->metadata, *list;
    struct llmobs_json *all = llmobs_json_get(metadata, "moderation");

    if (llmobs_has_text(name) && !all &&
        llmobs_json_set(metadata, "moderation", llmobs_json_object()) == 0)
        reading->stopped = all = llmobs_json_get(metadata, "moderation");
    if (!llmobs_has_text(name) || !all || all != reading->stopped)
        return;
    if (!llmobs_json_get(all, side))
        (void)llmobs_json_set(all, side, llmobs_json_array());
    list = llmobs_json_get(all, side);
    LLMOBS_JSON_EACH (one, list, true)
        if (strcmp(llmobs_json_text(one), name) == 0)
            return;
    if (llmobs_json_len(list) < STOPPED_MAX)
        (void)llmobs_json_add(list, llmobs_json_string(name));
}

/* The name of what a filter stopped; NULL: the object tells no such thing. What
 * a filter has matched is the user's text, and no name. */
static const char *stopped_by(const char *key, const struct llmobs_json *value)
{
    static const char called[] = "category\0name\0type\0id\0";
    const char *action = llmobs_json_gets(value, "action");

    if (!(action && strcmp(action, "NONE") != 0) &&
        !llmobs_json_is_true(llmobs_json_get(value, "filtered")) &&
        !(llmobs_json_is_true(llmobs_json_get(value, "blocked")) &&
          llmobs_json_gets(value, "category")))
        return llmobs_json_gets(value, "blockReason");
    LLMOBS_WORDS_EACH (name, called)
        if (llmobs_json_gets(value, name))
            return llmobs_json_gets(value, name);
    return key;
}

/* Adds the names of all that a filter stopped below a place. OpenAI says true
 * below `categories`, Azure whose text its list of filters is about. The
 * recursion is as deep as the parsed documents. */
static void add_all_stopped(struct llmobs_reading *reading, const char *side,
                            const char *key, const struct llmobs_json *value)
{
    const char *of = llmobs_json_gets(value, "source_type");

    if (of && strcmp(of, "completion") == 0)
        side = "output";
    add_stopped(reading, side,
                llmobs_json_is_true(value) ? key : stopped_by(key, value));
    for (void *it = llmobs_json_iter(value); it;
         it = llmobs_json_next(value, it)) {
        const struct llmobs_json *one = llmobs_json_iter_value(it);

        if (llmobs_json_is_container(one) || strcmp(key, "categories") == 0)
            add_all_stopped(reading, side, llmobs_json_iter_key(it), one);
    }
    LLMOBS_JSON_EACH (one, value, true)
        add_all_stopped(reading, side, key, one);
}

/* True if a later body of the same tree may say another thing there. */
static bool find_said(struct llmobs_reading *reading, const struct place *place,
                      const char *way, const struct llmobs_json *in)
{
    bool more = false;

    if (in && !*way) {
        struct llmobs_span *span = reading->span;
        const char *text = llmobs_json_text(in);
        const char *slash = text ? strrchr(text, '/') : NULL;

        if (place->said == SAID_MODEL)
            llmobs_span_fact(&span->facts, LLMOBS_FACT_RESPONSE_MODEL,
                             slash ? slash + 1 : text);
        else if (place->said == SAID_TIER)
            llmobs_span_fact(&span->facts, LLMOBS_FACT_RESPONSE_SERVICE_TIER,
                             text);
        else if (place->said == SAID_COST)
            (void)llmobs_usage_cost(span, place->to, llmobs_usage_price(in));
        else if (place->said == SAID_NANO)
            (void)llmobs_usage_seconds(span, place->to, in, 1e9);
        else if (place->said == SAID_STOPPED)
            add_all_stopped(reading, place->to, "", in);
        else if (place->said == SAID_TEXT)
            (void)llmobs_json_sets(span->metadata, place->to, text);
        else if (place->said > SAID_TEXTS)
            (void)llmobs_usage_seconds(span, place->to, in,
                                       place->said == SAID_MS ? 1e3 : 1);
        else if (place->said == SAID_TEXTS
                     ? llmobs_json_is_string(llmobs_json_at(in, 0))
                     : llmobs_json_is_number(in))
            (void)llmobs_json_set(span->metadata, place->to,
                                  llmobs_json_clone(in));
        return place->said != SAID_TEXT && place->said != SAID_TIER;
    }
    LLMOBS_JSON_EACH (one, in, true)
        more = find_said(reading, place, way, one) || more;
    in = llmobs_json_get(in, way);
    return (in && find_said(reading, place, llmobs_words_next(way), in)) ||
           more;
}

/* Looks up the first member of places that stand together once, and only where
 * the body has a member with that letter: each event of some streams comes
 * here, and has none of them. */
static bool find_all_said(struct llmobs_reading *reading,
                          const struct llmobs_json *body)
{
    const struct llmobs_json *in = NULL;
    const char *key = "";
    uint64_t letters = 0;
    bool more = false;

    LLMOBS_JSON_EACH (one, body, true)
        more = find_all_said(reading, one) || more;
    for (void *it = llmobs_json_iter(body); it; it = llmobs_json_next(body, it))
        letters |= UINT64_C(1) << (*llmobs_json_iter_key(it) & 63);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const char *way = places[i].way;

        if (!(letters >> (*way & 63) & 1))
            continue;
        if (strcmp(key, way) != 0)
            in = llmobs_json_get(body, key = way);
        if (in)
            more = find_said(reading, &places[i], llmobs_words_next(way), in) ||
                   more;
    }
    return more;
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
    known = is_set(span, LLMOBS_FACT_RESPONSE_ID) &&
            is_set(span, LLMOBS_FACT_RESPONSE_MODEL);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!names[i].once || !is_set(span, names[i].fact))
            llmobs_span_fact(
                &span->facts, names[i].fact,
                names[i].fact == LLMOBS_FACT_RESPONSE_MODEL
                    ? llmobs_reading_file(llmobs_json_gets(body, names[i].key))
                    : llmobs_json_gets(body, names[i].key));
    set_conversation(reading, body);
    return known;
}

void llmobs_fact_answer(struct llmobs_reading *reading,
                        const struct llmobs_json *body)
{
    (void)set_answer(reading, body);
    (void)find_all_said(reading, body);
}

void llmobs_fact_event(struct llmobs_reading *reading,
                       const struct llmobs_event *event)
{
    static const char *const keys[] = {"message", "response", "interaction"};
    const struct llmobs_json *body = event->json;
    bool plain = event->alike && body == reading->plain;

    if (plain && reading->told == LLMOBS_FACT_EVENTS)
        return;
    /* The object that has the answer's id: the event, or a member. */
    for (size_t i = 0;
         body == event->json && i < sizeof(keys) / sizeof(keys[0]); i++)
        if (llmobs_json_gets(llmobs_json_get(body, keys[i]), "id"))
            body = llmobs_json_get(body, keys[i]);
    if (body && reading->told < LLMOBS_FACT_EVENTS) {
        reading->told++;
        if (set_answer(reading, body))
            reading->told = LLMOBS_FACT_EVENTS;
    }
    if (!plain && body)
        reading->plain = find_all_said(reading, body) ? NULL : event->json;
}

void llmobs_fact_ends(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *body;
    struct llmobs_buf keys;

    llmobs_buf_init(&keys, sizeof(names) + sizeof(places));
    llmobs_buf_add(&keys, "conversation", sizeof("conversation"));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        llmobs_buf_add(&keys, names[i].key, strlen(names[i].key) + 1);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        llmobs_buf_add(&keys, places[i].way, strlen(places[i].way) + 1);
    body =
        llmobs_cut_json_object(call->response, call->response_tail, keys.data);
    llmobs_buf_fini(&keys);
    llmobs_fact_answer(reading, body);
    llmobs_json_free(body);
}

/* -- gateways -------------------------------------------------------------- */

#define GATE(name, says) {name, GATE_##says},
static const struct {
    const char *name;
    enum {
        GATE_COST,
        GATE_MODEL,
        GATE_BY,
        GATE_WAY,
        GATE_KEY,
        GATE_HIT,
        GATE_INPUT,
        GATE_CACHED,
        GATE_CHARACTERS
    } says;
} gates[] = {LLMOBS_GATEWAY_HEADERS(GATE)};

/* An answer out of a gateway's cache repeats the counts of the first one, and
 * costs nothing. */
static void put_cached(struct llmobs_span *span)
{
    (void)llmobs_json_sets(span->metadata, "gateway_cache", "hit");
    (void)llmobs_usage_cost(span, "total_cost", 0);
    llmobs_json_unset(span->metrics, "input_cost");
    llmobs_json_unset(span->metrics, "output_cost");
}

/* A server may send the request's key back. */
static void put_masked(struct llmobs_span *span, const char *key,
                       const char *value)
{
    char *text = NULL;

    (void)llmobs_span_set_masked(&text, value);
    (void)llmobs_json_sets(span->metadata, key, text);
    free(text);
}

/* A header's count, of a call whose body has none. */
static void put_count(struct llmobs_span *span, const char *key,
                      const char *value)
{
    if (!llmobs_json_get(span->metrics, key))
        llmobs_span_metric(span, key, llmobs_usage_text(value));
}

static void read_gate(struct llmobs_span *span, size_t i, const char *value)
{
    struct llmobs_json *text = llmobs_json_string(value);
    double price = llmobs_usage_price(text);
    struct llmobs_text served =
        llmobs_span_fact_text(&span->facts, LLMOBS_FACT_RESPONSE_MODEL);
    struct llmobs_text asked =
        llmobs_span_fact_text(&span->facts, LLMOBS_FACT_REQUEST_MODEL);

    llmobs_json_free(text);
    switch (gates[i].says) {
    case GATE_COST: /* 0: LiteLLM does not know it */
        (void)llmobs_usage_cost(span, "total_cost", price > 0 ? price : NAN);
        break;
    case GATE_MODEL: /* the answer's own word, if it is one, is closer */
        if (served.len == 0 ||
            (served.len == asked.len &&
             memcmp(served.data, asked.data, asked.len) == 0))
            llmobs_span_fact(&span->facts, LLMOBS_FACT_RESPONSE_MODEL, value);
        break;
    case GATE_BY:
        put_masked(span, "served_by", value);
        break;
    case GATE_WAY:
        if (strchr(value, '['))
            put_masked(span, "served_option", value);
        break;
    case GATE_KEY: /* only a hit has one */
        put_cached(span);
        break;
    case GATE_HIT:
        if (llmobs_text_has_nocase(llmobs_text_of(value), "hit"))
            put_cached(span);
        break;
    case GATE_INPUT:
        put_count(span, "input_tokens", value);
        break;
    case GATE_CACHED:
        put_count(span, "cache_read_input_tokens", value);
        break;
    case GATE_CHARACTERS:
        put_count(span, "billable_character_count", value);
        break;
    }
}

/* -- the end -------------------------------------------------------------- */

/* The tier that served a call is the one that counts; the one asked for stands
 * beside it. A tier that nobody asked for is told unless it is the usual one.
 */
static void put_tier(struct llmobs_span *span)
{
    struct llmobs_json *metadata = span->metadata;
    struct llmobs_text served =
        llmobs_span_fact_text(&span->facts, LLMOBS_FACT_RESPONSE_SERVICE_TIER);
    struct llmobs_text asked =
        llmobs_span_fact_text(&span->facts, LLMOBS_FACT_REQUEST_SERVICE_TIER);

    if (served.len == 0 || llmobs_text_is(served, "auto") ||
        (asked.len == 0 && llmobs_text_is(served, "default")))
        return;
    if (asked.len > 0)
        (void)llmobs_json_set(metadata, "request_service_tier",
                              llmobs_json_stringn(asked.data, asked.len));
    (void)llmobs_json_set(metadata, "service_tier",
                          llmobs_json_stringn(served.data, served.len));
}

static bool says_something(const struct llmobs_json *messages)
{
    LLMOBS_JSON_EACH (one, messages, true)
        if (llmobs_has_text(llmobs_json_gets(one, "content")) ||
            llmobs_json_get(one, "tool_calls"))
            return true;
    return false;
}

/* True where a summary stands for messages before it. */
static bool are_compacted(const struct llmobs_json *messages)
{
    LLMOBS_JSON_EACH (one, messages, true)
        if (llmobs_json_says(one, "role", "assistant") &&
            llmobs_text_begins(llmobs_text_of(llmobs_json_gets(one, "content")),
                               "[compaction]"))
            return true;
    return false;
}

void llmobs_fact_end(struct llmobs_reading *reading)
{
    const struct llmobs_call *call;
    static const char counts[] =
        "input_tokens\0output_tokens\0total_tokens\0"
        "cache_read_input_tokens\0cache_write_input_tokens\0"
        "ephemeral_1h_input_tokens\0ephemeral_5m_input_tokens\0"
        "reasoning_output_tokens\0";
    struct llmobs_json *metrics;

    if (are_compacted(reading->span->input_messages) ||
        are_compacted(reading->span->output_messages))
        llmobs_span_fact_true(&reading->span->facts, LLMOBS_FACT_COMPACTED);
    put_tier(reading->span);
    /* A model reads and writes at least one token where it says something:
     * counts of 0 are a server's word for none, unless a filter spoke for the
     * model. */
    metrics = reading->span->metrics;
    if (reading->span->kind == LLMOBS_KIND_LLM &&
        llmobs_usage_count(metrics, "input_tokens") <= 0 &&
        llmobs_usage_count(metrics, "output_tokens") <= 0 &&
        says_something(reading->span->output_messages) &&
        !llmobs_text_has_nocase(
            llmobs_span_fact_text(&reading->span->facts,
                                  LLMOBS_FACT_FINISH_REASONS),
            "content_filter"))
        LLMOBS_WORDS_EACH (key, counts)
            if (llmobs_usage_count(metrics, key) == 0)
                llmobs_json_unset(metrics, key);
    call = reading->classified->call;
    for (size_t i = 0;
         call->status < 300 && i < sizeof(gates) / sizeof(gates[0]); i++) {
        const char *value = llmobs_header_find(
            call->response_headers, call->response_header_count, gates[i].name);

        if (value)
            read_gate(reading->span, i, value);
    }
}

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
