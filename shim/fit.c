#include "shim/fit.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include "lib/base/cold.h"
#include "shim/libc.h"

/* The field of /proc/self/statm with data and stacks. */
#define STATM_DATA 5

LLMOBS_COLD static struct {
    ElfW(Ehdr) head;
    ElfW(Phdr) segments[LLMOBS_FIT_SEGMENTS];
} core;

static bool is_core(long len)
{
    return len >= (long)sizeof(core.head) &&
           llmobs_str_begins((const char *)core.head.e_ident, ELFMAG) &&
           core.head.e_phentsize == sizeof(*core.segments) &&
           core.head.e_phoff == sizeof(core.head) && core.head.e_phnum > 0 &&
           core.head.e_phnum <= LLMOBS_FIT_SEGMENTS &&
           (uint64_t)len >=
               core.head.e_phoff + core.head.e_phnum * sizeof(*core.segments);
}

/* True if the file has all bytes of the parts that are loaded. The file may be
 * shorter while it is copied, or because the disk was full. Then the use of a
 * page beyond its end would kill the program. The file is read and not mapped,
 * because it may be truncated meanwhile. */
static bool is_whole_file(int fd)
{
    long end = llmobs_sys(SYS_lseek, fd, 0, SEEK_END);
    bool whole = is_core(llmobs_sys(SYS_pread64, fd, &core, sizeof(core), 0L));

    for (size_t i = 0; whole && i < core.head.e_phnum; i++)
        whole = core.segments[i].p_type != PT_LOAD ||
                (core.segments[i].p_offset <= (uint64_t)end &&
                 core.segments[i].p_filesz <=
                     (uint64_t)end - core.segments[i].p_offset);
    return whole;
}

/* -- memory ---------------------------------------------------------------- */

/* True if the kernel would map LLMOBS_FIT_ROOM: within RLIMIT_AS, and within
 * RLIMIT_MEMLOCK after mlockall(MCL_FUTURE). The kernel decides by this
 * process's rights. It does not fill memory without access rights, even if
 * locked. */
static bool can_map(void)
{
    long at = llmobs_sys(SYS_mmap, NULL, (size_t)LLMOBS_FIT_ROOM, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);

    if (at < 0 && at >= -4095)
        return false;
    llmobs_sys(SYS_munmap, at, (size_t)LLMOBS_FIT_ROOM);
    return true;
}

/* Field `number` (from 0) of /proc/self/statm, in bytes; -1: cannot be read. */
static int64_t used(unsigned field)
{
    int fd = (int)llmobs_sys(SYS_openat, AT_FDCWD, "/proc/self/statm",
                             O_RDONLY | O_CLOEXEC);
    char text[128];
    int64_t pages = 0;
    long got;

    if (fd < 0)
        return -1;
    got = llmobs_sys(SYS_read, fd, text, sizeof(text));
    llmobs_sys(SYS_close, fd);
    for (long i = 0; i < got; i++) {
        if (text[i] == ' ' && field-- == 0)
            return pages * (int64_t)llmobs_libc.auxval(AT_PAGESZ);
        pages = text[i] == ' ' ? 0 : pages * 10 + (text[i] - '0');
    }
    return -1;
}

/* Does not try a mapping: if memory is locked, the kernel would fill a writable
 * one. */
static bool has_room_for_data(void)
{
    struct rlimit64 most;
    int64_t now;

    if (llmobs_sys(SYS_prlimit64, 0, RLIMIT_DATA, NULL, &most) != 0 ||
        most.rlim_cur > INT64_MAX)
        return true;
    now = used(STATM_DATA);
    return now >= 0 && (int64_t)most.rlim_cur - now >= LLMOBS_FIT_ROOM;
}

static const char no_descriptor[] = "no descriptor is free";

static const char *why_unopened(long error)
{
    switch (error) {
    case -EMFILE:
    case -ENFILE:
        return no_descriptor;
    case -ENOENT:
        return "its file is not there";
    default:
        return "its file may not be opened";
    }
}

bool llmobs_fit_passes(const char *why)
{
    return why == no_descriptor;
}

const char *llmobs_fit(const char *path)
{
    bool whole;
    long fd;

    if (!can_map() || !has_room_for_data())
        return "a limit of memory leaves less than 32 MiB";
    fd = llmobs_sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return why_unopened(fd);
    whole = is_whole_file((int)fd);
    llmobs_sys(SYS_close, fd);
    return whole ? NULL : "its file is not whole";
}
