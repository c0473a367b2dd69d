/* Hazards that the other programs have no room for: hosts, callbacks set back,
 * what is not HTTP, a multi from inside. */
#include "tests/clients/cases.h"

#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

/* -- one handle, several hosts -------------------------------------------- */

static void other_host(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);
    char there[64];

    snprintf(there, sizeof(there), "http://localhost:%s",
             strrchr(base, ':') + 1);
    run_one("here", curl, &text);
    set_url(curl, there, CHAT);
    run_one("there", curl, &text);
    set_url(curl, there, "/upload");
    run_one("no call", curl, &text);
    set_url(curl, base, CHAT);
    run_last("here again", curl, &text);
}

/* -- callbacks set back to libcurl's own ---------------------------------- */

struct unsetting {
    CURL *curl;
    FILE *file;
};

static size_t unset_write(char *data, size_t size, size_t count, void *to)
{
    struct unsetting *unsetting = to;
    FILE *file = unsetting->file;

    write_to(unsetting->curl, NULL, file);
    return fwrite(data, size, count, file);
}

static void print_file(const char *label, FILE *file)
{
    char part[4000];
    size_t got;

    rewind(file);
    printf("%s: ", label);
    while ((got = fread(part, 1, sizeof(part), file)) > 0)
        fwrite(part, 1, got, stdout);
    printf("\n");
    rewind(file);
    if (ftruncate(fileno(file), 0))
        exit(3);
}

static void write_unset(const char *base)
{
    struct unsetting unsetting = {NULL, tmpfile()};
    CURL *curl = asking(base, CHAT, streamed, NULL);

    if (!unsetting.file)
        exit(3);
    unsetting.curl = curl;
    write_to(curl, unset_write, &unsetting);
    printf("rc=%d\n", (int)curl_easy_perform(curl));
    print_file("inside", unsetting.file);
    printf("rc=%d\n", (int)curl_easy_perform(curl));
    print_file("before", unsetting.file);
    curl_easy_cleanup(curl);
    fclose(unsetting.file);
}

/* Made within a call, used for what is none, when its model is gone. */
static void twin_of_a_busy_one(const char *base)
{
    struct twinning twinning = {.curl = asking(base, CHAT, streamed, NULL)};

    write_to(twinning.curl, make_twin, &twinning);
    run_one("model", twinning.curl, &twinning.text);
    curl_easy_cleanup(twinning.curl);
    set_url(twinning.twin, base, "/v1/models");
    curl_easy_setopt(twinning.twin, CURLOPT_HTTPGET, 1L);
    run_one("twin", twinning.twin, &twinning.text);
    curl_easy_cleanup(twinning.twin);
}

/* -- what libcurl tells --------------------------------------------------- */

struct asking_back {
    struct text text;
    CURL *curl;
    int told;
};

static void tell(CURL *curl)
{
    char *url = NULL, *type = NULL, *own = NULL;
    long status = 0, redirects = -1;
    curl_off_t length = -2, up = -2;

    curl_easy_getinfo(curl, CURLINFO_EFFECTIVE_URL, &url);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(curl, CURLINFO_PRIVATE, &own);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_COUNT, &redirects);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    curl_easy_getinfo(curl, CURLINFO_SIZE_UPLOAD_T, &up);
    printf("path=%s type=%s own=%s status=%ld redirects=%ld length=%ld "
           "up=%ld\n",
           url && strlen(url) > 8 ? strchr(url + 8, '/') : "-", type, own,
           status, redirects, (long)length, (long)up);
}

static size_t ask_back(char *data, size_t size, size_t count, void *to)
{
    struct asking_back *asking_back = to;

    if (!asking_back->told++)
        tell(asking_back->curl);
    text_add(&asking_back->text, data, size * count);
    return size * count;
}

static void asked_inside(const char *base)
{
    struct asking_back asking_back = {0};
    CURL *curl = asking(base, CHAT, moved, NULL);

    asking_back.curl = curl;
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, "mine");
    write_to(curl, ask_back, &asking_back);
    run_one("asked", curl, &asking_back.text);
    tell(curl);
    curl_easy_cleanup(curl);
}

/* -- not a transfer of ours ----------------------------------------------- */

static void send_all(CURL *curl, const char *data)
{
    size_t sent;

    while (*data && curl_easy_send(curl, data, strlen(data), &sent) == CURLE_OK)
        data += sent;
}

static void receive_all(CURL *curl, struct text *text)
{
    curl_socket_t fd = -1;
    char part[1000];
    size_t got = 1;

    curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &fd);
    while (got > 0) {
        struct pollfd wait = {fd, POLLIN, 0};
        CURLcode rc;

        poll(&wait, 1, 5000);
        rc = curl_easy_recv(curl, part, sizeof(part), &got);
        if (rc != CURLE_OK)
            return;
        text_add(text, part, got);
    }
}

/* The app speaks HTTP itself. */
static void spoken(const char *base)
{
    char request[500];
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, NULL);

    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    printf("rc=%d\n", (int)curl_easy_perform(curl));
    snprintf(request, sizeof(request),
             "POST " CHAT " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
             "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(hello), hello);
    send_all(curl, request);
    receive_all(curl, &text);
    printf("%s\n", text.data ? text.data : "nothing");
    free(text.data);
    curl_easy_cleanup(curl);
}

