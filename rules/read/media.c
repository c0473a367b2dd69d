/* Describes images, audio and files in words. */
#include "rules/read/media.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SIZE_LEN 40

/* Few words and names have this many letters of base64 in a row. */
#define PIECE_MIN 256
#define WORDS_MAX 4096

/* Appends words, which are few; leaves out words beyond the caller's cap. */
static int append(struct llmobs_buf *text, const char *words)
{
    int rc = llmobs_buf_add(text, words, strlen(words));

    return rc == -EFBIG ? 0 : rc;
}

int llmobs_media_mark(struct llmobs_buf *text, const char *what,
                      const char *detail, uint64_t bytes)
{
    const char *between = ": ";
    char size[SIZE_LEN] = "";
    int rc = append(text, text->len > 0 ? "\n[" : "[");

    if (rc == 0)
        rc = append(text, what);
    if (rc == 0 && detail && *detail) {
        rc = append(text, between);
        if (rc == 0)
            rc = append(text, detail);
        between = ", ";
    }
    if (bytes > 0)
        snprintf(size, sizeof(size), "%s%" PRIu64 " bytes", between, bytes);
    if (rc == 0)
        rc = append(text, size);
    return rc < 0 ? rc : append(text, "]");
}

int llmobs_media_url(struct llmobs_buf *text, const char *what, const char *url)
{
    const char *comma = url ? strchr(url, ',') : NULL;
    bool inline_data = url && strncasecmp(url, "data:", strlen("data:")) == 0;

    if (url && !inline_data && strstr(url, "://"))
        return llmobs_media_mark(text, what, url, 0);
    if (inline_data)
        url = comma ? comma + 1 : "";
    return llmobs_media_mark(text, what, NULL,
                             llmobs_media_base64(llmobs_text_of(url)));
}

int llmobs_media_file(struct llmobs_buf *text, const char *what,
                      const struct llmobs_json *file)
{
    const struct llmobs_json *bytes = llmobs_json_get(file, "bytes");
    int64_t size = llmobs_json_is_int(bytes) ? llmobs_json_to_int(bytes) : 0;
    int rc = 0;

    LLMOBS_JSON_EACH (one, file, rc == 0)
        rc = llmobs_media_file(text, what, one);
    return rc < 0 || !llmobs_json_is_object(file)
               ? rc
               : llmobs_media_mark(text, what, llmobs_json_gets(file, "type"),
                                   size > 0 ? (uint64_t)size : 0);
}

const char *llmobs_media_kind(const struct llmobs_json *part)
{
    static const char *const kinds[] = {"image", "audio", "video", "file"};

    if (llmobs_json_gets(part, "text"))
        return NULL;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (llmobs_json_get(part, kinds[i]))
            return kinds[i];
    return NULL;
}

uint64_t llmobs_media_base64(struct llmobs_text text)
{
    const char *comma = llmobs_text_begins(text, "data:")
                            ? memchr(text.data, ',', text.len)
                            : NULL;
    uint64_t bytes;

    if (comma)
        text = (struct llmobs_text){comma + 1,
                                    text.len - (size_t)(comma + 1 - text.data)};
    if (llmobs_media_left_out(text, &bytes))
        return bytes;
    while (text.len > 0 && text.data[text.len - 1] == '=')
        text.len--;
    return (uint64_t)text.len * 3 / 4;
}

/* How many bytes at the beginning of a text base64 may have. */
static size_t base64_span(struct llmobs_text text)
{
    static const char others[] = "+/-_=";
    size_t n = 0;

    while (n < text.len &&
           (((text.data[n] | 32) >= 'a' && (text.data[n] | 32) <= 'z') ||
            (text.data[n] >= '0' && text.data[n] <= '9') ||
            (text.data[n] && strchr(others, text.data[n]))))
        n++;
    return n;
}

/* True for the beginning of a file of a well-known kind, in base64: a picture
 * or a sound may be plain behind it, as white or silence is. */
