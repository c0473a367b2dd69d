/* Joins the parts of a message's content. */
#include "rules/read/message_content.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rules/read/media.h"
#include "rules/read/text.h"

#define IMAGE_BYTES_MAX ((size_t)LLMOBS_IMAGE_MAX / 4 * 3)
#define IMAGE_RAW_MAX ((size_t)LLMOBS_IMAGE_MAX * 8)
#define IMAGE_MARKER "[image]"

void llmobs_message_content_init(struct llmobs_message_content *content)
{
    memset(content, 0, sizeof(*content));
    llmobs_buf_init(&content->text, LLMOBS_MESSAGE_CONTENT_MAX);
    llmobs_buf_init(&content->thinking, LLMOBS_MESSAGE_CONTENT_MAX);
}

void llmobs_message_content_fini(struct llmobs_message_content *content)
{
    llmobs_buf_fini(&content->text);
    llmobs_buf_fini(&content->thinking);
    llmobs_json_free(content->images);
    llmobs_json_free(content->audio);
}

struct llmobs_json *llmobs_message_content_string(const struct llmobs_buf *buf)
{
    return llmobs_json_stringn(buf->data ? buf->data : "", buf->len);
}

int llmobs_message_content_append(struct llmobs_buf *buf, const char *text)
{
    int rc;

    if (buf->max == 0)
        buf->max = LLMOBS_MESSAGE_CONTENT_MAX;
    rc = text ? llmobs_buf_adds(buf, text) : 0;
    return rc == -EFBIG ? 0 : rc;
}

static int add_line(struct llmobs_message_content *content, const char *text)
{
    bool joint = content->lines++ > 0 && !content->bare;
    int rc = joint ? llmobs_message_content_append(&content->text, "\n") : 0;

    return rc < 0 ? rc : llmobs_message_content_append(&content->text, text);
}

int llmobs_message_content_add_string(struct llmobs_message_content *content,
                                      const struct llmobs_json *value)
{
    struct llmobs_text text = {llmobs_json_text(value),
                               llmobs_json_text_len(value)};

    if (!text.data)
        return 0;
    if (content->text.len > 0 || (content->lines > 0 && !content->bare) ||
        text.len > LLMOBS_MESSAGE_CONTENT_MAX)
        return add_line(content, text.data);
    content->whole = (struct llmobs_json *)(uintptr_t)value;
    content->lines++;
    llmobs_buf_fini(&content->text);
    content->text.data = (char *)(uintptr_t)text.data;
    content->text.len = text.len;
    content->text.cap = text.len + 1;
    content->text.lent = true;
    return 0;
}

struct llmobs_json *llmobs_message_content_media(const char *mime,
                                                 struct llmobs_json *data)
{
    struct llmobs_json *media = llmobs_json_object();

    if (llmobs_json_set(media, "content", data) == 0 &&
        llmobs_json_sets(media, "mime_type", mime) == 0)
        return media;
    llmobs_json_free(media);
    return NULL;
}

/* Adds a clip or image to *list, which it makes when needed. Takes `data`. */
static int add_media(struct llmobs_json **list, const char *mime,
                     struct llmobs_json *data)
{
    if (!*list)
        *list = llmobs_json_array();
    return llmobs_json_add(*list, llmobs_message_content_media(mime, data));
}

/* Gives the payload of "data:image/<subtype>[;params];base64,<data>"; NULL: not
 * such a URL. *mime_len is the length of "image/<subtype>". */
static const char *image_payload(const char *url, size_t *mime_len)
{
    const char *mime = url + 5, *comma;

    if (strncasecmp(url, "data:image/", 11) != 0)
        return NULL;
    comma = strchr(url, ',');
    *mime_len = strcspn(mime, ";,");
    if (!comma || *mime_len <= strlen("image/") ||
        comma - url < 5 + (ptrdiff_t)*mime_len + 7 ||
        strncasecmp(comma - 7, ";base64", 7) != 0)
        return NULL;
    return comma + 1;
}

static void to_lower(char *text)
{
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
}

