/* Opens, names and locks the files of a ledger. */
#include "core/ledger/ledger_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"

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

/* A page as the text of a link, which leads nowhere: the kernel limits the
 * sizes of files (ulimit -f), and not of links. Some file systems take 1 KiB,
 * so the blanks at its end are left out. */
static int write_link(int dir, const char *name, const struct llmobs_page *page)
{
    char text[LLMOBS_PAGE_SIZE + 1], anew[LLMOBS_PROCESS_ID_MAX + 1];
    size_t len = LLMOBS_PAGE_SIZE - 1;

    llmobs_page_write(page, text);
    while (len > 0 && text[len - 1] == ' ')
        len--;
    text[len] = '\0';
    snprintf(anew, sizeof(anew), "~%s", name);
    (void)unlinkat(dir, anew, 0);
    return symlinkat(text, dir, anew) == 0 &&
                   renameat(dir, anew, dir, name) == 0
               ? 0
               : -errno;
}

static int read_link(int dir, const char *name, bool own,
                     struct llmobs_page *page)
{
    char text[LLMOBS_PAGE_SIZE];
    struct stat st;
    ssize_t n;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return -errno;
    if (st.st_uid != geteuid() && (own || geteuid() != 0))
        return -EPERM;
    n = readlinkat(dir, name, text, sizeof(text) - 1);
    if (n < 0)
        return -errno;
    memset(text + n, ' ', sizeof(text) - (size_t)n);
    text[sizeof(text) - 1] = '\n';
    return llmobs_page_read(page, text, sizeof(text));
}

int llmobs_record_write(int dir, const char *name,
                        const struct llmobs_page *page)
{
    bool grows = llmobs_file_may_grow(LLMOBS_PAGE_SIZE);
    int fd = grows ? llmobs_file_open(dir, name, O_RDWR) : -EFBIG;
    int rc;

    if (!grows)
        return write_link(dir, name, page);
    if (fd == -ELOOP && unlinkat(dir, name, 0) == 0)
        fd = llmobs_file_open(dir, name, O_RDWR);
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

    if (fd == -ELOOP)
        return read_link(dir, name, own, page);
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

/* Opens the file again if it was removed before the lock was taken. Totals
 * without a valid page, as after a crash of the host, begin anew, and a counter
 * tells it; totals of a later version stay as they are. */
int llmobs_totals_open(struct llmobs_totals *totals, int dir, bool reads,
                       int64_t ms)
{
    int rc = -ESTALE;

    memset(&totals->page, 0, sizeof(totals->page));
    for (int i = 0; i < 3 && rc == -ESTALE; i++) {
        totals->fd = reads
                         ? llmobs_file_peek(dir, LLMOBS_LEDGER_TOTALS)
                         : llmobs_file_open(dir, LLMOBS_LEDGER_TOTALS, O_RDWR);
        if (totals->fd < 0)
            return totals->fd;
        rc = llmobs_file_lock(totals->fd, reads ? F_RDLCK : F_WRLCK, ms);
        if (!rc || reads) /* a page that may be changing is better than none */
            rc = llmobs_file_check(totals->fd, LLMOBS_FILE_ANY);
        if (!rc)
            rc = read_page(totals->fd, &totals->page);
        if (rc == -EBADMSG) {
            memset(&totals->page, 0, sizeof(totals->page));
            rc = llmobs_counts_add(&totals->page.counts, LLMOBS_LEDGER_RESTARTS,
                                   1);
        }
        if (rc == -ENODATA)
            rc = 0;
        if (rc)
            llmobs_totals_close(totals);
    }
    return rc;
}

int llmobs_totals_add(struct llmobs_totals *totals, int dir, const char *name,
                      const struct llmobs_counts *more)
{
    struct llmobs_page *page = &totals->page;
    int rc = llmobs_counts_merge(&page->counts, more);

    if (rc)
        return rc;
    /* The process that added the last record died before it removed it. */
    if (page->last[0] && strcmp(page->last, name) != 0 &&
        llmobs_process_id_parse(page->last, &(struct llmobs_process_id){0}))
        unlinkat(dir, page->last, 0);
    snprintf(page->last, sizeof(page->last), "%s", name);
    rc = write_page(totals->fd, page);
    if (!rc && name[0])
        unlinkat(dir, name, 0);
    return rc;
}

void llmobs_totals_close(struct llmobs_totals *totals)
{
    if (totals->fd >= 0)
        close(totals->fd);
    totals->fd = -1;
}
