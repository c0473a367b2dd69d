#include "core/stamp.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/clock.h"
#include "core/dirs.h"
#include "core/fd.h"

#define NAME_SIZE 32

/* FNV-1a: the name says nothing of the URL, which may hold a password. */
static void name_of(const char *url, char out[NAME_SIZE])
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *url; url++)
        hash = (hash ^ (unsigned char)*url) * UINT64_C(0x100000001b3);
    snprintf(out, NAME_SIZE, "dead-%016" PRIx64, hash);
}

/* Beside the store, or in it where the user chose its place. */
static int open_base(const struct llmobs_config *config, bool make, int *dir)
{
    bool chosen = config->store_dir != NULL;
    char path[PATH_MAX];
    int rc = llmobs_config_store_dir(config, path, sizeof(path));
    char *slash = strrchr(path, '/');

    if (rc)
        return rc;
    if (!chosen && slash && slash != path)
        *slash = '\0';
    return make ? llmobs_dirs_have(path, chosen, dir)
                : llmobs_dirs_open(path, chosen, false, dir);
}

void llmobs_stamp_set(const struct llmobs_config *config, const char *url)
{
    const int flags =
        O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    char name[NAME_SIZE];
    struct stat st;
    int dir, fd;

    if (open_base(config, true, &dir))
        return;
    name_of(url, name);
    fd = llmobs_fd_lift(openat(dir, name, flags, 0600));
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
        st.st_uid == geteuid()) {
        fchmod(fd, 0600);
        futimens(fd, NULL);
    }
    if (fd >= 0)
        close(fd);
    close(dir);
}

/* A stamp of the future is none: the clock was set back. */
bool llmobs_stamp_is_set(const struct llmobs_config *config, const char *url)
{
    char name[NAME_SIZE];
    struct stat st;
    int64_t age;
    int dir, rc;

    if (open_base(config, false, &dir))
        return false;
    name_of(url, name);
    rc = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW);
    close(dir);
    if (rc || !S_ISREG(st.st_mode) ||
        (st.st_uid != geteuid() && st.st_uid != 0))
        return false;
    age = llmobs_clock_wall_ns() -
          ((int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec);
    return age > -1000 * LLMOBS_NS_PER_MS &&
           age < LLMOBS_STAMP_MS * LLMOBS_NS_PER_MS;
}

void llmobs_stamp_clear(const struct llmobs_config *config, const char *url)
{
    char name[NAME_SIZE];
    int dir;

    if (open_base(config, false, &dir))
        return;
    name_of(url, name);
    unlinkat(dir, name, 0);
    close(dir);
}

/* -- peers --------------------------------------------------------------- */

bool llmobs_peer_avoid(struct llmobs_peer *peer, bool ending, bool *silent)
{
    int64_t age = llmobs_clock_mono_ns() - peer->silent_ns;
    bool first = !peer->tried;

    *silent = (peer->silent_ns && age < LLMOBS_STAMP_MS * LLMOBS_NS_PER_MS) ||
              llmobs_stamp_is_set(peer->config, peer->url);
    peer->tried = true;
    return *silent && (first || ending);
}

void llmobs_peer_answered(struct llmobs_peer *peer)
{
    peer->silent_ns = 0;
    llmobs_stamp_clear(peer->config, peer->url);
}

void llmobs_peer_silent(struct llmobs_peer *peer)
{
    peer->silent_ns = llmobs_clock_mono_ns();
    llmobs_stamp_set(peer->config, peer->url);
}
