/* loader_calls - the dlopen, dlsym, dlvsym, dlclose and dlerror behind those of
 * the shim: the next ones in load order, for the app, and libc's own, for the
 * shim.
 *
 * Owns:    their addresses.
 * Threads: any; two look-ups of a name find the same address.
 * Errors:  NULL where the process has no such function (yet): before glibc 2.34
 *          they come with libdl, which may be loaded late.
 *
 * They are found in the symbol tables, because dlsym cannot look up dlsym. Only
 * objects after the shim in load order count: an object before it that defines
 * the names, such as a sanitizer's runtime, calls the shim, and calling it
 * would never end.
 *
 * The app's calls go to the next object that has the name, which may be another
 * preload. The shim's own calls bypass that one: fakechroot's dlopen, for
 * example, would look for the core in another directory.
 */
#ifndef LLMOBS_LOADER_CALLS_H
#define LLMOBS_LOADER_CALLS_H

#include "shim/libc.h"

/* Loads libdl, without adding its names to any scope, for a program that has no
 * dlopen. True when there is a dlopen afterwards. */
bool llmobs_loader_bring(void);

/* libc's own functions, for the shim's calls. */
void *llmobs_loader_own_open(const char *file, int mode);
void *llmobs_loader_own_sym(void *handle, const char *name);

typedef void *(*llmobs_open_fn)(const char *, int);
typedef void *(*llmobs_sym_fn)(void *, const char *);
typedef void *(*llmobs_vsym_fn)(void *, const char *, const char *);
typedef int (*llmobs_close_fn)(void *);

/* The next functions, for the app's calls. Never NULL: without a next function,
 * one that fails. */
llmobs_open_fn llmobs_loader_open_fn(void);
llmobs_sym_fn llmobs_loader_sym_fn(void);
llmobs_vsym_fn llmobs_loader_vsym_fn(void);
llmobs_close_fn llmobs_loader_close_fn(void); /* -1 */

/* Drops the calling thread's dlerror text, which a failed call of the shim has
 * set. */
void llmobs_loader_drop_error(void);

/* True when `address` is the real function of that name. */
bool llmobs_loader_is(const char *name, const void *address);

/* True when no object before the shim in load order defines that name, so that
 * the loader binds an unbound caller to the shim. */
bool llmobs_loader_shim_first(const char *name);

#endif
