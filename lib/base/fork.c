/* Detects a fork by a page that the kernel wipes. */
#include "lib/base/fork.h"

#include <limits.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

/* No pid of Linux has more bits. The sign of a number has another use. */
#define PID_BITS 22
#define GENERATIONS (1U << (31 - PID_BITS))

/* The kernel wipes the page of this structure in every child, even in a child
 * of the bare system call, so a child finds zeros. */
struct known {
    atomic_int process; /* the process's number; 0: none yet */
    atomic_int pid;     /* 0: not noted */
    atomic_int loader;  /* the pid at the core's load; 0 in a child */
    atomic_llong uid;   /* one more than the real user's number; 0: not noted */
};

static atomic_uint generation;
/* The number that was given last. A child inherits it and gives itself a
 * greater one; so no number is an ancestor's. */
static atomic_uint last;
/* NULL before Linux 4.14: then each question asks for the pid. Set once, before
 * a second thread may ask. */
static struct known *known;

static void in_child(void)
{
    atomic_fetch_add(&generation, 1);
    if (known) {
        atomic_store(&known->process, 0);
        atomic_store(&known->pid, 0);
        atomic_store(&known->loader, 0);
        atomic_store(&known->uid, 0);
    }
}

static void *wiped_page(void)
{
    size_t size = getauxval(AT_PAGESZ);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return NULL;
    /* A kernel that accepts an unknown advice, as an emulator does, follows no
     * advice. */
    if (madvise(page, size, -1) != 0 &&
        madvise(page, size, MADV_WIPEONFORK) == 0) {
        /* A read before the first write would be one fault more. */
        atomic_init(&((struct known *)page)->process, 0);
        return page;
    }
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
    if (known) {
        /* Gives the process its number. A signal handler may fork in the middle
         * of this function: the child then sees a new generation and takes
         * another number than its parent. */
        int process;

        while ((process = atomic_load(&known->process)) == 0) {
            unsigned age = atomic_load(&generation);
            int next = (int)(atomic_fetch_add(&last, 1) % INT_MAX) + 1;

            if (atomic_compare_exchange_strong(&known->process, &process,
                                               next) &&
                atomic_load(&generation) != age)
                atomic_store(&known->process, 0);
        }
        return process;
    }
    return (int)((atomic_load(&generation) % GENERATIONS) << PID_BITS) |
           getpid();
}

void llmobs_fork_record_pid(void)
{
    if (known && atomic_load(&known->pid) == 0)
        atomic_store(&known->pid, getpid());
}

int llmobs_fork_pid(void)
{
    if (!known)
        return getpid();
    llmobs_fork_record_pid();
    return atomic_load(&known->pid);
}

unsigned llmobs_fork_uid(void)
{
    if (!known)
        return getuid();
    if (atomic_load(&known->uid) == 0)
        atomic_store(&known->uid, (long long)getuid() + 1);
    return (unsigned)(atomic_load(&known->uid) - 1);
}

static bool is_of_another(int pid)
{
    return pid && pid != getpid();
}

bool llmobs_fork_shares(void)
{
    return known && is_of_another(atomic_load(&known->pid));
}

void llmobs_fork_record_load_pid(void)
{
    if (known)
        atomic_store(&known->loader, getpid());
}

bool llmobs_fork_shares_since_load(void)
{
    return llmobs_fork_shares() ||
           (known && is_of_another(atomic_load(&known->loader)));
}
