#include "shim/host.h"
#include "shim/scan.h"

/* musl hands a constructor nothing; under glibc ours, which needs no library,
 * may run before libc has set environ. */
__attribute__((constructor)) static void start(int argc, char **argv,
                                               char **env)
{
    char **variables = &environ ? environ : NULL;
    int saved = llmobs_libc_errno();

    (void)argc;
    (void)argv;
    if (!variables && gnu_get_libc_version)
        variables = env;
    llmobs_host_init(variables);
    llmobs_scan();
    llmobs_libc_errno_restore(saved);
}
