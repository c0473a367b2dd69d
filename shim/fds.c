/* Marks the descriptors that are connections to be followed. */
#include "shim/fds.h"

#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/base/sys.h"

/* The lowest bits of an id are the place of its record, those of `life` the
 * count of the numbers that stand for the connection. The other bits of both
 * are the number of the connection; without a count the record is free. */
#define LOW 16
#define LOW_MASK ((UINT64_C(1) << LOW) - 1)
/* In a child the places of its parent's numbers stay in use. */
#define PLACES_TRIED 4096

struct record {
    uint64_t life;
    uint32_t inode, pid;
    bool connecting;
};

#define SIZE (LLMOBS_FDS * (sizeof(uint64_t) + sizeof(struct record)))

uint64_t *llmobs_fds_words;
static uint64_t *table; /* the same, and it stays */
static bool stopped;

/* The records lie behind the words, and behind them, in a page of its own, the
 * pids of the process that has this memory and, above that, of its parent. The
 * kernel clears that page in a child with memory of its own, also in one of the
 * bare system call (Linux 4.14; before, llmobs_fds_own says it). */
static struct record *record_of(uint64_t id)
{
    return (struct record *)(table + LLMOBS_FDS) + (id & LOW_MASK);
}

static bool open_table(void)
{
    const size_t size = SIZE + sizeof(uint64_t);
    uint64_t *none = NULL;
    long made;

    if (__atomic_load_n(&table, __ATOMIC_ACQUIRE))
        return true;
    made = llmobs_sys(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (made < 0 && made > -4096)
        return false;
    llmobs_sys(SYS_madvise, made + (long)SIZE, sizeof(uint64_t),
               MADV_WIPEONFORK);
    if (!__atomic_compare_exchange_n(&table, &none, (uint64_t *)made, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        llmobs_sys(SYS_munmap, made, size);
    return true;
}

static uint64_t *owner(void)
{
    return (uint64_t *)((char *)table + SIZE);
}

static uint64_t own(uint32_t pid)
{
    return (uint64_t)llmobs_sys(SYS_getppid) << 32 | pid;
}

/* False in a child that shares its parent's memory, as vfork's does. One that
 * was the first to ask there had it for that time. */
static bool has_memory(uint32_t pid)
{
    uint64_t had = __atomic_load_n(owner(), __ATOMIC_RELAXED);

    return (uint32_t)had == pid ||
           ((!had || had >> 32 == pid) &&
            __atomic_compare_exchange_n(owner(), &had, own(pid), false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

void llmobs_fds_own(void)
{
    if (__atomic_load_n(&table, __ATOMIC_ACQUIRE))
        __atomic_store_n(owner(), own((uint32_t)llmobs_sys(SYS_getpid)),
                         __ATOMIC_RELAXED);
}

/* The inode of a socket; 0: the number is none. */
static uint32_t inode_of(int fd)
{
    struct stat st;

    return llmobs_sys(SYS_fstat, fd, &st) == 0 && S_ISSOCK(st.st_mode)
               ? (uint32_t)st.st_ino
               : 0;
}

/* An option of the socket; -1: it has none, or nothing is asked. */
static int option_of(int fd, int option)
{
    int value = -1, size = sizeof(value);

    if (!__atomic_load_n(&stopped, __ATOMIC_ACQUIRE))
        llmobs_sys(SYS_getsockopt, fd, SOL_SOCKET, option, &value, &size);
    return value;
}

bool llmobs_fds_may_begin(int fd)
{
    return option_of(fd, SO_TYPE) == SOCK_STREAM;
}

bool llmobs_fds_is_internet(int fd)
{
    int domain = option_of(fd, SO_DOMAIN);

    return domain == AF_INET || domain == AF_INET6;
}

void llmobs_fds_stop(void)
{
    __atomic_store_n(&stopped, true, __ATOMIC_SEQ_CST);
    __atomic_store_n(&llmobs_fds_words, NULL, __ATOMIC_SEQ_CST);
}

uint64_t llmobs_fds_begin(int fd)
{
    static uint64_t last;
    uint32_t inode = inode_of(fd);
    uint64_t number;

    if ((unsigned)fd >= LLMOBS_FDS || inode == 0 || !open_table())
        return 0;
    (void)has_memory((uint32_t)llmobs_sys(SYS_getpid));
    number = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED) << LOW;
    for (unsigned i = 0; i < PLACES_TRIED; i++) {
        uint64_t id = number | (((unsigned)fd + i) & LOW_MASK);
        struct record *record = record_of(id);
        uint64_t life = __atomic_load_n(&record->life, __ATOMIC_RELAXED);

        if (life & LOW_MASK || !__atomic_compare_exchange_n(
                                   &record->life, &life, number | 1, false,
                                   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            continue;
        record->inode = inode;
        __atomic_store_n(&record->connecting, false, __ATOMIC_RELAXED);
        record->pid = (uint32_t)llmobs_sys(SYS_getpid);
        __atomic_store_n(&table[fd], id, __ATOMIC_RELEASE);
        __atomic_store_n(&llmobs_fds_words, table, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&stopped, __ATOMIC_SEQ_CST))
            llmobs_fds_stop(); /* another thread, at this moment */
        return id;
    }
    return 0;
}

bool llmobs_fds_is(int fd, uint64_t id)
{
    return record_of(id)->inode == inode_of(fd);
}

void llmobs_fds_set_connecting(int fd, bool is)
{
    uint64_t id = llmobs_fds_id(fd);

    if (id)
        __atomic_store_n(&record_of(id)->connecting, is, __ATOMIC_RELAXED);
}

bool llmobs_fds_is_connecting(int fd)
{
    uint64_t id = llmobs_fds_id(fd);

    return id &&
           __atomic_load_n(&record_of(id)->connecting, __ATOMIC_RELAXED) &&
           llmobs_fds_is(fd, id);
}

/* Adds to the count of the connection. Returns the new count; LOW_MASK: it has
 * none, since the record may be another's by now. */
static uint64_t count(uint64_t id, int more)
{
    struct record *record = record_of(id);
    uint64_t life = __atomic_load_n(&record->life, __ATOMIC_ACQUIRE), next;

    do {
        if (life >> LOW != id >> LOW || !(life & LOW_MASK))
            return LOW_MASK;
        next = life + (uint64_t)(int64_t)more;
    } while (!__atomic_compare_exchange_n(&record->life, &life, next, false,
                                          __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    return next & LOW_MASK;
}

/* True where the process made the connection, or has a copy of its parent's
 * table. */
static bool may_change(uint64_t id)
{
    uint32_t pid = (uint32_t)llmobs_sys(SYS_getpid);

    return record_of(id)->pid == pid || has_memory(pid);
}

void llmobs_fds_share(int from, int to)
{
    uint64_t id = llmobs_fds_id(from);

    if (id && (unsigned)to < LLMOBS_FDS && may_change(id) &&
        count(id, 1) != LOW_MASK)
        __atomic_store_n(&table[to], id, __ATOMIC_RELEASE);
}

bool llmobs_fds_is_alone(uint64_t id)
{
    return (__atomic_load_n(&record_of(id)->life, __ATOMIC_ACQUIRE) &
            LOW_MASK) == 1;
}

bool llmobs_fds_end(int fd, uint64_t id)
{
    if (!may_change(id) ||
        !__atomic_compare_exchange_n(&table[fd], &id, 0, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return false;
    return count(id, -1) == 0;
}
