#include "core/log/adopt_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/crash_point.h"
#include "lib/base/listing.h"
#include "lib/base/once.h"
#include "core/log/relay_sign.h"
#include "core/log/spool.h"
#include "core/log/spool_relay.h"

/* A file without an owner that is older than this was left by a process that
 * was killed in its first write. */
#define EMPTY_S 60

/* -- the processes of a file ---------------------------------------------- */

/* True where a process of this pid namespace has executed another program since
 * it made the file: nobody writes to the file any more. */
static bool has_another_program(const struct llmobs_adopt *adopt,
                                const struct llmobs_adopt_found *found)
{
    const struct llmobs_owner_origin *from = llmobs_owner_origin(adopt->owner);
    const struct llmobs_owner_origin *here = llmobs_owner_origin(adopt->self);

    return from->program && found->program && from->program != found->program &&
           from->boot == here->boot && from->pidns == here->pidns;
}

/* True for an owner that has ended. A pid means nothing in another pid
 * namespace: where it is not known whether a process lives, it counts as
 * living. A file with the pid of this process and another name is of the
 * program before an exec. */
static bool adopt_is_dead(const struct llmobs_adopt *adopt,
                          const struct llmobs_adopt_found *found)
{
    const struct llmobs_record_owner *who = &found->name.who;
    const struct llmobs_owner_origin *from = llmobs_owner_origin(adopt->owner);
    const struct llmobs_owner_origin *here = llmobs_owner_origin(adopt->self);

    if (found->own)
        return false;
    if (!found->gone && found->start && found->start == who->start &&
        who->pid != getpid())
        return has_another_program(adopt, found);
    if (from->boot && here->boot && from->boot != here->boot)
        return true;
    if (!from->pidns || from->pidns != here->pidns)
        return llmobs_live_namespaces_lacks(adopt->living, from->pidns,
                                            found->changed_s);
    return found->gone || llmobs_record_is_another(who, found->start) ||
           who->pid == getpid();
}

/* True where the relay that has claimed a file has ended: nobody holds the
 * sign, or this process. A relay in another container is known by nothing else.
 */
static bool has_relay_ended(const struct llmobs_adopt *adopt)
{
    int base;
    bool held;

    if (adopt->unset)
        return true;
    if (llmobs_spool_open_dir(adopt->config, false, &base) != 0)
        return false;
    held = llmobs_relay_sign_is_held(base);
    close(base);
    return !held;
}

/* True where no other reader has claimed the file, or one that has ended. */
static bool may_claim(struct llmobs_adopt *adopt,
                      const struct llmobs_adopt_found *found)
{
    const struct llmobs_spool_name *name = &found->name;
    uint64_t pidns = llmobs_owner_origin(adopt->self)->pidns;

    if (!name->claimed || llmobs_adopt_is_mine(adopt, name))
        return true;
    if (!found->by_gone && found->by_start &&
        found->by_start == name->by.start && name->by.pid != getpid())
        return name->by.nonce && found->by_program &&
               name->by.nonce != found->by_program && name->by_pidns == pidns;
    if (name->by_pidns != pidns)
        return (name->by_relay && has_relay_ended(adopt)) ||
               llmobs_live_namespaces_lacks(adopt->living, name->by_pidns,
                                            found->changed_s);
    return found->by_gone ||
           llmobs_record_is_another(&name->by, found->by_start) ||
           name->by.pid == getpid();
}

static bool is_for_us(const struct llmobs_adopt *adopt)
{
    return adopt->whose == LLMOBS_ADOPT_ANY ||
           llmobs_owner_same_destinations(adopt->owner, adopt->self) ||
           (adopt->unset &&
            llmobs_owner_same_destinations(adopt->owner, adopt->unset));
}

/* -- claiming one --------------------------------------------------------- */

/* Claims a file, and reads it. 0 where it cannot be claimed or read, so that
 * the walk goes on to the next file. */
