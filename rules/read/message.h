/* message - OpenAI-shaped chat messages as the messages of a span.
 *
 * Owns:    nothing; what is given belongs to the caller.
 * Threads: any; no state.
 * Errors:  NULL or -ENOMEM without memory.
 * Limits:  those of message_content.h.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_MESSAGE_H
#define LLMOBS_MESSAGE_H

#include "core/text/json.h"

/* Gives a message; a NULL role is left out (WIRE 1.5). */
struct llmobs_json *llmobs_message_new(const char *role,
                                       struct llmobs_text content);

/* Gives an array with one such message. */
struct llmobs_json *llmobs_message_only(const char *role,
                                        struct llmobs_text content);

/* The same of a text that is taken; NULL: no memory. */
struct llmobs_json *llmobs_message_take(char *text);

/* How the messages of a provider differ from OpenAI's. A key that is NULL is
 * not looked for. */
struct llmobs_message_form {
    unsigned parts; /* LLMOBS_MESSAGE_CONTENT_*: types of parts that it knows */
    bool tool_content;     /* one of role tool is like any other */
    const char *tool_name; /* key of the tool's name in one of role tool */
    const char *instead;   /* key of the text where the content has none */
    const char *reasoning; /* key of a text that was thought */
    const char *images;    /* key of a list of images */
};

/* OpenAI's own (WIRE 6.3). */
extern const struct llmobs_message_form llmobs_message_openai;

/* Appends a message, after what was thought where it tells that. */
int llmobs_message_add(struct llmobs_json *list,
                       const struct llmobs_json *message,
                       const struct llmobs_message_form *form);

/* Gives such messages of an array; an element that is only a text has no
 * role. */
struct llmobs_json *llmobs_message_read_list(
    const struct llmobs_json *list, const struct llmobs_message_form *form);

/* Appends the answer's message to `list`, after its reasoning where it has
 * any. `audio_format` is what the request asked for, NULL: nothing. */
int llmobs_message_add_answer(struct llmobs_json *list,
                              const struct llmobs_json *message,
                              const char *audio_format);

#endif
