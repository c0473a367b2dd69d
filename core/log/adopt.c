/* Reads the spools of other processes, and releases entries. */
#include "core/log/adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/crash_point.h"
#include "lib/base/grow.h"
#include "lib/base/listing.h"
#include "lib/base/log.h"
#include "lib/base/once.h"
#include "core/log/adopt_file.h"
#include "core/log/item_entry.h"
#include "core/log/relay_sign.h"
#include "core/log/spool.h"
#include "core/log/spool_file.h"
#include "core/log/spool_relay.h"
#include "core/log/try.h"

/* Short programs leave one file each: this many files give one batch. */
#define CLAIMS 64
/* The names that are read from the spool at a time. */
#define NAMES 1024
/* A file without an owner that is older than this was left by a process that
 * was killed in its first write. */
#define EMPTY_S 60
/* After this time a program wants another reader for what one has left. */
#define LEFT_AGAIN_S 300
/* After this time a file without news is looked at in full: its process may be
 * dead, and another may have its pid. */
#define LOOK_AGAIN_MS 900

/* A file that this process has claimed, until it is read and each entry is
 * released or returned. */
struct claim {
    struct llmobs_spool_name name; /* file 0: no claim */
    struct llmobs_entry_key key;
    bool away;       /* its process's pid does not count here */
    bool own;        /* of this process: what it reclaims of a relay */
    bool stays;      /* it has more entries than were given */
    bool ended;      /* its process has ended */
    off_t size;      /* when it was read */
    size_t given;    /* entries given, and neither released nor returned */
    size_t returned; /* entries returned, and unreadable ones: */
    size_t bad;      /* the latter */
};

/* The names in the spool that a walk has still to visit. The spool is not held
 * open from one file to the next: the app owns the descriptors. */
struct names {
    struct llmobs_spool_name *list; /* NAMES, during a walk */
    size_t count, at;
    int64_t next; /* where in the spool to read on (listing.h) */
    bool all;     /* the end of the spool was reached */
    bool found;   /* the walk has claimed a file */
};

/* A file that is passed over, after a look: in this walk, as something of it
 * could not be delivered, or as long as it has the same size. */
struct passed {
    struct llmobs_spool_name name;
    bool given_up;     /* for this walk */
    bool aside;        /* as long as it has this size */
    off_t size;        /* of a living process's file without news; else -1 */
    int64_t looked_ns; /* when its process was last asked for */
    bool away;         /* it cannot be asked: its pid does not count here */
    bool met;          /* seen in this walk */
};

/* The process that has a pid now; 0: not known. */
struct now {
    bool gone; /* none has it */
    uint64_t start, program;
};

/* A file in the spool, as far as it is known. */
struct found {
    struct llmobs_spool_name name;
    bool own;           /* it is this process's */
    struct now who, by; /* that writes it; that has claimed it */
    struct stat st;
};

struct llmobs_adopt {
    const struct llmobs_config *config;
    /* A process that adopts nothing uses only the next members, in one page. */
    enum llmobs_adopt_whose whose;
    atomic_bool stopped;
    struct llmobs_spool *own;
    char base[PATH_MAX];
    struct llmobs_owner *unset; /* of a relay: the owner without destinations */
    const char *place;          /* takes only what is for it, or NULL */
    const struct llmobs_relay_sign *sign; /* of a relay: its own */
    bool reclaims;      /* this walk reclaims what a relay had */
    bool reclaimed_all; /* and has claimed all of it so far */
    unsigned reclaimed; /* how many entries that were at its begin */
    const struct llmobs_live_namespaces *living;
    struct llmobs_owner *self;   /* NULL before the first look, and so is */
    struct llmobs_process_id me; /* this: its nonce is the program */
    struct names walk;
    struct passed *passed;
    size_t passed_count, passed_cap;
    struct claim claims[CLAIMS];
    size_t strange; /* of this user: links and other irregular files
                     */
    /* The file that is read, and its claim; NULL: it is only looked at. */
    struct claim *here;
    size_t at; /* the place in its text */
    struct llmobs_recalls *recalls;
    struct llmobs_config names; /* of its process */
    struct llmobs_adopt_file file;
};

static int path_of(const struct llmobs_adopt *adopt,
                   const struct llmobs_spool_name *name, char out[PATH_MAX])
{
    char text[LLMOBS_SPOOL_NAME_MAX];

    llmobs_spool_name_write(name, text);
    return snprintf(out, PATH_MAX, "%s/%s", adopt->base, text) < PATH_MAX
               ? 0
               : -ENAMETOOLONG;
}

/* -- the processes of a file ---------------------------------------------- */

static int find_self(struct llmobs_adopt *adopt)
{
    if (adopt->self)
        return 0;
    adopt->me.pid = getpid();
    (void)llmobs_process_program(adopt->me.pid, &adopt->me.start,
                                 &adopt->me.nonce);
    adopt->self = llmobs_owner_new(adopt->config);
    return adopt->self ? 0 : -ENOMEM;
}

static int find_owner(struct llmobs_adopt *adopt)
{
    int rc = find_self(adopt);

    return rc ? rc : llmobs_adopt_file_find_owner(&adopt->file);
}

