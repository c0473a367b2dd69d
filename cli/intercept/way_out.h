/* way_out - from the proxy of a run to the server that a program asks for:
 * directly, or by the proxy that the user has himself.
 *
 * Owns:    llmobs_way_out: its text, for as long as the process lives.
 * Threads: read: one, as it reads the environment; the rest: any.
 * Limits:  heads of LLMOBS_HEAD_MAX bytes.
 */
#ifndef LLMOBS_WAY_OUT_H
#define LLMOBS_WAY_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/export/target.h"

#define LLMOBS_HEAD_MAX 16384

struct llmobs_way_out {
    const char *url; /* the user's own proxy for https; NULL: none */
    struct llmobs_target via;
    char *login; /* "user:password" in base64; NULL: none */
    bool any;    /* the user has a proxy for something */
};

/* Reads the variables of proxies. Gives NULL, or why this run's proxy cannot
 * stand in their place: it speaks to another proxy by plain http alone. */
const char *llmobs_way_out_read(struct llmobs_way_out *way);

/* Reads the head of a CONNECT, a C string. False: it is none. */
bool llmobs_way_out_asked(const char *head, struct llmobs_target *to);

/* Reads a head and no byte behind it, as a C string; 0: none came, else its
 * length. The socket does not block. */
size_t llmobs_way_out_head(int fd, char head[LLMOBS_HEAD_MAX]);

/* Sends all; false: the peer takes no more. The socket does not block. */
bool llmobs_way_out_send(int fd, const char *text, size_t len);

/* Gives a connection that does not block, or -1, and in `answer` the head for
 * the program: that of the user's proxy as it came, or our own. Where that does
 * not stand for a connection to `to`, the rest is the proxy's. `asked`: the
 * program's head. `client`: if its program leaves, nothing is waited for. */
int llmobs_way_out_connect(const struct llmobs_way_out *way, const char *asked,
                           const struct llmobs_target *to, int client,
                           char answer[LLMOBS_HEAD_MAX]);
bool llmobs_way_out_stands(const char *answer);

#endif
