/* Reads calls by a layout instead of code. */
#include "rules/tables/interpreter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/documents.h"
#include "rules/read/embedding.h"
#include "rules/read/error.h"
#include "rules/read/facts.h"
#include "rules/read/media.h"
#include "rules/read/message_content.h"
#include "rules/read/request.h"
#include "rules/read/sources.h"
#include "rules/read/tools.h"
#include "rules/read/usage.h"
#include "rules/read/values.h"

#define REASON_LEN 32

/* The places that a cut answer may still have. */
static const char ends_of_answer[] = {
    LLMOBS_AT_MODEL,        LLMOBS_AT_OUTPUT,
    LLMOBS_AT_DOCUMENTS,    LLMOBS_AT_END,
    LLMOBS_AT_REASON,       LLMOBS_AT_USAGE,
    LLMOBS_AT_INPUT_TOKENS, LLMOBS_AT_OUTPUT_TOKENS,
    LLMOBS_AT_TOTAL_TOKENS, LLMOBS_AT_CACHED_TOKENS,
    LLMOBS_AT_IMAGE_TOKENS, LLMOBS_AT_PREFILL,
    LLMOBS_AT_DECODE,       0};

static const struct llmobs_layout *layout_of(
    const struct llmobs_reading *reading)
{
    return reading->form->variant;
}

/* True of a user's rule: the rest of a cut request is read, an error at its
 * place comes first, no model's name is a fact, no count is added up, and
 * a stream has the layout's role, too. */
static bool is_loose(const struct llmobs_reading *reading)
{
    return !layout_of(reading)->places;
}

static enum llmobs_kind kind_of(const struct llmobs_reading *reading)
{
    return reading->classified->shape->kind;
}

static const struct llmobs_layout_values *values_of(
    const struct llmobs_reading *reading)
{
    return &((const struct llmobs_interpreter *)reading->state)->at;
}

static inline const struct llmobs_json *interpreter_at(
    const struct llmobs_reading *reading, char which)
{
    return llmobs_layout_at(values_of(reading), which);
}

static const char *text_at(const struct llmobs_reading *reading, char which)
{
    return llmobs_json_text(interpreter_at(reading, which));
}

static inline __attribute__((always_inline)) bool interpreter_has(
    const struct llmobs_reading *reading, char which)
{
    return llmobs_layout_has(values_of(reading), which);
}

/* The value at the place; the whole body if the layout has no such place. */
static const struct llmobs_json *at_or_all(const struct llmobs_reading *reading,
                                           char which,
                                           const struct llmobs_json *body)
{
    return interpreter_has(reading, which) ? interpreter_at(reading, which)
                                           : body;
}

static void interpreter_go(struct llmobs_reading *reading,
                           const struct llmobs_json *body,
                           const struct llmobs_json_changes *alike)
{
    struct llmobs_interpreter *state = reading->state;

    llmobs_layout_go(&state->at, body, alike);
}

/* -- the request --------------------------------------------------------- */

/* True where the request has a member that a pointer of this line begins with;
 * the messages of a chat are a list. */
static bool is_asked(const struct llmobs_reading *reading, char which)
{
    const struct llmobs_json *value = interpreter_at(reading, which);
    const char *key;

    if (!reading->classified->call->request_truncated)
        return value &&
               (kind_of(reading) != LLMOBS_KIND_LLM ||
                which != LLMOBS_AT_INPUT || llmobs_json_is_array(value) ||
                llmobs_json_is_string(value));
    for (size_t i = 0; (key = llmobs_layout_key(values_of(reading), which, i));
         i++)
        if (llmobs_reading_has(reading, key))
            return true;
    return false;
}

static void begin(const struct llmobs_reading *reading)
{
    struct llmobs_interpreter *state = reading->state;

    if (state->at.count == 0)
        llmobs_layout_read(&state->at, layout_of(reading)->places
                                           ? layout_of(reading)->places
                                           : reading->classified->places);
    llmobs_layout_go(&state->at, reading->request, NULL);
}

/* True where the request names a model, and has input. */
bool llmobs_interpreter_asks(const struct llmobs_reading *reading)
{
    const struct llmobs_json *model;

    begin(reading);
    model = interpreter_has(reading, LLMOBS_AT_MODEL)
                ? interpreter_at(reading, LLMOBS_AT_MODEL)
                : llmobs_json_get(reading->request, "model");
    return (llmobs_json_is_string(model) ||
            llmobs_request_deployment(reading->classified->url).len > 0) &&
           (is_asked(reading, LLMOBS_AT_INPUT) ||
            is_asked(reading, LLMOBS_AT_PROMPT));
}

