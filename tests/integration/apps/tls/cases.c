/* cases NAME PORT: a client of OpenSSL that uses it as programs may, though few
 * do. It needs the library alone, and no header of it: ssl.h, bio.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "calls.h"

#define HOST_NAME 55 /* SSL_CTRL_SET_TLSEXT_HOSTNAME */
#define MODE 33      /* SSL_CTRL_MODE */
#define PARTIAL 1L   /* SSL_MODE_ENABLE_PARTIAL_WRITE */
#define MOVING 2L    /* SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER */
#define SET_SSL 109  /* BIO_C_SET_SSL */
#define LARGE 3000000

void *TLS_client_method(void);
void *SSL_CTX_new(const void *method);
void *SSL_new(void *ctx);
long SSL_ctrl(void *ssl, int what, long number, void *argument);
int SSL_set_fd(void *ssl, int fd);
int SSL_connect(void *ssl);
int SSL_set_alpn_protos(void *ssl, const unsigned char *names, unsigned len);
void SSL_set_connect_state(void *ssl);
int SSL_read(void *ssl, void *bytes, int len);
int SSL_read_ex(void *ssl, void *bytes, size_t len, size_t *got);
int SSL_write(void *ssl, const void *bytes, int len);
int SSL_write_ex(void *ssl, const void *bytes, size_t len, size_t *put);
int SSL_peek(void *ssl, void *bytes, int len);
int SSL_get_error(const void *ssl, int result);
int SSL_shutdown(void *ssl);
int SSL_clear(void *ssl);
void SSL_free(void *ssl);
int CRYPTO_set_mem_functions(void *(*allocate)(size_t, const char *, int),
                             void *(*change)(void *, size_t, const char *, int),
                             void (*release)(void *, const char *, int));
const void *BIO_f_ssl(void);
const void *BIO_s_mem(void);
void SSL_set_bio(void *ssl, void *from, void *to);
void *BIO_new(const void *method);
long BIO_ctrl(void *bio, int what, long number, void *argument);
void BIO_free_all(void *bio);
int BIO_read(void *bio, void *bytes, int len);
int BIO_write(void *bio, const void *bytes, int len);
int SSL_want(const void *ssl);
int SSL_use_certificate_file(void *ssl, const char *path, int type);

static void *ctx;

static void connect_tls(void *ssl, int fd)
{
    SSL_set_fd(ssl, fd);
    SSL_ctrl(ssl, HOST_NAME, 0, "localhost");
    if (SSL_connect(ssl) != 1)
        exit(4);
}

static void *open_link(int *fd)
{
    void *ssl = SSL_new(ctx);

    *fd = dial();
    connect_tls(ssl, *fd);
    return ssl;
}

static void send_all(void *ssl, const char *model)
{
    size_t len;
    char *text = request(model, 1, &len);

    if (SSL_write(ssl, text, (int)len) != (int)len)
        printf("a write failed\n");
    free(text);
}

static void send_one(void *ssl)
{
    send_all(ssl, "gpt-test");
}

static bool inside; /* end frees by a BIO, which has the object */

static void end(void *ssl)
{
    if (inside) {
        void *bio = BIO_new(BIO_f_ssl());

        BIO_ctrl(bio, SET_SSL, 1, ssl);
        BIO_free_all(bio);
    } else {
        SSL_free(ssl);
    }
}

static ssize_t read_some(void *ssl, char *to, size_t len)
{
    for (;;) {
        int got = SSL_read(ssl, to, (int)len);
        int why = got > 0 ? 0 : SSL_get_error(ssl, got);

        if (why != 2 && why != 3) /* WANT_READ, WANT_WRITE */
            return got;
        usleep(1000);
    }
}

static void plain(void)
{
    int fd;
    void *ssl = open_link(&fd);

    for (int i = 0; i < 2; i++) {
        send_all(ssl, "gpt-test");
        answer(ssl);
    }
    SSL_free(ssl);
}

static void newer_names(void)
{
    int fd;
    void *ssl = open_link(&fd);
    char byte, *text, *from;
    size_t len, put, got, all = 0;

    text = from = request("gpt-test", 1, &len);
    for (; len > 0 && SSL_write_ex(ssl, from, len, &put) == 1; from += put)
        len -= put;
    while (all < 12 && SSL_read_ex(ssl, &byte, 1, &got) == 1)
        all += got;
    answer(ssl);
    free(text);
    SSL_free(ssl);
}

