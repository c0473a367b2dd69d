/* Builds chat messages of a span. */
#include "rules/read/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/media.h"
#include "rules/read/message_content.h"
#include "rules/read/tools.h"

const struct llmobs_message_form llmobs_message_openai = {.instead = "refusal"};

/* Takes the content. */
static struct llmobs_json *make_message(const char *role,
                                        struct llmobs_json *content)
{
    struct llmobs_json *message = llmobs_json_object();
    int rc = llmobs_json_set(message, "content", content);

    if (rc == 0)
        rc = llmobs_json_sets(message, "role", role);
    return llmobs_json_done(message, rc);
}

struct llmobs_json *llmobs_message_new(const char *role,
                                       struct llmobs_text content)
{
    return make_message(role, llmobs_json_stringn(content.data, content.len));
}

int llmobs_message_add_string(struct llmobs_json *list, const char *role,
                              const struct llmobs_json *value)
{
    struct llmobs_json *content =
        llmobs_json_is_string(value)
            ? llmobs_json_share((struct llmobs_json *)(uintptr_t)value)
            : llmobs_json_string("");

    return llmobs_json_add(list, make_message(role, content));
}

int llmobs_message_add_text(struct llmobs_json *list, const char *role,
                            struct llmobs_text content)
{
    return llmobs_json_add(list, llmobs_message_new(role, content));
}

int llmobs_message_say(struct llmobs_json *list, const char *role,
                       const char *text)
{
    return text && *text
               ? llmobs_message_add_text(list, role, llmobs_text_of(text))
               : 0;
}

int llmobs_message_mark(struct llmobs_json *list, const char *text,
                        const char *what, const char *detail)
{
    struct llmobs_buf words;
    int rc;

    llmobs_buf_init(&words, LLMOBS_MESSAGE_CONTENT_MAX);
    rc = llmobs_message_content_append(&words, text);
    if (rc == 0)
        rc = llmobs_media_mark(&words, what, detail, 0);
    if (rc == 0)
        rc =
            llmobs_message_add_text(list, "assistant", llmobs_buf_text(&words));
    llmobs_buf_fini(&words);
    return rc;
}

struct llmobs_json *llmobs_message_only(const char *role,
                                        struct llmobs_text content)
{
    struct llmobs_json *list = llmobs_json_array();

    if (list && llmobs_message_add_text(list, role, content) == 0)
        return list;
    llmobs_json_free(list);
    return NULL;
}

int llmobs_message_put(struct llmobs_json **list, const char *role,
                       struct llmobs_text content)
{
    llmobs_json_free(*list);
    *list = llmobs_message_only(role, content);
    return *list ? 0 : -ENOMEM;
}

int llmobs_message_put_mark(struct llmobs_json **list, const char *role,
                            const char *what, const char *detail,
                            uint64_t bytes)
{
    struct llmobs_buf text;
    int rc;

    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    rc = llmobs_media_mark(&text, what, detail, bytes);
    if (rc == 0)
        rc = llmobs_message_put(list, role, llmobs_buf_text(&text));
    llmobs_buf_fini(&text);
    return rc;
}

struct llmobs_json *llmobs_message_take(char *text)
{
    struct llmobs_json *list =
        text ? llmobs_message_only(NULL, llmobs_text_of(text)) : NULL;

    free(text);
    return list;
}

/* A message of role tool is the result of a call: the text of its content
 * becomes the result's text. */
static int store_result(const struct llmobs_json *from,
                        const struct llmobs_message_form *form,
                        struct llmobs_message_content *content,
                        struct llmobs_json *message)
{
    struct llmobs_json *list = llmobs_json_array();
    const char *own = llmobs_json_gets(from, form->tool_name);
    const char *name = own ? own : llmobs_json_gets(from, "name");
    const char *type = llmobs_json_gets(from, "type");
    int rc = llmobs_json_add(
        list, llmobs_tools_result(
                  name ? name : "", llmobs_json_gets(from, "tool_call_id"),
                  llmobs_has_text(type) ? type : "tool_result",
                  llmobs_message_content_string(&content->text)));

    if (rc == 0) {
        llmobs_buf_fini(&content->text);
        return llmobs_json_set(message, "tool_results", list);
    }
    llmobs_json_free(list);
    return rc;
}

/* The last step of every message: sets its content and its tool calls. Frees
 * the message if this or an earlier step (`rc`) has failed. */
static int finish(struct llmobs_json *message, const struct llmobs_json *from,
                  struct llmobs_message_content *content, int rc)
{
    if (rc == 0)
        rc = llmobs_message_content_store(content, message);
    if (rc == 0)
        rc = llmobs_tools_read_calls(from, message);
    llmobs_message_content_fini(content);
    if (rc < 0)
        llmobs_json_free(message);
    return rc;
}

/* Adds a message with the reasoning: `text`, else the text of the thinking
 * parts; adds nothing if both are empty. */
static int add_reasoning(struct llmobs_json *list, const char *text,
                         const struct llmobs_message_content *content)
{
    struct llmobs_text reasoning = {content->thinking.data,
                                    content->thinking.len};

    if (llmobs_has_text(text))
        reasoning = llmobs_text_of(text);
    if (reasoning.len == 0)
        return 0;
    return llmobs_message_add_text(list, "reasoning", reasoning);
}

static int read_content(struct llmobs_message_content *content,
                        const struct llmobs_json *from,
                        const struct llmobs_message_form *form)
{
    const struct llmobs_json *value = llmobs_json_get(from, "content");
    int rc = form->add
                 ? llmobs_message_content_each(content, value, form->add)
                 : llmobs_message_content_read(content, value, form->parts);

    if (rc == 0 && content->text.len == 0)
        rc = llmobs_message_content_append(
            &content->text, llmobs_json_gets(from, form->instead));
    return rc < 0 ? rc
                  : llmobs_message_content_add_images(
                        content, llmobs_json_get(from, form->images));
}

