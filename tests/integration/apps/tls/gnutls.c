/* gnutls NAME PORT: a client of GnuTLS, as cases.c is of OpenSSL. It needs the
 * library alone, and no header of it: gnutls.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "calls.h"

#define CLIENT 2      /* GNUTLS_CLIENT */
#define CERTIFICATE 1 /* GNUTLS_CRD_CERTIFICATE */
#define AGAIN (-28)
#define LARGE 3000000

int gnutls_init(void **session, unsigned flags);
int gnutls_set_default_priority(void *session);
int gnutls_certificate_allocate_credentials(void **credentials);
int gnutls_credentials_set(void *session, int type, void *credentials);
void gnutls_transport_set_push_function(void *session,
                                        ssize_t (*push)(void *, const void *,
                                                        size_t));
void gnutls_transport_set_int2(void *session, int in, int out);
int gnutls_handshake(void *session);
ssize_t gnutls_record_send(void *session, const void *bytes, size_t len);
ssize_t gnutls_record_recv(void *session, void *bytes, size_t len);
ssize_t gnutls_record_send2(void *session, const void *bytes, size_t len,
                            size_t pad, unsigned flags);
ssize_t gnutls_record_send_range(void *session, const void *bytes, size_t len,
                                 const size_t *range);
ssize_t gnutls_record_recv_seq(void *session, void *bytes, size_t len,
                               unsigned char *sequence);
ssize_t gnutls_record_recv_packet(void *session, void **packet);
void gnutls_packet_get(void *packet, void *data, unsigned char *sequence);
void gnutls_packet_deinit(void *packet);
void gnutls_record_cork(void *session);
int gnutls_record_uncork(void *session, unsigned flags);
void gnutls_deinit(void *session);
struct datum {
    const void *bytes;
    unsigned len;
};
int gnutls_alpn_set_protocols(void *session, const struct datum *names,
                              unsigned count, unsigned flags);

static void *credentials;
static bool wants_http2;

static void *open_link(int *fd)
{
    void *session;

    *fd = dial();
    gnutls_init(&session, CLIENT);
    gnutls_set_default_priority(session);
    gnutls_credentials_set(session, CERTIFICATE, credentials);
    gnutls_transport_set_int2(session, *fd, *fd);
    if (wants_http2)
        gnutls_alpn_set_protocols(session, &(struct datum){"h2", 2}, 1, 0);
    if (gnutls_handshake(session) != 0)
        exit(4);
    return session;
}

static void send_one(void *session)
{
    size_t len;
    char *text = request("gpt-test", 1, &len);

    if (gnutls_record_send(session, text, len) != (ssize_t)len)
        printf("a write failed\n");
    free(text);
}

static void end(void *session)
{
    gnutls_deinit(session);
}

static ssize_t read_some(void *session, char *to, size_t len)
{
    ssize_t got;

    while ((got = gnutls_record_recv(session, to, len)) == AGAIN)
        usleep(1000);
    return got;
}

static void plain(void)
{
    int fd;
    void *session = open_link(&fd);

    for (int i = 0; i < 2; i++) {
        errno = 77;
        send_one(session);
        printf("errno %d\n", errno);
        answer(session);
    }
    gnutls_deinit(session);
}

