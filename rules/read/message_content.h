/* message_content - the content of a chat message: a text, or an array of
 * parts.
 *
 * Owns:    the texts and lists that it collects, from init to fini.
 * Threads: one at a time.
 * Errors:  -ENOMEM.
 * Limits:  LLMOBS_MESSAGE_CONTENT_MAX bytes of text, more is left out; inline
 *          images of LLMOBS_IMAGE_MAX bytes of base64; a marker stands for a
 *          larger image.
 */
#ifndef LLMOBS_MESSAGE_CONTENT_H
#define LLMOBS_MESSAGE_CONTENT_H

#include "lib/text/json.h"

#define LLMOBS_MESSAGE_CONTENT_MAX (64 * 1024 * 1024)
#define LLMOBS_IMAGE_MAX 4000000
#define LLMOBS_IMAGE_TOO_LARGE "[image omitted: too large]"
/* Stands for thoughts of which only an encrypted form, or none, came. */
#define LLMOBS_THOUGHTS_WITHHELD "[thoughts withheld]"

struct llmobs_message_content {
    struct llmobs_buf text;     /* text parts, joined by LF */
    struct llmobs_buf thinking; /* thinking parts, joined without LF */
    struct llmobs_json *images; /* image_parts; NULL: none yet */
    struct llmobs_json *audio;  /* audio_parts; NULL: none yet */
    size_t lines;               /* parts that went into text */
    bool bare;                  /* parts of text are joined without an LF */
    struct llmobs_json *whole;  /* with which `text` begins, borrowed; or
                                 * NULL */
};

void llmobs_message_content_init(struct llmobs_message_content *content);
void llmobs_message_content_fini(struct llmobs_message_content *content);

/* Types of parts that only some providers have; for other providers these are
 * unknown types (WIRE 6.3, 6.11, 6.12). */
#define LLMOBS_MESSAGE_CONTENT_THINKING 1u  /* collected in ->thinking */
#define LLMOBS_MESSAGE_CONTENT_DOCUMENTS 2u /* their data is their text */

/* Adds the text of a string, which must outlive the content: the first text is
 * borrowed, and copied where another text joins it. Another value adds nothing.
 */
int llmobs_message_content_add_string(struct llmobs_message_content *content,
                                      const struct llmobs_json *value);

/* Reads a content value. */
int llmobs_message_content_read(struct llmobs_message_content *content,
                                const struct llmobs_json *value,
                                unsigned types);

/* Reads a content value whose parts `add` knows, joined without LF. */
int llmobs_message_content_each(
    struct llmobs_message_content *content, const struct llmobs_json *value,
    int (*add)(struct llmobs_message_content *content,
               const struct llmobs_json *part));

/* Adds the images of a list: parts with a URL, as gateways send them in
 * answers, URLs, or base64, for which a marker stands: it has no media type
 * (Ollama). */
int llmobs_message_content_add_images(struct llmobs_message_content *content,
                                      const struct llmobs_json *list);

/* Gives an element of image_parts or audio_parts. Takes `data`. */
struct llmobs_json *llmobs_message_content_media(const char *mime,
                                                 struct llmobs_json *data);

/* Adds an image by its URL: an inline image to ->images; for an image that is
 * too large or not inline, a marker (WIRE 1.5). `url` may be NULL. */
int llmobs_message_content_add_image(struct llmobs_message_content *content,
                                     const char *url);

/* Adds one audio clip; `format` NULL: wav. */
int llmobs_message_content_add_audio(struct llmobs_message_content *content,
                                     const char *data, const char *format);

/* Adds the clip of a part `input_audio`; without its data a word for it. */
int llmobs_message_content_add_input(struct llmobs_message_content *content,
                                     const struct llmobs_json *part);

/* Sets content, image_parts and audio_parts of a message, which takes over all
 * that was collected. */
int llmobs_message_content_store(struct llmobs_message_content *content,
                                 struct llmobs_json *message);

/* Appends to a buffer and leaves out the bytes beyond its cap, which is
 * LLMOBS_MESSAGE_CONTENT_MAX unless the buffer has one; -ENOMEM. */
int llmobs_message_content_append(struct llmobs_buf *buf, const char *text);

/* Gives a buffer's text as a string value. */
struct llmobs_json *llmobs_message_content_string(const struct llmobs_buf *buf);

#endif
