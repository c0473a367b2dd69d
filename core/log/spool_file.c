#include "core/log/spool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/dirs.h"
#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "lib/base/signal_guard.h"
#include "lib/base/scratch.h"
#include "lib/base/crash_point.h"
#include "lib/base/listing.h"
#include "core/config/state_dir.h"
#include "core/log/event_item.h"
#include "core/log/held_file.h"
#include "core/log/spool_name.h"

int llmobs_spool_dir(const struct llmobs_config *config, char *out, size_t cap)
{
    if (config->spool_dir)
        return (size_t)snprintf(out, cap, "%s", config->spool_dir) < cap
                   ? 0
                   : -ENAMETOOLONG;
    return llmobs_config_base_dir(config, "/spool", out, cap);
}

int llmobs_spool_base(const struct llmobs_config *config, bool list, int *out)
{
    char *path = llmobs_scratch_take(PATH_MAX);
    int rc = path ? llmobs_spool_dir(config, path, PATH_MAX) : -ENOMEM;

    if (!rc)
        rc = llmobs_dirs_open(path, config->spool_dir != NULL, list, out);
    llmobs_scratch_give(path);
    return rc;
}

/* Without printf, because the app's thread needs a path twice in a call. */
void llmobs_spool_file_path(const char *prefix, uint32_t file,
                            char out[PATH_MAX])
{
    char number[21];
    size_t len = strlen(prefix), number_len = llmobs_text_decimal(file, number);

    out[0] = '\0';
    if (len + 1 + number_len + 1 > PATH_MAX)
        return;
    memcpy(out, prefix, len);
    out[len] = '-';
    memcpy(out + len + 1, number, number_len);
    out[len + 1 + number_len] = '\0';
}

/* True for a name "c.READER.NAMESPACE", or "r." of a relay, with `end` behind
 * it. */
static bool is_claimed(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);

    return (name[0] == 'c' || name[0] == 'r') && name[1] == '.' &&
           len > end_len && strcmp(name + len - end_len, end) == 0;
}

/* `out` has the directory and gets the name. */
static int find_name(const char *end, char out[PATH_MAX])
{
    struct llmobs_listing list;
    size_t at = strlen(out);
    const char *name;

    if (llmobs_listing_open_in(&list, AT_FDCWD, out))
        return -ENOENT;
    while ((name = llmobs_listing_next(&list)) && !is_claimed(name, end))
        ;
    if (name && at + 1 + strlen(name) < PATH_MAX) {
        out[at] = '/';
        strcpy(out + at + 1, name);
    }
    llmobs_listing_close(&list);
    return name ? 0 : -ENOENT;
}

int llmobs_spool_find_claimed(const char *prefix, uint32_t file,
                              char out[PATH_MAX])
{
    char end[LLMOBS_SPOOL_NAME_MAX];
    char *name;

    llmobs_spool_file_path(prefix, file, out);
    name = strrchr(out, '/');
    if (!name || strlen(name) >= sizeof(end))
        return -ENOENT;
    strcpy(end, name + 2); /* from the "." of "o." on */
    *name = '\0';
    return find_name(end, out);
}

int llmobs_spool_open(const char *path, int flags)
{
    int fd = llmobs_fd_open(AT_FDCWD, path,
                            flags | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);

    if (fd < 0 && errno != EEXIST && (flags & O_ACCMODE) != O_RDWR)
        fd = llmobs_held_open(path);
    return fd;
}

/* True where the app has a limit of file sizes: a write beyond it raises a
 * signal that kills. Without a limit, the four system calls to block it are
 * saved. */
static bool is_limited(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
           limit.rlim_cur != RLIM_INFINITY;
}

/* -EFBIG where the file may not grow: another file may have room, unlike on a
 * full disk. The first part of an entry that was written nevertheless stays:
 * without its seal it is none. */
static int spool_file_put_pieces(int fd, const struct iovec *pieces, int count,
                                 bool limited)
{
    struct llmobs_signal_guard guard;
    size_t size = 0;
    ssize_t n;

    for (int i = 0; i < count; i++)
        size += pieces[i].iov_len;
    if (limited)
        llmobs_signal_guard_begin(&guard);
    llmobs_crash_point_write("an entry", fd, pieces, count);
    do
        n = writev(fd, pieces, count);
    while (n < 0 && errno == EINTR);
    if (limited)
        llmobs_signal_guard_end(&guard);
    if (n < 0)
        return -errno;
    llmobs_crash_point("written");
    if ((size_t)n == size)
        return 0;
    return limited ? -EFBIG : -ENOSPC;
}

