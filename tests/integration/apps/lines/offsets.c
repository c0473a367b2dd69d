/* Reads the frames of the script that calls, by wrong offsets: -DFRAMES is the
 * file that reads them, whose table has rows of words, a version before the
 * offsets; -DTABLE its name. */
#include FRAMES

#include "core/trace/caller.h"

#include <dlfcn.h>
#include <sys/mman.h>

#define WORDS (sizeof(TABLE[0]) / sizeof(uint64_t))
#define ROWS (sizeof(TABLE) / sizeof(TABLE[0]))

static const char *const keys[] = {"file", "code", "entry", "line"};

static void *find(const char *name)
{
    return dlsym(RTLD_DEFAULT, name);
}

static struct llmobs_json *asked(void)
{
    static struct llmobs_script_frames frames;
    struct llmobs_json *caller = NULL;

    llmobs_callsite_read_script(&frames);
    llmobs_script_frames_write(&frames, &caller);
    return caller;
}

/* All that was told is true. */
static bool is_true(const struct llmobs_json *is,
                    const struct llmobs_json *want)
{
    for (size_t i = 0; is && i < sizeof(keys) / sizeof(*keys); i++) {
        const struct llmobs_json *told = llmobs_json_get(is, keys[i]);
        const struct llmobs_json *known = llmobs_json_get(want, keys[i]);
        const char *text = llmobs_json_text(told);

        if (told && (!known || (text ? strcmp(text, llmobs_json_text(known))
                                     : llmobs_json_to_int(told) !=
                                           llmobs_json_to_int(known))))
            return false;
    }
    return true;
}

static uint64_t chance(void)
{
    static uint64_t seed = 1;

    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return seed >> 24;
}

/* Some are right, so that the walk goes on. */
static uint64_t any_offset(uint64_t right, uint64_t top)
{
    if (chance() & 3)
        return right;
    return top ? chance() % top : chance() << (chance() % 2 * 24);
}

/* Gives how often of so many times something is told that is not so; negative:
 * always all is told, or not even by the right offsets. `top`: wrong offsets
 * are less, and so may lead to another object's fact; 0: they are far. */
__attribute__((visibility("default"))) int offsets(int times, int top);
int offsets(int times, int top)
{
    struct llmobs_json *want, *is;
    uint64_t right[ROWS][WORDS], *table = (uint64_t *)&TABLE;
    uintptr_t page = (uintptr_t)table & ~(uintptr_t)4095;
    int wrong = 0, less = 0;

    llmobs_theirs_find(find);
    want = asked();
    memcpy(right, table, sizeof(right));
    if (!want || mprotect((void *)page, (uintptr_t)table - page + sizeof(right),
                          PROT_READ | PROT_WRITE) != 0)
        return -1;
    for (int i = 0; i < times; i++) {
        for (size_t k = 0; k < ROWS * WORDS; k++) {
            if (k % WORDS > 0)
                table[k] =
                    any_offset(right[k / WORDS][k % WORDS], (uint64_t)top);
        }
        is = asked();
        less += !is_true(want, is);
        wrong += !is_true(is, want);
        llmobs_json_free(is);
    }
    memcpy(table, right, sizeof(right));
    is = asked();
    if (less == 0 || !is || !is_true(want, is))
        wrong = -1;
    llmobs_json_free(is);
    llmobs_json_free(want);
    return wrong;
}
