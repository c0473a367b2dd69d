/* Writes a span's attributes of OpenTelemetry. */
#include "core/export/attributes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/export/messages.h"
#include "lib/base/sha256.h"
#include "lib/span/content_filter.h"

/* Sets of forms. */
#define IN_1_41 (1 << LLMOBS_SEMCONV_1_41)
#define IN_LATEST (1 << LLMOBS_SEMCONV_LATEST)
#define IN_ALL (IN_1_41 | IN_LATEST)
#define NOT_ZERO (1 << 7) /* in the newest form, a count of 0 is left out */

#define INFERENCE LLMOBS_OTLP_INFERENCE
#define EMBEDDINGS LLMOBS_OTLP_EMBEDDINGS
#define AGENT LLMOBS_OTLP_AGENT
#define RETRIEVAL LLMOBS_OTLP_RETRIEVAL
#define TOOL LLMOBS_OTLP_TOOL
#define NO_OP LLMOBS_OTLP_NO_OP
#define ASKED (INFERENCE | AGENT)
#define ANY_OP 0x7F

enum type {
    TYPE_TEXT,
    TYPE_TEXTS, /* a text, or a list of texts */
    TYPE_INT,
    TYPE_COUNT, /* an int that is not 1 */
    TYPE_DOUBLE,
    TYPE_SECONDS, /* a double, of an int in nanoseconds */
    TYPE_TRUE     /* a boolean that is true */
};

/* An attribute of the conventions. Its value is a fact, or else the metadata
 * under one of the names that APIs give it (keys). */
struct row {
    char name[40];
    unsigned char forms;
    unsigned char ops;
    unsigned char type;
    unsigned char fact; /* NO_FACT: the row has no fact */
};

#define LLMOBS_FACT_NONE LLMOBS_FACTS

/* Their rows: id, name, forms, operations, type, fact. */
#define ROWS_LIST(ROW)                                                         \
    ROW(RESPONSE_MODEL, "gen_ai.response.model", ALL,                          \
        INFERENCE | EMBEDDINGS | NO_OP, TEXT, RESPONSE_MODEL)                  \
    ROW(RESPONSE_ID, "gen_ai.response.id", ALL, INFERENCE | NO_OP, TEXT,       \
        RESPONSE_ID)                                                           \
    ROW(FINISH_REASONS, "gen_ai.response.finish_reasons", ALL, ASKED | NO_OP,  \
        TEXTS, FINISH_REASONS)                                                 \
    ROW(OUTPUT_TYPE, "gen_ai.output.type", ALL, INFERENCE, TEXT, OUTPUT_TYPE)  \
    ROW(CONVERSATION, "gen_ai.conversation.id", ALL, ASKED, TEXT,              \
        CONVERSATION_ID)                                                       \
    ROW(COMPACTED, "gen_ai.conversation.compacted", LATEST, INFERENCE, TRUE,   \
        COMPACTED)                                                             \
    ROW(MAX_TOKENS, "gen_ai.request.max_tokens", ALL, ASKED, INT, NONE)        \
    ROW(TEMPERATURE, "gen_ai.request.temperature", ALL, ASKED, DOUBLE, NONE)   \
    ROW(TOP_P, "gen_ai.request.top_p", ALL, ASKED, DOUBLE, NONE)               \
    ROW(FREQUENCY, "gen_ai.request.frequency_penalty", ALL, ASKED, DOUBLE,     \
        NONE)                                                                  \
    ROW(PRESENCE, "gen_ai.request.presence_penalty", ALL, ASKED, DOUBLE, NONE) \
    ROW(TOP_K, "gen_ai.request.top_k", 1_41, INFERENCE | RETRIEVAL, DOUBLE,    \
        NONE)                                                                  \
    ROW(NEW_TOP_K, "gen_ai.request.top_k", LATEST, INFERENCE, INT, NONE)       \
    ROW(RETRIEVED, "gen_ai.retrieval.top_k", LATEST, RETRIEVAL, INT, NONE)     \
    ROW(SEED, "gen_ai.request.seed", ALL, ASKED, INT, NONE)                    \
    ROW(STOP, "gen_ai.request.stop_sequences", ALL, ASKED, TEXTS, NONE)        \
    ROW(CHOICES, "gen_ai.request.choice.count", ALL, ASKED, COUNT, NONE)       \
    ROW(STREAM, "gen_ai.request.stream", ALL, INFERENCE, TRUE, STREAM)         \
    ROW(REASONING, "gen_ai.request.reasoning.level", LATEST, INFERENCE, TEXT,  \
        REASONING_LEVEL)                                                       \
    ROW(PREVIOUS, "gen_ai.request.previous_response.id", LATEST, INFERENCE,    \
        TEXT, PREVIOUS_RESPONSE_ID)                                            \
    ROW(ENCODING, "gen_ai.request.encoding_formats", ALL, EMBEDDINGS, TEXTS,   \
        ENCODING_FORMATS)                                                      \
    ROW(DIMENSIONS, "gen_ai.embeddings.dimension.count", ALL, EMBEDDINGS, INT, \
        DIMENSIONS)                                                            \
    ROW(DATA_SOURCE, "gen_ai.data_source.id", ALL, RETRIEVAL, TEXT, NONE)      \
    ROW(HTTP_STATUS, "http.response.status_code", ALL, ANY_OP, INT, STATUS)    \
    ROW(MCP_METHOD, "mcp.method.name", ALL, ANY_OP, TEXT, MCP_METHOD)          \
    ROW(MCP_PROTOCOL, "mcp.protocol.version", ALL, ANY_OP, TEXT, MCP_PROTOCOL) \
    ROW(MCP_SESSION, "mcp.session.id", ALL, ANY_OP, TEXT, MCP_SESSION)         \
    ROW(RPC_ID, "jsonrpc.request.id", ALL, ANY_OP, TEXT, RPC_ID)               \
    ROW(AGENT_ID, "gen_ai.agent.id", ALL, AGENT, TEXT, NONE)                   \
    ROW(GUARDRAIL, "aws.bedrock.guardrail.id", ALL, ANY_OP, TEXT, NONE)        \
    ROW(KNOWLEDGE_BASE, "aws.bedrock.knowledge_base.id", ALL, ANY_OP, TEXT,    \
        NONE)                                                                  \
    ROW(STATUS, "gen_ai.response.status", LATEST, NO_OP, TEXT, NONE)           \
    ROW(TOOL_CALL, "gen_ai.tool.call.id", ALL, TOOL, TEXT, NONE)               \
    ROW(DESCRIPTION, "gen_ai.tool.description", ALL, TOOL, TEXT, NONE)

