/* Reads token counts and costs. */
#include "rules/read/usage.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rules/read/text.h"

#define COUNT_MAX (INT64_C(1) << 53)
#define COST_GRAIN 1e-9
#define PRICE_LEN 48
#define PIECE_LEN 48
#define KIND_LEN 48
#define PIECES_MAX 16 /* their names are the body's */
#define TICKS 1e10    /* of a dollar, xAI's unit */

int64_t llmobs_usage_text(const char *text)
{
    int64_t number;
    char *end;

    if (!text || *text < '0' || *text > '9')
        return -1;
    errno = 0;
    number = strtoll(text, &end, 10);
    return *end != '\0' || errno != 0 || number > COUNT_MAX ? -1 : number;
}

/* WIRE 8.4 has the rules. */
int64_t llmobs_usage_value(const struct llmobs_json *value)
{
    int64_t number = -1;

    if (llmobs_json_is_int(value)) {
        number = llmobs_json_to_int(value);
    } else if (llmobs_json_is_number(value)) {
        double real = llmobs_json_to_real(value);

        if (real >= 0 && real <= (double)COUNT_MAX &&
            real == (double)(int64_t)real)
            number = (int64_t)real;
    } else {
        number = llmobs_usage_text(llmobs_json_text(value));
    }
    return number < 0 || number > COUNT_MAX ? -1 : number;
}

int64_t llmobs_usage_count(const struct llmobs_json *object, const char *key)
{
    return llmobs_usage_value(llmobs_json_get(object, key));
}

int64_t llmobs_usage_add(int64_t sum, int64_t count)
{
    if (count < 0 || sum > COUNT_MAX)
        return sum;
    return (sum > 0 ? sum : 0) + count;
}

int llmobs_usage_sum(struct llmobs_json **sum, const struct llmobs_json *usage,
                     const char *keys)
{
    int rc = 0;

    if (!*sum && !(*sum = llmobs_json_object()))
        return -ENOMEM;
    LLMOBS_WORDS_EACH (key, keys) {
        int64_t now = llmobs_usage_count(usage, key);

        if (rc == 0 && now >= 0)
            rc = llmobs_json_set(*sum, key,
                                 llmobs_json_int(llmobs_usage_add(
                                     llmobs_usage_count(*sum, key), now)));
    }
    return rc;
}

/* The recursion is as deep as the parsed documents. Most events need no copy of
 * theirs, which must not be changed (json_series.h). */
struct llmobs_json *llmobs_usage_later(const struct llmobs_json *before,
                                       const struct llmobs_json *now)
{
    /* A later value of 0 is no news. */
    const bool none =
        !now || llmobs_json_is_null(now) ||
        (llmobs_json_is_number(now) && !(llmobs_json_to_real(now) > 0));
    const struct llmobs_json *last = before && none ? before : now;
    struct llmobs_json *out =
        llmobs_json_share((struct llmobs_json *)(uintptr_t)last);
    void *it = llmobs_json_is_object(now) ? llmobs_json_iter(before) : NULL;
    int rc = 0;

    for (; rc == 0 && it; it = llmobs_json_next(before, it)) {
        const char *key = llmobs_json_iter_key(it);
        const struct llmobs_json *one = llmobs_json_get(now, key);
        struct llmobs_json *kept =
            llmobs_usage_later(llmobs_json_iter_value(it), one);

        if (kept == one) {
            llmobs_json_free(kept);
            continue;
        }
        if (out == now) {
            llmobs_json_free(out);
            out = llmobs_json_clone(now);
        }
        rc = llmobs_json_set(out, key, kept);
    }
    return llmobs_json_done(out, rc);
}

int llmobs_usage_replace(struct llmobs_json **held,
                         const struct llmobs_json *usage)
{
    struct llmobs_json *now;

    if (!llmobs_json_is_object(usage))
        return 0;
    now = llmobs_usage_later(*held, usage);
    llmobs_json_free(*held);
    *held = now;
    return now ? 0 : -ENOMEM;
}

