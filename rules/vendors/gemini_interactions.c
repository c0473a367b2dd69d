/* Gemini's Interactions API (WIRE 6.10). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/vendors/google.h"
#include "rules/read/cut_json.h"
#include "rules/read/facts.h"
#include "rules/read/jobs.h"
#include "rules/read/media.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
#include "rules/read/request.h"
#include "rules/read/stream_parts.h"
#include "rules/read/text.h"
#include "rules/read/tools.h"
#include "rules/read/usage.h"
#include "lib/text/json.h"

/* -- steps as messages ----------------------------------------------------- */

/* Source: the types of googleapis/python-genai,
 * google/genai/_gaos/types/interactions (2026-08). Images, sounds and files are
 * never kept. */

static const char call_end[] = "_call", result_end[] = "_result";

static const char *type_of(const struct llmobs_json *step)
{
    const char *type = llmobs_json_gets(step, "type");

    return type ? type : "";
}

/* True for the type of a call that the model made: "function_call", ... */
static bool interactions_is_call(const char *type)
{
    return llmobs_text_ends(llmobs_text_of(type), call_end);
}

/* -- contents ------------------------------------------------------------ */

/* Appends the words for an image, a sound or a file to a text; *is is false
 * where the content is none of these. */
static int interactions_mark(struct llmobs_buf *text,
                             const struct llmobs_json *content, bool *is)
{
    static const char *const kinds[] = {"image", "audio", "video", "document"};
    const char *detail = llmobs_json_gets(content, "uri");
    const char *data = llmobs_json_gets(content, "data");

    if (!detail || !*detail)
        detail = llmobs_json_gets(content, "mime_type");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (llmobs_json_says(content, "type", kinds[i])) {
            *is = true;
            return llmobs_media_mark(text, kinds[i], detail,
                                     llmobs_media_base64(llmobs_text_of(data)));
        }
    *is = false;
    return 0;
}

static int append_content(struct llmobs_buf *text,
                          const struct llmobs_json *content)
{
    bool is;
    int rc;

    if (llmobs_json_is_string(content))
        return llmobs_message_content_append(text, llmobs_json_text(content));
    rc = interactions_mark(text, content, &is);
    if (rc < 0 || is)
        return rc;
    return llmobs_message_content_append(text,
                                         llmobs_json_gets(content, "text"));
}

/* Appends a text, a content or a list of contents. */
static int append_contents(struct llmobs_buf *text,
                           const struct llmobs_json *value)
{
    int rc = 0;

    if (!llmobs_json_is_array(value))
        return append_content(text, value);
    LLMOBS_JSON_EACH (one, value, rc == 0)
        rc = append_content(text, one);
    return rc;
}

/* Adds a message of contents; adds nothing where `empty` is false and the
 * contents have no text. */
static int add_contents(struct llmobs_json *list, const char *role,
                        const struct llmobs_json *value, bool empty)
{
    struct llmobs_buf text;
    int rc;

    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    rc = append_contents(&text, value);
    if (rc == 0 && (text.len > 0 || empty))
        rc = llmobs_message_add_text(list, role, llmobs_buf_text(&text));
    llmobs_buf_fini(&text);
    return rc;
}

/* -- tools --------------------------------------------------------------- */

/* The tool's name, or NULL. For a tool of Google the step's type has the name,
 * which is cut to `cap` bytes. */
static const char *tool_of(const struct llmobs_json *step, const char *end,
                           char *out, size_t cap)
{
    struct llmobs_text type = llmobs_text_of(type_of(step));
    const char *name = llmobs_json_gets(step, "name");

    if (name || llmobs_text_begins(type, "function_"))
        return name;
    type.len -= strlen(end);
    type = llmobs_text_cut(type, cap - 1);
    memcpy(out, type.data, type.len);
    out[type.len] = '\0';
    return out;
}

/* Adds a message with one item under `key`. Takes the item. */
static int add_item(struct llmobs_json *list, const char *role, const char *key,
                    struct llmobs_json *item)
{
    struct llmobs_json *message = llmobs_json_object();
    int named = llmobs_json_sets(message, "role", role);
    int rc = llmobs_message_set_one(message, key, item);

    return llmobs_json_add_made(list, message, named ? named : rc);
}

