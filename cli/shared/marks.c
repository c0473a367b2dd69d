/* Maintains view.index, the side file of a large store. */
#include "cli/shared/marks.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/shared/tail.h"
#include "lib/base/file.h"
#include "lib/base/grow.h"
#include "lib/base/mix.h"

#define FORM UINT64_C(0x326b72616d786c6c) /* changes with the structs */
#define EDGE 4096                   /* bytes at either end of what is marked */
#define HEAD (2 * sizeof(uint64_t)) /* FORM, and the number of parts */
#define PARTS_MAX 100000
#define NS_PER_S 1000000000

/* Of one file of the store; all zero: none. */
struct llmobs_marks_part {
    uint64_t dev, ino, written_ns;
    uint64_t end, edges; /* of the marked bytes, and a sum of their ends */
    uint64_t at, count;  /* where its marks stand */
    uint64_t sum;        /* of its marks */
    uint64_t odd;        /* the marks of no known trace; `edges` has it, too */
};

static uint64_t sum_of_edges(int fd, uint64_t end, uint64_t odd)
{
    char bytes[2 * EDGE] = "";
    uint64_t last = end < EDGE ? 0 : end - EDGE;

    if (pread(fd, bytes, end < EDGE ? end : EDGE, 0) < 0 ||
        pread(fd, bytes + EDGE, end - last, (off_t)last) < 0)
        return 0;
    return llmobs_mix_bytes(bytes, sizeof(bytes)) ^ llmobs_mix(odd);
}

static uint64_t written_ns(const struct stat *st)
{
    return (uint64_t)st->st_mtim.tv_sec * NS_PER_S +
           (uint64_t)st->st_mtim.tv_nsec;
}

/* -- reading -------------------------------------------------------------- */

void llmobs_marks_open(struct llmobs_marks *marks, int dir)
{
    uint64_t head[HEAD / sizeof(uint64_t)];
    struct stat st;
    size_t size;

    *marks = (struct llmobs_marks){
        .fd = llmobs_file_open(dir, LLMOBS_MARKS_FILE, O_RDONLY)};
    if (marks->fd < 0 || fstat(marks->fd, &st) != 0 || (st.st_mode & 077) ||
        pread(marks->fd, head, sizeof(head), 0) != sizeof(head) ||
        head[0] != FORM || head[1] > PARTS_MAX)
        return;
    size = (size_t)head[1] * sizeof(*marks->parts);
    marks->parts = malloc(size + 1);
    if (marks->parts &&
        pread(marks->fd, marks->parts, size, sizeof(head)) == (ssize_t)size)
        marks->count = (size_t)head[1];
}

void llmobs_marks_close(struct llmobs_marks *marks)
{
    if (marks->fd >= 0)
        close(marks->fd);
    free(marks->parts);
    *marks = (struct llmobs_marks){.fd = -1};
}

/* The part that fits an open file of the store. */
static const struct llmobs_marks_part *part_of(const struct llmobs_marks *marks,
                                               int fd)
{
    static const struct llmobs_marks_part none;
    struct stat st;

    if (fstat(fd, &st) != 0)
        return &none;
    for (size_t i = 0; i < marks->count; i++) {
        const struct llmobs_marks_part *part = &marks->parts[i];
        uint64_t size = (uint64_t)st.st_size;

        if (part->ino == st.st_ino && part->dev == st.st_dev &&
            (part->end < size ||
             (part->end == size && part->written_ns == written_ns(&st))) &&
            sum_of_edges(fd, part->end, part->odd) == part->edges)
            return part;
    }
    return &none;
}

uint64_t llmobs_marks_known(const struct llmobs_marks *marks, int fd)
{
    return part_of(marks, fd)->end;
}