static void set_conversation(struct llmobs_reading *reading)
{
    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_CONVERSATION_ID,
                     text_at(reading, LLMOBS_AT_CONVERSATION));
}

int llmobs_interpreter_begin(struct llmobs_reading *reading)
{
    begin(reading);
    set_conversation(reading);
    if (!is_loose(reading))
        llmobs_fact_asked(reading, text_at(reading, LLMOBS_AT_MODEL));
    return 0;
}

int llmobs_interpreter_model(struct llmobs_reading *reading)
{
    return llmobs_reading_model(
        reading, llmobs_json_text(llmobs_layout_of(
                     values_of(reading), LLMOBS_AT_MODEL, reading->request)));
}

/* Puts the dialect's keys, and all members of an object, into the metadata. */
static int read_settings(struct llmobs_reading *reading,
                         const struct llmobs_json *settings)
{
    const struct llmobs_json *all = interpreter_at(reading, LLMOBS_AT_METADATA);
    const char *keys = reading->form->keys;
    int rc = 0;

    for (void *it = llmobs_json_iter(all); rc == 0 && it;
         it = llmobs_json_next(all, it))
        rc = llmobs_json_set(reading->span->metadata, llmobs_json_iter_key(it),
                             llmobs_json_share(llmobs_json_iter_value(it)));
    if (layout_of(reading)->settings)
        keys = layout_of(reading)->settings;
    if (rc == 0 && layout_of(reading)->also)
        rc = llmobs_request_metadata(
            llmobs_json_get(reading->request, layout_of(reading)->also), keys,
            reading->span);
    return rc == 0 && keys
               ? llmobs_request_metadata(settings, keys, reading->span)
               : rc;
}

/* Reads one message or a list. A layout without its own message form knows only
 * messages in OpenAI's form; any other value becomes the text of one message.
 */
static int read_any(const struct llmobs_reading *reading,
                    const struct llmobs_json *value,
                    struct llmobs_json **messages)
{
    const struct llmobs_message_form *own = layout_of(reading)->messages;
    const struct llmobs_message_form *form = own ? own : &llmobs_message_openai;

    if (!value || llmobs_json_is_null(value))
        return 0;
    if (llmobs_json_is_object(value) &&
        (own || llmobs_json_get(value, "content"))) {
        *messages = llmobs_json_array();
        return own == &llmobs_message_openai
                   ? llmobs_message_add_answer(*messages, value, NULL)
                   : llmobs_message_add(*messages, value, form);
    }
    if (llmobs_json_is_array(value) &&
        (own || llmobs_json_is_object(llmobs_json_at(value, 0))))
        *messages = llmobs_message_read_list(value, form);
    else
        *messages = llmobs_message_take(llmobs_value_text(value));
    return *messages ? 0 : -ENOMEM;
}

/* Puts the system's text before the messages, as every dialect has it. */
static int say_system(struct llmobs_json **messages, const char *system)
{
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? llmobs_message_say(list, "system", system) : -ENOMEM;

    LLMOBS_JSON_EACH (one, *messages, rc == 0)
        rc = llmobs_json_add(list, llmobs_json_share(one));
    llmobs_json_free(*messages);
    *messages = list;
    return rc;
}