/* `key` if above 0; else `other` if present; else `key`: 0, or -1 if absent. */
static int64_t count_either(const struct llmobs_json *usage, const char *key,
                            const char *other)
{
    int64_t one = llmobs_usage_count(usage, key), two;

    if (one > 0)
        return one;
    two = llmobs_usage_count(usage, other);
    return two >= 0 ? two : one;
}

/* The first of two counts that the object has. */
static int64_t count_detail(const struct llmobs_json *usage, const char *group,
                            const char *other, const char *key)
{
    int64_t number = llmobs_usage_count(llmobs_json_get(usage, group), key);

    return number >= 0 ? number
                       : llmobs_usage_count(llmobs_json_get(usage, other), key);
}

void llmobs_usage_put(const struct llmobs_counts *counts,
                      struct llmobs_json *metrics)
{
    const struct {
        const char *key;
        int64_t number;
    } rows[] = {
        {"input_tokens", counts->input},
        {"output_tokens", counts->output},
        {"total_tokens", counts->total},
        {"cache_read_input_tokens", counts->cache_read},
        {"cache_write_input_tokens", counts->cache_write},
        {"ephemeral_1h_input_tokens", counts->cache_hour},
        {"ephemeral_5m_input_tokens", counts->cache_brief},
        {"reasoning_output_tokens", counts->reasoning},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].number >= 0 && rows[i].number <= COUNT_MAX)
            (void)llmobs_json_set(
                metrics, rows[i].key,
                llmobs_json_searched(llmobs_json_int(rows[i].number)));
}

static void put_positive(struct llmobs_span *span, const char *key,
                         int64_t number)
{
    if (number > 0)
        llmobs_span_metric(span, key, number);
}

static void cache(const struct llmobs_json *usage, struct llmobs_counts *counts)
{
    const struct llmobs_json *details =
        llmobs_json_get(usage, "prompt_tokens_details");
    const struct llmobs_json *split =
        llmobs_json_get(details, "cache_creation_token_details");
    static const char beside[] =
        "cached_tokens\0prompt_cache_hit_tokens\0cache_read_input_tokens\0"
        "num_cached_tokens\0cache_n\0precached_prompt_tokens\0";
    int64_t number = count_detail(usage, "prompt_tokens_details",
                                  "input_tokens_details", "cached_tokens");

    if (number < 0) /* Perplexity */
        number =
            count_detail(usage, "prompt_tokens_details", "input_tokens_details",
                         "cache_read_input_tokens");
    LLMOBS_WORDS_EACH (key, beside)
        if (number <= 0 && llmobs_usage_count(usage, key) >= 0)
            number = llmobs_usage_count(usage, key);
    counts->cache_read = number;

    number = count_detail(usage, "prompt_tokens_details",
                          "input_tokens_details", "cache_write_tokens");
    if (number < 0) {
        number = llmobs_usage_count(details, "cache_creation_tokens");
        if (number < 0) /* DashScope, Perplexity */
            number = count_detail(usage, "prompt_tokens_details",
                                  "input_tokens_details",
                                  "cache_creation_input_tokens");
        if (number < 0)
            number = llmobs_usage_count(usage, "cache_creation_input_tokens");
        number = number > 0 ? number : -1;
    }
    counts->cache_write = number;
    if (!split)
        split = llmobs_json_get(details, "cache_creation");
    number = llmobs_usage_count(split, "ephemeral_5m_input_tokens");
    counts->cache_brief = number > 0 ? number : -1;
    number = llmobs_usage_count(split, "ephemeral_1h_input_tokens");
    counts->cache_hour = number > 0 ? number : -1;
}

/* For infinity and NaN, which JSON lacks, the difference is not 0. */
int llmobs_usage_cost(struct llmobs_span *span, const char *key, double cost)
{
    return cost >= 0 && cost - cost == 0
               ? llmobs_json_set(span->metrics, key, llmobs_json_real(cost))
               : 0;
}

