#include "core/log/ledger_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/proc_stat.h"
#include "lib/base/scratch.h"

#define STAT_MAX 1024

/* -- names --------------------------------------------------------------- */

char *llmobs_record_put(char *out, uint64_t number, unsigned base)
{
    char digits[20];
    size_t count = 0;

    do
        digits[count++] = "0123456789abcdef"[number % base];
    while (number /= base);
    while (count > 0)
        *out++ = digits[--count];
    return out;
}

/* Without printf: a relay reads and writes several names for a call. */
char *llmobs_record_name(const struct llmobs_record_owner *owner,
                         char out[LLMOBS_RECORD_NAME_MAX])
{
    out = llmobs_record_put(out, (uint64_t)owner->pid, 10);
    *out++ = '-';
    out = llmobs_record_put(out, owner->start, 10);
    *out++ = '-';
    out = llmobs_record_put(out, owner->nonce, 16);
    *out = '\0';
    return out;
}

/* True only for names that llmobs_record_name makes. */
bool llmobs_record_parse(const char *name, struct llmobs_record_owner *out)
{
    char again[LLMOBS_RECORD_NAME_MAX];
    char *end;

    if (strlen(name) >= sizeof(again))
        return false;
    out->pid = (pid_t)strtol(name, &end, 10);
    if (out->pid <= 0 || *end != '-')
        return false;
    out->start = strtoull(end + 1, &end, 10);
    if (*end != '-')
        return false;
    out->nonce = strtoull(end + 1, &end, 16);
    llmobs_record_name(out, again);
    return strcmp(name, again) == 0;
}

/* -- processes ----------------------------------------------------------- */

/* Reads a process's state. An ended process stays in the table as a zombie
 * until its parent waits for it. A process also looks like a zombie when only
 * its first thread has ended, so the number of its threads decides. */
static int read_stat(const char *text, uint64_t *start, uint64_t *program)
{
    char state = *llmobs_proc_field(text, LLMOBS_PROC_STATE);

    if (state == 'X' ||
        (state == 'Z' &&
         strtol(llmobs_proc_field(text, LLMOBS_PROC_THREADS), NULL, 10) <= 1))
        return -ESRCH;
    *start = strtoull(llmobs_proc_field(text, LLMOBS_PROC_START), NULL, 10);
    *program = strtoull(llmobs_proc_field(text, LLMOBS_PROC_STACK), NULL, 10);
    return 0;
}

int llmobs_record_start(pid_t pid, uint64_t *start)
{
    uint64_t program;

    return llmobs_record_program(pid, start, &program);
}

int llmobs_record_program(pid_t pid, uint64_t *start, uint64_t *program)
{
    char path[64], *text;
    int rc = 0;

    *start = *program = 0;
    if (pid != getpid() && kill(pid, 0) != 0 && errno == ESRCH)
        return -ESRCH;
    text = llmobs_scratch_alloc(STAT_MAX);
    if (!text)
        return 0;
    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    if (llmobs_file_begin(AT_FDCWD, path, text, STAT_MAX) > 0)
        rc = read_stat(text, start, program);
    llmobs_scratch_free(text);
    return rc;
}

/* 0: not known. */
static uint64_t time_namespace(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (uint64_t)st.st_ino : 0;
}

bool llmobs_record_is_another(const struct llmobs_record_owner *who,
                              uint64_t start)
{
    uint64_t mine, other;
    char path[64];

    if (!start || !who->start || start == who->start)
        return false;
    snprintf(path, sizeof(path), "/proc/%ld/ns/time", (long)who->pid);
    mine = time_namespace("/proc/self/ns/time");
    other = time_namespace(path);
    return !mine || !other || mine == other;
}

void llmobs_record_self(char out[LLMOBS_RECORD_NAME_MAX], uint64_t *program)
{
    struct llmobs_record_owner self = {.pid = getpid()};

    (void)llmobs_record_program(self.pid, &self.start, program);
    self.nonce = (uint64_t)llmobs_clock_mono_ns();
    llmobs_record_name(&self, out);
}

uint64_t llmobs_record_pidns(char *text, ssize_t len)
{
    uint64_t number;
    char *end;

    text[len > 0 ? len : 0] = '\0';
    if (strncmp(text, "pid:[", 5) != 0)
        return 0;
    number = strtoull(text + 5, &end, 10);
    return strcmp(end, "]") == 0 ? number : 0;
}

/* The number in "pid:[4026531836]" is the inode of the file behind the link,
 * but the kernel makes that file only for a caller that follows the link. 0:
 * not known. */
static uint64_t pid_namespace(void)
{
    static const char own[] = "/proc/self/ns/pid";
    struct stat st;
    char text[64];
    uint64_t number =
        llmobs_record_pidns(text, readlink(own, text, sizeof(text) - 1));

    if (number)
        return number;
    return stat(own, &st) == 0 ? (uint64_t)st.st_ino : 0;
}