static int adopt_open_file(struct llmobs_adopt *adopt,
                           const struct llmobs_adopt_found *found,
                           bool is_living)
{
    struct llmobs_adopt_claim *claim = llmobs_adopt_free_claim(adopt);
    int rc = llmobs_adopt_claim_file(adopt, found, is_living, claim);

    if (!rc) {
        adopt->here = claim;
        adopt->walk.found |= !adopt->unset; /* news for a relay */
        llmobs_owner_config(adopt->owner, adopt->config, &adopt->names);
        rc = llmobs_adopt_survey(adopt);
        llmobs_crash_point("read a claimed file");
        claim->size = adopt->size;
        claim->stays = adopt->left > 0 || (is_living && found->held);
    }
    if (!rc)
        return 1;
    if (claim->used)
        llmobs_adopt_give_up(adopt, claim);
    memset(claim, 0, sizeof(*claim));
    llmobs_adopt_leave_file(adopt);
    return rc == -ENOMEM ? rc : 0;
}

/* Reads the file of a living process, and claims it only if the process has
 * handed over something: a claim takes the file away from the calls that would
 * begin in it. */
static int open_living(struct llmobs_adopt *adopt,
                       const struct llmobs_adopt_found *found)
{
    int rc;

    adopt->at_living = true;
    rc = llmobs_adopt_survey(adopt);
    if (!rc && (adopt->due > 0 || (llmobs_adopt_is_mine(adopt, &found->name) &&
                                   adopt->left == 0)))
        return adopt_open_file(adopt, found, true);
    if (!rc)
        llmobs_adopt_note_seen(adopt, &found->name, found->gone, adopt->size);
    llmobs_adopt_leave_file(adopt);
    return rc == -ENOMEM ? rc : 0;
}

/* -- files that are passed over ------------------------------------------- */

/* Removes the file of a process that was killed in its first write. It has
 * nothing to read, because the owner is written before all else. */
static void remove_stub(const struct llmobs_adopt_found *found)
{
    if (found->gone && found->size <= (off_t)LLMOBS_ADOPT_OWNER_LOOK &&
        llmobs_clock_wall_ns() / 1000000000 - found->written_s > EMPTY_S)
        unlink(found->path);
}

/* -- finding one -------------------------------------------------------- */

/* True for a file of this user, of which nobody else has a name. Root also
 * leaves a file to its user, and starts a process for that. */
static bool is_ours(struct llmobs_adopt *adopt, const struct stat *st)
{
    if (st->st_uid != geteuid())
        return false;
    if (S_ISREG(st->st_mode) && st->st_nlink == 1)
        return true;
    adopt->strange++;
    return false;
}

/* Finds out about a file and its process. False where it is none of ours, or
 * nothing in it is new.
 *
 * The look at the process comes before the reading: if the process has ended,
 * nobody writes to the file any more. */
static bool adopt_look_at(struct llmobs_adopt *adopt,
                          const struct llmobs_spool_name *name,
                          struct llmobs_adopt_found *found)
{
    struct stat st;

    found->name = *name;
    if (llmobs_adopt_path(adopt, name, found->path) != 0 ||
        fstatat(AT_FDCWD, found->path, &st, AT_SYMLINK_NOFOLLOW) ||
        !is_ours(adopt, &st))
        return false;
    found->own = adopt->own && llmobs_spool_is_self(adopt->own, &name->who);
    found->changed_s = st.st_ctime;
    found->written_s = st.st_mtime;
    found->size = st.st_size;
    found->held = st.st_mode & LLMOBS_SPOOL_HELD;
    found->by_gone = false;
    if (llmobs_adopt_is_seen(adopt, name, st.st_size))
        return false;
    found->gone = llmobs_record_program(name->who.pid, &found->start,
                                        &found->program) == -ESRCH;
    if (name->claimed)
        found->by_gone = llmobs_record_program(name->by.pid, &found->by_start,
                                               &found->by_program) == -ESRCH;
    memcpy(adopt->path, found->path, sizeof(adopt->path));
    adopt->size = st.st_size;
    adopt->have = false;
    return true;
}

