/* lookup - foretells what the loader answers to a dlsym that depends on its
 * caller, so that the caller can get a thunk in place of libcurl's own
 * function.
 *
 * The real dlsym takes the caller's return address for the place to look from,
 * and an answer of it could not be changed on the way back. So the objects are
 * read in the loader's order here. Objects that came with the program look from
 * their place on among these. A later one looks among itself and what it needs:
 * the answer is certain where one copy of libcurl alone defines the name, and
 * the caller needs that copy by itself, by a library that it needs, or together
 * with the object that brought it. Where another object defines it as well, the
 * load order of both decides: objects that are loaded together stand in the
 * list as the loader searches them. An object that no other needs is seen only
 * by itself, unless it was opened with RTLD_GLOBAL.
 *
 * Threads: any, also under the loader's lock.
 * Errors:  in doubt UNSURE: the caller is to ask the loader itself.
 */
#ifndef LLMOBS_LOOKUP_H
#define LLMOBS_LOOKUP_H

#include "shim/copies.h"

enum llmobs_lookup_result {
    LLMOBS_LOOKUP_OTHER,  /* no copy of libcurl answers */
    LLMOBS_LOOKUP_UNSURE, /* a copy may answer */
    LLMOBS_LOOKUP_COPY
};

struct llmobs_lookup {
    bool next;          /* RTLD_NEXT, else RTLD_DEFAULT */
    const void *caller; /* an address in the caller */
    enum llmobs_hook hook;
    size_t start;        /* the number of objects that came with the program */
    const char *version; /* NULL: any */
    struct llmobs_elf from;   /* set: the caller; it stays while it runs */
    struct llmobs_copy *copy; /* set for COPY */
    bool others;              /* set: an object that is no copy may answer */
    bool lasting; /* set: the result stays, for all calls from that object */
};

enum llmobs_lookup_result llmobs_lookup(struct llmobs_lookup *lookup);

/* True when one of the objects that this process lists covers the address. */
bool llmobs_lookup_lists(const void *address);

#endif
