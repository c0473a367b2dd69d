/* host - the processes of this host that call models or could: which are
 * observed, why the others are not, and how to switch the library on for them.
 *
 * It reads files, /proc and the tables of sockets, looks names up, and changes
 * nothing. A process counts if libcurl is in its memory or linked into its
 * file, or if it has a connection to a model's host or to a gateway.
 *
 * Owns:    the rows, until the command ends.
 * Threads: one.
 * Errors:  -ENOMEM; a process that ends while it is read is left out, one of
 *          another user is counted.
 * Limits:  LLMOBS_HOST_ROWS processes; those of object, process and
 *          host_sockets.
 */
#ifndef LLMOBS_HOST_H
#define LLMOBS_HOST_H

#include "cli/doctor/doctor.h"
#include "cli/doctor/host_starter.h"
#include "cli/doctor/host_sockets.h"

#define LLMOBS_HOST_ROWS 65536
#define LLMOBS_HOST_TEXT 512
#define LLMOBS_HOST_PEERS 16

enum llmobs_host_state {
    LLMOBS_HOST_OBSERVED,
    LLMOBS_HOST_OFF,   /* the library is loaded, and switched off */
    LLMOBS_HOST_NOT,   /* it could be observed */
    LLMOBS_HOST_NEVER, /* nothing can be preloaded, or no libcurl makes its
                        * calls */
};

/* An other end with a name. */
struct llmobs_host_peer {
    char name[LLMOBS_HOST_NAME];
    bool gateway;
    size_t count;
};

struct llmobs_host_row {
    pid_t pid;
    uid_t uid;
    char *program; /* the path of its file */
    char *title;   /* the one that ps shows */
    char *curl;    /* the path of a libcurl; NULL: it has none */
    bool linked;   /* that is inside the program's file */
    enum llmobs_host_state state;
    char why[LLMOBS_HOST_TEXT]; /* "" where it is observed */
    struct llmobs_starter starter;
    struct llmobs_host_address *sockets;
    size_t socket_count;
    struct llmobs_host_peer peers[LLMOBS_HOST_PEERS];
    size_t peer_count;
};

struct llmobs_host_list {
    struct llmobs_host_row *rows;
    size_t count, room;
    size_t others;     /* processes with no libcurl and no such connection */
    size_t unreadable; /* processes of other users */
    char library[PATH_MAX]; /* to preload; its name where no file was found */
    struct llmobs_host_names names;
};

/* True for a row that calls a model and is not observed. */
bool llmobs_host_row_misses(const struct llmobs_host_row *row);

/* Runs the command; true in *misses: a process calls a model, and is not
 * observed. */
int llmobs_doctor_host(bool json, bool *misses);

int llmobs_host_print_text(const struct llmobs_host_list *host);
int llmobs_host_print_json(const struct llmobs_host_list *host);

#endif