static bool counts_here(const struct llmobs_adopt *adopt, uint64_t pidns)
{
    return pidns && pidns == adopt->self->origin.pidns;
}

/* True for a process that has ended. A pid means nothing in another pid
 * namespace: where it is not known whether a process lives, it counts as
 * living. One of this namespace that has executed another program neither
 * writes nor reads any more. A file with the pid of this process and another
 * name is of the program before an exec. */
static bool has_ended(const struct llmobs_adopt *adopt,
                      const struct llmobs_process_id *who,
                      const struct now *now,
                      const struct llmobs_owner_origin *from, int64_t changed_s)
{
    uint64_t boot = adopt->self->origin.boot;
    bool other_boot = from->boot && boot && from->boot != boot;
    bool here = counts_here(adopt, from->pidns) && !other_boot;

    if (!now->gone && now->start && now->start == who->start &&
        who->pid != adopt->me.pid)
        return here && from->program && now->program &&
               from->program != now->program;
    if (!here)
        return other_boot || llmobs_live_namespaces_lacks(
                                 adopt->living, from->pidns, changed_s);
    return now->gone || llmobs_process_is_another(who, now->start) ||
           who->pid == adopt->me.pid;
}

static bool is_of_ended(const struct llmobs_adopt *adopt,
                        const struct found *found)
{
    return !found->own &&
           has_ended(adopt, &found->name.who, &found->who,
                     &adopt->file.owner->origin, found->st.st_ctime);
}

/* True where this process has claimed the file. */
static bool is_mine(const struct llmobs_adopt *adopt,
                    const struct llmobs_spool_name *name)
{
    return name->claimed && llmobs_process_id_equal(&name->by, &adopt->me);
}

/* True if no other reader has claimed the file, or that reader has ended. A
 * relay has ended if no process but this one holds a sign for the file's owner:
 * nothing else shows whether a relay in another container lives. */
static bool may_claim(const struct llmobs_adopt *adopt,
                      const struct found *found)
{
    const struct llmobs_spool_name *name = &found->name;
    const struct llmobs_owner_origin by = {.pidns = name->by_pidns,
                                           .program = name->by.nonce};
    bool held = true;
    int dir;

    if (!name->claimed || is_mine(adopt, name))
        return true;
    if (name->by_relay && !counts_here(adopt, name->by_pidns) &&
        llmobs_spool_open_dir(adopt->config, false, &dir) == 0) {
        held = llmobs_relay_sign_is_held(dir, adopt->file.owner, adopt->sign);
        close(dir);
    }
    return !held ||
           has_ended(adopt, &name->by, &found->by, &by, found->st.st_ctime);
}

/* True where this process delivers to the owner's destinations. */
static bool has_destinations(const struct llmobs_adopt *adopt)
{
    const struct llmobs_owner *owner = adopt->file.owner;

    if (adopt->place && !strstr(llmobs_owner_place(owner), adopt->place))
        return false;
    return adopt->whose == LLMOBS_ADOPT_ANY ||
           llmobs_owner_same_destinations(owner, adopt->self) ||
           (adopt->unset &&
            llmobs_owner_same_destinations(owner, adopt->unset));
}

static struct claim *find_free_claim(struct llmobs_adopt *adopt)
{
    for (size_t i = 0; i < CLAIMS; i++)
        if (!adopt->claims[i].name.file)
            return &adopt->claims[i];
    return NULL;
}

/* Frees what was read of the present file. */
static void free_file(struct llmobs_adopt *adopt)
{
    llmobs_recalls_free(adopt->recalls);
    adopt->recalls = NULL;
    llmobs_adopt_file_free(&adopt->file);
    adopt->at = 0;
    adopt->here = NULL;
}

/* -- files that are passed over ------------------------------------------- */

static struct passed *find_passed(const struct llmobs_adopt *adopt,
                                  const struct llmobs_spool_name *name)
{
    for (size_t i = 0; i < adopt->passed_count; i++)
        if (llmobs_spool_name_same(&adopt->passed[i].name, name))
            return &adopt->passed[i];
    return NULL;
}

/* Without memory a file is looked at each time. */
static void pass_over(struct llmobs_adopt *adopt, struct passed file)
{
    struct passed *passed = find_passed(adopt, &file.name);

    if (!passed) {
        if (llmobs_grow(&adopt->passed, &adopt->passed_cap, adopt->passed_count,
                        sizeof(*passed)))
            return;
        passed = &adopt->passed[adopt->passed_count++];
    }
    file.looked_ns = llmobs_clock_mono_ns();
    file.met = true;
    *passed = file;
}

/* Keeps this walk from visiting the file again. */
static void give_up(struct llmobs_adopt *adopt, const struct claim *claim)
{
    if (adopt->walk.list)
        pass_over(
            adopt,
            (struct passed){.name = claim->name, .given_up = true, .size = -1});
}

static bool may_live(const struct passed *passed)
{
    return passed->away || kill(passed->name.who.pid, 0) == 0 || errno != ESRCH;
}