double llmobs_usage_price(const struct llmobs_json *value)
{
    struct llmobs_json *list = NULL;
    char text[PRICE_LEN];
    double price;

    if (llmobs_json_is_string(value)) {
        snprintf(text, sizeof(text), "[%s]", llmobs_json_text(value));
        (void)llmobs_json_parse(llmobs_text_of(text), &list);
        value = llmobs_json_len(list) == 1 ? llmobs_json_at(list, 0) : NULL;
    }
    price = llmobs_json_is_number(value) ? llmobs_json_to_real(value) : NAN;
    llmobs_json_free(list);
    return price;
}

static double price_at(const struct llmobs_json *usage,
                       const char *const way[2])
{
    const struct llmobs_json *value = llmobs_json_get(usage, way[0]);

    return value ? llmobs_usage_price(way[1] ? llmobs_json_get(value, way[1])
                                             : value)
                 : NAN;
}

static bool is_other_money(const struct llmobs_json *object)
{
    const char *currency = llmobs_json_gets(object, "currency");

    return currency && strcasecmp(currency, "USD") != 0;
}

/* True for a name of the body's that may begin that of a metric. */
static bool is_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    size_t len = name ? strspn(name, letters) : 0;

    return len > 0 && name[len] == '\0' &&
           len + sizeof("_output_tokens") <= PIECE_LEN;
}

/* Sets the number of calls of a server's tool, which are paid by the piece,
 * under one name for all providers: NAME_requests. Most calls say 0. */
void llmobs_usage_piece(struct llmobs_span *span, const char *name,
                        int64_t count)
{
    size_t len;
    const char *end;
    char key[PIECE_LEN];

    if (count <= 0 || !is_name(name))
        return;
    len = strlen(name);
    end = strstr(name, "_calls");
    end = end ? end : strstr(name, "_requests");
    len = end ? (size_t)(end - name) : len;
    snprintf(key, sizeof(key), "%.*s_requests", (int)len, name);
    llmobs_span_metric(span,
                       strcmp(key, "google_search_requests") == 0 ||
                               strcmp(key, "search_web_requests") == 0
                           ? "web_search_requests"
                           : key,
                       count);
}

void llmobs_usage_tools(const struct llmobs_json *tools,
                        struct llmobs_span *span)
{
    static const char counts[] = "input_tokens\0output_tokens\0";
    void *it = llmobs_json_iter(tools);
    char key[PIECE_LEN];

    for (int left = PIECES_MAX; it && left-- > 0;
         it = llmobs_json_next(tools, it)) {
        const char *name = llmobs_json_iter_key(it);
        const struct llmobs_json *one = llmobs_json_iter_value(it);

        if (!is_name(name))
            continue;
        llmobs_usage_piece(span, name, llmobs_usage_count(one, "num_requests"));
        LLMOBS_WORDS_EACH (count, counts) {
            snprintf(key, sizeof(key), "%s_%s", name, count);
            put_positive(span, key, llmobs_usage_count(one, count));
        }
    }
}

/* Units beside tokens that are billed: the member that tells how many, and the
 * metric. */
static const char *const units[][2] = {
    {"search_units", "search_units"},         /* Cohere */
    {"rerank_units", "rerank_units"},         /* Pinecone */
    {"read_units", "read_units"},             /* Pinecone */
    {"image_pixels", "image_pixels"},         /* Voyage */
    {"video_pixels", "video_pixels"},         /* Voyage */
    {"generated_images", "generated_images"}, /* Ark */
    {"image_count", "generated_images"},      /* DashScope */
    {"characters", "billable_character_count"},
    {"predict_time", "predict_seconds"}, /* Replicate */
};

int llmobs_usage_units(const struct llmobs_json *told, struct llmobs_span *span)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof(units) / sizeof(units[0]); i++) {
        const struct llmobs_json *count = llmobs_json_get(told, units[i][0]);

        if (llmobs_json_is_number(count) && llmobs_json_to_real(count) > 0)
            rc = llmobs_json_set(span->metrics, units[i][1],
                                 llmobs_json_clone(count));
    }
    return rc;
}

