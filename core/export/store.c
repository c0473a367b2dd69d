/* Appends events to the local store, and removes old files. */
#include "core/export/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/commit.h"
#include "lib/base/dirs.h"
#include "lib/base/file.h"
#include "lib/base/listing.h"
#include "lib/base/log.h"
#include "core/config/state_dir.h"

#define OLD_PREFIX "spans-"
#define OLD_SUFFIX ".jsonl"

/* A file holds the store's limit divided by this. */
#define FILE_PARTS 4
#define LOCK_WAIT_MS 200
#define OPEN_TRIES 100
/* The digits of a number in a name. */
#define STAMP_DIGITS 19
#define STAMP_MAX INT64_MAX
/* At most this many files are removed when a new file begins. */
#define TRIM_FILES 16
/* The events of one write: the kernel takes 1024 pieces, and an event is
 * two. */
#define GROUP_MAX 500

struct store {
    struct llmobs_exporter base; /* first */
    const struct llmobs_config *config;
};

/* The current file while a batch is written. */
struct open_file {
    int dir;
    int fd;
    bool locked;
    off_t size;
};

/* -- the file ------------------------------------------------------------ */

static void close_file(struct open_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    file->locked = false;
}

static int open_current(struct open_file *file)
{
    struct stat st, named;
    int rc = -EAGAIN;

    for (int i = 0; i < OPEN_TRIES; i++) {
        /* Also for reading, because write_group reads the last byte. */
        file->fd =
            llmobs_file_open(file->dir, LLMOBS_STORE_FILE, O_RDWR | O_APPEND);
        if (file->fd < 0)
            return file->fd;
        /* If the file system has no locks, each append is still one write. */
        file->locked = llmobs_file_lock(file->fd, F_WRLCK, LOCK_WAIT_MS) == 0;
        rc = fstat(file->fd, &st) ? -errno : 0;
        file->size = rc ? 0 : st.st_size;
        /* Another process may have rotated the file before the lock. */
        if (rc || (fstatat(file->dir, LLMOBS_STORE_FILE, &named,
                           AT_SYMLINK_NOFOLLOW) == 0 &&
                   named.st_ino == st.st_ino && named.st_dev == st.st_dev))
            break;
        close_file(file);
        rc = -EAGAIN;
    }
    if (rc)
        close_file(file);
    return rc;
}

/* -- rotation ------------------------------------------------------------ */

/* Reads only names that old_name gives. */
uint64_t llmobs_store_stamp(const char *name)
{
    const char *digits = name + strlen(OLD_PREFIX);
    uint64_t stamp = 0;

    if (strncmp(name, OLD_PREFIX, strlen(OLD_PREFIX)) != 0 ||
        strspn(digits, "0123456789") != STAMP_DIGITS ||
        strcmp(digits + STAMP_DIGITS, OLD_SUFFIX) != 0)
        return 0;
    for (size_t i = 0; i < STAMP_DIGITS; i++)
        stamp = stamp * 10 + (uint64_t)(digits[i] - '0');
    return stamp <= STAMP_MAX ? stamp : 0;
}

bool llmobs_store_has(const char *name)
{
    return strcmp(name, LLMOBS_STORE_FILE) == 0 ||
           llmobs_store_stamp(name) != 0;
}

static void old_name(uint64_t stamp, char out[64])
{
    snprintf(out, 64, OLD_PREFIX "%0*" PRIu64 OLD_SUFFIX, STAMP_DIGITS, stamp);
}

/* The rotated files: their bytes in all, the number of the newest file, and the
 * oldest files in order. */
struct survey {
    int64_t bytes;
    uint64_t newest;
    size_t count;
    struct {
        uint64_t stamp;
        int64_t size;
    } oldest[TRIM_FILES];
};

/* Passes over other users' files: the store neither wrote them nor may remove
 * them. */
