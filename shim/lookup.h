/* lookup - finds what the loader will answer to a dlsym that depends on its
 * caller, so that the caller can get a thunk in place of libcurl's own
 * function.
 *
 * The real dlsym searches from the place of its caller, which it finds by the
 * return address, and the shim cannot change the answer on its way back. So
 * this file reads the objects, in the loader's order. An object that came with
 * the program sees the objects that came with the program, from its own place
 * on. A later object sees itself and what it needs. There the answer is certain
 * - where one copy of libcurl alone defines the name, and the caller needs that
 *   copy: by itself, by a library that it needs, or together with the object
 *   that loaded it;
 * - where another object defines the name as well, by the order of both:
 * objects that are loaded together stand in the list as the loader searches
 * them. An object that no other needs is seen only by itself, unless the
 * program opened it with RTLD_GLOBAL.
 *
 * Threads: any, also under the loader's lock.
 * Errors:  in doubt UNSURE: the caller must ask the loader itself.
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
    bool others;              /* set: an object that is not a copy may answer */
    bool lasting; /* set: the result stays, for all calls from that object */
};

enum llmobs_lookup_result llmobs_lookup(struct llmobs_lookup *lookup);

/* True when one of the objects that this process lists covers the address. */
bool llmobs_lookup_lists(const void *address);

#endif
