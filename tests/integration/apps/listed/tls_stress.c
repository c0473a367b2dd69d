/* tls_stress HOW PORT COUNT SEED: the calls of stress.c over OpenSSL, or with
 * -DGNU over GnuTLS, by a socket that does not wait and takes little. HOW,
 * letters: x SSL_write_ex, not SSL_write; p partial writes; f records of 512
 * bytes; o other buffers for a retry; g more bytes for it; c corked; 2 HTTP/2;
 * k, r: behind a part new keys, or by TLS 1.2 another handshake, for which a
 * call waits for the answer to the one before; b: by HTTP/1.1 one that such a
 * handshake holds up is given up for one with another body. Else a retry has
 * the same bytes, by GnuTLS sometimes none. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *how;
static int fd, answers, came;
static unsigned seed, other = 7;

static unsigned dice(void)
{
    seed = seed * 1103515245 + 12345;
    return seed >> 8;
}

/* Of what depends on the time. */
static unsigned coin(void)
{
    other = other * 1103515245 + 12345;
    return other >> 8;
}

static int has(char letter)
{
    return strchr(how, letter) != NULL;
}

static void await(short events)
{
    struct pollfd ready = {fd, events, 0};

    poll(&ready, 1, 100);
}

static void fail(const char *what)
{
    puts(what);
    exit(3);
}

/* Both give -1 where they must be tried again, and else below 0. */
#ifdef GNU
#include <gnutls/gnutls.h>

static gnutls_session_t tls;

static void begin(void)
{
    static gnutls_certificate_credentials_t none;
    static gnutls_datum_t h2 = {(unsigned char *)"h2", 2};
    int result;

    gnutls_certificate_allocate_credentials(&none);
    gnutls_init(&tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK);
    gnutls_set_default_priority(tls);
    gnutls_credentials_set(tls, GNUTLS_CRD_CERTIFICATE, none);
    gnutls_server_name_set(tls, GNUTLS_NAME_DNS, "localhost", 9);
    if (has('2'))
        gnutls_alpn_set_protocols(tls, &h2, 1, 0);
    gnutls_transport_set_int(tls, fd);
    while ((result = gnutls_handshake(tls)) < 0) {
        if (gnutls_error_is_fatal(result))
            fail(gnutls_strerror(result));
        await(POLLIN);
    }
}

static ssize_t answer_of(ssize_t result)
{
    return result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED ? -1
           : result < 0                                               ? -2
                                                                      : result;
}

/* The last uncork tells what itself has sent. */
static ssize_t put_corked(const char *bytes, size_t len)
{
    int put;

    gnutls_record_cork(tls);
    if (gnutls_record_send(tls, bytes, len) != (ssize_t)len ||
        gnutls_record_check_corked(tls) != len)
        fail("corked");
    while ((put = gnutls_record_uncork(tls, 0)) < 0)
        if (gnutls_error_is_fatal(put))
            fail("uncork");
    return (ssize_t)len;
}

static ssize_t put(const char *bytes, size_t len)
{
    static int again;

    if (has('c'))
        return put_corked(bytes, len);
    ssize_t put =
        answer_of(again && coin() % 2 ? gnutls_record_send(tls, NULL, 0)
                                      : gnutls_record_send(tls, bytes, len));

    again = put == -1;
    return put;
}

static void change(void)
{
}

static void give_up(const char *bytes, size_t len)
{
    (void)bytes, (void)len;
}

static ssize_t get(char *bytes, size_t len)
{
    return answer_of(gnutls_record_recv(tls, bytes, len));
}
#else
#include <openssl/ssl.h>

static SSL *tls;

static ssize_t answer_of(int result)
{
    int error = SSL_get_error(tls, result);

    return result > 0 ? result
           : error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? -1
                                                                           : -2;
}

static void begin(void)
{
    tls = SSL_new(SSL_CTX_new(TLS_client_method()));
    if (has('r'))
        SSL_set_max_proto_version(tls, TLS1_2_VERSION);
    if (has('p'))
        SSL_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE);
    if (has('o'))
        SSL_set_mode(tls, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (has('f'))
        SSL_set_max_send_fragment(tls, 512);
    if (has('2'))
        SSL_set_alpn_protos(tls, (const unsigned char *)"\2h2", 3);
    SSL_set_tlsext_host_name(tls, "localhost");
    SSL_set_fd(tls, fd);
    for (ssize_t result; (result = answer_of(SSL_connect(tls))) < 0;) {
        if (result != -1)
            fail("handshake");
        await(POLLIN);
    }
}

static ssize_t put(const char *bytes, size_t len)
{
    size_t put = 0;

    if (!has('x'))
        return answer_of(SSL_write(tls, bytes, (int)len));
    int result = SSL_write_ex(tls, bytes, len, &put);
    return result > 0 ? (ssize_t)put : answer_of(result);
}

static void change(void)
{
    if (has('k') ? !SSL_key_update(tls, (int)(coin() % 2))
                 : has('r') && !SSL_renegotiate(tls))
        fail("new keys");
}

static long no_read(BIO *bio, int what, const char *bytes, size_t len, int i,
                    long l, int result, size_t *done)
{
    (void)bytes, (void)len, (void)i, (void)l, (void)done;
    if (what != BIO_CB_READ)
        return result;
    BIO_set_retry_read(bio);
    return -1;
}

