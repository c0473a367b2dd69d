/* loaded - one loaded ELF object, as the loader's list has it.
 *
 * Owns:    nothing: a view borrows, and is valid only inside the callback.
 * Threads: any thread of this library. The loader's lock is held around the
 *          callback, which must not allocate: an allocator may take that lock
 *          while it holds its own.
 *          Where glibc can find an object without a walk (from 2.35 on), a
 *          search asks it as the walk is at its first object: that takes no
 *          lock of its own, and the walk's keeps the object where it is.
 * Errors:  -ENOENT: no object has that address, or the loader has no list.
 * Limits:  reads only inside the object's own segments.
 * Fork:    the lock is taken inside the fork gate (fork_gate.h), so that a
 *          child does not inherit it.
 */
#ifndef LLMOBS_LOADED_H
#define LLMOBS_LOADED_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct llmobs_loaded {
    const char *path; /* the loader's name for it; "" for the program */
    uintptr_t base;
    const ElfW(Phdr) * phdr;
    size_t phnum;
};

/* Sets the function to call for dl_iterate_phdr; once, before the others. */
typedef int llmobs_loaded_walk_fn(int (*)(struct dl_phdr_info *, size_t,
                                          void *),
                                  void *);
void llmobs_loaded_by(llmobs_loaded_walk_fn *walk);

typedef void llmobs_loaded_fn(const struct llmobs_loaded *object, void *ctx);

/* Calls `see` with the object that contains `address`. */
int llmobs_loaded_find(uintptr_t address, llmobs_loaded_fn *see, void *ctx);

/* How many objects the loader has unloaded; false where it does not say. */
bool llmobs_loaded_unloads(unsigned long long *count);

/* `len` bytes of the object at `address`; NULL when the object has fewer, or
 * their segment is not readable. */
const void *llmobs_loaded_at(const struct llmobs_loaded *object,
                             uintptr_t address, size_t len);

/* How many bytes llmobs_loaded_at gives at most from `address` on. */
size_t llmobs_loaded_left(const struct llmobs_loaded *object,
                          uintptr_t address);

/* The first program header of that type, or NULL. */
const ElfW(Phdr) *
    llmobs_loaded_header(const struct llmobs_loaded *object, ElfW(Word) type);

#endif