void llmobs_record_namespace(uint64_t *boot, uint64_t *pidns)
{
    char text[64];

    *boot = 0;
    *pidns = pid_namespace();
    if (llmobs_file_begin(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text,
                          sizeof(text)) > 0) {
        text[8] = '\0'; /* 32 random bits are enough */
        *boot = strtoull(text, NULL, 16);
    }
}

/* -- pages --------------------------------------------------------------- */

/* -EFBIG where the app's limit of file sizes is within a page: a write would
 * cut the end off the totals of all processes. */
static int write_page(int fd, const struct llmobs_page *page)
{
    char text[LLMOBS_PAGE_SIZE];
    ssize_t n;

    if (!llmobs_file_may_grow(LLMOBS_PAGE_SIZE))
        return -EFBIG;
    llmobs_page_write(page, text);
    do
        n = pwrite(fd, text, sizeof(text), 0);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    return n == sizeof(text) ? 0 : -ENOSPC;
}

/* -ENODATA for an empty file. */
static int read_page(int fd, struct llmobs_page *page)
{
    char text[LLMOBS_PAGE_SIZE + 1]; /* the 1 shows a longer file */
    ssize_t n;

    memset(page, 0, sizeof(*page));
    do
        n = pread(fd, text, sizeof(text), 0);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return n < 0 ? -errno : -ENODATA;
    return llmobs_page_read(page, text, (size_t)n);
}

/* -- records ------------------------------------------------------------- */

int llmobs_record_write(int dir, const char *name,
                        const struct llmobs_page *page)
{
    int fd = llmobs_file_open(dir, name, O_RDWR);
    int rc;

    if (fd < 0)
        return fd;
    rc = write_page(fd, page);
    if (rc) /* an incomplete page would be of no use */
        unlinkat(dir, name, 0);
    close(fd);
    return rc;
}

/* The process that owns the record may be writing it at this moment: so an
 * incomplete page is read again. */
int llmobs_record_read(int dir, const char *name, bool own,
                       struct llmobs_page *page)
{
    int fd = own ? llmobs_file_open(dir, name, O_RDONLY)
                 : llmobs_file_peek(dir, name);
    int rc;

    if (fd < 0)
        return fd;
    rc = read_page(fd, page);
    for (int i = 1; i < 10 && (rc == -EBADMSG || rc == -ENODATA); i++) {
        sched_yield();
        rc = read_page(fd, page);
    }
    close(fd);
    return rc;
}

/* -- totals -------------------------------------------------------------- */

/* Totals without a valid page, as after a crash of the host, begin anew, and a
 * counter tells it; totals of a later version stay as they are. */
static int load_totals(struct llmobs_totals *totals)
{
    int rc = read_page(totals->fd, &totals->page);

    if (rc == -ENODATA)
        return 0;
    if (rc != -EBADMSG)
        return rc;
    memset(&totals->page, 0, sizeof(totals->page));
    return llmobs_counts_add(&totals->page.counts, LLMOBS_LEDGER_RESTARTS, 1);
}

/* Opens the file again if it was removed before the lock was taken. */
int llmobs_totals_open(struct llmobs_totals *totals, int dir, int64_t ms)
{
    struct stat st;
    int rc = -ESTALE;

    for (int i = 0; i < 3 && rc == -ESTALE; i++) {
        totals->fd = llmobs_file_open(dir, LLMOBS_LEDGER_TOTALS, O_RDWR);
        if (totals->fd < 0)
            return totals->fd;
        rc = llmobs_file_lock(totals->fd, F_WRLCK, ms);
        if (!rc)
            rc = fstat(totals->fd, &st) || st.st_nlink == 0
                     ? -ESTALE
                     : load_totals(totals);
        if (rc)
            llmobs_totals_close(totals);
    }
    return rc;
}

/* Makes and changes nothing, as the ledger may belong to another user. */
int llmobs_totals_peek(struct llmobs_totals *totals, int dir, int64_t ms)
{
    memset(&totals->page, 0, sizeof(totals->page));
    totals->fd = llmobs_file_peek(dir, LLMOBS_LEDGER_TOTALS);
    if (totals->fd < 0)
        return totals->fd;
    /* Without a lock, a page that may be changing is better than no page. */
    (void)llmobs_file_lock(totals->fd, F_RDLCK, ms);
    return load_totals(totals);
}

int llmobs_totals_add(struct llmobs_totals *totals, int dir, const char *name,
                      const struct llmobs_counts *more)
{
    struct llmobs_page page = totals->page;
    int rc = llmobs_counts_merge(&page.counts, more);

    if (rc)
        return rc;
    /* The process that added the last record died before it removed it. */
    if (page.last[0] && strcmp(page.last, name) != 0 &&
        llmobs_record_parse(page.last, &(struct llmobs_record_owner){0}))
        unlinkat(dir, page.last, 0);
    snprintf(page.last, sizeof(page.last), "%s", name);
    rc = write_page(totals->fd, &page);
    if (rc)
        return rc;
    totals->page = page;
    if (name[0])
        unlinkat(dir, name, 0);
    return 0;
}

void llmobs_totals_close(struct llmobs_totals *totals)
{
    if (totals->fd >= 0)
        close(totals->fd);
    totals->fd = -1;
}