/* True where another look would find nothing: the file has the size that it had
 * at the last look, which was not long ago, and its process still lives. */
static bool is_unchanged(const struct llmobs_adopt *adopt,
                         const struct llmobs_spool_name *name, off_t size)
{
    struct passed *passed = find_passed(adopt, name);

    if (!passed)
        return false;
    passed->met = true;
    return passed->size == size &&
           (passed->aside || (llmobs_clock_mono_ns() - passed->looked_ns <
                                  LOOK_AGAIN_MS * LLMOBS_NS_PER_MS &&
                              may_live(passed)));
}

/* `whole`: it has met all files that there are. */
static void end_walk(struct llmobs_adopt *adopt, bool whole)
{
    size_t left = 0;

    for (size_t i = 0; i < adopt->passed_count; i++) {
        struct passed *passed = &adopt->passed[i];

        if (passed->given_up || (whole && !passed->met))
            continue;
        passed->met = false;
        adopt->passed[left++] = *passed;
    }
    adopt->passed_count = left;
    free(adopt->walk.list);
    adopt->walk = (struct names){0};
}

/* -- claiming a file ------------------------------------------------------- */

static int survey_file(struct llmobs_adopt *adopt)
{
    return atomic_load(&adopt->stopped)
               ? -ETIME
               : llmobs_adopt_file_survey(&adopt->file);
}

/* Claims a file, and reads it: gives it a name of this process, and closes it
 * if its process lives. A file that this process has claimed before, and could
 * not deliver, keeps its name. 0 where another reader was faster, or the file
 * cannot be read: the walk goes on to the next file. */
static int open_file(struct llmobs_adopt *adopt, const struct found *found)
{
    struct llmobs_adopt_file *file = &adopt->file;
    bool held = file->living && (found->st.st_mode & LLMOBS_SPOOL_HELD);
    struct llmobs_spool_name name = found->name;
    struct claim *claim = find_free_claim(adopt);
    char path[PATH_MAX];
    int rc;

    /* A file that can be neither removed nor emptied after its calls are
     * delivered: each walk would deliver them again. */
    if (faccessat(AT_FDCWD, file->path, W_OK, 0) != 0 && errno != ENOENT) {
        llmobs_log_once(
            LLMOBS_LOG_ERROR, "spool files",
            "calls stay in the spool, since %s cannot be changed: %m",
            file->path);
        free_file(adopt);
        return 0;
    }
    name.claimed = true;
    name.by_relay = adopt->unset != NULL;
    name.by = adopt->me;
    name.by_pidns = adopt->self->origin.pidns;
    rc = path_of(adopt, &name, path);
    if (!rc) {
        llmobs_crash_point("claiming");
        rc = rename(file->path, path) ? -errno : 0;
    }
    if (!rc) {
        llmobs_crash_point("claimed");
        memcpy(file->path, path, sizeof(path));
        *claim = (struct claim){
            .name = name, .own = found->own, .away = found->who.gone};
        if (file->living && !held)
            rc = llmobs_spool_file_close(file->path);
    }
    if (!rc) {
        adopt->here = claim;
        adopt->walk.found |= !adopt->unset; /* news for a relay */
        llmobs_owner_config(file->owner, adopt->config, &adopt->names);
        rc = survey_file(adopt);
        llmobs_crash_point("read a claimed file");
        claim->key = file->key;
        claim->size = file->size;
        claim->stays = file->left > 0 || held;
        claim->ended = !file->living;
    }
    if (!rc)
        return 1;
    if (claim->name.file)
        give_up(adopt, claim);
    memset(claim, 0, sizeof(*claim));
    free_file(adopt);
    return rc == -ENOMEM ? rc : 0;
}

/* Reads the file of a living process, and claims it only if it has something
 * for the relay: a claim takes the file away from the calls that would begin in
 * it. */
static int open_living(struct llmobs_adopt *adopt, const struct found *found)
{
    struct llmobs_adopt_file *file = &adopt->file;
    int rc;

    file->living = true;
    rc = survey_file(adopt);
    if (!rc &&
        (file->due > 0 || (is_mine(adopt, &found->name) && file->left == 0)))
        return open_file(adopt, found);
    if (!rc)
        pass_over(adopt, (struct passed){.name = found->name,
                                         .away = found->who.gone,
                                         .size = file->size});
    free_file(adopt);
    return rc == -ENOMEM ? rc : 0;
}

/* -- finding one -------------------------------------------------------- */

static struct now now_of(pid_t pid)
{
    struct now now;

    now.gone = llmobs_process_program(pid, &now.start, &now.program) == -ESRCH;
    return now;
}

/* Finds out about a file and its process. False if the file is not for this
 * process, or has nothing new. Root also leaves a file to its user, and starts
 * a process for that.
 *
 * Looks at the process before reading the file: if the process has ended,
 * nothing is written to the file any more. */
