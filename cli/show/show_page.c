/* Makes the page, and opens it in a browser (--html, --open). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/show/page.h"
#include "cli/shared/new_file.h"
#include "cli/shared/tell.h"
#include "cli/show/forms.h"

extern char **environ;

/* The page's name in XDG_RUNTIME_DIR, which lasts until logout; each page
 * replaces the last. NULL, and a message, where there is no such directory. */
static const char *own_path(char path[PATH_MAX])
{
    const char *dir = getenv("XDG_RUNTIME_DIR");

    if (!dir || dir[0] != '/' ||
        snprintf(path, PATH_MAX, "%s/llmobs-view.html", dir) >= PATH_MAX) {
        llmobs_tell("llmobs view: --open: XDG_RUNTIME_DIR names no "
                    "directory; add --html FILE\n");
        return NULL;
    }
    return path;
}

/* Starts xdg-open, which hands the file to a browser, or is that browser. It
 * gets none of the signals blocked that a server keeps for its wait. A browser
 * that xdg-open has become asks the server before it ends, so that a server
 * does not wait for it. */
static int open_page(const char *path, bool waits)
{
    char absolute[PATH_MAX];
    char *argv[] = {"xdg-open", absolute, NULL};
    posix_spawnattr_t attributes;
    sigset_t none;
    int status = 0, rc;
    pid_t pid;

    if (!realpath(path, absolute))
        return -errno;
    rc = posix_spawnattr_init(&attributes);
    if (rc == 0) {
        sigemptyset(&none);
        (void)posix_spawnattr_setsigmask(&attributes, &none);
        (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
        rc = posix_spawnp(&pid, argv[0], NULL, &attributes, argv, environ);
        posix_spawnattr_destroy(&attributes);
    }
    if (rc == 0 && (!waits || (waitpid(pid, &status, 0) == pid && status == 0)))
        return 0;
    llmobs_tell("llmobs view: xdg-open does not open it: %s\n", absolute);
    return -ECANCELED;
}

int llmobs_view_open_address(const char *address)
{
    char own[PATH_MAX];
    const char *path = own_path(own);
    FILE *out;
    int fd;

    if (!path)
        return -ECANCELED;
    unlink(path); /* it may be a link, or another user's file */
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (out)
        fprintf(out,
                "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
                "<title>llmobs</title><meta http-equiv=\"refresh\" "
                "content=\"0; url=%s\">\n",
                address);
    if (out && fclose(out) == 0)
        return open_page(path, false);
    llmobs_tell("llmobs view: %s: %s\n", path, strerror(errno));
    return -ECANCELED;
}

static void report_page(const struct llmobs_page *page, const char *path)
{
    if (page->spans < page->matching)
        llmobs_tell("llmobs view: the newest %zu of %zu spans", page->spans,
                    page->matching);
    else
        llmobs_tell("llmobs view: %zu span%s", page->spans,
                    page->spans == 1 ? "" : "s");
    if (page->bytes >= 10000000)
        llmobs_tell(", %.0f MB", (double)page->bytes / 1e6);
    else if (page->bytes > 0)
        llmobs_tell(", %.0f KB", (double)page->bytes / 1e3 + 0.5);
    if (path)
        llmobs_tell(", in %s", path);
    putc('\n', stderr);
    if (page->spans < page->matching)
        llmobs_tell("llmobs view: -n 0 takes all of them\n");
    if (page->cut > 0)
        llmobs_tell("llmobs view: %zu long text%s cut; --full leaves "
                    "%s whole\n",
                    page->cut, page->cut == 1 ? " is" : "s are",
                    page->cut == 1 ? "it" : "them");
}

struct making {
    struct llmobs_page *page;
    const struct llmobs_view *view;
};

static int make_page(void *ctx, FILE *out)
{
    const struct making *making = ctx;
    struct llmobs_page *page = making->page;
    int rc = llmobs_page_make(page, making->view->reader, out);

    return rc == 0 && page->spans == 0 && making->view->must_find ? -ENODATA
                                                                  : rc;
}

int llmobs_view_html(struct llmobs_view *view)
{
    struct llmobs_page page = {
        .filter = &view->filter,
        .store = view->store,
        .asked = view->asked.data ? view->asked.data : "",
        .newest =
            view->counted || view->whole ? view->newest : LLMOBS_PAGE_SPANS,
        .full = view->full,
    };
    struct llmobs_load *load = &view->load;
    struct making making = {&page, view};
    char own[PATH_MAX];
    const char *path = view->html ? view->html : own_path(own);
    int rc;

    if (!path)
        return -ECANCELED;
    llmobs_view_prices(view);
    page.prices = view->prices;
    if (strcmp(path, "-") == 0) {
        path = NULL;
        rc = llmobs_page_make(&page, view->reader, stdout);
        rc = rc == -EIO ? -EPIPE : rc;
    } else {
        rc = llmobs_new_file(path, 0600, make_page, &making);
        if (rc != -ENODATA)
            rc = llmobs_new_file_tell("llmobs view", path, rc);
    }
    load->events = page.events;
    load->shown = page.spans;
    load->bad = page.bad;
    load->forest.repeated = page.repeated;
    if (rc == -ENODATA) /* the command says so */
        return 0;
    if (rc == 0)
        report_page(&page, path);
    return rc == 0 && view->open ? open_page(path, true) : rc;
}
