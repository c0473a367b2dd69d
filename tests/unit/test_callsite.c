/* Tests the walk over the stack at a call. */
#include <alloca.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "lib/base/sanitizer.h"
#include "lib/base/stack.h"
#include "core/trace/caller.h"
#include "tests/unit/unit.h"

#define PAGE 4096

/* -- on any stack --------------------------------------------------------- */

static size_t taken_len;
static uintptr_t taken_sp;
static bool with_entry;

/* All of it is there: else reading it would have ended the test. */
__attribute__((noinline, no_sanitize("address", "thread"))) static void
take_below(uintptr_t entry)
{
    struct llmobs_callsite *callsite = malloc(sizeof(*callsite));

    ck_assert_ptr_nonnull(callsite);
    llmobs_callsite_here(callsite, LLMOBS_CALLSITE_STACK, entry);
    for (size_t i = 0; i < callsite->len; i++)
        (void)((const volatile unsigned char *)callsite->stack)[i];
    taken_len = callsite->len;
    taken_sp = callsite->frame.regs[LLMOBS_FRAME_SP];
    ck_assert_uint_gt(taken_len, 0);
    llmobs_callsite_free(callsite);
}

__attribute__((noinline)) static void take(void)
{
    take_below(with_entry ? LLMOBS_STACK_ENTRY() : 0);
}

static size_t rest_of_page(uintptr_t at)
{
    return PAGE - at % PAGE;
}

/* Of `count` pages the last; the one behind it is nobody's, or another's. */
enum behind { GUARD, HOLE, NEIGHBOUR };

static char *pages_before(size_t count, enum behind behind)
{
    char *at = mmap(NULL, (count + 1) * PAGE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(at, MAP_FAILED);
    if (behind == HOLE)
        ck_assert_int_eq(munmap(at + count * PAGE, PAGE), 0);
    else if (behind == GUARD)
        ck_assert_int_eq(mprotect(at + count * PAGE, PAGE, PROT_NONE), 0);
    return at;
}

static ucontext_t outside;

static void take_in_coroutine(char *stack, size_t count)
{
    ucontext_t inside;

    ck_assert_int_eq(getcontext(&inside), 0);
    inside.uc_stack.ss_sp = stack;
    inside.uc_stack.ss_size = count * PAGE;
    inside.uc_link = &outside;
    makecontext(&inside, take, 0);
    ck_assert_int_eq(swapcontext(&outside, &inside), 0);
    ck_assert_uint_ge(taken_sp, (uintptr_t)stack);
    ck_assert_uint_lt(taken_sp, (uintptr_t)stack + count * PAGE);
}

TEST(of_a_coroutine_one_page)
{
    for (enum behind behind = GUARD; behind <= NEIGHBOUR; behind++) {
        take_in_coroutine(pages_before(9, behind), 9);
        ck_assert_uint_eq(taken_len, rest_of_page(taken_sp));
    }
}

/* However close to a page's end we are called. */
TEST(the_frame_that_called_us_in_any_case)
{
    char *stack = pages_before(12, HOLE);
    size_t two = 0;

    with_entry = true;
    for (size_t less = 0; less < PAGE; less += 16) {
        ucontext_t inside;

        ck_assert_int_eq(getcontext(&inside), 0);
        inside.uc_stack.ss_sp = stack;
        inside.uc_stack.ss_size = 12 * PAGE - less;
        inside.uc_link = &outside;
        makecontext(&inside, take, 0);
        ck_assert_int_eq(swapcontext(&outside, &inside), 0);
        ck_assert_uint_eq((taken_sp + taken_len) % PAGE, 0);
        ck_assert_uint_le(taken_len, 2 * PAGE);
        two += taken_len > rest_of_page(taken_sp);
    }
    ck_assert_uint_gt(two, 0);
    ck_assert_uint_lt(two, 128);
    with_entry = false;
}

#if !LLMOBS_TSAN
static void on_signal(int number)
{
    (void)number;
    take();
}

TEST(of_a_signal_stack_one_page)
{
    stack_t alternate = {.ss_sp = pages_before(16, HOLE), .ss_size = 16 * PAGE};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};

    ck_assert_int_eq(sigaltstack(&alternate, NULL), 0);
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    ck_assert_int_eq(raise(SIGUSR1), 0);
    ck_assert_uint_eq(taken_len, rest_of_page(taken_sp));
}

