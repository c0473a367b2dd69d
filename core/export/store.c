/* store - the exporter that keeps events in files of this host, one a line. */
#include "core/export/exporter.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/dirs.h"
#include "core/base/fd.h"
#include "core/base/file.h"
#include "core/base/log.h"

#define OLD_PREFIX "spans-"
#define OLD_SUFFIX ".jsonl"

/* One file holds this part of the whole store. */
#define FILE_PARTS 4
#define LOCK_WAIT_MS 200
#define OPEN_TRIES 100

struct store {
    struct llmobs_exporter base; /* first */
    const struct llmobs_config *config;
};

/* The current file while a batch is written. */
struct target {
    int dir;
    int fd;
    bool locked;
    off_t size;
};

/* -- places -------------------------------------------------------------- */

static int open_dir(const struct store *store, char path[PATH_MAX], int *out)
{
    int rc = llmobs_config_store_dir(store->config, path, PATH_MAX);

    return rc ? rc
              : llmobs_dirs_have(path, store->config->store_dir != NULL, out);
}

static int look_at_size(struct target *target)
{
    struct stat st;

    if (fstat(target->fd, &st))
        return -errno;
    target->size = st.st_size;
    return 0;
}

/* Another process may have rotated the file between open and lock. */
static bool is_current(const struct target *target)
{
    struct stat named, opened;

    return fstatat(target->dir, LLMOBS_STORE_FILE, &named,
                   AT_SYMLINK_NOFOLLOW) == 0 &&
           fstat(target->fd, &opened) == 0 && named.st_ino == opened.st_ino &&
           named.st_dev == opened.st_dev;
}

static void close_target(struct target *target)
{
    if (target->fd >= 0)
        close(target->fd);
    target->fd = -1;
    target->locked = false;
}

static int open_target(struct target *target)
{
    int rc = -EAGAIN;

    for (int i = 0; i < OPEN_TRIES; i++) {
        /* Readable too: the last byte is looked at. */
        target->fd =
            llmobs_file_open(target->dir, LLMOBS_STORE_FILE, O_RDWR | O_APPEND);
        if (target->fd < 0)
            return target->fd;
        /* Where the file system has no locks, single appends still hold. */
        target->locked =
            llmobs_file_lock(target->fd, F_WRLCK, LOCK_WAIT_MS) == 0;
        rc = look_at_size(target);
        if (rc || is_current(target))
            break;
        close_target(target);
        rc = -EAGAIN;
    }
    if (rc)
        close_target(target);
    return rc;
}

/* -- rotation ------------------------------------------------------------ */

/* The stamp in "spans-<stamp>.jsonl"; 0 for any other name. */
static uint64_t stamp_of(const char *name)
{
    const char *digits = name + strlen(OLD_PREFIX);
    uint64_t stamp = 0;
    size_t len;

    if (strncmp(name, OLD_PREFIX, strlen(OLD_PREFIX)) != 0)
        return 0;
    len = strspn(digits, "0123456789");
    if (len == 0 || len > 19 || strcmp(digits + len, OLD_SUFFIX) != 0)
        return 0;
    for (size_t i = 0; i < len; i++)
        stamp = stamp * 10 + (uint64_t)(digits[i] - '0');
    return stamp;
}

bool llmobs_store_has(const char *name)
{
    return strcmp(name, LLMOBS_STORE_FILE) == 0 || stamp_of(name) != 0;
}

static void old_name(uint64_t stamp, char out[64])
{
    snprintf(out, 64, OLD_PREFIX "%019" PRIu64 OLD_SUFFIX, stamp);
}

/* The rotated files: how much they hold, the oldest and the newest. */
struct survey {
    int64_t bytes;
    uint64_t oldest;
    uint64_t newest;
};