static int read_input(struct llmobs_reading *reading,
                      const struct llmobs_json *body,
                      const struct llmobs_json *settings)
{
    const struct llmobs_json *value =
        interpreter_has(reading, LLMOBS_AT_PROMPT)
            ? interpreter_at(reading, LLMOBS_AT_INPUT)
            : at_or_all(reading, LLMOBS_AT_INPUT, body);

    switch (kind_of(reading)) {
    case LLMOBS_KIND_EMBEDDING: {
        const struct llmobs_json *contents;
        bool any = interpreter_has(reading, LLMOBS_AT_CONTENTS);
        int rc = 0;

        if (value || (!any && !is_loose(reading)))
            rc = llmobs_embedding_read_input(reading->span, value);
        for (size_t i = 0; rc == 0 && any && i < LLMOBS_LAYOUT_PLACES; i++) {
            contents =
                llmobs_layout_nth(values_of(reading), LLMOBS_AT_CONTENTS, i);
            if (contents)
                rc = llmobs_embedding_read_contents(reading->span, contents);
        }
        return rc;
    }
    case LLMOBS_KIND_LLM: {
        struct llmobs_span *span = reading->span;
        int rc = read_any(reading, value, &span->input_messages);

        if (rc == 0)
            rc = say_system(&span->input_messages,
                            text_at(reading, LLMOBS_AT_SYSTEM));
        if (interpreter_has(reading, LLMOBS_AT_SYSTEM))
            llmobs_fact_apart(span);
        /* The documents on which the prompt rests, a message for each. */
        LLMOBS_JSON_EACH (one, interpreter_at(reading, LLMOBS_AT_CONTENTS),
                          rc == 0) {
            const struct llmobs_json *data = llmobs_json_get(one, "data");
            const struct llmobs_json *text = llmobs_json_get(data, "text");
            char *words = llmobs_value_text(text ? text : data ? data : one);

            rc = words ? llmobs_message_say(span->input_messages, "document",
                                            words)
                       : -ENOMEM;
            free(words);
        }
        if (rc == 0 && layout_of(reading)->alone)
            rc = llmobs_message_add(span->input_messages, reading->request,
                                    layout_of(reading)->alone);
        else if (rc == 0)
            rc = llmobs_message_say(span->input_messages, "user",
                                    text_at(reading, LLMOBS_AT_PROMPT));
        return rc < 0 ? rc
                      : llmobs_tools_read_definitions(settings,
                                                      &span->tool_definitions);
    }
    default:
        return llmobs_value_input(reading->span, value);
    }
}

int llmobs_interpreter_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *settings =
        interpreter_has(reading, LLMOBS_AT_SETTINGS)
            ? interpreter_at(reading, LLMOBS_AT_SETTINGS)
            : reading->request;
    bool cut = reading->classified->call->request_truncated;
    int rc = read_settings(reading, settings);
    static const char letters[] = {LLMOBS_AT_INPUT, 0};
    const struct llmobs_call *call;
    struct llmobs_json *ends;

    if (rc < 0 || (cut && !is_loose(reading)))
        return rc;
    if (!cut)
        return read_input(reading, reading->request, settings);
    call = reading->classified->call;
    if (!llmobs_layout_key(values_of(reading), LLMOBS_AT_INPUT, 0))
        return 0;
    ends = llmobs_layout_ends(values_of(reading), letters, call->request,
                              call->request_tail);
    interpreter_go(reading, ends, NULL);
    rc = ends ? read_input(reading, ends, ends) : -ENOMEM;
    llmobs_json_free(ends);
    return rc;
}

/* -- counts and reasons -------------------------------------------------- */

/* Gives the count; if it is 0, an earlier event's count (usage.h). */
static int64_t interpreter_count(struct llmobs_reading *reading, char which,
                                 const char *metric)
{
    const struct llmobs_json *value = interpreter_at(reading, which);
    int64_t number = value ? llmobs_usage_value(value) : -1;
    const struct llmobs_json *before =
        number == 0 ? llmobs_json_get(reading->span->metrics, metric) : NULL;

    if (before)
        return llmobs_json_to_int(before);
    if (number >= 0)
        llmobs_span_metric(reading->span, metric, number);
    return number;
}

static int set_time(struct llmobs_reading *reading, char which,
                    const char *metric)
{
    const struct llmobs_json *value = interpreter_at(reading, which);
    const char *unit =
        value ? llmobs_layout_key(values_of(reading), LLMOBS_AT_UNIT, 0) : NULL;

    return value ? llmobs_usage_seconds(reading->span, metric, value,
                                        !unit || *unit == 's' ? 1
                                        : *unit == 'm'        ? 1e3
                                        : *unit == 'u'        ? 1e6
                                                              : 1e9)
                 : 0;
}

static int read_counts(struct llmobs_reading *reading)
{
    const struct llmobs_json *usage = interpreter_at(reading, LLMOBS_AT_USAGE);
    struct llmobs_interpreter *state = reading->state;
    struct llmobs_span *span = reading->span;
    int64_t in =
        interpreter_count(reading, LLMOBS_AT_INPUT_TOKENS, "input_tokens");
    int64_t out =
        interpreter_count(reading, LLMOBS_AT_OUTPUT_TOKENS, "output_tokens");
    int rc = state->any ? 0 : llmobs_usage_read(usage, span);
    int64_t pictures;

    if (state->any)
        rc = llmobs_usage_replace(&state->usage, usage);
    interpreter_count(reading, LLMOBS_AT_TOTAL_TOKENS, "total_tokens");
    interpreter_count(reading, LLMOBS_AT_CACHED_TOKENS,
                      "cache_read_input_tokens");
    pictures = interpreter_count(reading, LLMOBS_AT_IMAGE_TOKENS,
                                 "image_input_tokens");
    if (pictures > 0)
        llmobs_span_metric(span, "input_tokens",
                           llmobs_usage_add(in, pictures));
    if (layout_of(reading)->sums && in >= 0 && out >= 0)
        llmobs_span_metric(span, "total_tokens", in + out);
    if (rc == 0)
        rc = set_time(reading, LLMOBS_AT_PREFILL, "time_in_model_prefill");
    if (rc == 0)
        rc = set_time(reading, LLMOBS_AT_DECODE, "time_in_model_decode");
    return rc == 0 && !is_loose(reading) &&
                   kind_of(reading) == LLMOBS_KIND_EMBEDDING
               ? llmobs_embedding_total(span)
               : rc;
}