/* -- websockets of libcurl's own ------------------------------------------- */

#define SESSION "{\"type\": \"session.update\", \"session\": {}}"
#define CREATE "{\"type\": \"response.create\"}"
#define DONE "\"total_tokens\": 5}}}" /* the last bytes of response.done */
#define TURNS 3

struct frames {
    CURL *curl;
    struct text all;
    int bare; /* pieces without libcurl's word on their frame */
};

static CURL *at_realtime(const char *base)
{
    char url[100];
    CURL *curl = asking(base, CHAT, NULL, NULL);

    snprintf(url, sizeof(url), "ws%s/v1/realtime?model=gpt-realtime",
             strstr(base, "://"));
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 10000L);
    return curl;
}

#if LIBCURL_VERSION_NUM >= 0x075600
static CURLcode send_piece(CURL *curl, const char *data, size_t len,
                           curl_off_t size, unsigned flags)
{
    size_t sent = 0;
    CURLcode rc = curl_ws_send(curl, data, len, &sent, size, flags);

    printf("sent=%zu rc=%d\n", sent, (int)rc);
    return rc;
}

static CURLcode send_frame(CURL *curl, const char *data, unsigned flags)
{
    return send_piece(curl, data, strlen(data), 0, flags);
}

/* One piece of a frame, in a buffer smaller than most frames. How libcurl cuts
 * a frame is a matter of how its bytes came, so the bytes alone are shown. */
static bool receive_piece(CURL *curl, curl_socket_t fd, struct text *frame)
{
    struct pollfd wait = {fd, POLLIN, 0};
    void *meta = NULL;
    char part[64];
    size_t got = 0;
    CURLcode rc = curl_ws_recv(curl, part, sizeof(part), &got, (void *)&meta);

    if (rc == CURLE_AGAIN)
        return poll(&wait, 1, 5000) > 0;
    if (rc == CURLE_OK)
        text_add(frame, part, got);
    return rc == CURLE_OK;
}

/* Until the frame that ends the response has come, or the connection ends. */
static void receive_response(CURL *curl)
{
    struct text all = {0};
    curl_socket_t fd = -1;

    text_add(&all, "", 0);
    curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &fd);
    while (!strstr(all.data, DONE) && receive_piece(curl, fd, &all))
        continue;
    printf("%zu: %s\n", all.len, all.data);
    free(all.data);
}

static void converse(CURL *curl)
{
    if (send_frame(curl, SESSION, CURLWS_TEXT) != CURLE_OK)
        return;
    for (int i = 0; i < TURNS; i++) {
        send_frame(curl, CREATE, CURLWS_TEXT);
        receive_response(curl);
    }
    /* One frame in two parts, and a message in two frames. */
    send_piece(curl, CREATE, 9, strlen(CREATE), CURLWS_TEXT | CURLWS_OFFSET);
    send_piece(curl, &CREATE[9], strlen(CREATE) - 9, 0,
               CURLWS_TEXT | CURLWS_OFFSET);
    receive_response(curl);
    send_piece(curl, SESSION, 9, 0, CURLWS_TEXT | CURLWS_CONT);
    send_frame(curl, &SESSION[9], CURLWS_TEXT);
    send_frame(curl, "", CURLWS_CLOSE);
}

/* The server's frames come to a callback, which answers the first one. */
static size_t on_frame(char *data, size_t size, size_t count, void *arg)
{
    struct frames *frames = arg;
    size_t sent;

    if (!frames->all.calls)
        (void)curl_ws_send(frames->curl, CREATE, strlen(CREATE), &sent, 0,
                           CURLWS_TEXT);
    if (!curl_ws_meta(frames->curl))
        frames->bare++;
    return collect(data, size, count, &frames->all);
}
#else
static void converse(CURL *curl)
{
    (void)curl;
}

static size_t on_frame(char *data, size_t size, size_t count, void *arg)
{
    return collect(data, size, count, &((struct frames *)arg)->all);
}
#endif

/* A libcurl without websockets, or a server without them, ends it early. */
static void websocket(const char *base)
{
    CURL *curl = at_realtime(base);
    CURLcode rc;

    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 2L);
    rc = curl_easy_perform(curl);
    printf("rc=%d\n", (int)rc);
    if (rc == CURLE_OK)
        converse(curl);
    curl_easy_cleanup(curl);
}

/* The same behind a transfer in a multi, with a twin that is freed before. */
static void websocket_multi(const char *base)
{
    CURL *curl = at_realtime(base);
    CURLM *multi = curl_multi_init();
    CURLMsg *message;
    CURLcode rc;
    int left;

    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 2L);
    add_and_drive(multi, curl);
    message = curl_multi_info_read(multi, &left);
    rc = message ? message->data.result : CURLE_FAILED_INIT;
    printf("rc=%d\n", (int)rc);
    curl_easy_cleanup(curl_easy_duphandle(curl));
    if (rc == CURLE_OK)
        converse(curl);
    curl_multi_remove_handle(multi, curl);
    clean_up(curl, multi);
}

