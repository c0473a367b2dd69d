/* inject - the library's trace headers in front of the app's own header list.
 *
 * Owns:    a llmobs_inject holds its list nodes and their texts. Each handle
 *          has one, from the first injection until the record is recycled:
 *          libcurl may read the nodes as long as the transfer runs, even when
 *          the exit handler has removed the exchange.
 * Threads: the thread that drives the handle.
 * Errors:  a header that does not fit is left out; a request is sent without
 *          headers rather than fail.
 * Limits:  LLMOBS_INJECT_NODES headers, LLMOBS_INJECT_TEXT bytes of them.
 *
 * The library never writes to the app's list: the last node points to it. A
 * node is blanked (its text becomes "name:", for which libcurl sends nothing)
 * if its header must not be sent.
 */
#ifndef LLMOBS_INJECT_H
#define LLMOBS_INJECT_H

#include "core/config/config.h"
#include "include/engine.h"
#include "core/trace/propagate.h"

#define LLMOBS_INJECT_NODES 12
#define LLMOBS_INJECT_TEXT 4096
/* of a value; 16 more bytes hold its name */
#define LLMOBS_INJECT_BAGGAGE 8192
#define LLMOBS_INJECT_BASE 512

struct llmobs_inject {
    struct curl_slist nodes[LLMOBS_INJECT_NODES];
    const char *blanks[LLMOBS_INJECT_NODES]; /* "name:", static */
    size_t count;
    bool blanked; /* for good: the request goes to another origin */
    size_t len;
    char base[LLMOBS_INJECT_BASE]; /* scheme and authority of the URL */
    char text[LLMOBS_INJECT_TEXT + LLMOBS_INJECT_BAGGAGE + 16];
};

/* The trace headers of an app's own list. */
struct llmobs_own_headers {
    unsigned names; /* a bit for each name that must not be added */
    struct llmobs_carrier carrier;
};

/* Looks through the app's list once. Names that an AWS signature covers, in a
 * header or in the query of `url`, count as the app's own. Borrows both. */
void llmobs_inject_scan(const struct curl_slist *list, const char *url,
                        struct llmobs_own_headers *own);

/* The values to write for a request. */
struct llmobs_inject_plan {
    const struct llmobs_config *config;
    struct llmobs_sender sender;
    const struct llmobs_own_headers *own;
    bool continued; /* the sender continues the trace of `own` */
    bool ids_alone; /* no name, session or baggage: the URL is a provider's */
    const char *url;
    const char *baggage; /* the process's, sent on; NULL: none */
};

/* Fills the nodes; false when no header is to be added. */
bool llmobs_inject_fill(struct llmobs_inject *inject,
                        const struct llmobs_inject_plan *plan);

/* True where the nodes have a tracestate header. */
bool llmobs_inject_has_state(const struct llmobs_inject *inject);

/* Puts the nodes before `list`, which may be NULL. Gives the list for libcurl,
 * valid until the next link. */
struct curl_slist *llmobs_inject_link(struct llmobs_inject *inject,
                                      struct curl_slist *list);

/* As llmobs_inject_link, for a list that the app sets while libcurl has the
 * nodes: if the list has trace headers itself, blanks all nodes. */
void llmobs_inject_relink(struct llmobs_inject *inject,
                          struct curl_slist *list);

/* Blanks the nodes for good. */
void llmobs_inject_blank(struct llmobs_inject *inject);

/* Reads a response header: a redirect to another origin blanks the nodes. */
void llmobs_inject_response(struct llmobs_inject *inject, const char *line,
                            size_t len);

#endif