/* Gives all APIs' word for a reason, perhaps in `room`; NULL: no reason. */
static const char *word_of(const struct llmobs_reading *reading,
                           const char *reason, char room[REASON_LEN])
{
    const char *at =
        reason ? llmobs_layout_key(values_of(reading), LLMOBS_AT_REASONS, 0)
               : NULL;
    size_t len = reason ? strlen(reason) : 0, end;

    for (; at && *at; at += end + (at[end] == ' ')) {
        end = strcspn(at, " ");
        if (strncmp(at, reason, len) != 0 || at[len] != '=' || len >= end)
            continue;
        end -= len + 1;
        if (end == 0 || end >= REASON_LEN)
            return NULL;
        memcpy(room, at + len + 1, end);
        room[end] = '\0';
        return room;
    }
    return len > 0 ? reason : NULL;
}

static const char *reason_at(const struct llmobs_reading *reading,
                             char room[REASON_LEN])
{
    return word_of(reading, text_at(reading, LLMOBS_AT_REASON), room);
}

static void set_reason(const struct llmobs_reading *reading, const char *reason)
{
    if (interpreter_has(reading, LLMOBS_AT_REASON) &&
        (reason || !layout_of(reading)->mute))
        llmobs_fact_finish(reading->span, reason);
}

/* True where the answer has ended. An API that has no mark for the end shows it
 * by its reason. */
static bool has_ended(const struct llmobs_reading *reading, const char *reason)
{
    const struct llmobs_json *end = interpreter_at(reading, LLMOBS_AT_END);
    const char *text = llmobs_json_text(end);

    if (!interpreter_has(reading, LLMOBS_AT_END))
        return reason != NULL;
    if (!text)
        return llmobs_json_is_true(end);
    return llmobs_text_is(
        llmobs_text_of(text),
        interpreter_has(reading, LLMOBS_AT_LAST)
            ? llmobs_layout_key(values_of(reading), LLMOBS_AT_LAST, 0)
            : "true");
}

/* -- pieces of an answer ------------------------------------------------- */

static bool has_pieces(const struct llmobs_reading *reading)
{
    return kind_of(reading) == LLMOBS_KIND_LLM &&
           (interpreter_has(reading, LLMOBS_AT_TEXT) ||
            interpreter_has(reading, LLMOBS_AT_CALLS) ||
            interpreter_has(reading, LLMOBS_AT_REASONING));
}

/* Adds a value; in a whole answer one that is no text becomes JSON. The texts
 * of several parts are joined as in a whole answer. */
static int add_value(struct llmobs_interpreter *state, int64_t part,
                     const struct llmobs_json *value)
{
    const char *text = llmobs_json_text(value);
    char *dump = NULL;
    int rc = 0;

    if (!text && !state->any && value && !llmobs_json_is_null(value)) {
        text = dump = llmobs_value_text(value);
        if (!dump)
            return -ENOMEM;
    }
    if (text && *text) {
        if (state->said && part != state->part)
            rc = llmobs_stream_say(&state->stream, "\n", false);
        state->said = true;
        state->part = part;
    }
    if (rc == 0)
        rc = llmobs_stream_say(&state->stream, text, false);
    free(dump);
    return rc;
}

/* Adds tool calls; a call without an index comes whole, not in pieces. */
static int add_calls(struct llmobs_interpreter *state, int64_t part,
                     const struct llmobs_json *calls)
{
    int rc = 0;

    if (llmobs_json_is_object(calls))
        return llmobs_stream_call(&state->stream, part, calls);
    LLMOBS_JSON_EACH (call, calls, rc == 0) {
        const struct llmobs_json *index = llmobs_json_get(call, "index");

        if (!llmobs_json_is_object(call) && state->any)
            continue;
        rc = llmobs_json_is_int(index)
                 ? llmobs_stream_next_call(&state->stream, call)
                 : llmobs_stream_call(&state->stream, state->calls++, call);
    }
    return rc;
}