static bool look_at(struct llmobs_adopt *adopt,
                    const struct llmobs_spool_name *name, struct found *found)
{
    struct stat *st = &found->st;

    found->name = *name;
    if (path_of(adopt, name, adopt->file.path) != 0 ||
        fstatat(AT_FDCWD, adopt->file.path, st, AT_SYMLINK_NOFOLLOW) ||
        st->st_uid != geteuid())
        return false;
    if (!S_ISREG(st->st_mode) || st->st_nlink != 1) {
        adopt->strange++;
        return false;
    }
    found->own = adopt->own && llmobs_spool_is_self(adopt->own, &name->who);
    if (is_unchanged(adopt, name, st->st_size))
        return false;
    found->who = now_of(name->who.pid);
    if (name->claimed)
        found->by = now_of(name->by.pid);
    return true;
}

/* 1: this process has claimed the file; 0: it is not for this process. */
static int try_file(struct llmobs_adopt *adopt,
                    const struct llmobs_spool_name *name)
{
    const struct passed *passed = find_passed(adopt, name);
    struct found found;
    int rc;

    /* This process reads it, or has given it up in this walk. */
    if (passed && passed->given_up)
        return 0;
    for (size_t i = 0; i < CLAIMS; i++)
        if (adopt->claims[i].name.file &&
            llmobs_spool_name_same(&adopt->claims[i].name, name))
            return 0;
    if (!look_at(adopt, name, &found) ||
        (found.own ? !adopt->reclaims : adopt->whose == LLMOBS_ADOPT_OWN))
        return 0;
    rc = find_owner(adopt);
    /* A process that was killed in its first write leaves nothing to read,
     * because the owner is written before all else. */
    if (rc == -ENODATA && found.who.gone &&
        found.st.st_size <= (off_t)LLMOBS_ADOPT_OWNER_LOOK &&
        llmobs_clock_wall_ns() / 1000000000 - found.st.st_mtime > EMPTY_S)
        unlink(adopt->file.path);
    if (rc || !has_destinations(adopt) || !may_claim(adopt, &found))
        return 0;
    if (is_of_ended(adopt, &found))
        return open_file(adopt, &found);
    return adopt->unset || found.own ? open_living(adopt, &found) : 0;
}

/* -ENOENT: there is no spool. */
static int open_list(struct llmobs_adopt *adopt, struct llmobs_listing *list)
{
    int fd, rc = llmobs_spool_open_dir(adopt->config, true, &fd);

    return rc ? rc : llmobs_listing_open(list, fd);
}

/* Reads the next names; the first ones begin a walk. A file that was made
 * meanwhile may have been passed over: the next walk finds it. */
static int read_names(struct llmobs_adopt *adopt)
{
    struct names *names = &adopt->walk;
    struct llmobs_listing list;
    const char *text = NULL;
    int rc;

    names->at = names->count = 0;
    if (!names->list)
        names->list = malloc(NAMES * sizeof(*names->list));
    rc = names->list ? open_list(adopt, &list) : -ENOMEM;
    if (rc) {
        names->all = rc == -ENOENT;
        return names->all ? 0 : rc;
    }
    if (names->next)
        llmobs_listing_seek(&list, names->next);
    while (names->count < NAMES && (text = llmobs_listing_next(&list)))
        names->count +=
            llmobs_spool_name_parse(text, &names->list[names->count]);
    names->all = !text && list.left > 0;
    names->next = names->all ? 0 : list.next;
    llmobs_listing_close(&list);
    qsort(names->list, names->count, sizeof(*names->list),
          llmobs_spool_name_by_age);
    return 0;
}

/* Ends a reclaim when its walk is over and all that it claimed is delivered. */
static void end_reclaim(struct llmobs_adopt *adopt)
{
    if (!adopt->reclaims || adopt->walk.list || adopt->here)
        return;
    for (size_t i = 0; i < CLAIMS; i++)
        if (adopt->claims[i].name.file && adopt->claims[i].own)
            return;
    adopt->reclaims = false;
    llmobs_spool_end_reclaim(adopt->own, adopt->reclaimed,
                             adopt->reclaimed_all);
}

/* Claims the next file: 1; 0: none is left. When a walk ends that has found
 * files, another walk begins, until a walk finds none. */
static int find_file(struct llmobs_adopt *adopt)
{
    struct names *names = &adopt->walk;
    int rc = 0;

    for (;;) {
        while (rc == 0 && names->at < names->count &&
               !atomic_load(&adopt->stopped))
            rc = try_file(adopt, &names->list[names->at++]);
        if (rc > 0)
            return rc;
        if (rc || atomic_load(&adopt->stopped) || (names->all && !names->found))
            break;
        if (names->all)
            names->found = false;
        rc = read_names(adopt);
    }
    end_walk(adopt, names->all && !atomic_load(&adopt->stopped));
    end_reclaim(adopt);
    return rc;
}

/* -- an adoption ---------------------------------------------------------- */

struct llmobs_adopt *llmobs_adopt_new(
    const struct llmobs_config *config, enum llmobs_adopt_whose whose,
    const struct llmobs_live_namespaces *living)
{
    struct llmobs_adopt *adopt = llmobs_once_alloc(sizeof(*adopt));

    if (!adopt)
        return NULL;
    adopt->config = config;
    adopt->whose = whose;
    adopt->file.wary = whose == LLMOBS_ADOPT_OWN;
    adopt->living = living;
    if (llmobs_spool_dir(config, adopt->base, sizeof(adopt->base)) == 0)
        return adopt;
    llmobs_adopt_free(adopt);
    return NULL;
}

