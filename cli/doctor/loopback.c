#include "cli/doctor/loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* The time for each step of a client, which may stop after it has connected. */
#define STEP_S 5

static const char answer[] =
    "{\"id\":\"self-test\",\"object\":\"chat.completion\","
    "\"created\":1700000000,\"model\":\"llmobs-self-test\",\"choices\":"
    "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"pong\"},"
    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,"
    "\"completion_tokens\":1,\"total_tokens\":2}}";

int llmobs_loopback_open(struct llmobs_loopback *loopback)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

    if (fd >= 0 && bind(fd, (struct sockaddr *)&at, len) == 0 &&
        listen(fd, 4) == 0 &&
        getsockname(fd, (struct sockaddr *)&at, &len) == 0) {
        loopback->listener = fd;
        loopback->port = ntohs(at.sin_port);
        return 0;
    }
    error = errno;
    if (fd >= 0)
        close(fd);
    loopback->listener = -1;
    return -error;
}

void llmobs_loopback_close(struct llmobs_loopback *loopback)
{
    if (loopback->listener >= 0)
        close(loopback->listener);
    loopback->listener = -1;
}

/* True when head and body are complete. libcurl sends a Content-Length. */
static bool is_whole(const char *text, size_t len)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strcasestr(text, "\r\ncontent-length:");
    size_t body = 0;

    if (!end)
        return false;
    if (length && length < end)
        body = strtoul(length + 17, NULL, 10);
    return len - (size_t)(end + 4 - text) >= body;
}

static int read_request(int fd)
{
    static char text[LLMOBS_LOOPBACK_MAX + 1];
    const struct timeval step = {STEP_S, 0};
    size_t len = 0;

    text[0] = '\0';
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &step, sizeof(step));
    while (!is_whole(text, len)) {
        ssize_t n = read(fd, text + len, LLMOBS_LOOPBACK_MAX - len);

        if (n <= 0)
            return n < 0 ? -errno : -EPIPE;
        len += (size_t)n;
        text[len] = '\0';
    }
    return 0;
}

static int write_answer(int fd)
{
    char text[sizeof(answer) + 256];
    int len = snprintf(text, sizeof(text),
                       "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                       sizeof(answer) - 1, answer);

    return send(fd, text, (size_t)len, MSG_NOSIGNAL) == len ? 0 : -EPIPE;
}

int llmobs_loopback_serve(const struct llmobs_loopback *loopback, int ms,
                          void (*asked)(void *ctx), void *ctx)
{
    struct pollfd one = {.fd = loopback->listener, .events = POLLIN};
    int rc = poll(&one, 1, ms), fd;

    if (rc <= 0)
        return rc < 0 && errno != EINTR ? -errno : 0;
    fd = accept4(loopback->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return -errno;
    rc = read_request(fd);
    if (rc == 0) {
        asked(ctx);
        rc = write_answer(fd);
    }
    close(fd);
    return rc == 0 ? 1 : rc;
}