/* A read and a write of no bytes fail, and the connection goes on. */
static void of_nothing(void)
{
    int fd;
    void *ssl = open_link(&fd);
    size_t done;

    send_all(ssl, "gpt-test");
    (void)SSL_write(ssl, "", 0);
    (void)SSL_write_ex(ssl, "", 0, &done);
    (void)SSL_read(ssl, &fd, 0);
    (void)SSL_read_ex(ssl, &fd, 0, &done);
    answer(ssl);
    send_all(ssl, "gpt-test");
    answer(ssl);
    SSL_free(ssl);
}

static void bytes(void)
{
    int fd;
    void *ssl = open_link(&fd);
    char peeked[100], *text;
    size_t len;

    text = request("gpt-test", 1, &len);
    for (size_t i = 0; i < len; i++)
        SSL_write(ssl, text + i, 1);
    SSL_peek(ssl, peeked, sizeof(peeked));
    answer(ssl);
    free(text);
    SSL_free(ssl);
}

/* Leaves an error in the queue, and asks SSL_want. */
static short wanted(void *ssl)
{
    short events = SSL_want(ssl) == 3 ? POLLIN : POLLOUT;

    (void)SSL_use_certificate_file(ssl, "/none", 1);
    return events;
}

static void older_error(void)
{
    int fd;
    void *ssl = open_link(&fd);
    size_t len;
    char *text = request("gpt-test", LARGE, &len);

    SSL_ctrl(ssl, MODE, MOVING, NULL);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    for (int i = 0; i < 2; i++) {
        char got[4096] = "";

        (void)wanted(ssl);
        while (SSL_write(ssl, text, (int)len) <= 0)
            poll(&(struct pollfd){fd, wanted(ssl), 0}, 1, 2000);
        for (int all = 0, n; !strstr(got, "\"usage\""); all += n > 0 ? n : 0)
            if ((n = SSL_read(ssl, got + all, 1000)) <= 0)
                poll(&(struct pollfd){fd, wanted(ssl), 0}, 1, 2000);
        printf("%.12s\n", got);
    }
    free(text);
    SSL_free(ssl);
}

/* Some answers are read by functions that are not watched. */
static void read_beside(void)
{
    int fd;
    void *ssl = open_link(&fd), *bio = BIO_new(BIO_f_ssl());
    char got[4096];

    BIO_ctrl(bio, SET_SSL, 0, ssl);
    for (int i = 0; i < 5; i++) {
        send_one(ssl);
        if (i % 2) {
            answer(ssl);
            continue;
        }
        memset(got, 0, sizeof(got));
        for (int all = 0; !strstr(got, "\"usage\"");)
            all += BIO_read(bio, got + all, 1000);
        printf("%.12s\n", got);
    }
    BIO_free_all(bio);
    SSL_free(ssl);
}

/* The body is sent by such a function: what it asks for is not known. */
static void body_beside(void)
{
    int fd;
    void *ssl = open_link(&fd), *bio = BIO_new(BIO_f_ssl());
    size_t len;
    char *text = request("gpt-test", 1, &len);
    char *body = strstr(text, "\r\n\r\n") + 4;

    BIO_ctrl(bio, SET_SSL, 0, ssl);
    SSL_write(ssl, text, (int)(body - text));
    BIO_write(bio, body, (int)(text + len - body));
    answer(ssl);
    send_one(ssl);
    answer(ssl);
    free(text);
    BIO_free_all(bio);
    SSL_free(ssl);
}

/* The answers have come, and are not read: the first by no byte, the second
 * behind its head. No third one comes, but what TLS 1.3 sends at its begin. */
static void unread(void)
{
    for (int i = 0; i < 3; i++) {
        int fd;
        void *ssl = open_link(&fd);
        char head[2000] = "";

        send_all(ssl, i == 2 ? "hang" : "gpt-test");
        for (int n = 0; i == 1 && !strstr(head, "\r\n\r\n"); n++)
            SSL_read(ssl, head + n, 1);
        usleep(300000);
        SSL_free(ssl);
        close(fd);
    }
}

