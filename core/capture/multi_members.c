/* Keeps the list of easy handles of a multi. */
#include "core/capture/multi_members.h"

#include "lib/base/cold.h"
#include "core/capture/keyed.h"

struct llmobs_members {
    struct llmobs_keyed keyed; /* by its multi */
    struct llmobs_member *first, *last;
    atomic_uint count;
    unsigned drives; /* the drives of the multi on the thread's stack */
    uintptr_t entry; /* of the drive; 0: not known */
    int running; /* transfers that libcurl had under way, or was given since */
    bool awaits; /* a call began whose body may have to be read at its end */
    bool blind;
    bool over; /* no transfer was under way when the multi was left */
};

/* One level is enough for a hundred multis. */
#define LINE_BITS 6

LLMOBS_COLD static struct llmobs_keyed_line lines[1 << LINE_BITS];
static struct llmobs_keyed_state state;
static const struct llmobs_keyed_table table = {
    lines, LINE_BITS, sizeof(struct llmobs_members), &state};

static atomic_size_t count_all; /* of all multis */

struct llmobs_members *llmobs_members_find(CURLM *multi)
{
    return llmobs_keyed_find(&table, multi);
}

bool llmobs_members_add(CURLM *multi, struct llmobs_member *member)
{
    struct llmobs_members *members = llmobs_keyed_claim(&table, multi);

    if (!members)
        return false;
    llmobs_members_join(multi, member);
    member->waits = true;
    member->next = NULL;
    member->before = members->last;
    if (members->last)
        members->last->next = member;
    else
        members->first = member;
    members->last = member;
    return true;
}

void llmobs_members_join(CURLM *multi, struct llmobs_member *member)
{
    struct llmobs_members *members = llmobs_members_find(multi);

    if (!members || atomic_load(&member->members))
        return;
    atomic_store(&member->members, members);
    atomic_fetch_add(&members->count, 1);
    atomic_fetch_add(&count_all, 1);
    members->running++;
    members->over = false;
}

void llmobs_members_remove(struct llmobs_member *member)
{
    struct llmobs_members *members = atomic_load(&member->members);

    if (!members)
        return;
    (void)llmobs_members_unqueue(member);
    atomic_store(&member->members, NULL);
    atomic_fetch_sub(&members->count, 1);
    atomic_fetch_sub(&count_all, 1);
}

bool llmobs_members_is_single(const struct llmobs_member *member)
{
    struct llmobs_members *members = atomic_load(&member->members);

    return members && atomic_load(&members->count) == 1;
}

size_t llmobs_members_count(const struct llmobs_members *members)
{
    return atomic_load(&members->count);
}

size_t llmobs_members_count_all(void)
{
    return atomic_load(&count_all);
}

void llmobs_members_await(const struct llmobs_member *member)
{
    struct llmobs_members *members = atomic_load(&member->members);

    if (members)
        members->awaits = true;
}

bool llmobs_members_any_ended(struct llmobs_members *members, int running)
{
    bool fewer = running < members->running;

    members->running = running;
    return fewer && members->awaits;
}

bool llmobs_members_set_over(struct llmobs_members *members)
{
    bool first = !members->over && atomic_load(&members->count) > 0;

    members->over = true;
    return first;
}

static struct llmobs_member *unqueue(struct llmobs_members *members,
                                     struct llmobs_member *member)
{
    if (member->before)
        member->before->next = member->next;
    else
        members->first = member->next;
    if (member->next)
        member->next->before = member->before;
    else
        members->last = member->before;
    member->waits = false;
    member->next = member->before = NULL;
    return member;
}

bool llmobs_members_any_queued(const struct llmobs_members *members)
{
    return members->first != NULL;
}

struct llmobs_member *llmobs_members_dequeue(struct llmobs_members *members)
{
    return members->first ? unqueue(members, members->first) : NULL;
}

bool llmobs_members_unqueue(struct llmobs_member *member)
{
    return member->waits && unqueue(atomic_load(&member->members), member);
}

void llmobs_members_detach(struct llmobs_members *members)
{
    if (members)
        llmobs_keyed_rename(&members->keyed, members);
}

void llmobs_members_attach(struct llmobs_members *members, CURLM *multi)
{
    llmobs_keyed_rename(&members->keyed, multi);
}

void llmobs_members_release(struct llmobs_members *members)
{
    while (llmobs_members_dequeue(members))
        ;
    atomic_store(&members->count, 0);
    members->drives = 0;
    members->running = 0;
    members->entry = 0;
    members->awaits = members->blind = members->over = false;
    llmobs_keyed_release(&table, &members->keyed);
}

bool llmobs_members_blind(CURLM *multi)
{
    struct llmobs_members *members = llmobs_keyed_claim(&table, multi);

    if (members)
        members->blind = true;
    return members != NULL;
}

void llmobs_members_unblind(CURLM *multi)
{
    struct llmobs_members *members = llmobs_members_find(multi);

    if (members)
        members->blind = false;
}

bool llmobs_members_is_blind(const struct llmobs_members *members)
{
    return members && members->blind;
}

void llmobs_members_begin_drive(struct llmobs_members *members, uintptr_t entry)
{
    members->drives++;
    members->entry = entry;
}

void llmobs_members_end_drive(struct llmobs_members *members)
{
    members->entry = 0;
    if (members->drives > 0)
        members->drives--;
}

bool llmobs_members_is_driven(CURLM *multi)
{
    struct llmobs_members *members = llmobs_members_find(multi);

    return members && members->drives > 0;
}

uintptr_t llmobs_members_drive_entry(const struct llmobs_member *member)
{
    struct llmobs_members *members = atomic_load(&member->members);

    return members ? members->entry : 0;
}
