/* library - what the files of the single server libraries share.
 *
 * Owns:    nothing; fields borrow from the request.
 * Threads: any.
 * Errors:  a request with more of the fields than LLMOBS_SERVER_FIELDS has no
 *          caller: one that is left out could be the one that shows a stranger.
 */
#ifndef LLMOBS_SERVER_LIBRARY_H
#define LLMOBS_SERVER_LIBRARY_H

#include "shim/servers/servers.h"

#define LLMOBS_SERVER_FIELDS 20

/* The headers of a request that name its caller. */
struct llmobs_server_fields {
    struct llmobs_served_header list[LLMOBS_SERVER_FIELDS];
    unsigned count;
    bool carries; /* one of them carries a trace */
    bool full;
};

/* Instead of an initialiser, which would write the whole list. */
static inline void llmobs_server_clear(struct llmobs_server_fields *fields)
{
    fields->count = 0;
    fields->carries = fields->full = false;
}

/* Adds a header, if it is one of those. */
void llmobs_server_add(struct llmobs_server_fields *fields, const char *name,
                       const char *value);

/* The same from "HTTP_NAME=value", as CGI writes it, or "REMOTE_ADDR=value". */
void llmobs_server_add_cgi(struct llmobs_server_fields *fields,
                           const char *entry);

/* Adds the caller's address. */
void llmobs_server_add_address(struct llmobs_server_fields *fields,
                               const char *address);

/* The calling thread begins to serve a request, or ends the one of that key
 * (engine.h). */
void llmobs_server_begin(const void *key, uintptr_t mark,
                         const struct llmobs_server_fields *fields);
void llmobs_server_end(const void *key);

/* A handler of the program and its argument, as one argument for a function of
 * ours. NULL: there is no handler, or no room for another pair. */
struct llmobs_server_handler {
    void *function;
    void *argument;
};
const struct llmobs_server_handler *llmobs_server_handler(void *function,
                                                          void *argument);

/* While a handler runs: begins with a word that holds its own address, by which
 * the core sees whether this frame still stands. */
struct llmobs_server_run {
    volatile uintptr_t mark;
};

static inline void llmobs_server_run(struct llmobs_server_run *run,
                                     const struct llmobs_server_fields *fields)
{
    run->mark = (uintptr_t)&run->mark;
    llmobs_server_begin(run, (uintptr_t)&run->mark, fields);
}

static inline void llmobs_server_done(struct llmobs_server_run *run)
{
    llmobs_server_end(run);
    run->mark = 0;
}

/* The library's function whose type and name are those of ours in that file. */
#define LLMOBS_SERVER_REAL(name) \
    ((__typeof__(&(name)))llmobs_servers_real(LLMOBS_SERVER_##name))

/* The functions for the patched slots of each library. */
void *llmobs_server_fcgi(enum llmobs_server_function hook);
void *llmobs_server_mhd(enum llmobs_server_function hook);
void *llmobs_server_evhttp(enum llmobs_server_function hook);
void *llmobs_server_civetweb(enum llmobs_server_function hook);

#define LLMOBS_SERVER_CASE(library, name) \
    case LLMOBS_SERVER_##name:            \
        return (void *)(name);

#endif
