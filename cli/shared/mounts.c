/* Finds the places of users in other mount namespaces, and enters them. */
#include "cli/shared/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/shared/tell.h"
#include "core/config/state_dir.h"
#include "lib/base/file.h"
#include "lib/base/listing.h"

#define TEXT_MAX ((size_t)4 << 20)
#define SEEN_MAX 1024
/* No kernel has as many pids and other names in /proc. */
#define PROCESSES_MAX 4200000u
/* <linux/openat2.h>, which older headers lack. */
#define OPENAT2 437
#define NO_MAGICLINKS 0x02
#define NO_SYMLINKS 0x04
#define IN_ROOT 0x10

struct seen {
    uint64_t mounts;
    uid_t uid;
    char key[LLMOBS_MOUNTS_KEY]; /* "": as here, or not known */
};

struct search {
    uint64_t mounts, pids; /* our namespaces */
    struct seen *seen;
    size_t count;
};

/* The number of a namespace; 0: not known. */
static uint64_t number_of(pid_t pid, const char *kind)
{
    char path[64];
    struct stat st;

    snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kind);
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

static int read_file(pid_t pid, const char *name, struct llmobs_buf *text)
{
    char path[64];

    llmobs_buf_init(text, TEXT_MAX);
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    return llmobs_file_read(path, text);
}

int llmobs_mounts_user(pid_t pid, uid_t *uid)
{
    struct llmobs_buf text;
    int rc = read_file(pid, "status", &text);
    const char *at = rc == 0 && text.len > 0 ? strstr(text.data, "\nUid:") : 0;

    if (!at || sscanf(at, "\nUid: %*u %u", uid) != 1)
        rc = -ESRCH;
    llmobs_buf_fini(&text);
    return rc;
}

/* The mount of a path is the last one on the way to it. */
bool llmobs_mounts_key(pid_t pid, const char *path, char key[LLMOBS_MOUNTS_KEY])
{
    static char root[PATH_MAX], at[PATH_MAX];
    char device[32], *save = NULL, *line = NULL;
    struct llmobs_buf text;
    size_t len;

    if (read_file(pid, "mountinfo", &text) == 0 && text.len > 0)
        line = strtok_r(text.data, "\n", &save);
    for (*key = '\0'; line; line = strtok_r(NULL, "\n", &save)) {
        if (sscanf(line, "%*u %*u %31s %4095s %4095s", device, root, at) != 3)
            continue;
        len = strcmp(at, "/") == 0 ? 0 : strlen(at);
        if (strncmp(path, at, len) == 0 && strchr("/", path[len]) &&
            snprintf(key, LLMOBS_MOUNTS_KEY, "%s %s%s", device,
                     strcmp(root, "/") == 0 ? "" : root,
                     path + len) >= LLMOBS_MOUNTS_KEY)
            *key = '\0';
    }
    llmobs_buf_fini(&text);
    return *key != '\0';
}

static int open_in(int root, const char *path)
{
    const struct {
        uint64_t flags, mode, resolve;
    } how = {O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
             IN_ROOT | NO_SYMLINKS | NO_MAGICLINKS};
    int fd = (int)syscall(OPENAT2, root, path, &how, sizeof(how));

    return fd < 0 ? -errno : fd;
}

/* Filters of system calls refuse what they do not know. */
static bool has_openat2(void)
{
    static int known = -1;

    if (known < 0) {
        int fd = open_in(AT_FDCWD, ".");

        known = fd != -ENOSYS && fd != -EPERM;
        if (fd >= 0)
            close(fd);
        if (!known)
            llmobs_tell("llmobs: the private /var/tmp of services is not "
                        "looked into: this kernel has no openat2\n");
    }
    return known;
}

/* Notes the user's namespace; true where it has a place that nobody saw. */
static bool is_new(struct search *search, pid_t pid, uid_t uid, uint64_t mounts)
{
    struct seen *now = &search->seen[search->count];
    char path[LLMOBS_LOOSE_SIZE], ours[LLMOBS_MOUNTS_KEY];
    size_t others = 0;

    for (size_t i = 0; i < search->count; i++) {
        others += search->seen[i].uid == uid;
        if (search->seen[i].uid == uid && search->seen[i].mounts == mounts)
            return false;
    }
    if (search->count == SEEN_MAX || others == LLMOBS_MOUNTS_USER)
        return false;
    search->count++;
    *now = (struct seen){.mounts = mounts, .uid = uid};
    snprintf(path, sizeof(path), LLMOBS_LOOSE "%u", uid);
    if (!llmobs_mounts_key(pid, path, now->key) ||
        !llmobs_mounts_key(getpid(), path, ours) || !strcmp(now->key, ours))
        now->key[0] = '\0';
    for (struct seen *one = search->seen; one < now; one++)
        if (one->uid == uid && strcmp(one->key, now->key) == 0)
            return false;
    return now->key[0] != '\0';
}

int llmobs_mounts_visit(llmobs_mounts_fn *visit, void *ctx)
{
    struct search search = {.mounts = number_of(getpid(), "mnt"),
                            .pids = number_of(getpid(), "pid"),
                            .seen = calloc(SEEN_MAX, sizeof(struct seen))};
    struct llmobs_listing list;
    const char *name;
    int rc = search.seen ? llmobs_listing_open_in(&list, AT_FDCWD, "/proc")
                         : -ENOMEM;

    if (rc != 0) {
        free(search.seen);
        return rc;
    }
    list.left = PROCESSES_MAX;
    while (rc == 0 && (name = llmobs_listing_next(&list))) {
        pid_t pid = (pid_t)atoi(name);
        uint64_t mounts = pid > 0 ? number_of(pid, "mnt") : 0;
        uid_t uid;

        if (mounts != 0 && mounts != search.mounts &&
            number_of(pid, "pid") == search.pids &&
            llmobs_mounts_user(pid, &uid) == 0 && uid != 0 &&
            is_new(&search, pid, uid, mounts) && has_openat2())
            rc = visit(ctx, uid, pid, mounts);
    }
    llmobs_listing_close(&list);
    free(search.seen);
    return rc;
}

int llmobs_mounts_open(pid_t pid, uint64_t mounts)
{
    char path[64];
    int root;

    snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
    root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    /* Its number may be another process's by now. */
    return root < 0 || number_of(pid, "mnt") != mounts ? -ENOENT : root;
}

/* The directory is the user's own in a place where anybody may make one. What
 * is below it is opened as ever: by no link, and not of another user. */
int llmobs_mounts_enter(int root, struct llmobs_config *config)
{
    static char base[LLMOBS_LOOSE_SIZE + 32];
    int loose = open_in(root, "var/tmp");
    struct stat st;

    for (int n = 0; loose >= 0 && n <= LLMOBS_LOOSE_LAST; n++) {
        char name[LLMOBS_LOOSE_SIZE];
        int len = snprintf(name, sizeof(name), "llmobs-%u", geteuid());

        if (n > 0)
            snprintf(name + len, sizeof(name) - (size_t)len, ".%d", n);
        if (fstatat(loose, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
            continue;
        snprintf(base, sizeof(base), "/proc/self/fd/%d/%s", loose, name);
        config->base_dir = base;
        return 0;
    }
    return loose < 0 && loose != -ELOOP && loose != -ENOTDIR ? loose : -ENOENT;
}