/* 1: this process has claimed the file; 0: it is not for this process. */
static int try_file(struct llmobs_adopt *adopt,
                    const struct llmobs_spool_name *name)
{
    struct llmobs_adopt_found found;
    int rc;

    if (llmobs_adopt_is_ours(adopt, name) ||
        !adopt_look_at(adopt, name, &found) || (found.own && !adopt->reclaims))
        return 0;
    rc = llmobs_adopt_find_owner(adopt);
    if (rc == -ENODATA)
        remove_stub(&found);
    if (rc || !is_for_us(adopt) || !may_claim(adopt, &found))
        return 0;
    if (adopt_is_dead(adopt, &found))
        return adopt_open_file(adopt, &found, false);
    return adopt->unset || found.own ? open_living(adopt, &found) : 0;
}

/* -ENOENT: there is no spool. */
static int adopt_open_list(struct llmobs_adopt *adopt,
                           struct llmobs_listing *list)
{
    int fd, rc = llmobs_spool_open_dir(adopt->config, true, &fd);

    return rc ? rc : llmobs_listing_open(list, fd);
}

/* Visits each file in the spool but this process's, until a visit gives a
 * number other than 0, and gives that number. */
static int adopt_walk(struct llmobs_adopt *adopt,
                      int (*visit)(struct llmobs_adopt *,
                                   const struct llmobs_adopt_found *, void *),
                      void *ctx)
{
    struct llmobs_adopt_found found;
    struct llmobs_spool_name name;
    struct llmobs_listing list;
    const char *text;
    int rc = adopt_open_list(adopt, &list);

    if (rc)
        return rc == -ENOENT ? 0 : rc;
    while (rc == 0 && !llmobs_adopt_is_late(adopt) &&
           (text = llmobs_listing_next(&list)))
        if (llmobs_spool_name_parse(text, &name) &&
            adopt_look_at(adopt, &name, &found) && !found.own) {
            rc = visit(adopt, &found, ctx);
            llmobs_adopt_leave_file(adopt);
        }
    llmobs_listing_close(&list);
    return rc;
}

/* Begins a walk, which visits all files. */
static int adopt_begin_walk(struct llmobs_adopt *adopt)
{
    adopt->given_up_count = 0;
    adopt->walk.list = malloc(LLMOBS_ADOPT_NAMES * sizeof(*adopt->walk.list));
    return adopt->walk.list ? 0 : -ENOMEM;
}

/* Reads the next names. A file that was made meanwhile may have been passed
 * over: the next walk finds it. */
static int next_names(struct llmobs_adopt *adopt)
{
    struct llmobs_adopt_names *names = &adopt->walk;
    struct llmobs_listing list;
    const char *text = NULL;
    int rc = names->list ? 0 : adopt_begin_walk(adopt);

    names->at = names->count = 0;
    if (!rc)
        rc = adopt_open_list(adopt, &list);
    if (rc) {
        names->all = rc == -ENOENT;
        return names->all ? 0 : rc;
    }
    if (names->next)
        llmobs_listing_seek(&list, names->next);
    while (names->count < LLMOBS_ADOPT_NAMES &&
           (text = llmobs_listing_next(&list)))
        names->count +=
            llmobs_spool_name_parse(text, &names->list[names->count]);
    names->all = !text && list.left > 0;
    names->next = names->all ? 0 : list.next;
    llmobs_listing_close(&list);
    qsort(names->list, names->count, sizeof(*names->list),
          llmobs_spool_name_by_age);
    return 0;
}

/* Ends a reclaim when its walk is over and all that it found is settled. */
static void end_reclaim(struct llmobs_adopt *adopt)
{
    if (!adopt->reclaims || adopt->walk.list || adopt->here)
        return;
    for (size_t i = 0; i < LLMOBS_ADOPT_CLAIMS; i++)
        if (adopt->claims[i].used && adopt->claims[i].own)
            return;
    adopt->reclaims = false;
    llmobs_spool_end_reclaim(adopt->own, adopt->reclaimed,
                             adopt->reclaimed_all);
}

