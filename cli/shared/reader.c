#include "cli/shared/reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/shared/escape.h"
#include "core/base/fd.h"

#define CHUNK 65536
#define NS_PER_S 1000000000

struct reader {
    int (*line)(void *ctx, struct llmobs_text text);
    void *ctx;
    struct llmobs_reader_report *report;
    int64_t since_ns;
    bool silent;
    struct llmobs_buf pending; /* a line whose end is still to come */
    bool skipping;             /* inside a line beyond the limit */
};

static int end_line(struct reader *reader, const char *data, size_t len)
{
    struct llmobs_text text = {data, len};
    int rc = 0;

    if (reader->skipping) {
        reader->skipping = false;
        return 0;
    }
    if (reader->pending.len > 0) {
        rc = llmobs_buf_add(&reader->pending, data, len);
        text.data = reader->pending.data;
        text.len = reader->pending.len;
    }
    if (rc == -EFBIG) {
        reader->report->oversized++;
        rc = 0;
    } else if (rc == 0 && text.len > 0) {
        rc = reader->line(reader->ctx, text);
    }
    llmobs_buf_cut(&reader->pending, 0);
    return rc;
}

static int keep_rest(struct reader *reader, const char *data, size_t len)
{
    int rc;

    if (reader->skipping || len == 0)
        return 0;
    rc = llmobs_buf_add(&reader->pending, data, len);
    if (rc != -EFBIG)
        return rc;
    reader->report->oversized++;
    reader->skipping = true;
    llmobs_buf_cut(&reader->pending, 0);
    return 0;
}

static int feed(struct reader *reader, const char *data, size_t len)
{
    const char *end;
    int rc = 0;

    while (rc == 0 && (end = memchr(data, '\n', len)) != NULL) {
        size_t n = (size_t)(end - data);

        rc = end_line(reader, data, n);
        data = end + 1;
        len -= n + 1;
    }
    return rc == 0 ? keep_rest(reader, data, len) : rc;
}

/* Reads to the end. A read error goes to *error, since it does not end the
 * walk. */
static int read_all(struct reader *reader, int fd, int *error)
{
    char chunk[CHUNK];
    int rc = 0;

    while (rc == 0) {
        ssize_t n = read(fd, chunk, sizeof chunk);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            *error = errno;
        if (n <= 0)
            break;
        rc = feed(reader, chunk, (size_t)n);
    }
    if (rc == 0) /* a last line without its end */
        rc = end_line(reader, "", 0);
    return rc;
}

static void tell_unreadable(const char *name, int error)
{
    char room[LLMOBS_ESCAPE_NAME];

    fprintf(stderr, "llmobs: cannot read %s: %s\n",
            llmobs_escape_name(name, room),
            error == ELOOP    ? "it is a link"
            : error == EINVAL ? "it is no regular file"
                              : strerror(error));
}

/* True where everything in the file is older than the caller asks for. */
static bool is_old(const struct reader *reader, const struct stat *st)
{
    return st->st_mtim.tv_sec + LLMOBS_READER_CLOCKS_S <
           reader->since_ns / NS_PER_S;
}

/* A user who may write to the store must not make the tool read another file:
 * it follows no link, and opens regular files alone (core/base/fd). */
static int read_file(struct reader *reader, int dir, const char *name)
{
    struct stat st;
    int fd = llmobs_fd_open(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    int error = fd < 0 ? errno : 0;
    int rc = 0;

    if (error == 0 && fstat(fd, &st) != 0)
        error = errno;
    if (error == 0 && !S_ISREG(st.st_mode))
        error = EINVAL;
    if (error == 0 && is_old(reader, &st)) {
        reader->report->old++;
    } else if (error == 0) {
        reader->report->files++;
        rc = read_all(reader, fd, &error);
    }
    if (error != 0) {
        reader->report->unreadable++;
        if (!reader->silent)
            tell_unreadable(name, error);
    }
    if (fd >= 0)
        close(fd);
    reader->skipping = false;
    llmobs_buf_cut(&reader->pending, 0);
    return rc;
}

static int is_events(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return entry->d_name[0] != '.' && len > 6 &&
           strcmp(entry->d_name + len - 6, ".jsonl") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

int llmobs_reader_walk(const char *dir, int64_t since_ns,
                       int (*line)(void *ctx, struct llmobs_text text),
                       void *ctx, struct llmobs_reader_report *report)
{
    struct llmobs_reader_report nobody;
    struct reader reader = {.line = line,
                            .ctx = ctx,
                            .report = report != NULL ? report : &nobody,
                            .since_ns = since_ns,
                            .silent = report == NULL};
    struct dirent **names = NULL;
    int fd, count = 0, rc = 0;

    memset(reader.report, 0, sizeof *reader.report);
    llmobs_buf_init(&reader.pending, LLMOBS_READER_LINE_MAX);
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        count = scandirat(fd, ".", &names, is_events, by_name);
    if (fd < 0 || count < 0) {
        rc = -errno;
        goto out;
    }
    for (int i = 0; i < count; i++) {
        if (rc == 0)
            rc = read_file(&reader, fd, names[i]->d_name);
        free(names[i]);
    }
out:
    free(names);
    if (fd >= 0)
        close(fd);
    llmobs_buf_fini(&reader.pending);
    return rc;
}
