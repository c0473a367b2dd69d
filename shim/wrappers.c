/* Finds objects that define functions of libcurl's names. */
#include "shim/wrappers.h"

#include "lib/base/cold.h"
#include "shim/host.h"
#include "shim/say.h"

#define HIDES                                                               \
    " has functions of libcurl of its own, or got libcurl's by a way that " \
    "is not watched: calls by it are not seen"

#define COPIES                                                            \
    " was opened with addresses of libcurl's functions: calls by copies " \
    "of its own are not seen, and no other call was"

/* The part of an entry that the core does not need. */
struct place {
    uintptr_t start, end; /* of the object; 0: free */
    char path[LLMOBS_WRAPPER_PATH];
};

LLMOBS_COLD static struct llmobs_wrappers table;
LLMOBS_COLD static struct place places[LLMOBS_WRAPPERS];
LLMOBS_COLD static char copier[LLMOBS_WRAPPER_PATH]; /* the first one */
LLMOBS_COLD static bool copied;
LLMOBS_COLD static uint64_t others; /* hooks of objects beyond the limit */

const struct llmobs_wrappers *llmobs_wrappers_table(void)
{
    table.name = llmobs_hook_name;
    return &table;
}

/* Counts anew which functions may be called unseen. */
static void sum_up(void)
{
    uint64_t unseen = __atomic_load_n(&others, __ATOMIC_ACQUIRE);

    for (unsigned i = 0; i < LLMOBS_WRAPPERS; i++) {
        const struct llmobs_wrapper *one = &table.list[i];

        unseen |= __atomic_load_n(&one->strays, __ATOMIC_ACQUIRE) |
                  (__atomic_load_n(&one->defines, __ATOMIC_ACQUIRE) &
                   ~__atomic_load_n(&one->reaches, __ATOMIC_ACQUIRE));
    }
    __atomic_store_n(&table.unseen, unseen, __ATOMIC_SEQ_CST);
}

/* NULL: the list is full. */
static struct llmobs_wrapper *entry_of(const struct llmobs_elf *elf)
{
    for (unsigned i = 0; i < LLMOBS_WRAPPERS; i++) {
        struct place *place = &places[i];
        uintptr_t there = 0;

        if (!__atomic_compare_exchange_n(&place->start, &there, elf->start,
                                         false, __ATOMIC_SEQ_CST,
                                         __ATOMIC_SEQ_CST)) {
            if (there == elf->start)
                return &table.list[i];
            continue;
        }
        __atomic_store_n(&place->end, elf->end, __ATOMIC_SEQ_CST);
        llmobs_str_copy(place->path, sizeof(place->path), elf->path);
        __atomic_store_n(&table.list[i].path, place->path, __ATOMIC_RELEASE);
        return &table.list[i];
    }
    return NULL;
}

void llmobs_wrappers_define(const struct llmobs_elf *elf, llmobs_hook_set hooks)
{
    struct llmobs_wrapper *one = hooks ? entry_of(elf) : NULL;

    if (hooks)
        __atomic_fetch_or(one ? &one->defines : &others, hooks,
                          __ATOMIC_SEQ_CST);
    if (hooks)
        sum_up();
}

void llmobs_wrappers_stray(const struct llmobs_elf *caller, unsigned hook)
{
    struct llmobs_wrapper *one = entry_of(caller);

    __atomic_fetch_or(one ? &one->strays : &others, LLMOBS_HOOK_BIT(hook),
                      __ATOMIC_SEQ_CST);
    sum_up();
}

void llmobs_wrappers_reach(const void *caller, unsigned hook)
{
    uintptr_t at = (uintptr_t)caller;

    for (unsigned i = 0; i < LLMOBS_WRAPPERS; i++) {
        uintptr_t start = __atomic_load_n(&places[i].start, __ATOMIC_ACQUIRE);
        uintptr_t end = __atomic_load_n(&places[i].end, __ATOMIC_ACQUIRE);

        if (start && at >= start && at < end)
            __atomic_fetch_or(&table.list[i].reaches, LLMOBS_HOOK_BIT(hook),
                              __ATOMIC_SEQ_CST);
    }
    sum_up();
}

void llmobs_wrappers_copy(const struct llmobs_elf *elf)
{
    if (!__atomic_exchange_n(&copied, true, __ATOMIC_ACQ_REL))
        llmobs_str_copy(copier, sizeof(copier), elf->path);
}

/* The functions that load the core. The first function that a program calls is
 * one of them. */
#define FIRST                                    \
    (LLMOBS_HOOK_BIT(LLMOBS_HOOK_easy_init) |    \
     LLMOBS_HOOK_BIT(LLMOBS_HOOK_easy_setopt) |  \
     LLMOBS_HOOK_BIT(LLMOBS_HOOK_easy_perform) | \
     LLMOBS_HOOK_BIT(LLMOBS_HOOK_multi_add_handle))

void llmobs_wrappers_report(void)
{
    if (llmobs_host_state() != LLMOBS_HOST_ON)
        return;
    for (unsigned i = 0; i < LLMOBS_WRAPPERS; i++) {
        const struct llmobs_wrapper *one = &table.list[i];
        const char *path = __atomic_load_n(&one->path, __ATOMIC_ACQUIRE);

        if (path && !__atomic_load_n(&one->reaches, __ATOMIC_ACQUIRE) &&
            (one->defines | one->strays) & FIRST)
            llmobs_say(false, *path ? path : "the program", HIDES);
    }
    if (copier[0])
        llmobs_say(false, copier, COPIES);
}