/* Appends a result that is no text: contents as their texts, other values as
 * JSON. */
static int append_result(struct llmobs_buf *text,
                         const struct llmobs_json *value)
{
    const struct llmobs_json *first =
        llmobs_json_is_array(value) ? llmobs_json_at(value, 0) : value;
    char *dump;
    int rc;

    if (!value || llmobs_json_is_null(value))
        return 0;
    if (llmobs_json_is_string(first) || llmobs_json_gets(first, "type"))
        return append_contents(text, value);
    dump = llmobs_json_dumps(value, LLMOBS_JSON_ASCII);
    rc = dump ? llmobs_message_content_append(text, dump) : -ENOMEM;
    free(dump);
    return rc;
}

/* -- steps --------------------------------------------------------------- */

/* Adds a step that both input and output may have; *is: false for others. */
static int add_step(struct llmobs_json *list, const struct llmobs_json *step,
                    bool *is)
{
    *is = true;
    if (llmobs_json_says(step, "type", "model_output"))
        return add_contents(list, "assistant", llmobs_json_get(step, "content"),
                            true);
    if (llmobs_json_says(step, "type", "thought"))
        return add_contents(list, "reasoning", llmobs_json_get(step, "summary"),
                            false);
    if (interactions_is_call(type_of(step))) {
        char name[64];

        return add_item(
            list, "assistant", "tool_calls",
            llmobs_tools_call(
                tool_of(step, call_end, name, sizeof(name)),
                llmobs_json_gets(step, "id"), type_of(step),
                llmobs_tools_arguments(llmobs_json_get(step, "arguments"))));
    }
    if (llmobs_text_ends(llmobs_text_of(type_of(step)), result_end)) {
        /* Adds a result. The program sends the results of its functions, the
         * server sends the results of its own tools. */
        const char *role = llmobs_json_says(step, "type", "function_result")
                               ? "user"
                               : "assistant";
        struct llmobs_json *string = NULL;
        struct llmobs_buf text;
        char name[64];
        int rc;

        llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
        rc = append_result(&text, llmobs_json_get(step, "result"));
        if (rc == 0)
            string = llmobs_message_content_string(&text);
        llmobs_buf_fini(&text);
        if (rc < 0)
            return rc;
        return add_item(
            list, role, "tool_results",
            llmobs_tools_result(tool_of(step, result_end, name, sizeof(name)),
                                llmobs_json_gets(step, "call_id"),
                                type_of(step), string));
    }
    *is = false;
    return 0;
}

static int add_input(struct llmobs_json *list, const struct llmobs_json *value)
{
    bool is;
    int rc = add_step(list, value, &is);

    if (rc < 0 || is)
        return rc;
    if (llmobs_json_says(value, "type", "user_input") ||
        llmobs_json_gets(value, "role")) {
        const char *role = llmobs_json_gets(value, "role");

        if (role && strcmp(role, "model") == 0)
            role = "assistant";
        return add_contents(list, role ? role : "user",
                            llmobs_json_get(value, "content"), false);
    }
    return add_contents(list, "user", value, false);
}

/* True for a list of contents: it is one message, not one for each element. */
static bool is_contents(const struct llmobs_json *list)
{
    static const char types[] = "text\0image\0audio\0video\0document\0";
    const struct llmobs_json *first = llmobs_json_at(list, 0);

    if (llmobs_json_is_string(first))
        return true;
    LLMOBS_WORDS_EACH (type, types)
        if (llmobs_json_says(first, "type", type))
            return true;
    return false;
}

/* Keys of the request; the first one only holds settings. */
static const char keys[] =
    "generation_config\0agent\0stream\0background\0store\0"
    "previous_interaction_id\0response_format\0response_mime_type\0"
    "response_modalities\0safety_settings\0service_tier\0";

static const char settings[] =
    "temperature\0top_p\0seed\0max_output_tokens\0stop_sequences\0"
    "thinking_level\0thinking_summaries\0tool_choice\0";

static const char answer_keys[] = "id\0model\0agent\0status\0usage\0";

static bool is_text(const struct llmobs_json *object, const char *key)
{
    return llmobs_json_is_string(llmobs_json_get(object, key));
}