void llmobs_adopt_forget(struct llmobs_adopt *adopt)
{
    llmobs_owner_free(adopt->self);
    adopt->self = NULL;
    atomic_store(&adopt->stopped, false);
    adopt->walk = (struct names){0};
    adopt->passed = NULL;
    adopt->passed_count = adopt->passed_cap = 0;
    adopt->recalls = NULL;
    adopt->here = NULL;
    adopt->at = 0;
    adopt->reclaims = false;
    memset(adopt->claims, 0, sizeof(adopt->claims));
    llmobs_adopt_file_forget(&adopt->file);
}

void llmobs_adopt_free(struct llmobs_adopt *adopt)
{
    if (!adopt)
        return;
    free_file(adopt);
    free(adopt->walk.list);
    free(adopt->passed);
    llmobs_owner_free(adopt->unset);
    llmobs_owner_free(adopt->self);
    llmobs_once_free(adopt);
}

int llmobs_adopt_set_relay(struct llmobs_adopt *adopt,
                           const struct llmobs_config *unset,
                           const struct llmobs_relay_sign *sign)
{
    adopt->sign = sign;
    adopt->unset = llmobs_owner_new(unset);
    return adopt->unset ? find_self(adopt) : -ENOMEM;
}

size_t llmobs_adopt_owners(struct llmobs_adopt *adopt,
                           const struct llmobs_owner *out[LLMOBS_ADOPT_OWNERS])
{
    out[0] = adopt->self;
    out[1] = adopt->unset;
    return LLMOBS_ADOPT_OWNERS;
}

void llmobs_adopt_set_place(struct llmobs_adopt *adopt, const char *text)
{
    adopt->place = text;
}

void llmobs_adopt_set_all(struct llmobs_adopt *adopt)
{
    adopt->file.all = true;
}

void llmobs_adopt_stop(struct llmobs_adopt *adopt, bool stop)
{
    atomic_store(&adopt->stopped, stop);
}

void llmobs_adopt_set_own(struct llmobs_adopt *adopt, struct llmobs_spool *own)
{
    adopt->own = own;
}

void llmobs_adopt_begin_reclaim(struct llmobs_adopt *adopt)
{
    if (adopt->own && !adopt->reclaims && !adopt->walk.list &&
        llmobs_spool_begin_reclaim(adopt->own, &adopt->reclaimed) == 0)
        adopt->reclaims = adopt->reclaimed_all = true;
}

bool llmobs_adopt_reclaims(const struct llmobs_adopt *adopt)
{
    return adopt->reclaims;
}

/* -- giving entries ------------------------------------------------------- */

/* Ends a claim once all entries of its file were given, and each was released
 * or returned. A file whose process lives is looked at again when it has
 * another size. */
static void end_claim_if_done(struct llmobs_adopt *adopt, struct claim *claim)
{
    char path[PATH_MAX];

    if (!claim->name.file || claim->given > 0 || claim == adopt->here ||
        path_of(adopt, &claim->name, path) != 0)
        return;
    /* Tells programs to start no reader for what is left. */
    if (claim->ended && claim->returned == claim->bad &&
        (claim->bad > 0 || claim->stays))
        (void)chmod(path, LLMOBS_SPOOL_ASIDE | 0600);
    if (claim->returned > 0)
        give_up(adopt, claim);
    else if (!claim->stays) {
        llmobs_crash_point("removing an adopted file");
        unlink(path);
        llmobs_crash_point("removed an adopted file");
    } else if (claim->own) {
        /* A file of this process gets its first name back. */
        struct llmobs_spool_name name = claim->name;
        char to[PATH_MAX];

        name.claimed = false;
        if (path_of(adopt, &name, to) == 0)
            (void)rename(path, to);
    } else
        pass_over(adopt, (struct passed){.name = claim->name,
                                         .away = claim->away,
                                         .aside = claim->ended,
                                         .size = claim->size});
    if (claim->own && claim->returned > 0)
        adopt->reclaimed_all = false;
    memset(claim, 0, sizeof(*claim));
    end_reclaim(adopt);
}

/* Reads the item of an entry that is due. The process may die of it from here
 * on, until the caller has made an event of it and says llmobs_try_end, or
 * wants the next one. No process records a byte of an answer before its call
 * ends, so one that was killed has no duration. */
static int read_due(struct llmobs_adopt *adopt,
                    const struct llmobs_entry *entry,
                    struct llmobs_adopted *out)
{
    int rc;

    out->killed = llmobs_entry_has_begun(entry->type);
    out->config = &adopt->names;
    llmobs_try_begin(adopt->file.path, &adopt->file.key, entry->id);
    out->began_ns = llmobs_item_start(entry, &out->mono_ns);
    if (adopt->file.owner->origin.boot != adopt->self->origin.boot)
        out->mono_ns = 0;
    rc = llmobs_item_read(entry, &adopt->recalls, &out->item);
    if (rc == 0 && out->killed) {
        struct llmobs_exchange *exchange = (struct llmobs_exchange *)out->item;

        exchange->end = LLMOBS_END_KILLED;
        exchange->duration_ns = 0;
    }
    if (rc)
        llmobs_try_end();
    return rc;
}

