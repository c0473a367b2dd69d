#include "core/adopt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/dirs.h"
#include "core/event_item.h"
#include "core/exchange_entry.h"
#include "core/ledger_dir.h"
#include "core/spool_file.h"
#include "core/step.h"

#define FILES_MAX 4096
#define IDS_MAX ((size_t)4 * 1024 * 1024)
/* A directory without a file is somebody's who began this moment, or was
 * killed then. */
#define EMPTY_S 60
#define OWNER_LOOK ((size_t)64 * 1024)

/* Numbers, sorted once and then looked up. */
struct ids {
    uint64_t *list;
    size_t count, cap;
};

typedef char dir_name[LLMOBS_RECORD_NAME_MAX];

/* Who had an entry already; sorted by the id, its first member. */
struct had {
    uint64_t id;
    unsigned bits;
};

struct llmobs_adopt {
    const struct llmobs_config *config;
    enum llmobs_adopt_whose whose;
    const struct llmobs_living *living;
    struct llmobs_owner *self;
    const struct llmobs_spool *own;
    char base[PATH_MAX];
    /* What is left of these was looked at in this walk over all. */
    dir_name *given_up;
    size_t given_up_count;
    /* The directory that it is in; ours. */
    bool open;
    char dir[PATH_MAX];
    struct llmobs_owner *owner;
    struct llmobs_config names;
    uint32_t files[FILES_MAX];
    size_t file_count, file;
    struct ids released, ended;
    struct had *had; /* few, in the order of their file */
    size_t had_count;
    struct llmobs_recalls *recalls;
    struct llmobs_buf text; /* of the present file */
    size_t at;
    size_t out;      /* given and neither let go nor given back */
    size_t kept;     /* given back, or not readable */
    int64_t died_ns; /* wall clock: the last write there */
};

struct llmobs_adopt *llmobs_adopt_new(const struct llmobs_config *config,
                                      enum llmobs_adopt_whose whose)
{
    struct llmobs_adopt *adopt = calloc(1, sizeof(*adopt));

    if (!adopt)
        return NULL;
    adopt->config = config;
    adopt->whose = whose;
    adopt->self = llmobs_owner_new(config);
    llmobs_buf_init(&adopt->text, LLMOBS_SPOOL_TEXT);
    if (adopt->self &&
        llmobs_spool_dir(config, adopt->base, sizeof(adopt->base)) == 0)
        return adopt;
    llmobs_adopt_free(adopt);
    return NULL;
}

static void forget_dir(struct llmobs_adopt *adopt)
{
    memset(&adopt->released, 0, sizeof(adopt->released));
    memset(&adopt->ended, 0, sizeof(adopt->ended));
    adopt->had = NULL;
    adopt->had_count = 0;
    adopt->owner = NULL;
    adopt->recalls = NULL;
    llmobs_buf_init(&adopt->text, LLMOBS_SPOOL_TEXT);
    adopt->at = adopt->file = adopt->file_count = 0;
    adopt->out = adopt->kept = 0;
    adopt->open = false;
}

void llmobs_adopt_abandon(struct llmobs_adopt *adopt)
{
    llmobs_owner_renew(&adopt->self, adopt->config);
    adopt->given_up = NULL;
    adopt->given_up_count = 0;
    forget_dir(adopt);
}

static void leave_dir(struct llmobs_adopt *adopt)
{
    free(adopt->released.list);
    free(adopt->ended.list);
    free(adopt->had);
    llmobs_owner_free(adopt->owner);
    llmobs_recalls_free(adopt->recalls);
    llmobs_buf_fini(&adopt->text);
    forget_dir(adopt);
}

void llmobs_adopt_free(struct llmobs_adopt *adopt)
{
    if (!adopt)
        return;
    leave_dir(adopt);
    free(adopt->given_up);
    llmobs_owner_free(adopt->self);
    free(adopt);
}

void llmobs_adopt_living(struct llmobs_adopt *adopt,
                         const struct llmobs_living *living)
{
    adopt->living = living;
}

void llmobs_adopt_except(struct llmobs_adopt *adopt,
                         const struct llmobs_spool *own)
{
    adopt->own = own;
}

