/* hello - the first message of a TLS client (RFC 8446, 4.1.2).
 *
 * Threads: any; no state. Limits: bytes of one message up to LLMOBS_HELLO_MAX.
 */
#ifndef LLMOBS_HELLO_H
#define LLMOBS_HELLO_H

#include <stddef.h>
#include <stdint.h>

#define LLMOBS_HELLO_MAX 16384

struct llmobs_hello {
    char name[256]; /* of the server, a C string; "": none */
    unsigned char alpn[512];
    size_t alpn_len; /* as the extension has them, each behind its length */
    unsigned char random[32];
    uint64_t kind; /* of the client's ciphers: it tells TLS libraries apart */
};

/* 1: it is read; 0: the rest has not come; -1: it is none, or an odd one. */
int llmobs_hello_read(const unsigned char *bytes, size_t len,
                      struct llmobs_hello *hello);

#endif