int llmobs_usage_costs(const struct llmobs_json *usage,
                       struct llmobs_span *span)
{
    static const struct {
        const char *in[2], *out[2];
        bool upstream; /* prices of another: they are this call's if they add up
                        * to its total (WIRE 6.6) */
    } parts[] = {
        {{"cost_details", "upstream_inference_prompt_cost"},
         {"cost_details", "upstream_inference_completions_cost"},
         true},
        {{"cost_details", "upstream_inference_input_cost"},
         {"cost_details", "upstream_inference_output_cost"},
         true},
        {{"cost", "input_tokens_cost"}, {"cost", "output_tokens_cost"}, false},
        {{"cost", "input_cost"}, {"cost", "output_cost"}, false},
        {{"input_cost"}, {"output_cost"}, false},
        {{"prompt_price"}, {"completion_price"}, false},
    };
    static const char *const ways[][2] = {
        {"cost"},        {"cost", "total_cost"}, /* OpenRouter; Perplexity */
        {"cost", "usd"}, {"estimated_cost"},     /* Venice; DeepInfra */
        {"total_cost"},  {"total_price"},        /* others; Dify */
    };
    static const char *const own_key[] = {"cost_details",
                                          "upstream_inference_cost"};
    const struct llmobs_json *ticks =
        llmobs_json_get(usage, "cost_in_usd_ticks");
    double total = llmobs_usage_price(ticks) / TICKS, upstream;
    int rc;
    /* Claude, OpenRouter; xAI; Mistral; Perplexity */
    static const char groups[] =
        "server_tool_use\0server_side_tool_usage_details\0connectors\0"
        "tool_calls_details\0";
    int left = PIECES_MAX;

    for (size_t i = 0; isnan(total) && i < sizeof(ways) / sizeof(ways[0]); i++)
        total = price_at(usage, ways[i]);
    upstream = llmobs_json_is_true(llmobs_json_get(usage, "is_byok"))
                   ? price_at(usage, own_key)
                   : 0;
    total += upstream > 0 ? upstream : 0;
    LLMOBS_WORDS_EACH (group, groups) {
        const struct llmobs_json *all = llmobs_json_get(usage, group);

        for (void *it = llmobs_json_iter(all); it && left-- > 0;
             it = llmobs_json_next(all, it)) {
            const struct llmobs_json *one = llmobs_json_iter_value(it);
            const struct llmobs_json *calls =
                llmobs_json_get(one, "invocation");

            llmobs_usage_piece(span, llmobs_json_iter_key(it),
                               llmobs_usage_value(calls ? calls : one));
        }
    }
    LLMOBS_JSON_EACH (one, llmobs_json_get(usage, "grounding_tool_count"),
                      left-- > 0)
        llmobs_usage_piece(span, llmobs_json_gets(one, "type"),
                           llmobs_usage_count(one, "count"));
    llmobs_usage_piece(span, "web_search",
                       llmobs_usage_count(usage, "num_search_queries"));
    put_positive(span, "citation_tokens",
                 llmobs_usage_count(usage, "citation_tokens"));
    if (is_other_money(usage) || is_other_money(llmobs_json_get(usage, "cost")))
        return 0;
    rc = llmobs_usage_cost(span, "total_cost", total);
    for (size_t i = 0; rc == 0 && i < sizeof(parts) / sizeof(parts[0]); i++) {
        double in = price_at(usage, parts[i].in);
        double out = price_at(usage, parts[i].out);

        if (isnan(in + out) ||
            (parts[i].upstream && !(fabs(total - in - out) < COST_GRAIN / 2)))
            continue;
        rc = llmobs_usage_cost(span, "input_cost", in);
        return rc < 0 ? rc : llmobs_usage_cost(span, "output_cost", out);
    }
    return rc;
}

static bool is_usage(const struct llmobs_json *value)
{
    return llmobs_json_is_object(value) && llmobs_json_len(value) > 0;
}