/* -- ids ----------------------------------------------------------------- */

static int add_id(struct ids *ids, uint64_t id)
{
    size_t cap = ids->cap ? ids->cap * 2 : 64;
    uint64_t *list = ids->list;

    if (ids->count == ids->cap) {
        if (ids->count >= IDS_MAX)
            return -E2BIG;
        list = realloc(list, cap * sizeof(*list));
        if (!list)
            return -ENOMEM;
        ids->list = list;
        ids->cap = cap;
    }
    list[ids->count++] = id;
    return 0;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

static bool has_id(const struct ids *ids, uint64_t id)
{
    return ids->count > 0 &&
           bsearch(&id, ids->list, ids->count, sizeof(id), by_number) != NULL;
}

static void sort_ids(struct ids *ids)
{
    if (ids->count > 1)
        qsort(ids->list, ids->count, sizeof(*ids->list), by_number);
}

/* -- a directory's files ------------------------------------------------- */

static int by_file(const void *a, const void *b)
{
    uint32_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

static bool file_number(const char *name, uint32_t *out)
{
    char *end;
    unsigned long number = strtoul(name, &end, 10);

    *out = (uint32_t)number;
    return *name >= '1' && *name <= '9' && *end == '\0' && number < UINT32_MAX;
}

static int list_files(struct llmobs_adopt *adopt, const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    adopt->file_count = 0;
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return -errno;
    }
    while (adopt->file_count < FILES_MAX && (entry = readdir(dir)))
        adopt->file_count +=
            file_number(entry->d_name, &adopt->files[adopt->file_count]);
    closedir(dir);
    qsort(adopt->files, adopt->file_count, sizeof(*adopt->files), by_file);
    return 0;
}

static int read_file(struct llmobs_adopt *adopt, const char *dir, uint32_t file,
                     size_t max)
{
    char path[PATH_MAX];

    llmobs_buf_cut(&adopt->text, 0);
    llmobs_spool_file_path(dir, file, path);
    return llmobs_spool_read(path, 0, max, &adopt->text);
}

static struct llmobs_text text_of(const struct llmobs_adopt *adopt)
{
    return (struct llmobs_text){adopt->text.data, adopt->text.len};
}

/* -- whose it is --------------------------------------------------------- */

static int find_owner(struct llmobs_adopt *adopt, const char *dir)
{
    struct llmobs_entry entry;
    int rc = -ENODATA;

    llmobs_owner_free(adopt->owner);
    adopt->owner = NULL;
    for (size_t i = 0; i < adopt->file_count && !adopt->owner; i++) {
        size_t at = 0;

        rc = read_file(adopt, dir, adopt->files[i], OWNER_LOOK);
        if (rc)
            continue;
        rc = -ENODATA;
        while (!adopt->owner && llmobs_entry_next(text_of(adopt), &at, &entry))
            if (entry.type == LLMOBS_ENTRY_OWNER)
                rc = llmobs_owner_read(&entry, &adopt->owner);
    }
    return rc;
}

/* A pid means nothing in another namespace, and what is not known is taken for
 * living. Our own pid under another name is what we were before an exec. Who
 * has claimed a directory of another boot or namespace is in its name. */
static bool is_dead(const struct llmobs_adopt *adopt,
                    const struct llmobs_record_owner *who, int64_t changed_s)
{
    uint64_t boot = llmobs_owner_boot(adopt->owner);
    uint64_t mine = llmobs_owner_boot(adopt->self);
    uint64_t pidns = llmobs_owner_pidns(adopt->owner);
    uint64_t start;
    bool gone = llmobs_record_start(who->pid, &start) == -ESRCH;

    if (!gone && start && start == who->start && who->pid != getpid())
        return false;
    if (boot && mine && boot != mine)
        return true;
    if (!pidns || pidns != llmobs_owner_pidns(adopt->self))
        return adopt->living &&
               llmobs_living_lacks(adopt->living, pidns, changed_s);
    if (gone)
        return true;
    if (start && who->start && start != who->start)
        return true;
    return who->pid == getpid();
}

static bool is_for_us(const struct llmobs_adopt *adopt)
{
    return adopt->whose == LLMOBS_ADOPT_ANY ||
           llmobs_owner_same_place(adopt->owner, adopt->self);
}

/* Another may have been faster: then it is gone. */
static int claim(struct llmobs_adopt *adopt, const char *path)
{
    struct llmobs_record_owner self = {.pid = getpid()};
    char name[LLMOBS_RECORD_NAME_MAX];

    (void)llmobs_record_start(self.pid, &self.start);
    self.nonce = (uint64_t)llmobs_clock_mono_ns();
    llmobs_record_name(&self, name);
    if (snprintf(adopt->dir, sizeof(adopt->dir), "%s/%s", adopt->base, name) >=
        (int)sizeof(adopt->dir))
        return -ENAMETOOLONG;
    llmobs_step("claiming");
    if (rename(path, adopt->dir))
        return -errno;
    llmobs_step("claimed");
    return 0;
}

/* -- what is in it ------------------------------------------------------- */

static int note_ids(struct ids *ids, const struct llmobs_entry *entry)
{
    struct llmobs_text value;
    size_t at = 0;
    uint32_t tag;
    int rc = 0;

    while (!rc && llmobs_entry_field(entry, &at, &tag, &value))
        for (size_t i = 0; tag == LLMOBS_RELEASE_IDS && !rc &&
                           i + sizeof(uint64_t) <= value.len;
             i += sizeof(uint64_t)) {
            uint64_t id;

            memcpy(&id, value.data + i, sizeof(id));
            rc = add_id(ids, id);
        }
    return rc;
}

static int note_had(struct llmobs_adopt *adopt,
                    const struct llmobs_entry *entry)
{
    struct had *had = adopt->had;
    struct llmobs_text value;
    size_t at = 0;
    uint32_t tag;

    if (!llmobs_entry_field(entry, &at, &tag, &value) ||
        value.len != sizeof(had->bits) || adopt->had_count >= IDS_MAX)
        return 0;
    had = realloc(had, (adopt->had_count + 1) * sizeof(*had));
    if (!had)
        return -ENOMEM;
    adopt->had = had;
    had += adopt->had_count++;
    had->id = entry->id;
    memcpy(&had->bits, value.data, sizeof(had->bits));
    return 0;
}

/* False where nobody has noted anything of it. */
static bool had_of(const struct llmobs_adopt *adopt, uint64_t id,
                   unsigned *bits)
{
    const struct had *end = adopt->had + adopt->had_count, *at = NULL;

    *bits = 0;
    if (adopt->had_count > 0)
        at = bsearch(&id, adopt->had, adopt->had_count, sizeof(*at), by_number);
    if (!at)
        return false;
    while (at > adopt->had && at[-1].id == id)
        at--;
    for (; at < end && at->id == id; at++)
        *bits |= at->bits;
    return true;
}

static int note_entry(struct llmobs_adopt *adopt,
                      const struct llmobs_entry *entry)
{
    if (entry->done)
        return add_id(&adopt->released, entry->id);
    if (entry->type == LLMOBS_ENTRY_RELEASE)
        return note_ids(&adopt->released, entry);
    if (entry->type == LLMOBS_ENTRY_HAD)
        return note_had(adopt, entry);
    if (entry->type == LLMOBS_ENTRY_END || entry->type == LLMOBS_ENTRY_EVENT)
        return add_id(&adopt->ended, entry->id);
    return 0;
}

static void note_time(struct llmobs_adopt *adopt, uint32_t file)
{
    char path[PATH_MAX];
    struct stat st;
    int64_t at;

    llmobs_spool_file_path(adopt->dir, file, path);
    if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW))
        return;
    at = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    if (at > adopt->died_ns)
        adopt->died_ns = at;
}

