#include "cli/shared/preload.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "cli/shared/environment.h"

#define ENABLED "DD_LLMOBS_ENABLED"

/* The directory of this program; without /proc, by the name that it was started
 * with. */
static int own_directory(char dir[PATH_MAX])
{
    unsigned long name = getauxval(AT_EXECFN);
    ssize_t len = readlink("/proc/self/exe", dir, PATH_MAX - 1);
    char *slash;

    if (len > 0)
        dir[len] = '\0';
    else if (name == 0 || realpath((const char *)name, dir) == NULL)
        return -ESRCH;
    slash = strrchr(dir, '/');
    if (slash == NULL)
        return -ESRCH;
    *slash = '\0';
    return 0;
}

static int join(char path[PATH_MAX], const char *dir, const char *name)
{
    int need = snprintf(path, PATH_MAX, "%s/%s", dir, name);

    return need < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* Sets the paths of the installation that `dir` is in; false where it is in
 * none. */
static bool installed(const char *dir, char lib[PATH_MAX])
{
    char path[PATH_MAX];

    return join(path, dir, "../lib/llmobs/" LLMOBS_PRELOAD_NAME) == 0 &&
           access(path, F_OK) == 0 && join(path, dir, "../lib/llmobs") == 0 &&
           realpath(path, lib) != NULL;
}

static int find_directories(char dir[PATH_MAX], char lib[PATH_MAX])
{
    const char *build = getenv("LLMOBS_BUILD");
    int rc;

    if (build != NULL && *build != '\0') {
        if (join(lib, build, ".") != 0 || realpath(lib, dir) == NULL)
            return -ENOTDIR;
        memcpy(lib, dir, PATH_MAX);
        return 0;
    }
    rc = own_directory(dir);
    if (rc == 0 && !installed(dir, lib))
        memcpy(lib, dir, PATH_MAX);
    return rc;
}

int llmobs_preload_find(struct llmobs_preload *preload)
{
    char dir[PATH_MAX], lib[PATH_MAX];
    int rc = find_directories(dir, lib);

    if (rc == 0)
        rc = join(preload->library, lib, LLMOBS_PRELOAD_NAME);
    if (rc == 0)
        rc = join(preload->tool, dir, "llmobs");
    if (rc != 0)
        return rc == -ENAMETOOLONG ? -ESRCH : rc;
    if (access(preload->library, R_OK) != 0)
        return -ENOENT;
    return strpbrk(preload->library, ":$ \t\n\v\f\r") == NULL ? 0 : -EINVAL;
}

int llmobs_preload_share(const char *name, char path[PATH_MAX])
{
    char dir[PATH_MAX], lib[PATH_MAX];
    int rc = find_directories(dir, lib);

    if (rc == 0 && strcmp(dir, lib) != 0)
        rc = join(lib, dir, "../share/llmobs");
    return rc == 0 ? join(path, lib, name) : rc;
}

/* True when `list`, separated as LD_PRELOAD is, has `path`. */
static int listed(const char *list, const char *path)
{
    size_t len = strlen(path);

    while (*list != '\0') {
        size_t n = strcspn(list, ": ");

        if (n == len && memcmp(list, path, len) == 0)
            return 1;
        list += n + strspn(list + n, ": ");
    }
    return 0;
}

int llmobs_preload_join(struct llmobs_environment *environment,
                        const char *library)
{
    if (library == NULL)
        return 0;
    return llmobs_environment_join(environment, "LD_PRELOAD", library, ':',
                                   listed);
}

int llmobs_preload_enable(struct llmobs_environment *environment)
{
    if (*llmobs_environment_get(environment, ENABLED) != '\0')
        return 0;
    return llmobs_environment_set(environment, ENABLED, "1");
}