const struct llmobs_json *llmobs_usage_find(const struct llmobs_json *body)
{
    const struct llmobs_json *usage = llmobs_json_get(body, "usage");
    const struct llmobs_json *choices = llmobs_json_get(body, "choices");

    if (is_usage(usage))
        return usage;
    usage = llmobs_json_get(llmobs_json_get(body, "x_groq"), "usage");
    if (is_usage(usage))
        return usage;
    for (size_t i = llmobs_json_len(choices); i-- > 0;) {
        usage = llmobs_json_get(llmobs_json_at(choices, i), "usage");
        if (is_usage(usage))
            return usage;
    }
    usage = llmobs_json_get(body, "timings"); /* llama.cpp */
    return llmobs_json_get(usage, "prompt_n") ? usage : NULL;
}

/* Most calls have no sounds or pictures, and say 0. OpenAI's transcriptions
 * write the group without the second "s". */
void llmobs_usage_kinds(const struct llmobs_json *usage,
                        struct llmobs_span *span)
{
    static const char kinds[] = "text_tokens\0image_tokens\0audio_tokens\0"
                                "video_tokens\0document_tokens\0";
    static const char counts[] = "tokenCount\0token_count\0tokens\0";
    static const char *const groups[][2] = {
        {"input", "prompt_tokens_details\0input_tokens_details\0"
                  "input_token_details\0promptTokensDetails\0"
                  "input_tokens_by_modality\0"},
        {"output", "completion_tokens_details\0output_tokens_details\0"
                   "output_token_details\0candidatesTokensDetails\0"
                   "candidates_tokens_details\0output_tokens_by_modality\0"},
        {"cache_read_input", "cacheTokensDetails\0cache_tokens_details\0"
                             "cached_tokens_by_modality\0"}};
    char name[KIND_LEN];
    int64_t cached = 0;

    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        LLMOBS_WORDS_EACH (group, groups[i][1]) {
            const struct llmobs_json *details = llmobs_json_get(usage, group);
            const struct llmobs_json *writes =
                llmobs_json_get(details, "cache_write_tokens_details");

            if (!details)
                continue;
            put_positive(span, "ephemeral_30m_input_tokens",
                         llmobs_usage_count(writes, "ttl_30m_tokens"));
            put_positive(span, "ephemeral_12h_input_tokens",
                         llmobs_usage_count(writes, "ttl_12h_tokens"));
            LLMOBS_WORDS_EACH (key, kinds) {
                int len = (int)(strchr(key, '_') - key);
                int64_t sum = llmobs_usage_count(details, key);

                LLMOBS_JSON_EACH (one, details, true) {
                    const char *of = llmobs_json_gets(one, "modality");

                    if (of && strncasecmp(of, key, (size_t)len) == 0 &&
                        of[len] == '\0')
                        LLMOBS_WORDS_EACH (count, counts)
                            sum = llmobs_usage_add(
                                sum, llmobs_usage_count(one, count));
                }
                if (sum <= 0)
                    continue;
                if (i == 2)
                    cached = llmobs_usage_add(cached, sum);
                snprintf(name, sizeof(name), "%.*s_%s_tokens", len, key,
                         groups[i][0]);
                if (!llmobs_json_get(span->metrics, name))
                    llmobs_span_metric(span, name, sum);
            }
        }
    if (!llmobs_json_get(span->metrics, "cache_read_input_tokens"))
        put_positive(span, "cache_read_input_tokens", cached);
}

/* Adds the cached input and the reasoning to input and output where they are
 * counted beside these. Only the response's own total proves that (WIRE 6.6 has
 * the APIs): a part that is larger than its whole may be of another tokenizer,
 * or a block of a cache. */
static void take_in(struct llmobs_counts *counts)
{
    int64_t cached = llmobs_usage_add(llmobs_usage_add(0, counts->cache_read),
                                      counts->cache_write);
    int64_t thought = llmobs_usage_add(0, counts->reasoning);
    int64_t rest = counts->total - counts->input - counts->output;
    bool all;

    if (counts->input < 0 || counts->output < 0)
        return;
    all = rest > 0 && rest == cached + thought;
    if (all || (rest > 0 && rest == cached))
        counts->input += cached;
    if (all || (rest > 0 && rest == thought && rest != cached))
        counts->output += thought;
    if (counts->total < counts->input + counts->output)
        counts->total = counts->input + counts->output;
}

