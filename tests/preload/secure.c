/* Says whether it runs AT_SECURE, and whether a shim is in it. */
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

#include <curl/curl.h>

static int shim(struct dl_phdr_info *info, size_t size, void *found)
{
    (void)size;
    *(int *)found |= strstr(info->dlpi_name, "libllmobs") != NULL;
    return 0;
}

int main(void)
{
    int found = 0;

    curl_easy_cleanup(curl_easy_init());
    dl_iterate_phdr(shim, &found);
    printf("secure %lu\n", getauxval(AT_SECURE));
    return found ? 50 : 0;
}
