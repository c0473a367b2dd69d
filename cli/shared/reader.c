/* Reads a store's lines, from the first or from the last on. */
#include "cli/shared/reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/shared/escape.h"
#include "lib/base/grow.h"
#include "cli/shared/tell.h"
#include "lib/base/fd.h"
#include "core/export/store.h"

#define CHUNK (256u * 1024)
#define NS_PER_S 1000000000
/* The number of files that stay open; the others are opened for each use. */
#define OPEN_MAX 64
#define UNKNOWN UINT64_MAX

struct file {
    char *name;
    int fd; /* -1: not open */
    dev_t dev;
    ino_t ino;
    uint64_t end;      /* a walk reads up to here */
    uint64_t next;     /* more() reads from here; UNKNOWN: behind the end */
    int64_t written_s; /* the last write, a wall time */
    bool failed;       /* reported to the user, or gone */
    bool joined;       /* it is no file of the store, and has no marks */
};

struct llmobs_reader {
    int dir;
    struct file *files;
    size_t count;
    struct llmobs_buf room; /* the bytes that a walk is at */
    struct llmobs_reader_report report;
    struct llmobs_marks marks, fresh; /* the store's, and new ones */
};

/* -- files ---------------------------------------------------------------- */

static void report_unreadable(struct llmobs_reader *reader, struct file *file,
                              int error)
{
    char room[LLMOBS_ESCAPE_NAME];

    if (file->failed)
        return;
    file->failed = true;
    reader->report.unreadable++;
    llmobs_tell("llmobs: cannot read %s: %s\n",
                llmobs_escape_name(file->name, room),
                error == ELOOP    ? "it is a link"
                : error == EINVAL ? "it is no regular file"
                                  : strerror(error));
}

/* A user who may write to the store must not make the tool read another file:
 * it follows no link, and opens regular files alone (lib/base/fd). */