static bool begins_file(struct llmobs_text text)
{
    static const char begins[] =
        "iVBORw0KGgo\0/9j/\0R0lGOD\0UklGR\0JVBERi0\0UEsDB\0T2dnUw\0SUQz\0"
        "Qk0\0SUkq\0TU0A\0GkXfo\0f0VMR\0H4sI\0";

    LLMOBS_WORDS_EACH (begin, begins)
        if (llmobs_text_begins(text, begin))
            return true;
    return false;
}

/* Shares of PIECE_MIN characters. Of random ones 0.41 are capitals and as many
 * small letters, and 0.64 are of another kind than the one before; words have
 * fewer capitals, and paths more signs. */
#define CHANGES_MIN (PIECE_MIN / 2)
#define CAPITALS_MIN (PIECE_MIN * 5 / 16)
#define SMALL_MIN (PIECE_MIN / 4)
#define SIGNS_MAX (PIECE_MIN / 8)

/* True where characters of base64's alphabet look random. */
static bool is_dense(const char *data)
{
    size_t changes = 0, small = 0, capitals = 0, digits = 0;
    bool beyond = false; /* hex has no letter behind "f" */
    char last = 0;

    for (size_t i = 0; i < PIECE_MIN; i++) {
        char kind = data[i] >= 'a' && data[i] <= 'z'   ? 'a'
                    : data[i] >= 'A' && data[i] <= 'Z' ? 'A'
                    : data[i] >= '0' && data[i] <= '9' ? '0'
                                                       : '+';

        small += kind == 'a';
        capitals += kind == 'A';
        digits += kind == '0';
        beyond = beyond || (kind >= 'A' && (data[i] | 32) > 'f');
        changes += kind != last;
        last = kind;
    }
    return beyond && digits > 0 && changes >= CHANGES_MIN &&
           capitals >= CAPITALS_MIN && small >= SMALL_MIN &&
           PIECE_MIN - small - capitals - digits <= SIGNS_MAX;
}

/* True for a text of base64's letters that is such, not DNA, hex or words. */
static bool is_base64(struct llmobs_text text)
{
    return text.len >= PIECE_MIN &&
           (begins_file(text) || is_dense(text.data) ||
            is_dense(text.data + (text.len - PIECE_MIN) / 2));
}

/* Where the last value of the key begins, if it is a text of base64 that goes
 * on behind the head; else 0. */
static size_t cut_at(struct llmobs_text head, const char *key)
{
    size_t len = strlen(key), at = head.len;

    while (at > 0 && head.data[at - 1] != '"')
        at--;
    if (at == 0 || base64_span((struct llmobs_text){
                       head.data + at, head.len - at}) != head.len - at)
        return 0;
    head.len = at - 1;
    while (head.len > 0 && strchr(" \t\r\n:", head.data[head.len - 1]))
        head.len--;
    if (head.len < len + 2 || head.data[head.len - 1] != '"' ||
        head.data[head.len - len - 2] != '"' ||
        memcmp(head.data + head.len - len - 1, key, len) != 0)
        return 0;
    return at;
}

/* So many bytes of base64 at the beginning of a tail belong to the text that
 * was cut; fewer bytes may belong to another text. */
#define RUN_MIN 64

uint64_t llmobs_media_cut(const struct llmobs_call *call, const char *key)
{
    struct llmobs_text tail = call->response_tail;
    size_t from = cut_at(call->response, key), rest = base64_span(tail);
    uint64_t around = from + (tail.len - rest);

    if (from == 0 || rest < RUN_MIN || rest == tail.len ||
        tail.data[rest] != '"' || call->response_size <= around)
        return 0;
    while (rest > 0 && tail.data[rest - 1] == '=') {
        rest--;
        around++;
    }
    return (call->response_size - around) * 3 / 4;
}