/* The first walk: what was released, and what ended. A file that cannot be
 * read keeps its directory. */
static int survey(struct llmobs_adopt *adopt)
{
    struct llmobs_entry entry;
    int rc = 0;

    adopt->died_ns = 0;
    for (size_t i = 0; i < adopt->file_count && !rc; i++) {
        size_t at = 0;

        note_time(adopt, adopt->files[i]);
        if (read_file(adopt, adopt->dir, adopt->files[i], LLMOBS_SPOOL_TEXT))
            adopt->kept++;
        while (!rc && llmobs_entry_next(text_of(adopt), &at, &entry))
            rc = note_entry(adopt, &entry);
    }
    sort_ids(&adopt->released);
    sort_ids(&adopt->ended);
    if (adopt->had_count > 1)
        qsort(adopt->had, adopt->had_count, sizeof(*adopt->had), by_number);
    llmobs_buf_cut(&adopt->text, 0);
    adopt->file = 0;
    adopt->at = 0;
    return rc;
}

/* What stays of the present directory is not looked at again in this walk. */
static void give_up(struct llmobs_adopt *adopt)
{
    size_t count = adopt->given_up_count;
    dir_name *list = realloc(adopt->given_up, (count + 1) * sizeof(*list));

    if (!list)
        return;
    adopt->given_up = list;
    adopt->given_up_count = count + 1;
    snprintf(list[count], sizeof(*list), "%s", strrchr(adopt->dir, '/') + 1);
}

