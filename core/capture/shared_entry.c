#include "core/capture/shared_entry.h"

#include <errno.h>

#include "lib/base/keyed.h"
#include "core/sdk/span_table.h"

struct shared {
    struct llmobs_keyed keyed;
    _Atomic uint64_t number; /* 0: the record is nobody's */
};

#define LINE_BITS 4

static struct llmobs_keyed_line lines[1 << LINE_BITS];
static struct llmobs_keyed_state state;
static const struct llmobs_keyed_table table = {lines, LINE_BITS,
                                                sizeof(struct shared), &state};
static atomic_uint held;

int llmobs_shared_entry_claim(uintptr_t key)
{
    uint64_t nobody = 0;
    struct shared *one = NULL;
    int rc = 0;

    if (atomic_fetch_add(&held, 1) >= LLMOBS_SHARED_ENTRIES)
        rc = -EMFILE;
    if (!rc && !(one = llmobs_keyed_claim(&table, (void *)key)))
        rc = -ENOMEM;
    if (!rc && !atomic_compare_exchange_strong(&one->number, &nobody,
                                               LLMOBS_OWN_SPAN_NONE))
        rc = -EEXIST;
    if (rc)
        atomic_fetch_sub(&held, 1);
    return rc;
}

/* Returns the key's record, or NULL; *number: its span's number. Another key
 * may get the record at any moment: the number counts only if the record has
 * the same key after the number was read. */
static struct shared *look_up(uintptr_t key, uint64_t *number)
{
    struct shared *one = llmobs_keyed_find(&table, (void *)key);

    *number = one ? atomic_load(&one->number) : 0;
    if (one && llmobs_keyed_key(&one->keyed) != (void *)key)
        *number = 0;
    return one;
}

void llmobs_shared_entry_set(uintptr_t key, uint64_t number)
{
    uint64_t none;
    struct shared *one = look_up(key, &none);

    if (none == LLMOBS_OWN_SPAN_NONE)
        (void)atomic_compare_exchange_strong(&one->number, &none, number);
}

uint64_t llmobs_shared_entry_find(uintptr_t key)
{
    uint64_t number;

    (void)look_up(key, &number);
    return number;
}

uint64_t llmobs_shared_entry_remove(uintptr_t key)
{
    uint64_t number;
    struct shared *one = look_up(key, &number);

    /* A span's number comes again after 2^47 others: this one is the key's. */
    if (number == 0 ||
        !atomic_compare_exchange_strong(&one->number, &number, 0))
        return 0;
    llmobs_keyed_release(&table, &one->keyed);
    atomic_fetch_sub(&held, 1);
    return number;
}
