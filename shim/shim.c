#include "shim/host.h"
#include "shim/scan.h"

/* musl passes no arguments to a constructor. Under glibc, the shim's
 * constructor may run before libc has set environ, since the shim needs no
 * library. */
__attribute__((constructor)) static void start(int argc, char **argv,
                                               char **env)
{
    char **variables = &environ ? environ : NULL;
    int saved;

    (void)argc;
    (void)argv;
    llmobs_host_off();
    saved = llmobs_libc_errno();
    if (!variables && gnu_get_libc_version)
        variables = env;
    llmobs_host_init(variables);
    llmobs_scan();
    llmobs_libc_errno_restore(saved);
}
