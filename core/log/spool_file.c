/* Handles the names and bytes of spool files. */
#include "core/log/spool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/dirs.h"
#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "lib/base/signal_guard.h"
#include "lib/base/scratch.h"
#include "lib/base/sole.h"
#include "lib/base/crash_point.h"
#include "lib/base/listing.h"
#include "core/config/state_dir.h"
#include "core/log/item_entry.h"

int llmobs_spool_dir(const struct llmobs_config *config, char *out, size_t cap)
{
    if (config->spool_dir)
        return (size_t)snprintf(out, cap, "%s", config->spool_dir) < cap
                   ? 0
                   : -ENAMETOOLONG;
    return llmobs_config_base_dir(config, "/spool", out, cap);
}

int llmobs_spool_open_dir(const struct llmobs_config *config, bool list,
                          int *out)
{
    char *path = llmobs_scratch_alloc(PATH_MAX);
    int rc = path ? llmobs_spool_dir(config, path, PATH_MAX) : -ENOMEM;

    if (!rc)
        rc = llmobs_dirs_open(path, config->spool_dir != NULL, list, out);
    llmobs_scratch_free_text(path);
    return rc;
}

/* -- names --------------------------------------------------------------- */

/* Reads a record, which ends before `end`; false if it is not a record. */
static bool read_record(const char *at, const char *end,
                        struct llmobs_process_id *out)
{
    char name[LLMOBS_PROCESS_ID_MAX];
    size_t len = (size_t)(end - at);

    if (len >= sizeof(name))
        return false;
    memcpy(name, at, len);
    name[len] = '\0';
    return llmobs_process_id_parse(name, out);
}

static const char *read_claimant(const char *at, struct llmobs_spool_name *out)
{
    const char *dot = strchr(at, '.');
    char *end;

    if (!dot || !read_record(at, dot, &out->by))
        return NULL;
    out->by_pidns = strtoull(dot + 1, &end, 10);
    return end > dot + 1 && *end == '.' ? end + 1 : NULL;
}

bool llmobs_spool_name_parse(const char *name, struct llmobs_spool_name *out)
{
    char again[LLMOBS_SPOOL_NAME_MAX];
    const char *dash, *at = name + 2;

    if (name[0] == '\0' || !strchr("ocr", name[0]) || name[1] != '.' ||
        strlen(name) >= sizeof(again))
        return false;
    *out = (struct llmobs_spool_name){.claimed = name[0] != 'o',
                                      .by_relay = name[0] == 'r'};
    if (out->claimed)
        at = read_claimant(at, out);
    dash = at ? strrchr(at, '-') : NULL;
    if (!dash || !read_record(at, dash, &out->who))
        return false;
    out->file = (uint32_t)strtoul(dash + 1, NULL, 10);
    llmobs_spool_name_write(out, again);
    return out->file > 0 && strcmp(again, name) == 0;
}

void llmobs_spool_name_write(const struct llmobs_spool_name *name,
                             char out[LLMOBS_SPOOL_NAME_MAX])
{
    *out++ = !name->claimed ? 'o' : name->by_relay ? 'r' : 'c';
    *out++ = '.';
    if (name->claimed) {
        out = llmobs_process_id_put(&name->by, out);
        *out++ = '.';
        out = llmobs_number_put(out, name->by_pidns, 10);
        *out++ = '.';
    }
    out = llmobs_process_id_put(&name->who, out);
    *out++ = '-';
    *llmobs_number_put(out, name->file, 10) = '\0';
}

bool llmobs_spool_name_same(const struct llmobs_spool_name *a,
                            const struct llmobs_spool_name *b)
{
    return a->file == b->file && llmobs_process_id_equal(&a->who, &b->who);
}

