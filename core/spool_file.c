#include "core/spool_file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "core/dirs.h"
#include "core/fd.h"
#include "core/quiet.h"

int llmobs_spool_dir(const struct llmobs_config *config, char *out, size_t cap)
{
    const char *const leaf = "/spool";
    size_t len;
    int rc;

    if (config->spool_dir)
        return (size_t)snprintf(out, cap, "%s", config->spool_dir) < cap
                   ? 0
                   : -ENAMETOOLONG;
    rc = llmobs_config_base_dir(config, out, cap);
    if (rc)
        return rc;
    len = strlen(out);
    return (size_t)snprintf(out + len, cap - len, "%s", leaf) < cap - len
               ? 0
               : -ENAMETOOLONG;
}

void llmobs_spool_file_path(const char *dir, uint32_t file, char out[PATH_MAX])
{
    int n = snprintf(out, PATH_MAX, "%s/%" PRIu32, dir, file);

    if (n < 0 || n >= PATH_MAX)
        out[0] = '\0';
}

int llmobs_spool_open(const char *path, int flags)
{
    return llmobs_fd_lift(open(
        path, flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600));
}

/* A write beyond the app's own limit of file sizes raises a signal that
 * kills; where there is no limit four system calls are saved. */
static bool is_limited(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
           limit.rlim_cur != RLIM_INFINITY;
}

static int put_pieces(int fd, const struct iovec *pieces, int count)
{
    struct llmobs_quiet quiet;
    bool limited = is_limited();
    size_t size = 0;
    ssize_t n;

    for (int i = 0; i < count; i++)
        size += pieces[i].iov_len;
    if (limited)
        llmobs_quiet_begin(&quiet);
    do
        n = writev(fd, pieces, count);
    while (n < 0 && errno == EINTR);
    if (limited)
        llmobs_quiet_end(&quiet);
    if (n < 0)
        return -errno;
    return (size_t)n == size ? 0 : -ENOSPC;
}

int llmobs_spool_put(int fd, struct llmobs_text text)
{
    struct iovec piece = {(void *)(uintptr_t)text.data, text.len};

    return put_pieces(fd, &piece, 1);
}

int llmobs_spool_put_line(int fd, struct llmobs_text text)
{
    struct iovec pieces[] = {{(void *)(uintptr_t)text.data, text.len},
                             {(void *)(uintptr_t) "\n", 1}};

    return put_pieces(fd, pieces, 2);
}

int llmobs_spool_write(int fd, struct llmobs_entry_writer *writer,
                       uint64_t *end)
{
    int rc;

    (void)llmobs_entry_end(writer);
    rc = put_pieces(fd, writer->iov, writer->pieces);
    *end = (uint64_t)lseek(fd, 0, SEEK_CUR);
    return rc;
}

int llmobs_spool_append(const char *path, struct llmobs_entry_writer *writer)
{
    int fd = llmobs_spool_open(path, O_WRONLY | O_APPEND);
    uint64_t end;
    int rc;

    if (fd < 0)
        return -errno;
    rc = llmobs_spool_write(fd, writer, &end);
    close(fd);
    return rc;
}

int llmobs_spool_note(const char *path, const uint64_t *ids, size_t count)
{
    struct llmobs_entry_writer writer;
    int rc;

    llmobs_entry_begin(&writer, LLMOBS_ENTRY_RELEASE, ids[0]);
    rc = llmobs_entry_add(&writer, LLMOBS_RELEASE_IDS, ids,
                          count * sizeof(*ids));
    return rc ? rc : llmobs_spool_append(path, &writer);
}

int llmobs_spool_note_had(const char *path, uint64_t id, unsigned had)
{
    struct llmobs_entry_writer writer;
    int rc;

    llmobs_entry_begin(&writer, LLMOBS_ENTRY_HAD, id);
    rc = llmobs_entry_add(&writer, LLMOBS_HAD_BITS, &had, sizeof(had));
    return rc ? rc : llmobs_spool_append(path, &writer);
}

static int read_part(int fd, uint64_t offset, size_t want,
                     struct llmobs_buf *text)
{
    char part[16384];
    ssize_t n;

    if (want > sizeof(part))
        want = sizeof(part);
    do
        n = pread(fd, part, want, (off_t)offset);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    if (n > 0 && llmobs_buf_add(text, part, (size_t)n) != 0)
        return -ENOMEM;
    return (int)n;
}

int llmobs_spool_read(const char *path, uint64_t offset, uint64_t size,
                      struct llmobs_buf *text)
{
    int fd = llmobs_spool_open(path, O_RDONLY);
    struct stat st;
    int rc = 1;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        rc = -EPERM;
    while (rc > 0 && size > 0) {
        rc = read_part(fd, offset, size < 65536 ? (size_t)size : 65536, text);
        offset += (uint64_t)(rc > 0 ? rc : 0);
        size -= (uint64_t)(rc > 0 ? rc : 0);
    }
    close(fd);
    return rc < 0 ? rc : 0;
}

static void add_files(int base, const char *name, uint64_t *bytes)
{
    int fd =
        openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    struct stat st;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((entry = readdir(dir)))
        if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode))
            *bytes += (uint64_t)st.st_size;
    closedir(dir);
}

int llmobs_spool_usage(const char *base, uint64_t *bytes)
{
    struct dirent *entry;
    DIR *list;
    int fd, rc = llmobs_dirs_open(base, true, true, &fd);

    *bytes = 0;
    if (rc)
        return rc;
    list = fdopendir(fd);
    if (!list) {
        rc = -errno;
        close(fd);
        return rc;
    }
    while ((entry = readdir(list)))
        if (entry->d_name[0] != '.')
            add_files(fd, entry->d_name, bytes);
    closedir(list);
    return 0;
}
