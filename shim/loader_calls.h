/* loader_calls - the dlopen, dlsym, dlvsym, dlclose and dlerror behind ours:
 * the next ones, for the app, and libc's own, for us.
 *
 * Owns:    ten words, and what comes before us.
 * Threads: any; looking up twice gives the same.
 * Errors:  NULL where the process has no such function (yet): before glibc
 *          2.34 they come with libdl, which may be loaded late.
 * Fork:    plain memory.
 *
 * Found by walking symbol tables, since asking dlsym for dlsym is no answer.
 * Objects behind the shim in load order come first: one before it that defines
 * the names (a sanitizer's runtime) calls on to us and would never end.
 *
 * The app's calls go on to the next object that has the name, which may be
 * another preload. Ours pass it: fakechroot's dlopen, say, would look for our
 * core where it is not.
 */
#ifndef LLMOBS_LOADER_CALLS_H
#define LLMOBS_LOADER_CALLS_H

#include "shim/libc.h"

/* For a program that has no dlopen and wants the core all the same: brings
 * libdl, to nobody's scope. True when there is a dlopen. */
bool llmobs_loader_bring(void);

/* libc's own. */
void *llmobs_loader_own_open(const char *file, int mode);
void *llmobs_loader_own_sym(void *handle, const char *name);

void *llmobs_loader_open(const char *file, int mode);
void *llmobs_loader_sym(void *handle, const char *name);
void *llmobs_loader_vsym(void *handle, const char *name, const char *version);

typedef void *(*llmobs_open_fn)(const char *, int);
typedef void *(*llmobs_sym_fn)(void *, const char *);
typedef void *(*llmobs_vsym_fn)(void *, const char *, const char *);
typedef int (*llmobs_close_fn)(void *);

/* Never NULL: where there is none, a function that answers NULL. */
llmobs_open_fn llmobs_loader_open_fn(void);
llmobs_sym_fn llmobs_loader_sym_fn(void);
llmobs_vsym_fn llmobs_loader_vsym_fn(void);
llmobs_close_fn llmobs_loader_close_fn(void); /* -1 */

/* Drops the calling thread's dlerror text, which a failed call of ours left. */
void llmobs_loader_drop_error(void);

/* True when `address` is the real function of that name. */
bool llmobs_loader_is(const char *name, const void *address);

/* True when nothing before us in load order defines that name, so that a caller
 * not bound yet would be bound to us. */
bool llmobs_loader_ours_first(const char *name);

#endif