static int add_inline(struct llmobs_message_content *content, const char *url,
                      size_t mime_len, const char *payload)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        "0123456789+/-_="; /* of both kinds of base64 */
    struct llmobs_buf data;
    char *mime = strndup(url + 5, mime_len);
    int rc = mime ? 0 : -ENOMEM;

    if (mime)
        to_lower(mime);

    llmobs_buf_init(&data, LLMOBS_IMAGE_MAX);
    while (rc == 0 && *payload) {
        size_t n = strcspn(payload, " \t\r\n\v\f");

        rc = llmobs_buf_add(&data, payload, n);
        payload += n;
        payload += strspn(payload, " \t\r\n\v\f");
    }
    if (rc == -EFBIG)
        rc = add_line(content, LLMOBS_IMAGE_TOO_LARGE);
    else if (rc == 0 &&
             (data.len == 0 || data.data[strspn(data.data, alphabet)] != '\0'))
        rc = add_line(content, IMAGE_MARKER);
    else if (rc == 0)
        rc = add_media(&content->images, mime,
                       llmobs_message_content_string(&data));
    llmobs_buf_fini(&data);
    free(mime);
    return rc;
}

int llmobs_message_content_add_image(struct llmobs_message_content *content,
                                     const char *url)
{
    uint64_t bytes;
    size_t mime_len;
    const char *payload = url ? image_payload(url, &mime_len) : NULL;

    if (!payload)
        return add_line(content, IMAGE_MARKER);
    if (llmobs_media_left_out(llmobs_text_of(payload), &bytes))
        return add_line(content, bytes > IMAGE_BYTES_MAX
                                     ? LLMOBS_IMAGE_TOO_LARGE
                                     : IMAGE_MARKER);
    if (strlen(payload) > IMAGE_RAW_MAX)
        return add_line(content, LLMOBS_IMAGE_TOO_LARGE);
    return add_inline(content, url, mime_len, payload);
}

/* A part with the image's URL, or the URL itself. */
static int add_image_part(struct llmobs_message_content *content,
                          const struct llmobs_json *part)
{
    const struct llmobs_json *image = llmobs_json_get(part, "image_url");
    const char *url = llmobs_json_text(image ? image : part);

    return llmobs_message_content_add_image(
        content, url ? url : llmobs_json_gets(image, "url"));
}

int llmobs_message_content_add_images(struct llmobs_message_content *content,
                                      const struct llmobs_json *list)
{
    int rc = 0;

    content->lines = content->text.len > 0 ? 1 : 0;
    for (size_t i = 0; rc == 0 && i < llmobs_json_len(list); i++)
        rc = add_image_part(content, llmobs_json_at(list, i));
    return rc;
}

int llmobs_message_content_add_audio(struct llmobs_message_content *content,
                                     const char *data, const char *format)
{
    struct llmobs_text text = llmobs_text_strip(llmobs_text_of(format));
    struct llmobs_buf mime;
    uint64_t bytes;
    int rc;

    if (text.len == 0)
        text = llmobs_text_of("wav");
    llmobs_buf_init(&mime, LLMOBS_MESSAGE_CONTENT_MAX);
    rc = llmobs_buf_addf(&mime, "audio/%.*s", (int)text.len, text.data);
    if (rc == 0)
        to_lower(mime.data);
    if (rc == 0 && llmobs_media_left_out(llmobs_text_of(data), &bytes)) {
        rc = llmobs_media_mark(&content->text, "audio", mime.data, bytes);
        content->lines++;
    } else if (rc == 0) {
        rc = add_media(&content->audio,
                       strcmp(mime.data, "audio/mp3") == 0 ? "audio/mpeg"
                                                           : mime.data,
                       llmobs_json_string(data));
    }
    llmobs_buf_fini(&mime);
    return rc;
}

static int add_marker(struct llmobs_message_content *content, const char *type)
{
    int rc = add_line(content, "[");

    if (rc == 0)
        rc = llmobs_message_content_append(&content->text, type);
    return rc < 0 ? rc : llmobs_message_content_append(&content->text, "]");
}