static bool is_request(const struct llmobs_reading *reading)
{
    return (is_text(reading->request, "model") ||
            is_text(reading->request, "agent")) &&
           llmobs_reading_has(reading, "input");
}

static int gemini_interactions_begin(struct llmobs_reading *reading)
{
    const char *model = llmobs_json_gets(reading->request, "model");
    const char *vendor = llmobs_google_vendor(model ? model : "");

    if (reading->classified->proxied || !vendor)
        return 0;
    return llmobs_span_set(&reading->span->model_provider, vendor);
}

/* -- a stream, put together ----------------------------------------------- */

/* Also of one that was cut. Events of other kinds are passed over.
 *
 * Source: StepStart, StepDelta, InteractionCompletedEvent of
 * googleapis/python-genai, google/genai/_gaos/types/interactions. */
#define STEPS_MAX 1024

struct stream {
    struct llmobs_json *interaction; /* the last that came, or NULL */
    struct llmobs_json *usage;       /* the last that came, or NULL */
    struct llmobs_stream_parts steps;
    char *status; /* the last that came, or NULL */
    bool done;    /* the interaction has ended, well or not */
    bool begun;   /* a first token was seen */
};

/* The members of a step that come in pieces. */
enum piece { PIECE_TEXT, PIECE_THOUGHT, PIECE_ARGUMENTS, PIECES };

struct stream_step {
    int64_t index;
    struct llmobs_json *step; /* a copy; NULL: its beginning did not come */
    struct llmobs_buf pieces[PIECES];
    uint64_t sound; /* bytes of a sound or a film, which comes in pieces */
    char *kind;     /* what the sound is */
    char *mime;
};

static struct stream_step *step_of(const struct stream *stream, size_t i)
{
    return (struct stream_step *)stream->steps.items + i;
}

static void stream_fini(void *state)
{
    struct stream *stream = state;

    for (size_t i = 0; i < stream->steps.count; i++) {
        struct stream_step *step = step_of(stream, i);

        llmobs_json_free(step->step);
        for (size_t p = 0; p < PIECES; p++)
            llmobs_buf_fini(&step->pieces[p]);
        free(step->kind);
        free(step->mime);
    }
    llmobs_stream_parts_fini(&stream->steps);
    llmobs_json_free(stream->interaction);
    llmobs_json_free(stream->usage);
    free(stream->status);
}

/* True for a status of an interaction that goes on. */
static bool is_open(const char *status)
{
    return !status || strcmp(status, "in_progress") == 0 ||
           strcmp(status, "queued") == 0;
}

/* Sets *out to the event's step, which it makes when new; -ENOSPC beyond the
 * limit. */
static int step_at(struct stream *stream, const struct llmobs_json *event,
                   struct stream_step **out)
{
    void *at;
    int rc = llmobs_stream_part_at(
        &stream->steps, sizeof(**out), STEPS_MAX,
        llmobs_json_to_int(llmobs_json_get(event, "index")), &at);

    if (rc < 0)
        return rc;
    *out = at;
    for (size_t p = 0; p < PIECES; p++)
        (*out)->pieces[p].max = LLMOBS_MESSAGE_CONTENT_MAX;
    return 0;
}

/* Sets all members of `from` in the step, but keeps a type that it has. */
static int merge(struct stream_step *step, const struct llmobs_json *from)
{
    bool typed = llmobs_json_gets(step->step, "type") != NULL;
    int rc = 0;

    if (!step->step)
        step->step = llmobs_json_object();
    for (void *it = llmobs_json_iter(from); rc == 0 && it;
         it = llmobs_json_next(from, it)) {
        const char *key = llmobs_json_iter_key(it);

        if (!typed || strcmp(key, "type") != 0)
            rc = llmobs_json_set(step->step, key,
                                 llmobs_json_share(llmobs_json_iter_value(it)));
    }
    return rc;
}

static int begin_step(struct stream *stream, const struct llmobs_json *event)
{
    const struct llmobs_json *from = llmobs_json_get(event, "step");
    struct stream_step *step;
    int rc;

    if (!llmobs_json_is_object(from))
        return 0;
    rc = step_at(stream, event, &step);
    if (rc < 0)
        return rc == -ENOSPC ? 0 : rc;
    if (interactions_is_call(llmobs_json_gets(from, "type")))
        stream->begun = true;
    return merge(step, from);
}

