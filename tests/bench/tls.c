/* The cost of a read over OpenSSL on a connection that is no client's of HTTP,
 * and of calls:
 *
 *   tls read COUNT CERT KEY     ns a read of 1 byte that is there
 *   tls idle COUNT CONNECTIONS  ns a read that gives nothing, on each of so
 * many connections in turn
 *   tls call|call2 COUNT CERT KEY BODY ANSWER
 *                               asks for that BODY, and gets that ANSWER, by
 *                               HTTP/1.1 or HTTP/2
 *
 * The names and the numbers are those of ssl.h and bio.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PEM 1 /* SSL_FILETYPE_PEM */
#define RECORD 16384

void *TLS_method(void);
void *SSL_CTX_new(const void *method);
int SSL_CTX_use_certificate_file(void *ctx, const char *file, int type);
int SSL_CTX_use_PrivateKey_file(void *ctx, const char *file, int type);
void *SSL_new(void *ctx);
void SSL_set_bio(void *ssl, void *from, void *to);
void SSL_set_connect_state(void *ssl);
void SSL_set_accept_state(void *ssl);
int SSL_do_handshake(void *ssl);
int SSL_read(void *ssl, void *bytes, int len);
int SSL_write(void *ssl, const void *bytes, int len);
const void *BIO_s_mem(void);
void *BIO_new(const void *method);
int BIO_up_ref(void *bio);

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Two ends in memory, `a` of the client. */
static void join(void *ctx, void **a, void **b)
{
    void *there = BIO_new(BIO_s_mem()), *back = BIO_new(BIO_s_mem());

    *a = SSL_new(ctx);
    *b = SSL_new(ctx);
    BIO_up_ref(there);
    BIO_up_ref(back);
    SSL_set_bio(*a, back, there);
    SSL_set_bio(*b, there, back);
    SSL_set_connect_state(*a);
    SSL_set_accept_state(*b);
    for (int i = 0; i < 8; i++) {
        SSL_do_handshake(*a);
        SSL_do_handshake(*b);
    }
}

static double read_bytes(void *ctx, int count)
{
    static char record[RECORD] = "none of HTTP";
    void *client, *server;
    double took = 0;

    join(ctx, &client, &server);
    for (int done = 0; done < count; done += RECORD) {
        char byte;
        double began;

        SSL_write(client, record, RECORD);
        began = now_ns();
        for (int i = 0; i < RECORD; i++)
            SSL_read(server, &byte, 1);
        took += now_ns() - began;
    }
    return took / count;
}

static double read_idle(void *ctx, int count, unsigned connections)
{
    void **all = calloc(connections, sizeof(*all));
    double began;
    char byte;

    for (unsigned i = 0; i < connections; i++)
        all[i] = SSL_new(ctx);
    began = now_ns();
    for (unsigned i = 0; i < (unsigned)count; i++)
        SSL_read(all[i * 7919 % connections], &byte, 1);
    return (now_ns() - began) / count;
}

/* Both ends are in this process: the cost of the other end is there with and
 * without the library. */
static void call(void *ctx, int count, const char *body, const char *answer)
{
    static char asks[65536], answers[65536], got[RECORD];
    int size = snprintf(asks, sizeof(asks),
                        "POST /v1/chat/completions HTTP/1.1\r\n"
                        "Host: api.openai.com\r\n"
                        "Authorization: Bearer sk-none-that-is-valid\r\n"
                        "Content-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n%s",
                        strlen(body), body);
    int len = snprintf(answers, sizeof(answers),
                       "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       strlen(answer), answer);
    void *client, *server;

    join(ctx, &client, &server);
    for (int i = 0; i < count; i++) {
        SSL_write(client, asks, size);
        SSL_read(server, got, sizeof(got));
        SSL_write(server, answers, len);
        SSL_read(client, got, sizeof(got));
    }
}

/* A frame of a kind, with its flags, of a stream. Gives the place behind it. */
static char *add_frame(char *at, int type, int flags, int stream,
                       const char *payload, size_t len)
{
    const char head[9] = {
        (char)(len >> 16),    (char)(len >> 8),    (char)len,
        (char)type,           (char)flags,         0,
        (char)(stream >> 16), (char)(stream >> 8), (char)stream};

    memcpy(at, head, sizeof(head));
    memcpy(at + sizeof(head), payload, len);
    return at + sizeof(head) + len;
}

/* As call. The first request puts four lines into the table of heads, the
 * newest one first, and the others name their places. */
static void call_http2(void *ctx, int count, const char *body,
                       const char *answer)
{
    static const char first[] = "\x83\x87\x44\x14/v1/chat/completions"
                                "\x41\x0e"
                                "api.openai.com"
                                "\x5f\x10"
                                "application/json"
                                "\x57\x1c"
                                "Bearer sk-none-that-is-valid",
                      later[] = "\x83\x87\xc1\xc0\xbf\xbe",
                      answered[] = "\x88\x0f\x10\x10"
                                   "application/json";
    static char asks[65536], answers[65536], got[RECORD];
    char *at = asks;
    void *client, *server;

    join(ctx, &client, &server);
    memcpy(at, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    at = add_frame(at + 24, 4, 0, 0, "", 0);
    SSL_write(server, answers,
              (int)(add_frame(answers, 4, 0, 0, "", 0) - answers));
    for (int i = 0; i < count; i++) {
        const char *head = i ? later : first;
        size_t len = i ? sizeof(later) - 1 : sizeof(first) - 1;

        at = add_frame(at, 1, 4, 2 * i + 1, head, len);
        at = add_frame(at, 0, 1, 2 * i + 1, body, strlen(body));
        SSL_write(client, asks, (int)(at - asks));
        SSL_read(server, got, sizeof(got));
        if (i == 0)
            SSL_read(client, got, sizeof(got)); /* the settings */
        at =
            add_frame(answers, 1, 4, 2 * i + 1, answered, sizeof(answered) - 1);
        at = add_frame(at, 0, 1, 2 * i + 1, answer, strlen(answer));
        SSL_write(server, answers, (int)(at - answers));
        SSL_read(client, got, sizeof(got));
        at = asks;
    }
}

int main(int argc, char **argv)
{
    void *ctx = SSL_CTX_new(TLS_method());

    if (argc == 5 && strcmp(argv[1], "read") == 0) {
        SSL_CTX_use_certificate_file(ctx, argv[3], PEM);
        SSL_CTX_use_PrivateKey_file(ctx, argv[4], PEM);
        printf("%.3f\n", read_bytes(ctx, atoi(argv[2])));
        return 0;
    }
    if (argc == 7 && strncmp(argv[1], "call", 4) == 0) {
        SSL_CTX_use_certificate_file(ctx, argv[3], PEM);
        SSL_CTX_use_PrivateKey_file(ctx, argv[4], PEM);
        (argv[1][4] ? call_http2 : call)(ctx, atoi(argv[2]), argv[5], argv[6]);
        return 0;
    }
    if (argc == 4 && strcmp(argv[1], "idle") == 0) {
        printf("%.3f\n",
               read_idle(ctx, atoi(argv[2]), (unsigned)atoi(argv[3])));
        return 0;
    }
    return 2;
}
