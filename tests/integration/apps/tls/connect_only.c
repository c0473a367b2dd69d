/* connect_only URL CA MODEL...: sends and receives the bytes of HTTP itself, as
 * the Azure SDK for C++ does. A model that begins with "-" is given up in its
 * answer, one that begins with "!" before it is read; one that begins with "+"
 * is asked over a new connection. */
#include <curl/curl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static CURL *curl;

static void wait_for(short events)
{
    curl_socket_t fd = -1;

    curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &fd);
    poll(&(struct pollfd){fd, events, 0}, 1, 1000);
}

static void send_all(const char *text, size_t len)
{
    while (len > 0) {
        size_t sent = 0;
        CURLcode rc = curl_easy_send(curl, text, len, &sent);

        if (rc == CURLE_AGAIN)
            wait_for(POLLOUT);
        else if (rc != CURLE_OK)
            exit(4);
        text += sent;
        len -= sent;
    }
}

/* Reads one answer, by its length; gives its text's length. */
static size_t answer(size_t most)
{
    static char text[100000];
    size_t all = 0, want = most;
    char *end;

    while (all < want) {
        size_t got = 0;
        CURLcode rc = curl_easy_recv(curl, text + all, want - all, &got);

        if (rc == CURLE_AGAIN)
            wait_for(POLLIN);
        else if (rc != CURLE_OK || got == 0)
            break;
        all += got;
        text[all] = '\0';
        end = strstr(text, "\r\n\r\n");
        if (end && want == most && strstr(text, "Content-Length: "))
            want = (size_t)(end + 4 - text) +
                   strtoul(strstr(text, "Content-Length: ") + 16, NULL, 10);
    }
    printf("%.12s\n", text);
    return all;
}

static void ask(const char *host, const char *model)
{
    char body[500], text[1000];
    int len = sprintf(body,
                      "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\","
                      "\"content\":\"hello there\"}]}",
                      model);

    len = sprintf(text,
                  "POST /v1/chat/completions HTTP/1.1\r\nHost: %s\r\n"
                  "Authorization: Bearer sk-SECRETKEY\r\nContent-Length: %d\r\n"
                  "Content-Type: application/json\r\n\r\n%s",
                  host, len, body);
    send_all(text, (size_t)len);
}

int main(int argc, char **argv)
{
    const char *host;

    if (argc < 4)
        return 2;
    host = strstr(argv[1], "//") + 2;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
    curl_easy_setopt(curl, CURLOPT_CAINFO, argv[2]);
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    if (curl_easy_perform(curl) != CURLE_OK)
        return 3;
    for (int i = 3; i < argc; i++) {
        bool anew = argv[i][0] == '+', ends = argv[i][0] == '-';
        bool unread = argv[i][0] == '!';

        if (anew && curl_easy_perform(curl) != CURLE_OK)
            return 3;
        ask(host, argv[i] + (anew || ends || unread));
        if (unread) {
            usleep(300000);
            break;
        }
        printf("%zu\n", answer(ends ? 20 : 90000));
        if (ends)
            break;
    }
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    return 0;
}
