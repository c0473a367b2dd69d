/* dl - the four exported functions of the loader, and the choice of the
 * function to which a call of dlopen, dlsym or dlvsym goes on.
 *
 * Threads: any, also before the constructor.
 * Errors:  those of the real functions. In doubt the real function is chosen,
 *          which then sees the app as its caller; the shim notices the change
 *          at the next call.
 *
 * The loader takes the return address for the caller, by which it chooses
 * RUNPATH, namespace and the meaning of RTLD_NEXT. So each of the first three
 * functions ends in a jump to the function that was chosen, and
 * scripts/check-exports proves that jump. dlclose does not depend on its
 * caller, and returns here, since the shim has to know when it ends.
 */
#ifndef LLMOBS_DL_H
#define LLMOBS_DL_H

/* The shim's function of that name, even where another object interposes it;
 * NULL for another name. */
void *llmobs_dl_find(const char *name);

#endif