/* A step whose beginning did not come has the type of its pieces. */
static int name_step(struct stream_step *step, const char *type)
{
    if (llmobs_json_gets(step->step, "type"))
        return 0;
    if (!step->step)
        step->step = llmobs_json_object();
    return llmobs_json_sets(step->step, "type", type);
}

static int add_piece(struct stream_step *step, enum piece piece,
                     const char *type, const char *text)
{
    int rc = name_step(step, type);

    return rc < 0 ? rc
                  : llmobs_message_content_append(&step->pieces[piece], text);
}

static int add_delta(struct stream_step *step, const char *type,
                     const struct llmobs_json *delta)
{
    bool is;
    int rc;

    if (strcmp(type, "text") == 0)
        return add_piece(step, PIECE_TEXT, "model_output",
                         llmobs_json_gets(delta, "text"));
    if (strcmp(type, "thought_summary") == 0)
        return add_piece(
            step, PIECE_THOUGHT, "thought",
            llmobs_json_gets(llmobs_json_get(delta, "content"), "text"));
    if (strcmp(type, "arguments_delta") == 0)
        return add_piece(step, PIECE_ARGUMENTS, "function_call",
                         llmobs_json_gets(delta, "arguments"));
    if (strcmp(type, "audio") == 0 || strcmp(type, "video") == 0) {
        /* Adds a piece of a sound or a film, which the span mentions only once.
         */
        const char *data = llmobs_json_gets(delta, "data");
        const char *mime = llmobs_json_gets(delta, "mime_type");

        rc = name_step(step, "model_output");
        step->sound += llmobs_media_base64(llmobs_text_of(data));
        if (rc == 0 && !step->kind) {
            step->kind = strdup(llmobs_json_gets(delta, "type"));
            rc = step->kind ? 0 : -ENOMEM;
        }
        if (rc == 0 && !step->mime && mime) {
            step->mime = strdup(mime);
            rc = step->mime ? 0 : -ENOMEM;
        }
        return rc;
    }
    if (strcmp(type, "image") != 0 && strcmp(type, "document") != 0)
        return merge(step, delta);
    rc = name_step(step, "model_output");
    return rc < 0 ? rc
                  : interactions_mark(&step->pieces[PIECE_TEXT], delta, &is);
}

static int read_delta(struct stream *stream, const struct llmobs_json *event)
{
    const struct llmobs_json *delta = llmobs_json_get(event, "delta");
    const char *type = llmobs_json_gets(delta, "type");
    struct stream_step *step;
    int rc;

    if (!type || strcmp(type, "thought_signature") == 0 ||
        strcmp(type, "text_annotation_delta") == 0)
        return 0;
    rc = step_at(stream, event, &step);
    if (rc < 0)
        return rc == -ENOSPC ? 0 : rc;
    stream->begun = true;
    return add_delta(step, type, delta);
}

/* Gives the list with the text behind it. A delta of an unknown kind may have
 * left an object in the list's place: then the text stands alone. */
static int set_texts(struct llmobs_json *step, const char *key,
                     const struct llmobs_buf *text)
{
    struct llmobs_json *list;
    int rc;

    if (text->len == 0)
        return 0;
    list = llmobs_json_array();
    rc = list ? 0 : -ENOMEM;
    LLMOBS_JSON_EACH (one, llmobs_json_get(step, key), rc == 0)
        rc = llmobs_json_add(list, llmobs_json_share(one));
    if (rc == 0)
        rc = llmobs_json_add(list, llmobs_message_content_string(text));
    return llmobs_json_set_made(step, key, list, rc);
}

/* Gives a step with all its pieces. */
static struct llmobs_json *whole_step(struct stream_step *from)
{
    struct stream_step step = {.index = from->index};
    struct llmobs_buf *text = &from->pieces[PIECE_TEXT];
    int rc = merge(&step, from->step);