int llmobs_message_add(struct llmobs_json *list, const struct llmobs_json *from,
                       const struct llmobs_message_form *form)
{
    struct llmobs_json *said = llmobs_json_get(from, "role");
    const char *role = llmobs_json_text(said);
    const char *thought = llmobs_json_gets(from, form->reasoning);
    struct llmobs_json *message = llmobs_json_object();
    struct llmobs_message_content content;
    int rc;

    llmobs_message_content_init(&content);
    rc = read_content(&content, from, form);
    if (rc == 0 && role)
        rc = llmobs_json_set(message, "role", llmobs_json_share(said));
    if (rc == 0 && role && strcmp(role, "tool") == 0)
        rc = store_result(from, form, &content, message);
    if (rc == 0)
        rc = add_reasoning(list, thought, &content);
    rc = finish(message, from, &content, rc);
    return rc == 0 ? llmobs_json_add(list, message) : rc;
}

struct llmobs_json *llmobs_message_read_list(
    const struct llmobs_json *list, const struct llmobs_message_form *form)
{
    struct llmobs_json *messages = llmobs_json_array();
    int rc = messages ? 0 : -ENOMEM;

    LLMOBS_JSON_EACH (from, list, rc == 0) {
        const char *text = llmobs_json_text(from);

        if (text)
            rc = llmobs_message_add_text(messages, NULL, llmobs_text_of(text));
        else if (llmobs_json_is_object(from))
            rc = llmobs_message_add(messages, from, form);
    }
    return llmobs_json_done(messages, rc);
}

/* Reads the answer's content; if that has no text, a clip's transcript or a
 * refusal is the text. */
static int read_answer(struct llmobs_message_content *content,
                       const struct llmobs_json *from, const char *audio_format)
{
    const struct llmobs_json *audio = llmobs_json_get(from, "audio");
    const char *data = llmobs_json_gets(audio, "data");
    const char *text = NULL;
    int rc;

    rc = llmobs_message_content_read(content, llmobs_json_get(from, "content"),
                                     LLMOBS_MESSAGE_CONTENT_THINKING);
    if (rc == 0 && content->text.len == 0) {
        text = llmobs_json_gets(audio, "transcript");
        if (!llmobs_has_text(text))
            text = llmobs_json_gets(from, "refusal");
        rc = llmobs_message_content_append(&content->text, text);
    }
    if (rc == 0)
        rc = llmobs_message_content_add_images(content,
                                               llmobs_json_get(from, "images"));
    if (rc == 0 && llmobs_has_text(data))
        rc = llmobs_message_content_add_audio(content, data, audio_format);
    return rc;
}

const char *llmobs_message_thought(const struct llmobs_json *from)
{
    const char *thought = llmobs_json_gets(from, "reasoning_content");

    if (!llmobs_has_text(thought))
        thought = llmobs_json_gets(from, "reasoning");
    return llmobs_has_text(thought) ? thought : NULL;
}

static const char details[] = "reasoning_details\0thinking_blocks\0";

int llmobs_message_add_details(struct llmobs_buf *text,
                               const struct llmobs_json *from)
{
    static const char *const told[][2] = {{"reasoning.text", "text"},
                                          {"reasoning.summary", "summary"},
                                          {"thinking", "thinking"}};
    int rc = 0;

    LLMOBS_WORDS_EACH (key, details)
        LLMOBS_JSON_EACH (one, llmobs_json_get(from, key), rc == 0)
            for (size_t i = 0; i < 3 && rc == 0; i++)
                if (llmobs_json_says(one, "type", told[i][0]))
                    rc = llmobs_message_content_append(
                        text, llmobs_json_gets(one, told[i][1]));
    return rc;
}

bool llmobs_message_withholds(const struct llmobs_json *from)
{
    LLMOBS_WORDS_EACH (key, details)
        LLMOBS_JSON_EACH (one, llmobs_json_get(from, key), true)
            if (llmobs_json_says(one, "type", "reasoning.encrypted") ||
                llmobs_json_says(one, "type", "redacted_thinking"))
                return true;
    return false;
}

int llmobs_message_add_answer(struct llmobs_json *list,
                              const struct llmobs_json *from,
                              const char *audio_format)
{
    struct llmobs_json *said = llmobs_json_get(from, "role");
    struct llmobs_json *message = llmobs_json_object();
    const char *thought = llmobs_message_thought(from);
    struct llmobs_message_content content;
    int rc;

    llmobs_message_content_init(&content);
    rc = read_answer(&content, from, audio_format);
    if (rc == 0 && !thought && content.thinking.len == 0)
        rc = llmobs_message_add_details(&content.thinking, from);
    if (rc == 0 && !thought && content.thinking.len == 0 &&
        llmobs_message_withholds(from))
        thought = LLMOBS_THOUGHTS_WITHHELD;
    if (rc == 0 && llmobs_json_is_string(said))
        rc = llmobs_json_set(message, "role", llmobs_json_share(said));
    if (rc == 0)
        rc = add_reasoning(list, thought, &content);
    rc = finish(message, from, &content, rc);
    return rc == 0 ? llmobs_json_add(list, message) : rc;
}

int llmobs_message_set_one(struct llmobs_json *message, const char *key,
                           struct llmobs_json *item)
{
    struct llmobs_json *list = llmobs_json_array();
    int rc = llmobs_json_add(list, item);

    return llmobs_json_set_made(message, key, list, rc);
}
