/* plain - the parts of calls.h for a client that calls by a plain socket: a
 * link is its number. */
#ifndef SOCKETS_PLAIN_H
#define SOCKETS_PLAIN_H

#include <stdint.h>

#include "../tls/calls.h"

static int of(void *link)
{
    return (int)(intptr_t)link;
}

static void *open_link(int *fd)
{
    *fd = dial();
    return (void *)(intptr_t)*fd;
}

static void end(void *link)
{
    (void)link; /* its descriptor is closed by who asks */
}

static ssize_t read_some(void *link, char *to, size_t len)
{
    return recv(of(link), to, len, 0);
}

static void send_model(int fd, const char *model)
{
    size_t len;
    char *text = request(model, 1, &len);

    if (send(fd, text, len, 0) != (ssize_t)len)
        printf("a send failed\n");
    free(text);
}

static void send_one(void *link)
{
    send_model(of(link), "gpt-test");
}

#endif
