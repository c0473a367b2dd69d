/* loopback - a server on 127.0.0.1 that answers once as a language model, for
 * the self-test.
 *
 * Owns:    its descriptors, from open to close.
 * Threads: one.
 * Errors:  -errno.
 * Limits:  LLMOBS_LOOPBACK_MAX bytes of a request; one connection at a time.
 * Fork:    the descriptors are closed at exec.
 */
#ifndef LLMOBS_LOOPBACK_H
#define LLMOBS_LOOPBACK_H

#include <stdbool.h>
#include <stdint.h>

#define LLMOBS_LOOPBACK_MAX 65536

struct llmobs_loopback {
    int listener;
    unsigned port;
};

int llmobs_loopback_open(struct llmobs_loopback *loopback);
void llmobs_loopback_close(struct llmobs_loopback *loopback);

/* Waits up to `ms` for a request, calls `asked` when the request is there, then
 * answers it and returns 1. 0: no request came; -errno: it broke off. */
int llmobs_loopback_serve(const struct llmobs_loopback *loopback, int ms,
                          void (*asked)(void *ctx), void *ctx);

#endif