int llmobs_spool_put_line(int fd, struct llmobs_text text)
{
    struct iovec pieces[] = {{(void *)(uintptr_t)text.data, text.len},
                             {(void *)(uintptr_t) "\n", 1}};

    return spool_file_put_pieces(fd, pieces, 2, is_limited());
}

/* Writes owner and entry at once: otherwise a kill between two writes would
 * leave entries without an owner. */
static int put_after(int fd, struct llmobs_text owner,
                     const struct llmobs_entry_writer *writer, bool limited)
{
    const size_t size = (size_t)writer->pieces * sizeof(writer->iov[0]);
    struct iovec *pieces = llmobs_scratch_take(size + sizeof(writer->iov[0]));
    int rc;

    if (!pieces)
        return -ENOMEM;
    pieces[0] = (struct iovec){(void *)(uintptr_t)owner.data, owner.len};
    memcpy(pieces + 1, writer->iov, size);
    rc = spool_file_put_pieces(fd, pieces, writer->pieces + 1, limited);
    llmobs_scratch_give(pieces);
    return rc;
}

int llmobs_spool_write(int fd, struct llmobs_text owner,
                       const struct llmobs_entry_writer *writer,
                       struct llmobs_spool_written *written)
{
    bool limited = written->limited = is_limited();
    int rc = owner.len > 0 ? put_after(fd, owner, writer, limited)
                           : spool_file_put_pieces(fd, writer->iov,
                                                   writer->pieces, limited);

    written->end = (uint64_t)lseek(fd, 0, SEEK_CUR);
    return rc;
}

static int shut(int fd)
{
    struct llmobs_signal_guard guard;
    bool limited = is_limited();
    struct stat st;
    int rc = 0;

    if (fstat(fd, &st) != 0)
        return -errno;
    if ((uint64_t)st.st_size >= LLMOBS_SPOOL_CLOSED)
        return 0;
    if (limited)
        llmobs_signal_guard_begin(&guard);
    llmobs_crash_point("closing a file");
    if (ftruncate(fd, (off_t)LLMOBS_SPOOL_CLOSED) != 0)
        rc = -errno;
    llmobs_crash_point("closed a file");
    if (limited)
        llmobs_signal_guard_end(&guard);
    return rc;
}

int llmobs_spool_shut(const char *path)
{
    int fd = llmobs_spool_open(path, O_WRONLY);
    int rc = fd < 0 ? -errno : shut(fd);

    if (fd >= 0)
        close(fd);
    return rc;
}

int llmobs_spool_append(const char *path,
                        const struct llmobs_entry_writer *writer,
                        struct llmobs_spool_written *written)
{
    const struct llmobs_text no_owner = {NULL, 0};
    int fd = llmobs_spool_open(path, O_WRONLY | O_APPEND);
    int rc =
        fd < 0 ? -errno : llmobs_spool_write(fd, no_owner, writer, written);

    if (fd >= 0)
        close(fd);
    return rc;
}

static int add_fields(struct llmobs_entry_writer *writer,
                      const struct llmobs_spool_addition *addition)
{
    bool span = addition->type == LLMOBS_ENTRY_EVENT;
    int rc = llmobs_entry_add(
        writer, span ? LLMOBS_EVENT_TAG + LLMOBS_EVENT_SPAN : LLMOBS_NOTE_FIELD,
        addition->field.data, addition->field.len);

    if (!rc && span)
        rc = llmobs_entry_add(writer, LLMOBS_ENTRY_BESIDE, "", 1);
    if (!rc && span)
        rc = llmobs_entry_add(writer, LLMOBS_ENTRY_FOR_RELAY, "", 1);
    return rc;
}

int llmobs_spool_add(const char *path, const struct llmobs_entry_key *key,
                     struct llmobs_spool_addition *addition)
{
    struct llmobs_entry_writer *writer = llmobs_scratch_take(sizeof(*writer));
    struct llmobs_spool_written written;
    size_t size;
    int rc;

    if (!writer)
        return -ENOMEM;
    llmobs_entry_begin(writer, addition->type, addition->id);
    rc = add_fields(writer, addition);
    if (!rc) {
        size = llmobs_entry_end(writer, key);
        rc = llmobs_spool_append(path, writer, &written);
        addition->offset = rc ? 0 : written.end - size;
    }
    llmobs_scratch_give(writer);
    return rc;
}

