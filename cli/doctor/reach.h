/* reach - by which ways a program comes to libcurl, read from its files.
 *
 * Owns:    its list of copies.
 * Threads: one.
 * Errors:  -errno of the first file; what a library's file does not tell is
 *          left out.
 * Limits:  LLMOBS_REACH_COPIES copies, LLMOBS_REACH_OBJECTS objects.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_REACH_H
#define LLMOBS_REACH_H

#include "cli/doctor/library.h"

#define LLMOBS_REACH_COPIES 16
#define LLMOBS_REACH_OBJECTS 512

enum llmobs_reach_how {
    LLMOBS_REACH_LOADED, /* in the memory of a process */
    LLMOBS_REACH_LINKED, /* by DT_NEEDED, its own or its libraries' */
    LLMOBS_REACH_LATER,  /* by dlopen: named in the file, or an extension */
    LLMOBS_REACH_STATIC  /* inside the file itself: out of reach */
};

struct llmobs_reach_copy {
    enum llmobs_reach_how how;
    char path[PATH_MAX]; /* the name alone where no file was found */
    char via[PATH_MAX];  /* who loads it; "": the program itself */
    char flavour[32];    /* "OpenSSL", ...; "": unknown */
    char version[32];    /* "7.88.1"; "": unknown */
    bool missing;        /* no such file */
    bool switched_off;   /* an extension that is not enabled */
};

struct llmobs_reach {
    struct llmobs_reach_copy copies[LLMOBS_REACH_COPIES];
    size_t count;
    char missing[LLMOBS_OBJECT_NAME]; /* a library that was not found */
    bool asan;                        /* the program needs libasan */
};

/* "loaded", "linked", "later", "static". */
const char *llmobs_reach_how_name(enum llmobs_reach_how how);

/* Adds the copies that the file `path`, a program or an extension, comes to.
 * `how` is what a linked one counts as, `via` who has loaded the file. Whether
 * texts of the libraries are searched for names to dlopen is `deep`. */
int llmobs_reach_add(struct llmobs_reach *reach,
                     const struct llmobs_library *library, const char *path,
                     enum llmobs_reach_how how, const char *via, bool deep);

/* Adds a file if it is a copy itself; true when it is. */
bool llmobs_reach_add_copy(struct llmobs_reach *reach,
                           const struct llmobs_library *library,
                           const char *path, enum llmobs_reach_how how);

#endif