/* The walk is over: what was to be reclaimed is claimed, if not yet sent. */
static void end_walk(struct llmobs_adopt *adopt)
{
    if (adopt->walk.all && !llmobs_adopt_is_late(adopt))
        llmobs_adopt_forget_unmet(adopt);
    free(adopt->walk.list);
    adopt->walk = (struct llmobs_adopt_names){0};
    end_reclaim(adopt);
}

/* Claims the next file: 1; 0: none is left. If the walk has found some, it
 * begins anew at its end, until it finds none. */
static int adopt_find_file(struct llmobs_adopt *adopt)
{
    struct llmobs_adopt_names *names = &adopt->walk;
    int rc = 0;

    for (;;) {
        while (rc == 0 && names->at < names->count &&
               !llmobs_adopt_is_late(adopt))
            rc = try_file(adopt, &names->list[names->at++]);
        if (rc > 0)
            return rc;
        if (rc || llmobs_adopt_is_late(adopt) || (names->all && !names->found))
            break;
        if (names->all)
            names->found = false;
        rc = next_names(adopt);
    }
    end_walk(adopt);
    return rc;
}

/* -- the public functions ------------------------------------------------ */

struct llmobs_adopt *llmobs_adopt_new(const struct llmobs_config *config,
                                      enum llmobs_adopt_whose whose)
{
    struct llmobs_adopt *adopt = llmobs_once_take(sizeof(*adopt));

    if (!adopt)
        return NULL;
    adopt->config = config;
    adopt->whose = whose;
    atomic_init(&adopt->until_ns, INT64_MAX);
    llmobs_buf_init(&adopt->text, LLMOBS_SPOOL_TEXT);
    if (llmobs_spool_dir(config, adopt->base, sizeof(adopt->base)) == 0)
        return adopt;
    llmobs_adopt_free(adopt);
    return NULL;
}

void llmobs_adopt_abandon(struct llmobs_adopt *adopt)
{
    if (adopt->self)
        llmobs_owner_renew(&adopt->self, adopt->config);
    atomic_store(&adopt->until_ns, INT64_MAX);
    adopt->walk = (struct llmobs_adopt_names){0};
    adopt->given_up = NULL;
    adopt->seen = NULL;
    adopt->seen_count = 0;
    adopt->given_up_count = 0;
    adopt->reclaims = false;
    memset(adopt->claims, 0, sizeof(adopt->claims));
    llmobs_adopt_forget_file(adopt);
}

void llmobs_adopt_free(struct llmobs_adopt *adopt)
{
    if (!adopt)
        return;
    llmobs_adopt_leave_file(adopt);
    free(adopt->walk.list);
    free(adopt->given_up);
    free(adopt->seen);
    llmobs_owner_free(adopt->unset);
    llmobs_owner_free(adopt->self);
    llmobs_once_give(adopt);
}

int llmobs_adopt_relay(struct llmobs_adopt *adopt,
                       const struct llmobs_config *unset)
{
    adopt->unset = llmobs_owner_new(unset);
    if (!adopt->self)
        adopt->self = llmobs_owner_new(adopt->config);
    return adopt->unset && adopt->self ? 0 : -ENOMEM;
}

size_t llmobs_adopt_owners(struct llmobs_adopt *adopt,
                           const struct llmobs_owner *out[LLMOBS_ADOPT_OWNERS])
{
    out[0] = adopt->self;
    out[1] = adopt->unset;
    return LLMOBS_ADOPT_OWNERS;
}

void llmobs_adopt_until(struct llmobs_adopt *adopt, int64_t mono_ns)
{
    atomic_store(&adopt->until_ns, mono_ns);
}

