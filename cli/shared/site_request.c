/* Parses a request of HTTP/1.1 piece by piece, within bounds. */
#include "cli/shared/site_request.h"

#include <stdlib.h>
#include <string.h>

/* So many bytes that were read are dropped at once. */
#define DROP_FROM ((size_t)64 * 1024)
/* Digits of a length: more would be beyond the longest body. */
#define DIGITS_MAX 15

void llmobs_site_request_init(struct llmobs_site_request *http, size_t body_max)
{
    memset(http, 0, sizeof(*http));
    http->body_max = body_max;
    llmobs_buf_init(&http->in, body_max + 2 * LLMOBS_SITE_HEAD_MAX);
    llmobs_buf_init(&http->body, body_max);
}

static void forget(struct llmobs_site_request *http)
{
    free(http->method);
    free(http->target);
    free(http->coding);
    free(http->host);
    free(http->origin);
    http->method = http->target = http->coding = NULL;
    http->host = http->origin = NULL;
    http->has_length = http->chunked = http->old = http->expects = false;
    http->left = 0;
    http->trailer = 0;
    http->part = LLMOBS_SITE_HEAD;
}

void llmobs_site_request_fini(struct llmobs_site_request *http)
{
    forget(http);
    llmobs_buf_fini(&http->in);
    llmobs_buf_fini(&http->body);
}

/* -- bytes ---------------------------------------------------------------- */

static struct llmobs_text rest(const struct llmobs_site_request *http)
{
    if (!http->in.data)
        return (struct llmobs_text){"", 0};
    return (struct llmobs_text){http->in.data + http->at,
                                http->in.len - http->at};
}

static void drop_read(struct llmobs_site_request *http)
{
    struct llmobs_text left = rest(http);

    if (http->at == 0 || (left.len > 0 && http->at < DROP_FROM))
        return;
    memmove(http->in.data, left.data, left.len);
    llmobs_buf_cut(&http->in, left.len);
    http->at = 0;
}

int llmobs_site_request_add(struct llmobs_site_request *http, const void *data,
                            size_t len)
{
    drop_read(http);
    return llmobs_buf_add(&http->in, data, len) == 0 ? 0 : 413;
}

bool llmobs_site_request_is_begun(const struct llmobs_site_request *http)
{
    return http->part != LLMOBS_SITE_HEAD || rest(http).len > 0;
}

void llmobs_site_request_next(struct llmobs_site_request *http)
{
    forget(http);
    llmobs_buf_fini(&http->body);
    llmobs_buf_init(&http->body, http->body_max);
    drop_read(http);
}

/* Takes a line without its end; false: the line's end has not come. */
static bool parse_line(struct llmobs_site_request *http,
                       struct llmobs_text *line)
{
    struct llmobs_text text = rest(http);
    const char *end = memchr(text.data, '\n', text.len);

    if (!end)
        return false;
    *line = (struct llmobs_text){text.data, (size_t)(end - text.data)};
    http->at += line->len + 1;
    if (line->len > 0 && line->data[line->len - 1] == '\r')
        line->len--;
    return true;
}

/* -- the head ------------------------------------------------------------- */

/* A character of a token: RFC 9110, 5.6.2. */
static bool is_token(struct llmobs_text text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      (c >= '0' && c <= '9');

        if (!letter && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return text.len > 0;
}

static bool is_clean(struct llmobs_text text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] < ' ' && text.data[i] != '\t')
            return false;
    return true;
}

/* True where a word is in a list between commas. */
static bool lists(struct llmobs_text text, const char *word)
{
    struct llmobs_text part;

    while (llmobs_text_next(&text, &part))
        if (llmobs_text_is_word(part, word))
            return true;
    return false;
}

/* Gives the path of a target, even if it is absolute, as a proxy gets it. */
static struct llmobs_text path_of(struct llmobs_text target)
{
    const char *end = target.data + target.len;
    const char *host = memmem(target.data, target.len, "://", 3);

