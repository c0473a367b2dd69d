/* A library whose send and sendmsg write a line to a log server of their own
 * before they call the real ones; with MAIN, a program that asks a listed
 * server PORT so many times, on a connection each, and prints a letter for each
 * answer. usage: wraps PORT COUNT */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int connected(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((unsigned short)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    return connect(fd, (void *)&to, sizeof(to)) == 0 ? fd : -1;
}

#ifndef MAIN
static void log_line(void)
{
    static __thread int inside;
    int fd;

    if (inside++ == 0 && (fd = connected(atoi(getenv("LOG_PORT")))) >= 0) {
        if (write(fd, "sent\n", 5) != 5)
            abort();
        close(fd);
    }
    inside--;
}

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
    ssize_t (*real)(int, const void *, size_t, int) = dlsym(RTLD_NEXT, "send");

    log_line();
    return real(fd, bytes, len, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t (*real)(int, const struct msghdr *, int) =
        dlsym(RTLD_NEXT, "sendmsg");

    log_line();
    return real(fd, message, flags);
}
#else
int main(int argc, char **argv)
{
    static const char body[] =
        "{\"model\": \"m\", \"messages\": [{\"role\": \"user\", "
        "\"content\": \"Hi\"}]}";
    char text[512], answer[4096];
    int len = snprintf(text, sizeof(text),
                       "POST /v1/chat/completions HTTP/1.1\r\nHost: "
                       "localhost:%s\r\n%sConnection: close\r\nContent-Type: "
                       "application/json\r\nContent-Length: %zu\r\n\r\n%s",
                       argv[1], argc > 3 ? "X-Amz-Date: now\r\n" : "",
                       sizeof(body) - 1, body);

    for (int i = 0; i < atoi(argv[2]); i++) {
        int fd = connected(atoi(argv[1]));
        ssize_t n;

        if (send(fd, text, (size_t)len, 0) != len)
            return 1;
        n = recv(fd, answer, sizeof(answer), MSG_WAITALL);
        putchar(n > 12 && memcmp(answer + 9, "200", 3) == 0 ? '.' : '!');
        close(fd);
    }
    return 0;
}
#endif