/* A call of a model by all but its scheme. */
static void websocket_asked(const char *base)
{
    char url[64];
    CURL *curl = asking(base, CHAT, hello, NULL);

    snprintf(url, sizeof(url), "ws%s" CHAT, strstr(base, "://"));
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 2L);
    printf("rc=%d\n", (int)curl_easy_perform(curl));
    curl_easy_cleanup(curl);
}

static void websocket_written(const char *base)
{
    struct frames frames = {.curl = at_realtime(base)};

    write_to(frames.curl, on_frame, &frames);
    printf("rc=%d\n", (int)curl_easy_perform(frames.curl));
    if (frames.all.calls)
        printf("%zu, %d bare: %s\n", frames.all.len, frames.bare,
               frames.all.data);
    free(frames.all.data);
    curl_easy_cleanup(frames.curl);
}

/* -- other schemes --------------------------------------------------------- */

static void not_http(const char *base)
{
    static const char *const urls[] = {
        "file:///nowhere" CHAT, "file:///proc/self/comm",
        "ftp://127.0.0.1:1" CHAT, "dict://127.0.0.1:1/v1",
        "nothing://127.0.0.1" CHAT};
    char reason[CURL_ERROR_SIZE];

    (void)base;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct text text = {0};
        CURL *curl = asking("", "", hello, &text);

        reason[0] = '\0';
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
        curl_easy_setopt(curl, CURLOPT_URL, urls[i]);
        run_one(urls[i], curl, &text);
        printf("reason=%d\n", reason[0] != '\0');
        curl_easy_cleanup(curl);
    }
}

/* -- a multi from inside -------------------------------------------------- */

struct inside {
    struct text text;
    CURLM *multi;
    CURL *self;
    CURL *other;
    bool done;
};

static size_t call_multi(char *data, size_t size, size_t count, void *to)
{
    struct inside *inside = to;
    int running, left;

    if (!inside->done) {
        printf("add=%d\n",
               (int)curl_multi_add_handle(inside->multi, inside->other));
        printf("remove=%d\n",
               (int)curl_multi_remove_handle(inside->multi, inside->self));
        printf("perform=%d\n",
               (int)curl_multi_perform(inside->multi, &running));
        printf("news=%d\n", curl_multi_info_read(inside->multi, &left) != NULL);
        printf("cleanup=%d\n", (int)curl_multi_cleanup(inside->multi));
    }
    inside->done = true;
    text_add(&inside->text, data, size * count);
    return size * count;
}

/* All refused, and then as if nothing had been. */
static void multi_inside(const char *base)
{
    struct inside inside = {.multi = curl_multi_init()};
    struct text text = {0};

    inside.self = asking(base, CHAT, streamed, NULL);
    inside.other = asking(base, CHAT, hello, &text);
    write_to(inside.self, call_multi, &inside);
    curl_multi_add_handle(inside.multi, inside.self);
    drive(inside.multi);
    curl_multi_remove_handle(inside.multi, inside.self);
    show("self", inside.self, CURLE_OK, &inside.text);
    run_one("other", inside.other, &text);
    curl_easy_cleanup(inside.self);
    curl_easy_cleanup(inside.other);
    curl_multi_cleanup(inside.multi);
}

/* A cleanup that was refused leaves the multi what it was, its push callback
 * included. */
static void push_inside(const char *base)
{
    struct inside inside = {.multi = curl_multi_init()};
    struct text text = {0};

    curl_multi_setopt(inside.multi, CURLMOPT_PUSHFUNCTION, deny_push);
    inside.self = asking(base, CHAT, streamed, NULL);
    inside.other = asking(base, CHAT, hello, &text);
    write_to(inside.self, call_multi, &inside);
    curl_multi_add_handle(inside.multi, inside.self);
    drive(inside.multi);
    curl_multi_add_handle(inside.multi, inside.other);
    drive(inside.multi);
    curl_multi_remove_handle(inside.multi, inside.self);
    curl_multi_remove_handle(inside.multi, inside.other);
    show("self", inside.self, CURLE_OK, &inside.text);
    show("other", inside.other, CURLE_OK, &text);
    curl_easy_cleanup(inside.self);
    curl_easy_cleanup(inside.other);
    curl_multi_cleanup(inside.multi);
}

static const struct one_case cases[] = {
    {"other_host", other_host, 3, 0},
    {"write_unset", write_unset, 2, 0},
    {"twin_of_a_busy_one", twin_of_a_busy_one, 1, 0},
    {"asked_inside", asked_inside, 1, 0},
    {"spoken", spoken, 1, 0},
    {"websocket", websocket, 0, 0},
    {"websocket_multi", websocket_multi, 0, 0},
    {"websocket_asked", websocket_asked, 0, 0},
    {"websocket_written", websocket_written, 0, 0},
    {"not_http", not_http, 0, 0},
    {"multi_inside", multi_inside, 2, 0},
    {"push_inside", push_inside, 2, 0},
};

CASES_MAIN(cases)