static int survey(int dir, struct survey *out)
{
    struct llmobs_listing list;
    const char *name;
    struct stat st;
    int rc = llmobs_listing_open_in(&list, dir, ".");

    memset(out, 0, sizeof(*out));
    if (rc)
        return rc;
    while ((name = llmobs_listing_next(&list)) != NULL) {
        uint64_t stamp = llmobs_store_stamp(name);
        size_t at = out->count;

        if (!stamp || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(st.st_mode) || st.st_uid != geteuid())
            continue;
        out->bytes += st.st_size;
        if (stamp > out->newest)
            out->newest = stamp;
        if (at == TRIM_FILES && stamp >= out->oldest[at - 1].stamp)
            continue;
        if (at < TRIM_FILES)
            out->count++;
        else
            at--;
        for (; at > 0 && out->oldest[at - 1].stamp > stamp; at--)
            out->oldest[at] = out->oldest[at - 1];
        out->oldest[at].stamp = stamp;
        out->oldest[at].size = st.st_size;
    }
    llmobs_listing_close(&list);
    return 0;
}

/* Removes the oldest files until the rest and `more` bytes fit. Tries each file
 * once: a file that cannot be removed stays until the next rotation. */
static void trim_oldest(const struct store *store, int dir, int64_t more)
{
    struct survey found;
    char name[64];

    if (survey(dir, &found) != 0)
        return;
    for (size_t i = 0;
         i < found.count && found.bytes + more > store->config->store_max;
         i++) {
        old_name(found.oldest[i].stamp, name);
        if (unlinkat(dir, name, 0) == 0 || errno == ENOENT) {
            /* Names the last file that was removed, for those who read the
             * rest. */
            int fd = llmobs_file_open(dir, LLMOBS_STORE_TRIMMED, O_RDWR);

            found.bytes -= found.oldest[i].size;
            if (fd < 0 || pwrite(fd, name, strlen(name), 0) < 0)
                llmobs_log_once(LLMOBS_LOG_WARN, "store mark",
                                "the store cannot note that it removed %s",
                                name);
            if (fd >= 0)
                close(fd);
        } else {
            llmobs_log_once(LLMOBS_LOG_WARN, "store trim",
                            "the full store cannot remove %s: %m", name);
        }
    }
}

/* Renames the full file, and begins a new one. The number in its name is larger
 * than in all older names, even if the clock was set back, so that the names
 * are in the order of the spans. After the largest possible number it is the
 * clock's again. The caller has the lock: without it two processes would rotate
 * one after the other. */
static int rotate(struct open_file *file)
{
    uint64_t stamp = (uint64_t)llmobs_clock_wall_ns();
    struct survey found;
    char name[64];
    int rc = survey(file->dir, &found);

    if (rc)
        return rc;
    if (stamp <= found.newest && found.newest < STAMP_MAX)
        stamp = found.newest + 1;
    old_name(stamp, name);
    if (renameat(file->dir, LLMOBS_STORE_FILE, file->dir, name))
        return -errno;
    close_file(file);
    return open_current(file);
}

/* -- writing ------------------------------------------------------------- */

/* How many of the next events go into the file: as many as fit, at least one.
 */
static size_t count_fitting(const struct llmobs_text *events, size_t count,
                            int64_t room)
{
    int64_t bytes = 0;
    size_t n = 0;

    while (n < count && n < GROUP_MAX &&
           (n == 0 || bytes + (int64_t)events[n].len < room))
        bytes += (int64_t)events[n++].len + 1;
    return n;
}

/* Writes the events at once, each with the end of a line `mark`; gives the
 * number of complete events that stay. */