/* The app may have lowered its limit of file sizes below this place. */
static int put_type(int fd, uint64_t offset, uint16_t type)
{
    const off_t at = (off_t)(offset + offsetof(struct llmobs_entry_head, type));
    struct llmobs_signal_guard guard;
    bool limited = is_limited();
    ssize_t n;

    if (limited)
        llmobs_signal_guard_begin(&guard);
    n = pwrite(fd, &type, sizeof(type), at);
    if (limited)
        llmobs_signal_guard_end(&guard);
    return n < 0 ? -errno : 0;
}

int llmobs_spool_strike(const char *path, uint64_t offset, uint64_t id)
{
    int fd = llmobs_spool_open(path, O_RDWR);
    struct llmobs_entry_head head;
    int rc = -EBADMSG;

    if (fd < 0)
        return -errno;
    if (pread(fd, &head, sizeof(head), (off_t)offset) == sizeof(head) &&
        head.id == id) {
        head.type |= LLMOBS_ENTRY_DONE;
        rc = put_type(fd, offset, head.type);
    }
    close(fd);
    return rc;
}

static int spool_file_read_part(int fd, uint64_t offset, size_t want,
                                struct llmobs_buf *text)
{
    char *part = llmobs_scratch_take(LLMOBS_SCRATCH_SIZE);
    ssize_t n;

    if (!part)
        return -ENOMEM;
    if (want > LLMOBS_SCRATCH_SIZE)
        want = LLMOBS_SCRATCH_SIZE;
    do
        n = pread(fd, part, want, (off_t)offset);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        n = -errno;
    else if (n > 0 && llmobs_buf_add(text, part, (size_t)n) != 0)
        n = -ENOMEM;
    llmobs_scratch_give(part);
    return (int)n;
}

/* A walk over a file that has fewer blocks than bytes. */
struct walk {
    int fd;
    uint64_t at, end;
    uint64_t data;  /* no hole begins before this offset */
    uint64_t holes; /* bytes of holes that may still be read */
};

/* Skips a hole, if the file system can find it; short holes are read. */
static void pass_hole(struct walk *walk)
{
    off_t data;

    if (walk->at < walk->data)
        return;
    data = lseek(walk->fd, (off_t)walk->at, SEEK_DATA);
    if (data < 0 && errno != ENXIO)
        return;
    walk->data = data < 0 ? walk->end : (uint64_t)data;
    if (walk->data > walk->end)
        walk->data = walk->end;
    if (walk->data <= walk->at)
        return;
    if (walk->data - walk->at <= walk->holes)
        walk->holes -= walk->data - walk->at;
    else
        walk->at = walk->data;
}

static int read_some(struct walk *walk, bool sparse, uint64_t size,
                     struct llmobs_buf *text)
{
    int rc = 1;

    while (rc > 0 && size > 0) {
        if (sparse)
            pass_hole(walk);
        if (walk->at >= walk->end)
            break;
        if (size > walk->end - walk->at)
            size = walk->end - walk->at;
        rc = spool_file_read_part(walk->fd, walk->at,
                                  size < 65536 ? (size_t)size : 65536, text);
        walk->at += (uint64_t)(rc > 0 ? rc : 0);
        size -= (uint64_t)(rc > 0 ? rc : 0);
    }
    return rc < 0 ? rc : 0;
}

int llmobs_spool_read(const char *path, uint64_t offset, uint64_t size,
                      struct llmobs_buf *text)
{
    int fd = llmobs_spool_open(path, O_RDONLY);
    struct walk walk = {.fd = fd, .at = offset, .holes = LLMOBS_SPOOL_HOLES};
    struct stat st;
    int rc;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
        rc = -EPERM;
    } else {
        walk.end = (uint64_t)st.st_size;
        if (offset < LLMOBS_SPOOL_CLOSED && walk.end > LLMOBS_SPOOL_CLOSED)
            walk.end = LLMOBS_SPOOL_CLOSED;
        rc = read_some(&walk, st.st_blocks * 512 < st.st_size, size, text);
    }
    close(fd);
    return rc;
}

int llmobs_spool_key(const char *path, struct llmobs_entry_key *key)
{
    struct llmobs_entry_file file;
    struct llmobs_buf text;
    int rc;

    llmobs_buf_init(&text, sizeof(file) + 1);
    rc = llmobs_spool_read(path, 0, sizeof(file), &text);
    if (!rc)
        rc = llmobs_entry_file_read(llmobs_buf_text(&text), key);
    llmobs_buf_fini(&text);
    return rc;
}

/* -- room ---------------------------------------------------------------- */

/* Sizes count in blocks, as in most file systems, so that many small files
 * count for something. */
