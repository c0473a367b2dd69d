/* A disk that fails, and a clock that is late, to be preloaded.
 *
 * BAD_ERROR    the errno of writes to files whose path has the text BAD_PATH,
 *              of which half of the bytes come through; 0: none fails
 * BAD_BEYOND   so do those by pwrite that make a file larger
 * BAD_SLOW_MS  they come through, and return so much later
 * BAD_AFTER    so many do neither before
 * LATE_S       seconds that the wall clock is behind
 * SLEPT_S      seconds that the machine has slept: the wall clock and that of
 *              the boot have them, the monotonic one does not
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static atomic_long writes;

static long number(const char *name)
{
    const char *text = getenv(name);

    return text ? atol(text) : 0;
}

static int is_bad(int fd)
{
    const char *want = getenv("BAD_PATH");
    char name[64], path[4096];
    ssize_t n;

    if ((number("BAD_ERROR") == 0 && number("BAD_SLOW_MS") == 0) || !want)
        return 0;
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    n = readlink(name, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    return strstr(path, want) != NULL &&
           atomic_fetch_add(&writes, 1) >= number("BAD_AFTER");
}

static ssize_t late(ssize_t written)
{
    usleep((useconds_t)number("BAD_SLOW_MS") * 1000);
    return written;
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    ssize_t (*real)(int, const struct iovec *, int) =
        (ssize_t(*)(int, const struct iovec *, int))dlsym(RTLD_NEXT, "writev");

    if (!is_bad(fd))
        return real(fd, pieces, count);
    if (number("BAD_ERROR") == 0)
        return late(real(fd, pieces, count));
    if (count > 3 && atomic_load(&writes) % 2)
        return real(fd, pieces, count / 2);
    errno = (int)number("BAD_ERROR");
    return -1;
}

ssize_t write(int fd, const void *data, size_t len)
{
    ssize_t (*real)(int, const void *, size_t) =
        (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");

    if (!is_bad(fd))
        return real(fd, data, len);
    if (number("BAD_ERROR") == 0)
        return late(real(fd, data, len));
    errno = (int)number("BAD_ERROR");
    return -1;
}

static int grows(int fd, off_t end)
{
    struct stat st;

    return getenv("BAD_BEYOND") && fstat(fd, &st) == 0 && end > st.st_size;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    ssize_t (*real)(int, const void *, size_t, off_t) =
        (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT,
                                                            "pwrite");

    if (!grows(fd, at + (off_t)len) || number("BAD_ERROR") == 0 || !is_bad(fd))
        return real(fd, data, len, at);
    errno = (int)number("BAD_ERROR");
    return -1;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    int (*real)(clockid_t, struct timespec *) =
        (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT,
                                                     "clock_gettime");
    int rc = real(clock, out);

    if (rc == 0 && clock == CLOCK_REALTIME)
        out->tv_sec += number("SLEPT_S") - number("LATE_S");
    if (rc == 0 && clock == CLOCK_BOOTTIME)
        out->tv_sec += number("SLEPT_S");
    return rc;
}
