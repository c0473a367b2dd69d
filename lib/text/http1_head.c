#include "lib/text/http1_head.h"

#include "lib/base/http1_first.h"

/* The headers that say how long the body is. */
struct framed {
    bool chunked; /* the last coding is chunked */
    bool coded;   /* there is a coding that is not known here */
    bool sized;
};

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

/* Takes " HTTP/1.x" off the end of a line. */
static bool read_version(struct llmobs_text *line, unsigned *minor)
{
    static const char version[] = " HTTP/1.";
    size_t len = sizeof(version) - 1;
    const char *at;

    if (line->len < len + 1)
        return false;
    at = line->data + line->len - len - 1;
    if (memcmp(at, version, len) != 0 || !llmobs_is_digit(at[len]))
        return false;
    *minor = (unsigned)(at[len] - '0');
    line->len -= len + 1;
    return true;
}

/* Peers disagree on controls, and on a CR that does not end a line. */
static bool is_clear(struct llmobs_text text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c == '\r' ? i + 1 == text.len || text.data[i + 1] != '\n'
                      : (c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

bool llmobs_http1_head_request(struct llmobs_text text,
                               struct llmobs_http1_head *head)
{
    struct llmobs_text line;

    *head = (struct llmobs_http1_head){.headers = text};
    line = read_line(&head->headers);
    if (!is_clear(line) ||
        llmobs_http1_first(line.data, line.len) != LLMOBS_HTTP1_FIRST_HTTP)
        return false;
    /* "EHLO host" begins as a request does. */
    if (!read_version(&line, &head->minor))
        return false;
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

/* The last coding must be chunked, and only the last one. */
static bool read_codings(struct llmobs_text list, struct framed *framed)
{
    struct llmobs_text coding;

    if (list.len == 0)
        return false;
    while (llmobs_text_next(&list, &coding)) {
        if (framed->chunked)
            return false;
        if (llmobs_text_is_word(coding, "chunked"))
            framed->chunked = true;
        else if (!llmobs_text_is_word(coding, "identity"))
            framed->coded = true;
    }
    return true;
}

static bool read_length(struct llmobs_text value,
                        struct llmobs_http1_head *head, struct framed *framed)
{
    uint64_t length = 0;

    for (size_t i = 0; i < value.len; i++) {
        if (!llmobs_is_digit(value.data[i]) || length > INT64_MAX / 10 - 1)
            return false;
        length = length * 10 + (uint64_t)(value.data[i] - '0');
    }
    if (value.len == 0 || (framed->sized && length != head->length))
        return false;
    framed->sized = true;
    head->length = length;
    return true;
}

static bool read_header(const struct llmobs_http1_header *header,
                        struct llmobs_http1_head *head, struct framed *framed)
{
    if (llmobs_text_is_word(header->name, "transfer-encoding"))
        return !header->odd && read_codings(header->value, framed);
    if (llmobs_text_is_word(header->name, "content-length"))
        return !header->odd && read_length(header->value, head, framed);
    if (llmobs_text_is_word(header->name, "host") && head->host.len == 0)
        head->host = header->value;
    if (llmobs_text_is_word(header->name, "expect"))
        head->expects = llmobs_text_is_word(header->value, "100-continue");
    if (llmobs_text_is_word(header->name, "upgrade"))
        head->upgrades = llmobs_text_is_word(header->value, "websocket");
    return true;
}

bool llmobs_http1_head_framing(struct llmobs_http1_head *head,
                               enum llmobs_http1_framing otherwise)
{
    struct framed framed = {.chunked = false};
    struct llmobs_text rest = head->headers;
    struct llmobs_http1_header header;

    if (!is_clear(rest))
        return false;
    while (llmobs_http1_header_next(&rest, &header)) {
        if (!read_header(&header, head, &framed))
            return false;
    }
    if (framed.coded && !framed.chunked)
        return false;
    head->framing = framed.chunked ? LLMOBS_HTTP1_CHUNKED
                    : framed.sized ? LLMOBS_HTTP1_LENGTH
                                   : otherwise;
    if (head->framing != LLMOBS_HTTP1_LENGTH)
        head->length = 0;
    return true;
}
