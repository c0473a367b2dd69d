/* A gateway: a server of chats, a thread for each connection, that asks a model
 * through libcurl. Its spans join the trace, and the ml_app, of a caller that
 * sends trace headers.
 *
 *     cc -Iinclude examples/gateway.c -lcurl -lpthread -o gateway
 *     llmobs-run --service chat-gateway ./gateway 4000 https://api.openai.com
 *
 * It takes three calls: llmobs_activate with the headers of each request,
 * llmobs_start for the span of the request, llmobs_finish at its end. Each
 * connection stays open, and so does the one to the model. SIGTERM ends it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "llmobs.h"

#define HEAD_MAX 65536
#define HEADERS_MAX 100
#define BODY_MAX (16 * 1024 * 1024)

static const char *model_url;

struct bytes {
    char *data;
    size_t len;
};

struct request {
    char head[HEAD_MAX];
    struct llmobs_pair headers[HEADERS_MAX];
    size_t header_count;
    struct bytes body;
};

/* -- HTTP, as little as it takes ------------------------------------------- */

/* Reads a line without its end; NULL: the peer has gone, or the line is too
 * long. */
static char *read_line(FILE *in, char *at, const char *end)
{
    size_t len;

    if (at >= end || !fgets(at, (int)(end - at), in))
        return NULL;
    len = strlen(at);
    if (len == 0 || at[len - 1] != '\n')
        return NULL;
    while (len && (at[len - 1] == '\n' || at[len - 1] == '\r'))
        at[--len] = '\0';
    return at;
}

static const char *header_of(const struct request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].key, name) == 0)
            return request->headers[i].value;
    return "";
}

/* Reads a request: 1; 0: there are no more, or it is malformed. */
static int read_head(FILE *in, struct request *request)
{
    const char *end = request->head + sizeof(request->head);
    char *at = request->head, *line, *colon;

    request->header_count = 0;
    if (!read_line(in, at, end))
        return 0;
    for (at += strlen(at) + 1; (line = read_line(in, at, end)) != NULL;
         at += strlen(at) + 1) {
        if (!*line)
            return 1;
        colon = strchr(line, ':');
        if (!colon || request->header_count == HEADERS_MAX)
            return 0;
        *colon = '\0';
        request->headers[request->header_count].key = line;
        request->headers[request->header_count++].value =
            colon + 1 + strspn(colon + 1, " \t");
        at = colon + 1;
    }
    return 0;
}

static int read_request(FILE *in, struct request *request)
{
    size_t len;

    if (!read_head(in, request))
        return 0;
    len = (size_t)strtoul(header_of(request, "content-length"), NULL, 10);
    if (len > BODY_MAX)
        return 0;
    request->body.data = malloc(len + 1);
    if (!request->body.data)
        return 0;
    request->body.len = fread(request->body.data, 1, len, in);
    request->body.data[request->body.len] = '\0';
    return request->body.len == len;
}

static void answer(FILE *out, long status, const struct bytes *body)
{
    fprintf(out,
            "HTTP/1.1 %ld %s\r\nContent-Type: application/json\r\n"
            "Content-Length: %zu\r\n\r\n",
            status, status == 200 ? "OK" : "Error", body->len);
    fwrite(body->data ? body->data : "", 1, body->len, out);
    fflush(out);
}

/* -- the model --------------------------------------------------------------
 */

static size_t collect(char *data, size_t size, size_t count, void *to)
{
    struct bytes *bytes = to;
    char *grown = realloc(bytes->data, bytes->len + size * count + 1);

    if (!grown)
        return 0;
    memcpy(grown + bytes->len, data, size * count);
    bytes->data = grown;
    bytes->len += size * count;
    grown[bytes->len] = '\0';
    return size * count;
}

static long ask_model(CURL *curl, const struct bytes *body, struct bytes *out)
{
    struct curl_slist *headers =
        curl_slist_append(NULL, "Content-Type: application/json");
    const char *key = getenv("OPENAI_API_KEY");
    char url[512], authorization[512];
    long status = 502;

    snprintf(url, sizeof(url), "%s/v1/chat/completions", model_url);
    if (key) {
        snprintf(authorization, sizeof(authorization),
                 "Authorization: Bearer %s", key);
        headers = curl_slist_append(headers, authorization);
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body->len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->data);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    if (curl_easy_perform(curl) == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    return status;
}

/* -- a request ----------------------------------------------------------------
 */

static void serve(CURL *curl, const struct request *request, FILE *out)
{
    struct bytes body = {NULL, 0};
    llmobs_span_t span;
    long status;

    /* A request without such headers must not keep those of the request before
     * it. */
    llmobs_activate(request->headers, request->header_count);
    span = llmobs_start(LLMOBS_WORKFLOW, "chat-proxy-entrypoint");
    llmobs_annotate_text(span, request->body.data, NULL);
    status = ask_model(curl, &request->body, &body);
    llmobs_annotate_text(span, NULL, body.data ? body.data : "");
    if (status != 200)
        llmobs_error(span, "model", "the model refused", NULL);
    llmobs_finish(span);
    answer(out, status, &body);
    free(body.data);
}

static void *connection(void *arg)
{
    int fd = (int)(intptr_t)arg;
    FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
    struct request *request = calloc(1, sizeof(*request));
    CURL *curl = curl_easy_init();

    while (in && out && request && curl && read_request(in, request)) {
        serve(curl, request, out);
        free(request->body.data);
        request->body.data = NULL;
    }
    if (curl)
        curl_easy_cleanup(curl);
    if (request)
        free(request->body.data);
    free(request);
    if (out)
        fclose(out);
    if (in)
        fclose(in);
    return NULL;
}

/* -- the server
 * ---------------------------------------------------------------- */

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

static int listen_on(unsigned short port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&address, len) != 0 ||
        listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        close(fd);
        return -1;
    }
    printf("listening on %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = stop};
    pthread_t thread;
    int listener, fd;

    if (argc != 3) {
        fprintf(stderr, "usage: %s PORT URL_OF_THE_MODEL\n", argv[0]);
        return 2;
    }
    model_url = argv[2];
    curl_global_init(CURL_GLOBAL_ALL);
    signal(SIGPIPE, SIG_IGN);
    sigaction(SIGTERM, &action, NULL);
    listener = listen_on((unsigned short)atoi(argv[1]));
    if (listener < 0) {
        perror("gateway");
        return 1;
    }
    while (!stopped) {
        fd = accept(listener, NULL, NULL);
        if (fd < 0)
            continue;
        if (pthread_create(&thread, NULL, connection, (void *)(intptr_t)fd))
            close(fd);
        else
            pthread_detach(thread);
    }
    /* The library delivers the finished spans as the program exits. */
    return 0;
}