int llmobs_usage_read(const struct llmobs_json *usage, struct llmobs_span *span)
{
    struct llmobs_counts counts = LLMOBS_NO_COUNTS;
    int64_t rest, pictures;
    bool gemini;

    if (!usage)
        return 0;
    pictures = llmobs_usage_count(usage, "image_tokens");
    put_positive(span, "image_input_tokens", pictures);
    counts.input = count_either(usage, "prompt_tokens", "input_tokens");
    counts.output = count_either(usage, "completion_tokens", "output_tokens");
    counts.total = llmobs_usage_count(usage, "total_tokens");
    if (counts.input < 0 && llmobs_usage_count(usage, "prompt_n") >= 0) {
        /* llama.cpp where nobody asks for usage: the cache is beside it. */
        counts.input = llmobs_usage_add(llmobs_usage_count(usage, "prompt_n"),
                                        llmobs_usage_count(usage, "cache_n"));
        counts.output = llmobs_usage_count(usage, "predicted_n");
    }
    counts.reasoning =
        count_detail(usage, "completion_tokens_details",
                     "output_tokens_details", "reasoning_tokens");
    if (counts.reasoning < 0)
        counts.reasoning = llmobs_usage_count(usage, "reasoning_tokens");
    cache(usage, &counts);
    rest = counts.input < 0 || (counts.output < 0 && pictures <= 0)
               ? 0
               : counts.total - counts.input -
                     (counts.output < 0 ? 0 : counts.output);
    gemini =
        (rest > 0 || counts.reasoning > 0) &&
        llmobs_text_has_nocase(
            llmobs_span_fact_text(&span->facts, LLMOBS_FACT_RESPONSE_MODEL),
            "gemini");
    /* What Mistral's connectors gave the model to read is in the total alone,
     * and so are DashScope's pictures, and Gemini's thoughts by OpenAI's form.
     * Vercel counts these beside the output and leaves them out of the total,
     * but not out of its price. GigaChat takes what its cache had off all
     * counts. */
    if (rest > 0 && (rest == pictures ||
                     rest == llmobs_usage_count(usage, "connector_tokens")))
        counts.input += rest;
    else if (counts.input >= 0 &&
             llmobs_usage_count(usage, "precached_prompt_tokens") > 0)
        counts.input = llmobs_usage_add(counts.input, counts.cache_read);
    else if (gemini && counts.output >= 0 && counts.reasoning > 0 &&
             span->host_provider && strcmp(span->host_provider, "vercel") == 0)
        counts.output += counts.reasoning;
    else if (gemini && rest > 0 && counts.reasoning <= 0 &&
             counts.cache_read <= 0)
        counts.output += rest;
    take_in(&counts);
    llmobs_usage_put(&counts, span->metrics);
    llmobs_usage_kinds(usage, span);
    if (llmobs_usage_units(usage, span) < 0)
        return -ENOMEM;
    return llmobs_usage_costs(usage, span);
}

int llmobs_usage_seconds(struct llmobs_span *span, const char *key,
                         const struct llmobs_json *value, double per_second)
{
    double time = llmobs_json_is_number(value) ? llmobs_json_to_real(value) : 0;

    if (!(time > 0) || time - time != 0)
        return 0;
    return llmobs_json_set(span->metrics, key,
                           llmobs_json_real(time / per_second));
}

int llmobs_usage_sound(struct llmobs_span *span,
                       const struct llmobs_json *seconds)
{
    if (!llmobs_json_is_number(seconds) || llmobs_json_to_real(seconds) < 0)
        return 0;
    return llmobs_json_set(span->metrics, "audio_seconds",
                           llmobs_json_clone(seconds));
}
