/* copies - the libcurl copies loaded in this process, and the hooked names.
 *
 * Owns:    LLMOBS_COPIES static places, each with the real functions of one
 *          copy. A place is used again when its copy is gone; a copy that the
 *          core has seen is pinned in memory and never goes.
 * Threads: changed only under the scan's lock. A place is published by its
 *          bit of a word, its real functions are constant from then on.
 * Errors:  a copy that finds no place, or whose path is too long, is not
 *          observed.
 * Limits:  LLMOBS_COPIES copies at a time.
 * Fork:    plain memory.
 */
#ifndef LLMOBS_COPIES_H
#define LLMOBS_COPIES_H

#include "core/engine.h"
#include "shim/elf.h"
#include "shim/host.h"

/* OpenSSL, GnuTLS, NSS and a bundled one. */
#define LLMOBS_COPIES 4

/* X(name): the hooked functions, without "curl_"; those of llmobs_ops. */
#define LLMOBS_HOOKS(X)    \
    X(global_init)         \
    X(global_init_mem)     \
    X(global_cleanup)      \
    X(easy_init)           \
    X(easy_setopt)         \
    X(easy_perform)        \
    X(easy_reset)          \
    X(easy_duphandle)      \
    X(easy_cleanup)        \
    X(multi_add_handle)    \
    X(multi_remove_handle) \
    X(multi_perform)       \
    X(multi_socket)        \
    X(multi_socket_action) \
    X(multi_socket_all)    \
    X(multi_info_read)     \
    X(multi_cleanup)       \
    X(multi_setopt)

enum llmobs_hook {
#define X(name) LLMOBS_HOOK_##name,
    LLMOBS_HOOKS(X)
#undef X
        LLMOBS_HOOK_COUNT
};

struct llmobs_copy {
    struct llmobs_real real;
    const struct llmobs_ops *ops; /* NULL until pinned and the core is ready */
    uintptr_t base;
    size_t order;   /* place in load order when found */
    bool at_start;  /* loaded with the program: in everybody's scope */
    bool stays;     /* the program itself needs it: never unloaded */
    bool versioned; /* its symbols carry versions */
    char soname[128];
    char path[LLMOBS_HOST_PATH_MAX];
};

extern struct llmobs_copy llmobs_copies[LLMOBS_COPIES];

/* The hook of that full name ("curl_..."); LLMOBS_HOOK_COUNT when it is none.
 */
enum llmobs_hook llmobs_hook_find(const char *name);

/* One bit for each hook whose name the object defines. */
unsigned llmobs_hooks_defined(const struct llmobs_elf *elf);

/* True when the object's GNU hash table may have such a name, defined or not.
 */
bool llmobs_hooks_hashed(const struct llmobs_elf *elf);

/* The copy's own function; NULL when it lacks it. */
void *llmobs_copy_function(const struct llmobs_copy *copy,
                           enum llmobs_hook hook);

/* The thunk for a real function of any copy; NULL for another address. */
void *llmobs_copies_thunk(const void *address);

/* True when the object is a known copy. */
bool llmobs_copies_has(const struct llmobs_elf *elf);

/* True when the object defines what makes a libcurl. */
bool llmobs_copies_is_one(const struct llmobs_elf *elf);

/* Notes an object that is one; true when it was not known. */
bool llmobs_copies_add(const struct llmobs_elf *elf, size_t order,
                       bool at_start);

/* Notes which of them the program itself needs. Before the first call. */
void llmobs_copies_needed(const struct llmobs_elf *program);

/* Around a walk over all objects, or all but those that came with the program:
 * unmark, add, then drop what was not met. True when something was dropped. */
void llmobs_copies_unmark(bool but_at_start);
bool llmobs_copies_sweep(void);

/* True when there is one at least. */
bool llmobs_copies_any(void);

/* How many of the objects that came with the program a name may be found in
 * before the last copy: those that are loaded before it. */
size_t llmobs_copies_reach(size_t start_objects);

/* The only copy; NULL when there are several or none. */
struct llmobs_copy *llmobs_copies_only(void);

/* Which copy a function that is not bound yet will come from; NULL when that
 * is not certain. */
struct llmobs_copy *llmobs_copies_wanted(const struct llmobs_elf *elf,
                                         size_t symbol);

#endif
