/* proxy - passes on what programs of one run ask it for on loopback, by CONNECT
 * or for a whole URL, and tells the core what goes to models.
 *
 * Owns:    a thread, two sockets and their bytes, for each connection.
 * Threads: serve in one, for as long as the process lives; `open`, `untold` in
 *          any.
 * Errors:  a connection whose server cannot be reached is reset, as an answer
 *          would be taken for the server's by many programs.
 * Limits:  as many connections as the process may have threads and files.
 */
#ifndef LLMOBS_PROXY_H
#define LLMOBS_PROXY_H

#include <stdatomic.h>

#include "cli/intercept/peer.h"
#include "cli/intercept/way_out.h"
#include "core/config/config.h"
#include "rules/read/url.h"

struct llmobs_run_proxy {
    int listener;
    struct llmobs_way_out way;
    struct llmobs_peer_run run;       /* whose connections are served */
    bool reads;                       /* else all bytes pass as they are */
    const char *trust;                /* the folder of its certificates */
    const char *leaves;               /* hosts of which they do; NULL: none */
    const char *refusals;             /* the path of their file */
    struct llmobs_url_list *gateways; /* of the user, which are read as well */
    const struct llmobs_config *config; /* of the command */
    atomic_uint unread;                 /* bits of refusals.h */
    atomic_uint open;                   /* connections */
    atomic_uint untold; /* answers that go on, and are then told the core */
};

/* A thread: accepts connections of the run's processes, for a struct
 * llmobs_run_proxy, which it borrows for good. It does not end. */
void *llmobs_proxy_serve(void *run_proxy);

#endif
