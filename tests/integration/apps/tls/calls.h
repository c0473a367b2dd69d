/* calls - what the clients of this folder have in common: a connection, a
 * request, an answer, and a case by its name. */
#ifndef CALLS_H
#define CALLS_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* Of each library: connects; asks once; frees the connection's object; waits
 * for bytes, and gives how many came, where not above 0 means that none will.
 */
static void *open_link(int *fd);
static void send_one(void *link);
static void end(void *link);
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

/* Objects at one address, of which each second one is given up in its answer.
 */
static void one_address(void)
{
    void *last = NULL;
    int same = 0;

    for (int i = 0; i < 6; i++) {
        int fd;
        void *link = open_link(&fd);

        same += link == last;
        last = link;
        send_one(link);
        if (i % 2)
            answer(link);
        else
            read_some(link, (char[10]){0}, 10);
        end(link);
        close(fd);
    }
    printf("the same address: %s\n", same ? "yes" : "no");
}

/* Asks many times before it reads the first answer. */
static void ahead(void)
{
    int fd;
    void *link = open_link(&fd);

    for (int i = 0; i < 50; i++)
        send_one(link);
    for (int i = 0; i < 50; i++)
        answer(link);
    end(link);
    close(fd);
}

/* A child and its parent that end by _exit as soon as they have an answer. */
static void exits(void)
{
    for (int i = 0; i < 2; i++)
        if (i == 1 || fork() == 0) {
            int fd;
            void *link = open_link(&fd);

            send_one(link);
            answer(link);
            fflush(stdout);
            _exit(0);
        } else {
            wait(NULL);
        }
}

static pthread_barrier_t together;
static int first; /* the first calls of all threads are at once */

static void *calls(void *unused)
{
    int fd;
    void *link = open_link(&fd);

    __atomic_store_n(&first, 1, __ATOMIC_RELAXED);
    pthread_barrier_wait(&together);
    for (int i = 0; i < 5; i++) {
        send_one(link);
        __atomic_store_n(&first, 0, __ATOMIC_RELAXED);
        answer(link);
    }
    end(link);
    close(fd);
    return unused;
}

static void threads(void)
{
    pthread_t all[8];

    pthread_barrier_init(&together, NULL, 8);
    for (int i = 0; i < 8; i++)
        pthread_create(&all[i], NULL, calls, NULL);
    for (int i = 0; i < 8; i++)
        pthread_join(all[i], NULL);
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