static int write_group(struct open_file *file, const struct llmobs_text *events,
                       size_t count, const char *mark)
{
    const struct iovec end = {(void *)(uintptr_t)mark, strlen(mark)};
    struct iovec *pieces = malloc((2 * count + 1) * sizeof(*pieces)), *left;
    size_t done = 0, whole, stay = 0;
    int error = 0, n = 0;
    char last = '\n';

    if (!pieces)
        return -ENOMEM;
    /* A writer that was killed may have left a line without its end. */
    if (file->size > 0 && pread(file->fd, &last, 1, file->size - 1) == 1 &&
        last != '\n')
        pieces[n++] = (struct iovec){(void *)(uintptr_t) "\n", 1};
    whole = (size_t)n;
    for (size_t i = 0; i < count; i++) {
        pieces[n++] =
            (struct iovec){(void *)(uintptr_t)events[i].data, events[i].len};
        pieces[n++] = end;
    }
    for (left = pieces; n > 0 && !error;) {
        ssize_t bytes = writev(file->fd, left, n);

        if (bytes <= 0) {
            error = bytes == 0 ? -EIO : errno == EINTR ? 0 : -errno;
            continue;
        }
        done += (size_t)bytes;
        for (; n > 0 && (size_t)bytes >= left->iov_len; left++, n--)
            bytes -= (ssize_t)left->iov_len;
        if (n > 0) {
            left->iov_base = (char *)left->iov_base + bytes;
            left->iov_len -= (size_t)bytes;
        }
    }
    free(pieces);
    if (done < whole)
        return error;
    while (stay < count && whole + events[stay].len + end.iov_len <= done)
        whole += events[stay++].len + end.iov_len;
    /* Cuts an incomplete line off if the lock kept other processes from writing
     * behind it. Otherwise the next write begins a new line behind it. */
    if (whole < done && file->locked &&
        ftruncate(file->fd, file->size + (off_t)whole) == 0)
        done = whole;
    else if (whole < done && file->locked)
        llmobs_log_once(LLMOBS_LOG_WARN, "store truncate",
                        "store: half a line stays: %m");
    file->size += (off_t)done;
    return stay ? (int)stay : error;
}

/* Writes the events, each group to the current file, or to a new file if that
 * is full; gives how many of them, or an error where none. */
static int send_groups(const struct store *store, struct open_file *file,
                       const struct llmobs_text *events, size_t count)
{
    int64_t part = store->config->store_max / FILE_PARTS;
    size_t n, done = 0;
    int rc = 0;

    for (; done < count; done += (size_t)rc) {
        bool full = file->size > 0 && file->locked &&
                    file->size + (int64_t)events[done].len + 1 > part;

        if (full && (rc = rotate(file)) != 0)
            break;
        n = count_fitting(events + done, count - done, part - file->size);
        if (full)
            trim_oldest(store, file->dir, part);
        rc = write_group(file, events + done, n,
                         store->base.mark ? store->base.mark : "\n");
        if (rc <= 0)
            break;
    }
    return done ? (int)done : rc;
}

static int store_send(struct llmobs_exporter *exporter,
                      const struct llmobs_text *events, size_t count)
{
    const struct store *store = (const struct store *)exporter;
    struct open_file file = {.dir = -1, .fd = -1};
    char path[PATH_MAX];
    int rc;

    if (!llmobs_commit_begin())
        return -ECANCELED;
    rc = llmobs_config_store_dir(store->config, path, PATH_MAX);
    if (!rc)
        rc =
            llmobs_dirs_have(path, store->config->store_dir != NULL, &file.dir);
    if (!rc)
        rc = open_current(&file);
    if (!rc)
        rc = send_groups(store, &file, events, count);
    close_file(&file);
    if (file.dir >= 0)
        close(file.dir);
    if (rc < 0)
        llmobs_log_once(LLMOBS_LOG_ERROR, "store",
                        "the local store %s cannot be written: %s", path,
                        strerror(-rc));
    return rc;
}

/* Nothing to abandon: no descriptor stays open after a send. */
static void store_forget(struct llmobs_exporter *exporter)
{
    (void)exporter;
}

static void store_free(struct llmobs_exporter *exporter)
{
    free(exporter);
}

static const struct llmobs_exporter_ops ops = {
    .name = "store",
    .send = store_send,
    .forget = store_forget,
    .free = store_free,
};

struct llmobs_exporter *llmobs_store_new(const struct llmobs_config *config)
{
    struct store *store = calloc(1, sizeof(*store));

    if (!store)
        return NULL;
    store->base.ops = &ops;
    store->config = config;
    return &store->base;
}
