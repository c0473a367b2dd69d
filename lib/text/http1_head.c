/* Parses a header block, and computes the body's length. */
#include "lib/text/http1_head.h"

#include "lib/base/http1_first.h"
#include "lib/text/json_plain.h"

/* Takes a line off `rest`, and its end. */
static struct llmobs_text read_line(struct llmobs_text *rest)
{
    struct llmobs_text line = {rest->data, 0};

    (void)llmobs_text_split(rest, '\n', &line);
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

static bool goes_on(struct llmobs_text rest)
{
    return rest.len > 0 && (rest.data[0] == ' ' || rest.data[0] == '\t');
}

bool llmobs_http1_header_next(struct llmobs_text *rest,
                              struct llmobs_http1_header *header)
{
    while (rest->len > 0) {
        struct llmobs_text line = read_line(rest), name;
        const char *end = line.data + line.len, *colon;

        colon = line.len ? memchr(line.data, ':', line.len) : NULL;
        if (!colon)
            continue;
        name = (struct llmobs_text){line.data, (size_t)(colon - line.data)};
        header->name = llmobs_text_trim(name);
        header->odd = header->name.len != name.len || goes_on(*rest);
        while (goes_on(*rest)) {
            line = read_line(rest);
            end = line.data + line.len;
        }
        colon++;
        header->value = llmobs_text_trim(
            (struct llmobs_text){colon, (size_t)(end - colon)});
        return true;
    }
    return false;
}

/* Peers disagree on controls, and on a CR that does not end a line. */
static bool is_clear(struct llmobs_text text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c;

        i += llmobs_json_run(text.data + i, text.len - i, LLMOBS_JSON_STOP_ODD);
        c = i < text.len ? (unsigned char)text.data[i] : '\n';
        if (c == 0x7f ||
            (c < ' ' && c != '\n' && c != '\t' &&
             (c != '\r' || i + 1 == text.len || text.data[i + 1] != '\n')))
            return false;
    }
    return true;
}

bool llmobs_http1_head_request(struct llmobs_text text,
                               struct llmobs_http1_head *head)
{
    static const char version[] = " HTTP/1.";
    const size_t len = sizeof(version) - 1;
    struct llmobs_text line;

    *head = (struct llmobs_http1_head){.headers = text};
    line = read_line(&head->headers);
    if (!is_clear(line) ||
        llmobs_http1_first(line.data, line.len) != LLMOBS_HTTP1_FIRST_HTTP)
        return false;
    /* "EHLO host" begins as a request does. */
    if (line.len < len + 1)
        return false;
    line.len -= len + 1;
    if (memcmp(line.data + line.len, version, len) != 0 ||
        !llmobs_is_digit(line.data[line.len + len]))
        return false;
    head->minor = (unsigned)(line.data[line.len + len] - '0');
    (void)llmobs_text_split(&line, ' ', &head->method);
    head->target = line;
    return head->target.len > 0;
}

bool llmobs_http1_head_answer(struct llmobs_text text,
                              struct llmobs_http1_head *head)
{
    static const char version[] = "HTTP/1.";
    struct llmobs_text line;
    const char *at;

    *head = (struct llmobs_http1_head){.headers = text};
    line = read_line(&head->headers);
    if (line.len < sizeof("HTTP/1.1 200") - 1 ||
        memcmp(line.data, version, sizeof(version) - 1) != 0)
        return false;
    at = line.data + sizeof(version) - 1;
    if (!llmobs_is_digit(at[0]) || at[1] != ' ')
        return false;
    head->minor = (unsigned)(at[0] - '0');
    for (at += 2; at < line.data + sizeof("HTTP/1.1 200") - 1; at++) {
        if (!llmobs_is_digit(*at))
            return false;
        head->status = head->status * 10 + (unsigned)(*at - '0');
    }
    return head->status >= 100 && (at == line.data + line.len || at[0] == ' ');
}

bool llmobs_http1_head_framing(struct llmobs_http1_head *head,
                               enum llmobs_http1_framing otherwise)
{
    /* The last coding is chunked; one is not known here; there is a length. */
    bool chunked = false, coded = false, sized = false;
    struct llmobs_text rest = head->headers, coding;
    struct llmobs_http1_header header;

    if (!is_clear(rest))
        return false;
    while (llmobs_http1_header_next(&rest, &header)) {
        struct llmobs_text name = header.name, value = header.value;

        if (llmobs_text_is_word(name, "transfer-encoding")) {
            if (header.odd || value.len == 0)
                return false;
            /* The last coding must be chunked, and only the last one. */
            while (llmobs_text_next(&value, &coding)) {
                if (chunked)
                    return false;
                chunked = llmobs_text_is_word(coding, "chunked");
                coded |= !chunked && !llmobs_text_is_word(coding, "identity");
            }
        } else if (llmobs_text_is_word(name, "content-length")) {
            uint64_t length = 0;

            for (size_t i = 0; i < value.len; i++) {
                if (!llmobs_is_digit(value.data[i]) ||
                    length > INT64_MAX / 10 - 1)
                    return false;
                length = length * 10 + (uint64_t)(value.data[i] - '0');
            }
            if (header.odd || value.len == 0 ||
                (sized && length != head->length))
                return false;
            sized = true;
            head->length = length;
        } else if (llmobs_text_is_word(name, "host") && head->host.len == 0) {
            head->host = value;
        } else if (llmobs_text_is_word(name, "expect")) {
            head->expects = llmobs_text_is_word(value, "100-continue");
        } else if (llmobs_text_is_word(name, "upgrade")) {
            head->upgrades = llmobs_text_is_word(value, "websocket");
            head->switches = true;
        }
    }
    if (coded && !chunked)
        return false;
    head->framing = chunked ? LLMOBS_HTTP1_CHUNKED
                    : sized ? LLMOBS_HTTP1_LENGTH
                            : otherwise;
    if (head->framing != LLMOBS_HTTP1_LENGTH)
        head->length = 0;
    return true;
}