static int add_piece(struct llmobs_reading *reading)
{
    struct llmobs_interpreter *state = reading->state;
    const struct llmobs_layout_values *at = &state->at;
    const struct llmobs_json *calls = llmobs_layout_at(at, LLMOBS_AT_CALLS);
    const char *image = llmobs_json_text(llmobs_layout_at(at, LLMOBS_AT_IMAGE));
    const char *instead =
        llmobs_json_text(llmobs_layout_at(at, LLMOBS_AT_INSTEAD));
    const struct llmobs_json *role = llmobs_layout_at(at, LLMOBS_AT_ROLE);
    const struct llmobs_json *thought =
        llmobs_layout_at(at, LLMOBS_AT_REASONING);
    int64_t part = llmobs_json_to_int(llmobs_layout_at(at, LLMOBS_AT_INDEX));
    int rc =
        role ? llmobs_stream_role(&state->stream, llmobs_json_text(role)) : 0;

    if (rc == 0 && thought)
        rc = llmobs_stream_say(&state->stream, llmobs_json_text(thought), true);
    if (rc == 0)
        rc = add_value(state, part, llmobs_layout_at(at, LLMOBS_AT_TEXT));
    if (rc == 0 && image) {
        struct llmobs_buf text;
        llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
        rc = llmobs_media_mark(&text, "image", NULL,
                               llmobs_media_base64(llmobs_text_of(image)));
        if (rc == 0)
            rc = llmobs_stream_say(&state->stream, text.data, false);
        llmobs_buf_fini(&text);
    }
    if (rc == 0 && instead) {
        state->stream.begun = state->stream.begun || *instead;
        rc = llmobs_message_content_append(&state->instead, instead);
    }
    return rc == 0 && calls ? add_calls(state, part, calls) : rc;
}

static int add_end(struct llmobs_reading *reading, const char *reason,
                   bool ended)
{
    struct llmobs_interpreter *state = reading->state;

    if (!reason && ended)
        reason = llmobs_layout_key(values_of(reading), LLMOBS_AT_ENDED, 0);
    state->reasoned = state->reasoned || reason;
    return reason ? llmobs_stream_reason(&state->stream, reason) : 0;
}

static int put_pieces(struct llmobs_reading *reading)
{
    struct llmobs_interpreter *state = reading->state;
    int rc = 0;

    if (!state->said && state->instead.len > 0)
        rc = llmobs_stream_say(&state->stream, state->instead.data, false);
    if (rc == 0 && state->stream.choices.count > 0)
        rc = llmobs_stream_role(&state->stream, layout_of(reading)->role);
    if (rc < 0 || (state->stream.choices.count == 0 && !reading->done))
        return rc;
    if ((interpreter_has(reading, LLMOBS_AT_REASON) ||
         interpreter_has(reading, LLMOBS_AT_ENDED)) &&
        (!layout_of(reading)->mute || state->reasoned ||
         !reading->span->complete))
        llmobs_stream_reasons(&state->stream, reading->span);
    state->stream.keep_space = layout_of(reading)->keep_space;
    reading->span->output_messages =
        layout_of(reading)->texts
            ? llmobs_stream_texts(&state->stream)
            : llmobs_stream_messages(&state->stream, NULL);
    return reading->span->output_messages ? 0 : -ENOMEM;
}

/* -- a whole answer ------------------------------------------------------ */

static int add_document(struct llmobs_reading *reading,
                        const struct llmobs_json *one)
{
    const struct llmobs_layout_values *values = values_of(reading);
    const struct llmobs_json *id =
        llmobs_layout_of(values, LLMOBS_AT_DOCUMENT_ID, one);
    const struct llmobs_found found = {
        .text = llmobs_layout_has(values, LLMOBS_AT_DOCUMENT_TEXT)
                    ? llmobs_layout_of(values, LLMOBS_AT_DOCUMENT_TEXT, one)
                    : one,
        .name = llmobs_layout_of(values, LLMOBS_AT_DOCUMENT_NAME, one),
        .id =
            llmobs_json_is_string(id) || llmobs_json_is_number(id) ? id : NULL,
        .score = llmobs_layout_of(values, LLMOBS_AT_DOCUMENT_SCORE, one),
    };

    return found.text || llmobs_json_is_object(one)
               ? llmobs_documents_add(reading->span, &found)
               : 0;
}