/* Adds a value as its JSON text. */
static int add_json(struct llmobs_message_content *content,
                    const struct llmobs_json *value)
{
    char *text = llmobs_json_dumps(value, 0);
    int rc = text ? add_line(content, text) : -ENOMEM;

    free(text);
    return rc;
}

static int add_part(struct llmobs_message_content *content,
                    const struct llmobs_json *part, unsigned types)
{
    const char *type = llmobs_json_gets(part, "type");
    const struct llmobs_json *text = part;

    if (!llmobs_json_is_string(part) && (!type || strcmp(type, "text") == 0))
        text = llmobs_json_get(part, "text");
    if (llmobs_json_is_string(text))
        return llmobs_message_content_add_string(content, text);
    if (!type)
        type = "unknown";
    if (strcmp(type, "image_url") == 0)
        return add_image_part(content, part);
    if (strcmp(type, "input_audio") == 0)
        return llmobs_message_content_add_input(content, part);
    if ((types & LLMOBS_MESSAGE_CONTENT_THINKING) &&
        strcmp(type, "thinking") == 0) {
        /* Mistral's thinking is a list of texts, Cohere's is a text. */
        const struct llmobs_json *thinking = llmobs_json_get(part, type);
        int rc = llmobs_message_content_append(&content->thinking,
                                               llmobs_json_text(thinking));

        LLMOBS_JSON_EACH (one, thinking, rc == 0)
            rc = llmobs_message_content_append(&content->thinking,
                                               llmobs_json_gets(one, "text"));
        return rc;
    }
    if ((types & LLMOBS_MESSAGE_CONTENT_DOCUMENTS) &&
        strcmp(type, "document") == 0) {
        part = llmobs_json_get(llmobs_json_get(part, "document"), "data");
        if (llmobs_json_is_string(part))
            return add_line(content, llmobs_json_text(part));
        if (part)
            return add_json(content, part);
    }
    return strcmp(type, "text") == 0 ? 0 : add_marker(content, type);
}

int llmobs_message_content_read(struct llmobs_message_content *content,
                                const struct llmobs_json *value, unsigned types)
{
    int rc = 0;

    if (!value || llmobs_json_is_null(value))
        return 0;
    if (llmobs_json_is_string(value))
        return llmobs_message_content_add_string(content, value);
    if (!llmobs_json_is_array(value)) /* an unknown form */
        return add_json(content, value);
    LLMOBS_JSON_EACH (one, value, rc == 0)
        rc = add_part(content, one, types);
    return rc;
}

int llmobs_message_content_add_input(struct llmobs_message_content *content,
                                     const struct llmobs_json *part)
{
    const struct llmobs_json *audio = llmobs_json_get(part, "input_audio");
    const char *data = llmobs_json_gets(audio, "data");

    return llmobs_has_text(data)
               ? llmobs_message_content_add_audio(
                     content, data, llmobs_json_gets(audio, "format"))
               : add_line(content, "[audio]");
}

int llmobs_message_content_store(struct llmobs_message_content *content,
                                 struct llmobs_json *message)
{
    /* The text is a share of `whole`, if no other text came. */
    bool shared = content->whole &&
                  llmobs_json_text_len(content->whole) == content->text.len;
    int rc =
        llmobs_json_set(message, "content",
                        shared ? llmobs_json_share(content->whole)
                               : llmobs_message_content_string(&content->text));

    if (rc == 0 && content->images) {
        rc = llmobs_json_set(message, "image_parts", content->images);
        content->images = NULL;
    }
    if (rc == 0 && content->audio) {
        rc = llmobs_json_set(message, "audio_parts", content->audio);
        content->audio = NULL;
    }
    return rc;
}

int llmobs_message_content_each(
    struct llmobs_message_content *content, const struct llmobs_json *value,
    int (*add)(struct llmobs_message_content *content,
               const struct llmobs_json *part))
{
    int rc = 0;

    content->bare = true;
    if (!llmobs_json_is_array(value))
        return llmobs_message_content_read(content, value, 0);
    LLMOBS_JSON_EACH (one, value, rc == 0)
        rc = add(content, one);
    return rc;
}