    if (rc == 0 && from->kind)
        rc = llmobs_media_mark(text, from->kind, from->mime, from->sound);
    from->sound = 0;
    free(from->kind);
    from->kind = NULL;
    if (rc == 0)
        rc = set_texts(step.step, "content", text);
    if (rc == 0)
        rc = set_texts(step.step, "summary", &from->pieces[PIECE_THOUGHT]);
    if (rc == 0 && from->pieces[PIECE_ARGUMENTS].len > 0)
        rc = llmobs_json_set(
            step.step, "arguments",
            llmobs_message_content_string(&from->pieces[PIECE_ARGUMENTS]));
    if (rc == 0)
        return step.step;
    llmobs_json_free(step.step);
    return NULL;
}

/* Gives an array of the steps: the interaction's, else the pieces that arrived;
 * NULL without memory. */
static struct llmobs_json *stream_steps(const struct stream *stream)
{
    struct llmobs_json *whole = llmobs_json_get(stream->interaction, "steps");
    struct llmobs_json *list;
    int rc;

    if (llmobs_json_is_array(whole) && llmobs_json_len(whole) > 0)
        return llmobs_json_share(whole);
    list = llmobs_json_array();
    rc = list ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < stream->steps.count; i++)
        rc = llmobs_json_add(list, whole_step(step_of(stream, i)));
    return llmobs_json_done(list, rc);
}

/* Notes what the event says about the whole interaction. */
static int set_interaction(struct stream *stream, const char *type,
                           const struct llmobs_json *event)
{
    struct llmobs_json *interaction = llmobs_json_get(event, "interaction");
    struct llmobs_json *metadata = llmobs_json_get(event, "metadata");
    const char *status = llmobs_json_gets(interaction, "status");

    if (llmobs_usage_replace(&stream->usage,
                             llmobs_json_get(metadata, "total_usage")) < 0 ||
        llmobs_usage_replace(&stream->usage, llmobs_json_get(event, "usage")) <
            0 || /* of the whole so far, at the end of a step */
        llmobs_usage_replace(&stream->usage,
                             llmobs_json_get(interaction, "usage")) < 0)
        return -ENOMEM;
    llmobs_json_replace(&stream->interaction, interaction);
    if (!status)
        status = llmobs_json_gets(event, "status");
    if (strcmp(type, "interaction.completed") == 0 ||
        (status && !is_open(status)))
        stream->done = true;
    if (!status)
        return 0;
    free(stream->status);
    stream->status = strdup(status);
    return stream->status ? 0 : -ENOMEM;
}

static int stream_add(struct stream *stream, const struct llmobs_json *event)
{
    const char *type = llmobs_json_gets(event, "event_type");
    int rc = 0;

    if (!type)
        return 0;
    if (strcmp(type, "step.start") == 0)
        rc = begin_step(stream, event);
    else if (strcmp(type, "step.delta") == 0)
        rc = read_delta(stream, event);
    return rc < 0 ? rc : set_interaction(stream, type, event);
}

/* -- the request --------------------------------------------------------- */

static int read_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *request = reading->request;
    const struct llmobs_json *config =
        llmobs_json_get(request, "generation_config");
    const struct llmobs_json *system =
        llmobs_json_get(request, "system_instruction");
    /* A text, a content, or a list of contents, steps or (before 2026-05)
     * turns. */
    const struct llmobs_json *input = llmobs_json_get(request, "input");
    struct llmobs_span *span = reading->span;
    int rc = llmobs_request_metadata(config, settings, span);

    llmobs_span_fact(&span->facts, LLMOBS_FACT_REASONING_LEVEL,
                     llmobs_json_gets(config, "thinking_level"));
    llmobs_span_fact(&span->facts, LLMOBS_FACT_PREVIOUS_RESPONSE_ID,
                     llmobs_json_gets(request, "previous_interaction_id"));
    if (!llmobs_json_gets(request, "model"))
        llmobs_fact_asked(reading, llmobs_json_gets(request, "agent"));
    if (rc >= 0)
        rc = llmobs_request_metadata(request, llmobs_words_next(keys), span);
    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    span->input_messages = llmobs_json_array();
    if (llmobs_json_is_string(system))
        rc = llmobs_message_add_text(span->input_messages, "system",
                                     llmobs_text_of(llmobs_json_text(system)));
    llmobs_fact_apart(span);
    if (rc == 0 && is_contents(input))
        rc = add_contents(span->input_messages, "user", input, false);
    else if (rc == 0 && !llmobs_json_is_array(input))
        rc = add_input(span->input_messages, input);
    else
        LLMOBS_JSON_EACH (one, input, rc == 0)
            rc = add_input(span->input_messages, one);
    return rc < 0 ? rc
                  : llmobs_tools_read_definitions(reading->request,
                                                  &span->tool_definitions);
}