static int read_documents(struct llmobs_reading *reading)
{
    return llmobs_documents_each(
        reading, interpreter_at(reading, LLMOBS_AT_DOCUMENTS), add_document);
}

/* Notes how many vectors came, and how long they are; never their numbers. The
 * output, or the body, is a vector, a list, or a list for each type. */
static int set_vectors(struct llmobs_reading *reading,
                       const struct llmobs_json *body)
{
    const struct llmobs_json *list = interpreter_at(reading, LLMOBS_AT_OUTPUT);
    void *first = llmobs_json_iter(list);

    if (!list && llmobs_json_is_array(body))
        list = body;
    if (first)
        list = llmobs_json_iter_value(first);
    if (llmobs_json_is_number(llmobs_json_at(list, 0)))
        return llmobs_embedding_tell(reading->span, 1, llmobs_json_len(list));
    return llmobs_embedding_tell_list(
        reading->span, list,
        !llmobs_json_is_object(llmobs_json_at(list, 0))         ? NULL
        : llmobs_json_get(llmobs_json_at(list, 0), "embedding") ? "embedding"
                                                                : "data");
}

static int read_choices(struct llmobs_reading *reading,
                        const struct llmobs_json *choices)
{
    const struct llmobs_message_form *own = layout_of(reading)->messages;
    struct llmobs_json *list = reading->span->output_messages =
        llmobs_json_array();
    int rc = list ? 0 : -ENOMEM;

    LLMOBS_JSON_EACH (one, choices, rc == 0) {
        const struct llmobs_json *message = llmobs_json_get(one, "message");
        const char *text = llmobs_json_gets(one, "text");
        char room[REASON_LEN];

        set_reason(
            reading,
            word_of(reading, llmobs_json_gets(one, "finish_reason"), room));
        if (message)
            rc = llmobs_message_add(list, message,
                                    own ? own : &llmobs_message_openai);
        else if (text || (text = llmobs_json_gets(one, "completion")))
            rc = llmobs_message_add_text(list, NULL, llmobs_text_of(text));
    }
    return rc;
}

static int read_llm(struct llmobs_reading *reading,
                    const struct llmobs_json *body)
{
    char room[REASON_LEN];
    const char *reason = reason_at(reading, room);
    int rc;

    if (!has_pieces(reading) || (layout_of(reading)->messages &&
                                 interpreter_at(reading, LLMOBS_AT_OUTPUT))) {
        set_reason(reading, reason);
        return read_any(reading, at_or_all(reading, LLMOBS_AT_OUTPUT, body),
                        &reading->span->output_messages);
    }
    if (llmobs_json_is_array(interpreter_at(reading, LLMOBS_AT_CHOICES)))
        return read_choices(reading,
                            interpreter_at(reading, LLMOBS_AT_CHOICES));
    rc = add_piece(reading);
    if (rc == 0 && layout_of(reading)->texts) /* sets even an empty value */
        rc = llmobs_stream_say(
            &((struct llmobs_interpreter *)reading->state)->stream, "", false);
    if (rc == 0)
        rc = add_end(reading, reason, has_ended(reading, reason));
    return rc < 0 ? rc : put_pieces(reading);
}

static int read_output(struct llmobs_reading *reading,
                       const struct llmobs_json *body)
{
    switch (kind_of(reading)) {
    case LLMOBS_KIND_LLM:
        return read_llm(reading, body);
    case LLMOBS_KIND_EMBEDDING:
        return set_vectors(reading, body);
    case LLMOBS_KIND_RETRIEVAL:
        return read_documents(reading);
    default:
        return llmobs_value_output(reading->span,
                                   at_or_all(reading, LLMOBS_AT_OUTPUT, body));
    }
}

/* Reads the facts that any body of an answer has beside its output. */
static int read_facts(struct llmobs_reading *reading)
{
    const char *model =
        reading->model ? NULL : text_at(reading, LLMOBS_AT_MODEL);
    const char *id = text_at(reading, LLMOBS_AT_ID);
    int rc = llmobs_reading_model(reading, model);

    if (model && !is_loose(reading))
        llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_RESPONSE_MODEL,
                         model);
    if (id && reading->classified->call->status < 300)
        llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_RESPONSE_ID, id);
    set_conversation(reading);
    return rc < 0 ? rc : read_counts(reading);
}

/* True where the type is among the words of this line, or the layout has no
 * such line, or the body no type: it is no event. */
