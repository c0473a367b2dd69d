#include "core/fork.h"

#include <pthread.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

/* Linux's pids have no more bits, and the sign is taken. */
#define PID_BITS 22
#define GENERATIONS (1U << (31 - PID_BITS))

static atomic_uint generation;
/* This process, in a page that a child finds empty, however it was made; 0: to
 * be asked. NULL, before Linux 4.14: always to be asked. Set once, before any
 * other thread may ask. */
static atomic_int *known;

static void in_child(void)
{
    atomic_fetch_add(&generation, 1);
    if (known)
        atomic_store(known, 0);
}

static void *wiped_page(void)
{
    size_t size = getauxval(AT_PAGESZ);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return NULL;
    /* Who takes any advice, as an emulator does, follows none. */
    if (madvise(page, size, -1) != 0 &&
        madvise(page, size, MADV_WIPEONFORK) == 0)
        return page;
    munmap(page, size);
    return NULL;
}

int llmobs_fork_init(void)
{
    static atomic_flag done = ATOMIC_FLAG_INIT;

    if (atomic_flag_test_and_set(&done))
        return 0;
    known = wiped_page();
    return -pthread_atfork(NULL, NULL, in_child);
}

int llmobs_fork_process(void)
{
    int process = known ? atomic_load(known) : 0;
    unsigned age;
    pid_t pid;

    if (process)
        return process;
    age = atomic_load(&generation);
    pid = getpid();
    process = (int)((age % GENERATIONS) << PID_BITS) | pid;
    if (known)
        atomic_store(known, process);
    /* A handler of a signal may have forked meanwhile. */
    if (known && getpid() != pid)
        atomic_store(known, 0);
    return process;
}

bool llmobs_fork_shares(void)
{
    const int pid_bits = (1 << PID_BITS) - 1;

    return (llmobs_fork_process() & pid_bits) != getpid();
}
