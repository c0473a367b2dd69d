/* message - OpenAI-shaped chat messages as the messages of a span.
 *
 * Owns:    nothing; the caller owns the messages that it is given.
 * Threads: any; no state.
 * Errors:  NULL or -ENOMEM when memory runs out.
 * Limits:  those of message_content.h.
 */
#ifndef LLMOBS_MESSAGE_H
#define LLMOBS_MESSAGE_H

#include <stdint.h>

#include "lib/text/json.h"

struct llmobs_message_content;

/* Gives a message; a NULL role is left out (WIRE 1.5). */
struct llmobs_json *llmobs_message_new(const char *role,
                                       struct llmobs_text content);

/* Adds a message to a list, even one with an empty content. */
int llmobs_message_add_text(struct llmobs_json *list, const char *role,
                            struct llmobs_text content);

/* The same with a share of a string; any other value is an empty text. */
int llmobs_message_add_string(struct llmobs_json *list, const char *role,
                              const struct llmobs_json *value);

/* As llmobs_message_add_text; a text that is NULL or empty is none. */
int llmobs_message_say(struct llmobs_json *list, const char *role,
                       const char *text);

/* Adds a message of the text, which may be NULL, and of the words of
 * llmobs_media_mark, as the assistant's. */
int llmobs_message_mark(struct llmobs_json *list, const char *text,
                        const char *what, const char *detail);

/* Gives an array with one message. */
struct llmobs_json *llmobs_message_only(const char *role,
                                        struct llmobs_text content);

/* Puts an array with one message in the place of `*list`, which may be NULL. */
int llmobs_message_put(struct llmobs_json **list, const char *role,
                       struct llmobs_text content);

/* The same with the words of llmobs_media_mark. */
int llmobs_message_put_mark(struct llmobs_json **list, const char *role,
                            const char *what, const char *detail,
                            uint64_t bytes);

/* Gives an array with a message without a role, whose text it takes; NULL:
 * memory ran out. */
struct llmobs_json *llmobs_message_take(char *text);

/* Sets message[key] to a list with one item, which the function takes. */
int llmobs_message_set_one(struct llmobs_json *message, const char *key,
                           struct llmobs_json *item);

/* How a provider's messages differ from OpenAI's. No NULL key is looked for. */
struct llmobs_message_form {
    /* Adds a part of the content; NULL: the parts are OpenAI's. */
    int (*add)(struct llmobs_message_content *content,
               const struct llmobs_json *part);
    unsigned parts;        /* LLMOBS_MESSAGE_CONTENT_*: types of parts that the
                            * provider has */
    const char *tool_name; /* key of the tool's name in a message of role tool,
                            * if not "name" */
    const char *instead;   /* key of the text that replaces an empty content */
    const char *reasoning; /* key of the reasoning's text */
    const char *images;    /* key of a list of images */
};

/* OpenAI's own (WIRE 6.3). */
extern const struct llmobs_message_form llmobs_message_openai;

/* Appends a message, after its reasoning if it has any. */
int llmobs_message_add(struct llmobs_json *list,
                       const struct llmobs_json *message,
                       const struct llmobs_message_form *form);

/* Gives the messages of an array; an element that is only a text has no role.
 */
struct llmobs_json *llmobs_message_read_list(
    const struct llmobs_json *list, const struct llmobs_message_form *form);

/* The reasoning of an answer's message, or of a piece of one; NULL: it has none
 * in a text. Borrowed. */
const char *llmobs_message_thought(const struct llmobs_json *from);

/* True where thoughts of OpenRouter's `reasoning_details` or of LiteLLM's
 * `thinking_blocks` came in an encrypted form. */
bool llmobs_message_withholds(const struct llmobs_json *from);

/* Appends the readable ones of these, which repeat
 * that text where it is there. */
int llmobs_message_add_details(struct llmobs_buf *text,
                               const struct llmobs_json *from);

/* Appends the answer's message to `list`, after its reasoning where it has any.
 * `audio_format` is the one that the request asked for; NULL: none. */
int llmobs_message_add_answer(struct llmobs_json *list,
                              const struct llmobs_json *message,
                              const char *audio_format);

#endif