/* Another handshake needs what the server says. */
static void give_up(const char *bytes, size_t len)
{
    change();
    BIO_set_callback_ex(SSL_get_rbio(tls), no_read);
    if (put(bytes, len) != -1)
        fail("a write before a handshake");
    BIO_set_callback_ex(SSL_get_rbio(tls), NULL);
}

static ssize_t get(char *bytes, size_t len)
{
    return answer_of(SSL_read(tls, bytes, (int)len));
}
#endif

static void take(int wait)
{
    static const char mark[] = "\"total_tokens\": 2}}";
    static size_t at;
    static char in[1 << 16];

    for (;; wait = 0) {
        ssize_t got = get(in, sizeof(in));

        if (got == -1 && !wait)
            return;
        if (got == -1) {
            await(POLLIN);
            continue;
        }
        if (got <= 0)
            fail("the server ended it");
        came = 1;
        for (ssize_t i = 0; i < got; i++) {
            at = in[i] == mark[at] ? at + 1 : in[i] == mark[0];
            answers += !mark[at];
            at = mark[at] ? at : 0;
        }
    }
}

static char request[100000];

static size_t add_frame(size_t at, int type, int flags, int stream,
                        const char *payload, size_t len)
{
    const char head[9] = {
        (char)(len >> 16),    (char)(len >> 8),    (char)len,
        (char)type,           (char)flags,         (char)(stream >> 24),
        (char)(stream >> 16), (char)(stream >> 8), (char)stream};

    memcpy(request + at, head, 9);
    memcpy(request + at + 9, payload, len);
    return at + 9 + len;
}

static size_t make_body(char *to, int number, size_t len)
{
    memcpy(to,
           "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"",
           51);
    memset(to + 51, 'a' + number % 26, len);
    memcpy(to + 51 + len, "\"}]}", 4);
    return len + 55;
}

/* The last line is one of the connection's table, which the first call fills.
 */
static size_t make_http2(const char *port, int number, size_t len)
{
    static char body[50000];
    char block[300], n[20], l[20];
    int stream = 2 * number + 1;
    size_t all = make_body(body, number, len), at = 0, size;

    sprintf(n, "%d", number);
    sprintf(l, "%zu", len);
    size =
        (size_t)sprintf(block,
                        "\x83\x87\x04\x14/v1/chat/completions\x01%clocalhost:%s"
                        "\x0f\x10\x10"
                        "application/json%c\x03x-n%c%s%c\x03x-l%c%s",
                        (char)(strlen(port) + 10), port, 16, (char)strlen(n), n,
                        16, (char)strlen(l), l);
    size += (size_t)sprintf(block + size, number ? "\xbe" : "\x40\x03x-t\x01t");
    if (number == 0) {
        memcpy(request, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
        at = add_frame(24, 4, 0, 0, "", 0);
    }
    at = add_frame(at, 1, 4, stream, block, size);
    for (size_t done = 0, part; done < all; done += part) {
        part = all - done < 16384 ? all - done : 16384;
        at = add_frame(at, 0, done + part == all, stream, body + done, part);
    }
    return at;
}

static size_t make(const char *port, int number, size_t *head)
{
    size_t len = dice() % (dice() % 8 ? 400 : 40000);

    if (has('2')) {
        *head = 0;
        return make_http2(port, number, len);
    }
    *head = (size_t)sprintf(
        request,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost:%s\r\n"
        "Content-Type: application/json\r\nX-N: %d\r\nX-L: %zu\r\n"
        "Content-Length: %zu\r\n\r\n",
        port, number, len, len + 55);
    return *head + make_body(request + *head, number, len);
}

static void ask(const char *port, int number)
{
    static char moved[sizeof(request)];
    size_t head, all = make(port, number, &head), done = 0;
    int parts = dice() % 3 == 1;

    if (has('b')) {
        make_body(request + head, number + 1, all - head - 55);
        give_up(request, all);
        make_body(request + head, number, all - head - 55);
    }
    while (done < all) {
        size_t want = (parts && done < head ? head : all) - done;
        char *from = request + done;
        ssize_t went;

        if (has('g'))
            want = 1 + dice() % want;
        while ((went = put(from, want)) == -1) {
            await(POLLOUT);
            if (has('g'))
                want += dice() % (all - done - want + 1);
            if (has('o')) {
                memcpy(moved, request + done, want);
                from = from == moved ? request + done : moved;
            }
            if (coin() % 3 == 0)
                take(0);
        }
        if (went <= 0 || (size_t)went > want)
            fail("a write");
#ifndef GNU
        if ((size_t)went < want && !has('p'))
            fail("a short write");
#endif
        done += (size_t)went;
        if (done < all)
            change();
    }
}

int main(int argc, char **argv)
{
    int count = argc > 4 ? atoi(argv[3]) : 0, on = 1, room = 2304;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(argv[2]))};

    how = argv[1];
    seed = (unsigned)atoi(argv[4]);
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    connect(fd, (struct sockaddr *)&to, sizeof(to));
    await(POLLOUT);
    begin();
    while (has('2') && !came)
        take(1);
    for (int i = 0; i < count; i++) {
        ask(argv[2], i);
        take(0);
        while (i + 1 - answers > (has('r') ? 0 : 30))
            take(1);
    }
    while (answers < count)
        take(1);
    printf("%d answers\n", answers);
    return 0;
}
