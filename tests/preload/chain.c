/* A library that loads what it is told to, by its own RPATH or RUNPATH. */
#include <dlfcn.h>

int plugin_run(const char *file);

__attribute__((visibility("default"))) int plugin_run(const char *file)
{
    return dlopen(file, RTLD_NOW) ? 0 : 31;
}
