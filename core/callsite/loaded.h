/* loaded - one loaded ELF object, as the loader's list has it.
 *
 * Owns:    nothing: a view borrows, and is valid only inside the callback.
 * Threads: any of ours. The loader's lock is held around the callback, hence no
 *          allocation in it: an allocator may ask for that lock under its own.
 * Errors:  -ENOENT: no object has that address, or it could not be asked.
 * Limits:  nothing is read but what the object's own segments hold.
 * Fork:    the lock is taken inside the gate (fork_gate.h), so that a child
 *          does not inherit it.
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

/* The function to use for dl_iterate_phdr; once, before the others. */
typedef int llmobs_loaded_walk_fn(int (*)(struct dl_phdr_info *, size_t,
                                          void *),
                                  void *);
void llmobs_loaded_by(llmobs_loaded_walk_fn *walk);

/* How often something was loaded and unloaded. */
struct llmobs_loaded_counts {
    unsigned long long adds;
    unsigned long long subs;
};

typedef void llmobs_loaded_fn(const struct llmobs_loaded *object, void *ctx);

/* Calls `see` with the object that `address` is in. */
int llmobs_loaded_find(uintptr_t address, llmobs_loaded_fn *see, void *ctx);

/* False where the loader does not count. */
bool llmobs_loaded_counts(struct llmobs_loaded_counts *counts);

/* The bytes of the object at `address`; NULL when it has not all of them, or
 * they are not for reading. */
const void *llmobs_loaded_at(const struct llmobs_loaded *object,
                             uintptr_t address, size_t len);

/* How many bytes from `address` on that gives. */
size_t llmobs_loaded_left(const struct llmobs_loaded *object,
                          uintptr_t address);

/* The first program header of that type, or NULL. */
const ElfW(Phdr) *
    llmobs_loaded_header(const struct llmobs_loaded *object, ElfW(Word) type);

#endif
