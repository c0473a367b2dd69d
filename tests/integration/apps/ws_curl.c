/* A websocket over a connection that libcurl makes (CURLOPT_CONNECT_ONLY), and
 * that the program talks over by curl_easy_send and curl_easy_recv.
 *
 * usage: ws_curl URL */
#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static CURL *easy;

static void wait_for(short events)
{
    curl_socket_t fd;

    curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd);
    poll(&(struct pollfd){.fd = fd, .events = events}, 1, 1000);
}

static void put(const char *data, size_t len)
{
    while (len > 0) {
        size_t n = 0;
        CURLcode rc = curl_easy_send(easy, data, len < 7 ? len : 7, &n);

        if (rc == CURLE_AGAIN)
            wait_for(POLLOUT);
        else if (rc)
            exit(1);
        data += n;
        len -= n;
    }
}

/* Reads until the text came. */
static void take(const char *text)
{
    static char all[1 << 16];
    static size_t len, at;
    char *found;

    while (!(found = memmem(all + at, len - at, text, strlen(text)))) {
        size_t n = 0;
        CURLcode rc = curl_easy_recv(easy, all + len, 100, &n);

        if (rc == CURLE_AGAIN)
            wait_for(POLLIN);
        else if (rc || n == 0)
            exit(2);
        len += n;
    }
    at = (size_t)(found - all) + strlen(text);
    puts(text);
}

int main(int argc, char **argv)
{
    static const char upgrade[] =
        "GET /v1/responses HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket"
        "\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    static const char asks[] =
        "{\"type\":\"response.create\",\"model\":\"gpt-test\",\"input\":\"?\"}";
    const char head[] = {'\x81', (char)(0x80 | (sizeof(asks) - 1)), 0, 0, 0, 0};

    easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, argv[argc - 1]);
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    if (curl_easy_perform(easy))
        return 3;
    put(upgrade, sizeof(upgrade) - 1);
    take("\r\n\r\n");
    for (int i = 0; i < 2; i++) {
        put(head, sizeof(head));
        put(asks, sizeof(asks) - 1);
        take("response.completed\"}");
    }
    curl_easy_cleanup(easy);
    return 0;
}