static int survey(int dir, struct survey *out)
{
    struct dirent *entry;
    struct stat st;
    DIR *list;
    int fd = -1, rc = llmobs_dirs_reopen(dir, &fd);

    memset(out, 0, sizeof(*out));
    if (rc)
        return rc;
    list = llmobs_fd_list(fd);
    if (!list)
        return -errno;
    while ((entry = readdir(list)) != NULL) {
        uint64_t stamp = stamp_of(entry->d_name);

        if (!stamp ||
            fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        out->bytes += st.st_size;
        if (!out->oldest || stamp < out->oldest)
            out->oldest = stamp;
        if (stamp > out->newest)
            out->newest = stamp;
    }
    closedir(list);
    return 0;
}

/* Removes the oldest until the rotated files and `more` bytes fit. */
static void trim(const struct store *store, int dir, int64_t more)
{
    struct survey found;
    char name[64];

    while (survey(dir, &found) == 0 && found.oldest &&
           found.bytes + more > store->config->store_max) {
        old_name(found.oldest, name);
        if (unlinkat(dir, name, 0) && errno != ENOENT)
            return;
    }
}

/* Names only grow, also when the clock is set back: their order is that of
 * the spans. Only under the lock, or two would rotate one after the other. */
static int rotate(struct target *target)
{
    uint64_t stamp = (uint64_t)llmobs_clock_wall_ns();
    struct survey found;
    char name[64];
    int rc = survey(target->dir, &found);

    if (rc)
        return rc;
    if (stamp <= found.newest)
        stamp = found.newest + 1;
    old_name(stamp, name);
    if (renameat(target->dir, LLMOBS_STORE_FILE, target->dir, name))
        return -errno;
    close_target(target);
    return open_target(target);
}

/* -- writing ------------------------------------------------------------- */

/* A writer that was killed half-way left a line without its end. */
static int end_last_line(const struct target *target, struct llmobs_buf *lines)
{
    char last;

    if (target->size > 0 &&
        pread(target->fd, &last, 1, target->size - 1) == 1 && last != '\n')
        return llmobs_buf_addc(lines, '\n');
    return 0;
}

/* As many bytes as can be written; *error says why not all. */
static size_t write_all(int fd, const char *data, size_t len, int *error)
{
    size_t done = 0;

    *error = 0;
    while (done < len) {
        ssize_t n = write(fd, data + done, len - done);

        if (n > 0) {
            done += (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            *error = n == 0 ? -EIO : -errno;
            break;
        }
    }
    return done;
}

/* Writes the lines; the number of whole ones that stay. A half line is taken
 * back while nobody else can have written behind it. */
static int write_lines(struct target *target, const struct llmobs_buf *lines,
                       size_t lead)
{
    int error, count = 0;
    size_t done = write_all(target->fd, lines->data, lines->len, &error);
    size_t whole = done;

    while (whole > 0 && lines->data[whole - 1] != '\n')
        whole--;
    for (size_t i = lead; i < whole; i++)
        count += lines->data[i] == '\n';
    if (whole < done && target->locked &&
        ftruncate(target->fd, target->size + (off_t)whole) != 0)
        llmobs_log_once(LLMOBS_LOG_WARN, "store truncate",
                        "store: half a line stays: %m");
    target->size += (off_t)whole;
    return count ? count : error;
}

/* How many of the next events go into one file: as many as fit, at least one.
 */
static size_t take_group(const struct llmobs_text *events, size_t count,
                         int64_t room)
{
    int64_t bytes = 0;
    size_t n = 0;

    while (n < count && (n == 0 || bytes + (int64_t)events[n].len < room))
        bytes += (int64_t)events[n++].len + 1;
    return n;
}

static int write_group(struct target *target, const struct llmobs_text *events,
                       size_t count)
{
    struct llmobs_buf lines;
    size_t lead;
    int rc;

    llmobs_buf_init(&lines, SIZE_MAX / 2);
    rc = end_last_line(target, &lines);
    lead = lines.len;
    for (size_t i = 0; i < count && !rc; i++) {
        rc = llmobs_buf_add(&lines, events[i].data, events[i].len);
        if (!rc)
            rc = llmobs_buf_addc(&lines, '\n');
    }
    if (!rc)
        rc = write_lines(target, &lines, lead);
    llmobs_buf_fini(&lines);
    return rc;
}

/* One group into the current file, or into a new one when it has had its part.
 */
static int send_group(const struct store *store, struct target *target,
                      const struct llmobs_text *events, size_t count)
{
    int64_t part = store->config->store_max / FILE_PARTS;
    size_t n;
    int rc;

    n = take_group(events, count, part - target->size);
    if (target->size > 0 && target->locked &&
        target->size + (int64_t)events[0].len + 1 > part) {
        rc = rotate(target);
        if (rc)
            return rc;
        n = take_group(events, count, part - target->size);
        trim(store, target->dir, part);
    }
    return write_group(target, events, n);
}

static int send_to(const struct store *store, struct target *target,
                   const struct llmobs_text *events, size_t count)
{
    size_t done = 0;
    int rc = 0;

    while (done < count) {
        rc = send_group(store, target, events + done, count - done);
        if (rc <= 0)
            break;
        done += (size_t)rc;
    }
    return done ? (int)done : rc;
}

static int store_send(struct llmobs_exporter *exporter,
                      const struct llmobs_text *events, size_t count)
{
    const struct store *store = (const struct store *)exporter;
    struct target target = {.dir = -1, .fd = -1};
    char path[PATH_MAX];
    int rc = open_dir(store, path, &target.dir);

    if (!rc)
        rc = open_target(&target);
    if (!rc)
        rc = send_to(store, &target, events, count);
    close_target(&target);
    if (target.dir >= 0)
        close(target.dir);
    if (rc < 0)
        llmobs_log_once(LLMOBS_LOG_ERROR, "store",
                        "the local store %s cannot be written: %s", path,
                        strerror(-rc));
    return rc;
}

/* No descriptor outlives a send. */
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
