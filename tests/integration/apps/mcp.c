/* A client of the Model Context Protocol. Each line of stdin is a message: the
 * protocol's version, method, name and body with tabs between them. Prints all
 * that the server says.
 *
 *   mcp URL
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <curl/curl.h>

#define LIMIT 20
#define ROOM 65536
#define LINE 512

struct text {
    char data[ROOM];
    size_t len;
};

/* One version's session with the server. */
struct client {
    char version[LINE], where[LINE], session[LINE];
    const char *url;
    CURLM *multi;
    CURL *easy, *stream; /* stream: goes on beside the messages, or NULL */
    struct curl_slist *stream_fields;
    struct text answer, heard;
    int stream_ended; /* -1: not yet, else its result */
    int events, count;
    bool easy_ended;
};

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
    struct text *text = arg;

    if (text->len + size * n >= ROOM)
        return 0;
    memcpy(text->data + text->len, data, size * n);
    text->len += size * n;
    text->data[text->len] = '\0';
    return size * n;
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
    static const char name[] = "mcp-session-id: ";
    struct client *c = arg;

    if (n > strlen(name) && strncasecmp(line, name, strlen(name)) == 0)
        snprintf(c->session, sizeof(c->session), "%.*s",
                 (int)strcspn(line + strlen(name), "\r\n"),
                 line + strlen(name));
    return size * n;
}

static void drive(struct client *c)
{
    CURLMsg *message;
    int running, left;

    curl_multi_wait(c->multi, NULL, 0, 100, NULL);
    curl_multi_perform(c->multi, &running);
    while ((message = curl_multi_info_read(c->multi, &left)) != NULL) {
        c->easy_ended = c->easy_ended || message->easy_handle == c->easy;
        if (message->easy_handle == c->stream)
            c->stream_ended = (int)message->data.result;
    }
}

static int count_events(const struct text *text)
{
    int count = 0;

    for (const char *at = text->data; (at = strchr(at, '\n')) != NULL; at++)
        count += at[1] == '\n' || (at[1] == '\r' && at[2] == '\n');
    return count;
}

/* Until the stream has so many events, or has ended. */
static void await(struct client *c, int events)
{
    time_t until = time(NULL) + LIMIT;

    while (c->stream_ended < 0 && count_events(&c->heard) < events) {
        if (time(NULL) > until) {
            puts("no event came");
            exit(1);
        }
        drive(c);
    }
}

static struct curl_slist *field(struct curl_slist *list, const char *name,
                                const char *value)
{
    char line[2 * LINE];

    if (!*value)
        return list;
    snprintf(line, sizeof(line), "%s: %s", name, value);
    return curl_slist_append(list, line);
}

static struct curl_slist *own_fields(const struct client *c,
                                     struct curl_slist *list)
{
    const char *since = c->count > 0 ? "2025-06-18" : "2026";

    list = field(list, "Mcp-Session-Id", c->session);
    if (strcmp(c->version, since) >= 0)
        list = field(list, "MCP-Protocol-Version", c->version);
    return list;
}

static struct curl_slist *post_fields(const struct client *c,
                                      const char *method, const char *name)
{
    struct curl_slist *list = field(NULL, "Content-Type", "application/json");

    if (strcmp(c->version, "2024-11-05") == 0)
        return list;
    list = field(list, "Accept", "application/json, text/event-stream");
    if (strcmp(c->version, "2026") > 0) {
        list = field(list, "Mcp-Method", method);
        list = field(list, "Mcp-Name", name);
    }
    return own_fields(c, list);
}