/* Writes that wait, each from another buffer, which is overwritten then. */
static void waits(long mode)
{
    int fd, tries = 0;
    void *ssl = open_link(&fd);
    size_t len, off = 0;
    char *text = request("gpt-test", LARGE, &len);

    SSL_ctrl(ssl, MODE, mode, NULL);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (off < len) {
        struct pollfd ready = {fd, POLLIN | POLLOUT, 0};
        char *moved = malloc(len - off);
        int put;

        memcpy(moved, text + off, len - off);
        put = SSL_write(ssl, moved, (int)(len - off));
        memset(moved, 'Z', len - off);
        free(moved);
        if (put > 0) {
            off += (size_t)put;
            continue;
        }
        tries++;
        if (SSL_get_error(ssl, put) != 3 && SSL_get_error(ssl, put) != 2)
            exit(5);
        poll(&ready, 1, 2000);
    }
    printf("waited: %s\n", tries > 0 ? "yes" : "no");
    answer(ssl);
    free(text);
    SSL_free(ssl);
}

static void partial(void)
{
    waits(PARTIAL | MOVING);
}

static void moved(void)
{
    waits(MOVING);
}

/* The second connection is given up in its answer. */
static void cleared(void)
{
    int fd;
    void *ssl = open_link(&fd);

    for (int i = 0; i < 3; i++) {
        if (i > 0) {
            SSL_shutdown(ssl);
            close(fd);
            SSL_clear(ssl);
            connect_tls(ssl, fd = dial());
        }
        send_all(ssl, "gpt-test");
        if (i == 1)
            read_some(ssl, (char[10]){0}, 10);
        else
            answer(ssl);
    }
    SSL_free(ssl);
}

/* The library frees the object itself, and its address is used again. */
static void freed_inside(void)
{
    inside = true;
    one_address();
}

static void no_http(void)
{
    int fd;
    void *ssl = open_link(&fd);

    SSL_write(ssl, "EHLO me\r\n", 9);
    send_all(ssl, "gpt-test");
    SSL_free(ssl);
}

static void *is_cancelled(void *wrote)
{
    int fd;
    size_t len;
    char *text = request("gpt-test", 1, &len), out[1000];
    void *ssl = open_link(&fd), *memory = BIO_new(BIO_s_mem());

    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), memory);
    pthread_cancel(pthread_self());
    *(int *)wrote = SSL_write(ssl, text, (int)len) == (int)len;
    while (BIO_read(memory, out, sizeof(out)) > 0)
        ; /* as if it went to the server */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    SSL_free(ssl);
    free(text);
    return NULL;
}

/* A write into memory, which is no point where a thread may be cancelled. */
static void cancelled(void)
{
    int wrote = 0;
    pthread_t thread;

    pthread_create(&thread, NULL, is_cancelled, &wrote);
    pthread_join(thread, NULL);
    printf("wrote: %s\n", wrote ? "yes" : "no");
}

/* The handshake, which a write does as well, fails. */
static void no_handshake(void)
{
    static const char none[] = "HTTP/1.1 400 No TLS\r\n\r\n";
    int ends[2], put;
    size_t len;
    char *text = request("gpt-test", 1, &len);
    void *ssl = SSL_new(ctx);

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        exit(3);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    SSL_set_fd(ssl, ends[0]);
    SSL_set_connect_state(ssl);
    put = SSL_write(ssl, text, (int)len);
    printf("%d", SSL_get_error(ssl, put));
    if (write(ends[1], none, sizeof(none) - 1) > 0)
        put = SSL_write(ssl, text, (int)len);
    printf(" %d\n", SSL_get_error(ssl, put));
    SSL_free(ssl);
    free(text);
}

/* A child uses its parent's connection; then one that is in a call. */
static void forks(void)
{
    int fd;
    void *ssl = open_link(&fd);

    send_all(ssl, "gpt-test");
    answer(ssl);
    fflush(stdout);
    if (fork() == 0) {
        send_all(ssl, "gpt-test");
        answer(ssl);
        exit(0);
    }
    wait(NULL);
    SSL_free(ssl);
    ssl = open_link(&fd);
    send_all(ssl, "gpt-test");
    fflush(stdout);
    if (fork() == 0) {
        SSL_free(ssl);
        exit(0);
    }
    wait(NULL);
    answer(ssl);
    SSL_free(ssl);
}