/* -- of a thread ---------------------------------------------------------- */

/* The truth of libc, which allocates and asks the kernel for it. */
static void expect_all_of_the_thread(void)
{
    pthread_attr_t attr;
    size_t size, left;
    void *begin;

    ck_assert_int_eq(pthread_getattr_np(pthread_self(), &attr), 0);
    ck_assert_int_eq(pthread_attr_getstack(&attr, &begin, &size), 0);
    pthread_attr_destroy(&attr);
    ck_assert_uint_gt(taken_sp, (uintptr_t)begin);
    left = (uintptr_t)pthread_self() - taken_sp;
    ck_assert_uint_lt(left, size);
    ck_assert_uint_eq(
        taken_len, left < LLMOBS_CALLSITE_STACK ? left : LLMOBS_CALLSITE_STACK);
}

__attribute__((noinline)) static int descend(size_t depth)
{
    volatile char below[1024];
    int rc = 0;

    below[0] = below[1023] = 1;
    if (depth > sizeof(below))
        rc = descend(depth - sizeof(below));
    else
        take();
    return rc + below[0] - below[1023];
}

static void *deep_in_thread(void *arg)
{
    descend(*(size_t *)arg);
    expect_all_of_the_thread();
    return arg;
}

static void run_thread(pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, attr, run, arg), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(attr);
}

TEST(of_a_thread_all)
{
    size_t depths[] = {0, 1, 3000, 20000, 100000};
    size_t sizes[] = {0, 128, 1024, 65536};
    pthread_attr_t attr;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        for (size_t k = 0; k < sizeof(depths) / sizeof(*depths); k++) {
            pthread_attr_init(&attr);
            if (sizes[i])
                pthread_attr_setstacksize(&attr, sizes[i] * 1024 + 8);
            pthread_attr_setguardsize(&attr, (i + 1) * PAGE);
            run_thread(&attr, deep_in_thread, &depths[k]);
        }
    }
}

/* Its stack is somebody's array, or a piece of memory with a hole in it. */
static void *in_given_stack(void *arg)
{
    take();
    ck_assert_uint_eq(taken_len, rest_of_page(taken_sp));
    return arg;
}

TEST(of_a_stack_that_a_thread_was_given_one_page)
{
    const size_t shifts[] = {0, 64, 1024};
    pthread_attr_t attr;

    for (size_t i = 0; i < sizeof(shifts) / sizeof(*shifts); i++) {
        char *stack = pages_before(64, i % 2 ? HOLE : GUARD);

        pthread_attr_init(&attr);
        ck_assert_int_eq(
            pthread_attr_setstack(&attr, stack, 64 * PAGE - shifts[i]), 0);
        run_thread(&attr, in_given_stack, NULL);
    }
}

/* Each with a thread's record at hand, but not on the thread's stack. */
static void *elsewhere_in_thread(void *arg)
{
    char *here = alloca(8 * PAGE);
    uintptr_t aligned = ((uintptr_t)here | (PAGE - 1)) + 1;
    stack_t alternate = {.ss_sp = pages_before(16, HOLE), .ss_size = 16 * PAGE};

    take();
    expect_all_of_the_thread();
    take_in_coroutine(pages_before(9, HOLE), 9);
    ck_assert_uint_eq(taken_len, rest_of_page(taken_sp));
    ck_assert_int_eq(sigaltstack(&alternate, NULL), 0);
    ck_assert_int_eq(raise(SIGUSR1), 0);
    ck_assert_uint_eq(taken_len, rest_of_page(taken_sp));
    /* Of a coroutine inside the thread's stack all is the thread's. */
    take_in_coroutine((char *)aligned, 6);
    expect_all_of_the_thread();
    return arg;
}

TEST(of_other_stacks_in_a_thread_one_page)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    pthread_attr_t attr;

    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    pthread_attr_init(&attr);
    run_thread(&attr, elsewhere_in_thread, NULL);
}
#endif
