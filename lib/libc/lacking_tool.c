/* lacking_tool - the functions that an older C library or musl lacks, for the
 * tool alone. The tool is also linked with lacking.c, which explains their
 * names.
 *
 * Owns:    nothing.
 * Threads: any.
 * Errors:  those of libc's functions.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/libc/lacking.h"

typedef int pick_entry(const struct dirent *entry);
typedef int order_entries(const struct dirent **a, const struct dirent **b);

struct entries {
    struct dirent **list;
    size_t count;
};

extern MAYBE int lstat(const char *restrict path, struct stat *restrict out);
extern MAYBE int __lxstat(int version, const char *path, struct stat *out);

HIDDEN int llmobs_libc_lstat(const char *restrict path,
                             struct stat *restrict out);
HIDDEN void *llmobs_libc_reallocarray(void *block, size_t count, size_t size);
HIDDEN int llmobs_libc_execvpe(const char *file, char *const *argv,
                               char *const *variables);
HIDDEN ssize_t llmobs_libc_getrandom(void *out, size_t len, unsigned flags);
HIDDEN int llmobs_libc_scandirat(int at, const char *path, struct dirent ***out,
                                 pick_entry *pick, order_entries *order);

/* Executes the file; a script without a shebang line is run by the shell. */
static int execute(const char *file, char *const *argv, char *const *variables)
{
    size_t count = 0;
    char **words;

    execve(file, argv, variables);
    if (errno != ENOEXEC)
        return -1;
    while (argv[count] != NULL)
        count++;
    words = calloc(count + 2, sizeof *words);
    if (words == NULL)
        return -1;
    words[0] = (char[]){"/bin/sh"};
    words[1] = (char *)file;
    if (count > 1)
        memcpy(words + 2, argv + 1, (count - 1) * sizeof *words);
    execve(words[0], words, variables);
    free(words);
    return -1;
}

/* True where the next folder of PATH may have the file. */
static int may_be_elsewhere(int error)
{
    return error == EACCES || error == ENOENT || error == ESTALE ||
           error == ENOTDIR || error == ENODEV || error == ETIMEDOUT;
}

/* musl's execvpe runs no script without a shebang line; env(1) in most systems
 * does, and so must the launcher. */
int llmobs_libc_execvpe(const char *file, char *const *argv,
                        char *const *variables)
{
    const char *from = getenv("PATH");
    size_t name = strnlen(file, NAME_MAX + 1);
    int refused = 0;
    char path[PATH_MAX];

    if (strchr(file, '/') != NULL || *file == '\0')
        return execute(file, argv, variables);
    if (from == NULL)
        from = "/bin:/usr/bin";
    errno = name > NAME_MAX ? ENAMETOOLONG : ENOENT;
    for (size_t len; name <= NAME_MAX; from += len + 1) {
        len = strcspn(from, ":");
        if (len + name + 1 < sizeof path) {
            memcpy(path, from, len);
            path[len] = '/';
            memcpy(path + len + (len > 0), file, name + 1);
            execute(path, argv, variables);
            refused |= errno == EACCES;
            if (!may_be_elsewhere(errno))
                return -1;
        }
        if (from[len] == '\0')
            break;
    }
    if (refused)
        errno = EACCES;
    return -1;
}

/* Up to glibc 2.32 its shared object has no lstat. */
int llmobs_libc_lstat(const char *restrict path, struct stat *restrict out)
{
    return lstat != NULL ? lstat(path, out) : __lxstat(STAT_VERSION, path, out);
}

/* glibc has it from 2.26 on. */
void *llmobs_libc_reallocarray(void *block, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(block, bytes);
}

/* glibc has it from 2.25 on. */
ssize_t llmobs_libc_getrandom(void *out, size_t len, unsigned flags)
{
    return syscall(SYS_getrandom, out, len, flags);
}

static int add_entry(struct entries *all, const struct dirent *entry)
{
    size_t more = all->count + 1;
    struct dirent **list;
    struct dirent *copy;

    list = llmobs_libc_reallocarray(all->list, more, sizeof *list);
    if (list == NULL)
        return -ENOMEM;
    all->list = list;
    copy = malloc(entry->d_reclen);
    if (copy == NULL)
        return -ENOMEM;
    memcpy(copy, entry, entry->d_reclen);
    list[all->count++] = copy;
    return 0;
}

static int read_entries(DIR *dir, struct entries *all, pick_entry *pick)
{
    struct dirent *entry;
    int rc = 0;

    while (rc == 0) {
        errno = 0;
        entry = readdir(dir);
        if (entry == NULL)
            return -errno;
        if (pick == NULL || pick(entry))
            rc = add_entry(all, entry);
    }
    return rc;
}

/* musl lacks it. */
int llmobs_libc_scandirat(int at, const char *path, struct dirent ***out,
                          pick_entry *pick, order_entries *order)
{
    struct entries all = {NULL, 0};
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    int rc = dir != NULL ? read_entries(dir, &all, pick) : -errno;

    if (dir != NULL)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
    if (rc != 0) {
        while (all.count > 0)
            free(all.list[--all.count]);
        free(all.list);
        errno = -rc;
        return -1;
    }
    if (order != NULL && all.count > 0)
        qsort(all.list, all.count, sizeof *all.list,
              (int (*)(const void *, const void *))(void (*)(void))order);
    *out = all.list;
    return (int)all.count;
}
