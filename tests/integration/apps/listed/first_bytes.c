/* first_bytes PORT FIRST: a call over TLS that passes through a pair of BIOs
 * with room for 17 bytes. SSL_write is given FIRST bytes, and as it has to
 * wait, all of them. Prints its results, and that an answer came. */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define ROOM 17

static int fd;
static BIO *outside;

static void pump(void)
{
    struct pollfd one;
    char bytes[16384];
    int n;

    while ((n = BIO_read(outside, bytes, sizeof(bytes))) > 0)
        send(fd, bytes, (size_t)n, 0);
    one = (struct pollfd){fd, POLLIN, 0};
    if (poll(&one, 1, 20) <= 0)
        return;
    n = (int)BIO_get_write_guarantee(outside);
    n = (int)recv(fd, bytes, n < (int)sizeof(bytes) ? (size_t)n : sizeof(bytes),
                  0);
    if (n > 0)
        BIO_write(outside, bytes, n);
}

static SSL *begin(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((in_port_t)port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    SSL *tls = SSL_new(SSL_CTX_new(TLS_client_method()));
    BIO *inside;

    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        exit(2);
    BIO_new_bio_pair(&inside, ROOM, &outside, 20000);
    SSL_set_bio(tls, inside, inside);
    SSL_set_tlsext_host_name(tls, "localhost");
    while (SSL_connect(tls) != 1)
        pump();
    for (int i = 0; i < 5; i++) /* tickets */
        pump();
    return tls;
}

int main(int argc, char **argv)
{
    int port = argc == 3 ? atoi(argv[1]) : 0, put, got = 0;
    SSL *tls = begin(port);
    char text[1024];

    snprintf(text, sizeof(text),
             "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost:%d\r\n"
             "Content-Type: application/json\r\nContent-Length: 55\r\n\r\n"
             "{\"model\":\"m\",\"messages\":"
             "[{\"role\":\"user\",\"content\":\"%s\"}]}",
             port, "");
    put = SSL_write(tls, text, atoi(argv[2]));
    printf("%d %d, ", put, SSL_get_error(tls, put));
    while ((put = SSL_write(tls, text, (int)strlen(text))) <= 0 &&
           SSL_get_error(tls, put) != SSL_ERROR_SSL)
        pump();
    printf("%d of %zu, ", put, strlen(text));
    for (int i = 0; put > 0 && got <= 0 && i < 500; i++) {
        pump();
        got = SSL_read(tls, text, sizeof(text));
    }
    printf("%s\n", got > 0 ? "an answer" : "none");
    return 0;
}
