/* Tests work on a thread with a deep stack. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "lib/base/aside.h"
#include "lib/base/blocks.h"
#include "lib/base/sanitizer.h"
#include "lib/base/scratch.h"
#include "lib/base/stack.h"
#include "tests/unit/unit.h"

#define SMALL (64 * 1024)

/* -- where there is room -------------------------------------------------- */

static atomic_int ran_in; /* the thread */
static atomic_bool wait_here;
static int result;
static bool with_threads;

static void run(void *arg, int64_t until_ns)
{
    (void)until_ns;
    while (atomic_load(&wait_here))
        usleep(1000);
    atomic_store(&ran_in, gettid());
    *(int *)arg += 1;
}

static int runs;

static void ask(void)
{
    errno = 77;
    result = llmobs_aside_run(run, &runs, with_threads, 300);
    ck_assert_int_eq(errno, 77);
}

static void ask_in_coroutine(void)
{
    static ucontext_t outside;
    ucontext_t inside;
    void *stack = mmap(NULL, SMALL, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(stack, MAP_FAILED);
    ck_assert_int_eq(getcontext(&inside), 0);
    inside.uc_stack.ss_sp = stack;
    inside.uc_stack.ss_size = SMALL;
    inside.uc_link = &outside;
    makecontext(&inside, ask, 0);
    ck_assert_int_eq(swapcontext(&outside, &inside), 0);
}

TEST(here_on_the_first_stack)
{
    with_threads = true;
    ask();
    ck_assert_int_eq(result, 0);
    ck_assert_int_eq(atomic_load(&ran_in), gettid());
    ck_assert_uint_ge(llmobs_stack_room(LLMOBS_STACK_ENTRY()),
                      LLMOBS_ASIDE_ROOM);
}

TEST(by_a_thread_on_a_coroutine)
{
    with_threads = true;
    runs = 0;
    ask_in_coroutine();
    ck_assert_int_eq(result, 0);
    ck_assert_int_eq(runs, 1);
    ck_assert_int_ne(atomic_load(&ran_in), gettid());
    with_threads = false;
    ask_in_coroutine();
    ck_assert_int_eq(result, -EAGAIN);
    ck_assert_int_eq(runs, 1);
}

TEST(not_waited_for_without_end)
{
    with_threads = true;
    runs = 0;
    atomic_store(&ran_in, 0);
    atomic_store(&wait_here, true);
    ask_in_coroutine();
    ck_assert_int_eq(result, -ETIMEDOUT);
    ck_assert_int_eq(runs, 0);
    atomic_store(&wait_here, false);
    while (!atomic_load(&ran_in))
        usleep(1000);
}

#if !LLMOBS_ASAN && !LLMOBS_TSAN /* their threads take other stacks */
static void *see_room(void *arg)
{
    *(size_t *)arg = llmobs_stack_room(LLMOBS_STACK_ENTRY());
    return NULL;
}

TEST(room_of_a_thread)
{
    const size_t sizes[] = {64, 256, 1024};
    pthread_attr_t attr;
    pthread_t thread;
    size_t room;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, sizes[i] * 1024);
        ck_assert_int_eq(pthread_create(&thread, &attr, see_room, &room), 0);
        pthread_join(thread, NULL);
        pthread_attr_destroy(&attr);
        ck_assert_uint_lt(room, sizes[i] * 1024);
        ck_assert_uint_gt(room, sizes[i] * 1024 - 16 * 1024);
    }
}
#endif

/* -- scratch -------------------------------------------------------------- */

TEST(scratch_is_the_takers)
{
    enum { MANY = LLMOBS_BLOCKS + 10 };
    char *list[MANY];

    for (int i = 0; i < MANY; i++) {
        list[i] = llmobs_scratch_alloc(LLMOBS_SCRATCH_SIZE);
        ck_assert_ptr_nonnull(list[i]);
        memset(list[i], i, LLMOBS_SCRATCH_SIZE);
    }
    errno = 77;
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(list[i][0], (char)i);
        ck_assert_int_eq(list[i][LLMOBS_SCRATCH_SIZE - 1], (char)i);
        llmobs_scratch_free(list[i]);
    }
    llmobs_scratch_free(NULL);
    ck_assert_int_eq(errno, 77);
    list[0] = llmobs_scratch_alloc(10 * LLMOBS_SCRATCH_SIZE);
    memset(list[0], 1, 10 * LLMOBS_SCRATCH_SIZE);
    llmobs_scratch_free(list[0]);
}