static bool is_of_type(const struct llmobs_reading *reading, char line)
{
    const char *words = llmobs_layout_key(values_of(reading), line, 0);
    const char *type = text_at(reading, LLMOBS_AT_TYPE);
    size_t len = type ? strlen(type) : 0;
    bool is = !words || !type;

    for (const char *at = words; at && *at && !is; at += *at == ' ') {
        is = len > 0 && strncmp(at, type, len) == 0 && strchr(" ", at[len]);
        at += strcspn(at, " ");
    }
    return is;
}

static bool says(const struct llmobs_reading *reading, char line)
{
    return interpreter_has(reading, line) && text_at(reading, LLMOBS_AT_TYPE) &&
           is_of_type(reading, line);
}

/* Reads an error that error.h does not know by itself: a text, or an object
 * with a text. */
static int read_fault(struct llmobs_reading *reading, struct llmobs_text raw,
                      bool alike)
{
    struct llmobs_interpreter *state = reading->state;
    const struct llmobs_json *fault =
        is_of_type(reading, LLMOBS_AT_FAULTS)
            ? interpreter_at(reading, LLMOBS_AT_FAULT)
            : NULL;
    const char *text = llmobs_json_text(fault);
    char type[32] = "error";

    if (reading->classified->call->status >= 300)
        snprintf(type, sizeof(type), "http_%ld",
                 reading->classified->call->status);
    if (text && *text)
        return llmobs_span_fail(reading->span,
                                is_loose(reading) ? "error" : type, text);
    return fault && (llmobs_error_in_event(&state->look, fault, alike) ||
                     llmobs_error_known(fault))
               ? llmobs_error_read(fault, raw, reading->classified->call,
                                   reading->span)
               : 0;
}

int llmobs_interpreter_document(struct llmobs_reading *reading,
                                const struct llmobs_json *body)
{
    int rc = layout_of(reading)->sources
                 ? llmobs_sources_read(reading->span, body,
                                       layout_of(reading)->sources)
                 : 0;

    interpreter_go(reading, body, NULL);
    if (rc == 0)
        rc = read_facts(reading);
    if (rc == 0 &&
        (is_loose(reading) ||
         (!reading->span->failed && (reading->classified->call->status < 300 ||
                                     !llmobs_error_known(body)))))
        rc = read_fault(reading, reading->classified->call->response, false);
    if (rc == 0 && reading->classified->call->status < 300)
        return read_output(reading, body);
    return rc < 0 || !layout_of(reading)->mute
               ? rc
               : llmobs_message_put(&reading->span->output_messages,
                                    layout_of(reading)->role,
                                    (struct llmobs_text){"", 0});
}

int llmobs_interpreter_ends(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *ends =
        llmobs_layout_ends(values_of(reading), ends_of_answer, call->response,
                           call->response_tail);
    int rc = ends ? llmobs_reading_ends(reading) : -ENOMEM;
    char room[REASON_LEN];
    const char *reason;
    bool told; /* false: the reason, before the counts, is in the gap */

    interpreter_go(reading, ends, NULL);
    if (rc == 0)
        rc = read_facts(reading);
    /* If the output is the whole body, a cut answer has none. */
    if (rc == 0 && call->status < 300 && !has_pieces(reading) &&
        (kind_of(reading) == LLMOBS_KIND_RETRIEVAL ||
         (kind_of(reading) != LLMOBS_KIND_EMBEDDING &&
          llmobs_layout_key(values_of(reading), LLMOBS_AT_OUTPUT, 0))))
        rc = read_output(reading, ends);
    reason = reason_at(reading, room);
    told = reason || !interpreter_at(reading, LLMOBS_AT_USAGE);
    if (told)
        set_reason(reading, reason);
    if (told && !interpreter_has(reading, LLMOBS_AT_TYPE) &&
        (interpreter_has(reading, LLMOBS_AT_END) ||
         interpreter_has(reading, LLMOBS_AT_REASON)))
        reading->span->complete = reason || has_ended(reading, reason);
    llmobs_json_free(ends);
    return rc;
}

/* -- streams ------------------------------------------------------------- */

/* Keeps the output of an event: joins texts; of other values keeps the last. */
static int gather(struct llmobs_reading *reading,
                  const struct llmobs_event *event,
                  const struct llmobs_json *value)
{
    struct llmobs_interpreter *state = reading->state;
    const char *text = llmobs_json_text(value);

    if (!value || llmobs_json_is_null(value))
        return 0;
    if (text && *text)
        llmobs_reading_token(reading, event);
    if (text)
        return llmobs_message_content_append(&state->text, text);
    llmobs_json_free(state->value);
    state->value = llmobs_json_clone(value);
    return state->value ? 0 : -ENOMEM;
}

