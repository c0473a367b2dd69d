/* http_case - a server of one thread, and a client of core/export/http.h by the
 * program's libcurl. */
#ifndef LLMOBS_UNIT_HTTP_CASE_H
#define LLMOBS_UNIT_HTTP_CASE_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/export/http.h"

#define OK_ANSWER "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}"

/* Keeps what it received, answers as told. */
struct server {
    int fd;
    unsigned port;
    char path[108];
    const char *answer; /* NULL: none */
    size_t answer_len;  /* 0: of the text */
    int delay_ms;
    bool close_after;
    pthread_t thread;
    atomic_bool stop;
    atomic_int connections;
    atomic_int requests;
    char got[128 * 1024];
    size_t got_len;
};

struct server *server_new(void);
void server_start(struct server *server, const char *text);
void server_start_unix(struct server *server, const char *text);
void server_stop(struct server *server);

/* The functions of libcurl, LLMOBS_TEST_LIBCURL or the system's. */
extern struct llmobs_real real;
const struct llmobs_real *libcurl(void);

extern struct llmobs_config http_config;
struct llmobs_http *client(void);

/* In a buffer that the next call takes. */
const char *url_at(const char *host, unsigned port, const char *path);
int post(struct llmobs_http *http, const char *url, const char *body,
         struct llmobs_http_reply *reply);

#endif