/* -- the answer ---------------------------------------------------------- */

/* Thoughts are counted beside the output, not within it: the documentation's
 * own stream has 11 input, 90 output and 245 thought tokens, and 346 in all. */
static void read_usage(const struct llmobs_json *usage,
                       struct llmobs_span *span)
{
    static const struct llmobs_google_counts counts = {
        .input = "total_input_tokens",
        .tools = "total_tool_use_tokens",
        .output = "total_output_tokens",
        .thoughts = "total_thought_tokens",
        .total = "total_tokens",
        .cached = "total_cached_tokens",
    };

    llmobs_google_usage(usage, &counts, span);
    (void)llmobs_usage_costs(usage, span);
}

/* Notes the status of an interaction as its reason; no reason while it waits in
 * the background. */
static void set_reason(struct llmobs_span *span, const char *status, bool ended)
{
    if (!ended)
        llmobs_fact_finish(span, NULL);
    else if (status && strcmp(status, "requires_action") == 0)
        llmobs_fact_finish(span, "tool_call");
    else if (!is_open(status))
        llmobs_fact_finish(span, status);
}

static int read_failure(struct llmobs_reading *reading, const char *status,
                        const struct llmobs_json *body,
                        const struct llmobs_json *steps)
{
    const struct llmobs_json *fault;
    const char *code;

    if (!status || strcmp(status, "failed") != 0)
        return 0;
    /* The first fault of the interaction, else that of a step. */
    fault = llmobs_json_at(llmobs_json_get(body, "errors"), 0);
    LLMOBS_JSON_EACH (one, steps, !fault)
        fault = llmobs_json_get(one, "error");
    code = llmobs_json_gets(fault, "code");
    reading->answered = true;
    return llmobs_span_fail(reading->span, code && *code ? code : status,
                            llmobs_json_gets(fault, "message"));
}

/* Notes that a later request may bring the result. An interaction is still open
 * if it runs in the background, or if its stream was cut off. */
static int set_job(struct llmobs_reading *reading,
                   const struct llmobs_json *interaction, const char *status)
{
    if (reading->classified->call->status >= 300 || !status || !is_open(status))
        return 0;
    return llmobs_job_begun(reading->span, llmobs_json_gets(interaction, "id"),
                            status);
}

static int read_output(struct llmobs_reading *reading,
                       const struct llmobs_json *steps)
{
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? 0 : -ENOMEM;

    LLMOBS_JSON_EACH (one, steps, rc == 0) {
        bool is;

        /* Before 2026-05 a content stood in a step's place. An input that the
         * answer repeats adds no message. */
        rc = add_step(list, one, &is);
        if (rc == 0 && !is && !llmobs_json_says(one, "type", "user_input"))
            rc = add_contents(list, "assistant", one, false);
    }
    reading->span->output_messages = list;
    return rc;
}

static int read_names(struct llmobs_reading *reading,
                      const struct llmobs_json *body)
{
    int rc = llmobs_reading_model(reading, llmobs_json_gets(body, "model"));

    return rc < 0 || llmobs_json_gets(reading->request, "model")
               ? rc
               : llmobs_reading_model(reading, llmobs_json_gets(body, "agent"));
}

static int read_body(struct llmobs_reading *reading,
                     const struct llmobs_json *body)
{
    const char *status = llmobs_json_gets(body, "status");
    const struct llmobs_json *steps = llmobs_json_get(body, "steps");
    int rc = read_names(reading, body);

    if (!steps) /* before 2026-05 */
        steps = llmobs_json_get(body, "outputs");
    read_usage(llmobs_json_get(body, "usage"), reading->span);
    if (reading->classified->call->status < 300) {
        reading->answered = llmobs_json_is_array(steps);
        set_reason(reading->span, status, true);
        if (rc == 0)
            rc = read_failure(reading, status, body, steps);
    }
    return rc < 0 ? rc : read_output(reading, steps);
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    int rc = read_body(reading, body);

    return rc < 0 ? rc
                  : set_job(reading, body, llmobs_json_gets(body, "status"));
}