static bool is_given_up(const struct llmobs_adopt *adopt, const char *name)
{
    for (size_t i = 0; i < adopt->given_up_count; i++)
        if (strcmp(adopt->given_up[i], name) == 0)
            return true;
    return false;
}

/* One that cannot be had does not stand before the others. */
static int open_dir(struct llmobs_adopt *adopt, const char *path)
{
    int rc = claim(adopt, path);

    if (rc)
        return 0;
    adopt->open = true;
    adopt->out = adopt->kept = 0;
    llmobs_owner_config(adopt->owner, adopt->config, &adopt->names);
    rc = survey(adopt);
    if (!rc)
        return 1;
    give_up(adopt);
    leave_dir(adopt);
    return rc == -ENOMEM ? rc : 0;
}

/* Nothing is left: its files and the directory go. */
static void remove_dir(struct llmobs_adopt *adopt)
{
    char path[PATH_MAX];

    for (size_t i = 0; i < adopt->file_count; i++) {
        llmobs_spool_file_path(adopt->dir, adopt->files[i], path);
        llmobs_step("removing an adopted file");
        unlink(path);
    }
    llmobs_step("removing an adopted directory");
    rmdir(adopt->dir);
    llmobs_step("removed an adopted directory");
}

static void close_if_done(struct llmobs_adopt *adopt)
{
    if (!adopt->open || adopt->out > 0 || adopt->file < adopt->file_count)
        return;
    if (adopt->kept == 0)
        remove_dir(adopt);
    else
        give_up(adopt);
    leave_dir(adopt);
}

/* -- finding one --------------------------------------------------------- */

static bool is_old(const char *path)
{
    struct stat st;

    return fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(st.st_mode) &&
           llmobs_clock_wall_ns() / 1000000000 - st.st_mtime > EMPTY_S;
}

/* Killed in its first write, a process leaves nothing that could be read: its
 * owner comes before all else. */
static void remove_stub(struct llmobs_adopt *adopt, const char *dir,
                        const struct llmobs_record_owner *who)
{
    char path[PATH_MAX];
    struct stat st;
    uint64_t start;

    if (!is_old(dir) || llmobs_record_start(who->pid, &start) != -ESRCH)
        return;
    for (size_t i = 0; i < adopt->file_count; i++) {
        llmobs_spool_file_path(dir, adopt->files[i], path);
        if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) ||
            !S_ISREG(st.st_mode) || st.st_size > (off_t)OWNER_LOOK)
            return;
    }
    for (size_t i = 0; i < adopt->file_count; i++) {
        llmobs_spool_file_path(dir, adopt->files[i], path);
        unlink(path);
    }
    rmdir(dir);
}

/* Asked after its files were listed: our own has some only when its path is
 * known. */
static bool is_own(const struct llmobs_adopt *adopt, const char *path)
{
    return adopt->own && strcmp(path, llmobs_spool_path(adopt->own)) == 0;
}

/* A directory of the spool: whose name it has, its path, and its files. A
 * foreign one is left to its user, for whom root makes a process. */