void llmobs_adopt_living(struct llmobs_adopt *adopt,
                         const struct llmobs_live_namespaces *living)
{
    adopt->living = living;
}

void llmobs_adopt_except(struct llmobs_adopt *adopt, struct llmobs_spool *own)
{
    adopt->own = own;
}

bool llmobs_adopt_may_reclaim(const struct llmobs_adopt *adopt)
{
    return adopt->own && !adopt->reclaims && !adopt->walk.list &&
           llmobs_spool_may_reclaim(adopt->own);
}

int llmobs_adopt_begin_reclaim(struct llmobs_adopt *adopt)
{
    int rc = llmobs_spool_begin_reclaim(adopt->own, &adopt->reclaimed);

    if (!rc)
        adopt->reclaims = adopt->reclaimed_all = true;
    return rc;
}

bool llmobs_adopt_reclaims(const struct llmobs_adopt *adopt)
{
    return adopt->reclaims;
}

static void remove_claimed(struct llmobs_adopt *adopt,
                           const struct llmobs_adopt_claim *claim)
{
    char path[PATH_MAX];

    if (llmobs_adopt_path(adopt, &claim->name, path) != 0)
        return;
    llmobs_crash_point("removing an adopted file");
    unlink(path);
    llmobs_crash_point("removed an adopted file");
}

/* A file whose process lives is looked at again when it has another size. A
 * file of this process gets its first name back. */
static void leave_claimed(struct llmobs_adopt *adopt,
                          const struct llmobs_adopt_claim *claim)
{
    struct llmobs_spool_name name = claim->name;
    char from[PATH_MAX], to[PATH_MAX];

    name.claimed = false;
    if (!claim->own)
        llmobs_adopt_note_seen(adopt, &claim->name, claim->away, claim->size);
    else if (llmobs_adopt_path(adopt, &claim->name, from) == 0 &&
             llmobs_adopt_path(adopt, &name, to) == 0)
        (void)rename(from, to);
}

static void close_if_done(struct llmobs_adopt *adopt,
                          struct llmobs_adopt_claim *claim)
{
    if (!claim->used || claim->out > 0 || !claim->read)
        return;
    if (claim->kept > 0)
        llmobs_adopt_give_up(adopt, claim);
    else if (claim->stays)
        leave_claimed(adopt, claim);
    else
        remove_claimed(adopt, claim);
    if (claim->own && claim->kept > 0)
        adopt->reclaimed_all = false;
    memset(claim, 0, sizeof(*claim));
    end_reclaim(adopt);
}

/* All entries of the present file were given: forgets it. Its claim waits
 * until they are let go or given back. */
static void finish_here(struct llmobs_adopt *adopt)
{
    struct llmobs_adopt_claim *claim = adopt->here;

    claim->read = true;
    claim->kept += adopt->kept;
    llmobs_adopt_leave_file(adopt);
    close_if_done(adopt, claim);
}

int llmobs_adopt_next(struct llmobs_adopt *adopt, struct llmobs_adopted *out)
{
    int rc;

    for (;;) {
        if (adopt->here) {
            rc = llmobs_adopt_next_here(adopt, out);
            if (rc != 0)
                return rc;
            finish_here(adopt);
        }
        if (!llmobs_adopt_free_claim(adopt))
            return -EAGAIN;
        rc = adopt_find_file(adopt);
        if (rc != 1)
            return rc;
    }
}

/* Releases the first entries of `list`, which are of one claim, at most as many
 * as one note holds; gives how many. If the disk has no room for the note,
 * releases them in place. */
