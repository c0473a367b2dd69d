/* Prints JSON, in which control characters are escaped. */
#include "cli/shared/json_out.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/shared/escape.h"

#define REPLACEMENT 0xFFFD /* in place of bytes that are no character */

/* The length of the part that may be written as it is. */
static size_t plain(struct llmobs_text json)
{
    size_t at = 0;

    while (at < json.len && json.data[at] >= 0x20 && json.data[at] < 0x7F)
        at++;
    return at;
}

static int add_code(struct llmobs_buf *out, uint32_t code)
{
    if (code < 0x10000)
        return llmobs_buf_addf(out, "\\u%04x", (unsigned)code);
    code -= 0x10000;
    return llmobs_buf_addf(out, "\\u%04x\\u%04x",
                           (unsigned)(0xD800 + (code >> 10)),
                           (unsigned)(0xDC00 + (code & 0x3FF)));
}

int llmobs_json_out_add(struct llmobs_buf *out, struct llmobs_text json)
{
    /* Within a string, and behind a backslash there that begins an escape. */
    bool inside = false, escaped = false;
    struct llmobs_escape_piece piece;
    uint32_t code;
    int rc = 0;

    while (rc == 0 && json.len > 0) {
        size_t used = plain(json);

        rc = llmobs_buf_add(out, json.data, used);
        for (size_t i = 0; i < used; i++) {
            bool quote = json.data[i] == '"' && !escaped;

            escaped = inside && json.data[i] == '\\' && !escaped;
            inside ^= quote;
        }
        json.data += used;
        json.len -= used;
        if (rc != 0 || json.len == 0)
            break;
        /* The first character is not plain now. Outside strings it is white
         * space or a byte order mark: adds a blank. */
        used = llmobs_escape_next(json, &piece);
        code = (unsigned char)*json.data;
        if (!inside)
            rc = llmobs_buf_addc(out, ' ');
        else if (code < 0x20 || code == 0x7F)
            rc = add_code(out, code);
        else if (piece.data != piece.escape)
            rc = llmobs_buf_add(out, piece.data, piece.len);
        else
            rc = add_code(out, sscanf(piece.escape, "\\u{%x}", &code) == 1
                                   ? code
                                   : REPLACEMENT);
        escaped = false;
        json.data += used;
        json.len -= used;
    }
    return rc;
}

int llmobs_json_out_print(struct llmobs_text json)
{
    struct llmobs_buf text;
    int rc = 0;

    llmobs_buf_init(&text, SIZE_MAX / 2);
    if (plain(json) < json.len) {
        rc = llmobs_json_out_add(&text, json);
        json = (struct llmobs_text){text.data, text.len};
    }
    if (rc == 0) {
        fwrite(json.data, 1, json.len, stdout);
        putchar('\n');
    }
    llmobs_buf_fini(&text);
    return rc == 0 && ferror(stdout) ? -EPIPE : rc;
}

int llmobs_json_out_value(const struct llmobs_json *value)
{
    struct llmobs_buf text;
    int rc;

    llmobs_buf_init(&text, SIZE_MAX / 2);
    rc = llmobs_json_dump(value, LLMOBS_JSON_KEEP_ORDER, &text);
    if (rc == 0)
        rc = llmobs_json_out_print((struct llmobs_text){text.data, text.len});
    llmobs_buf_fini(&text);
    return rc;
}
