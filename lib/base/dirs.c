/* Opens directories component by component, and checks owners. */
#include "lib/base/dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "lib/base/scratch.h"

#define OURS "/llmobs"

/* -- a directory that is made --------------------------------------------- */

int llmobs_dirs_make(int parent, const char *name)
{
    char path[32];
    struct stat st;
    int fd, rc = 0;

    if (mkdirat(parent, name, 0700) != 0)
        return -errno;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(st.st_mode) && (st.st_mode & 0700) == 0700)
        return 0;
    /* Lets the owner use a new directory. Changes its mode by a descriptor: by
     * now another process may have put a link in its place, and chmod would
     * follow it. */
    fd = llmobs_fd_open(parent, name, O_DIRECTORY | O_PATH | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fstat(fd, &st) != 0)
        rc = -errno;
    else if (st.st_uid != geteuid())
        rc = -EPERM;
    else if (chmod(path, 0700) != 0)
        rc = -errno;
    close(fd);
    return rc;
}

/* -- directories above the library's, which may be links ------------------ */

static int make_parts(char *part, size_t len)
{
    int rc;

    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        part[i] = '\0';
        rc = llmobs_dirs_make(AT_FDCWD, part);
        if (rc && rc != -EEXIST && (i == len || rc != -EACCES))
            return rc;
        if (i < len)
            part[i] = '/';
    }
    return 0;
}

static int open_any_dir(const char *path, bool make, int flags, int *out)
{
    int fd, rc = llmobs_file_reach(path, true);

    if (rc)
        return rc;
    fd = llmobs_fd_open(AT_FDCWD, path, flags);
    if (fd < 0 && errno == ENOENT && make) {
        size_t len = strlen(path);
        char *part;

        if (len >= PATH_MAX)
            return -ENAMETOOLONG;
        part = llmobs_scratch_alloc(len + 1);
        if (!part)
            return -ENOMEM;
        memcpy(part, path, len + 1);
        rc = make_parts(part, len);
        llmobs_scratch_free(part);
        if (rc)
            return rc;
        fd = llmobs_fd_open(AT_FDCWD, path, flags);
    }
    if (fd < 0)
        return -errno;
    *out = fd;
    return 0;
}

/* -- the library's directories -------------------------------------------- */

/* Finds the library's own directory in the path: the last part that has its
 * name. NULL: no part has it. */
static const char *find_own_name(const char *path)
{
    const char *at = path, *found = NULL;

    while ((at = strstr(at, OURS))) {
        at += strlen(OURS);
        if (*at == '\0' || *at == '/' || *at == '-')
            found = at - strlen(OURS) + 1;
    }
    return found;
}

/* Opens a directory below `parent`, or makes it. A directory that was made is
 * safe from others: in one like /var/tmp only its owner can replace it. */
static int open_or_make(int parent, const char *name, bool make, int flags,
                        int *out)
{
    struct stat st;
    int fd = llmobs_fd_open(parent, name, flags | O_NOFOLLOW);
    int rc;

    if (fd < 0 && errno == ENOENT && make) {
        rc = llmobs_dirs_make(parent, name);
        if (rc && rc != -EEXIST)
            return rc;
        fd = llmobs_fd_open(parent, name, flags | O_NOFOLLOW);
    }
    if (fd < 0)
        return -errno;
    rc = fstat(fd, &st) ? -errno : 0;
    if (!rc && st.st_uid != geteuid() && st.st_uid != 0)
        rc = -EPERM;
    if (rc)
        close(fd);
    else
        *out = fd;
    return rc;
}

/* Takes `parent`. Goes down the names; `flags` are for the last name. */
static int open_below(int parent, char *names, bool make, int flags, int *out)
{
    char *save = NULL, *name = strtok_r(names, "/", &save);
    int rc = 0;

    while (name && !rc) {
        char *next = strtok_r(NULL, "/", &save);
        int child = -1;

        rc = open_or_make(parent, name, make,
                          next ? O_DIRECTORY | O_PATH : flags, &child);
        close(parent);
        parent = child;
        name = next;
    }
    if (!rc)
        *out = parent;
    return rc;
}

static int open_dir(const char *path, bool chosen, bool make, int flags,
                    int *out)
{
    const char *ours = chosen ? NULL : find_own_name(path);

    if (ours) {
        size_t len = strlen(path);
        int parent = -1, rc;
        char *copy;

        if (len >= PATH_MAX)
            return -ENAMETOOLONG;
        copy = llmobs_scratch_alloc(len + 1);
        if (!copy)
            return -ENOMEM;
        strcpy(copy, path);
        copy[ours - path] = '\0';
        rc = open_any_dir(copy, make, O_DIRECTORY | O_PATH, &parent);
        if (!rc) {
            strcpy(copy, ours);
            rc = open_below(parent, copy, make, flags, out);
        }
        llmobs_scratch_free(copy);
        return rc;
    }
    return open_any_dir(path, make, flags, out);
}

int llmobs_dirs_open(const char *path, bool chosen, bool list, int *out)
{
    return open_dir(path, chosen, false,
                    O_DIRECTORY | (list ? O_RDONLY : O_PATH), out);
}

int llmobs_dirs_have(const char *path, bool chosen, int *out)
{
    return open_dir(path, chosen, true, O_DIRECTORY | O_PATH, out);
}