/* Gives the next due entry of the present file: 1; 0: none is left; -ENOMEM:
 * the next call tries the same entry. */
static int next_here(struct llmobs_adopt *adopt, struct llmobs_adopted *out)
{
    size_t before = adopt->at;
    struct llmobs_entry entry;
    bool due;
    int rc;

    while (llmobs_adopt_file_next(&adopt->file, &adopt->at, &entry, &due)) {
        unsigned delivered_to;
        bool killed = llmobs_entry_has_begun(entry.type);

        if (!due)
            continue;
        *out = (struct llmobs_adopted){
            .spooled = {.id = entry.id,
                        .file = adopt->here->name.file,
                        .kept = true,
                        .stored = llmobs_entry_has(&entry, LLMOBS_ENTRY_STORED),
                        .claim = (uint32_t)(adopt->here - adopt->claims) + 1,
                        .offset = entry.offset},
            .uncounted = !llmobs_adopt_file_delivered_to(&adopt->file, entry.id,
                                                         &delivered_to) &&
                         (killed || entry.type == LLMOBS_ENTRY_CHILDS_END)};
        rc = adopt->file.all ? 0 : read_due(adopt, &entry, out);
        if (rc == -ENOMEM) {
            adopt->at = before;
            return rc;
        }
        if (rc) {
            adopt->here->returned++;
            adopt->here->bad++;
            continue;
        }
        if (out->item) {
            out->item->spooled = out->spooled;
            /* Bits mean other destinations in a process that has others. */
            out->item->delivered_to =
                delivered_to &
                (adopt->whose == LLMOBS_ADOPT_ANY ? LLMOBS_INFERRED
                                                  : ~LLMOBS_LEFT);
        }
        if (out->uncounted)
            llmobs_adopt_write_delivered_to(adopt, &out->spooled, 0);
        adopt->here->given++;
        return 1;
    }
    return 0;
}

int llmobs_adopt_any(struct llmobs_adopt *adopt)
{
    if (adopt->here)
        return 1;
    return find_free_claim(adopt) ? find_file(adopt) : -EAGAIN;
}

int llmobs_adopt_next(struct llmobs_adopt *adopt, struct llmobs_adopted *out)
{
    struct claim *claim;
    int rc;

    for (;;) {
        claim = adopt->here;
        if (claim) {
            rc = next_here(adopt, out);
            if (rc != 0)
                return rc;
            free_file(adopt);
            end_claim_if_done(adopt, claim);
        }
        rc = llmobs_adopt_any(adopt);
        if (rc != 1)
            return rc;
    }
}

bool llmobs_adopt_has(const struct llmobs_adopt *adopt, uint64_t id)
{
    return llmobs_adopt_file_has(&adopt->file, id);
}

/* -- what became of them -------------------------------------------------- */

/* Adds an entry about one that was given, or beside it, to its file. */
static int add_to(const struct llmobs_adopt *adopt,
                  const struct llmobs_spooled *spooled, char path[PATH_MAX],
                  struct llmobs_spool_addition *addition)
{
    const struct claim *claim = &adopt->claims[spooled->claim - 1];
    int rc = path_of(adopt, &claim->name, path);

    addition->key = &claim->key;
    return rc ? rc : llmobs_spool_file_add(path, addition);
}

void llmobs_adopt_write_delivered_to(const struct llmobs_adopt *adopt,
                                     const struct llmobs_spooled *spooled,
                                     unsigned delivered_to)
{
    struct llmobs_spool_addition bits = {
        .type = LLMOBS_ENTRY_DELIVERED_TO,
        .id = spooled->id,
        .field = {(const char *)&delivered_to, sizeof(delivered_to)}};
    char path[PATH_MAX];

    (void)add_to(adopt, spooled, path, &bits);
}

/* A file that will be removed needs no RELEASE. If the disk has no room for it,
 * the entries are released in place. */
void llmobs_adopt_release(struct llmobs_adopt *adopt,
                          const struct llmobs_spooled *list, size_t count)
{
    uint64_t ids[LLMOBS_RELEASE_MAX];
    char path[PATH_MAX];
    size_t n;

    for (; count > 0; list += n, count -= n) {
        struct claim *claim = &adopt->claims[list->claim - 1];
        struct llmobs_spool_addition release = {.type = LLMOBS_ENTRY_RELEASE,
                                                .id = list->id,
                                                .field.data =
                                                    (const char *)ids};

        for (n = 0; n < count && n < LLMOBS_RELEASE_MAX &&
                    list[n].claim == list->claim;
             n++)
            ids[n] = list[n].id;
        release.field.len = n * sizeof(*ids);
        if ((claim->given > n || claim == adopt->here || claim->returned > 0 ||
             claim->stays) &&
            add_to(adopt, list, path, &release) != 0)
            for (size_t i = 0; i < n; i++)
                (void)llmobs_spool_file_release(path, list[i].offset,
                                                list[i].id);
        claim->given -= n < claim->given ? n : claim->given;
        end_claim_if_done(adopt, claim);
    }
}