/* A child reads its parent's answer, and asks again. */
static void child_reads(void)
{
    int fd;
    void *ssl = open_link(&fd);

    send_one(ssl);
    fflush(stdout);
    if (fork() == 0) {
        answer(ssl);
        send_one(ssl);
        answer(ssl);
        exit(0);
    }
    wait(NULL);
    SSL_free(ssl);
}

static void *slow_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    if (__atomic_load_n(&first, __ATOMIC_RELAXED))
        usleep(5000);
    return malloc(size);
}

static void *slow_realloc(void *from, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return realloc(from, size);
}

static void slow_free(void *from, const char *file, int line)
{
    (void)file, (void)line;
    free(from);
}

static void keeps_errno(void)
{
    int fd;
    void *ssl = open_link(&fd);

    errno = 77;
    send_all(ssl, "gpt-test");
    printf("errno %d\n", errno);
    answer(ssl);
    SSL_free(ssl);
}

/* A key that stands nowhere but where the program, or anybody, puts it. */
static char key_at(size_t i)
{
    return (char)('A' + (i * i * 7 + i * 3 + 11) % 26);
}

#define KEY_LEN 40

static bool is_key(const char *at)
{
    size_t i = 0;

    while (i < KEY_LEN && at[i] == key_at(i))
        i++;
    return i == KEY_LEN;
}

/* How often the key is in the process's memory, which a thread of the library
 * may give back meanwhile: the kernel reads it. */
static int keys(void)
{
    static char piece[65536];
    FILE *maps = fopen("/proc/self/maps", "r");
    int memory = open("/proc/self/mem", O_RDONLY), found = 0;
    char line[500];

    while (fgets(line, sizeof(line), maps)) {
        char *rest;
        size_t from = strtoul(line, &rest, 16);
        size_t left = strtoul(rest + 1, &rest, 16) - from;
        ssize_t got;

        if (strncmp(rest, " rw", 3) != 0)
            continue;
        while ((got = pread(memory, piece,
                            left < sizeof(piece) ? left : sizeof(piece),
                            (off_t)from)) >= KEY_LEN) {
            for (ssize_t i = 0; i + KEY_LEN <= got; i++)
                found += is_key(piece + i);
            from += (size_t)got - KEY_LEN + 1;
            left -= (size_t)got - KEY_LEN + 1;
        }
    }
    close(memory);
    fclose(maps);
    return found;
}

/* The key is in one piece, byte by byte, and in a head that is cut. */
static void forgets_keys(void)
{
    int fd;
    void *ssl = open_link(&fd);

    for (size_t step = 1000; step > 0; step = step == 1000 ? 1
                                              : step == 1  ? 150
                                                           : 0) {
        size_t len, off = 0;
        char *text = request("gpt-test", 1, &len);
        char *key = strstr(text, "sk-SECRETKEY");
        char *longer = malloc(len + KEY_LEN);

        memcpy(longer, text, (size_t)(key - text));
        memcpy(longer + (key - text) + KEY_LEN, key,
               len - (size_t)(key - text));
        for (size_t i = 0; i < KEY_LEN; i++)
            longer[(size_t)(key - text) + i] = key_at(i);
        for (len += KEY_LEN; off < len; off += step)
            SSL_write(ssl, longer + off,
                      (int)(len - off < step ? len - off : step));
        explicit_bzero(longer, len);
        free(longer);
        free(text);
        answer(ssl);
    }
    SSL_free(ssl);
    printf("keys: %d\n", keys());
}

/* Writes a frame in two pieces, of which the first ends in its key, and wipes
 * it. */
static void send_frame(void *ssl, int type, int flags, int stream,
                       const char *payload, size_t len)
{
    char frame[500] = {
        0, (char)(len >> 8), (char)len, (char)type, (char)flags, 0, 0,
        0, (char)stream};
    int first = len > 20 ? 9 + (int)len - 15 : 9 + (int)len;

    for (size_t i = 0; i < len; i++) /* stands for the key */
        frame[9 + i] = payload[i];
    SSL_write(ssl, frame, first);
    if (9 + (int)len > first)
        SSL_write(ssl, frame + first, 9 + (int)len - first);
    explicit_bzero(frame, sizeof(frame));
}

