/* Finds the library's path, and adds it to LD_PRELOAD. */
#include "cli/shared/preload.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/shared/environment.h"

#define ENABLED "DD_LLMOBS_ENABLED"
/* Users call the tool by this name (cli/run/run_main.c). */
#define FRONT "llmobs"
/* The folder of links to the library, for each kind of loader: LD_PRELOAD names
 * the library by its path in this folder (shim/places). */
#define PLACES "behind-libasan.so"

/* This program's file, where a loader was executed in its place. */
static const char *own_file;

void llmobs_preload_own(const char *path)
{
    own_file = path;
}

/* The directory of this program; without /proc, by the name that it was started
 * with. */
static int own_directory(char dir[PATH_MAX])
{
    const char *name = (const char *)getauxval(AT_EXECFN);
    ssize_t len = -1;
    char *slash;

    if (own_file)
        name = own_file;
    else
        len = readlink("/proc/self/exe", dir, PATH_MAX - 1);
    if (len > 0)
        dir[len] = '\0';
    else if (!name || !realpath(name, dir))
        return -ESRCH;
    slash = strrchr(dir, '/');
    if (!slash)
        return -ESRCH;
    *slash = '\0';
    return 0;
}

static int join(char path[PATH_MAX], const char *dir, const char *name)
{
    int need = snprintf(path, PATH_MAX, "%s/%s", dir, name);

    return need < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static bool holds(const char *dir, const char *name)
{
    char path[PATH_MAX];

    return join(path, dir, name) == 0 && access(path, F_OK) == 0;
}

static bool enter(const char *dir, const char *name, char out[PATH_MAX])
{
    char path[PATH_MAX];

    return join(path, dir, name) == 0 && realpath(path, out);
}

/* The directories of an installation: `bin` has the programs for users, `lib`
 * the rest; this program is in either. In a build both are one directory. */
static int own_directories(char bin[PATH_MAX], char lib[PATH_MAX])
{
    char dir[PATH_MAX];
    int rc = own_directory(dir);

    if (rc != 0)
        return rc;
    memcpy(bin, dir, PATH_MAX);
    memcpy(lib, dir, PATH_MAX);
    if (holds(dir, "../lib/llmobs"))
        return enter(dir, "../lib/llmobs", lib) ? 0 : -ESRCH;
    if (!holds(dir, FRONT) && holds(dir, "../../bin/" FRONT))
        return enter(dir, "../../bin", bin) ? 0 : -ESRCH;
    return 0;
}

static int find_directories(char bin[PATH_MAX], char lib[PATH_MAX])
{
    const char *build = getenv("LLMOBS_BUILD");

    if (!build || *build == '\0')
        return own_directories(bin, lib);
    if (!enter(build, ".", bin))
        return -ENOTDIR;
    memcpy(lib, bin, PATH_MAX);
    return 0;
}

/* True where both names lead to one file. Compares the paths that the kernel
 * gives, which no link hides. */
static bool is_one(const char *path, const char *other)
{
    struct stat one, two;

    return stat(path, &one) == 0 && stat(other, &two) == 0 &&
           one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

int llmobs_preload_find(struct llmobs_preload *preload)
{
    const char *platform = (const char *)getauxval(AT_PLATFORM);
    const char *const names[] = {platform, "$PLATFORM"};
    char bin[PATH_MAX], lib[PATH_MAX], path[PATH_MAX];
    bool there = platform != NULL;
    int rc = find_directories(bin, lib);

    if (rc == 0)
        rc = join(preload->library, lib, LLMOBS_PRELOAD_NAME);
    if (rc == 0)
        rc = join(preload->tool, bin, FRONT);
    if (rc != 0)
        return rc == -ENAMETOOLONG ? -ESRCH : rc;
    if (access(preload->library, R_OK) != 0)
        return -ENOENT;
    /* Puts $PLATFORM into the path, by which the loader of another machine
     * finds a library that it can load. Keeps the plain path where the kernel
     * names no platform, or the folders are missing because only the objects
     * were copied. */
    for (size_t i = 0; i < 2 && there; i++)
        there = snprintf(path, sizeof(path), "%s/" PLACES "/%s/%s", lib,
                         names[i], LLMOBS_PRELOAD_NAME) < (int)sizeof(path) &&
                is_one(path, preload->library);
    strcpy(preload->listed, there ? path : preload->library);
    return !strpbrk(preload->library, ":$ \t\n\v\f\r") ? 0 : -EINVAL;
}

int llmobs_preload_tool(char path[PATH_MAX])
{
    char bin[PATH_MAX], lib[PATH_MAX];
    int rc = own_directories(bin, lib);

    return rc == 0 ? join(path, lib, "llmobs-tool") : rc;
}

int llmobs_preload_share(const char *name, char path[PATH_MAX])
{
    char bin[PATH_MAX], lib[PATH_MAX];
    int rc = find_directories(bin, lib);

    if (rc == 0 && strcmp(bin, lib) != 0)
        rc = join(lib, bin, "../share/llmobs");
    return rc == 0 ? join(path, lib, name) : rc;
}

const char *llmobs_preload_remedy(const char *path)
{
    const char *name = strrchr(path, '/');
    size_t len = name ? (size_t)(name - path) : 0;

    return (len >= 4 && memcmp(name - 4, "/bin", 4) == 0) ||
                   (len >= 11 && memcmp(name - 11, "/lib/llmobs", 11) == 0)
               ? " is not there: install llmobs-preload again"
               : " is not there (run make)";
}

/* True where an item of the list is the file `library`, under any name. */
static bool has_file(const char *list, const char *library)
{
    char path[PATH_MAX];

    for (; *list != '\0'; list += strspn(list, ": ")) {
        size_t len = strcspn(list, ": ");

        if (len < sizeof(path)) {
            snprintf(path, sizeof(path), "%.*s", (int)len, list);
            if (strcmp(path, library) != 0 && is_one(path, library))
                return true;
        }
        list += len;
    }
    return false;
}

int llmobs_preload_join(struct llmobs_environment *environment,
                        const char *library)
{
    if (!library ||
        has_file(llmobs_environment_get(environment, "LD_PRELOAD"), library))
        return 0;
    return llmobs_environment_join(environment, "LD_PRELOAD", library, ": ",
                                   false);
}

int llmobs_preload_enable(struct llmobs_environment *environment)
{
    if (*llmobs_environment_get(environment, ENABLED) != '\0')
        return 0;
    return llmobs_environment_set(environment, ENABLED, "1");
}