/* A write of no bytes and a read of none change nothing. */
static void of_nothing(void)
{
    int fd;
    void *session = open_link(&fd);

    send_one(session);
    (void)gnutls_record_send(session, "", 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    (void)gnutls_record_recv(session, &fd, 0);
    answer(session);
    send_one(session);
    answer(session);
    gnutls_deinit(session);
}

/* The newer functions that send and receive. */
static void newer_names(void)
{
    int fd;
    void *session = open_link(&fd);

    for (int i = 0; i < 2; i++) {
        struct {
            char *bytes;
            unsigned len;
        } data;
        unsigned char sequence[8];
        char got[4000] = "";
        size_t len, all = 0;
        char *text = request("gpt-test", 1, &len);
        void *packet;

        if (i == 0)
            gnutls_record_send2(session, text, len, 0, 0);
        else
            gnutls_record_send_range(session, text, len,
                                     (size_t[]){len, len + 10});
        while (!strstr(got, "\"usage\"")) {
            ssize_t n = i == 0 ? gnutls_record_recv_seq(session, got + all, 100,
                                                        sequence)
                               : gnutls_record_recv_packet(session, &packet);

            if (n > 0 && i == 1) {
                gnutls_packet_get(packet, &data, NULL);
                memcpy(got + all, data.bytes, data.len);
                gnutls_packet_deinit(packet);
            }
            all += n > 0 ? (size_t)n : 0;
        }
        printf("%.12s\n", got);
        free(text);
    }
    gnutls_deinit(session);
}

/* The answers have come, and are not read: the first by no byte, the second
 * behind its head. */
static void unread(void)
{
    for (int i = 0; i < 2; i++) {
        int fd;
        void *session = open_link(&fd);
        char head[2000] = "";

        send_one(session);
        for (int n = 0; i == 1 && !strstr(head, "\r\n\r\n");)
            n += gnutls_record_recv(session, head + n, 1) > 0;
        usleep(300000);
        gnutls_deinit(session);
        close(fd);
    }
}

/* The library holds the bytes until they are many. */
static void corked(void)
{
    int fd;
    void *session = open_link(&fd);
    size_t len;
    char *text = request("gpt-test", 1, &len);

    gnutls_record_cork(session);
    for (size_t i = 0; i < len; i++)
        gnutls_record_send(session, text + i, 1);
    gnutls_record_uncork(session, 1);
    answer(session);
    free(text);
    gnutls_deinit(session);
}

/* Writes that wait, each tried again without its bytes, or with them. */
static void waits(bool again_with_bytes)
{
    int fd, tries = 0;
    void *session = open_link(&fd);
    size_t len, off = 0;
    char *text = request("gpt-test", LARGE, &len);
    bool waiting = false;

    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (off < len) {
        struct pollfd ready = {fd, POLLOUT, 0};
        bool without = waiting && !again_with_bytes;
        ssize_t put = gnutls_record_send(session, without ? NULL : text + off,
                                         without ? 0 : len - off);

        waiting = put == AGAIN;
        if (put > 0) {
            off += (size_t)put;
            continue;
        }
        tries++;
        if (put != AGAIN)
            exit(5);
        poll(&ready, 1, 2000);
    }
    printf("waited: %s\n", tries > 0 ? "yes" : "no");
    answer(session);
    free(text);
    gnutls_deinit(session);
}

static void without_bytes(void)
{
    waits(false);
}

static void with_bytes(void)
{
    waits(true);
}

static void no_http(void)
{
    int fd;
    void *session = open_link(&fd);

    gnutls_record_send(session, "EHLO me\r\n", 9);
    send_one(session);
    gnutls_deinit(session);
}

#define AHEAD 50

static void *reads(void *session)
{
    for (int i = 0; i < AHEAD; i++)
        answer(session);
    return NULL;
}

static ssize_t slow_push(void *fd, const void *bytes, size_t len)
{
    ssize_t put = write((int)(intptr_t)fd, bytes, len);

    usleep(10000);
    return put;
}

/* One thread sends while another receives, which GnuTLS allows: an answer comes
 * before the request's call returns, or at the very same time as others are
 * sent. */
static void both_ways(void)
{
    int fd;
    void *session = open_link(&fd);
    pthread_t reader;

    pthread_create(&reader, NULL, reads, session);
    for (int i = 0; i < AHEAD; i++) {
        if (i == AHEAD - 5)
            gnutls_transport_set_push_function(session, slow_push);
        send_one(session);
    }
    pthread_join(reader, NULL);
    gnutls_deinit(session);
}

/* -- HTTP/2 ---------------------------------------------------------------- */

static void send_frame(void *session, int type, int flags, int stream,
                       const void *payload, size_t len)
{
    char frame[2000] = {0,          (char)(len >> 8),    (char)len,
                        (char)type, (char)flags,         0,
                        0,          (char)(stream >> 8), (char)stream};

    memcpy(frame + 9, payload, len);
    if (gnutls_record_send(session, frame, 9 + len) != (ssize_t)(9 + len))
        exit(6);
}

/* The key comes into the table by the first request, and is named by its place
 * there in others. */
static void ask(void *session, int stream)
{
    static const char head[] = "\x83\x87\x04\x14/v1/chat/completions"
                               "\x01\x09localhost\x0f\x10\x10"
                               "application/json",
                      key[] = "\x57\x13"
                              "Bearer sk-SECRETKEY";
    char block[200], text[500], *body;
    size_t len = sizeof(head) - 1;

    memcpy(block, head, len);
    if (stream == 1)
        memcpy(block + len, key, sizeof(key) - 1);
    else
        block[len] = '\xbe';
    len += stream == 1 ? sizeof(key) - 1 : 1;
    send_frame(session, 1, 4, stream, block, len);
    body = text;
    len = (size_t)sprintf(text,
                          "{\"model\":\"gpt-test\",\"messages\":[{"
                          "\"role\":\"user\",\"content\":\"%d\"}]}",
                          stream);
    send_frame(session, 0, 1, stream, body, len);
}

static void read_all(void *session, char *to, size_t len)
{
    for (ssize_t n; len > 0; to += n, len -= (size_t)n)
        if ((n = read_some(session, to, len)) <= 0)
            exit(7);
}

/* Gives whether the frame ends a stream. */
static bool read_frame(void *session)
{
    unsigned char head[9];
    static char payload[1 << 16];

    read_all(session, (char *)head, sizeof(head));
    read_all(session, payload, (size_t)(head[1] << 8 | head[2]));
    return head[3] <= 1 && head[4] & 1;
}

static void *read_answers(void *session)
{
    for (int got = 0; got < AHEAD;)
        got += read_frame(session);
    return NULL;
}

static void begin_http2(void *session)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    if (gnutls_record_send(session, preface, 24) != 24)
        exit(6);
    send_frame(session, 4, 0, 0, "", 0);
}

