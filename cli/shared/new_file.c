/* Writes a file under a temporary name, and renames it when whole. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <linux/magic.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cli/shared/new_file.h"
#include "cli/shared/tell.h"
#include "lib/base/file.h"

/* The unfinished file: a signal must not leave its texts behind. */
static char piece[PATH_MAX];

static void remove_piece(int number)
{
    unlink(piece);
    raise(number); /* which now ends the process */
}

int llmobs_new_file(const char *path, mode_t mode, llmobs_new_file_fn *write,
                    void *ctx)
{
    static const char end[] = ".XXXXXX";
    int rc = llmobs_file_reach(path, false);
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = remove_piece,
                               .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
    struct sigaction before;
    int fd;
    FILE *out;
    mode_t mask;
    struct stat st;

    /* Refuses a device and a link: the rename would replace the device, or the
     * link and not its target. The owner of a folder on the way leads root
     * nowhere else. */
    if (rc == 0 && lstat(path, &st) != 0)
        rc = errno == ENOENT ? 0 : -errno;
    else if (rc == 0 && !S_ISREG(st.st_mode))
        rc = -EEXIST;
    if (rc == 0 && strlen(path) + sizeof(end) > sizeof(piece))
        rc = -ENAMETOOLONG;
    if (rc != 0)
        return rc;
    strcpy(piece, path);
    strcat(piece, end);
    /* Makes the signals that end the process remove the unfinished file first,
     * but not signals that the process ignores, as with nohup. */
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        if (sigaction(numbers[i], NULL, &before) == 0 &&
            before.sa_handler == SIG_DFL)
            sigaction(numbers[i], &action, NULL);
    /* mkostemp makes files for their owner alone, and follows no link. The
     * reason of a fault in `write` is not kept, so this writes once more. */
    fd = mkostemp(piece, O_CLOEXEC | O_NOFOLLOW);
    out = fd >= 0 ? fdopen(fd, "w") : NULL;
    mask = umask(077);
    rc = out ? 0 : -errno;
    umask(mask);
    if (out && fchmod(fd, mode & ~mask) != 0)
        rc = -errno;
    if (rc == 0)
        rc = write(ctx, out);
    if (rc == -EIO &&
        (fflush(out) != 0 || fputc('\n', out) == EOF || fflush(out) != 0))
        rc = -errno;
    if (out && fclose(out) != 0 && rc == 0)
        rc = -errno;
    else if (!out && fd >= 0)
        close(fd);
    if (rc == 0 && rename(piece, path) != 0)
        rc = -errno;
    if (rc != 0)
        unlink(piece);
    return rc;
}

uint64_t llmobs_new_file_room(const char *path)
{
    struct statvfs room;

    if (statvfs(path, &room) != 0 || room.f_blocks == 0)
        return UINT64_MAX;
    return (uint64_t)room.f_bavail * room.f_frsize;
}

int llmobs_new_file_why_not(const char *path)
{
    char above[PATH_MAX];
    struct stat st;
    struct statfs fs;

    snprintf(above, sizeof(above), "%s", path);
    while (stat(above, &st) != 0) {
        char *slash = strrchr(above, '/'); /* the last name is cut off there */

        if (errno != ENOENT || !slash)
            return errno;
        slash[slash == above ? 1 : 0] = '\0';
    }
    if (!S_ISDIR(st.st_mode))
        return ENOTDIR;
    /* The kernel's own file systems, as /proc, say yes to root and refuse each
     * file. */
    if (access(above, W_OK | X_OK) != 0 || statfs(above, &fs) != 0)
        return errno;
    if (llmobs_new_file_room(above) == 0 || (fs.f_files > 0 && fs.f_ffree == 0))
        return ENOSPC;
    return fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC ? EROFS
                                                                     : 0;
}

struct print {
    llmobs_new_file_print *print;
    void *ctx;
};

static int print_into(void *ctx, FILE *out)
{
    const struct print *print = ctx;
    int rc, saved = dup(STDOUT_FILENO);

    if (saved < 0 || dup2(fileno(out), STDOUT_FILENO) < 0)
        return -errno;
    rc = print->print(print->ctx);
    if (fflush(stdout) != 0 || ferror(stdout))
        rc = -EIO;
    clearerr(stdout);
    (void)dup2(saved, STDOUT_FILENO);
    close(saved);
    return rc;
}

int llmobs_new_file_of_stdout(const char *path, mode_t mode,
                              llmobs_new_file_print *print, void *ctx)
{
    struct print both = {print, ctx};

    return llmobs_new_file(path, mode, print_into, &both);
}

int llmobs_new_file_tell(const char *command, const char *path, int rc)
{
    if (rc == 0 || rc == -ECANCELED)
        return rc;
    llmobs_tell("%s: %s: %s\n", command, path,
                rc == -EEXIST ? "this is no regular file ('-' is stdout)"
                              : strerror(-rc));
    return -ECANCELED;
}
