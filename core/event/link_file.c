/* Reads and writes the file of links, by rows with seals. */
#include "core/event/link_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "lib/base/scratch.h"
#include "lib/span/context.h"

#define ROW_SIZE (LLMOBS_LINK_ROW * sizeof(struct llmobs_link_record))

static const char magic[16] = "llmobs links 1\n";
#define DIGIT (sizeof("llmobs links ") - 1)

/* The beginning of the file; the rest of the first row is empty. */
struct head {
    char magic[sizeof(magic)];
    uint64_t salt[2];
    uint64_t seal[2];
};

_Static_assert(sizeof(struct llmobs_link_record) == 72, "it is on the disk");

static struct llmobs_hash128 seal_of(const uint64_t salt[2], const void *data,
                                     size_t len)
{
    struct llmobs_siphash hash;

    llmobs_siphash_init(&hash, salt);
    llmobs_siphash_add(&hash, data, len);
    return llmobs_siphash_now(&hash);
}

static int write_all(int fd, const void *data, size_t len, off_t at)
{
    ssize_t done;

    if (!llmobs_file_may_grow(LLMOBS_LINK_FILE_SIZE))
        return -EFBIG;
    do
        done = pwrite(fd, data, len, at);
    while (done < 0 && errno == EINTR);
    if (done < 0)
        return -errno;
    return (size_t)done == len ? 0 : -ENOSPC;
}

static int read_all(int fd, void *data, size_t len, off_t at)
{
    ssize_t got;

    do
        got = pread(fd, data, len, at);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    memset((char *)data + got, 0, len - (size_t)got);
    return 0;
}

static bool is_head(const struct head *head)
{
    struct llmobs_hash128 seal = seal_of(head->salt, magic, sizeof(magic));

    return memcmp(head->magic, magic, sizeof(magic)) == 0 &&
           head->seal[0] == seal.hi && head->seal[1] == seal.lo;
}

static off_t offset_of(uint64_t row, unsigned place)
{
    return (off_t)((1 + row) * ROW_SIZE +
                   place * sizeof(struct llmobs_link_record));
}

static int set_lock(int fd, uint64_t row, short type)
{
    struct flock range = {.l_type = type,
                          .l_whence = SEEK_SET,
                          .l_start = offset_of(row, 0),
                          .l_len = ROW_SIZE};

    return fcntl(fd, F_SETLK, &range) == 0 ? 0 : -errno;
}

/* Of processes that begin the file at once, one gets the lock of the row before
 * the first, for a moment; the others try again, and find its head. */
static int read_head(int fd, uint64_t salt[2])
{
    struct llmobs_hash128 seal;
    struct head head;
    int rc = read_all(fd, &head, sizeof(head), 0);

    /* A later version begins the file of an earlier one anew. An earlier one
     * must not do the same, or two versions that run together would replace
     * each other's file for ever. */
    if (!rc && memcmp(head.magic, magic, DIGIT) == 0 &&
        head.magic[DIGIT] > magic[DIGIT])
        return -EPROTONOSUPPORT;
    if (!rc && !is_head(&head)) {
        for (int i = 0; (rc = set_lock(fd, UINT64_MAX, F_WRLCK)) && i < 100;)
            i++;
        rc = rc == -EAGAIN ? rc : read_all(fd, &head, sizeof(head), 0);
        if (!rc && !is_head(&head)) {
            memcpy(head.magic, magic, sizeof(magic));
            head.salt[0] = llmobs_context_random();
            head.salt[1] = llmobs_context_random();
            seal = seal_of(head.salt, magic, sizeof(magic));
            head.seal[0] = seal.hi;
            head.seal[1] = seal.lo;
            rc = write_all(fd, &head, sizeof(head), 0);
        }
        (void)set_lock(fd, UINT64_MAX, F_UNLCK);
    }
    if (!rc)
        memcpy(salt, head.salt, sizeof(head.salt));
    return rc;
}

/* Opens the spool, and gives the descriptor. Refuses a directory of another
 * user, which the spool may be a link to: that user could replace the files in
 * it. */
static int open_spool(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash ? llmobs_scratch_alloc((size_t)(slash - path) + 1) : NULL;
    struct stat st;
    int fd, rc;

    if (!dir)
        return slash ? -ENOMEM : -EINVAL;
    memcpy(dir, path, (size_t)(slash - path));
    dir[slash - path] = '\0';
    fd = llmobs_fd_open(AT_FDCWD, dir, O_PATH | O_DIRECTORY);
    rc = fd < 0 ? -errno : fd;
    llmobs_scratch_free(dir);
    if (fd < 0 ||
        (fstat(fd, &st) == 0 && (st.st_uid == geteuid() || st.st_uid == 0)))
        return rc;
    close(fd);
    return -EPERM;
}

int llmobs_link_file_open(struct llmobs_link_file *file, const char *path,
                          uint64_t salt[2])
{
    int dir, rc;

    if (file->fd >= 0 && llmobs_fd_is_still(file->fd, &file->file))
        return 0;
    rc = dir = open_spool(path);
    if (dir >= 0) {
        rc = llmobs_file_open(dir, strrchr(path, '/') + 1, O_RDWR);
        close(dir);
    }
    file->fd = rc < 0 ? -1 : rc;
    if (rc >= 0)
        rc = fstat(file->fd, &file->file) == 0 ? read_head(file->fd, salt)
                                               : -errno;
    if (rc)
        llmobs_link_file_close(file);
    return rc;
}

void llmobs_link_file_close(struct llmobs_link_file *file)
{
    if (file->fd >= 0)
        llmobs_fd_close(file->fd, &file->file);
    file->fd = -1;
}

/* The seal also covers the record's place, so that a record is valid only
 * there. */
static uint64_t record_seal(const uint64_t salt[2], uint64_t row,
                            const struct llmobs_link_record *record)
{
    struct llmobs_link_record sealed = *record;

    sealed.seal = row;
    return seal_of(salt, &sealed, sizeof(sealed)).lo;
}

int llmobs_link_file_read(const struct llmobs_link_file *file,
                          const uint64_t salt[2], uint64_t row,
                          struct llmobs_link_record out[LLMOBS_LINK_ROW])
{
    static const struct llmobs_link_record none;
    int rc = read_all(file->fd, out, ROW_SIZE, offset_of(row, 0));

    for (unsigned i = 0; !rc && i < LLMOBS_LINK_ROW; i++)
        if (!out[i].at_ns || out[i].seal != record_seal(salt, row, &out[i]))
            out[i] = none;
    return rc;
}

int llmobs_link_file_write(const struct llmobs_link_file *file,
                           const uint64_t salt[2], uint64_t row, unsigned place,
                           struct llmobs_link_record record)
{
    record.seal = record_seal(salt, row, &record);
    return write_all(file->fd, &record, sizeof(record), offset_of(row, place));
}

int llmobs_link_file_lock(const struct llmobs_link_file *file, uint64_t row)
{
    return set_lock(file->fd, row, F_WRLCK);
}

void llmobs_link_file_unlock(const struct llmobs_link_file *file, uint64_t row)
{
    (void)set_lock(file->fd, row, F_UNLCK);
}