/* A line of a head in one of HPACK's forms, with the key as its value. */
static size_t key_line(char *to, const char *form, size_t len)
{
    memcpy(to, form, len);
    to[len++] = KEY_LEN;
    for (size_t i = 0; i < KEY_LEN; i++)
        to[len + i] = key_at(i);
    return len + KEY_LEN;
}

/* A line that goes into the table, one by its place there, one that may never
 * be there, in two frames, a crumb of a cookie, and a trailer. */
static void http2_forgets_keys(void)
{
    static const char head[] = "\x83\x87\x04\x14/v1/chat/completions"
                               "\x01\x09localhost\x0f\x10\x10"
                               "application/json",
                      body[] = "{\"model\":\"gpt-test\",\"messages\":[{"
                               "\"role\":\"user\",\"content\":\"a\"}]}";
    char block[300];
    int fd = dial(), ended = 0, alive;
    void *ssl = SSL_new(ctx);

    SSL_set_alpn_protos(ssl, (const unsigned char *)"\2h2", 3);
    connect_tls(ssl, fd);
    SSL_write(ssl, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    send_frame(ssl, 4, 0, 0, "", 0);
    for (int i = 0; i < 5; i++) {
        static const struct {
            char text[3];
            unsigned char len;
        } forms[] = {
            {"\x57", 1}, {"\xbe", 0}, {"\x1f\x08", 2}, {"\x60", 1}, {"", 0}};
        size_t len = sizeof(head) - 1, more = 0;

        memcpy(block, head, len);
        if (i == 1)
            block[len++] = '\xbe';
        else if (forms[i].len > 0)
            more = key_line(block + len, forms[i].text, forms[i].len);
        if (i == 2) {
            send_frame(ssl, 1, 0, 2 * i + 1, block, len + more / 2);
            send_frame(ssl, 9, 4, 2 * i + 1, block + len + more / 2,
                       more - more / 2);
        } else {
            send_frame(ssl, 1, 4, 2 * i + 1, block, len + more);
        }
        send_frame(ssl, 0, i < 4, 2 * i + 1, body, sizeof(body) - 1);
        if (i == 4)
            send_frame(ssl, 1, 5, 2 * i + 1, block,
                       key_line(block, "\x40\x01x", 3));
        explicit_bzero(block, sizeof(block));
    }
    while (ended < 5) {
        unsigned char frame[9];
        char byte;

        for (int i = 0; i < 9; i++)
            if (SSL_read(ssl, frame + i, 1) != 1)
                exit(7);
        for (int left = frame[1] << 8 | frame[2]; left > 0; left--)
            SSL_read(ssl, &byte, 1);
        ended += frame[3] <= 1 && frame[4] & 1;
    }
    alive = keys();
    SSL_free(ssl);
    printf("keys: %d, %d\n", alive, keys());
}

/* The process ends within a call. */
static void leaves(void)
{
    int fd;
    void *ssl = open_link(&fd);

    send_all(ssl, "stall");
    read_some(ssl, (char[10]){0}, 10);
}

int main(int argc, char **argv)
{
    static const struct named_case all[] = {
        {"plain", plain},
        {"newer_names", newer_names},
        {"bytes", bytes},
        {"of_nothing", of_nothing},
        {"partial", partial},
        {"moved", moved},
        {"cleared", cleared},
        {"freed_inside", freed_inside},
        {"no_http", no_http},
        {"no_handshake", no_handshake},
        {"cancelled", cancelled},
        {"forks", forks},
        {"threads", threads},
        {"keeps_errno", keeps_errno},
        {"leaves", leaves},
        {"forgets_keys", forgets_keys},
        {"http2_forgets_keys", http2_forgets_keys},
        {"older_error", older_error},
        {"read_beside", read_beside},
        {"body_beside", body_beside},
        {"unread", unread},
        {"child_reads", child_reads},
        {"ahead", ahead},
        {"exits", exits}};

    if (argc != 3)
        return 2;
    port = atoi(argv[2]);
    CRYPTO_set_mem_functions(slow_malloc, slow_realloc, slow_free);
    ctx = SSL_CTX_new(TLS_client_method());
    return run_case(argv[1], all, sizeof(all) / sizeof(*all));
}
