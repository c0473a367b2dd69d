/* A library whose constructor gets libcurl's functions and keeps them: HOW 1
 * out of its own slots, 2 by RTLD_NEXT, 3 by RTLD_DEFAULT, 4 by dlvsym; 5: it
 * makes a handle, of which the core hears only where the shim began before. Its
 * plugin_run calls them, and a program that is linked with it does so by its
 * main. */
#include "tests/preload/fetch.h"

int plugin_run(const char *url);

static struct fetch kept;
static CURL *made;
char kept_zeros[8192]; /* a whole page of them */

__attribute__((constructor)) static void keep(void)
{
    FETCH_LINKED(linked);

#if HOW == 5
    made = curl_easy_init();
#elif HOW == 1
    kept = linked;
#elif HOW == 2
    fetch_find(&kept, RTLD_NEXT);
#elif HOW == 3
    fetch_find(&kept, RTLD_DEFAULT);
#else
#define X(result, name, args)                                             \
    {                                                                     \
        void *found = dlvsym(RTLD_NEXT, "curl_" #name, "CURL_OPENSSL_4"); \
        memcpy(&kept.name, &found, sizeof found);                         \
    }
    FETCH_FUNCTIONS(X)
#undef X
#endif
    (void)linked;
}

__attribute__((visibility("default"))) int plugin_run(const char *url)
{
    if (made)
        return curl_easy_setopt(made, CURLOPT_URL, url) != CURLE_OK;
    return kept.easy_init ? fetch_both(&kept, url) : 5;
}
