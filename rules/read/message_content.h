/* message_content - the content of a chat message: a text, or an array of
 * parts.
 *
 * Owns:    what it collects, from init to fini.
 * Threads: one at a time.
 * Errors:  -ENOMEM.
 * Limits:  LLMOBS_MESSAGE_CONTENT_MAX bytes of text, the rest is left out;
 * inline images of LLMOBS_IMAGE_MAX bytes of base64, else a marker. Fork: plain
 * memory.
 */
#ifndef LLMOBS_MESSAGE_CONTENT_H
#define LLMOBS_MESSAGE_CONTENT_H

#include "core/text/json.h"

#define LLMOBS_MESSAGE_CONTENT_MAX (64 * 1024 * 1024)
#define LLMOBS_IMAGE_MAX 4000000
#define LLMOBS_IMAGE_TOO_LARGE "[image omitted: too large]"

struct llmobs_message_content {
    struct llmobs_buf text;     /* parts joined by LF */
    struct llmobs_buf thinking; /* thinking parts, joined bare */
    struct llmobs_json *images; /* image_parts, NULL: none */
    struct llmobs_json *audio;  /* audio_parts, NULL: none */
    size_t lines;               /* parts that went into text */
    bool bare;                  /* parts of text are joined without LF */
};

void llmobs_message_content_init(struct llmobs_message_content *content);
void llmobs_message_content_fini(struct llmobs_message_content *content);

/* Types of parts that only some providers have; to the others they are like
 * any unknown type (WIRE 6.3, 6.11, 6.12). */
#define LLMOBS_MESSAGE_CONTENT_THINKING 1u  /* they go to ->thinking */
#define LLMOBS_MESSAGE_CONTENT_DOCUMENTS 2u /* they are their data */

/* Reads a content value. */
int llmobs_message_content_read(struct llmobs_message_content *content,
                                const struct llmobs_json *value,
                                unsigned types);

/* Adds a line for each image of a list (Ollama's have no type). */
int llmobs_message_content_add_images(struct llmobs_message_content *content,
                                      const struct llmobs_json *list);

/* An element of image_parts or audio_parts. Takes `data`; gives it. */
struct llmobs_json *llmobs_message_content_media(const char *mime,
                                                 struct llmobs_json *data);

/* Adds an image by its URL: an inline one to ->images, a marker for one that
 * is too large or not inline (WIRE 1.5). NULL is fine. */
int llmobs_message_content_add_image(struct llmobs_message_content *content,
                                     const char *url);

/* Adds one audio clip; `format` NULL: wav. */
int llmobs_message_content_add_audio(struct llmobs_message_content *content,
                                     const char *data, const char *format);

/* Sets content, image_parts and audio_parts of a message; gives away what it
 * collected. */
int llmobs_message_content_store(struct llmobs_message_content *content,
                                 struct llmobs_json *message);

/* Appends to a capped buffer: what is beyond the cap is left out, -ENOMEM
 * stays. */
int llmobs_message_content_append(struct llmobs_buf *buf, const char *text);

/* A string value of what a buffer holds; gives it. */
struct llmobs_json *llmobs_message_content_string(const struct llmobs_buf *buf);

#endif