/* True where each event of a stream has the whole answer. */
static bool repeats(const struct llmobs_reading *reading)
{
    return interpreter_has(reading, LLMOBS_AT_PIECES) &&
           !llmobs_json_is_true(llmobs_layout_of(
               values_of(reading), LLMOBS_AT_PIECES, reading->request));
}

/* Keeps the last event that has a part of an answer, and notes when the first
 * part came. */
static void keep_event(struct llmobs_reading *reading,
                       const struct llmobs_event *event)
{
    struct llmobs_interpreter *state = reading->state;
    const struct llmobs_json *text = interpreter_at(reading, LLMOBS_AT_TEXT);

    if (interpreter_at(reading, LLMOBS_AT_CHOICES) || text)
        llmobs_json_replace(&state->value, event->json);
    if (llmobs_has_text(llmobs_json_text(text)) ||
        llmobs_has_text(text_at(reading, LLMOBS_AT_REASONING)) ||
        llmobs_json_len(interpreter_at(reading, LLMOBS_AT_CALLS)) > 0)
        llmobs_reading_token(reading, event);
}

int llmobs_interpreter_event(struct llmobs_reading *reading,
                             const struct llmobs_event *event)
{
    struct llmobs_interpreter *state = reading->state;
    const char *reason;
    char room[REASON_LEN];
    bool ended;
    int rc;

    if (!event->json)
        return 0;
    rc = layout_of(reading)->sources
             ? llmobs_sources_event(reading, event, layout_of(reading)->sources)
             : 0;
    if (rc < 0)
        return rc;
    state->any = true;
    interpreter_go(reading, event->json, event->alike);
    reason = reason_at(reading, room);
    ended = has_ended(reading, reason) || says(reading, LLMOBS_AT_PAUSES);
    if (says(reading, LLMOBS_AT_REPLACES))
        llmobs_buf_cut(&state->text, 0);
    reading->done = reading->done || ended;
    if (llmobs_layout_tells(values_of(reading))) {
        rc = read_facts(reading);
        if (rc == 0)
            rc = read_fault(reading, event->data, event->alike);
    }
    if (rc < 0 || event->failed || reading->classified->call->status >= 300 ||
        kind_of(reading) == LLMOBS_KIND_EMBEDDING ||
        !is_of_type(reading, LLMOBS_AT_ONLY))
        return rc;
    if (repeats(reading)) {
        keep_event(reading, event);
        return 0;
    }
    if (has_pieces(reading)) {
        rc = add_piece(reading);
        if (state->stream.begun)
            llmobs_reading_token(reading, event);
        return rc < 0 ? rc : add_end(reading, reason, ended);
    }
    if (kind_of(reading) == LLMOBS_KIND_RETRIEVAL)
        return read_documents(reading);
    return gather(reading, event,
                  at_or_all(reading, LLMOBS_AT_OUTPUT, event->json));
}

/* If the layout does not say which event is the last, only the end of the
 * stream shows it. */
int llmobs_interpreter_finish(struct llmobs_reading *reading)
{
    struct llmobs_interpreter *state = reading->state;
    struct llmobs_span *span = reading->span;
    struct llmobs_json *text = NULL;
    int rc = llmobs_usage_read(state->usage, span);

    if (rc < 0)
        return rc;
    if (repeats(reading) && state->value) {
        state->any = false;
        interpreter_go(reading, state->value, false);
        return read_llm(reading, state->value);
    }
    if (state->any && !interpreter_has(reading, LLMOBS_AT_END) &&
        !interpreter_has(reading, LLMOBS_AT_REASON) &&
        reading->classified->call->transport_ok)
        span->complete = true;
    if (has_pieces(reading))
        return put_pieces(reading);
    /* The joined texts, or without any text the last value. */
    if (state->text.len > 0) {
        text = llmobs_json_stringn(state->text.data, state->text.len);
        if (!text)
            return -ENOMEM;
    }
    if (text || state->value)
        rc = kind_of(reading) == LLMOBS_KIND_LLM
                 ? read_any(reading, text ? text : state->value,
                            &span->output_messages)
                 : llmobs_value_output(span, text ? text : state->value);
    llmobs_json_free(text);
    return rc;
}

void llmobs_interpreter_fini(void *state)
{
    struct llmobs_interpreter *own = state;

    llmobs_stream_fini(&own->stream);
    llmobs_buf_fini(&own->instead);
    llmobs_buf_fini(&own->text);
    llmobs_json_free(own->value);
    llmobs_json_free(own->usage);
}