int llmobs_spool_name_by_age(const void *a, const void *b)
{
    const struct llmobs_spool_name *x = a, *y = b;

    if (x->who.nonce != y->who.nonce)
        return x->who.nonce < y->who.nonce ? -1 : 1;
    return (x->file > y->file) - (x->file < y->file);
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

/* Looks for a name "c.READER.NAMESPACE", or "r." of a relay, with the end that
 * the file's first name has. */
int llmobs_spool_file_find_claimed(const char *prefix, uint32_t file,
                                   char out[PATH_MAX])
{
    char end[LLMOBS_SPOOL_NAME_MAX];
    struct llmobs_listing list;
    char *slash;
    const char *name;
    size_t at, len, end_len;

    llmobs_spool_file_path(prefix, file, out);
    slash = strrchr(out, '/');
    if (!slash || strlen(slash) >= sizeof(end))
        return -ENOENT;
    strcpy(end, slash + 2); /* from the "." of "o." on */
    end_len = strlen(end);
    *slash = '\0';
    at = (size_t)(slash - out);
    if (llmobs_listing_open_in(&list, AT_FDCWD, out))
        return -ENOENT;
    while ((name = llmobs_listing_next(&list))) {
        len = strlen(name);
        if ((name[0] == 'c' || name[0] == 'r') && name[1] == '.' &&
            len > end_len && strcmp(name + len - end_len, end) == 0)
            break;
    }
    if (name && at + 1 + strlen(name) < PATH_MAX) {
        out[at] = '/';
        strcpy(out + at + 1, name);
    }
    llmobs_listing_close(&list);
    return name ? 0 : -ENOENT;
}

/* -- a file that is held open -------------------------------------------- */

/* Only the thread that has `holding` writes these, and no thread reads them
 * while `fd` is 0. A process that enters no sandbox touches no page of them. */
static struct {
    atomic_int fd; /* 0: no file */
    atomic_bool only;
    struct stat file;
    char path[PATH_MAX];
} held;
static atomic_int holding;

static bool is_held(const char *path)
{
    return atomic_load(&held.fd) > 0 && strcmp(path, held.path) == 0;
}

/* Gives a copy, unless the file was removed, because a new entry would not be
 * read. */
static int copy_held(int fd, bool high)
{
    int copy = llmobs_fd_copy(fd, &held.file, high);
    struct stat now;

    if (copy >= 0 && (fstat(copy, &now) != 0 || now.st_nlink == 0)) {
        close(copy);
        copy = -1;
    }
    return copy;
}

bool llmobs_spool_file_is_only(const char *path)
{
    return atomic_load(&held.only) && is_held(path);
}

static int hold(const char *path)
{
    int high, old, rc,
        fd = is_held(path) ? copy_held(atomic_load(&held.fd), false) : -1;

    if (fd >= 0) {
        atomic_store(&held.only, false);
        close(fd);
        return 0;
    }
    old = atomic_exchange(&held.fd, 0);
    if (old > 0)
        llmobs_fd_close(old, &held.file);
    atomic_store(&held.only, false);
    fd = llmobs_fd_open(AT_FDCWD, path,
                        O_RDWR | O_APPEND | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    rc = llmobs_file_check(fd, geteuid());
    if (!rc && fstat(fd, &held.file) != 0)
        rc = -errno;
    if (!rc) {
        (void)!fchmod(fd, LLMOBS_SPOOL_HELD | 0600);
        high = copy_held(fd, true);
    }
    close(fd);
    if (rc || high < 0)
        return rc ? rc : -EBADF;
    memcpy(held.path, path, strlen(path) + 1);
    atomic_store(&held.fd, high);
    return 0;
}

int llmobs_spool_file_hold(const char *path)
{
    int rc;

    if (!llmobs_sole_claim(&holding))
        return -EBUSY;
    rc = hold(path);
    llmobs_sole_release(&holding);
    return rc;
}

/* -- reading and writing -------------------------------------------------- */

int llmobs_spool_file_open(const char *path, int flags)
{
    int rc, fd = llmobs_fd_open(AT_FDCWD, path,
                                flags | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);

    if (fd >= 0)
        return fd;
    rc = -errno;
    if ((flags & O_ACCMODE) == O_RDWR || !is_held(path))
        return rc;
    fd = copy_held(atomic_load(&held.fd), false);
    if (fd < 0)
        return rc;
    atomic_store(&held.only, true);
    return fd;
}

/* Where the app has a limit of file sizes, a write beyond it raises a signal
 * that kills, and that is blocked meanwhile. Without a limit, the four system
 * calls for that are saved. */
struct change {
    bool limited;
    struct llmobs_signal_guard guard;
};

static void begin_change(struct change *change)
{
    struct rlimit limit;

    change->limited =
        getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    if (change->limited)
        llmobs_signal_guard_begin(&change->guard);
}

static void end_change(const struct change *change)
{
    if (change->limited)
        llmobs_signal_guard_end(&change->guard);
}

/* -EFBIG where the file may not grow: another file may have room, unlike on a
 * full disk. The first part of an entry that was written nevertheless stays:
 * without its seal it does not count. */
static int write_pieces(int fd, const struct iovec *pieces, int count,
                        bool *limited)
{
    struct change change;
    size_t size = 0;
    ssize_t n;

    for (int i = 0; i < count; i++)
        size += pieces[i].iov_len;
    begin_change(&change);
    *limited = change.limited;
    llmobs_crash_point_write("an entry", fd, pieces, count);
    do
        n = writev(fd, pieces, count);
    while (n < 0 && errno == EINTR);
    end_change(&change);
    if (n < 0)
        return -errno;
    llmobs_crash_point("written");
    if ((size_t)n == size)
        return 0;
    return *limited ? -EFBIG : -ENOSPC;
}

int llmobs_spool_file_write_line(int fd, struct llmobs_text text)
{
    struct iovec pieces[] = {{(void *)(uintptr_t)text.data, text.len},
                             {(void *)(uintptr_t) "\n", 1}};
    bool limited;

    return write_pieces(fd, pieces, 2, &limited);
}

/* Writes owner and entry at once: otherwise a kill between two writes would
 * leave entries without an owner. */
int llmobs_spool_file_write(int fd, struct llmobs_text owner,
                            const struct llmobs_entry_writer *writer,
                            struct llmobs_spool_written *written)
{
    const size_t size = (size_t)writer->pieces * sizeof(writer->iov[0]);
    struct iovec *pieces;
    int rc = -ENOMEM;

    if (owner.len == 0) {
        rc = write_pieces(fd, writer->iov, writer->pieces, &written->limited);
    } else if ((pieces = llmobs_scratch_alloc(size + sizeof(*pieces)))) {
        pieces[0] = (struct iovec){(void *)(uintptr_t)owner.data, owner.len};
        memcpy(pieces + 1, writer->iov, size);
        rc = write_pieces(fd, pieces, writer->pieces + 1, &written->limited);
        llmobs_scratch_free(pieces);
    }
    written->end = (uint64_t)lseek(fd, 0, SEEK_CUR);
    return rc;
}

int llmobs_spool_file_append(const char *path,
                             const struct llmobs_entry_writer *writer,
                             struct llmobs_spool_written *written)
{
    const struct llmobs_text no_owner = {NULL, 0};
    int rc, fd = llmobs_spool_file_open(path, O_WRONLY | O_APPEND);

    if (fd < 0)
        return fd;
    rc = llmobs_spool_file_write(fd, no_owner, writer, written);
    close(fd);
    return rc;
}

int llmobs_spool_file_add(const char *path,
                          struct llmobs_spool_addition *addition)
{
    struct llmobs_entry_writer *writer = llmobs_scratch_alloc(sizeof(*writer));
    bool span = addition->type == LLMOBS_ENTRY_EVENT;
    struct llmobs_spool_written written;
    int64_t size;
    int rc;

    if (!writer)
        return -ENOMEM;
    llmobs_entry_begin(writer, addition->type, addition->id);
    llmobs_entry_add(writer,
                     span ? LLMOBS_EVENT_TAG + LLMOBS_EVENT_SPAN
                          : LLMOBS_RELEASE_FIELD,
                     addition->field.data, addition->field.len);
    if (span) {
        llmobs_entry_add(writer, LLMOBS_ENTRY_BESIDE, "", 1);
        llmobs_entry_add(writer, LLMOBS_ENTRY_FOR_RELAY, "", 1);
    }
    size = llmobs_entry_end(writer, addition->key);
    rc =
        size < 0 ? (int)size : llmobs_spool_file_append(path, writer, &written);
    addition->offset = rc ? 0 : written.end - (uint64_t)size;
    llmobs_entry_free(writer);
    return rc;
}

int llmobs_spool_file_close(const char *path)
{
    int rc = 0, fd = llmobs_spool_file_open(path, O_WRONLY);
    struct change change;
    struct stat st;

    if (fd < 0)
        return fd;
    begin_change(&change);
    llmobs_crash_point("closing a file");
    if (fstat(fd, &st) != 0 || ((uint64_t)st.st_size < LLMOBS_SPOOL_CLOSED &&
                                ftruncate(fd, (off_t)LLMOBS_SPOOL_CLOSED) != 0))
        rc = -errno;
    llmobs_crash_point("closed a file");
    end_change(&change);
    close(fd);
    return rc;
}

int llmobs_spool_file_release(const char *path, uint64_t offset, uint64_t id)
{
    const size_t at = offsetof(struct llmobs_entry_head, type);
    int rc = -EBADMSG, fd = llmobs_spool_file_open(path, O_RDWR);
    struct llmobs_entry_head head;
    struct change change;

    if (fd < 0)
        return fd;
    if (pread(fd, &head, sizeof(head), (off_t)offset) == sizeof(head) &&
        head.id == id) {
        head.type |= LLMOBS_ENTRY_DONE;
        /* The app may have lowered its limit below the entry. */
        begin_change(&change);
        rc = pwrite(fd, &head.type, sizeof(head.type), (off_t)(offset + at)) < 0
                 ? -errno
                 : 0;
        end_change(&change);
    }
    close(fd);
    return rc;
}

static int read_part(int fd, uint64_t offset, uint64_t left,
                     struct llmobs_buf *text)
{
    const size_t most = LLMOBS_SCRATCH_SIZE;
    char *part = llmobs_scratch_alloc(most);
    ssize_t n;

    if (!part)
        return -ENOMEM;
    do
        n = pread(fd, part, left < most ? (size_t)left : most, (off_t)offset);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        n = -errno;
    else if (n > 0 && llmobs_buf_add(text, part, (size_t)n) != 0)
        n = -ENOMEM;
    llmobs_scratch_free(part);
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
static void skip_hole(struct walk *walk)
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

int llmobs_spool_file_read(const char *path, uint64_t offset, uint64_t size,
                           struct llmobs_buf *text)
{
    int rc = 1, fd = llmobs_spool_file_open(path, O_RDONLY);
    struct walk walk = {.fd = fd, .at = offset, .holes = LLMOBS_SPOOL_HOLES};
    struct stat st;

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
        close(fd);
        return -EPERM;
    }
    walk.end = (uint64_t)st.st_size;
    if (offset < LLMOBS_SPOOL_CLOSED && walk.end > LLMOBS_SPOOL_CLOSED)
        walk.end = LLMOBS_SPOOL_CLOSED;
    while (rc > 0 && size > 0) {
        if (st.st_blocks * 512 < st.st_size)
            skip_hole(&walk);
        if (walk.at >= walk.end)
            break;
        if (size > walk.end - walk.at)
            size = walk.end - walk.at;
        rc = read_part(fd, walk.at, size, text);
        walk.at += (uint64_t)(rc > 0 ? rc : 0);
        size -= (uint64_t)(rc > 0 ? rc : 0);
    }
    close(fd);
    return rc < 0 ? rc : 0;
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
#define USAGE_LAST_MS 60000

/* After this time the other files are only numbered, as they may be thousands,
 * and a process that ends waits for the count. */
#define COUNT_MS 10

static bool has_passed(int64_t since_ns, int64_t ms)
{
    return llmobs_clock_mono_ns() - since_ns > ms * LLMOBS_NS_PER_MS;
}

/* Takes the files that it only numbers to be as big as those that it has looked
 * at. Other users' files are not counted, however big they look. */
static int count_bytes(int dir, uint64_t *bytes)
{
    int64_t began = llmobs_clock_mono_ns();
    uint64_t seen = 0, others = 0;
    struct llmobs_spool_name name;
    struct llmobs_listing list;
    const char *text;
    struct stat st;
    int rc = llmobs_listing_open_in(&list, dir, ".");

    *bytes = 0;
    if (rc)
        return rc;
    while (!has_passed(began, COUNT_MS * 2) &&
           (text = llmobs_listing_next(&list))) {
        if (!llmobs_spool_name_parse(text, &name))
            continue;
        if (has_passed(began, COUNT_MS)) {
            others++;
            continue;
        }
        if (fstatat(list.fd, text, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode) && st.st_uid == geteuid())
            /* A closed one has far fewer bytes than its size. */
            *bytes += (((uint64_t)st.st_size >= LLMOBS_SPOOL_CLOSED
                            ? (uint64_t)st.st_blocks * 512
                            : (uint64_t)st.st_size) +
                       BLOCK - 1) /
                      BLOCK * BLOCK;
        seen++;
    }
    if (seen > 0)
        *bytes += *bytes / seen * others;
    llmobs_listing_close(&list);
    return 0;
}

/* Gives the last count. -ESTALE: the count is older than `ms`, and than
 * USAGE_TIMES the time that it took. */
static int read_usage(int dir, int64_t ms, uint64_t *bytes)
{
    int fd = llmobs_file_open(dir, USAGE_NAME, O_RDONLY);
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

static void write_usage(int dir, uint64_t bytes, int64_t took_ns)
{
    int fd = llmobs_file_open(dir, USAGE_NAME, O_WRONLY);
    char text[64];
    struct iovec piece = {text, 0};
    bool limited;

    if (fd < 0)
        return;
    piece.iov_len = (size_t)snprintf(
        text, sizeof(text), "%" PRIu64 " %" PRId64 "\n", bytes, took_ns);
    if (ftruncate(fd, 0) == 0)
        (void)write_pieces(fd, &piece, 1, &limited);
    close(fd);
}

int llmobs_spool_last_usage(int dir, uint64_t *bytes)
{
    return read_usage(dir, USAGE_LAST_MS, bytes);
}

int llmobs_spool_usage(const struct llmobs_config *config, uint64_t *bytes)
{
    int64_t began = llmobs_clock_mono_ns();
    int fd, rc = llmobs_spool_open_dir(config, false, &fd);

    if (rc)
        return rc;
    rc = read_usage(fd, USAGE_MS, bytes);
    if (rc) {
        rc = count_bytes(fd, bytes);
        if (!rc)
            write_usage(fd, *bytes, llmobs_clock_mono_ns() - began);
    }
    close(fd);
    return rc;
}