static int open_name(const struct llmobs_reader *reader, const char *name,
                     struct stat *st)
{
    int fd =
        llmobs_fd_open(reader->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    int rc = fd < 0 ? -errno : 0;

    if (rc == 0 && fstat(fd, st) != 0)
        rc = -errno;
    if (rc == 0 && !S_ISREG(st->st_mode))
        rc = -EINVAL;
    if (rc == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Gives a descriptor of the file, which give_back takes. Checks the inode, as
 * the exporter may have given the name to another file. */
static int borrow(const struct llmobs_reader *reader, const struct file *file)
{
    struct stat st;
    int fd = file->fd;

    if (fd >= 0)
        return fd;
    fd = open_name(reader, file->name, &st);
    if (fd < 0 || (st.st_dev == file->dev && st.st_ino == file->ino))
        return fd;
    close(fd);
    return -ESTALE;
}

static void shared_reader_give_back(const struct file *file, int fd)
{
    if (fd >= 0 && fd != file->fd)
        close(fd);
}

/* When the file was last written to. A rotated file has the time of its
 * rotation in its name, which is right even in a copied store. */
static int64_t written_s(const char *name, const struct stat *st)
{
    int64_t stamp_s = (int64_t)(llmobs_store_stamp(name) / NS_PER_S);

    return stamp_s != 0 && stamp_s < st->st_mtim.tv_sec ? stamp_s
                                                        : st->st_mtim.tv_sec;
}

static int add_file(struct llmobs_reader *reader, const char *name,
                    uint64_t next)
{
    struct file file = {.fd = -1, .next = next}, *files;
    struct stat st = {0};
    int fd = open_name(reader, name, &st);

    /* Compares inodes; for a closed file the name as well, since a later file
     * may have the inode after a removal. An open file may have a new name. */
    for (size_t i = 0; i < reader->count; i++) {
        const struct file *known = &reader->files[i];
        bool named = strcmp(known->name, name) == 0;

        if (fd < 0 ? named && known->failed
                   : known->dev == st.st_dev && known->ino == st.st_ino &&
                         (named || known->fd >= 0)) {
            shared_reader_give_back(&file, fd);
            return 0;
        }
    }
    files = reallocarray(reader->files, reader->count + 1, sizeof(*files));
    if (files)
        reader->files = files;
    file.name = strdup(name);
    if (!files || !file.name) {
        free(file.name);
        shared_reader_give_back(&file, fd);
        return -ENOMEM;
    }
    if (fd < 0) {
        report_unreadable(reader, &file, -fd);
    } else {
        file.dev = st.st_dev;
        file.ino = st.st_ino;
        file.end = (uint64_t)st.st_size;
        file.written_s = written_s(name, &st);
        /* The file that the exporter writes to will be renamed. */
        if (reader->count < OPEN_MAX || next != UNKNOWN ||
            strcmp(name, LLMOBS_STORE_FILE) == 0)
            file.fd = fd;
        shared_reader_give_back(&file, fd);
    }
    files[reader->count++] = file;
    return 0;
}

bool llmobs_reader_takes(const char *name)
{
    size_t len = strlen(name);

    return name[0] != '.' && len > 6 && strcmp(name + len - 6, ".jsonl") == 0;
}

static int is_events(const struct dirent *entry)
{
    return llmobs_reader_takes(entry->d_name);
}

/* The file that the exporter writes to holds the newest spans. */
static int by_age(const struct dirent **a, const struct dirent **b)
{
    bool newest_a = strcmp((*a)->d_name, LLMOBS_STORE_FILE) == 0;
    bool newest_b = strcmp((*b)->d_name, LLMOBS_STORE_FILE) == 0;

    return newest_a != newest_b ? (newest_a ? 1 : -1)
                                : strcmp((*a)->d_name, (*b)->d_name);
}

static int add_files(struct llmobs_reader *reader, uint64_t next)
{
    struct dirent **names = NULL;
    int count = scandirat(reader->dir, ".", &names, is_events, by_age);
    int rc = count < 0 ? -errno : 0;

    for (int i = 0; i < count; i++) {
        if (rc == 0)
            rc = add_file(reader, names[i]->d_name, next);
        free(names[i]);
    }
    free(names);
    return rc;
}

int llmobs_reader_open(const char *dir, struct llmobs_reader **out)
{
    struct llmobs_reader *reader = calloc(1, sizeof(*reader));
    int rc = 0;

    if (!reader)
        return -ENOMEM;
    llmobs_buf_init(&reader->room, LLMOBS_READER_LINE_MAX + CHUNK);
    reader->marks.fd = reader->fresh.fd = -1;
    reader->dir = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (dir && reader->dir < 0)
        rc = -errno;
    if (rc == 0 && dir)
        rc = add_files(reader, UNKNOWN);
    if (rc == 0) {
        llmobs_marks_open(&reader->marks, reader->dir);
        *out = reader;
        return 0;
    }
    llmobs_reader_close(reader);
    return rc;
}

int llmobs_reader_join(struct llmobs_reader *reader, int fd)
{
    struct file file = {.fd = fd, .next = UNKNOWN, .joined = true}, *files;
    struct stat st;

    files = reallocarray(reader->files, reader->count + 1, sizeof(*files));
    reader->files = files ? files : reader->files;
    file.name = strdup("spool");
    if (!files || !file.name || fstat(fd, &st) != 0) {
        free(file.name);
        close(fd);
        return -ENOMEM;
    }
    file.end = (uint64_t)st.st_size;
    file.written_s = st.st_mtim.tv_sec;
    files[reader->count++] = file;
    return 0;
}

void llmobs_reader_close(struct llmobs_reader *reader)
{
    if (!reader)
        return;
    for (size_t i = 0; i < reader->count; i++) {
        if (reader->files[i].fd >= 0)
            close(reader->files[i].fd);
        free(reader->files[i].name);
    }
    free(reader->files);
    llmobs_marks_close(&reader->marks);
    llmobs_buf_fini(&reader->room);
    if (reader->dir >= 0)
        close(reader->dir);
    free(reader);
}

const struct llmobs_reader_report *llmobs_reader_report(
    const struct llmobs_reader *reader)
{
    return &reader->report;
}

int64_t llmobs_reader_written(const struct llmobs_reader *reader,
                              struct llmobs_place place)
{
    return reader->files[place.file].written_s * NS_PER_S;
}

int64_t llmobs_reader_trimmed(const struct llmobs_reader *reader)
{
    char name[64] = "";
    struct stat st;
    int fd = open_name(reader, LLMOBS_STORE_TRIMMED, &st);
    ssize_t len = fd >= 0 ? pread(fd, name, sizeof(name) - 1, 0) : 0;

    if (fd >= 0)
        close(fd);
    return len > 0 ? (int64_t)llmobs_store_stamp(name) : 0;
}

/* -- pieces of a file ----------------------------------------------------- */

/* Adds the bytes from `at` to `end` to `out`; fewer where the file is shorter,
 * or cannot be read: then *error is set. */
static int read_piece(int fd, uint64_t at, uint64_t end, struct llmobs_buf *out,
                      int *error)
{
    int rc = llmobs_buf_reserve(out, (size_t)(end - at));

    while (rc == 0 && at < end) {
        ssize_t n =
            pread(fd, out->data + out->len, (size_t)(end - at), (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            *error = errno;
        if (n <= 0)
            break;
        out->len += (size_t)n;
        at += (uint64_t)n;
    }
    return rc;
}

/* A walk through one file. */
struct walk {
    struct llmobs_reader *reader;
    llmobs_reader_line *line;
    void *ctx;
    uint32_t file;
    int fd;
    uint64_t begin, end; /* reads these bytes */
    bool whole;          /* a last line without its end has to wait */
    int error;           /* of reading, which ends the file and not the walk */
    const struct llmobs_pick *pick; /* of marked lines; NULL: all */
    struct llmobs_marks_list marks; /* of the file, as far as they are used */
    bool adds;                      /* marks the lines that it reads, too */
    bool back;
};

static int pass(const struct walk *walk, const char *data, size_t len,
                uint64_t at)
{
    struct llmobs_place place = {walk->file, (uint32_t)len, at};

    if (len == 0)
        return 0;
    if (len > LLMOBS_READER_LINE_MAX) {
        walk->reader->report.oversized++;
        return 0;
    }
    return walk->line(walk->ctx, (struct llmobs_text){data, len}, place);
}

/* -- forwards ------------------------------------------------------------- */

static int read_chunk(struct walk *walk, uint64_t from)
{
    uint64_t end = from + CHUNK < walk->end ? from + CHUNK : walk->end;

    return read_piece(walk->fd, from, end, &walk->reader->room, &walk->error);
}

/* Gives the whole lines of the room, which begins at *at, and leaves the rest.
 * The first `known` bytes have no line's end. */
static int pass_lines(struct walk *walk, uint64_t *at, size_t known)
{
    struct llmobs_buf *room = &walk->reader->room;
    const char *data = room->data, *stop = data + room->len;
    const char *look = data + known, *end;
    int rc = 0;

    while (rc == 0 && look < stop &&
           (end = memchr(look, '\n', (size_t)(stop - look)))) {
        rc = pass(walk, data, (size_t)(end - data), *at);
        if (walk->adds)
            llmobs_marks_add(&walk->marks,
                             (struct llmobs_text){data, (size_t)(end - data)},
                             *at);
        *at += (uint64_t)(end + 1 - data);
        walk->marks.end = walk->adds ? *at : walk->marks.end;
        look = data = end + 1;
    }
    memmove(room->data, data, (size_t)(stop - data));
    llmobs_buf_cut(room, (size_t)(stop - data));
    return rc;
}

/* Passes over a line that is beyond the limit: sets *at to the line's end. */
static int pass_over(struct walk *walk, uint64_t *at)
{
    struct llmobs_buf *room = &walk->reader->room;
    const char *end = NULL;
    int rc = 0;

    walk->reader->report.oversized++;
    if (walk->adds)
        llmobs_marks_add(&walk->marks, (struct llmobs_text){"", 0}, *at);
    *at += room->len;
    while (rc == 0 && !end && *at < walk->end) {
        llmobs_buf_cut(room, 0);
        rc = read_chunk(walk, *at);
        if (rc != 0 || room->len == 0)
            break;
        end = memchr(room->data, '\n', room->len);
        *at += end != NULL ? (uint64_t)(end + 1 - room->data) : room->len;
    }
    llmobs_buf_cut(room, 0);
    return rc;
}

/* Gives the lines from *at to the end; *at becomes the place behind the last.
 */
static int walk_on(struct walk *walk, uint64_t *at)
{
    struct llmobs_buf *room = &walk->reader->room;
    int rc = 0;

    llmobs_buf_cut(room, 0);
    while (rc == 0 && *at + room->len < walk->end) {
        size_t known = room->len;

        rc = read_chunk(walk, *at + known);
        if (rc != 0 || room->len == known) /* or somebody has cut the file */
            break;
        rc = pass_lines(walk, at, known);
        if (rc == 0 && room->len > LLMOBS_READER_LINE_MAX)
            rc = pass_over(walk, at);
    }
    if (rc == 0 && room->len > 0 && !walk->whole) {
        rc = pass(walk, room->data, room->len, *at);
        *at += room->len;
    }
    return rc;
}

/* -- backwards ------------------------------------------------------------ */

/* Gives the lines of the room, which begins at `at`, from the last to the
 * first; the first line only at the walk's begin, else it may be cut. *left:
 * how many bytes of the room are not given. */
static int give_back_lines(struct walk *walk, uint64_t at, size_t *left)
{
    const char *data = walk->reader->room.data;
    size_t len = walk->reader->room.len;
    int rc = 0;

    while (rc == 0 && len > 0) {
        size_t end = data[len - 1] == '\n' ? len - 1 : len;
        const char *before = end > 0 ? memrchr(data, '\n', end) : NULL;
        size_t begin = before ? (size_t)(before + 1 - data) : 0;

        if (begin == 0 && at > walk->begin)
            break;
        rc = pass(walk, data + begin, end - begin, at + begin);
        len = begin;
    }
    *left = len;
    return rc;
}

static int walk_backwards(struct walk *walk, uint64_t *unused)
{
    const uint64_t begin = walk->begin;
    struct llmobs_buf *room = &walk->reader->room;
    uint64_t end = walk->end;
    uint64_t size = CHUNK;
    bool over = false; /* a line beyond the limit goes on before `end` */
    int rc = 0;

    (void)unused;
    while (rc == 0 && end > begin) {
        uint64_t at = end - begin > size ? end - size : begin;
        size_t left = 0;

        llmobs_buf_cut(room, 0);
        rc = read_piece(walk->fd, at, end, room, &walk->error);
        if (rc == 0 && over && room->len == end - at) {
            const char *before = memrchr(room->data, '\n', room->len);

            over = !before;
            end = before ? at + (uint64_t)(before + 1 - room->data) : at;
            llmobs_buf_cut(room, (size_t)(end - at));
            if (over)
                continue;
        }
        if (rc == 0)
            rc = give_back_lines(walk, at, &left);
        if (rc != 0 || room->len < end - at)
            break;
        if (left == room->len &&
            at > begin) { /* a line longer than the piece */
            size *= 2;
            if (size <= LLMOBS_READER_LINE_MAX)
                continue;
            walk->reader->report.oversized++;
            over = true;
            left = 0;
        }
        size = CHUNK;
        end = at + left;
    }
    return rc;
}

/* -- walks ---------------------------------------------------------------- */

/* Opens the walk's file, lets `go` walk through it, and reports an error. */
static int with_file(struct walk *walk, int (*go)(struct walk *, uint64_t *),
                     uint64_t *at)
{
    struct file *file = &walk->reader->files[walk->file];
    int rc;

    walk->fd = borrow(walk->reader, file);
    if (walk->fd < 0) {
        report_unreadable(walk->reader, file, -walk->fd);
        return 0;
    }
    rc = go(walk, at);
    shared_reader_give_back(file, walk->fd);
    if (walk->error != 0)
        report_unreadable(walk->reader, file, walk->error);
    return rc;
}

/* True where no line goes on at the place. */
static bool is_between(const struct walk *walk, uint64_t at)
{
    char last = '\n';

    return at == 0 ||
           (pread(walk->fd, &last, 1, (off_t)at - 1) == 1 && last == '\n');
}

static bool is_picked(const struct walk *walk, size_t i)
{
    static const uint8_t unknown[LLMOBS_MARKS_TRACE];
    const uint8_t *trace = walk->marks.list[i].trace;

    return memcmp(trace, unknown, sizeof(unknown)) == 0 ||
           (walk->pick->takes && walk->pick->takes(walk->pick->ctx, trace));
}

/* Walks through the runs of marked lines that are picked, and through all lines
 * behind the marks, which get marks where new ones are written. From a run on
 * whose ends are no ends of lines, the marks have no use. */
static int walk_runs(struct walk *walk, uint64_t *at)
{
    struct llmobs_reader *reader = walk->reader;
    struct llmobs_marks_list *marks = &walk->marks;
    const uint64_t stop = walk->end;
    uint64_t seen, marked;
    int rc = 0;

    *marks = llmobs_marks_read(&reader->marks, walk->fd,
                               !walk->pick->takes && reader->fresh.fd < 0);
    if (!walk->line) { /* the file is passed over, and keeps its marks */
        llmobs_marks_write(&reader->fresh, walk->fd, marks);
        free(marks->list);
        return 0;
    }
    if (marks->end > stop) /* by a viewer that came later */
        marks->count = marks->end = 0;
    if (!marks->list) {
        reader->report.passed += marks->count;
        marks->count = 0;
    }
    marked = marks->end;
    seen = walk->back ? marked : 0;
    if (walk->back) {
        walk->begin = marked;
        rc = walk_backwards(walk, at);
    }
    for (size_t n = 0, count = marks->count; rc == 0 && n < count;) {
        size_t first = n, low, high;

        while (n < count && is_picked(walk, walk->back ? count - 1 - n : n))
            n++;
        if (n == first) {
            reader->report.passed++;
            n++;
            continue;
        }
        low = walk->back ? count - n : first;
        high = walk->back ? count - first : n;
        walk->begin = marks->list[low].at;
        walk->end = high < count ? marks->list[high].at : marked;
        if (!is_between(walk, walk->begin) || !is_between(walk, walk->end)) {
            walk->begin = walk->back ? 0 : seen;
            walk->end = walk->back ? seen : stop;
            marks->failed = true;
            n = count;
        }
        *at = walk->begin;
        rc = walk->back ? walk_backwards(walk, at) : walk_on(walk, at);
        seen = walk->back ? walk->begin : walk->end;
    }
    if (rc == 0 && !walk->back && !(marks->failed && seen == stop)) {
        walk->adds = reader->fresh.fd >= 0 && !marks->failed;
        *at = walk->begin = marked;
        walk->end = stop;
        rc = walk_on(walk, at);
    }
    if (rc == 0 && reader->fresh.fd >= 0)
        llmobs_marks_write(&reader->fresh, walk->fd, marks);
    free(marks->list);
    return rc;
}

static int walk_all(struct llmobs_reader *reader, int64_t since_ns, bool back,
                    const struct llmobs_pick *pick, llmobs_reader_line *line,
                    void *ctx)
{
    struct llmobs_reader_report *report = &reader->report;
    int rc = 0;

    report->files = report->old = report->passed = report->oversized = 0;
    for (size_t n = 0; rc == 0 && n < reader->count; n++) {
        size_t i = back ? reader->count - 1 - n : n;
        struct walk walk = {.reader = reader,
                            .line = line,
                            .ctx = ctx,
                            .file = (uint32_t)i,
                            .end = reader->files[i].end,
                            .back = back,
                            .pick = pick};
        uint64_t at = 0;

        if (reader->files[i].failed)
            continue;
        if (reader->files[i].written_s + LLMOBS_READER_CLOCKS_S <
            since_ns / NS_PER_S) {
            report->old++;
            walk.line = NULL;
            if (reader->fresh.fd >= 0 && !reader->files[i].joined)
                rc = with_file(&walk, walk_runs, &at);
            continue;
        }
        report->files++;
        rc = with_file(&walk,
                       pick && !reader->files[i].joined ? walk_runs
                       : back                           ? walk_backwards
                                                        : walk_on,
                       &at);
    }
    return rc;
}

int llmobs_reader_walk(struct llmobs_reader *reader, int64_t since_ns,
                       const struct llmobs_pick *pick, llmobs_reader_line *line,
                       void *ctx)
{
    return walk_all(reader, since_ns, false, pick, line, ctx);
}

int llmobs_reader_walk_back(struct llmobs_reader *reader, int64_t since_ns,
                            const struct llmobs_pick *pick,
                            llmobs_reader_line *line, void *ctx)
{
    return walk_all(reader, since_ns, true, pick, line, ctx);
}

int llmobs_reader_walk_odd(struct llmobs_reader *reader, int64_t since_ns,
                           llmobs_reader_line *line, void *ctx)
{
    static const struct llmobs_pick odd = {.takes = NULL};
    uint64_t all = 0, known = 0;
    bool gone = false;
    struct stat st;
    int rc;

    for (size_t i = 0; i < reader->count; i++) {
        int fd = borrow(reader, &reader->files[i]);

        known += fd >= 0 ? llmobs_marks_known(&reader->marks, fd) : 0;
        all += reader->files[i].end;
        shared_reader_give_back(&reader->files[i], fd);
    }
    if (all >= LLMOBS_MARKS_LEAST && known < all - all / 16)
        llmobs_marks_begin(&reader->fresh, reader->dir, reader->count);
    rc = walk_all(reader, since_ns, false, &odd, line, ctx);
    if (rc == 0 && reader->fresh.fd >= 0) {
        llmobs_marks_end(&reader->fresh, reader->dir);
        llmobs_marks_close(&reader->marks);
        llmobs_marks_open(&reader->marks, reader->dir);
        /* A purge in between has removed the marks, or not seen them. */
        for (size_t i = 0; i < reader->count; i++) {
            int fd = borrow(reader, &reader->files[i]);

            gone |= !reader->files[i].joined &&
                    (fd < 0 || fstat(fd, &st) != 0 || st.st_nlink == 0);
            shared_reader_give_back(&reader->files[i], fd);
        }
        if (gone)
            unlinkat(reader->dir, LLMOBS_MARKS_FILE, 0);
    }
    llmobs_marks_close(&reader->fresh);
    return rc;
}

int llmobs_reader_lines(int fd, llmobs_reader_line *line, void *ctx)
{
    struct llmobs_reader reader = {.dir = -1};
    struct walk walk = {
        .reader = &reader, .line = line, .ctx = ctx, .fd = fd, .end = UNKNOWN};
    uint64_t at = 0;
    int rc;

    llmobs_buf_init(&reader.room, LLMOBS_READER_LINE_MAX + CHUNK);
    rc = walk_on(&walk, &at);
    llmobs_buf_fini(&reader.room);
    return rc == 0 ? -walk.error : rc;
}

/* -- later ---------------------------------------------------------------- */

static int ignore_line(void *ctx, struct llmobs_text text,
                       struct llmobs_place place)
{
    (void)text;
    *(uint64_t *)ctx = place.at;
    return 1;
}

/* The end of the last whole line that a walk has seen. The next walk begins
 * there, so that it reads a line whole that was only half written. */
static uint64_t behind_last_line(struct llmobs_reader *reader, size_t index)
{
    uint64_t end = reader->files[index].end, begin = end, at = 0;
    struct walk walk = {.reader = reader,
                        .line = ignore_line,
                        .ctx = &begin,
                        .file = (uint32_t)index,
                        .end = end};
    char last = '\n';
    int fd = borrow(reader, &reader->files[index]);

    if (fd >= 0 && end > 0 && pread(fd, &last, 1, (off_t)(end - 1)) != 1)
        last = '\n';
    shared_reader_give_back(&reader->files[index], fd);
    if (last != '\n')
        (void)with_file(&walk, walk_backwards, &at);
    return begin;
}

static int read_more(struct llmobs_reader *reader, size_t index,
                     llmobs_reader_line *line, void *ctx)
{
    struct file *file = &reader->files[index];
    struct walk walk = {.reader = reader,
                        .line = line,
                        .ctx = ctx,
                        .file = (uint32_t)index,
                        .whole = true};
    struct stat st;
    bool gone;
    int fd, rc = 0;

    if (file->failed)
        return 0;
    if (file->next == UNKNOWN)
        file->next = behind_last_line(reader, index);
    fd = borrow(reader, file);
    gone = fd == -ENOENT || fd == -ESTALE;
    if (fd >= 0 && fstat(fd, &st) == 0) {
        file->end = (uint64_t)st.st_size;
        gone = st.st_nlink == 0;
    }
    shared_reader_give_back(file, fd);
    if (file->next > file->end) /* it was cut: all lines after that are new */
        file->next = behind_last_line(reader, index);
    walk.end = file->end;
    if (file->next < walk.end)
        rc = with_file(&walk, walk_on, &file->next);
    if (!gone)
        return rc;
    /* A removed file that is open keeps its room on the disk. */
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    file->ino = 0;
    file->failed = true;
    file->name[0] = '\0';
    return rc;
}

int llmobs_reader_more(struct llmobs_reader *reader, llmobs_reader_line *line,
                       void *ctx)
{
    int rc = add_files(reader, 0);

    for (size_t i = 0; rc == 0 && i < reader->count; i++)
        rc = read_more(reader, i, line, ctx);
    return rc;
}

int llmobs_reader_again(struct llmobs_reader *reader, struct llmobs_place place,
                        struct llmobs_buf *out)
{
    struct file *file = &reader->files[place.file];
    int fd = borrow(reader, file), error = 0, rc;

    if (fd < 0)
        return -ESTALE;
    llmobs_buf_cut(out, 0);
    rc = read_piece(fd, place.at, place.at + place.len, out, &error);
    shared_reader_give_back(file, fd);
    if (rc == 0 && (error != 0 || out->len < place.len))
        rc = -ESTALE;
    return rc == 0 ? llmobs_buf_add(out, "", 0) : rc;
}

int llmobs_reader_event(struct llmobs_reader *reader, struct llmobs_place place,
                        struct llmobs_buf *room, struct llmobs_json **event)
{
    int rc = llmobs_reader_again(reader, place, room);

    *event = NULL;
    if (rc == 0)
        rc = llmobs_json_parse((struct llmobs_text){room->data, room->len},
                               event);
    return rc == -ENOMEM ? rc : 0;
}

int llmobs_places_add(struct llmobs_places *places, struct llmobs_place place)
{
    if (llmobs_grow(&places->list, &places->cap, places->count,
                    sizeof(*places->list)) != 0)
        return -ENOMEM;
    places->list[places->count++] = place;
    return 0;
}

void llmobs_places_fini(struct llmobs_places *places)
{
    free(places->list);
    *places = (struct llmobs_places){0};
}
