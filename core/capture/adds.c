#include "core/capture/adds.h"

#include "lib/base/cold.h"
#include "lib/base/keyed.h"

struct llmobs_adds {
    struct llmobs_keyed keyed; /* by its multi */
    struct llmobs_member *first, *last;
    atomic_uint members;
    unsigned drives; /* the drives of the multi on the thread's stack */
    uintptr_t entry; /* of the drive; 0: not known */
    bool blind;
    bool over; /* no transfer was under way when the multi was left */
};

/* One level is enough for a hundred multis. */
#define LINE_BITS 6

LLMOBS_COLD static struct llmobs_keyed_line lines[1 << LINE_BITS];
static struct llmobs_keyed_state state;
static const struct llmobs_keyed_table table = {
    lines, LINE_BITS, sizeof(struct llmobs_adds), &state};

static atomic_size_t all_members; /* of all multis */

struct llmobs_adds *llmobs_adds_find(CURLM *multi)
{
    return llmobs_keyed_find(&table, multi);
}

bool llmobs_adds_push(CURLM *multi, struct llmobs_member *member)
{
    struct llmobs_adds *adds = llmobs_keyed_claim(&table, multi);

    if (!adds)
        return false;
    llmobs_adds_join(multi, member);
    member->waits = true;
    member->next = NULL;
    member->before = adds->last;
    if (adds->last)
        adds->last->next = member;
    else
        adds->first = member;
    adds->last = member;
    return true;
}

void llmobs_adds_join(CURLM *multi, struct llmobs_member *member)
{
    struct llmobs_adds *adds = llmobs_adds_find(multi);

    if (!adds || atomic_load(&member->adds))
        return;
    atomic_store(&member->adds, adds);
    atomic_fetch_add(&adds->members, 1);
    atomic_fetch_add(&all_members, 1);
    adds->over = false;
}

void llmobs_adds_part(struct llmobs_member *member)
{
    struct llmobs_adds *adds = atomic_load(&member->adds);

    if (!adds)
        return;
    (void)llmobs_adds_remove(member);
    atomic_store(&member->adds, NULL);
    atomic_fetch_sub(&adds->members, 1);
    atomic_fetch_sub(&all_members, 1);
}

bool llmobs_adds_single(const struct llmobs_member *member)
{
    struct llmobs_adds *adds = atomic_load(&member->adds);

    return adds && atomic_load(&adds->members) == 1;
}

size_t llmobs_adds_members(const struct llmobs_adds *adds)
{
    return atomic_load(&adds->members);
}

size_t llmobs_adds_all_members(void)
{
    return atomic_load(&all_members);
}

bool llmobs_adds_over(struct llmobs_adds *adds)
{
    bool news = !adds->over && atomic_load(&adds->members) > 0;

    adds->over = true;
    return news;
}

static struct llmobs_member *adds_take(struct llmobs_adds *adds,
                                       struct llmobs_member *member)
{
    if (member->before)
        member->before->next = member->next;
    else
        adds->first = member->next;
    if (member->next)
        member->next->before = member->before;
    else
        adds->last = member->before;
    member->waits = false;
    member->next = member->before = NULL;
    return member;
}

bool llmobs_adds_any(const struct llmobs_adds *adds)
{
    return adds->first != NULL;
}

struct llmobs_member *llmobs_adds_pop(struct llmobs_adds *adds)
{
    return adds->first ? adds_take(adds, adds->first) : NULL;
}

bool llmobs_adds_remove(struct llmobs_member *member)
{
    return member->waits && adds_take(atomic_load(&member->adds), member);
}

void llmobs_adds_detach(struct llmobs_adds *adds)
{
    if (adds)
        llmobs_keyed_rename(&adds->keyed, adds);
}

void llmobs_adds_attach(struct llmobs_adds *adds, CURLM *multi)
{
    llmobs_keyed_rename(&adds->keyed, multi);
}

void llmobs_adds_release(struct llmobs_adds *adds)
{
    while (llmobs_adds_pop(adds))
        ;
    atomic_store(&adds->members, 0);
    adds->drives = 0;
    adds->entry = 0;
    adds->blind = adds->over = false;
    llmobs_keyed_release(&table, &adds->keyed);
}

bool llmobs_adds_blind(CURLM *multi)
{
    struct llmobs_adds *adds = llmobs_keyed_claim(&table, multi);

    if (adds)
        adds->blind = true;
    return adds != NULL;
}

void llmobs_adds_see(CURLM *multi)
{
    struct llmobs_adds *adds = llmobs_adds_find(multi);

    if (adds)
        adds->blind = false;
}

bool llmobs_adds_is_blind(const struct llmobs_adds *adds)
{
    return adds && adds->blind;
}

void llmobs_adds_enter(struct llmobs_adds *adds, uintptr_t entry)
{
    adds->drives++;
    adds->entry = entry;
}

void llmobs_adds_leave(struct llmobs_adds *adds)
{
    adds->entry = 0;
    if (adds->drives > 0)
        adds->drives--;
}

bool llmobs_adds_driven(CURLM *multi)
{
    struct llmobs_adds *adds = llmobs_adds_find(multi);

    return adds && adds->drives > 0;
}

uintptr_t llmobs_adds_entry(const struct llmobs_member *member)
{
    struct llmobs_adds *adds = atomic_load(&member->adds);

    return adds ? adds->entry : 0;
}
