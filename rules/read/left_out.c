/* Recognizes base64 that a body need not keep. */
#include "rules/read/left_out.h"

#include <string.h>
#include <strings.h>

#define NAME_MAX_LEN 24 /* no name of is_member() is longer */

static void strip_blanks(struct llmobs_text *text)
{
    while (text->len > 0 && llmobs_is_blank(text->data[text->len - 1]))
        text->len--;
}

/* Takes the end off; false: the text has another end. */
static bool strip(struct llmobs_text *text, const char *end)
{
    size_t len = strlen(end);

    if (text->len < len ||
        strncasecmp(text->data + text->len - len, end, len) != 0)
        return false;
    text->len -= len;
    return true;
}

/* The mark's form is LLMOBS_BLOB_MARK of lib/text/body.h. Google's servers
 * write the padding of base64 as "\u003d", which stays behind the mark. */
bool llmobs_media_left_out(struct llmobs_text text, uint64_t *bytes)
{
    static const char head[] = "...[", tail[] = " bytes of base64, ";
    const size_t sum = 8, most = 20;
    uint64_t times = 1, number = 0;
    size_t at, digits = 0;

    while (strip(&text, "=") || strip(&text, "\\u003d"))
        ;
    at = text.len;
    if (at < sum + 1 + sizeof(tail) - 1 || text.data[at - 1] != ']')
        return false;
    at -= sum + 1 + sizeof(tail) - 1;
    if (memcmp(text.data + at, tail, sizeof(tail) - 1) != 0)
        return false;
    for (; at > 0 && digits < most && text.data[at - 1] >= '0' &&
           text.data[at - 1] <= '9';
         at--, digits++, times *= 10)
        number += (uint64_t)(text.data[at - 1] - '0') * times;
    if (digits == 0 || at < sizeof(head) - 1 ||
        memcmp(text.data + at - (sizeof(head) - 1), head, sizeof(head) - 1) !=
            0)
        return false;
    *bytes = number;
    return true;
}

/* True for the beginning of "data:image/png;base64,", or of a URL of another
 * type; *image: its type is an image. */
static bool is_url(struct llmobs_text before, bool *image)
{
    static const char scheme[] = "data:", kind[] = "image";

    if (!strip(&before, ";base64,"))
        return false;
    for (size_t at = before.len; at-- > 0 && before.data[at] != '"';)
        if (before.len - at >= sizeof(scheme) - 1 + sizeof(kind) - 1 &&
            strncasecmp(before.data + at, scheme, sizeof(scheme) - 1) == 0) {
            *image = strncasecmp(before.data + at + sizeof(scheme) - 1, kind,
                                 sizeof(kind) - 1) == 0;
            return true;
        }
    *image = false;
    return true;
}

/* Gives the text between the last two quotes; an empty text if it is missing,
 * or longer than any name of is_member(). */
static struct llmobs_text name_of(struct llmobs_text text)
{
    size_t at = text.len;

    if (!strip(&text, "\""))
        return (struct llmobs_text){"", 0};
    for (at = text.len; at > 0 && text.data[at - 1] != '"'; at--)
        if (text.len - at > NAME_MAX_LEN)
            return (struct llmobs_text){"", 0};
    return (struct llmobs_text){text.data + at, at > 0 ? text.len - at : 0};
}

/* True for a member whose text is a picture, a sound, a file or a vector, in
 * the APIs that the dialects read. */
static bool is_member(struct llmobs_text before, bool *data)
{
    static const char *const names[] = {
        "data",      "b64_json",   "partial_image_b64",  "result",
        "bytes",     "file_data",  "bytesBase64Encoded", "imageBytes",
        "image",     "images",     "image_base64",       "image_url",
        "audio",     "audio_data", "audio_base64",       "base64",
        "embedding", "blob",       "multimodal_data"};
    struct llmobs_text name = name_of(before);

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (name.len == strlen(names[i]) &&
            strncasecmp(name.data, names[i], name.len) == 0) {
            *data = i == 0;
            return true;
        }
    return false;
}

/* Takes off what stands before a text of a list that is a member's value, or of
 * a list in which it follows a text that was left out; *follows: the latter. */
static void strip_list(struct llmobs_text *before, bool *follows)
{
    uint64_t bytes;

    strip_blanks(before);
    *follows = strip(before, ",") && (strip_blanks(before), true) &&
               strip(before, "\"") && llmobs_media_left_out(*before, &bytes);
    if (!*follows && strip(before, "["))
        strip_blanks(before);
}

size_t llmobs_media_stays(unsigned media, struct llmobs_text before)
{
    bool image, data, follows;

    if (!(media & LLMOBS_MEDIA_TOLD))
        return SIZE_MAX;
    if (is_url(before, &image))
        return image && (media & LLMOBS_MEDIA_IMAGES) ? LLMOBS_MEDIA_MAX : 0;
    if (!strip(&before, "\""))
        return SIZE_MAX;
    strip_list(&before, &follows);
    if (follows)
        return 0;
    if (!strip(&before, ":"))
        return SIZE_MAX;
    strip_blanks(&before);
    if (!is_member(before, &data))
        return SIZE_MAX;
    /* No span has a PDF or a file. */
    return data && (media & LLMOBS_MEDIA_DATA) &&
                   !memmem(before.data, before.len, "\"application", 12)
               ? LLMOBS_MEDIA_MAX
               : 0;
}