static bool look_at(struct llmobs_adopt *adopt, const char *name,
                    struct llmobs_record_owner *who, char path[PATH_MAX],
                    int64_t *changed_s)
{
    struct stat st;

    if (!llmobs_record_parse(name, who) ||
        snprintf(path, PATH_MAX, "%s/%s", adopt->base, name) >= PATH_MAX)
        return false;
    if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) ||
        !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
        return false;
    *changed_s = st.st_ctime;
    return list_files(adopt, path) == 0 && !is_own(adopt, path);
}

/* 1: it is ours now; 0: it is not for us. */
static int try_dir(struct llmobs_adopt *adopt, const char *name, void *ctx)
{
    struct llmobs_record_owner who;
    char path[PATH_MAX];
    int64_t changed_s;
    int rc;

    (void)ctx;
    if (!look_at(adopt, name, &who, path, &changed_s) ||
        is_given_up(adopt, name))
        return 0;
    if (adopt->file_count == 0) {
        if (is_old(path))
            rmdir(path);
        return 0;
    }
    rc = find_owner(adopt, path);
    if (rc == -ENODATA)
        remove_stub(adopt, path, &who);
    if (rc || !is_dead(adopt, &who, changed_s) || !is_for_us(adopt))
        return 0;
    return open_dir(adopt, path);
}

/* Until a visit answers other than 0; that is the answer. */
static int walk(struct llmobs_adopt *adopt,
                int (*visit)(struct llmobs_adopt *, const char *, void *),
                void *ctx)
{
    struct dirent *entry;
    DIR *list;
    int fd, rc = llmobs_dirs_open(adopt->base, adopt->config->spool_dir != NULL,
                                  true, &fd);

    if (rc)
        return rc == -ENOENT ? 0 : rc;
    list = fdopendir(fd);
    if (!list) {
        rc = -errno;
        close(fd);
        return rc;
    }
    while (rc == 0 && (entry = readdir(list)))
        rc = visit(adopt, entry->d_name, ctx);
    closedir(list);
    if (rc == 0)
        adopt->given_up_count = 0;
    return rc;
}

static int find_dir(struct llmobs_adopt *adopt)
{
    int rc = walk(adopt, try_dir, NULL);

    if (rc == 0)
        adopt->given_up_count = 0;
    return rc;
}

/* -- entries ------------------------------------------------------------- */

static bool is_due(const struct llmobs_adopt *adopt,
                   const struct llmobs_entry *entry)
{
    if (has_id(&adopt->released, entry->id))
        return false;
    if (entry->type == LLMOBS_ENTRY_BEGIN)
        return !has_id(&adopt->ended, entry->id);
    return entry->type == LLMOBS_ENTRY_END || entry->type == LLMOBS_ENTRY_EVENT;
}

static void end_by_kill(const struct llmobs_adopt *adopt,
                        struct llmobs_exchange *exchange)
{
    exchange->end = LLMOBS_END_KILLED;
    exchange->duration_ns = adopt->died_ns - exchange->start_wall_ns;
    if (exchange->duration_ns < 0)
        exchange->duration_ns = 0;
}

static int read_entry(struct llmobs_adopt *adopt,
                      const struct llmobs_entry *entry,
                      struct llmobs_adopted *out)
{
    bool counted;

    memset(out, 0, sizeof(*out));
    out->config = &adopt->names;
    out->spooled.id = entry->id;
    out->spooled.file = adopt->files[adopt->file];
    /* Another's destinations are numbered otherwise. */
    counted = had_of(adopt, entry->id, &out->had);
    if (adopt->whose == LLMOBS_ADOPT_ANY)
        out->had = 0;
    if (entry->type == LLMOBS_ENTRY_EVENT)
        return llmobs_event_read(entry, &out->kind, &out->event);
    out->killed = entry->type == LLMOBS_ENTRY_BEGIN;
    out->uncounted = out->killed && !counted;
    return llmobs_exchange_read(entry, &adopt->recalls, &out->exchange);
}