static void listen_beside(struct client *c)
{
    struct curl_slist *list = field(NULL, "Accept", "text/event-stream");
    char *at;

    c->stream_fields = own_fields(c, list);
    c->stream = curl_easy_init();
    curl_easy_setopt(c->stream, CURLOPT_URL, c->where);
    curl_easy_setopt(c->stream, CURLOPT_HTTPHEADER, c->stream_fields);
    curl_easy_setopt(c->stream, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(c->stream, CURLOPT_WRITEDATA, &c->heard);
    curl_multi_add_handle(c->multi, c->stream);
    await(c, ++c->events);
    at = strstr(c->heard.data, "event: endpoint\ndata: ");
    if (at)
        snprintf(c->where, sizeof(c->where), "%s%.*s", c->url,
                 (int)strcspn(at + 22, "\r\n"), at + 22);
}

/* Every second one goes by the multi that drives the stream, too. */
static CURLcode perform(struct client *c)
{
    if (c->count++ % 2 == 0)
        return curl_easy_perform(c->easy);
    c->easy_ended = false;
    curl_multi_add_handle(c->multi, c->easy);
    while (!c->easy_ended)
        drive(c);
    curl_multi_remove_handle(c->multi, c->easy);
    return CURLE_OK;
}

static void send_it(struct client *c, struct curl_slist *fields)
{
    const char *kind = NULL;
    long status = 0;
    CURLcode rc;

    c->answer.len = 0;
    c->answer.data[0] = '\0';
    curl_easy_setopt(c->easy, CURLOPT_URL, c->where);
    curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, &c->answer);
    curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
    rc = perform(c);
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(c->easy, CURLINFO_CONTENT_TYPE, &kind);
    printf("%d %ld %s\n%s\n", (int)rc, status, kind ? kind : "",
           c->answer.data);
    curl_easy_reset(c->easy);
    curl_slist_free_all(fields);
}

/* The server has let go of the stream, and wants to be asked again. */
static void fetch_later(struct client *c)
{
    char *at = strstr(c->answer.data, "id: "), *end = strchr(at, '\n');
    struct curl_slist *list = field(NULL, "Accept", "text/event-stream");

    *end = '\0';
    list = field(list, "Last-Event-ID", at + 4);
    curl_easy_setopt(c->easy, CURLOPT_HTTPGET, 1L);
    send_it(c, own_fields(c, list));
}

static void say(struct client *c, const char *method, const char *name,
                const char *body)
{
    bool old = strcmp(c->version, "2024-11-05") == 0;

    curl_easy_setopt(c->easy, CURLOPT_COPYPOSTFIELDS, body);
    send_it(c, post_fields(c, method, name));
    if (old && strstr(body, "\"id\""))
        await(c, ++c->events);
    if (strstr(c->answer.data, "\nretry: "))
        fetch_later(c);
    if (!old && strcmp(method, "initialize") == 0)
        listen_beside(c);
}

static struct client *begin(const char *url, const char *version)
{
    struct client *c = calloc(1, sizeof(*c));

    if (!c)
        exit(2);
    c->url = url;
    c->stream_ended = -1;
    snprintf(c->version, sizeof(c->version), "%s", version);
    snprintf(c->where, sizeof(c->where), "%s/%s", url, version);
    c->easy = curl_easy_init();
    c->multi = curl_multi_init();
    if (strcmp(version, "2024-11-05") == 0)
        listen_beside(c);
    return c;
}

static void end(struct client *c)
{
    if (*c->session) {
        curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, "DELETE");
        send_it(c, own_fields(c, NULL));
        await(c, 1000);
    }
    if (c->stream) {
        printf("stream: %d\n%s\n", c->stream_ended, c->heard.data);
        curl_multi_remove_handle(c->multi, c->stream);
        curl_easy_cleanup(c->stream);
        curl_slist_free_all(c->stream_fields);
    }
    curl_easy_cleanup(c->easy);
    curl_multi_cleanup(c->multi);
    free(c);
}

int main(int argc, char **argv)
{
    static char line[ROOM];
    struct client *c = NULL;

    curl_global_init(CURL_GLOBAL_ALL);
    while (argc == 2 && fgets(line, sizeof(line), stdin)) {
        char *rest = line, *version = strsep(&rest, "\t");
        char *method = strsep(&rest, "\t"), *name = strsep(&rest, "\t");

        if (!rest)
            return 2;
        rest[strcspn(rest, "\n")] = '\0';
        if (c && strcmp(c->version, version) != 0) {
            end(c);
            c = NULL;
        }
        if (!c)
            c = begin(argv[1], version);
        say(c, method, name, rest);
    }
    if (c)
        end(c);
    curl_global_cleanup();
    return 0;
}