    if (target.len > 0 && *target.data == '/')
        return target;
    if (!host)
        return (struct llmobs_text){"", 0};
    host = memchr(host + 3, '/', (size_t)(end - host - 3));
    if (!host)
        return (struct llmobs_text){"/", 1};
    return (struct llmobs_text){host, (size_t)(end - host)};
}

/* Reads "METHOD target HTTP/1.x". */
static int read_first(struct llmobs_site_request *http, struct llmobs_text line)
{
    const char *one = memchr(line.data, ' ', line.len);
    const char *two = memrchr(line.data, ' ', line.len);
    struct llmobs_text method, target, version;

    if (!one || two == one)
        return 400;
    method = (struct llmobs_text){line.data, (size_t)(one - line.data)};
    target = (struct llmobs_text){one + 1, (size_t)(two - one - 1)};
    version =
        (struct llmobs_text){two + 1, (size_t)(line.data + line.len - two - 1)};
    if (!is_token(method) || memchr(target.data, ' ', target.len))
        return 400;
    target = path_of(target);
    if (target.len == 0)
        return 400;
    http->old = llmobs_text_is_word(version, "HTTP/1.0");
    if (!http->old && !llmobs_text_is_word(version, "HTTP/1.1"))
        return 505;
    http->keep_alive = !http->old;
    http->method = strndup(method.data, method.len);
    http->target = strndup(target.data, target.len);
    return http->method && http->target ? 0 : 500;
}

/* Keeps the first value of a header; a second one is refused where it is not
 * `listed`: RFC 9112, 3.2, and RFC 6454, 7.3. */
static int keep(char **to, struct llmobs_text value, bool listed)
{
    if (*to)
        return listed ? 0 : 400;
    *to = strndup(value.data, value.len);
    return *to ? 0 : 500;
}

static int read_header(struct llmobs_site_request *http,
                       struct llmobs_text line)
{
    const char *colon = memchr(line.data, ':', line.len);
    struct llmobs_text name, value;

    if (!colon || !is_clean(line))
        return 400;
    name = (struct llmobs_text){line.data, (size_t)(colon - line.data)};
    value = llmobs_text_trim(
        (struct llmobs_text){colon + 1, line.len - name.len - 1});
    if (!is_token(name))
        return 400;
    if (llmobs_text_is_word(name, "content-length")) {
        uint64_t length = 0;

        if (http->has_length || value.len == 0)
            return 400;
        for (size_t i = 0; i < value.len; i++) {
            if (value.data[i] < '0' || value.data[i] > '9')
                return 400;
            if (i >= DIGITS_MAX)
                return 413;
            length = length * 10 + (uint64_t)(value.data[i] - '0');
        }
        http->has_length = true;
        http->left = length;
        return length > http->body_max ? 413 : 0;
    }
    if (llmobs_text_is_word(name, "transfer-encoding")) {
        if (http->chunked)
            return 400;
        http->chunked = llmobs_text_is_word(value, "chunked");
        return http->chunked ? 0 : 501;
    }
    if (llmobs_text_is_word(name, "connection") && lists(value, "close"))
        http->keep_alive = false;
    else if (llmobs_text_is_word(name, "connection") &&
             lists(value, "keep-alive"))
        http->keep_alive = true;
    else if (llmobs_text_is_word(name, "expect") &&
             llmobs_text_is_word(value, "100-continue"))
        http->expects = !http->old;
    else if (llmobs_text_is_word(name, "content-encoding"))
        return keep(&http->coding, value, true);
    else if (llmobs_text_is_word(name, "host"))
        return keep(&http->host, value, false);
    else if (llmobs_text_is_word(name, "origin"))
        return keep(&http->origin, value, false);
    return 0;
}

/* True where the whole head is there: an empty line follows it. */
static bool has_head(struct llmobs_text text)
{
    for (const char *at = text.data, *end = text.data + text.len;
         (at = memchr(at, '\n', (size_t)(end - at))); at++)
        if (end - at > 1 &&
            (at[1] == '\n' || (end - at > 2 && at[1] == '\r' && at[2] == '\n')))
            return true;
    return false;
}

