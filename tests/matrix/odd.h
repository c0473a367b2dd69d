/* odd - the ways to open libcurl that client.c has with LATE.
 *
 * ODD says which: OPENED is dlopen, and nothing after it; CLOSED gives it back
 * after each call; DELETED removes the file while it is mapped; MEMORY opens a
 * file that is in memory only, by its descriptor; NAMESPACE opens it beside the
 * program, with a C library of its own. */
#ifndef ODD_H
#define ODD_H

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

enum { OPENED, CLOSED, DELETED, MEMORY, NAMESPACE };

#ifndef ODD
#define ODD OPENED
#endif

/* Writes the file at `path` to the descriptor. */
static inline void copy_to(int to, const char *path)
{
    int from = open(path, O_RDONLY);

    while (sendfile(to, from, NULL, 1 << 30) > 0)
        continue;
    close(from);
}

static inline void *open_deleted(const char *path, int flags)
{
    static void *handle;
    int to = handle ? -1 : open("libcurl.so.4", O_WRONLY | O_CREAT, 0755);

    if (to < 0)
        return handle;
    copy_to(to, path);
    close(to);
    handle = dlopen("./libcurl.so.4", flags);
    unlink("libcurl.so.4");
    return handle;
}

static inline void *open_in_memory(const char *path, int flags)
{
    int fd = memfd_create("libcurl", 0);
    char name[64];
    void *handle;

    copy_to(fd, path);
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    handle = dlopen(name, flags);
    close(fd);
    return handle;
}

static inline void *open_beside(const char *path, int flags)
{
    static void *handle;

#ifdef LM_ID_NEWLM
    if (!handle)
        handle = dlmopen(LM_ID_NEWLM, path, flags);
#endif
    return handle;
}

static inline void *open_libcurl(const char *path, int flags)
{
    switch (ODD) {
    case DELETED:
        return open_deleted(path, flags);
    case MEMORY:
        return open_in_memory(path, flags);
    case NAMESPACE:
        return open_beside(path, flags);
    default:
        return dlopen(path, flags);
    }
}

static inline void close_libcurl(void *handle)
{
    if (ODD == CLOSED)
        dlclose(handle);
}

#endif
