/* crash_point - kills the process at the n-th step of the spool:
 * LLMOBS_TEST_DIE_AT=n; with n = 0 it lives. Every step is appended to the file
 * of LLMOBS_TEST_DIE_LOG before it is done, so that the last one there is where
 * the process fell, whoever killed it. Built into the core by `make TEST=1`
 * alone.
 *
 * LLMOBS_TEST_READ="SIGNAL DIALECT TEXT": it dies of that signal where it reads
 * a call of the dialect (*: of any) with that text in its request. */
#ifndef LLMOBS_TEST
#define LLMOBS_TEST
#endif
#include "lib/base/crash_point.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_long steps;

static void tell(long n, const char *what)
{
    const char *path = getenv("LLMOBS_TEST_DIE_LOG");
    char line[128];
    int len = snprintf(line, sizeof(line), "%ld %s\n", n, what);
    int fd =
        path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;

    if (fd < 0)
        return;
    if (write(fd, line, (size_t)len) < 0)
        abort();
    close(fd);
}

/* The step's number where it is to be the last; -1 otherwise. */
static long count(const char *what)
{
    const char *text = getenv("LLMOBS_TEST_DIE_AT");
    long at = text ? strtol(text, NULL, 10) : -1;
    long n;

    if (at < 0)
        return -1;
    n = atomic_fetch_add(&steps, 1) + 1;
    tell(n, what);
    return n == at ? n : -1;
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

void llmobs_crash_point(const char *what)
{
    if (count(what) >= 0)
        die();
}

/* Half of the pieces, and of the one in the middle half of its bytes. */
void llmobs_crash_point_write(const char *what, int fd,
                              const struct iovec *pieces, int count_of)
{
    struct iovec some[512];
    int half = count_of / 2;
    char text[128];

    llmobs_crash_point(what);
    snprintf(text, sizeof(text), "half of %s", what);
    if (count(text) < 0)
        return;
    memcpy(some, pieces, (size_t)(half + 1) * sizeof(*some));
    some[half].iov_len /= 2;
    if (writev(fd, some, half + 1) < 0)
        abort();
    die();
}

void llmobs_crash_point_read(const char *dialect, struct llmobs_text request)
{
    const char *told = getenv("LLMOBS_TEST_READ");
    int number, from = 0, *volatile nowhere = NULL;
    char name[64];

    if (!told || sscanf(told, "%d %63s %n", &number, name, &from) != 2 ||
        from == 0 || (strcmp(name, "*") != 0 && strcmp(name, dialect) != 0) ||
        !memmem(request.data, request.len, told + from, strlen(told + from)))
        return;
    if (number == SIGSEGV)
        *nowhere = 0;
    if (number != SIGABRT)
        raise(number);
    abort();
}
