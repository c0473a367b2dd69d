/* host - what the shim knows of its process: on or off, who and where it is,
 * and the copied environment.
 *
 * Owns:    static buffers; nothing is allocated.
 * Threads: written by the constructor; afterwards only the state changes, and
 *          only towards off or on, for good.
 * Errors:  none; what is missing makes the shim inert.
 * Limits:  LLMOBS_HOST_ENV_MAX bytes and LLMOBS_HOST_ENV_COUNT variables; one
 *          that does not fit is left out whole.
 * Fork:    constant.
 */
#ifndef LLMOBS_HOST_H
#define LLMOBS_HOST_H

#include "core/engine.h"
#include "shim/elf.h"

#define LLMOBS_SHIM_SONAME "libllmobs_preload.so"
#define LLMOBS_CORE_FILE "libllmobs_core.so" /* its soname, too */
#define LLMOBS_HOST_ENV_MAX 65536
#define LLMOBS_HOST_ENV_COUNT 512
#define LLMOBS_HOST_PATH_MAX 4096

enum llmobs_host_state {
    LLMOBS_HOST_NEW,      /* the constructor has not run */
    LLMOBS_HOST_OFF,      /* for good: every call goes straight on */
    LLMOBS_HOST_UNASKED,  /* nobody asked for it: the program still may */
    LLMOBS_HOST_WATCHING, /* asked for, no libcurl seen yet */
    LLMOBS_HOST_ON
};

/* Constructor only: everything below. `env` may be NULL. */
void llmobs_host_init(char **env);

enum llmobs_host_state llmobs_host_state(void);

/* Decides, once, when the first libcurl copy has been found. */
void llmobs_host_decide(void);

/* The program asks: on, unless it is off for good. True when that is news, so
 * that all objects are to be looked through. */
bool llmobs_host_ask(void);

/* True for our own object. */
bool llmobs_host_is_shim(const struct llmobs_elf *elf);

/* Absolute; NULL when the shim's own place is not known. Only for the one
 * thread that loads the core. */
const char *llmobs_host_core_path(void);

/* What is handed to the core; only for the one thread that loads it. */
const struct llmobs_host *llmobs_host_table(
    const struct llmobs_enable_options *enable);

#endif
