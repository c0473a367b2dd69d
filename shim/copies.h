/* copies - the libcurl copies that are loaded in this process, and the hooked
 * names.
 *
 * Owns:    LLMOBS_COPIES static structures, each with the real functions of one
 *          copy. One is used again when its copy is unloaded; a copy that the
 *          core has seen is pinned in memory and is never unloaded.
 * Threads: changed only under the scan's lock. A bit of a word publishes a
 *          structure, whose real functions are constant from then on.
 * Errors:  a copy beyond the limit, or whose path is too long or is that of a
 *          descriptor, is not observed.
 * Limits:  LLMOBS_COPIES copies at a time.
 */
#ifndef LLMOBS_COPIES_H
#define LLMOBS_COPIES_H

#include "shim/elf.h"
#include "shim/host.h"
#include "shim/names.h"

/* Enough for the copies with OpenSSL, GnuTLS and NSS, and a bundled copy. */
#define LLMOBS_COPIES 4

/* One bit for each hook. */
typedef uint64_t llmobs_hook_set;
#define LLMOBS_HOOK_BIT(hook) ((llmobs_hook_set)1 << (hook))
_Static_assert(LLMOBS_HOOK_COUNT <= 64, "a set holds all");

struct llmobs_copy {
    struct llmobs_real real;
    const struct llmobs_ops *ops; /* NULL until the copy is pinned and the core
                                   * ready */
    uintptr_t base, start, end;
    size_t order;     /* its position in load order when it was found */
    bool at_start;    /* loaded with the program: every object can bind to it */
    bool stays;       /* needed by the program itself, so never unloaded */
    bool versioned;   /* its symbols carry versions */
    uint32_t version; /* hash of the version that its own symbols have */
    bool fleeting;    /* another file may have its path next: never pinned */
    char soname[128];
    char path[LLMOBS_HOST_PATH_MAX];
};

extern struct llmobs_copy llmobs_copies[LLMOBS_COPIES];

/* The hook with that full name ("curl_..."); LLMOBS_HOOK_COUNT when there is
 * none.
 */
enum llmobs_hook llmobs_hook_find(const char *name);

/* The hook's name; "" for another number. */
const char *llmobs_hook_name(unsigned hook);

/* The hooks whose names the object defines. */
llmobs_hook_set llmobs_hooks_defined(const struct llmobs_elf *elf);

/* The copy's own function for the hook; NULL when the copy has none. */
void *llmobs_copy_function(const struct llmobs_copy *copy,
                           enum llmobs_hook hook);

/* The addresses from the lowest to the highest real function of all copies;
 * high 0: there is none. */
struct llmobs_range {
    uintptr_t low, high;
};
struct llmobs_range llmobs_copies_range(void);

static inline void llmobs_range_add(struct llmobs_range *range,
                                    const void *address)
{
    uintptr_t at = (uintptr_t)address;

    range->low = at && (at < range->low || !range->high) ? at : range->low;
    range->high = at > range->high ? at : range->high;
}

/* The copy whose real function is at `address`, and the hook; NULL for another
 * address. */
const struct llmobs_copy *llmobs_copies_of(const void *address,
                                           enum llmobs_hook *hook);

/* The copy that the object is; NULL for another object. */
struct llmobs_copy *llmobs_copies_at(const struct llmobs_elf *elf);

/* True if `address` is in a copy whose calls the core sees. So the bytes of its
 * connections are no other calls. Any thread. */
bool llmobs_copies_observe(const void *address);

/* True when the object defines the functions that make it a libcurl. */
bool llmobs_copies_is_one(const struct llmobs_elf *elf);

/* Records an object that is a copy; true when the copy was not known before. */
bool llmobs_copies_add(const struct llmobs_elf *elf, size_t order,
                       bool at_start);

/* Finds the copies that the program itself needs. Called before the first call
 * of libcurl. */
void llmobs_copies_needed(const struct llmobs_elf *program);

/* For a walk over all objects, or all but those that came with the program:
 * unmark before it, add within it, and sweep after it, which drops the copies
 * that the walk has not met. sweep answers true when it dropped one. */
void llmobs_copies_unmark(bool but_at_start);
bool llmobs_copies_sweep(void);

/* True when at least one copy is known. */
bool llmobs_copies_any(void);

/* _set_global: a dlopen with RTLD_GLOBAL, by which a copy or its wrapper may
 * become visible to all objects; _any_global: true after it. Any thread. */
void llmobs_copies_set_global(void);
bool llmobs_copies_any_global(void);

/* _set_deep: a dlopen with RTLD_DEEPBIND; _any_deep: true after it. Any
 * thread. */
void llmobs_copies_set_deep(void);
bool llmobs_copies_any_deep(void);

/* True where all copies came with the program: their functions come before
 * those of later objects. */
bool llmobs_copies_at_start(void);

/* The number of objects that came with the program and are loaded before the
 * last copy: their definitions of a name come before the copy's. */
size_t llmobs_copies_reach(size_t start_objects);

/* The only copy; NULL when there are several or none. */
struct llmobs_copy *llmobs_copies_only(void);

/* The copy from which an unbound function will come; NULL when that is not
 * certain. */
struct llmobs_copy *llmobs_copies_wanted(const struct llmobs_elf *elf,
                                         size_t symbol);

#endif