static int read_head(struct llmobs_site_request *http)
{
    struct llmobs_text text = rest(http), line;
    int status = 0;

    /* Line ends before a request do not belong to it: RFC 9112, 2.2. */
    while (text.len > 0 && (*text.data == '\r' || *text.data == '\n')) {
        text.data++;
        text.len--;
        http->at++;
    }
    text = rest(http);
    if (text.len > LLMOBS_SITE_HEAD_MAX)
        text.len = LLMOBS_SITE_HEAD_MAX;
    if (!has_head(text))
        return text.len == LLMOBS_SITE_HEAD_MAX ? 431 : 0;
    if (parse_line(http, &line))
        status = read_first(http, line);
    while (status == 0 && parse_line(http, &line) && line.len > 0)
        status = read_header(http, line);
    if (status == 0 && http->chunked && (http->has_length || http->old))
        status = 400;
    if (status == 0)
        http->part = http->chunked ? LLMOBS_SITE_CHUNK_SIZE : LLMOBS_SITE_BODY;
    return status;
}

/* -- the body ------------------------------------------------------------- */

/* Takes the bytes of a body or chunk that have come; true: it is complete. */
static bool parse_bytes(struct llmobs_site_request *http, int *status)
{
    struct llmobs_text text = rest(http);

    if (text.len > http->left)
        text.len = (size_t)http->left;
    if (llmobs_buf_add(&http->body, text.data, text.len) != 0)
        *status = 413;
    http->at += text.len;
    http->left -= text.len;
    return http->left == 0;
}

/* Reads the lines between the bytes of chunks. `more`: another step follows. */
static int read_line(struct llmobs_site_request *http, bool *more)
{
    struct llmobs_text line;

    *more = parse_line(http, &line);
    if (!*more)
        return rest(http).len > LLMOBS_SITE_HEAD_MAX ? 400 : 0;
    if (http->part == LLMOBS_SITE_CHUNK_SIZE) {
        /* Reads "1a; extension". */
        const char *semicolon = memchr(line.data, ';', line.len);
        uint64_t size = 0;

        if (semicolon)
            line.len = (size_t)(semicolon - line.data);
        line = llmobs_text_trim(line);
        if (line.len == 0 || line.len > DIGITS_MAX)
            return 400;
        for (size_t i = 0; i < line.len; i++) {
            int digit = llmobs_text_hex(line.data[i]);

            if (digit < 0)
                return 400;
            size = size * 16 + (uint64_t)digit;
        }
        if (size > http->body_max - http->body.len)
            return 413;
        http->left = size;
        http->part = size > 0 ? LLMOBS_SITE_CHUNK : LLMOBS_SITE_TRAILER;
        return 0;
    }
    if (http->part == LLMOBS_SITE_CHUNK_END) {
        http->part = LLMOBS_SITE_CHUNK_SIZE;
        return line.len == 0 ? 0 : 400;
    }
    http->trailer += line.len;
    if (line.len == 0)
        http->part = LLMOBS_SITE_WHOLE;
    return http->trailer > LLMOBS_SITE_HEAD_MAX ? 431 : 0;
}

static int read_step(struct llmobs_site_request *http, bool *more)
{
    enum llmobs_site_part part = http->part;
    int status = 0;

    switch (part) {
    case LLMOBS_SITE_HEAD:
        status = read_head(http);
        *more = http->part != part;
        return status;
    case LLMOBS_SITE_BODY:
        if ((*more = parse_bytes(http, &status)))
            http->part = LLMOBS_SITE_WHOLE;
        return status;
    case LLMOBS_SITE_CHUNK:
        if ((*more = parse_bytes(http, &status)))
            http->part = LLMOBS_SITE_CHUNK_END;
        return status;
    default:
        return read_line(http, more);
    }
}

int llmobs_site_request_read(struct llmobs_site_request *http)
{
    bool more = true;
    int status = 0;

    while (more && status == 0 && http->part != LLMOBS_SITE_WHOLE)
        status = read_step(http, &more);
    return status;
}
