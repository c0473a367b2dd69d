/* serve - answers requests on loopback from a cassette.
 *
 * Owns:    its sockets and connections, from open to close.
 * Threads: one.
 * Errors:  -errno; a client's mistake is answered, and ends only its
 *          connection.
 * Limits:  LLMOBS_SERVE_CONNECTIONS at a time, further ones wait;
 *          LLMOBS_SERVE_HEAD_MS for a head, LLMOBS_SERVE_IDLE_MS between two
 *          steps of a body or of an answer; http.h has the limits of a request.
 * Fork:    the sockets are closed at exec.
 */
#ifndef LLMOBS_SERVE_H
#define LLMOBS_SERVE_H

#include <signal.h>

#include "cli/run/cassette.h"

#define LLMOBS_SERVE_CONNECTIONS 256
#define LLMOBS_SERVE_HEAD_MS 30000
#define LLMOBS_SERVE_IDLE_MS 300000

struct llmobs_serve_connection;

struct llmobs_serve {
    struct llmobs_cassette *cassette;
    const char *command; /* begins each message */
    bool nearest;
    bool timed; /* answers take as long as in the recording */
    unsigned port;
    unsigned long misses;
    int listener;
    struct llmobs_serve_connection *list[LLMOBS_SERVE_CONNECTIONS];
    size_t count;
};

/* Listens on 127.0.0.1 at serve->port, or at a free port, which it sets there.
 */
int llmobs_serve_open(struct llmobs_serve *serve);
void llmobs_serve_close(struct llmobs_serve *serve);

/* Waits for the next event, with these signals unblocked, and handles it. */
void llmobs_serve_step(struct llmobs_serve *serve, const sigset_t *signals);

#endif