int llmobs_adopt_add(struct llmobs_adopt *adopt,
                     const struct llmobs_spooled *beside, uint64_t id,
                     struct llmobs_text event, struct llmobs_spooled *out)
{
    struct llmobs_spool_addition span = {
        .type = LLMOBS_ENTRY_EVENT, .id = id, .field = event};
    char path[PATH_MAX];
    int rc = add_to(adopt, beside, path, &span);

    if (rc)
        return rc;
    *out = (struct llmobs_spooled){.id = id,
                                   .file = beside->file,
                                   .kept = true,
                                   .claim = beside->claim,
                                   .offset = span.offset};
    adopt->claims[beside->claim - 1].given++;
    return 0;
}

void llmobs_adopt_return(struct llmobs_adopt *adopt,
                         const struct llmobs_spooled *spooled)
{
    struct claim *claim = &adopt->claims[spooled->claim - 1];

    claim->given -= claim->given > 0;
    claim->returned++;
    end_claim_if_done(adopt, claim);
}

/* -- looking alone --------------------------------------------------------- */

typedef int visit_fn(struct llmobs_adopt *adopt, const struct found *found,
                     void *ctx);

/* Visits each file in the spool but this process's, until a visit gives a
 * number other than 0, and gives that number. Not while a file is read. */
static int walk_files(struct llmobs_adopt *adopt, visit_fn *visit, void *ctx)
{
    struct found found;
    struct llmobs_spool_name name;
    struct llmobs_listing list;
    const char *text;
    int rc = open_list(adopt, &list);

    if (rc)
        return rc == -ENOENT ? 0 : rc;
    while (rc == 0 && !atomic_load(&adopt->stopped) &&
           (text = llmobs_listing_next(&list)))
        if (llmobs_spool_name_parse(text, &name) &&
            look_at(adopt, &name, &found) && !found.own) {
            rc = visit(adopt, &found, ctx);
            free_file(adopt);
        }
    llmobs_listing_close(&list);
    return rc;
}

/* -EBUSY while a file is claimed. */
static int visit_files(struct llmobs_adopt *adopt, visit_fn *visit, void *ctx)
{
    for (size_t i = 0; i < CLAIMS; i++)
        if (adopt->claims[i].name.file)
            return -EBUSY;
    return walk_files(adopt, visit, ctx);
}

/* The row of the file's destination; the last row has all beyond it. */
static struct llmobs_adopt_place *find_place(const struct llmobs_adopt *adopt,
                                             struct llmobs_adopt_counts *out)
{
    const char *name = llmobs_owner_place(adopt->file.owner);
    bool ours = llmobs_owner_same_destinations(adopt->file.owner, adopt->self);
    struct llmobs_adopt_place *place = out->places;

    while (place->ended + place->living > 0 &&
           (place->ours != ours || strcmp(place->name, name) != 0)) {
        if (place == out->places + LLMOBS_ADOPT_PLACES - 1) {
            place->name[0] = '\0';
            return place;
        }
        place++;
    }
    snprintf(place->name, sizeof(place->name), "%s", name);
    place->ours = ours;
    return place;
}

static void take_earlier(int64_t *oldest_ns, int64_t start_ns)
{
    if (start_ns > 0 && (*oldest_ns == 0 || start_ns < *oldest_ns))
        *oldest_ns = start_ns;
}

static int count_file(struct llmobs_adopt *adopt, const struct found *found,
                      void *ctx)
{
    struct llmobs_adopt_counts *out = ctx;
    struct llmobs_adopt_place *place = NULL;
    struct llmobs_entry entry;
    bool due;
    size_t at = 0;
    uint64_t *count;
    int rc = find_owner(adopt);
    bool ended = !rc && is_of_ended(adopt, found);

    count = !ended                    ? &out->living
            : has_destinations(adopt) ? &out->ours
                                      : &out->others;
    if (!rc)
        rc = survey_file(adopt);
    if (!rc)
        place = find_place(adopt, out);
    while (!rc && llmobs_adopt_file_next(&adopt->file, &at, &entry, &due)) {
        int64_t start;

        if (!ended && llmobs_entry_has_begun(entry.type))
            continue;
        if (llmobs_adopt_file_is_aside(&adopt->file, entry.id)) {
            out->set_aside++;
            continue;
        }
        (*count)++;
        (*(ended ? &place->ended : &place->living))++;
        start = llmobs_item_start(&entry, NULL);
        take_earlier(&out->oldest_ns, start);
        take_earlier(&place->oldest_ns, start);
    }
    /* A process before its first entry has an empty file; so has a process that
     * entered a sandbox and has made no call. */
    out->unreadable += rc != 0 && rc != -ENOENT && found->st.st_size > 0;
    out->versions += rc == -ENOTSUP;
    return rc == -ENOMEM ? rc : 0;
}