struct llmobs_marks_list llmobs_marks_read(const struct llmobs_marks *marks,
                                           int fd, bool odd)
{
    const struct llmobs_marks_part *part = part_of(marks, fd);
    struct llmobs_marks_list list = {.odd = part->odd};
    size_t size = (size_t)part->count * sizeof(*list.list);

    if (part->count == 0 || part->count > part->end)
        return list;
    if (odd && part->odd == 0) {
        list.count = (size_t)part->count;
        list.end = part->end;
        return list;
    }
    list.list = malloc(size);
    if (list.list &&
        pread(marks->fd, list.list, size, (off_t)part->at) == (ssize_t)size &&
        llmobs_mix_bytes(list.list, size) == part->sum) {
        list.cap = list.count = (size_t)part->count;
        list.end = part->end;
        return list;
    }
    free(list.list);
    return (struct llmobs_marks_list){.list = NULL};
}

/* -- writing -------------------------------------------------------------- */

/* Beyond 15: it is no small hex digit. */
static unsigned digit_of(char c)
{
    unsigned digit = (unsigned)c - '0', letter = (unsigned)c - 'a';

    return digit < 10 ? digit : letter < 6 ? letter + 10 : 16;
}

/* The exporter's ids are 32 small hex digits; any other line, also an
 * evaluation, has to be read. */
void llmobs_marks_add(struct llmobs_marks_list *list, struct llmobs_text line,
                      uint64_t at)
{
    struct llmobs_text id = llmobs_tail_trace(line);
    struct llmobs_marks_entry mark = {.at = at};
    bool good = id.data && id.len == sizeof(mark.trace) * 2;

    for (size_t i = 0; good && i < sizeof(mark.trace); i++) {
        unsigned high = digit_of(id.data[2 * i]);
        unsigned low = digit_of(id.data[2 * i + 1]);

        good = (high | low) < 16;
        mark.trace[i] = (uint8_t)(high << 4 | low);
    }
    if (!good)
        memset(mark.trace, 0, sizeof(mark.trace));
    list->odd += good ? 0 : 1;
    list->failed |= llmobs_grow(&list->list, &list->cap, list->count,
                                sizeof(*list->list)) != 0;
    if (!list->failed)
        list->list[list->count++] = mark;
}

void llmobs_marks_begin(struct llmobs_marks *marks, int dir, size_t count)
{
    struct stat st;

    *marks = (struct llmobs_marks){.fd = -1};
    if (fstat(dir, &st) != 0 || st.st_uid != geteuid() || count > PARTS_MAX)
        return;
    marks->parts = calloc(count + 1, sizeof(*marks->parts));
    if (marks->parts)
        marks->fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    (void)lseek(marks->fd, (off_t)(HEAD + count * sizeof(*marks->parts)),
                SEEK_SET);
}

void llmobs_marks_write(struct llmobs_marks *marks, int fd,
                        const struct llmobs_marks_list *list)
{
    size_t size = list->count * sizeof(*list->list);
    off_t at = lseek(marks->fd, 0, SEEK_CUR);
    struct stat st;

    if (list->failed || at < 0 || fstat(fd, &st) != 0 ||
        !llmobs_file_may_grow((uint64_t)at + size) ||
        llmobs_file_write(marks->fd, list->list, size) != 0)
        return;
    marks->parts[marks->count] = (struct llmobs_marks_part){
        .dev = st.st_dev,
        .ino = st.st_ino,
        .written_ns = written_ns(&st),
        .end = list->end,
        .edges = sum_of_edges(fd, list->end, list->odd),
        .at = (uint64_t)at,
        .count = list->count,
        .sum = llmobs_mix_bytes(list->list, size),
        .odd = list->odd,
    };
    marks->count++;
}

void llmobs_marks_end(const struct llmobs_marks *marks, int dir)
{
    const uint64_t head[] = {FORM, marks->count};
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", marks->fd);
    if (marks->count == 0 || lseek(marks->fd, 0, SEEK_SET) != 0 ||
        llmobs_file_write(marks->fd, head, sizeof(head)) != 0 ||
        llmobs_file_write(marks->fd, marks->parts,
                          marks->count * sizeof(*marks->parts)) != 0)
        return;
    /* A viewer that comes in between finds none, or has made its own. */
    unlinkat(dir, LLMOBS_MARKS_FILE, 0);
    (void)!linkat(AT_FDCWD, path, dir, LLMOBS_MARKS_FILE, AT_SYMLINK_FOLLOW);
}
