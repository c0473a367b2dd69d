/* host_show - the processes of a host as `llmobs doctor --host` prints them.
 *
 * Owns:    nothing; borrows the list.
 * Threads: one.
 * Errors:  -ENOMEM.
 * Limits:  those of host.h.
 */
#ifndef LLMOBS_HOST_SHOW_H
#define LLMOBS_HOST_SHOW_H

#include <limits.h>

#include "cli/doctor/host_names.h"
#include "cli/doctor/host_starter.h"

#define LLMOBS_HOST_ROWS 65536
#define LLMOBS_HOST_TEXT 512
#define LLMOBS_HOST_PEERS 16

enum llmobs_host_state {
    LLMOBS_HOST_OBSERVED,
    LLMOBS_HOST_OFF,   /* the library is loaded, and switched off */
    LLMOBS_HOST_NOT,   /* not observed, though it could be */
    LLMOBS_HOST_NEVER, /* nothing can be preloaded, or the calls are made by
                        * a library that is never observed */
};

enum llmobs_host_kind {
    LLMOBS_HOST_MODEL,
    LLMOBS_HOST_GATEWAY,
    LLMOBS_HOST_HTTPS, /* a host that nobody knows, at port 443 */
};

/* The other end of a connection, if it has a name. */
struct llmobs_host_peer {
    char name[LLMOBS_HOST_NAME];
    enum llmobs_host_kind kind;
    size_t count;
};

struct llmobs_host_row {
    pid_t pid;
    uid_t uid;
    char *program; /* the path of its file */
    char *title;   /* the title that ps shows */
    char *curl;    /* the path of a libcurl; NULL: it has none */
    bool linked;   /* libcurl is inside the program's file */
    enum llmobs_host_state state;
    char why[LLMOBS_HOST_TEXT]; /* "" where it is observed */
    /* The same of calls by plain http:// without libcurl: */
    enum llmobs_host_state plain_state;
    char plain_why[LLMOBS_HOST_TEXT];
    bool plain; /* a connection goes to a gateway or a model that way */
    struct llmobs_starter starter;
    struct llmobs_host_address *sockets;
    size_t socket_count;
    struct llmobs_host_peer peers[LLMOBS_HOST_PEERS];
    size_t peer_count;
};

struct llmobs_host_list {
    struct llmobs_host_row *rows;
    size_t count, room;
    size_t others;          /* processes with no libcurl and no named peer */
    size_t unreadable;      /* processes of other users */
    char library[PATH_MAX]; /* the shim's path, or name if no file was found */
    struct llmobs_host_names names;
};

int llmobs_host_print_text(const struct llmobs_host_list *host);
int llmobs_host_print_json(const struct llmobs_host_list *host);

#endif