/* The next one of the present directory; 0: there is none. */
static int next_here(struct llmobs_adopt *adopt, struct llmobs_adopted *out)
{
    struct llmobs_entry entry;
    int rc;

    for (; adopt->file < adopt->file_count; adopt->file++) {
        if (adopt->at == 0) {
            rc = read_file(adopt, adopt->dir, adopt->files[adopt->file],
                           LLMOBS_SPOOL_TEXT);
            if (rc == -ENOMEM)
                return rc;
            if (rc)
                continue; /* the survey kept it */
        }
        while (llmobs_entry_next(text_of(adopt), &adopt->at, &entry)) {
            if (!is_due(adopt, &entry))
                continue;
            rc = read_entry(adopt, &entry, out);
            if (rc == 0) {
                if (out->killed)
                    end_by_kill(adopt, out->exchange);
                if (out->uncounted)
                    llmobs_adopt_had(adopt, &out->spooled, 0);
                adopt->out++;
                return 1;
            }
            if (rc == -ENOMEM)
                return rc;
            adopt->kept++;
        }
        adopt->at = 0;
    }
    return 0;
}

int llmobs_adopt_next(struct llmobs_adopt *adopt, struct llmobs_adopted *out)
{
    int rc;

    for (;;) {
        if (adopt->open) {
            rc = next_here(adopt, out);
            if (rc != 0)
                return rc;
            if (adopt->out > 0)
                return -EAGAIN;
            close_if_done(adopt);
        }
        rc = find_dir(adopt);
        if (rc != 1)
            return rc;
    }
}

void llmobs_adopt_let_go(struct llmobs_adopt *adopt,
                         const struct llmobs_spooled *list, size_t count)
{
    char path[PATH_MAX];

    for (size_t i = 0; i < count; i++) {
        if (adopt->out > count || adopt->file < adopt->file_count ||
            adopt->kept > 0) {
            llmobs_spool_file_path(adopt->dir, list[i].file, path);
            (void)llmobs_spool_note(path, &list[i].id, 1);
        }
    }
    adopt->out -= count < adopt->out ? count : adopt->out;
    close_if_done(adopt);
}

void llmobs_adopt_had(struct llmobs_adopt *adopt,
                      const struct llmobs_spooled *spooled, unsigned had)
{
    char path[PATH_MAX];

    llmobs_spool_file_path(adopt->dir, spooled->file, path);
    (void)llmobs_spool_note_had(path, spooled->id, had);
}

void llmobs_adopt_give_back(struct llmobs_adopt *adopt, size_t count)
{
    adopt->out -= count < adopt->out ? count : adopt->out;
    adopt->kept += count;
    close_if_done(adopt);
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

static int count_files(struct llmobs_adopt *adopt, bool dead,
                       struct llmobs_adopt_left *out)
{
    uint64_t *count = !dead              ? &out->living
                      : is_for_us(adopt) ? &out->ours
                                         : &out->others;
    struct llmobs_entry entry;
    int rc = survey(adopt);

    for (size_t i = 0; i < adopt->file_count && !rc; i++) {
        size_t at = 0;

        rc = read_file(adopt, adopt->dir, adopt->files[i], LLMOBS_SPOOL_TEXT);
        while (!rc && llmobs_entry_next(text_of(adopt), &at, &entry))
            if (is_due(adopt, &entry) &&
                (dead || entry.type != LLMOBS_ENTRY_BEGIN))
                count_entry(&entry, count, out);
        rc = rc == -ENOMEM ? rc : 0;
    }
    out->unreadable += adopt->kept;
    return rc;
}

static int count_dir(struct llmobs_adopt *adopt, const char *name, void *ctx)
{
    struct llmobs_adopt_left *out = ctx;
    struct llmobs_record_owner who;
    int64_t changed_s;
    bool dead;
    int rc = 0;

    if (!look_at(adopt, name, &who, adopt->dir, &changed_s) ||
        adopt->file_count == 0)
        return 0;
    if (find_owner(adopt, adopt->dir)) {
        out->unreadable++;
    } else {
        dead = is_dead(adopt, &who, changed_s);
        out->dirs += dead && is_for_us(adopt);
        rc = count_files(adopt, dead, out);
    }
    leave_dir(adopt);
    return rc;
}

int llmobs_adopt_count(struct llmobs_adopt *adopt,
                       struct llmobs_adopt_left *out)
{
    memset(out, 0, sizeof(*out));
    return adopt->open ? -EBUSY : walk(adopt, count_dir, out);
}
