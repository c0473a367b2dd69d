/* route - chooses the function to which a call of dlopen, dlsym or dlvsym goes
 * on.
 *
 * Threads: any, also before the constructor.
 * Errors:  none; in doubt it chooses the real function, which then sees the app
 *          as its caller. The shim then notices the change at the next call.
 */
#ifndef LLMOBS_ROUTE_H
#define LLMOBS_ROUTE_H

#include "shim/loader_calls.h"

llmobs_open_fn llmobs_route_open(const char *file, int mode,
                                 const void *caller);

/* The function to go on with, and the handle that it gets. */
struct llmobs_route_sym {
    llmobs_sym_fn next;
    void *handle;
};
struct llmobs_route_vsym {
    llmobs_vsym_fn next;
    void *handle;
};
struct llmobs_route_sym llmobs_route_sym(void *handle, const char *name,
                                         const void *caller);
struct llmobs_route_vsym llmobs_route_vsym(void *handle, const char *name,
                                           const char *version,
                                           const void *caller);

#endif
