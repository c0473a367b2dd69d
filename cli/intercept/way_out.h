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
#include "lib/text/http1_head.h"

#define LLMOBS_HEAD_MAX 61440
#define LLMOBS_LOGIN_MAX 2048

struct llmobs_way {
    const char *url; /* the user's own proxy; NULL: none */
    struct llmobs_target via;
    char *login; /* "user:password" in base64; NULL: none */
};

struct llmobs_way_out {
    struct llmobs_way tls, plain; /* for https, for http */
    bool any;                     /* the user has a proxy for something */
};

/* Reads the variables of proxies. Gives NULL, or why this run's proxy cannot
 * stand in their place: it speaks to another proxy by plain http alone. */
const char *llmobs_way_out_read(struct llmobs_way_out *way);

/* Reads what a program asks a proxy for, a C string: CONNECT, or a request for
 * an absolute URL, whose body's end is known. False: it is neither. */
bool llmobs_way_out_asked(const char *text, struct llmobs_http1_head *head,
                          struct llmobs_target *to);

/* Writes the head of a request as it goes on, and gives its length: for the
 * user's proxy with the login that the program's own variable would have given
 * it; for a server with a path alone, and no word for proxies. */
#define LLMOBS_REQUEST_MAX (LLMOBS_HEAD_MAX + LLMOBS_LOGIN_MAX)
size_t llmobs_way_out_request(const struct llmobs_way *way, const char *text,
                              const struct llmobs_http1_head *head, char *out);

/* Reads a head and no byte behind it, as a C string; 0: none came, else its
 * length. The socket does not block. */
size_t llmobs_way_out_head(int fd, char head[LLMOBS_HEAD_MAX]);

/* Sends all; false: the peer takes no more. The socket does not block. */
bool llmobs_way_out_send(int fd, const char *text, size_t len);

#define LLMOBS_WAY_OUT_NO(status) \
    "HTTP/1.1 " status "\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

/* Gives a connection to the user's proxy, or else the server, which does not
 * block, or -1; and in `answer` the head for a CONNECT. `client`: if its
 * program ends its sending, nothing is waited for; -1: it may. */
int llmobs_way_out_dial(const struct llmobs_way *way,
                        const struct llmobs_target *to, int client,
                        char answer[LLMOBS_HEAD_MAX]);

/* As _dial, for a CONNECT: the answer is that of the user's proxy as it came,
 * or our own. Where it does not stand for a connection to `to`, the rest is the
 * proxy's. `asked`: the program's head. */
int llmobs_way_out_connect(const struct llmobs_way *way, const char *asked,
                           const struct llmobs_target *to, int client,
                           char answer[LLMOBS_REQUEST_MAX]);
bool llmobs_way_out_stands(const char *answer);

#endif
