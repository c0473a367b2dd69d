/* calls - what the clients of this folder have in common: a connection, a
 * request, an answer, and a case by its name. */
#ifndef CALLS_H
#define CALLS_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

static int port;

static int dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        exit(3);
    return fd;
}

/* A request whose prompt has at least so many bytes. */
static char *request(const char *model, size_t least, size_t *len)
{
    static const char form[] =
        "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":"
        "\"hello there\"}],\"user\":\"%0*d\"}";
    char *text = malloc(least + 1000), *body = malloc(least + 500);
    int size = sprintf(body, form, model, (int)least + 1, 0);
    int head = sprintf(text,
                       "POST /v1/chat/completions HTTP/1.1\r\n"
                       "Host: localhost:%d\r\nContent-Length: %d\r\n"
                       "Authorization: Bearer sk-SECRETKEY\r\n"
                       "Content-Type: application/json\r\n\r\n",
                       port, size);

    memcpy(text + head, body, (size_t)size);
    *len = (size_t)(head + size);
    free(body);
    return text;
}

/* Waits for bytes, and gives how many came; not above 0: none will. */
static ssize_t read_some(void *link, char *to, size_t len);

/* Reads one answer, by its length. */
static void answer(void *link)
{
    char head[2000] = "", *end = NULL;
    size_t len = 0, rest;

    while (!end && len + 1 < sizeof(head) && read_some(link, head + len, 1) > 0)
        end = strstr(head, (head[++len] = '\0', "\r\n\r\n"));
    end = strcasestr(head, "content-length:");
    rest = end ? strtoul(end + 15, NULL, 10) : 0;
    printf("%.12s, %zu bytes\n", head, rest);
    for (char byte[512]; rest > 0;) {
        int got = (int)read_some(link, byte, rest < 512 ? rest : 512);

        if (got <= 0)
            break;
        rest -= (size_t)got;
    }
}

struct named_case {
    const char *name;
    void (*run)(void);
};

static int run_case(const char *name, const struct named_case *all,
                    size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(all[i].name, name) == 0) {
            all[i].run();
            return 0;
        }
    return 2;
}

#endif
