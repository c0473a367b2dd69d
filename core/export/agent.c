/* Finds the agent's address, and asks for its endpoints. */
#include "core/export/agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/export/listener.h"
#include "lib/text/json.h"

#define UNIX "unix://"
#define NEEDED "/evp_proxy/v2"

/* The text behind "http://" or "https://"; NULL: another scheme. */
static const char *rest_of(const char *origin)
{
    if (strncasecmp(origin, "http://", 7) == 0)
        return origin + 7;
    return strncasecmp(origin, "https://", 8) == 0 ? origin + 8 : NULL;
}

/* The length without a query, a fragment, and slashes at the end. */
static size_t len_of(const char *origin)
{
    size_t len = strcspn(origin, "?#");

    while (len > 0 && origin[len - 1] == '/')
        len--;
    return len;
}

bool llmobs_endpoint_has_base(const char *origin)
{
    const char *rest = rest_of(origin);

    return rest && rest < origin + len_of(origin) &&
           memchr(rest, '/', len_of(origin) - (size_t)(rest - origin));
}

int llmobs_endpoint_init(struct llmobs_endpoint *endpoint, const char *origin,
                         const char *path)
{
    const char *rest = rest_of(origin);
    size_t len = len_of(origin);

    memset(endpoint, 0, sizeof(*endpoint));
    if (strncasecmp(origin, UNIX, strlen(UNIX)) == 0 && len > strlen(UNIX)) {
        endpoint->unix_socket = strdup(origin + strlen(UNIX));
        if (!endpoint->unix_socket ||
            asprintf(&endpoint->url, "http://localhost%s", path) < 0)
            endpoint->url = NULL;
    } else if (!rest || len <= (size_t)(rest - origin)) {
        return -EINVAL;
    } else if (asprintf(&endpoint->url, "%.*s%s", (int)len, origin, path) < 0) {
        endpoint->url = NULL;
    }
    if (endpoint->url)
        return 0;
    llmobs_endpoint_fini(endpoint);
    return -ENOMEM;
}

void llmobs_endpoint_fini(struct llmobs_endpoint *endpoint)
{
    free(endpoint->url);
    free(endpoint->unix_socket);
    memset(endpoint, 0, sizeof(*endpoint));
}

int llmobs_agent_info(struct llmobs_text body)
{
    const struct llmobs_json *list;
    struct llmobs_json *info;
    int found = 0;

    if (llmobs_json_parse(body, &info) != 0)
        return 0;
    list = llmobs_json_get(info, "endpoints");
    for (size_t i = 0; !found && i < llmobs_json_len(list); i++) {
        const char *entry = llmobs_json_text(llmobs_json_at(list, i));

        found = entry && strstr(entry, NEEDED) != NULL;
    }
    llmobs_json_free(info);
    return found;
}

int llmobs_agent_probe(struct llmobs_http *http,
                       const struct llmobs_config *config, int64_t timeout_ms,
                       const struct llmobs_tick *tick)
{
    static const char *const headers[] = {"Content-Type: application/json",
                                          NULL};
    struct llmobs_http_request request = {
        .method = "GET",
        .headers = headers,
        .local = true,
        .guard = llmobs_listener_guard(config),
        .timeout_ms = timeout_ms,
        .tick = *tick,
    };
    struct llmobs_http_reply reply;
    struct llmobs_endpoint endpoint;
    int rc = llmobs_endpoint_init(&endpoint, config->agent_url, "/info");

    if (rc)
        return rc;
    request.url = endpoint.url;
    request.unix_socket = endpoint.unix_socket;
    rc = llmobs_http_send(http, &request, &reply);
    if (rc == 0) {
        struct llmobs_text body = llmobs_buf_text(&reply.body);

        /* An agent that is there, and cannot say now. */
        rc = reply.status >= 500 || reply.status == 429 || reply.status == 408
                 ? -EBUSY
                 : reply.status >= 200 && reply.status < 300 &&
                       llmobs_agent_info(body);
    }
    llmobs_http_reply_fini(&reply);
    llmobs_endpoint_fini(&endpoint);
    return rc;
}