/* True for a data URL. A sentence may also begin with "Data:"; a URL has a
 * type, or says that it is base64, and has no blank before its comma. */
static bool is_data_url(const char *text)
{
    static const char base64[] = ";base64";
    size_t len = strcspn(text, ", \t\r\n");

    if (strncasecmp(text, "data:", strlen("data:")) != 0 || text[len] != ',')
        return false;
    return len == strlen("data:") || memchr(text, '/', len) ||
           (len >= sizeof(base64) && strncasecmp(text + len - strlen(base64),
                                                 base64, strlen(base64)) == 0);
}

/* True for an object that says that it is no text, by its type or that of its
 * bytes. */
static bool says_media(const struct llmobs_json *object)
{
    static const char types[] = "mimeType\0mime_type\0media_type\0";
    static const char kinds[] = "image\0audio\0video\0input_audio\0blob\0";
    const char *kind = llmobs_json_gets(object, "type");

    LLMOBS_WORDS_EACH (key, types) {
        const char *type = llmobs_json_gets(object, key);

        if (type && strncasecmp(type, "text/", strlen("text/")) != 0)
            return true;
    }
    return kind && llmobs_words_have(kinds, kind);
}

/* `told`: the object says that the text is media; its name may say so, too. */
static struct llmobs_json *text_words(const struct llmobs_json *value,
                                      const char *what, bool told)
{
    static const char names[] =
        "image\0images\0audio\0video\0blob\0base64\0b64_json\0"
        "image_base64\0audio_base64\0audio_data\0file_data\0"
        "bytesBase64Encoded\0imageBytes\0";
    const char *data = llmobs_json_text(value);
    struct llmobs_text text = llmobs_text_of(data);
    struct llmobs_json *words = NULL;
    struct llmobs_buf mark;
    uint64_t bytes;

    if (!is_data_url(data) && !llmobs_media_left_out(text, &bytes) &&
        (text.len < PIECE_MIN || base64_span(text) < text.len ||
         (!told && !llmobs_words_have(names, what) && !is_base64(text))))
        return llmobs_json_share((struct llmobs_json *)(uintptr_t)value);
    llmobs_buf_init(&mark, WORDS_MAX);
    if (llmobs_media_url(&mark, what, data) == 0)
        words = llmobs_json_stringn(mark.data ? mark.data : "", mark.len);
    llmobs_buf_fini(&mark);
    return words;
}

static struct llmobs_json *object_words(const struct llmobs_json *object)
{
    struct llmobs_json *out = llmobs_json_object();
    bool told = says_media(object);
    int rc = out ? 0 : -ENOMEM;

    for (void *it = llmobs_json_iter(object); rc == 0 && it;
         it = llmobs_json_next(object, it)) {
        const char *key = llmobs_json_iter_key(it);
        const struct llmobs_json *value = llmobs_json_iter_value(it);

        rc = llmobs_json_set(
            out, key,
            llmobs_json_is_string(value)
                ? text_words(value, key, told && strcmp(key, "text") != 0)
                : llmobs_media_words(value, key));
    }
    return llmobs_json_done(out, rc);
}

/* Recursion goes as deep as a parsed value may be (LLMOBS_JSON_DEPTH_MAX). */
struct llmobs_json *llmobs_media_words(const struct llmobs_json *value,
                                       const char *what)
{
    if (llmobs_json_is_string(value))
        return text_words(value, what, false);
    if (llmobs_json_is_array(value)) {
        struct llmobs_json *out = llmobs_json_array();
        int rc = out ? 0 : -ENOMEM;

        LLMOBS_JSON_EACH (one, value, rc == 0)
            rc = llmobs_json_add(out, llmobs_media_words(one, what));
        return llmobs_json_done(out, rc);
    }
    if (llmobs_json_is_object(value))
        return object_words(value);
    return llmobs_json_share((struct llmobs_json *)(uintptr_t)value);
}
