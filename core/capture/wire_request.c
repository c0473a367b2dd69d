/* Copies a request's header block until the request is judged. */
#include "core/capture/wire_request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

static char *append(char *at, struct llmobs_text text)
{
    memcpy(at, text.data, text.len);
    return at + text.len;
}

/* A target is a path, or by HTTP/1.1 an absolute URL. */
int llmobs_wire_request_copy(const struct llmobs_http1_head *head,
                             const char *host, bool plain, const char *port,
                             struct llmobs_wire_request **copy)
{
    struct llmobs_text name = head->host, rest = head->headers;
    struct llmobs_text target = head->target;
    struct llmobs_http1_header header;
    struct llmobs_wire_request *to;
    struct curl_slist *node;
    const char *digits; /* behind the address of IPv6, or the name */
    size_t count = 0, size;
    char *at;

    if (name.len == 0 && host)
        name = llmobs_text_of(host);
    if (target.len == 0 || target.data[0] == '*' ||
        (target.data[0] == '/' && name.len == 0))
        return -EINVAL;
    while (llmobs_http1_header_next(&rest, &header))
        count++;
    size = sizeof(*to) + count * (sizeof(*node) + 2) + head->headers.len +
           sizeof("https://") + name.len + strlen(port) + target.len +
           head->method.len + 2;
    to = *copy = calloc(1, size);
    if (!to)
        return -ENOMEM;
    node = (struct curl_slist *)(to + 1);
    at = (char *)(node + count);
    *to = (struct llmobs_wire_request){.size = size,
                                       .began_ns = llmobs_clock_mono_ns(),
                                       .method = at,
                                       .lines = count > 0 ? node : NULL};
    at = append(at, head->method) + 1;
    to->url = at;
    if (target.data[0] == '/') {
        at = append(at, llmobs_text_of(plain ? "http://" : "https://"));
        digits = memrchr(name.data, ']', name.len);
        digits = memchr(digits ? digits : name.data, ':',
                        name.len - (digits ? (size_t)(digits - name.data) : 0));
        at = append(at, name);
        at = append(at, llmobs_text_of(digits ? "" : port));
    }
    at = append(at, target) + 1;
    rest = head->headers;
    for (; llmobs_http1_header_next(&rest, &header); node++) {
        *node = (struct curl_slist){at, --count > 0 ? node + 1 : NULL};
        at = append(append(at, header.name), llmobs_text_of(": "));
        at = append(at, header.value) + 1;
    }
    return 0;
}

void llmobs_wire_request_free(struct llmobs_wire_request *request)
{
    if (request)
        explicit_bzero(request, request->size);
    free(request);
}
