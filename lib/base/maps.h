/* maps - the file that an address of this process lies in, by the kernel's list
 * (/proc/self/maps).
 *
 * For a program that was started as `ld.so PROGRAM`: /proc/self/exe is then the
 * loader, and the path that the loader got may be relative, or a link. Such a
 * process has no AT_BASE, since the kernel starts no loader for a loader.
 *
 * All is inline, as the shim may not call the core here.
 *
 * Threads: any, also without a libc.
 * Errors:  "" for memory without a file, and where /proc cannot be read.
 * Limits:  a longer path is cut.
 */
#ifndef LLMOBS_MAPS_H
#define LLMOBS_MAPS_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/sys.h"

#define LLMOBS_MAPS_BLOCK 256

/* One walk over lines "FROM-TO RIGHTS OFFSET DEVICE INODE PATH", in which the
 * first '/' begins the path. */
struct llmobs_maps {
    uintptr_t address;
    uintptr_t from, number;
    enum {
        LLMOBS_MAPS_FROM,
        LLMOBS_MAPS_TO,
        LLMOBS_MAPS_OTHER,
        LLMOBS_MAPS_FOUND,
        LLMOBS_MAPS_PATH,
    } part;
    char *path;
    size_t len, cap;
};

static inline uintptr_t llmobs_maps_digit(char c)
{
    return (uintptr_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The end of the first number or of the second one. */
static inline void llmobs_maps_number(struct llmobs_maps *maps)
{
    if (maps->part == LLMOBS_MAPS_FROM) {
        maps->from = maps->number;
        maps->part = LLMOBS_MAPS_TO;
    } else {
        maps->part = maps->address >= maps->from && maps->address < maps->number
                         ? LLMOBS_MAPS_FOUND
                         : LLMOBS_MAPS_OTHER;
    }
    maps->number = 0;
}

/* True at the end of the address's line. */
static inline bool llmobs_maps_read_char(struct llmobs_maps *maps, char c)
{
    if (c == '\n') {
        if (maps->part >= LLMOBS_MAPS_FOUND)
            return true;
        maps->part = LLMOBS_MAPS_FROM;
    } else if (maps->part < LLMOBS_MAPS_OTHER) {
        if (c == '-' || c == ' ')
            llmobs_maps_number(maps);
        else
            maps->number = maps->number << 4 | llmobs_maps_digit(c);
    } else if (maps->part == LLMOBS_MAPS_FOUND && c == '/') {
        maps->part = LLMOBS_MAPS_PATH;
    }
    if (maps->part == LLMOBS_MAPS_PATH && maps->len + 1 < maps->cap)
        maps->path[maps->len++] = c;
    return false;
}

/* Cuts the kernel's " (deleted)" behind a file that does not exist any more. */
static inline size_t llmobs_maps_cut(const char *path, size_t len)
{
    static const char deleted[] = " (deleted)";
    const size_t tail = sizeof deleted - 1;

    if (len <= tail)
        return len;
    for (size_t i = 0; i < tail; i++)
        if (path[len - tail + i] != deleted[i])
            return len;
    return len - tail;
}

/* Writes the path, at most `cap` bytes with its NUL. */
static inline void llmobs_maps_path(uintptr_t address, char *path, size_t cap)
{
    struct llmobs_maps maps = {.address = address, .path = path, .cap = cap};
    char block[LLMOBS_MAPS_BLOCK];
    int fd = (int)llmobs_sys(SYS_openat, AT_FDCWD, "/proc/self/maps",
                             O_RDONLY | O_CLOEXEC);
    bool found = false;
    long got = fd >= 0 ? 1 : 0;

    while (got != 0 && !found) {
        got = llmobs_sys(SYS_read, fd, block, sizeof block);
        if (got < 0 && got != -EINTR)
            break;
        for (long i = 0; i < got && !found; i++)
            found = llmobs_maps_read_char(&maps, block[i]);
    }
    if (fd >= 0)
        llmobs_sys(SYS_close, fd);
    path[found ? llmobs_maps_cut(path, maps.len) : 0] = '\0';
}

#endif
