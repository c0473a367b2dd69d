/* A plugin that is linked with libcurl. */
#include "tests/preload/fetch.h"

FETCH_LINKED(linked);

int plugin_run(const char *url);

__attribute__((visibility("default"))) int plugin_run(const char *url)
{
    return fetch_both(&linked, url);
}