static int read_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    struct stream *stream = reading->state;
    int rc = stream_add(stream, event->json);

    if (stream->begun)
        llmobs_reading_token(reading, event);
    reading->done = reading->done || stream->done;
    return rc;
}

static int read_steps(struct llmobs_reading *reading)
{
    const struct stream *stream = reading->state;
    struct llmobs_json *steps = stream_steps(stream);
    int rc = steps ? read_names(reading, stream->interaction) : -ENOMEM;

    llmobs_fact_answer(reading, stream->interaction);
    read_usage(stream->usage, reading->span);
    if (rc == 0)
        rc = read_failure(reading, stream->status, stream->interaction, steps);
    if (rc == 0 && (llmobs_json_len(steps) > 0 || reading->done)) {
        set_reason(reading->span, stream->status, reading->done);
        rc = read_output(reading, steps);
    }
    llmobs_json_free(steps);
    return rc;
}

static int finish_stream(struct llmobs_reading *reading)
{
    const struct stream *stream = reading->state;
    int rc = read_steps(reading);

    return rc < 0 ? rc : set_job(reading, stream->interaction, stream->status);
}

static int name_agent(struct llmobs_reading *reading)
{
    if (llmobs_json_gets(reading->request, "model"))
        return 0;
    return llmobs_reading_model(reading,
                                llmobs_json_gets(reading->request, "agent"));
}

static int read_ends(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *body = llmobs_cut_json_object(
        call->response, call->response_tail, answer_keys);
    const char *status = llmobs_json_gets(body, "status");
    int rc = body ? read_names(reading, body) : -ENOMEM;

    reading->span->complete = status != NULL;
    read_usage(llmobs_json_get(body, "usage"), reading->span);
    set_reason(reading->span, status, reading->span->complete);
    if (rc == 0)
        rc = set_job(reading, body, status);
    llmobs_json_free(body);
    return rc;
}

/* -- an interaction that is asked for, cancelled or deleted ---------------- */

static int settle(struct llmobs_reading *reading, const char *status)
{
    bool ended = status && !is_open(status);

    return llmobs_job_settle(reading, status, ended);
}

static int fetch_document(struct llmobs_reading *reading,
                          const struct llmobs_json *body)
{
    int rc;

    if (reading->classified->call->status >= 300)
        return 0;
    rc = read_body(reading, body);
    return rc < 0 ? rc : settle(reading, llmobs_json_gets(body, "status"));
}

static int fetch_event(struct llmobs_reading *reading,
                       const struct llmobs_event *event)
{
    struct stream *stream = reading->state;
    int rc = stream_add(stream, event->json);

    reading->done = reading->done || stream->done;
    return rc;
}

static int fetch_finish(struct llmobs_reading *reading)
{
    const struct stream *stream = reading->state;
    int rc = read_steps(reading);

    return rc < 0 ? rc : settle(reading, stream->status);
}

static int fetch_ends(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *body = llmobs_cut_json_object(
        call->response, call->response_tail, answer_keys);
    int rc = body ? read_names(reading, body) : -ENOMEM;

    reading->span->complete = llmobs_json_gets(body, "status") != NULL;
    read_usage(llmobs_json_get(body, "usage"), reading->span);
    if (rc == 0)
        rc = settle(reading, llmobs_json_gets(body, "status"));
    llmobs_json_free(body);
    return rc;
}

const struct llmobs_form llmobs_form_gemini_interactions_fetch = {
    .begin = llmobs_job_asked,
    .document = fetch_document,
    .event = fetch_event,
    .finish = fetch_finish,
    .ends = fetch_ends,
    LLMOBS_STATE(struct stream, stream_fini),
};

/* -- the dialect ----------------------------------------------------------- */

const struct llmobs_form llmobs_form_gemini_interactions = {
    .keys = keys,
    .confirm = is_request,
    .begin = gemini_interactions_begin,
    .request = read_request,
    .document = read_document,
    .event = read_event,
    .model = name_agent,
    .finish = finish_stream,
    .ends = read_ends,
    LLMOBS_STATE(struct stream, stream_fini),
    .failed_role = "assistant",
};