#define BLOCK 4096
#define USAGE_NAME "usage"
/* Other processes use a count for this time, or for a multiple of the time that
 * it took, if that is longer. */
#define USAGE_MS 1000
#define USAGE_TIMES 50
/* A process that begins uses a count as old as this. */
#define USAGE_TOLD_MS 60000

/* Other users' files are not counted, however big they look. */
static bool spool_file_is_own(int dir, const char *name, struct stat *st)
{
    return fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(st->st_mode) && st->st_uid == geteuid();
}

/* The bytes of a file, of which a closed one has far fewer than its size. */
static uint64_t bytes_of(const struct stat *st)
{
    uint64_t size = (uint64_t)st->st_size;

    if (size >= LLMOBS_SPOOL_CLOSED)
        size = (uint64_t)st->st_blocks * 512;
    return (size + BLOCK - 1) / BLOCK * BLOCK;
}

/* After this time the other files are only numbered, as they may be thousands,
 * and a process that ends waits for the count. */
#define COUNT_MS 10

static bool has_passed(int64_t since_ns, int64_t ms)
{
    return llmobs_clock_mono_ns() - since_ns > ms * LLMOBS_NS_PER_MS;
}

/* Takes the other files to be as big as those that were looked at. */
static void count_files(struct llmobs_listing *list, uint64_t *bytes)
{
    int64_t began = llmobs_clock_mono_ns();
    uint64_t seen = 0, others = 0;
    struct llmobs_spool_name name;
    const char *text;
    struct stat st;

    while (!has_passed(began, COUNT_MS * 2) &&
           (text = llmobs_listing_next(list))) {
        if (!llmobs_spool_name_parse(text, &name))
            continue;
        if (has_passed(began, COUNT_MS)) {
            others++;
            continue;
        }
        if (spool_file_is_own(list->fd, text, &st))
            *bytes += bytes_of(&st);
        seen++;
    }
    if (seen > 0)
        *bytes += *bytes / seen * others;
}

static int count_all(int base, uint64_t *bytes)
{
    struct llmobs_listing list;
    int rc = llmobs_listing_open_in(&list, base, ".");

    *bytes = 0;
    if (rc)
        return rc;
    count_files(&list, bytes);
    llmobs_listing_close(&list);
    return 0;
}

/* Gives the last count. -ESTALE: the count is older than `ms`, and than
 * USAGE_TIMES the time that it took. */
static int spool_file_read_usage(int base, int64_t ms, uint64_t *bytes)
{
    int fd = llmobs_file_open(base, USAGE_NAME, O_RDONLY);
    char text[64] = "", *end;
    int64_t age, took;
    struct stat st;

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) || pread(fd, text, sizeof(text) - 1, 0) <= 0)
        text[0] = '\0';
    close(fd);
    *bytes = strtoull(text, &end, 10);
    if (*end != ' ')
        return -ENODATA;
    took = strtoll(end, NULL, 10) * USAGE_TIMES;
    age = llmobs_clock_wall_ns() - llmobs_clock_ns(st.st_mtim);
    if (took < ms * LLMOBS_NS_PER_MS)
        took = ms * LLMOBS_NS_PER_MS;
    return age >= 0 && age <= took ? 0 : -ESTALE;
}

static void tell_usage(int base, uint64_t bytes, int64_t took_ns)
{
    int fd = llmobs_file_open(base, USAGE_NAME, O_WRONLY);
    char text[64];
    struct iovec piece = {text, 0};

    if (fd < 0)
        return;
    piece.iov_len = (size_t)snprintf(
        text, sizeof(text), "%" PRIu64 " %" PRId64 "\n", bytes, took_ns);
    if (ftruncate(fd, 0) == 0)
        (void)spool_file_put_pieces(fd, &piece, 1, is_limited());
    close(fd);
}

int llmobs_spool_usage_told(int base, uint64_t *bytes)
{
    return spool_file_read_usage(base, USAGE_TOLD_MS, bytes);
}

int llmobs_spool_usage(const struct llmobs_config *config, uint64_t *bytes)
{
    int64_t began = llmobs_clock_mono_ns();
    int fd, rc = llmobs_spool_base(config, false, &fd);

    if (rc)
        return rc;
    rc = spool_file_read_usage(fd, USAGE_MS, bytes);
    if (rc) {
        rc = count_all(fd, bytes);
        if (!rc)
            tell_usage(fd, *bytes, llmobs_clock_mono_ns() - began);
    }
    close(fd);
    return rc;
}
