/* Starts the shim as the loader calls its constructor. */
#include "shim/exports.h"
#include "shim/load.h"
#include "shim/scan.h"

/* musl passes no arguments to a constructor. glibc runs this one before all
 * others (-z initfirst), even before libc's, which sets environ. So if environ
 * is set, another library was first, such as glibc's own libpthread before
 * 2.34. musl has no such order. */
static void start(int argc, char **argv, char **env)
{
    bool late = &environ && environ;

    if (!gnu_get_libc_version)
        argc = 0;
    if (!late && gnu_get_libc_version)
        llmobs_scan_first(argc > 0 ? argv[0] : NULL, env, false,
                          llmobs_dl_find);
    else
        llmobs_scan_first(argc > 0 ? argv[0] : NULL, late ? environ : NULL,
                          late, llmobs_dl_find);
}

/* The only constructor. It is at the beginning of a page, and the variables
 * that every process uses come after it. So they are in that page, however long
 * the code is. */
__attribute__((section(".init_array"), used,
               aligned(4096))) static void (*begin)(int, char **,
                                                    char **) = start;

__attribute__((section(".fini_array"),
               used)) static void (*end)(void) = llmobs_load_report;
