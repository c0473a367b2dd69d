/* Registers and runs the unit tests. */
#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/text/budget.h"
#include "tests/unit/unit.h"

/* The places of one file are apart; another file's may fall on one of them. */
#define PLACES 4096

void unit_reached(const char *file, int line)
{
    static atomic_uchar told[PLACES];
    size_t at = (((uintptr_t)file >> 3) + (size_t)line) % PLACES;

    if (atomic_load_explicit(&told[at], memory_order_relaxed))
        return;
    atomic_store_explicit(&told[at], 1, memory_order_relaxed);
    (_mark_point)(file, line);
}

int64_t unit_ms_since(int64_t start_ns)
{
    return (llmobs_clock_mono_ns() - start_ns) / LLMOBS_NS_PER_MS;
}

void unit_directory(char path[UNIT_DIRECTORY])
{
    snprintf(path, UNIT_DIRECTORY, "/tmp/llmobs-unit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(path));
}

void unit_remove(const char *dir)
{
    char command[200];

    /* A thread that ends meanwhile may still write a file there. */
    snprintf(command, sizeof(command),
             "for n in 1 2 3 4 5 6 7 8 9; do rm -rf '%s' 2>&- && exit 0; "
             "sleep 0.2; done; exit 1",
             dir);
    ck_assert_int_eq(system(command), 0);
}

int unit_entries(const char *dir)
{
    DIR *list = opendir(dir);
    struct dirent *entry;
    int n = 0;

    while (list && (entry = readdir(list)))
        n += entry->d_name[0] != '.';
    if (list)
        closedir(list);
    return n;
}

/* -- memory that ends ------------------------------------------------------ */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static __thread long memory_left;
static __thread bool memory_ended;

void unit_memory_ends(long n)
{
    memory_left = n;
    memory_ended = false;
}

bool unit_memory_ended(void)
{
    return memory_ended;
}

static bool ends(void)
{
    if (memory_left == 0 || --memory_left > 0)
        return false;
    memory_ended = true;
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return ends() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return ends() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return ends() ? NULL : __real_realloc(memory, size);
}

/* -- what ends with a case ------------------------------------------------- */

static struct owned {
    void *what;
    void (*free_it)(void *what);
} * owned;
static size_t owned_count;

void unit_frees(void *what, void (*free_it)(void *what))
{
    owned = realloc(owned, (owned_count + 1) * sizeof(*owned));
    ck_assert_ptr_nonnull(owned);
    owned[owned_count++] = (struct owned){what, free_it};
}

void *unit_own(void *memory)
{
    ck_assert_ptr_nonnull(memory);
    unit_frees(memory, free);
    return memory;
}

void unit_free_all(void)
{
    while (owned_count > 0) {
        const struct owned *last = &owned[--owned_count];

        last->free_it(last->what);
    }
    free(owned);
    owned = NULL;
}

size_t unit_budget_left(void)
{
    size_t left = 0;

    for (size_t step = (size_t)1 << 40; step > 0; step /= 2)
        if (llmobs_budget_claim(step, LLMOBS_BUDGET_READING))
            left += step;
    llmobs_budget_release(left);
    return left;
}
