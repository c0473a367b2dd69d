#include "core/capture/wire_head.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

static const char *scheme_of(bool plain)
{
    return plain ? "http://" : "https://";
}

/* Bytes for all lines, each a node and a text; `count`: of lines. */
static size_t size_of_lines(struct llmobs_text rest, size_t *count)
{
    struct llmobs_http1_header header;
    size_t size = 0;

    for (*count = 0; llmobs_http1_header_next(&rest, &header); ++*count)
        size += sizeof(struct curl_slist) + header.name.len + header.value.len +
                sizeof(": ");
    return size;
}

static char *put(char *at, const void *data, size_t len)
{
    memcpy(at, data, len);
    return at + len;
}

static char *put_lines(struct llmobs_wire_head *to, size_t count,
                       struct llmobs_text rest)
{
    struct curl_slist *node = (struct curl_slist *)(to + 1);
    char *at = (char *)(node + count);
    struct llmobs_http1_header header;

    to->lines = count > 0 ? node : NULL;
    for (; llmobs_http1_header_next(&rest, &header); node++) {
        node->data = at;
        node->next = --count > 0 ? node + 1 : NULL;
        at = put(at, header.name.data, header.name.len);
        at = put(at, ": ", 2);
        at = put(at, header.value.data, header.value.len);
        *at++ = '\0';
    }
    return at;
}

/* A target is a path, or by HTTP/1.1 an absolute URL. */
static char *put_url(char *at, struct llmobs_text target,
                     struct llmobs_text host, const char *scheme)
{
    if (target.data[0] == '/') {
        at = put(at, scheme, strlen(scheme));
        at = put(at, host.data, host.len);
    }
    at = put(at, target.data, target.len);
    *at++ = '\0';
    return at;
}

struct llmobs_wire_head *llmobs_wire_head_new(
    const struct llmobs_http1_head *head, const char *host, bool plain)
{
    struct llmobs_text name = head->host;
    struct llmobs_wire_head *to;
    size_t count, size;

    if (name.len == 0 && host)
        name = (struct llmobs_text){host, strlen(host)};
    if (head->target.len == 0 || head->target.data[0] == '*' ||
        (head->target.data[0] == '/' && name.len == 0))
        return NULL;
    size = sizeof(*to) + size_of_lines(head->headers, &count) +
           strlen(scheme_of(plain)) + name.len + head->target.len +
           head->method.len + 2;
    to = malloc(size);
    if (!to)
        return NULL;
    to->size = size;
    to->began_ns = llmobs_clock_mono_ns();
    to->method = put_lines(to, count, head->headers);
    to->url = put(to->method, head->method.data, head->method.len) + 1;
    to->url[-1] = '\0';
    (void)put_url(to->url, head->target, name, scheme_of(plain));
    return to;
}

void llmobs_wire_head_free(struct llmobs_wire_head *head)
{
    if (head)
        explicit_bzero(head, head->size);
    free(head);
}
