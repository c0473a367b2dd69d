/* libcurl_routes - the ways by which a program comes to libcurl, read from its
 * files.
 *
 * Owns:    its list of copies.
 * Threads: one.
 * Errors:  -errno of the first file; a library whose file cannot be read is
 *          left out.
 * Limits:  LLMOBS_LIBCURL_ROUTES copies, LLMOBS_LIBCURL_OBJECTS objects.
 */
#ifndef LLMOBS_LIBCURL_ROUTES_H
#define LLMOBS_LIBCURL_ROUTES_H

#include "cli/doctor/library.h"

#define LLMOBS_LIBCURL_ROUTES 16
#define LLMOBS_LIBCURL_OBJECTS 512
#define LLMOBS_LIBCURL_WRAPPERS 8

enum llmobs_libcurl_how {
    LLMOBS_LIBCURL_LOADED, /* in the memory of a process */
    LLMOBS_LIBCURL_LINKED, /* by DT_NEEDED of the program or its libraries */
    LLMOBS_LIBCURL_LATER,  /* by dlopen: named in the file, or an extension */
    LLMOBS_LIBCURL_STATIC  /* inside the file itself: out of reach */
};

struct llmobs_libcurl_route {
    enum llmobs_libcurl_how how;
    char path[PATH_MAX]; /* only the copy's name where no file was found */
    char via[PATH_MAX];  /* the object that loads it; "": the program itself */
    char flavour[32];    /* "OpenSSL", ...; "": unknown */
    char version[32];    /* "7.88.1"; "": unknown */
    bool missing;        /* no such file */
    bool switched_off;   /* an extension that is not enabled */
};

/* An object that is not libcurl, but defines functions with libcurl's names.
 * The calls of the objects above go through it. */
struct llmobs_libcurl_wrapper {
    char path[PATH_MAX];
    char names[LLMOBS_OBJECT_NAME]; /* as many as fit */
    bool asks;                      /* it may ask the loader for libcurl's
                                     * functions */
};

struct llmobs_libcurl_routes {
    struct llmobs_libcurl_wrapper wrappers[LLMOBS_LIBCURL_WRAPPERS];
    size_t wrapper_count;
    struct llmobs_libcurl_route copies[LLMOBS_LIBCURL_ROUTES];
    size_t count;
    char missing[LLMOBS_OBJECT_NAME]; /* a library that was not found */
    bool asked;                       /* the loader said what is loaded; else
                                       * the usual directories were looked at */
    bool asan;                        /* the program needs libasan */
    bool alone;                       /* the program is linked statically */
    bool connects; /* the program may make connections by libc, itself or by a
                    * library of neither libcurl nor TLS */
    bool tls;      /* it has OpenSSL or GnuTLS, beside libcurl's own */
};

/* OpenSSL's, also with the hash that a wheel of Python has in it, and GnuTLS';
 * libssl3.so is of NSS. */
#define LLMOBS_TLS_LIBRARIES "libssl.so*,libssl-*,libgnutls.so*"

/* "loaded", "linked", "later", "static". */
const char *llmobs_libcurl_how_name(enum llmobs_libcurl_how how);

/* Adds the copies that the file `path`, a program or an extension, loads. `how`
 * is set for copies that it links, `via` is the object that loads the file.
 * `deep`: also searches the libraries' texts for names to dlopen. */
int llmobs_libcurl_routes_add(struct llmobs_libcurl_routes *routes,
                              const struct llmobs_library *library,
                              const char *path, enum llmobs_libcurl_how how,
                              const char *via, bool deep);

/* Adds a file that wraps libcurl's functions, and says so; false when it does
 * not. */
bool llmobs_libcurl_routes_add_wrapper(struct llmobs_libcurl_routes *routes,
                                       const struct llmobs_object *object,
                                       const char *path);

/* Adds a file that is itself a copy; false when it is none. */
bool llmobs_libcurl_routes_add_copy(struct llmobs_libcurl_routes *routes,
                                    const struct llmobs_library *library,
                                    const char *path,
                                    enum llmobs_libcurl_how how);

#endif
