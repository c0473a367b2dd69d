/* first_error: a failed dlopen, then the first libcurl call, then dlerror. */
#include <dlfcn.h>
#include <stdio.h>

#include <curl/curl.h>

int main(void)
{
    const char *text;

    dlopen("/nonexistent/x.so", RTLD_NOW);
    curl_easy_cleanup(curl_easy_init());
    text = dlerror();
    printf("%s\n", text ? text : "none");
    return 0;
}