enum row_id {
#define ROW_ID(id, name, forms, ops, type, fact) ROW_##id,
    ROWS_LIST(ROW_ID)
#undef ROW_ID
        ROWS
};

static const struct row rows[ROWS] = {
#define ROW(id, name, forms, ops, type, fact) \
    {name, IN_##forms, ops, TYPE_##type, LLMOBS_FACT_##fact},
    ROWS_LIST(ROW)
#undef ROW
};

/* The keys of metadata, sorted; of two for one row the lower rank counts. */
static const struct key {
    char key[24];
    unsigned char row;
    unsigned char rank;
} keys[] = {
    {"agent_id", ROW_AGENT_ID, 0},
    {"candidateCount", ROW_CHOICES, 2},
    {"candidate_count", ROW_CHOICES, 1},
    {"data_source_id", ROW_DATA_SOURCE, 0},
    {"encoding_format", ROW_ENCODING, 0},
    {"encoding_formats", ROW_ENCODING, 1},
    {"frequencyPenalty", ROW_FREQUENCY, 1},
    {"frequency_penalty", ROW_FREQUENCY, 0},
    {"guardrail_id", ROW_GUARDRAIL, 0},
    {"k", ROW_NEW_TOP_K, 2},
    {"k", ROW_RETRIEVED, 2},
    {"k", ROW_TOP_K, 2},
    {"knowledge_base_id", ROW_KNOWLEDGE_BASE, 0},
    {"maxOutputTokens", ROW_MAX_TOKENS, 3},
    {"max_completion_tokens", ROW_MAX_TOKENS, 1},
    {"max_num_results", ROW_RETRIEVED, 3},
    {"max_num_results", ROW_TOP_K, 3},
    {"max_output_tokens", ROW_MAX_TOKENS, 2},
    {"max_tokens", ROW_MAX_TOKENS, 0},
    {"n", ROW_CHOICES, 0},
    {"p", ROW_TOP_P, 2},
    {"presencePenalty", ROW_PRESENCE, 1},
    {"presence_penalty", ROW_PRESENCE, 0},
    {"previous_response_id", ROW_PREVIOUS, 0},
    {"random_seed", ROW_SEED, 1},
    {"reasoning_effort", ROW_REASONING, 0},
    {"seed", ROW_SEED, 0},
    {"status", ROW_STATUS, 0},
    {"stop", ROW_STOP, 1},
    {"stopSequences", ROW_STOP, 2},
    {"stop_sequences", ROW_STOP, 0},
    {"stream", ROW_STREAM, 0},
    {"temperature", ROW_TEMPERATURE, 0},
    {"tool_description", ROW_DESCRIPTION, 0},
    {"tool_id", ROW_TOOL_CALL, 0},
    {"topK", ROW_NEW_TOP_K, 1},
    {"topK", ROW_RETRIEVED, 1},
    {"topK", ROW_TOP_K, 1},
    {"topP", ROW_TOP_P, 1},
    {"top_k", ROW_NEW_TOP_K, 0},
    {"top_k", ROW_RETRIEVED, 0},
    {"top_k", ROW_TOP_K, 0},
    {"top_p", ROW_TOP_P, 0},
    {"vector_store_id", ROW_DATA_SOURCE, 1},
};

#define KEYS (sizeof(keys) / sizeof(*keys))

/* The longest name of an attribute, and how much needs no memory. */
#define NAME_MAX_LEN ((size_t)1 << 20)
#define NAME_ROOM 96

/* -- values of a type ---------------------------------------------------- */

static bool is_text(const struct llmobs_json *value)
{
    return llmobs_json_is_string(value) && *llmobs_json_text(value);
}

static bool fits(enum type type, const struct llmobs_json *value)
{
    switch (type) {
    case TYPE_TEXT:
        return is_text(value);
    case TYPE_TEXTS: {
        LLMOBS_JSON_EACH (one, value, true)
            if (!llmobs_json_is_string(one))
                return false;
        return llmobs_json_is_array(value) ? llmobs_json_len(value) > 0
                                           : is_text(value);
    }
    case TYPE_INT:
    case TYPE_SECONDS:
        return llmobs_json_is_int(value);
    case TYPE_COUNT:
        return llmobs_json_is_int(value) && llmobs_json_to_int(value) != 1;
    case TYPE_DOUBLE:
        return llmobs_json_is_number(value);
    case TYPE_TRUE:
        return llmobs_json_is_true(value);
    }
    return false;
}

static void put_texts(struct llmobs_otlp_attributes *out, const char *key,
                      const struct llmobs_json *value)
{
    size_t count = llmobs_json_is_array(value) ? llmobs_json_len(value) : 1;
    struct llmobs_text *texts = calloc(count, sizeof(*texts));

    if (!texts) {
        llmobs_otlp_fail(out->writer, -ENOMEM);
        return;
    }
    for (size_t i = 0; i < count; i++)
        texts[i] = llmobs_text_of(llmobs_json_text(
            llmobs_json_is_array(value) ? llmobs_json_at(value, i) : value));
    llmobs_otlp_attr_texts(out, key, texts, count);
    free(texts);
}

static void put_typed(struct llmobs_otlp_attributes *out, const char *key,
                      enum type type, const struct llmobs_json *value)
{
    switch (type) {
    case TYPE_TEXT:
        llmobs_otlp_attr_said(out, key, llmobs_json_text(value));
        break;
    case TYPE_TEXTS:
        put_texts(out, key, value);
        break;
    case TYPE_INT:
    case TYPE_COUNT:
        llmobs_otlp_attr_int(out, key, llmobs_json_to_int(value));
        break;
    case TYPE_DOUBLE:
        llmobs_otlp_attr_double(out, key, llmobs_json_to_real(value));
        break;
    case TYPE_SECONDS:
        llmobs_otlp_attr_double(out, key,
                                (double)llmobs_json_to_int(value) / 1e9);
        break;
    case TYPE_TRUE:
        llmobs_otlp_attr_bool(out, key, true);
        break;
    }
}

static void put_fact(const struct llmobs_otlp_source *s, enum llmobs_fact fact,
                     enum type type, const char *key,
                     struct llmobs_otlp_attributes *out)
{
    const struct llmobs_json *value = s->fact[fact];

    if (fits(type, value))
        put_typed(out, key, type, value);
}

/* -- the rows ------------------------------------------------------------ */

/* The values of the rows: the fact, else the first of the row's keys whose
 * value in metadata has the row's type. */
struct found {
    const struct llmobs_json *values[ROWS];
    const char *keys[ROWS]; /* the metadata's key with it; or NULL */
    unsigned char ranks[ROWS];
};

/* The newest form has an agent's attributes on a workflow. */
static int op_of(const struct llmobs_otlp_source *s)
{
    return s->op == LLMOBS_OTLP_WORKFLOW && s->form >= LLMOBS_SEMCONV_LATEST
               ? AGENT
               : (int)s->op;
}

/* A span of no operation has no attribute of gen_ai. (WIRE 9.3). */
static bool is_for(const struct row *row, const struct llmobs_otlp_source *s)
{
    if (!s->operation && strncmp(row->name, "gen_ai.", 7) == 0)
        return false;
    return (row->forms & 1 << s->form) && (row->ops & op_of(s));
}

/* Moves from the previous key's place to where a key is or would be. An event's
 * keys are sorted, too. */
static size_t seek_key(size_t at, const char *key)
{
    if (at > 0 && strcmp(keys[at - 1].key, key) >= 0)
        at = 0;
    while (at < KEYS && strcmp(keys[at].key, key) < 0)
        at++;
    return at;
}

static void find_rows(const struct llmobs_otlp_source *s, struct found *found)
{
    size_t at = 0;

    memset(found, 0, sizeof(*found));
    for (void *it = llmobs_json_iter(s->metadata); it;
         it = llmobs_json_next(s->metadata, it)) {
        const char *key = llmobs_json_iter_key(it);
        const struct llmobs_json *value = llmobs_json_iter_value(it);

        for (at = seek_key(at, key);
             at < KEYS && strcmp(keys[at].key, key) == 0; at++) {
            size_t i = keys[at].row;

            if (!is_for(&rows[i], s) || !fits((enum type)rows[i].type, value) ||
                (found->keys[i] && found->ranks[i] < keys[at].rank))
                continue;
            found->values[i] = value;
            found->keys[i] = key;
            found->ranks[i] = keys[at].rank;
        }
    }
    for (size_t i = 0; i < ROWS; i++) {
        const struct llmobs_json *fact =
            rows[i].fact == LLMOBS_FACT_NONE ? NULL : s->fact[rows[i].fact];

        if (fact && is_for(&rows[i], s) && fits((enum type)rows[i].type, fact))
            found->values[i] = fact;
    }
    /* The metadata of a call may name the format that the API assumes. */
    if (s->fact[LLMOBS_FACT_OPERATION] &&
        !s->fact[LLMOBS_FACT_ENCODING_FORMATS])
        found->values[ROW_ENCODING] = NULL;
}

/* -- the call ------------------------------------------------------------ */

static void put_operation(const struct llmobs_otlp_source *s,
                          struct llmobs_otlp_attributes *out)
{
    llmobs_otlp_attr_said(out, "gen_ai.operation.name", s->operation);
    /* Every call has a provider, even to an agent behind an API; in the older
     * form any agent needs the attribute. */
    if (s->op == AGENT ? s->client || s->form < LLMOBS_SEMCONV_LATEST
        : s->op & (RETRIEVAL | NO_OP)
            ? s->operation && s->fact[LLMOBS_FACT_PROVIDER]
            : (s->op & (INFERENCE | EMBEDDINGS)) != 0)
        llmobs_otlp_attr_said(out, "gen_ai.provider.name",
                              llmobs_otlp_source_provider(s));
    if (s->op & (INFERENCE | EMBEDDINGS | RETRIEVAL | AGENT))
        llmobs_otlp_attr_said(out, "gen_ai.request.model", s->model);
    if (s->op & (AGENT | LLMOBS_OTLP_WORKFLOW))
        llmobs_otlp_attr_said(out,
                              op_of(s) == AGENT ? "gen_ai.agent.name"
                                                : "gen_ai.workflow.name",
                              s->name);
    if (s->op == TOOL) {
        llmobs_otlp_attr_said(out, "gen_ai.tool.name",
                              s->method ? s->subject : s->name);
        llmobs_otlp_attr_said(out, "gen_ai.tool.type", "function");
    }
    if (s->method && strcmp(s->method, "prompts/get") == 0)
        llmobs_otlp_attr_said(out, "gen_ai.prompt.name", s->subject);
    if (s->method && strncmp(s->method, "resources/", 10) == 0)
        llmobs_otlp_attr_said(out, "mcp.resource.uri", s->subject);
    if (s->failed)
        llmobs_otlp_attr_said(out, "error.type", llmobs_otlp_source_error(s));
}

/* True for an answer of the model. A fetched answer is a task with an
 * operation. */
static void put_openai(const struct llmobs_otlp_source *s,
                       struct llmobs_otlp_attributes *out)
{
    const char *tier =
        llmobs_otlp_source_fact(s, LLMOBS_FACT_REQUEST_SERVICE_TIER);

    if (!s->operation || !(s->op & (INFERENCE | NO_OP)) ||
        strcmp(llmobs_otlp_source_provider(s), "openai") != 0)
        return;
    if (tier && strcmp(tier, "auto") != 0)
        llmobs_otlp_attr_said(out, "openai.request.service_tier", tier);
    put_fact(s, LLMOBS_FACT_RESPONSE_SERVICE_TIER, TYPE_TEXT,
             "openai.response.service_tier", out);
    put_fact(s, LLMOBS_FACT_SYSTEM_FINGERPRINT, TYPE_TEXT,
             "openai.response.system_fingerprint", out);
    put_fact(s, LLMOBS_FACT_API_TYPE, TYPE_TEXT, "openai.api.type", out);
}

/* -- usage --------------------------------------------------------------- */

static const struct usage {
    const char *metric, *name;
    int forms;
    int ops;
} usages[] = {
#define KIND(kind)                                                     \
    {kind "_input_tokens", "gen_ai.usage." kind ".input_tokens",       \
     IN_LATEST | NOT_ZERO, INFERENCE | EMBEDDINGS},                    \
        {kind "_output_tokens", "gen_ai.usage." kind ".output_tokens", \
         IN_LATEST | NOT_ZERO, INFERENCE},                             \
    {                                                                  \
        kind "_cache_read_input_tokens",                               \
            "gen_ai.usage." kind ".cache_read.input_tokens",           \
            IN_LATEST | NOT_ZERO, INFERENCE                            \
    }
    KIND("text"),
    KIND("image"),
    KIND("audio"),
#undef KIND
    {"input_tokens", "gen_ai.usage.input_tokens", IN_ALL,
     INFERENCE | EMBEDDINGS | AGENT},
    {"output_tokens", "gen_ai.usage.output_tokens", IN_ALL, ASKED},
    {"cache_read_input_tokens", "gen_ai.usage.cache_read.input_tokens",
     IN_ALL | NOT_ZERO, ASKED},
    {"cache_write_input_tokens", "gen_ai.usage.cache_creation.input_tokens",
     IN_1_41, ASKED},
    {"cache_write_input_tokens", "gen_ai.usage.cache_write.input_tokens",
     IN_LATEST, ASKED},
    {"reasoning_output_tokens", "gen_ai.usage.reasoning.output_tokens", IN_ALL,
     INFERENCE},
};

#define USAGES (sizeof(usages) / sizeof(*usages))

/* The attribute of a metric; NULL: it has none in this form and operation, or
 * its value is not a whole number. */
static const struct usage *usage_of(const struct llmobs_otlp_source *s,
                                    const char *metric,
                                    const struct llmobs_json *value)
{
    for (size_t i = 0; i < USAGES; i++) {
        if (strcmp(usages[i].metric, metric) == 0 &&
            (usages[i].forms & 1 << s->form) && (usages[i].ops & op_of(s)))
            return llmobs_json_is_int(value) ? &usages[i] : NULL;
    }
    return NULL;
}

/* -- the rest ------------------------------------------------------------ */

/* The name of an attribute, made of two parts. */
struct name {
    struct llmobs_buf text;
    char room[NAME_ROOM];
};

/* Gives the name, until llmobs_buf_fini of its text; NULL: the writer has an
 * error. */
static const char *name_init(struct name *key,
                             struct llmobs_otlp_attributes *out,
                             const char *prefix, struct llmobs_text name)
{
    llmobs_buf_init(&key->text, NAME_MAX_LEN);
    llmobs_buf_lend(&key->text, key->room, sizeof(key->room));
    llmobs_buf_adds(&key->text, prefix);
    llmobs_buf_add(&key->text, name.data, name.len);
    llmobs_otlp_fail(out->writer, key->text.error);
    return key->text.error ? NULL : key->text.data;
}

static void put_named(struct llmobs_otlp_attributes *out, const char *prefix,
                      const char *name, const struct llmobs_json *value)
{
    struct name room;
    const char *key = name_init(&room, out, prefix, llmobs_text_of(name));

    if (key) {
        /* A value that is not a scalar becomes the text of its JSON; null is
         * left out. */
        if (llmobs_json_is_string(value))
            llmobs_otlp_attr_text(out, key,
                                  llmobs_text_of(llmobs_json_text(value)));
        else if (llmobs_json_is_int(value))
            llmobs_otlp_attr_int(out, key, llmobs_json_to_int(value));
        else if (llmobs_json_is_number(value))
            llmobs_otlp_attr_double(out, key, llmobs_json_to_real(value));
        else if (llmobs_json_is_true(value) || llmobs_json_is_false(value))
            llmobs_otlp_attr_bool(out, key, llmobs_json_is_true(value));
        else if (!llmobs_json_is_null(value))
            llmobs_otlp_put_document(out, key, value);
    }
    llmobs_buf_fini(&room.text);
}

/* Where a script made the call (SPANS.md, "The caller"). */
static void put_code(const struct llmobs_otlp_source *s, bool content,
                     struct llmobs_otlp_attributes *out)
{
    struct llmobs_json *caller = llmobs_json_get(s->metadata, "caller");
    struct llmobs_json *bare = NULL;
    const struct llmobs_json *line;

    if (!llmobs_json_is_object(caller))
        return;
    if (!content)
        llmobs_otlp_fail(out->writer,
                         llmobs_content_bare_metadata("caller", caller, &bare));
    caller = content ? caller : bare;
    line = llmobs_json_get(caller, "line");
    llmobs_otlp_attr_said(out, "code.file.path",
                          llmobs_json_gets(caller, "file"));
    if (llmobs_json_is_int(line))
        llmobs_otlp_attr_int(out, "code.line.number", llmobs_json_to_int(line));
    llmobs_otlp_attr_said(out, "code.function.name",
                          llmobs_json_gets(caller, "code"));
    llmobs_json_free(bare);
}

/* Writes the metadata that no row has, nor would have if it had no fact. An API
 * may have two names for a setting: the other key stays. Without content it has
 * what it has where content is off. */
static void put_metadata(const struct llmobs_otlp_source *s,
                         const struct found *found, bool content,
                         struct llmobs_otlp_attributes *out)
{
    for (void *it = llmobs_json_iter(s->metadata); it;
         it = llmobs_json_next(s->metadata, it)) {
        const char *key = llmobs_json_iter_key(it);
        struct llmobs_json *value = llmobs_json_iter_value(it), *bare = NULL;
        size_t row = 0;

        while (row < ROWS && found->keys[row] != key)
            row++;
        if (row < ROWS)
            continue;
        if (!content) {
            llmobs_otlp_fail(out->writer,
                             llmobs_content_bare_metadata(key, value, &bare));
            value = bare;
        }
        if (value)
            put_named(out, "llmobs.metadata.", key, value);
        llmobs_json_free(bare);
    }
}

/* True for a metric of usage or its price, by LLM Observability's names.
 */
static bool is_usage(const char *metric)
{
    const char *last = strrchr(metric, '_');

    for (size_t i = 0; i < USAGES; i++) {
        if (strcmp(usages[i].metric, metric) == 0)
            return true;
    }
    return (last && strcmp(last, "_tokens") == 0) ||
           llmobs_words_have("billable_character_count\0"
                             "input_cost\0output_cost\0total_cost\0",
                             metric);
}

/* A total is not named gen_ai.usage.*, because a receiver would take it for
 * tokens of another kind. */
static void put_metrics(const struct llmobs_otlp_source *s,
                        struct llmobs_otlp_attributes *out)
{
    for (void *it = llmobs_json_iter(s->metrics); it;
         it = llmobs_json_next(s->metrics, it)) {
        const char *key = llmobs_json_iter_key(it);
        const struct llmobs_json *value = llmobs_json_iter_value(it);
        const char *prefix = "llmobs.metric.";

        if (strcmp(key, "total_tokens") == 0 || usage_of(s, key, value))
            continue;
        if (is_usage(key))
            prefix = "llmobs.usage.";
        else if (strcmp(key, "time_to_first_token") == 0)
            prefix = "llmobs.";
        put_named(out, prefix, key, value);
    }
}

/* Tags that have another name; or no name, where status, scope, resource or
 * other attributes say the same. */
static const struct tag {
    const char *name;
    size_t len;
    const char *as; /* NULL: the tag is left out */
} known_tags[] = {
#define TAG(name, as)              \
    {                              \
        name, sizeof(name) - 1, as \
    }
    TAG("ml_app", "llmobs.ml_app"),
    TAG("integration", "llmobs.integration"),
    TAG("user_id", "user.id"),
    TAG("agent_version", "gen_ai.agent.version"),
    TAG("version", NULL),
    TAG("env", NULL),
    TAG("service", NULL),
    TAG("source", NULL),
    TAG("agent_service", NULL),
    TAG("language", NULL),
    TAG("error", NULL),
    TAG("error_type", NULL),
    TAG("session_id", NULL),
    TAG("ddtrace.version", NULL),
#undef TAG
};

static void put_tag(struct llmobs_otlp_attributes *out, struct llmobs_text name,
                    const char *value)
{
    struct name room;
    const char *key;

    if (name.len == 0)
        return;
    for (size_t i = 0; i < sizeof(known_tags) / sizeof(*known_tags); i++) {
        const struct tag *tag = &known_tags[i];

        if (tag->len != name.len || memcmp(tag->name, name.data, name.len) != 0)
            continue;
        if (tag->as)
            llmobs_otlp_attr_said(out, tag->as, value);
        return;
    }
    key = name_init(&room, out, "llmobs.tag.", name);
    if (key)
        llmobs_otlp_attr_text(out, key, llmobs_text_of(value));
    llmobs_buf_fini(&room.text);
}

/* True for a tag with a person's name, which a request gave. The name "*" says
 * that its hash needs a key. */
static bool names_user(const struct llmobs_otlp_source *s,
                       struct llmobs_text name)
{
    LLMOBS_JSON_EACH (user, s->fact[LLMOBS_FACT_USERS], true)
        if (llmobs_has_text(llmobs_json_text(user)) &&
            llmobs_text_is(name, llmobs_json_text(user)))
            return true;
    return false;
}

static void put_tags(const struct llmobs_otlp_source *s, bool content,
                     struct llmobs_otlp_attributes *out)
{
    static const char status[] = "http.status_code";
    char hash[LLMOBS_SHA256_NAMED];

    for (size_t i = 0, alike; i < llmobs_json_len(s->tags); i++) {
        const char *tag = llmobs_json_text(llmobs_json_at(s->tags, i)), *more;
        struct llmobs_text name = {tag, tag ? strcspn(tag, ":") : 0};

        /* Datadog's event has the status only as a tag; the conventions name
         * it. */
        if (s->fact[LLMOBS_FACT_STATUS] && name.len == sizeof(status) - 1 &&
            memcmp(name.data, status, name.len) == 0)
            continue;
        /* The key "tag" may come several times, and an attribute only once:
         * such tags become a list. */
        for (alike = 0;
             (more = llmobs_json_text(llmobs_json_at(s->tags, i + alike))) &&
             strncmp(more, "tag:", 4) == 0;)
            alike++;
        if (alike > 1) {
            struct llmobs_json *list = llmobs_json_array();

            for (size_t k = i; k < i + alike; k++)
                (void)llmobs_json_add(
                    list,
                    llmobs_json_string(
                        llmobs_json_text(llmobs_json_at(s->tags, k)) + 4));
            put_texts(out, "llmobs.tag.tag", list);
            llmobs_json_free(list);
            i += alike - 1;
            continue;
        }
        tag = tag && tag[name.len] ? tag + name.len + 1 : "";
        if (!content && names_user(s, name)) {
            if (!out->hash_key &&
                names_user(s, llmobs_text_of(LLMOBS_FACT_USERS_KEYED)))
                continue;
            llmobs_sha256_named(out->hash_key, tag, hash);
            tag = hash;
        }
        if (!llmobs_text_is(name, "conversation_id") || !s->operation ||
            !(op_of(s) & ASKED) || !s->fact[LLMOBS_FACT_CONVERSATION_ID])
            put_tag(out, name, tag);
    }
}

/* One side of a span, its input or its output. */
struct side {
    const struct llmobs_json *documents; /* NULL: it has no documents */
    const char *value;                   /* NULL: it has no text */
    bool output;
};

/* Writes the texts that no convention names. */
static void put_own(struct llmobs_otlp_attributes *out, const struct side *side)
{
    if (side->value)
        llmobs_otlp_put_text_or_object(
            out, side->output ? "llmobs.output.value" : "llmobs.input.value",
            side->value);
    if (llmobs_json_len(side->documents) > 0)
        llmobs_otlp_put_document(out,
                                 side->output ? "llmobs.output.documents"
                                              : "llmobs.input.documents",
                                 side->documents);
}

static void put_side(const struct llmobs_otlp_source *s,
                     struct llmobs_otlp_attributes *out, bool output)
{
    const struct llmobs_json *io =
        llmobs_json_get(s->meta, output ? "output" : "input");
    struct side side = {llmobs_json_get(io, "documents"),
                        llmobs_json_gets(io, "value"), output};

    switch (s->op) {
    case LLMOBS_OTLP_INFERENCE:
    case LLMOBS_OTLP_AGENT:
    case LLMOBS_OTLP_WORKFLOW:
        if (side.value)
            llmobs_otlp_put_message(s, out, output, side.value);
        side.value = NULL;
        put_own(out, &side);
        break;
    case TOOL:
        if (side.value && *side.value)
            llmobs_otlp_put_text_or_object(out,
                                           output
                                               ? "gen_ai.tool.call.result"
                                               : "gen_ai.tool.call.arguments",
                                           side.value);
        break;
    case LLMOBS_OTLP_RETRIEVAL:
        if (!output && side.value) {
            llmobs_otlp_attr_text(out, "gen_ai.retrieval.query.text",
                                  llmobs_text_of(side.value));
            side.value = NULL;
        }
        if (output && llmobs_json_len(side.documents) > 0 &&
            llmobs_otlp_put_retrieved(s, out, side.documents))
            side.documents = NULL;
        put_own(out, &side);
        break;
    default:
        put_own(out, &side);
        break;
    }
}

/* Only the newest form names the variables of a prompt. */
static void put_variables(const struct llmobs_otlp_source *s,
                          struct llmobs_otlp_attributes *out)
{
    const struct llmobs_json *input = llmobs_json_get(s->meta, "input");
    const struct llmobs_json *variables =
        llmobs_json_get(llmobs_json_get(input, "prompt"), "variables");
    const char *prefix = s->form >= LLMOBS_SEMCONV_LATEST
                             ? "gen_ai.prompt.variable."
                             : "llmobs.prompt.variable.";

    for (void *it = llmobs_json_iter(variables); it;
         it = llmobs_json_next(variables, it)) {
        const struct llmobs_json *value = llmobs_json_iter_value(it);
        const char *text = llmobs_json_text(value);
        struct name room;
        const char *key = name_init(&room, out, prefix,
                                    llmobs_text_of(llmobs_json_iter_key(it)));

        if (key && text)
            llmobs_otlp_attr_text(out, key, llmobs_text_of(text));
        else if (key)
            llmobs_otlp_put_document(out, key, value);
        llmobs_buf_fini(&room.text);
    }
}

void llmobs_otlp_put_attributes(const struct llmobs_otlp_source *s,
                                bool content,
                                struct llmobs_otlp_attributes *out)
{
    struct found found;
    const struct llmobs_json *agent;
    const struct llmobs_json *prompt;
    bool named;

    find_rows(s, &found);
    if (!content)
        found.values[ROW_DESCRIPTION] = NULL;
    /* These attributes have names of the conventions. */
    put_operation(s, out);
    llmobs_otlp_attr_said(out, "llmobs.span.kind", s->kind);
    if (s->client && s->fact[LLMOBS_FACT_HOST]) {
        put_fact(s, LLMOBS_FACT_HOST, TYPE_TEXT, "server.address", out);
        put_fact(s, LLMOBS_FACT_PORT, TYPE_INT, "server.port", out);
    }
    for (void *it = llmobs_json_iter(s->metrics); it;
         it = llmobs_json_next(s->metrics, it)) {
        const struct llmobs_json *value = llmobs_json_iter_value(it);
        const struct usage *usage =
            usage_of(s, llmobs_json_iter_key(it), value);

        if (usage &&
            (s->form < LLMOBS_SEMCONV_LATEST || !(usage->forms & NOT_ZERO) ||
             llmobs_json_to_int(value) != 0))
            llmobs_otlp_attr_int(out, usage->name, llmobs_json_to_int(value));
    }
    for (size_t i = 0; i < ROWS; i++)
        if (found.values[i])
            put_typed(out, rows[i].name, (enum type)rows[i].type,
                      found.values[i]);
    /* Calls have the name of the agent above them. */
    agent = llmobs_json_get(s->meta, "agent_attribution");
    if (s->op == INFERENCE) {
        llmobs_otlp_attr_said(out, "gen_ai.agent.name",
                              llmobs_json_gets(agent, "pagent_name"));
        if (llmobs_json_is_true(s->fact[LLMOBS_FACT_STREAM]))
            put_fact(s, LLMOBS_FACT_FIRST_CHUNK_NS, TYPE_SECONDS,
                     "gen_ai.response.time_to_first_chunk", out);
    }
    put_openai(s, out);
    prompt = llmobs_json_get(llmobs_json_get(s->meta, "input"), "prompt");
    named = s->form >= LLMOBS_SEMCONV_LATEST;
    llmobs_otlp_attr_said(out,
                          named ? "gen_ai.prompt.name" : "llmobs.prompt.name",
                          llmobs_json_gets(prompt, "id"));
    llmobs_otlp_attr_said(
        out, named ? "gen_ai.prompt.version" : "llmobs.prompt.version",
        llmobs_json_gets(prompt, "version"));
    llmobs_otlp_attr_said(out, "session.id",
                          llmobs_json_gets(s->event, "session_id"));
    /* The texts, under the operation's names for them (WIRE 9.5). The user
     * asked for them, and the event is filtered already. */
    if (content) {
        llmobs_otlp_attr_said(out, "llmobs.tool.intent",
                              llmobs_json_gets(s->meta, "intent"));
        if (s->op == AGENT)
            llmobs_otlp_attr_said(
                out, "gen_ai.agent.description",
                llmobs_json_gets(
                    llmobs_json_get(llmobs_json_get(s->metadata, "_dd"),
                                    "agent_manifest"),
                    "handoff_description"));
        if (s->op == LLMOBS_OTLP_INFERENCE)
            llmobs_otlp_put_messages(s, out);
        put_side(s, out, false);
        put_side(s, out, true);
        llmobs_otlp_put_tools(out,
                              llmobs_json_get(s->meta, "tool_definitions"));
        put_variables(s, out);
    }
    put_tags(s, content, out);
    put_metrics(s, out);
    llmobs_otlp_attr_said(
        out, "llmobs.tool.version",
        llmobs_json_gets(llmobs_json_get(s->meta, "tool"), "version"));
    if (llmobs_json_len(llmobs_json_get(s->event, "collection_errors")) > 0)
        llmobs_otlp_attr_bool(out, "llmobs.truncated", true);
    put_code(s, content, out);
    put_metadata(s, &found, content, out);
}