static size_t note_some(const struct llmobs_adopt *adopt,
                        const struct llmobs_spooled *list, size_t count)
{
    uint64_t ids[LLMOBS_RELEASE_MAX];
    struct llmobs_entry_key key;
    struct llmobs_spool_addition note = {
        &key, LLMOBS_ENTRY_RELEASE, list->id, {(const char *)ids, 0}, 0};
    char path[PATH_MAX];
    size_t n = 0;

    for (; n < count && n < LLMOBS_RELEASE_MAX; n++)
        ids[n] = list[n].id;
    note.field.len = n * sizeof(*ids);
    if (llmobs_adopt_claim_target(adopt, list, path, &key) != 0 ||
        llmobs_spool_file_add(path, &note) == 0)
        return n;
    for (size_t i = 0; i < n; i++)
        (void)llmobs_spool_file_release(path, list[i].offset, list[i].id);
    return n;
}

/* Releases entries of one claim. A file that will be removed needs no note of
 * that. */
static void let_go_of(struct llmobs_adopt *adopt,
                      const struct llmobs_spooled *list, size_t count)
{
    struct llmobs_adopt_claim *claim = &adopt->claims[list->claim];
    bool stays =
        claim->out > count || !claim->read || claim->kept > 0 || claim->stays;

    for (size_t i = 0; stays && i < count;)
        i += note_some(adopt, list + i, count - i);
    claim->out -= count < claim->out ? count : claim->out;
    close_if_done(adopt, claim);
}

void llmobs_adopt_let_go(struct llmobs_adopt *adopt,
                         const struct llmobs_spooled *list, size_t count)
{
    size_t n;

    for (; count > 0; list += n, count -= n) {
        for (n = 1; n < count && list[n].claim == list->claim;)
            n++;
        let_go_of(adopt, list, n);
    }
}

int llmobs_adopt_add(struct llmobs_adopt *adopt,
                     const struct llmobs_spooled *beside, uint64_t id,
                     struct llmobs_text event, struct llmobs_spooled *out)
{
    struct llmobs_adopt_claim *claim = &adopt->claims[beside->claim];
    struct llmobs_entry_key key;
    struct llmobs_spool_addition span = {&key, LLMOBS_ENTRY_EVENT, id, event,
                                         0};
    char path[PATH_MAX];
    int rc = llmobs_adopt_claim_target(adopt, beside, path, &key);

    if (!rc)
        rc = llmobs_spool_file_add(path, &span);
    if (rc)
        return rc;
    *out = (struct llmobs_spooled){.id = id,
                                   .file = beside->file,
                                   .claim = beside->claim,
                                   .offset = span.offset};
    claim->out++;
    return 0;
}

void llmobs_adopt_give_back(struct llmobs_adopt *adopt,
                            const struct llmobs_spooled *spooled)
{
    struct llmobs_adopt_claim *claim = &adopt->claims[spooled->claim];

    claim->out -= claim->out > 0;
    claim->kept++;
    close_if_done(adopt, claim);
}

/* -- counting ------------------------------------------------------------ */

static void count_entry(const struct llmobs_entry *entry, uint64_t *count,
                        struct llmobs_adopt_left *out)
{
    int64_t start = llmobs_exchange_entry_start(entry);

    (*count)++;
    if (start > 0 && (out->oldest_ns == 0 || start < out->oldest_ns))
        out->oldest_ns = start;
}

static int count_file(struct llmobs_adopt *adopt,
                      const struct llmobs_adopt_found *found, void *ctx)
{
    struct llmobs_adopt_left *out = ctx;
    struct llmobs_entry entry;
    size_t at = 0;
    bool dead;
    uint64_t *count;
    int rc = llmobs_adopt_find_owner(adopt);

    dead = !rc && adopt_is_dead(adopt, found);
    count = !dead ? &out->living : is_for_us(adopt) ? &out->ours : &out->others;
    if (!rc)
        rc = llmobs_adopt_survey(adopt);
    while (!rc && llmobs_adopt_next_entry(adopt, &at, &entry))
        if (llmobs_adopt_is_open(adopt, &entry) &&
            (dead || !llmobs_entry_has_begun(entry.type)))
            count_entry(&entry, count, out);
    /* A process before its first entry leaves an empty file, as does one that
     * took on a sandbox and has made no call. */
    out->unreadable += rc != 0 && rc != -ENOENT && found->size > 0;
    out->versions += rc == -ENOTSUP;
    return rc == -ENOMEM ? rc : 0;
}