int llmobs_adopt_count(struct llmobs_adopt *adopt,
                       struct llmobs_adopt_counts *out)
{
    int rc;

    memset(out, 0, sizeof(*out));
    adopt->strange = 0;
    rc = visit_files(adopt, count_file, out);
    out->unreadable += adopt->strange;
    return rc;
}

static int is_client(struct llmobs_adopt *adopt, const struct found *found,
                     void *ctx)
{
    (void)ctx;
    return find_owner(adopt) == 0 && has_destinations(adopt) &&
           !is_of_ended(adopt, found);
}

bool llmobs_adopt_has_clients(struct llmobs_adopt *adopt)
{
    bool has = adopt->here != NULL;

    for (size_t i = 0; i < adopt->passed_count && !has; i++)
        has = adopt->passed[i].size >= 0 && !adopt->passed[i].away &&
              may_live(&adopt->passed[i]);
    return has || walk_files(adopt, is_client, NULL) != 0;
}

static int is_left(struct llmobs_adopt *adopt, const struct found *found,
                   void *ctx)
{
    int64_t age_s = llmobs_clock_wall_ns() / 1000000000 - found->st.st_ctime;
    bool own = adopt->whose == LLMOBS_ADOPT_OWN;

    (void)ctx;
    if ((own && (found->st.st_mode & LLMOBS_SPOOL_ASIDE ||
                 (found->name.claimed && age_s <= LEFT_AGAIN_S))) ||
        find_owner(adopt) != 0 || !has_destinations(adopt) ||
        !is_of_ended(adopt, found) || !may_claim(adopt, found))
        return 0;
    if (own)
        return faccessat(AT_FDCWD, adopt->file.path, W_OK, 0) == 0;
    return survey_file(adopt) != 0 || adopt->file.due > 0 ||
           adopt->file.left == 0;
}

bool llmobs_adopt_has_left(struct llmobs_adopt *adopt)
{
    return visit_files(adopt, is_left, NULL) > 0;
}

struct under_way {
    llmobs_adopt_call_fn *visit;
    llmobs_adopt_waiting_fn *ended;
    void *ctx;
};

/* Visits the calls of a living process. Skips a damaged entry: it stays, and is
 * counted when its process has ended. */
static int visit_living(struct llmobs_adopt *adopt, const struct found *found,
                        void *ctx)
{
    const struct under_way *under_way = ctx;
    struct llmobs_adopt_call call;
    struct llmobs_entry entry;
    size_t at = 0;
    bool due;
    int rc;

    if (find_owner(adopt) != 0 || is_of_ended(adopt, found))
        return 0;
    llmobs_owner_config(adopt->file.owner, adopt->config, &adopt->names);
    call = (struct llmobs_adopt_call){.pid = found->name.who.pid,
                                      .start = found->name.who.start,
                                      .pidns = adopt->file.owner->origin.pidns,
                                      .config = &adopt->names};
    call.elsewhere = !counts_here(adopt, call.pidns);
    rc = survey_file(adopt);
    while (!rc && llmobs_adopt_file_next(&adopt->file, &at, &entry, &due)) {
        if (!llmobs_entry_has_begun(entry.type))
            continue;
        rc = llmobs_exchange_read(&entry, &adopt->recalls, &call.exchange);
        if (rc) {
            rc = rc == -ENOMEM ? rc : 0;
            continue;
        }
        call.id = entry.id;
        llmobs_exchange_entry_place(&entry, &call.place);
        rc = under_way->visit(under_way->ctx, &call);
        llmobs_exchange_free(call.exchange);
        if (rc)
            return rc;
    }
    return rc == -ENOMEM ? rc : 0;
}

int llmobs_adopt_under_way(struct llmobs_adopt *adopt,
                           llmobs_adopt_call_fn *visit, void *ctx)
{
    struct under_way under_way = {.visit = visit, .ctx = ctx};

    return visit_files(adopt, visit_living, &under_way);
}

/* Skips what cannot be read, as a delivery does. */
static int visit_ended(struct llmobs_adopt *adopt, const struct found *found,
                       void *ctx)
{
    const struct under_way *waiting = ctx;
    struct llmobs_adopted one = {0};
    struct llmobs_entry entry;
    size_t at = 0;
    bool due;
    int rc = 0;

    if (find_owner(adopt) != 0 || !is_of_ended(adopt, found))
        return 0;
    llmobs_owner_config(adopt->file.owner, adopt->config, &adopt->names);
    if (survey_file(adopt) != 0)
        return 0;
    while (!rc && llmobs_adopt_file_next(&adopt->file, &at, &entry, &due))
        if (due && read_due(adopt, &entry, &one) == 0) {
            rc = waiting->ended(waiting->ctx, &one);
            llmobs_try_end();
            llmobs_item_free(one.item);
        }
    return rc;
}

int llmobs_adopt_waiting(struct llmobs_adopt *adopt,
                         llmobs_adopt_waiting_fn *visit, void *ctx)
{
    struct under_way waiting = {.ended = visit, .ctx = ctx};

    return visit_files(adopt, visit_ended, &waiting);
}
