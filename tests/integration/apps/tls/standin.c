/* Stands in for OpenSSL 1.1.1: the names and the ways of its libssl and
 * libcrypto that cases.c uses, without any secrecy: ssl.h, bio.h, crypto.h. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef void free_fn(void *parent, void *pointer, void *data, int index,
                     long number, void *argument);

struct ssl {
    int fd, last;
    char name[64];
};

static free_fn *callbacks[4];
static int count;

int CRYPTO_get_ex_new_index(int class, long number, void *argument, void *made,
                            void *copied, free_fn *freed)
{
    (void)class, (void)number, (void)argument, (void)made, (void)copied;
    callbacks[count] = freed;
    return count++;
}

int CRYPTO_set_mem_functions(void *a, void *b, void *c)
{
    (void)a, (void)b, (void)c;
    return 1;
}

void *TLS_client_method(void)
{
    return "TLS";
}

void *SSL_CTX_new(void *method)
{
    return method;
}

/* The last one that was freed comes again, whatever else the process
 * allocates. */
static struct ssl *spare;

struct ssl *SSL_new(void *ctx)
{
    struct ssl *ssl = spare ? spare : malloc(sizeof(*ssl));

    (void)ctx;
    spare = NULL;
    return memset(ssl, 0, sizeof(*ssl));
}

long SSL_ctrl(struct ssl *ssl, int what, long number, const char *argument)
{
    (void)number;
    if (what == 55)
        strncpy(ssl->name, argument, sizeof(ssl->name) - 1);
    return 1;
}

int SSL_set_fd(struct ssl *ssl, int fd)
{
    ssl->fd = fd;
    return 1;
}

int SSL_connect(struct ssl *ssl)
{
    return ssl->fd >= 0;
}

int SSL_read(struct ssl *ssl, void *bytes, int len)
{
    return ssl->last = (int)recv(ssl->fd, bytes, (size_t)len, 0);
}

int SSL_peek(struct ssl *ssl, void *bytes, int len)
{
    return (int)recv(ssl->fd, bytes, (size_t)len, MSG_PEEK);
}

static int is_number(const char *name, int number)
{
    const char *value = getenv(name);

    return value && atoi(value) == number;
}

/* STANDIN_LIES=N: the write of that number says that it took too much.
 * STANDIN_FAILS=N: that it failed. */
int SSL_write(struct ssl *ssl, const void *bytes, int len)
{
    static int number;

    number++;
    ssl->last = (int)send(ssl->fd, bytes, (size_t)len, 0);
    if (is_number("STANDIN_FAILS", number))
        return ssl->last = -1;
    return is_number("STANDIN_LIES", number) ? len + 1 : ssl->last;
}

void SSL_set_connect_state(struct ssl *ssl)
{
    (void)ssl;
}

int SSL_read_ex(struct ssl *ssl, void *bytes, size_t len, size_t *got)
{
    int result = SSL_read(ssl, bytes, (int)len);

    *got = result > 0 ? (size_t)result : 0;
    return result > 0;
}

int SSL_write_ex(struct ssl *ssl, const void *bytes, size_t len, size_t *put)
{
    int result = SSL_write(ssl, bytes, (int)len);

    *put = result > 0 ? (size_t)result : 0;
    return result > 0;
}

int SSL_want(const struct ssl *ssl)
{
    (void)ssl;
    return 1;
}

int SSL_get_shutdown(const struct ssl *ssl)
{
    return ssl->last == 0 ? 2 : 0;
}

void *SSL_get_rbio(const struct ssl *ssl)
{
    (void)ssl;
    return NULL;
}

void *SSL_get_wbio(const struct ssl *ssl)
{
    (void)ssl;
    return NULL;
}

int SSL_get_rfd(const struct ssl *ssl)
{
    return ssl->fd;
}

int SSL_pending(const struct ssl *ssl)
{
    (void)ssl;
    return 0;
}

int SSL_use_certificate_file(struct ssl *ssl, const char *path, int type)
{
    (void)ssl, (void)path, (void)type;
    return 0;
}

int BIO_read(void **bio, void *bytes, int len)
{
    return SSL_read(*bio, bytes, len);
}

int BIO_write(void **bio, const void *bytes, int len)
{
    return SSL_write(*bio, bytes, len);
}

int BIO_test_flags(const void *bio, int flags)
{
    (void)bio;
    return flags;
}

int BIO_method_type(const void *bio)
{
    (void)bio;
    return 0;
}

int BIO_up_ref(void *bio)
{
    (void)bio;
    return 0;
}

size_t BIO_ctrl_pending(void *bio)
{
    (void)bio;
    return 0;
}

int BIO_free(void *bio)
{
    (void)bio;
    return 0;
}

unsigned long BIO_number_read(void *bio)
{
    (void)bio;
    return 0;
}

int SSL_get_error(const struct ssl *ssl, int result)
{
    return result > 0 ? 0 : ssl->last == 0 ? 6 : 5;
}

const char *SSL_get_servername(const struct ssl *ssl, int type)
{
    return type == 0 && ssl->name[0] ? ssl->name : NULL;
}

int SSL_is_server(const struct ssl *ssl)
{
    (void)ssl;
    return 0;
}

int SSL_in_init(const struct ssl *ssl)
{
    (void)ssl;
    return 0;
}

int SSL_do_handshake(struct ssl *ssl)
{
    (void)ssl;
    return 1;
}

int SSL_get_state(const struct ssl *ssl)
{
    (void)ssl;
    return 1;
}

size_t SSL_get_client_random(const struct ssl *ssl, unsigned char *out,
                             size_t len)
{
    (void)ssl, (void)out, (void)len;
    return 0;
}

int SSL_set_alpn_protos(struct ssl *ssl, const unsigned char *names,
                        unsigned len)
{
    (void)ssl, (void)names, (void)len;
    return 0;
}

int SSL_waiting_for_async(const struct ssl *ssl)
{
    (void)ssl;
    return 0;
}

void SSL_get0_alpn_selected(const struct ssl *ssl, const unsigned char **name,
                            unsigned *len)
{
    (void)ssl;
    *name = NULL;
    *len = 0;
}

void *SSL_get_peer_cert_chain(const struct ssl *ssl)
{
    (void)ssl;
    return NULL;
}

int SSL_clear(struct ssl *ssl)
{
    (void)ssl;
    return 1;
}

int SSL_shutdown(struct ssl *ssl)
{
    return shutdown(ssl->fd, SHUT_WR) == 0;
}

void SSL_free(struct ssl *ssl)
{
    for (int i = 0; i < count; i++)
        callbacks[i](ssl, NULL, NULL, i, 0, NULL);
    free(spare);
    spare = ssl;
}

void *BIO_s_mem(void)
{
    return "memory";
}

void SSL_set_bio(struct ssl *ssl, void *from, void *to)
{
    (void)ssl, (void)from, (void)to;
}

void *BIO_f_ssl(void)
{
    return "SSL";
}

void *BIO_new(void *method)
{
    (void)method;
    return calloc(1, sizeof(void *));
}

long BIO_ctrl(void **bio, int what, long number, void *argument)
{
    (void)what, (void)number;
    *bio = argument;
    return 1;
}

void BIO_free_all(void **bio)
{
    SSL_free(*bio);
    free(bio);
}
