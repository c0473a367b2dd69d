/* Chooses the directories of the store and of the state. */
#include "core/config/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
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

int llmobs_config_store_dir(const struct llmobs_config *config, char *out,
                            size_t cap)
{
    const char *xdg = config->xdg_state_home;
    const char *home = config->home;
    uid_t uid = geteuid();
    int len;

    if (config->store_dir)
        len = snprintf(out, cap, "%s", config->store_dir);
    else if (uid == 0)
        len = snprintf(out, cap, "/var/lib/llmobs/store");
    else if (xdg && usable(xdg, "/llmobs/store"))
        len = snprintf(out, cap, "%s/llmobs/store", xdg);
    else if (home && usable(home, "/.local/state/llmobs/store"))
        len = snprintf(out, cap, "%s/.local/state/llmobs/store", home);
    else
        len =
            snprintf(out, cap, "/var/tmp/llmobs-%lu/store", (unsigned long)uid);
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
