#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "core/callsite.h"
#include "core/sanitizer.h"
#include "tests/unit/unit.h"

#define PAGE 4096

/* -- what can be read ----------------------------------------------------- */

/* `count` pages, the last of which can't be read (or is not there). */
static char *pages_before(size_t count, bool unmapped)
{
    char *at = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(at, MAP_FAILED);
    if (unmapped)
        ck_assert_int_eq(munmap(at + (count - 1) * PAGE, PAGE), 0);
    else
        ck_assert_int_eq(mprotect(at + (count - 1) * PAGE, PAGE, PROT_NONE), 0);
    return at;
}

START_TEST(reads_up_to_the_end)
{
    for (int unmapped = 0; unmapped < 2; unmapped++) {
        uintptr_t at = (uintptr_t)pages_before(4, unmapped);
        const size_t has = 3 * PAGE;

        ck_assert_uint_eq(llmobs_callsite_readable(at, 65536), has);
        ck_assert_uint_eq(llmobs_callsite_readable(at, has), has);
        ck_assert_uint_eq(llmobs_callsite_readable(at, has - 1), has - 1);
        ck_assert_uint_eq(llmobs_callsite_readable(at + 8, 65536), has - 8);
        ck_assert_uint_eq(llmobs_callsite_readable(at + has - 8, 65536), 8);
        ck_assert_uint_eq(llmobs_callsite_readable(at + has - 1, 65536), 1);
        ck_assert_uint_eq(llmobs_callsite_readable(at + 100, 7), 7);
    }
}
END_TEST

/* -- odd stacks ----------------------------------------------------------- */

static size_t taken_len;
static uintptr_t taken_sp;

__attribute__((noinline)) static void take(void)
{
    struct llmobs_callsite *callsite =
        llmobs_callsite_take(LLMOBS_CALLSITE_STACK);

    ck_assert_ptr_nonnull(callsite);
    taken_len = callsite->len;
    taken_sp = callsite->frame.regs[LLMOBS_FRAME_SP];
    ck_assert_uint_gt(taken_len, 0);
    llmobs_callsite_free(callsite);
}

static void take_in_coroutine(size_t pages, bool unmapped)
{
    char *stack = pages_before(pages + 1, unmapped);
    ucontext_t here, there;

    ck_assert_int_eq(getcontext(&there), 0);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = pages * PAGE;
    there.uc_link = &here;
    makecontext(&there, take, 0);
    ck_assert_int_eq(swapcontext(&here, &there), 0);
    ck_assert_uint_eq(taken_sp + taken_len, (uintptr_t)stack + pages * PAGE);
}

START_TEST(coroutine_stack_before_a_guard)
{
    take_in_coroutine(5, false);
    take_in_coroutine(9, true);
    take_in_coroutine(16, false);
}
END_TEST

#if !LLMOBS_TSAN
static void on_signal(int number)
{
    (void)number;
    take();
}

START_TEST(signal_stack_before_a_guard)
{
    char *stack = pages_before(17, true);
    stack_t alternate = {.ss_sp = stack, .ss_size = 16 * PAGE};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};

    ck_assert_int_eq(sigaltstack(&alternate, NULL), 0);
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    ck_assert_int_eq(raise(SIGUSR1), 0);
    ck_assert_uint_eq(taken_sp + taken_len, (uintptr_t)stack + 16 * PAGE);
}
END_TEST

static void *in_thread(void *arg)
{
    take();
    return arg;
}

/* The thread's own block is at its end; behind it nothing can be read. */
START_TEST(small_thread_stack_before_a_guard)
{
    const size_t sizes[] = {0, 64, 256};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        size_t size =
            sizes[i] ? sizes[i] * 1024 : (size_t)sysconf(_SC_THREAD_STACK_MIN);
        size_t count = (size + PAGE - 1) / PAGE;
        char *stack = pages_before(count + 1, i % 2);
        pthread_attr_t attr;
        pthread_t thread;

        pthread_attr_init(&attr);
        ck_assert_int_eq(pthread_attr_setstack(&attr, stack, count * PAGE), 0);
        ck_assert_int_eq(pthread_create(&thread, &attr, in_thread, NULL), 0);
        pthread_join(thread, NULL);
        pthread_attr_destroy(&attr);
        ck_assert_uint_gt(taken_len, 256);
        ck_assert_uint_le(taken_sp + taken_len,
                          (uintptr_t)stack + count * PAGE);
    }
}
END_TEST
#endif

/* -- blocks --------------------------------------------------------------- */

START_TEST(many_take_less_each)
{
    enum { MANY = 200 };
    struct llmobs_callsite *list[MANY];
    size_t full = 0;

    for (size_t i = 0; i < MANY; i++) {
        list[i] = llmobs_callsite_take(LLMOBS_CALLSITE_STACK);
        ck_assert_ptr_nonnull(list[i]);
        for (size_t k = 0; k < i; k++)
            ck_assert_ptr_ne(list[i], list[k]);
        full += i >= 64 && list[i]->len > LLMOBS_CALLSITE_NEAR;
    }
    ck_assert_uint_eq(full, 0);
    for (size_t i = 0; i < MANY; i++)
        llmobs_callsite_free(list[i]);
    list[0] = llmobs_callsite_take(LLMOBS_CALLSITE_STACK);
    ck_assert_uint_gt(list[0]->len, 0);
    llmobs_callsite_free(list[0]);
    llmobs_callsite_free(NULL);
}
END_TEST

/* What a stack held is not in the block that the next one gets. */
START_TEST(wiped)
{
    struct llmobs_callsite *callsite =
        llmobs_callsite_take(LLMOBS_CALLSITE_STACK);
    size_t len = callsite->len, left = 0;

    for (size_t i = 0; i < len; i++)
        left += callsite->stack[i] != 0;
    ck_assert_uint_gt(left, 0);
    llmobs_callsite_free(callsite);
    /* The first block is one of those that are kept. */
    left = 0;
    for (size_t i = 0; i < len; i++)
        left += callsite->stack[i] != 0;
    ck_assert_uint_eq(left, 0);
}
END_TEST

static void *take_often(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        struct llmobs_callsite *a = llmobs_callsite_take(LLMOBS_CALLSITE_STACK);
        struct llmobs_callsite *b = llmobs_callsite_take(LLMOBS_CALLSITE_NEAR);

        ck_assert_ptr_ne(a, b);
        a->frames = b->frames = i;
        ck_assert_int_eq(a->frames, b->frames);
        llmobs_callsite_free(a);
        llmobs_callsite_free(b);
    }
    return arg;
}

START_TEST(threads_share_the_blocks)
{
    pthread_t list[8];

    for (size_t i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_create(&list[i], NULL, take_often, NULL), 0);
    for (size_t i = 0; i < 8; i++)
        pthread_join(list[i], NULL);
}
END_TEST

UNIT_SUITE(callsite)
{
    Suite *s = suite_create("callsite");

    UNIT_TEST(s, reads_up_to_the_end);
    UNIT_TEST(s, coroutine_stack_before_a_guard);
#if !LLMOBS_TSAN /* it has rules for handlers, and needs room */
    UNIT_TEST(s, signal_stack_before_a_guard);
    UNIT_TEST(s, small_thread_stack_before_a_guard);
#endif
    UNIT_TEST(s, many_take_less_each);
    UNIT_TEST(s, wiped);
    UNIT_TEST(s, threads_share_the_blocks);
    return s;
}
