#include "cli/doctor/probe.h"

#include <dlfcn.h>
#include <stddef.h>

#define LIBRARY "libcurl.so.4"
/* Numbers of libcurl's public interface, which never change. */
#define URL 10002
#define POSTFIELDS 10015
#define NOPROXY 10177
#define TIMEOUT 13

int llmobs_probe_run(const char *url)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    void *(*make)(void) = NULL;
    int (*set)(void *, int, ...) = NULL;
    int (*perform)(void *) = NULL;
    void (*cleanup)(void *) = NULL;
    void *handle;
    int rc;

    if (!library)
        return LLMOBS_PROBE_NO_LIBCURL;
    *(void **)&make = dlsym(library, "curl_easy_init");
    *(void **)&set = dlsym(library, "curl_easy_setopt");
    *(void **)&perform = dlsym(library, "curl_easy_perform");
    *(void **)&cleanup = dlsym(library, "curl_easy_cleanup");
    if (!make || !set || !perform || !cleanup || !(handle = make()))
        return LLMOBS_PROBE_NO_LIBCURL;
    set(handle, URL, url);
    set(handle, POSTFIELDS, LLMOBS_PROBE_BODY);
    set(handle, NOPROXY, "*");
    set(handle, TIMEOUT, (long)LLMOBS_PROBE_S);
    rc = perform(handle);
    cleanup(handle);
    return rc == 0 ? 0 : LLMOBS_PROBE_FAILED;
}
