#include "cli/preload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_in(const char *dir, const char *below, char path[PATH_MAX])
{
    int need =
        snprintf(path, PATH_MAX, "%s%s/" LLMOBS_PRELOAD_NAME, dir, below);

    return need < PATH_MAX && access(path, R_OK) == 0;
}

bool llmobs_preload_find(char path[PATH_MAX])
{
    const char *build = getenv("LLMOBS_BUILD");
    char own[PATH_MAX] = "";
    ssize_t len = readlink("/proc/self/exe", own, sizeof own - 1);
    char *slash = len > 0 ? strrchr(own, '/') : NULL;

    if (build != NULL && *build != '\0')
        return is_in(build, "", path);
    if (slash != NULL)
        *slash = '\0';
    return is_in(own, "/../lib/llmobs", path) || is_in(own, "", path);
}

/* True when `list`, separated as LD_PRELOAD is, holds `path`. */
static bool listed(const char *list, const char *path)
{
    size_t len = strlen(path);

    while (*list != '\0') {
        size_t n = strcspn(list, ": ");

        if (n == len && memcmp(list, path, len) == 0)
            return true;
        list += n + strspn(list + n, ": ");
    }
    return false;
}

/* Behind what is there: an allocator or sanitizer must come first. */
int llmobs_preload_join(const char *library, char **out)
{
    const char *have = getenv("LD_PRELOAD");

    *out = NULL;
    if (library == NULL || (have != NULL && listed(have, library)))
        return 0;
    if (have == NULL || *have == '\0')
        *out = strdup(library);
    else if (asprintf(out, "%s:%s", have, library) < 0)
        *out = NULL;
    return *out == NULL ? -ENOMEM : 0;
}
