/* site - answers HTTP requests on loopback; a table of functions says with
 * what.
 *
 * Owns:    its sockets and visits, from open to close.
 * Threads: one.
 * Errors:  -errno; a client's mistake is answered, and ends only its
 *          connection.
 * Limits:  LLMOBS_SITE_VISITS connections at a time, further ones wait;
 *          LLMOBS_SITE_HEAD_MS for a head, LLMOBS_SITE_IDLE_MS between two
 *          steps of a body or of an answer; site_request.h has the limits of a
 *          request.
 * Fork:    the sockets are closed at exec.
 */
#ifndef LLMOBS_SITE_H
#define LLMOBS_SITE_H

#include <signal.h>

#include "cli/shared/site_request.h"

#define LLMOBS_SITE_VISITS 256
#define LLMOBS_SITE_HEAD_MS 30000
#define LLMOBS_SITE_IDLE_MS 300000
#define LLMOBS_SITE_PIECE ((size_t)64 * 1024)

struct llmobs_site;

enum llmobs_site_state {
    LLMOBS_SITE_READING,
    LLMOBS_SITE_ANSWERING,
    LLMOBS_SITE_LINGERING
};

/* A connection. The functions of a site set the members from `answer` on. */
struct llmobs_site_visit {
    struct llmobs_site *site; /* borrowed */
    int fd;
    enum llmobs_site_state state;
    struct llmobs_site_request request;
    size_t sent;      /* bytes of `out` that were sent */
    int64_t due_ns;   /* when the connection ends */
    int64_t since_ns; /* since when it waits for a request, or for the client to
                       * read */
    int64_t began_ns; /* when the request was complete */
    bool continued;   /* the client got a 100 */

    struct llmobs_buf out; /* bytes to send */
    void *answer;          /* whose body is being sent; or NULL */
    size_t at;             /* in the body */
    size_t chunk;          /* the next chunk of the body */
    bool chunked;
    bool bodyless; /* the answer has no body */
    bool last;     /* the connection ends after this answer */
    bool broken;   /* it ends before the end of the answer */
};

struct llmobs_site {
    /* The caller sets these. */
    unsigned port;       /* 0: a free one, which open sets here */
    const char *headers; /* whole lines for each answer; NULL: none */
    size_t body_max;     /* of a request; 0: none may have a body */
    void *ctx;

    /* Begins the answer to visit->request: a head, and the body in `out`, or
     * visit->answer. */
    void (*answer)(struct llmobs_site_visit *visit);
    /* Answers a request that cannot be read, with that status. */
    void (*refuse)(struct llmobs_site_visit *visit, int status);
    /* Adds some LLMOBS_SITE_PIECE bytes of visit->answer to `out`; sets it to
     * NULL behind its end. */
    void (*feed)(struct llmobs_site_visit *visit);
    /* When the next part of visit->answer is due, of the monotonic clock; NULL:
     * at once. */
    int64_t (*due_ns)(const struct llmobs_site_visit *visit);
    /* The visit ends before its answer; NULL: nothing is to be done. */
    void (*leave)(struct llmobs_site_visit *visit);

    int listener;
    struct llmobs_site_visit *list[LLMOBS_SITE_VISITS];
    size_t count;
};

/* Listens on 127.0.0.1. */
int llmobs_site_open(struct llmobs_site *site);
void llmobs_site_close(struct llmobs_site *site);

/* Waits a second at most for the next event, with these signals unblocked, and
 * handles it. */
void llmobs_site_step(struct llmobs_site *site, const sigset_t *signals);

/* Adds the head of an answer, whose body has `len` bytes. `type`: its media
 * type; NULL: none. */
void llmobs_site_head(struct llmobs_site_visit *visit, int status,
                      const char *type, size_t len);

#endif
