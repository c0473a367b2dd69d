/* Opens the system's libcurl for a command's own requests. */
#include "cli/shared/open_libcurl.h"

#include <dlfcn.h>

#include "lib/base/log.h"
#include "include/engine.h"
#include "core/export/http.h"

#define LIBRARY "libcurl.so.4"

void llmobs_cli_open_libcurl(void)
{
    static struct llmobs_real real;
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    if (!library) {
        llmobs_log(LLMOBS_LOG_WARN, "no " LIBRARY ": nothing can be sent");
        return;
    }
/* C allows no cast from an object pointer to a function's; this assignment is
 * the way that POSIX shows. */
#define X(result, name, ...) \
    *(void **)&real.name = dlsym(library, "curl_" #name);
    LLMOBS_REAL_FUNCTIONS(X)
#undef X
    if (real.global_init && real.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
        llmobs_curl_access_set(&real, LLMOBS_CURL_NO_APP);
}