static bool is_busy(const struct llmobs_adopt *adopt)
{
    for (size_t i = 0; i < LLMOBS_ADOPT_CLAIMS; i++)
        if (adopt->claims[i].used)
            return true;
    return false;
}

int llmobs_adopt_count(struct llmobs_adopt *adopt,
                       struct llmobs_adopt_left *out)
{
    int rc;

    memset(out, 0, sizeof(*out));
    if (is_busy(adopt))
        return -EBUSY;
    adopt->strange = 0;
    rc = adopt_walk(adopt, count_file, out);
    out->unreadable += adopt->strange;
    return rc;
}

static int adopt_is_left(struct llmobs_adopt *adopt,
                         const struct llmobs_adopt_found *found, void *ctx)
{
    (void)ctx;
    return llmobs_adopt_find_owner(adopt) == 0 && adopt_is_dead(adopt, found) &&
           is_for_us(adopt) && may_claim(adopt, found);
}

int llmobs_adopt_any(struct llmobs_adopt *adopt)
{
    return is_busy(adopt) ? -EBUSY : adopt_walk(adopt, adopt_is_left, NULL);
}

/* -- calls under way ------------------------------------------------------- */

struct under_way {
    llmobs_adopt_call_fn *visit;
    void *ctx;
    struct llmobs_adopt_call call; /* as far as the file tells */
};

/* Visits a call. A damaged entry is passed over: it stays, and is counted when
 * its process has ended. */
static int visit_call(struct llmobs_adopt *adopt,
                      const struct llmobs_entry *entry,
                      struct under_way *under_way)
{
    struct llmobs_adopt_call call = under_way->call;
    int rc;

    if (!llmobs_entry_has_begun(entry->type) ||
        !llmobs_adopt_is_open(adopt, entry))
        return 0;
    rc = llmobs_exchange_read(entry, &adopt->recalls, &call.exchange);
    if (rc)
        return rc == -ENOMEM ? rc : 0;
    call.id = entry->id;
    llmobs_exchange_entry_place(entry, &call.place);
    rc = under_way->visit(under_way->ctx, &call);
    llmobs_exchange_free(call.exchange);
    return rc;
}

static void note_process(struct llmobs_adopt *adopt,
                         const struct llmobs_adopt_found *found,
                         struct llmobs_adopt_call *call)
{
    *call = (struct llmobs_adopt_call){
        .pid = found->name.who.pid,
        .start = found->name.who.start,
        .pidns = llmobs_owner_origin(adopt->owner)->pidns,
        .config = &adopt->names};
    call->elsewhere =
        !call->pidns || call->pidns != llmobs_owner_origin(adopt->self)->pidns;
    llmobs_owner_config(adopt->owner, adopt->config, &adopt->names);
}

/* Visits the calls of a living process. */
static int visit_living(struct llmobs_adopt *adopt,
                        const struct llmobs_adopt_found *found, void *ctx)
{
    struct under_way *under_way = ctx;
    struct llmobs_entry entry;
    size_t at = 0;
    int rc;

    if (llmobs_adopt_find_owner(adopt) != 0 || adopt_is_dead(adopt, found))
        return 0;
    note_process(adopt, found, &under_way->call);
    rc = llmobs_adopt_survey(adopt);
    if (rc)
        return rc == -ENOMEM ? rc : 0;
    while (!rc && llmobs_adopt_next_entry(adopt, &at, &entry))
        rc = visit_call(adopt, &entry, under_way);
    return rc;
}

int llmobs_adopt_under_way(struct llmobs_adopt *adopt,
                           llmobs_adopt_call_fn *visit, void *ctx)
{
    struct under_way under_way = {.visit = visit, .ctx = ctx};

    return is_busy(adopt) ? -EBUSY
                          : adopt_walk(adopt, visit_living, &under_way);
}
