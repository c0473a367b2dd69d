/* host - the shim's facts about its process: whether to observe, the paths of
 * program and core, the copied environment.
 *
 * Owns:    static buffers; nothing is allocated.
 * Threads: any. The constructor writes; afterwards the scan, under its lock and
 *          before it patches the slots that depend on a fact. Reasons to stop
 *          may come from any thread, by one atomic write. The state changes
 *          from LATER to another, then only towards off or on, for good.
 * Errors:  none; without a fact that it needs the shim does nothing.
 * Limits:  LLMOBS_HOST_ENV_MAX bytes and LLMOBS_HOST_ENV_COUNT variables; a
 *          variable that does not fit is not copied at all. This library's own
 *          variables (LLMOBS_...) are copied first.
 */
#ifndef LLMOBS_HOST_H
#define LLMOBS_HOST_H

#include "include/engine.h"
#include "shim/elf.h"

#define LLMOBS_SHIM_SONAME "libllmobs_preload.so"
#define LLMOBS_CORE_FILE "libllmobs_core.so" /* its soname, too */
#define LLMOBS_HOST_ENV_MAX 65536
#define LLMOBS_HOST_ENV_COUNT 512
#define LLMOBS_HOST_PATH_MAX 4096

enum llmobs_host_state {
    LLMOBS_HOST_NEW,      /* the constructor has not run */
    LLMOBS_HOST_LATER,    /* nothing has been looked at before the first dlopen
                           */
    LLMOBS_HOST_OFF,      /* for good: every call goes straight to the real
                           * function */
    LLMOBS_HOST_UNASKED,  /* not switched on; the program may still do it */
    LLMOBS_HOST_WATCHING, /* switched on, no libcurl seen yet */
    LLMOBS_HOST_ON
};

/* Ends the state NEW; false if it has ended before. It writes without reading
 * first: the write costs one page fault, and a read before it would cost
 * another. */
bool llmobs_host_claim(void);
void llmobs_host_off(void);

/* Sets everything below; called by the constructor alone. `first`: the
 * program's first argument. Both may be NULL. `late`: constructors of others
 * have run before; they may have started threads, and have copied addresses of
 * functions. */
void llmobs_host_init(const char *first, char **env, bool late);
bool llmobs_host_began_late(void);

enum llmobs_host_state llmobs_host_state(void);

/* Ends the state LATER; called under the scan's lock, once libc's functions are
 * found. */
void llmobs_host_begin(void);

/* Decides once, when the first libcurl copy has been found. */
void llmobs_host_decide(void);

/* Switches observing on for the program, unless the state is off for good. True
 * when it was not on before: then all objects must be scanned. */
bool llmobs_host_enable(void);

/* True where the calls of TLS libraries are to be hooked (LLMOBS_TLS).
 * _tls_inside: also those of one inside the program.
 * _may_tls: false where neither they nor libc's sockets will ever be. Within a
 * walk over the objects, _check_php looks whether an object is PHP, _found_tls
 * says that one is such a library, and _found_connect, where _seeks_connect,
 * that one calls connect; after it _decide_tls decides, and with it the state.
 * Called under the scan's lock, but _tls by any thread.
 */
bool llmobs_host_tls(void);
bool llmobs_host_tls_inside(void);
bool llmobs_host_may_tls(void);
void llmobs_host_check_php(const struct llmobs_elf *elf);
void llmobs_host_found_tls(void);
bool llmobs_host_seeks_connect(void);
void llmobs_host_found_connect(void);
bool llmobs_host_decide_tls(void);

/* `tls_inside` of struct llmobs_host (engine.h), which the scan sets. */
void llmobs_host_set_inside(int result);
int llmobs_host_inside(void);

/* Unless the user asked for that or the program is PHP, from now on: the
 * program is a server of TLS, and no connection of a TLS library is followed; a
 * tracer in its language reports its calls, and nothing is followed. */
void llmobs_host_accepts_tls(void);
void llmobs_host_is_traced(void);

/* The reason why no connection is followed; NULL: connections are followed. */
const char *llmobs_host_tls_stopped(void);

/* True in a run whose proxy may read connections over TLS. */
bool llmobs_host_is_intercepted(void);

/* The address of that proxy; NULL: there is none, or it is not known. */
const char *llmobs_host_proxy(void);

/* As the constructor ends, in a run with --intercept: takes out of the
 * environment the proxy, where a program needs none, as no child of it will;
 * variables whose certificates it cannot read, as some programs fail without
 * the file; and, of a Python whose calls the library sees, that by which
 * requests would trust no file that the program names. `env`: the array of
 * environ. */
void llmobs_host_leave_run(char **env);

/* Within a scan, after its walk: decides whether libc's sockets are hooked
 * (LLMOBS_SOCKETS). True when they are from now on. */
bool llmobs_host_decide_sockets(void);

/* True where they are hooked since a gateway by http:// is listed, and the
 * program has not listened; where it has: no connection that begins is followed
 * any more. _listens: it does, and the doctor can read that. For any thread and
 * handler. */
bool llmobs_host_until(void);
bool llmobs_host_listened(void);
void llmobs_host_listens(void);

/* As llmobs_host_tls_stopped, of connections by plain HTTP. */
const char *llmobs_host_sockets_stopped(void);

/* The hook that Node is to load (node.h), within a scan that has decided; NULL:
 * none can be read, a tracer reports the program's calls, or Node's permission
 * model is on, by which it may not read the hook. */
const char *llmobs_host_node_hook(void);

/* True for the shim itself. */
bool llmobs_host_is_shim(const struct dl_phdr_info *info);

/* The core's absolute path; NULL when the shim's own path is not known. Only
 * for the thread that loads the core. */
const char *llmobs_host_core_path(void);

/* The path of the log; NULL: no log, or none for lines of this weight. From the
 * environment, else from the configuration file if that was read. */
const char *llmobs_host_log(bool error);

/* The copied environment. Only for the thread that loads the core, before the
 * load. */
const char *const *llmobs_host_env(void);

#endif
