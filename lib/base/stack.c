/* Measures the stack around a stack pointer. */
#include "lib/base/stack.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/auxv.h>
#include <sys/resource.h>

#define PAGE LLMOBS_STACK_PAGE
/* Over this depth below the end of the first thread's stack the kernel puts no
 * mapping of the program, even if a hint asks for an address there. */
#define SURE_DEPTH (1024 * 1024)
/* More than the frames between two functions of the library take. */
#define FRAMES_MAX 8192
/* No program has more bytes of thread-local variables. */
#define TLS_MAX ((uintptr_t)16 * 1024 * 1024)

/* The kernel's random bytes lie near the end of the first thread's stack, with
 * nothing but stack on the way to them. */
static size_t left_of_first(uintptr_t sp)
{
    uintptr_t end = getauxval(AT_RANDOM);

    return sp < end && end - sp < SURE_DEPTH ? end - sp : 0;
}

/* -- libc's record of a thread -------------------------------------------- */

/* A thread's stack, as glibc's record of the thread (struct pthread) describes
 * it. Its position in the record differs between versions. */
struct block {
    uintptr_t begin, size, guard;
};

/* The position in the record, in words; 0: not found yet. Several threads may
 * write it at once: all write the same number. */
static atomic_size_t position;

static bool is_page(uintptr_t at)
{
    return at && at % PAGE == 0;
}

/* glibc puts the record at the end of the block that it maps for a thread: in
 * its last page, on ARM before the thread-local variables. */
static bool ends_right(uintptr_t end, uintptr_t record)
{
#if defined(__x86_64__)
    return end == (record | (PAGE - 1)) + 1;
#else
    return end > record && end - record < TLS_MAX;
#endif
}

/* True where these words may describe the thread's stack. A stack without a
 * guard page was given by the program, and does not count. */
static bool is_block(const struct block *block, uintptr_t record)
{
    return is_page(block->begin) && is_page(block->size) &&
           is_page(block->guard) && block->guard < block->size &&
           block->begin + block->guard < record &&
           ends_right(block->begin + block->size, record);
}

/* The end of the record's readable part: it lies in one page, or, on ARM, ends
 * where the thread pointer points. */
static uintptr_t record_end(uintptr_t record)
{
#if defined(__x86_64__)
    return (record | (PAGE - 1)) + 1;
#else
    return record < (uintptr_t)__builtin_thread_pointer()
               ? (uintptr_t)__builtin_thread_pointer()
               : record;
#endif
}

/* Reads the record of a thread of the app. The app's sanitizer may watch the
 * memory that libc writes there, so this reads without instrumentation. */
__attribute__((no_sanitize("address", "thread"))) static struct block read_at(
    uintptr_t record, size_t word)
{
    const volatile uintptr_t *at = (const volatile uintptr_t *)record + word;

    return (struct block){at[0], at[1], at[2]};
}

/* Finds the only position that may hold the thread's stack; 0: no position may,
 * or more than one. */
static size_t find_position(uintptr_t record)
{
    size_t words = (record_end(record) - record) / sizeof(uintptr_t);
    size_t found = 0;

    for (size_t i = 1; i + 3 <= words; i++) {
        struct block block = read_at(record, i);

        if (!is_block(&block, record))
            continue;
        if (found)
            return 0;
        found = i;
    }
    return found;
}

/* Finds the bytes on both sides of `sp`; false unless `sp` is in the thread's
 * own stack. */
static bool find_thread_stack(uintptr_t sp, size_t *above, size_t *below)
{
    uintptr_t record = (uintptr_t)pthread_self();
    size_t word = atomic_load_explicit(&position, memory_order_relaxed);
    struct block block;

    if (sp >= record)
        return false;
    if (!word) {
        word = find_position(record);
        if (!word)
            return false;
        atomic_store_explicit(&position, word, memory_order_relaxed);
    }
    block = read_at(record, word);
    if (!is_block(&block, record) || sp < block.begin + block.guard)
        return false;
    *above = record - sp;
    *below = sp - block.begin - block.guard;
    return true;
}

size_t llmobs_stack_sure(uintptr_t sp, uintptr_t entry)
{
    size_t left = left_of_first(sp), below;
    uintptr_t last;

    if (left || find_thread_stack(sp, &left, &below))
        return left;
    /* Counts the bytes from `sp` to the end of the page that has the frame's
     * return address. */
    last = entry + 2 * sizeof(uintptr_t) - 1;
    if (entry < sp || last - sp > FRAMES_MAX)
        last = sp;
    return (last | (PAGE - 1)) + 1 - sp;
}

size_t llmobs_stack_room(uintptr_t sp)
{
    size_t used = left_of_first(sp), above, below;
    struct rlimit limit;

    if (!used)
        return find_thread_stack(sp, &above, &below) ? below : 0;
    if (getrlimit(RLIMIT_STACK, &limit) != 0)
        return 0;
    /* The arguments and environment of the process may take a quarter. */
    limit.rlim_cur -= limit.rlim_cur / 4;
    return limit.rlim_cur > used ? limit.rlim_cur - used : 0;
}