/* The server speaks first. */
static void http2(void)
{
    int fd;
    void *session;

    wants_http2 = true;
    session = open_link(&fd);
    (void)read_frame(session);
    begin_http2(session);
    for (int i = 0; i < 3; i++) {
        ask(session, 2 * i + 1);
        while (!read_frame(session))
            ;
    }
    gnutls_deinit(session);
}

/* Many streams, by a thread that sends and one that receives. */
static void http2_both_ways(void)
{
    int fd;
    void *session;
    pthread_t reader;

    wants_http2 = true;
    session = open_link(&fd);
    begin_http2(session);
    pthread_create(&reader, NULL, read_answers, session);
    for (int i = 0; i < AHEAD; i++)
        ask(session, 2 * i + 1);
    pthread_join(reader, NULL);
    gnutls_deinit(session);
}

int main(int argc, char **argv)
{
    static const struct named_case all[] = {
        {"plain", plain},
        {"of_nothing", of_nothing},
        {"corked", corked},
        {"without_bytes", without_bytes},
        {"with_bytes", with_bytes},
        {"one_address", one_address},
        {"no_http", no_http},
        {"both_ways", both_ways},
        {"threads", threads},
        {"newer_names", newer_names},
        {"unread", unread},
        {"http2", http2},
        {"http2_both_ways", http2_both_ways}};

    if (argc != 3)
        return 2;
    port = atoi(argv[2]);
    gnutls_certificate_allocate_credentials(&credentials);
    return run_case(argv[1], all, sizeof(all) / sizeof(*all));
}
