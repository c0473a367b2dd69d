/* exports - what the shim exports: four functions of the loader, and two for
 * programs that make spans themselves.
 *
 * llmobs_get_api returns the core's table (include/llmobs.h). llmobs_command
 * does a command (core/capture/command.h) and overwrites the command's text
 * with its answer, because R's .C has no other way. Both load the core if the
 * program or its environment wants it. Any thread may call them, but not within
 * a dlclose.
 *
 * Threads: any, also before the constructor.
 * Errors:  those of the real functions. In doubt the real function is chosen,
 *          which then sees the app as its caller; the shim notices the change
 *          at the next call.
 *
 * The loader finds its caller by the return address. The caller decides
 * RUNPATH, namespace and the meaning of RTLD_NEXT. So dlopen, dlsym and dlvsym
 * each choose the function that does the work, and end in a jump to it, and
 * scripts/check-exports proves that jump. dlclose does not depend on its
 * caller, and returns here, since the shim has to know when it ends.
 */
#ifndef LLMOBS_EXPORTS_H
#define LLMOBS_EXPORTS_H

/* The shim's function of that name, even where another object interposes it;
 * NULL for another name. */
void *llmobs_dl_find(const char *name);

#endif
