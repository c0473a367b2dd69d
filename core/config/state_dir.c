/* Chooses the directories of the store and of the state. */
#include "core/config/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/scratch.h"

/* Like access(2), but for the effective user. glibc before 2.33 checks the real
 * user even with AT_EACCESS. So if the two users differ, the file's mode
 * decides, without access lists and supplementary groups. */
static bool may(const char *path, int mode)
{
    struct stat st;
    unsigned bits;

    if (getuid() == geteuid() && getgid() == getegid())
        return faccessat(AT_FDCWD, path, mode, 0) == 0;
    if (stat(path, &st) != 0)
        return false;
    bits = st.st_uid == geteuid()   ? st.st_mode >> 6
           : st.st_gid == getegid() ? st.st_mode >> 3
                                    : st.st_mode;
    return (bits & (unsigned)mode) == (unsigned)mode;
}

/* True when the effective user can write to `path`, or make it below its
 * nearest parent that exists. A worker of a web server, for instance, often
 * inherits the HOME of root. */
static bool may_make(char *path, size_t len)
{
    while (len > 1) {
        if (may(path, F_OK) || errno == EACCES)
            return may(path, W_OK | X_OK);
        while (len > 1 && path[len - 1] != '/')
            len--;
        if (len > 1)
            len--;
        path[len] = '\0';
    }
    return false;
}

static bool usable(const char *base, const char *rest)
{
    size_t base_len = strlen(base), rest_len = strlen(rest);
    char *path = NULL;
    bool made;

    if (base[0] == '/' && base_len + rest_len < PATH_MAX)
        path = llmobs_scratch_alloc(base_len + rest_len + 1);
    if (!path)
        return false;
    memcpy(path, base, base_len);
    memcpy(path + base_len, rest, rest_len + 1);
    made = may_make(path, base_len + rest_len);
    llmobs_scratch_free_text(path);
    return made;
}

/* -- where anybody may make directories ------------------------------------ */

/* Writes "/var/tmp/llmobs-UID", or from 1 on "/var/tmp/llmobs-UID.N". */
static int name_loose(uid_t uid, int n, char *out, size_t cap)
{
    int len = n == 0 ? snprintf(out, cap, LLMOBS_LOOSE "%lu", (long)uid)
                     : snprintf(out, cap, LLMOBS_LOOSE "%lu.%d", (long)uid, n);

    return len < 0 || (size_t)len >= cap ? -ENAMETOOLONG : 0;
}

/* The user's own directory, else the first name that is free, else the first
 * one, which another user has. Links are nobody's. */
static int find_loose(uid_t uid, char *out, size_t cap)
{
    int unused = -1, rc = 0;
    struct stat st;

    for (int n = 0; n <= LLMOBS_LOOSE_LAST && rc == 0; n++) {
        rc = name_loose(uid, n, out, cap);
        if (rc == 0 && fstatat(AT_FDCWD, out, &st, AT_SYMLINK_NOFOLLOW) != 0)
            unused = unused < 0 ? n : unused;
        else if (rc == 0 && st.st_uid == uid && S_ISDIR(st.st_mode))
            return 0;
    }
    return rc ? rc : name_loose(uid, unused < 0 ? 0 : unused, out, cap);
}

bool llmobs_config_is_loose(const char *name, uid_t uid)
{
    char path[LLMOBS_LOOSE_SIZE];

    for (int n = 0; n <= LLMOBS_LOOSE_LAST; n++)
        if (name_loose(uid, n, path, sizeof(path)) == 0 &&
            strcmp(name, strrchr(path, '/') + 1) == 0)
            return true;
    return false;
}

bool llmobs_config_taken(const char *path, char name[LLMOBS_LOOSE_SIZE])
{
    size_t len = strlen(LLMOBS_LOOSE);
    struct stat st;
    uid_t uid;

    if (strncmp(path, LLMOBS_LOOSE, len) != 0)
        return false;
    uid = (uid_t)strtoul(path + len, NULL, 10);
    return name_loose(uid, 0, name, LLMOBS_LOOSE_SIZE) == 0 &&
           fstatat(AT_FDCWD, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           (st.st_uid != uid || !S_ISDIR(st.st_mode));
}

int llmobs_config_store_dir(const struct llmobs_config *config, char *out,
                            size_t cap)
{
    const char *xdg = config->xdg_state_home;
    const char *home = config->home;
    uid_t uid = geteuid();
    int len, rc;

    if (config->store_dir)
        len = snprintf(out, cap, "%s", config->store_dir);
    else if (config->base_dir)
        len = snprintf(out, cap, "%s/store", config->base_dir);
    else if (uid == 0)
        len = snprintf(out, cap, "/var/lib/llmobs/store");
    else if (xdg && usable(xdg, "/llmobs/store"))
        len = snprintf(out, cap, "%s/llmobs/store", xdg);
    else if (home && usable(home, "/.local/state/llmobs/store"))
        len = snprintf(out, cap, "%s/.local/state/llmobs/store", home);
    else if ((rc = find_loose(uid, out, cap)) != 0)
        return rc;
    else
        len = (int)strlen(out) +
              snprintf(out + strlen(out), cap - strlen(out), "/store");
    return len < 0 || (size_t)len >= cap ? -ENAMETOOLONG : 0;
}

int llmobs_config_base_dir(const struct llmobs_config *config, const char *leaf,
                           char *out, size_t cap)
{
    int rc = llmobs_config_store_dir(config, out, cap);

    if (rc)
        return rc;
    if (!config->store_dir)
        *strrchr(out, '/') = '\0';
    if (strlen(out) + strlen(leaf) >= cap)
        return -ENAMETOOLONG;
    memcpy(out + strlen(out), leaf, strlen(leaf) + 1);
    return 0;
}
