/* library - what the files of the single server libraries share.
 *
 * Owns:    nothing; fields borrow from the request.
 * Threads: any.
 * Errors:  a request with more of the fields than LLMOBS_SERVER_FIELDS has no
 *          caller: one that is left out could be the one that shows a stranger.
 */
#ifndef LLMOBS_SERVER_LIBRARY_H
#define LLMOBS_SERVER_LIBRARY_H

#include "shim/lib_calls.h"

#define LLMOBS_SERVER_FIELDS 20

/* The headers of a request that name its caller. */
struct llmobs_server_fields {
    struct llmobs_served_header list[LLMOBS_SERVER_FIELDS];
    unsigned count;
    bool full;
};

/* Empties the list; an initialiser would write zeros to all of it. */
static inline void llmobs_server_clear(struct llmobs_server_fields *fields)
{
    fields->count = 0;
    fields->full = false;
}

/* True for a header that carries a trace; _cgi: of a variable of CGI,
 * "NAME=value". The other headers of a request are read only where it has such
 * a header: most requests of most servers have none. */
bool llmobs_server_is_carrier(const char *name);
bool llmobs_server_is_carrier_cgi(const char *name);

/* False for most headers that carry no trace, by their first letters. */
static inline bool llmobs_server_may_carry(const char *name)
{
    if (((1U << ('b' & 31) | 1U << ('t' & 31) | 1U << ('x' & 31)) >>
             (name[0] & 31) &
         1) == 0)
        return false;
    return (name[0] & 31) != ('x' & 31) ||
           (name[1] &&
            ((name[2] & 31) == ('b' & 31) || (name[2] & 31) == ('d' & 31)));
}

static inline bool llmobs_server_carries(const char *name)
{
    return name && llmobs_server_may_carry(name) &&
           llmobs_server_is_carrier(name);
}

/* "NAME=value" of "HTTP_NAME=value", as CGI writes a header; NULL: it is none.
 */
static inline const char *llmobs_server_header_of(const char *entry)
{
    return entry[0] == 'H' && entry[1] == 'T' && entry[2] == 'T' &&
                   entry[3] == 'P' && entry[4] == '_'
               ? entry + 5
               : NULL;
}

static inline bool llmobs_server_carries_cgi(const char *entry)
{
    const char *name = llmobs_server_header_of(entry);

    return name && llmobs_server_may_carry(name) &&
           llmobs_server_is_carrier_cgi(name);
}

/* Adds a header, if it is one of those that name the caller; _cgi: from
 * "HTTP_NAME=value" or "REMOTE_ADDR=value". */
void llmobs_server_add(struct llmobs_server_fields *fields, const char *name,
                       const char *value);
void llmobs_server_add_cgi(struct llmobs_server_fields *fields,
                           const char *entry);

/* Adds the caller's address. */
void llmobs_server_add_address(struct llmobs_server_fields *fields,
                               const char *address);

/* The calling thread begins to serve a request, or ends the one of that key
 * (engine.h). `fields`: NULL: none of its headers carries a trace. */
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

/* The library's function whose type and name are those of ours in that file; of
 * a library that has several copies, that of the copy. */
#define LLMOBS_LIB_REAL_OF(copy, name) \
    ((__typeof__(&(name)))llmobs_lib_calls_real(copy, LLMOBS_LIB_##name))
#define LLMOBS_LIB_REAL(name) LLMOBS_LIB_REAL_OF(0, name)

/* The functions for the patched slots of each library. */
void *llmobs_lib_fcgi(enum llmobs_lib_call hook);
void *llmobs_lib_mhd(enum llmobs_lib_call hook);
void *llmobs_lib_ssl(unsigned copy, enum llmobs_lib_call hook);
void *llmobs_lib_gnutls(enum llmobs_lib_call hook);

/* The function of the copy's libcrypto by which the end of a connection is
 * known; NULL: there is none, and no connection is followed. Called under the
 * scan's lock. */
#define LLMOBS_SSL_NEW_INDEX "CRYPTO_get_ex_new_index"
bool llmobs_lib_ssl_settled(unsigned copy);
void llmobs_lib_ssl_settle(unsigned copy, void *new_index);

/* Keeps a compiler from a table of addresses, which the loader would relocate
 * in every process. */
static inline void *llmobs_lib_opaque(void *function)
{
    __asm__("" : "+r"(function));
    return function;
}

#define LLMOBS_LIB_CASE(library, name) \
    case LLMOBS_LIB_##name:            \
        return llmobs_lib_opaque((void *)(name));

#endif
