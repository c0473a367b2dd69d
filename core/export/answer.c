#include "core/export/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/export/fields.h"
#include "core/export/letters.h"
#include "lib/span/mask.h"
#include "lib/text/json.h"
#include "lib/text/json_clean.h"

/* How much of the receiver's words is read. */
#define WORDS_MAX ((size_t)4096)

/* -- protobuf -------------------------------------------------------------- */

/* A field: its number, and its value by its wire type. */
struct field {
    uint64_t number;
    enum llmobs_otlp_wire wire;
    uint64_t value;           /* WIRE_VARINT */
    struct llmobs_text bytes; /* WIRE_BYTES */
};

static bool read_varint(struct llmobs_text *in, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 70 && in->len; shift += 7) {
        unsigned char byte = (unsigned char)*in->data++;

        in->len--;
        *out |= shift < 64 ? (uint64_t)(byte & 0x7F) << shift : 0;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static bool read_bytes(struct llmobs_text *in, uint64_t len,
                       struct llmobs_text *out)
{
    if (len > in->len)
        return false;
    *out = (struct llmobs_text){in->data, (size_t)len};
    in->data += len;
    in->len -= (size_t)len;
    return true;
}

/* 1: a field; 0: the end of the message; -EINVAL: it is cut, or not a message.
 */
static int read_field(struct llmobs_text *in, struct field *out)
{
    uint64_t tag, len;
    bool there;

    if (in->len == 0)
        return 0;
    if (!read_varint(in, &tag) || tag >> 3 == 0)
        return -EINVAL;
    out->number = tag >> 3;
    out->wire = (enum llmobs_otlp_wire)(tag & 7);
    switch (out->wire) {
    case WIRE_VARINT:
        there = read_varint(in, &out->value);
        break;
    case WIRE_BYTES:
        there = read_varint(in, &len) && read_bytes(in, len, &out->bytes);
        break;
    case WIRE_FIXED64:
        there = read_bytes(in, 8, &out->bytes);
        break;
    case WIRE_FIXED32:
        there = read_bytes(in, 4, &out->bytes);
        break;
    default:
        return -EINVAL;
    }
    return there ? 1 : -EINVAL;
}

/* Finds the last field with the number and type. */
static int find_field(struct llmobs_text in, uint64_t number,
                      enum llmobs_otlp_wire wire, struct field *out)
{
    struct field field;
    int rc;

    while ((rc = read_field(&in, &field)) > 0)
        if (field.number == number && field.wire == wire)
            *out = field;
    return rc;
}

/* -- the words ------------------------------------------------------------- */

/* Sets a line without secrets; empty when memory runs out. Masking looks at
 * bytes and may cut a character, so the text is made UTF-8 last. */
static void set_words(struct llmobs_otlp_answer *answer,
                      struct llmobs_text words)
{
    struct llmobs_buf line, masked, clean;
    size_t len;

    llmobs_buf_init(&line, WORDS_MAX);
    llmobs_buf_init(&masked, 4 * WORDS_MAX);
    llmobs_buf_init(&clean, 16 * WORDS_MAX);
    if (words.len > WORDS_MAX)
        words.len = WORDS_MAX;
    if (words.len && llmobs_buf_add(&line, words.data, words.len) == 0) {
        for (size_t i = 0; i < line.len; i++)
            if ((unsigned char)line.data[i] < ' ' || line.data[i] == 0x7F)
                line.data[i] = ' ';
        if (llmobs_mask_text(line.data, &masked) == 0)
            (void)llmobs_letters_add(&clean, LLMOBS_QUOTED_NOT,
                                     llmobs_buf_text(&masked));
    }
    len = clean.len;
    if (len >= sizeof(answer->message))
        len = llmobs_utf8_fit(clean.data, sizeof(answer->message) - 1);
    if (len)
        memcpy(answer->message, clean.data, len);
    answer->message[len] = '\0';
    llmobs_buf_fini(&line);
    llmobs_buf_fini(&masked);
    llmobs_buf_fini(&clean);
}

static void set_rejected(struct llmobs_otlp_answer *answer, int64_t rejected)
{
    answer->rejected = rejected > 0 ? rejected : 0;
}

/* -- the answers ----------------------------------------------------------- */

/* A number, or its decimal text; 0 for any other value. */
static int64_t integer_of(const struct llmobs_json *json)
{
    const char *text = llmobs_json_text(json);

    return text ? strtoll(text, NULL, 10) : llmobs_json_to_int(json);
}

int llmobs_otlp_read_answer(struct llmobs_text body, bool json,
                            struct llmobs_otlp_answer *answer)
{
    struct llmobs_json *value;
    int rc;

    memset(answer, 0, sizeof(*answer));
    if (!json || body.len == 0) {
        /* Export...ServiceResponse has the field partial_success = 1, which has
         * rejected_... = 1 and error_message = 2. */
        struct field partial = {0}, rejected = {0}, words = {0};
        int inner;

        rc = find_field(body, 1, WIRE_BYTES, &partial);
        inner = find_field(partial.bytes, 1, WIRE_VARINT, &rejected);
        (void)find_field(partial.bytes, 2, WIRE_BYTES, &words);
        set_rejected(answer, (int64_t)rejected.value);
        set_words(answer, words.bytes);
        return rc ? rc : inner;
    }
    rc = llmobs_json_parse(body, &value);
    if (rc == 0) {
        static const char *const names[] = {
            "rejectedSpans", "rejectedDataPoints", "rejectedLogRecords"};
        const struct llmobs_json *partial =
            llmobs_json_get(value, "partialSuccess");
        const char *words = llmobs_json_gets(partial, "errorMessage");

        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
            const struct llmobs_json *rejected =
                llmobs_json_get(partial, names[i]);

            if (rejected)
                set_rejected(answer, integer_of(rejected));
        }
        set_words(answer, llmobs_text_of(words));
        rc = llmobs_json_is_object(value) ? 0 : -EINVAL;
    }
    llmobs_json_free(value);
    return rc ? -EINVAL : 0;
}

/* google.rpc.Status has the field message = 2. */
int llmobs_otlp_read_refusal(struct llmobs_text body, bool json,
                             struct llmobs_otlp_answer *answer)
{
    struct field words = {0};
    struct llmobs_json *value;
    const char *text;
    int rc;

    memset(answer, 0, sizeof(*answer));
    if (!json) {
        rc = find_field(body, 2, WIRE_BYTES, &words);
        if (rc == 0)
            set_words(answer, words.bytes);
        return rc;
    }
    rc = llmobs_json_parse(body, &value);
    text = rc ? NULL : llmobs_json_gets(value, "message");
    set_words(answer, llmobs_text_of(text));
    llmobs_json_free(value);
    return text ? 0 : -EINVAL;
}
