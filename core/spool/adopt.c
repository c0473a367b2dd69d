#include "core/spool/adopt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/crash_point.h"
#include "core/base/fd.h"
#include "core/base/once.h"
#include "core/ledger/ledger_dir.h"
#include "core/spool/event_item.h"
#include "core/spool/exchange_entry.h"
#include "core/spool/process_dir.h"
#include "core/spool/relay_sign.h"
#include "core/spool/spool_file.h"

#define FILES_MAX 4096
/* The bytes of a directory that an ending process still reads. */
#define ENDING_BYTES ((size_t)256 * 1024)
#define IDS_MAX ((size_t)4 * 1024 * 1024)

/* A directory without a file is younger than this if its process has just
 * begun; else that process was killed. */
#define EMPTY_S 60
#define OWNER_LOOK ((size_t)64 * 1024)

/* A file of a living process with this bit in its number is sealed: no entry of
 * it is open, and its process does not know it by that name. */
#define SEALED 0x80000000u
/* A system call that found a file by its old name has ended after this time,
 * and a thread that has it open has most likely written. */
#define SEALED_S 2
#define SEALED_LONG_S 60
/* The time between two looks for files to seal. */
#define TIDY_MS 1000

/* In the nonce of a directory that a relay has claimed after its process gave
 * it away: the process may be in a namespace where nobody can ask for it. */
#define WAS_GIVEN ((uint64_t)1 << 63)

/* Short programs leave a directory each: so many of them make one batch. */
#define CLAIMS_MAX 64
/* The names that are read from the spool at a time. */
#define NAMES_MAX 1024

/* Numbers, which are sorted once and then searched. */
struct ids {
    uint64_t *list;
    size_t count, cap;
};

typedef char dir_name[LLMOBS_RECORD_NAME_MAX];

/* The destinations that have an entry already. by_number sorts them by the id,
 * which is the first member. */
struct delivered_to {
    uint64_t id;
    unsigned bits;
};

/* A directory that this process has claimed, until all of it is read and each
 * entry is let go or given back. */
struct claim {
    bool used;
    bool old;  /* the files have the form of the last release */
    bool read; /* all its entries were given */
    dir_name name;
    uint32_t *files;
    size_t file_count;
    size_t out;  /* entries given, and neither let go nor given back */
    size_t kept; /* entries given back, and unreadable files or entries */
    /* Of a living process. It may rename the directory: the descriptor holds
     * that, and by its inode it is known again. */
    bool living;
    int fd;
    ino_t inode;
    uint32_t newest; /* its newest file at the survey, */
    size_t read_to;  /* the end of the last whole entry there, */
    size_t size;     /* and of all bytes */
};

/* How far the entries of a living process are delivered. */
struct progress {
    dir_name name;
    uint32_t file; /* all files before it are settled, */
    size_t from;   /* and its bytes up to here; 0: none of them */
    size_t size;   /* of that file at the last look */
    int64_t tidied_ns;
    bool met; /* in this walk */
};

/* The names in the spool that one walk has still to visit. The spool is not
 * held open from one directory to the next: the app owns the descriptors. */
struct names {
    dir_name *list; /* NAMES_MAX, while a walk is under way */
    size_t count, at;
    long next;  /* where in the spool the reading goes on */
    bool all;   /* the end of the spool was reached */
    bool found; /* since its begin this process has claimed a directory */
};

/* What is known of a directory in the spool. */
struct found {
    struct llmobs_record_owner who; /* as its name says */
    bool gone;                      /* that process has ended */
    ino_t inode;
    uint64_t start; /* of the process with that pid now */
    int64_t changed_s;
    char path[PATH_MAX];
};

struct llmobs_adopt {
    const struct llmobs_config *config;
    /* Of a relay: the owner without destinations, and the living. */
    struct llmobs_owner *unset;
    struct progress *progress;
    size_t progress_count;
    bool beside_relay;          /* of others: a relay has this spool */
    struct progress *at_living; /* of `here`; NULL: its process has ended */
    enum llmobs_adopt_whose whose;
    const struct llmobs_live_namespaces *living;
    _Atomic int64_t until_ns;
    struct llmobs_owner *self; /* from the first owner on */
    const struct llmobs_spool *own;
    struct llmobs_record_owner me; /* the pid is 0 at first */
    struct names walk;
    /* Directories that this walk has visited and left something in. */
    dir_name *given_up;
    size_t given_up_count;
    struct claim claims[CLAIMS_MAX];
    /* The directory that is read, and its claim; without one it is counted. */
    struct claim *here;
    struct llmobs_owner *owner;
    struct llmobs_config names;
    uint32_t *files; /* FILES_MAX, once there is one */
    size_t file_count, file;
    bool old; /* the files have the form of the last release */
    struct ids released, begun, ended;
    struct delivered_to *delivered_to; /* few, in the order of their file */
    size_t delivered_to_count, delivered_to_cap;
    struct llmobs_recalls *recalls;
    struct llmobs_buf text;      /* of the file that was read last */
    uint32_t have;               /* that file, where `text` is all of it */
    struct llmobs_entry_key key; /* of that file, unless it is old */
    size_t at;
    size_t kept;     /* unreadable files and entries */
    int64_t died_ns; /* wall clock: the last write there */
    char base[PATH_MAX];
    char dir[PATH_MAX];
};

/* True where the time that the caller allows is over. */
static bool is_late(struct llmobs_adopt *adopt)
{
    int64_t until = atomic_load(&adopt->until_ns);

    return until != INT64_MAX && llmobs_clock_mono_ns() >= until;
}

/* -- ids ---------------------------------------------------------------- */

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

/* -- a file ------------------------------------------------------------- */

static void file_path(bool old, const char *dir, uint32_t file,
                      char out[PATH_MAX])
{
    if (old)
        llmobs_spool_old_path(dir, file, out);
    else
        llmobs_spool_file_path(dir, file, out);
}

static struct llmobs_text text_of(const struct llmobs_adopt *adopt)
{
    return (struct llmobs_text){adopt->text.data, adopt->text.len};
}

/* A process that was killed in its first write leaves less than a key: that
 * counts as an empty file. */
static int read_key(struct llmobs_adopt *adopt)
{
    int rc = llmobs_entry_file_read(text_of(adopt), &adopt->key);

    if (rc)
        llmobs_buf_cut(&adopt->text, 0);
    return rc == -ENODATA ? 0 : rc;
}

static int read_file(struct llmobs_adopt *adopt, const char *dir, uint32_t file,
                     size_t max)
{
    char path[PATH_MAX];
    int rc;

    adopt->have = 0;
    llmobs_buf_cut(&adopt->text, 0);
    file_path(adopt->old, dir, file, path);
    rc = llmobs_spool_read(path, 0, max, &adopt->text);
    if (!rc && (adopt->text.len < max || max == LLMOBS_SPOOL_TEXT))
        adopt->have = file;
    if (!rc && !adopt->old)
        rc = read_key(adopt);
    if (rc)
        adopt->have = 0;
    return rc;
}

/* Reads all of a file of the present directory, unless it was just read. */
static int have_file(struct llmobs_adopt *adopt, uint32_t file)
{
    return adopt->have == file
               ? 0
               : read_file(adopt, adopt->dir, file, LLMOBS_SPOOL_TEXT);
}

/* Where a file of the present directory begins to be of interest. */
static size_t begin_of(const struct llmobs_adopt *adopt, uint32_t file)
{
    return adopt->at_living && adopt->at_living->file == file
               ? adopt->at_living->from
               : 0;
}

/* Reads a file of the present directory from there on. */
static int read_here(struct llmobs_adopt *adopt, uint32_t file)
{
    size_t from = begin_of(adopt, file);
    char path[PATH_MAX];
    int rc;

    if (from == 0 && !adopt->at_living)
        return have_file(adopt, file);
    if (from == 0)
        return read_file(adopt, adopt->dir, file, LLMOBS_SPOOL_TEXT);
    adopt->have = 0;
    llmobs_buf_cut(&adopt->text, 0);
    file_path(false, adopt->dir, file, path);
    rc = llmobs_spool_key(path, &adopt->key);
    return rc ? rc
              : llmobs_spool_read(path, from, LLMOBS_SPOOL_TEXT, &adopt->text);
}

static bool next_entry(const struct llmobs_adopt *adopt, size_t *at,
                       struct llmobs_entry *entry)
{
    return llmobs_entry_next(adopt->old ? NULL : &adopt->key, text_of(adopt),
                             at, entry);
}

/* -- what is in a directory --------------------------------------------- */

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

/* Makes room for one more. */
static int grow_delivered_to(struct llmobs_adopt *adopt)
{
    size_t cap = adopt->delivered_to_cap ? adopt->delivered_to_cap * 2 : 64;
    struct delivered_to *list;

    if (adopt->delivered_to_count < adopt->delivered_to_cap)
        return 0;
    list = realloc(adopt->delivered_to, cap * sizeof(*list));
    if (!list)
        return -ENOMEM;
    adopt->delivered_to = list;
    adopt->delivered_to_cap = cap;
    return 0;
}

static int note_delivered_to(struct llmobs_adopt *adopt,
                             const struct llmobs_entry *entry)
{
    struct llmobs_text value;
    struct delivered_to *delivered_to;
    size_t at = 0;
    uint32_t tag;

    if (!llmobs_entry_field(entry, &at, &tag, &value) ||
        value.len != sizeof(delivered_to->bits) ||
        adopt->delivered_to_count >= IDS_MAX)
        return 0;
    if (grow_delivered_to(adopt) != 0)
        return -ENOMEM;
    delivered_to = &adopt->delivered_to[adopt->delivered_to_count++];
    delivered_to->id = entry->id;
    memcpy(&delivered_to->bits, value.data, sizeof(delivered_to->bits));
    return 0;
}

/* Gives the destinations that have the entry. False where no process has noted
 * any, not even an empty set. */
static bool delivered_to_of(const struct llmobs_adopt *adopt, uint64_t id,
                            unsigned *bits)
{
    const struct delivered_to *at, *end;

    *bits = 0;
    if (adopt->delivered_to_count == 0)
        return false;
    end = adopt->delivered_to + adopt->delivered_to_count;
    at = bsearch(&id, adopt->delivered_to, adopt->delivered_to_count,
                 sizeof(*at), by_number);
    if (!at)
        return false;
    while (at > adopt->delivered_to && at[-1].id == id)
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
    if (entry->type == LLMOBS_ENTRY_DELIVERED_TO)
        return note_delivered_to(adopt, entry);
    if (entry->type == LLMOBS_ENTRY_BEGIN)
        return add_id(&adopt->begun, entry->id);
    if (entry->type == LLMOBS_ENTRY_END || entry->type == LLMOBS_ENTRY_EVENT)
        return add_id(&adopt->ended, entry->id);
    return 0;
}

/* Notes when the file was last written; gives its bytes. */
static size_t note_file(struct llmobs_adopt *adopt, uint32_t file)
{
    char path[PATH_MAX];
    struct stat st;
    int64_t at;

    file_path(adopt->old, adopt->dir, file, path);
    if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW))
        return 0;
    at = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    if (at > adopt->died_ns)
        adopt->died_ns = at;
    return st.st_size > 0 ? (size_t)st.st_size : 0;
}

/* Reading cannot be cut short. So where the app waits for it, a directory is
 * begun only if it is read in no time. */
static bool is_too_much(struct llmobs_adopt *adopt, size_t bytes)
{
    return atomic_load(&adopt->until_ns) != INT64_MAX &&
           (bytes > ENDING_BYTES || is_late(adopt));
}

/* The first file of the present directory that is of interest. */
static size_t first_file(const struct llmobs_adopt *adopt)
{
    size_t i = 0;

    while (adopt->at_living && i < adopt->file_count &&
           adopt->files[i] < adopt->at_living->file)
        i++;
    return i;
}

/* True for the last file that is not sealed: its process may write to it. */
static bool is_newest(const struct llmobs_adopt *adopt, size_t i)
{
    return adopt->files[i] < SEALED &&
           (i + 1 == adopt->file_count || adopt->files[i + 1] >= SEALED);
}

static void note_end(struct llmobs_adopt *adopt, size_t i, size_t whole)
{
    struct claim *claim = adopt->here;
    size_t from = begin_of(adopt, adopt->files[i]);

    if (!adopt->at_living || !is_newest(adopt, i))
        return;
    claim->newest = adopt->files[i];
    claim->read_to = from + whole;
    claim->size = from + adopt->text.len;
}

/* Reads all files of the directory once, to learn which entries were released,
 * which calls began and which ended. A file that cannot be read counts as kept,
 * so that the directory stays. */
static int survey(struct llmobs_adopt *adopt)
{
    struct llmobs_entry entry;
    size_t bytes = 0, first = first_file(adopt);
    int rc = 0;

    adopt->died_ns = 0;
    for (size_t i = first; i < adopt->file_count && !rc; i++) {
        size_t at = 0, whole = 0;

        bytes += note_file(adopt, adopt->files[i]);
        if (is_too_much(adopt, bytes))
            return -ETIME;
        rc = read_here(adopt, adopt->files[i]);
        if (rc == -ENOMEM)
            break; /* else entries that it releases would be delivered again */
        adopt->kept += rc != 0;
        rc = 0;
        while (!rc && next_entry(adopt, &at, &entry)) {
            rc = note_entry(adopt, &entry);
            whole = entry.offset + entry.size;
        }
        note_end(adopt, i, whole);
    }
    sort_ids(&adopt->released);
    sort_ids(&adopt->begun);
    sort_ids(&adopt->ended);
    if (adopt->delivered_to_count > 1)
        qsort(adopt->delivered_to, adopt->delivered_to_count,
              sizeof(*adopt->delivered_to), by_number);
    adopt->file = first;
    adopt->at = 0;
    return rc;
}

/* -- entries ------------------------------------------------------------ */

/* True for an entry that is neither settled nor replaced by a later one. */
static bool is_open(const struct llmobs_adopt *adopt,
                    const struct llmobs_entry *entry)
{
    if (has_id(&adopt->released, entry->id))
        return false;
    if (entry->type == LLMOBS_ENTRY_START && has_id(&adopt->begun, entry->id))
        return false;
    if (llmobs_entry_has_begun(entry->type))
        return !has_id(&adopt->ended, entry->id);
    return entry->type == LLMOBS_ENTRY_END || entry->type == LLMOBS_ENTRY_EVENT;
}

/* True for an entry that this process has to deliver. A living process delivers
 * what it has not handed over. */
static bool is_due(const struct llmobs_adopt *adopt,
                   const struct llmobs_entry *entry)
{
    if (adopt->at_living && !llmobs_entry_is_for_relay(entry))
        return false;
    return is_open(adopt, entry);
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
    out->spooled.claim = (uint32_t)(adopt->here - adopt->claims);
    out->spooled.offset = begin_of(adopt, out->spooled.file) + entry->offset;
    /* In a process with other destinations the bits mean others. */
    counted = delivered_to_of(adopt, entry->id, &out->delivered_to);
    if (adopt->whose == LLMOBS_ADOPT_ANY)
        out->delivered_to = 0;
    if (entry->type == LLMOBS_ENTRY_EVENT)
        return llmobs_event_read(entry, &out->kind, &out->event);
    out->killed = llmobs_entry_has_begun(entry->type);
    out->uncounted = out->killed && !counted;
    return llmobs_exchange_read(entry, &adopt->recalls, &out->exchange);
}

/* 1: `out` has the entry; 0: it is not to be delivered; -ENOMEM: the next call
 * reads it again. */
static int give(struct llmobs_adopt *adopt, const struct llmobs_entry *entry,
                struct llmobs_adopted *out)
{
    int rc;

    if (!is_due(adopt, entry))
        return 0;
    rc = read_entry(adopt, entry, out);
    if (rc == -ENOMEM) {
        adopt->at = entry->offset;
        return rc;
    }
    if (rc) {
        adopt->kept++;
        return 0;
    }
    if (out->killed)
        end_by_kill(adopt, out->exchange);
    if (out->uncounted)
        llmobs_adopt_note_delivered_to(adopt, &out->spooled, 0);
    adopt->here->out++;
    return 1;
}

/* Gives the next entry of the present directory: 1; 0: there is none. */
static int next_here(struct llmobs_adopt *adopt, struct llmobs_adopted *out)
{
    struct llmobs_entry entry;
    int rc;

    for (; adopt->file < adopt->file_count; adopt->file++) {
        if (adopt->at == 0) {
            rc = read_here(adopt, adopt->files[adopt->file]);
            if (rc == -ENOMEM)
                return rc;
            if (rc)
                continue; /* the survey has counted it as kept */
        }
        while (next_entry(adopt, &adopt->at, &entry)) {
            rc = give(adopt, &entry, out);
            if (rc)
                return rc;
        }
        adopt->at = 0;
    }
    return 0;
}

/* -- its files ---------------------------------------------------------- */

static int by_file(const void *a, const void *b)
{
    uint32_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

static bool file_number(const char *name, const char *suffix, uint32_t *out)
{
    char *end;
    unsigned long number = strtoul(name, &end, 10);

    *out = (uint32_t)number;
    return *name >= '1' && *name <= '9' && strcmp(end, suffix) == 0 &&
           number < UINT32_MAX;
}

/* All files of one process are old, or none is. */
static void list_names(struct llmobs_adopt *adopt, DIR *dir)
{
    const char *suffix = adopt->old ? "" : LLMOBS_SPOOL_SUFFIX;
    struct dirent *entry;

    while (adopt->file_count < FILES_MAX && (entry = readdir(dir)))
        adopt->file_count += file_number(entry->d_name, suffix,
                                         &adopt->files[adopt->file_count]);
}

static int list_files(struct llmobs_adopt *adopt, const char *path)
{
    DIR *dir;

    adopt->file_count = 0;
    adopt->old = false;
    if (!adopt->files)
        adopt->files = malloc(FILES_MAX * sizeof(*adopt->files));
    if (!adopt->files)
        return -ENOMEM;
    dir = llmobs_fd_list(
        llmobs_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (!dir)
        return -errno;
    list_names(adopt, dir);
    if (adopt->file_count == 0) {
        adopt->old = true;
        rewinddir(dir);
        list_names(adopt, dir);
    }
    closedir(dir);
    qsort(adopt->files, adopt->file_count, sizeof(*adopt->files), by_file);
    return 0;
}

/* -- the process of a directory ----------------------------------------- */

/* Reads the owner from one file. */
static int owner_in(struct llmobs_adopt *adopt, const char *dir, uint32_t file)
{
    int rc = read_file(adopt, dir, file, OWNER_LOOK);
    struct llmobs_entry entry;
    size_t at = 0;

    while (!rc && !adopt->owner && next_entry(adopt, &at, &entry))
        if (entry.type == LLMOBS_ENTRY_OWNER)
            rc = llmobs_owner_read(&entry, &adopt->owner);
    return rc ? rc : adopt->owner ? 0 : -ENODATA;
}

/* Reads the owner from the first file that has one. -ENODATA: none has, and all
 * files could be read. A small file is read whole, so that it need not be read
 * again. */
static int find_owner(struct llmobs_adopt *adopt, const char *dir)
{
    int rc = -ENODATA, one;

    if (!adopt->self)
        adopt->self = llmobs_owner_new(adopt->config);
    if (!adopt->self)
        return -ENOMEM;
    llmobs_owner_free(adopt->owner);
    adopt->owner = NULL;
    for (size_t i = 0; i < adopt->file_count && !adopt->owner; i++) {
        one = owner_in(adopt, dir, adopt->files[i]);
        if (one != -ENODATA)
            rc = one;
    }
    return rc;
}

/* True where the process has given the directory away. Other processes than a
 * relay do not ask this: only a relay knows, as the one that has the sign, that
 * whoever has claimed it since is dead. */
static bool is_given(const struct llmobs_adopt *adopt,
                     const struct llmobs_record_owner *who)
{
    return adopt->unset &&
           (who->start == LLMOBS_RECORD_GIVEN || who->nonce & WAS_GIVEN);
}

/* A pid means nothing in another pid namespace. Where it is not known whether a
 * process lives, it counts as living. A directory with the pid of this process
 * and another name is that of the program before an exec. The process that has
 * claimed a directory of another boot or namespace is in the directory's name,
 * so that one is asked about first. */
static bool is_dead(const struct llmobs_adopt *adopt, const struct found *found)
{
    const struct llmobs_record_owner *who = &found->who;
    uint64_t boot = llmobs_owner_boot(adopt->owner);
    uint64_t mine = llmobs_owner_boot(adopt->self);
    uint64_t pidns = llmobs_owner_pidns(adopt->owner);
    uint64_t start = found->start;

    if (!found->gone && start && start == who->start && who->pid != getpid())
        return false;
    if (is_given(adopt, who))
        return true;
    if (boot && mine && boot != mine)
        return true;
    if (!pidns || pidns != llmobs_owner_pidns(adopt->self))
        return adopt->living && llmobs_live_namespaces_lacks(
                                    adopt->living, pidns, found->changed_s);
    if (found->gone)
        return true;
    if (start && who->start && start != who->start)
        return true;
    return who->pid == getpid();
}

static bool is_for_us(const struct llmobs_adopt *adopt)
{
    return adopt->whose == LLMOBS_ADOPT_ANY ||
           llmobs_owner_same_destinations(adopt->owner, adopt->self) ||
           (adopt->unset &&
            llmobs_owner_same_destinations(adopt->owner, adopt->unset));
}

/* Makes a new name of this process for the directory of `who`. */
static void name_anew(struct llmobs_adopt *adopt,
                      const struct llmobs_record_owner *who, dir_name name)
{
    struct llmobs_record_owner *me = &adopt->me;

    if (me->pid != getpid()) {
        me->pid = getpid();
        (void)llmobs_record_start(me->pid, &me->start);
    }
    me->nonce = (uint64_t)llmobs_clock_mono_ns();
    if (is_given(adopt, who))
        me->nonce |= WAS_GIVEN;
    llmobs_record_name(me, name);
}

static struct claim *free_claim(struct llmobs_adopt *adopt)
{
    for (size_t i = 0; i < CLAIMS_MAX; i++)
        if (!adopt->claims[i].used)
            return &adopt->claims[i];
    return NULL;
}

static void drop_claim(struct claim *claim)
{
    if (claim->used && claim->living)
        close(claim->fd);
    free(claim->files);
    memset(claim, 0, sizeof(*claim));
}

static int dir_path(const struct llmobs_adopt *adopt, const char *name,
                    char out[PATH_MAX])
{
    return snprintf(out, PATH_MAX, "%s/%s", adopt->base, name) < PATH_MAX
               ? 0
               : -ENAMETOOLONG;
}

/* The path of a claimed directory. */
static int claim_path(const struct llmobs_adopt *adopt,
                      const struct claim *claim, char out[PATH_MAX])
{
    if (!claim->living)
        return dir_path(adopt, claim->name, out);
    snprintf(out, PATH_MAX, "/proc/self/fd/%d", claim->fd);
    return 0;
}

/* Gives the directory the name of this process. It fails where another process
 * was faster. */
static int claim_dir(struct llmobs_adopt *adopt, const struct found *found,
                     struct claim *claim)
{
    size_t size = adopt->file_count * sizeof(*claim->files);

    claim->files = malloc(size);
    if (!claim->files)
        return -ENOMEM;
    memcpy(claim->files, adopt->files, size);
    claim->file_count = adopt->file_count;
    claim->old = adopt->old;
    name_anew(adopt, &found->who, claim->name);
    if (dir_path(adopt, claim->name, adopt->dir) != 0)
        return -ENAMETOOLONG;
    llmobs_crash_point("claiming");
    if (rename(found->path, adopt->dir))
        return -errno;
    llmobs_crash_point("claimed");
    claim->used = true;
    return 0;
}

/* -- leaving a directory -------------------------------------------------- */

static void forget_dir(struct llmobs_adopt *adopt)
{
    memset(&adopt->released, 0, sizeof(adopt->released));
    memset(&adopt->begun, 0, sizeof(adopt->begun));
    memset(&adopt->ended, 0, sizeof(adopt->ended));
    adopt->delivered_to = NULL;
    adopt->delivered_to_count = adopt->delivered_to_cap = 0;
    adopt->owner = NULL;
    adopt->recalls = NULL;
    llmobs_buf_init(&adopt->text, LLMOBS_SPOOL_TEXT);
    adopt->have = 0;
    adopt->at_living = NULL;
    adopt->at = adopt->file = adopt->file_count = 0;
    adopt->kept = 0;
    adopt->here = NULL;
}

static void leave_dir(struct llmobs_adopt *adopt)
{
    free(adopt->released.list);
    free(adopt->begun.list);
    free(adopt->ended.list);
    free(adopt->delivered_to);
    llmobs_owner_free(adopt->owner);
    llmobs_recalls_free(adopt->recalls);
    llmobs_buf_fini(&adopt->text);
    forget_dir(adopt);
}

/* Keeps this walk from visiting the directory again. */
static void give_up(struct llmobs_adopt *adopt, const struct claim *claim)
{
    size_t count = adopt->given_up_count;
    dir_name *list = realloc(adopt->given_up, (count + 1) * sizeof(*list));

    if (!list)
        return;
    adopt->given_up = list;
    adopt->given_up_count = count + 1;
    memcpy(list[count], claim->name, sizeof(*list));
}

/* True for a directory that this process has open, under whatever name. */
static bool is_held(const struct llmobs_adopt *adopt, ino_t inode)
{
    for (size_t i = 0; i < CLAIMS_MAX; i++)
        if (adopt->claims[i].used && adopt->claims[i].living &&
            adopt->claims[i].inode == inode)
            return true;
    return false;
}

/* True for a directory that this process has claimed in this walk. */
static bool is_ours(const struct llmobs_adopt *adopt, const char *name)
{
    for (size_t i = 0; i < CLAIMS_MAX; i++)
        if (adopt->claims[i].used && strcmp(adopt->claims[i].name, name) == 0)
            return true;
    for (size_t i = 0; i < adopt->given_up_count; i++)
        if (strcmp(adopt->given_up[i], name) == 0)
            return true;
    return false;
}

/* 0 where the directory cannot be claimed or read, so that the walk goes on to
 * the next one. */
static int open_dir(struct llmobs_adopt *adopt, const struct found *found)
{
    struct claim *claim = free_claim(adopt);
    int rc = claim_dir(adopt, found, claim);

    if (rc) {
        drop_claim(claim);
        return rc == -ENOMEM ? rc : 0;
    }
    adopt->here = claim;
    adopt->walk.found = true;
    llmobs_owner_config(adopt->owner, adopt->config, &adopt->names);
    rc = survey(adopt);
    if (!rc)
        return 1;
    give_up(adopt, claim);
    drop_claim(claim);
    leave_dir(adopt);
    return rc == -ENOMEM ? rc : 0;
}

/* -- directories that are passed over ----------------------------------- */

static bool is_old(const char *path)
{
    struct stat st;

    return fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(st.st_mode) &&
           llmobs_clock_wall_ns() / 1000000000 - st.st_mtime > EMPTY_S;
}

/* Removes the directory of a process that was killed in its first write. There
 * is nothing to read in it, because the owner is written before all else. */
static void remove_stub(struct llmobs_adopt *adopt, const char *dir,
                        const struct llmobs_record_owner *who)
{
    char path[PATH_MAX];
    struct stat st;
    uint64_t start;

    if (!is_old(dir) || llmobs_record_start(who->pid, &start) != -ESRCH)
        return;
    for (size_t i = 0; i < adopt->file_count; i++) {
        file_path(adopt->old, dir, adopt->files[i], path);
        if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) ||
            !S_ISREG(st.st_mode) || st.st_size > (off_t)OWNER_LOOK)
            return;
    }
    for (size_t i = 0; i < adopt->file_count; i++) {
        file_path(adopt->old, dir, adopt->files[i], path);
        unlink(path);
    }
    rmdir(dir);
}

/* True for the directory of this process. It is asked again after the files
 * were listed, because the directory has files only once its path is known. */
static bool is_own(const struct llmobs_adopt *adopt, const char *path)
{
    return adopt->own && llmobs_spool_is_at(adopt->own, path);
}

/* -- directories of living processes ------------------------------------- */

static struct progress *known(const struct llmobs_adopt *adopt,
                              const char *name)
{
    for (size_t i = 0; i < adopt->progress_count; i++)
        if (strcmp(adopt->progress[i].name, name) == 0)
            return &adopt->progress[i];
    return NULL;
}

static struct progress *progress_of(struct llmobs_adopt *adopt,
                                    const char *name)
{
    struct progress *progress = known(adopt, name);
    size_t count = adopt->progress_count;
    struct progress *list;

    if (progress)
        return progress;
    list = realloc(adopt->progress, (count + 1) * sizeof(*list));
    if (!list)
        return NULL;
    adopt->progress = list;
    adopt->progress_count = count + 1;
    memset(&list[count], 0, sizeof(*list));
    memcpy(list[count].name, name, strlen(name) + 1);
    list[count].met = true;
    list[count].tidied_ns = llmobs_clock_mono_ns();
    return &list[count];
}

static void meet(struct llmobs_adopt *adopt, const char *name)
{
    struct progress *progress = known(adopt, name);

    if (progress)
        progress->met = true;
}

/* Forgets directories that are not there any more. */
static void forget_unmet(struct llmobs_adopt *adopt)
{
    size_t left = 0;

    for (size_t i = 0; i < adopt->progress_count; i++) {
        if (!adopt->progress[i].met)
            continue;
        adopt->progress[left] = adopt->progress[i];
        adopt->progress[left++].met = false;
    }
    adopt->progress_count = left;
}

/* All that was handed over up to the survey is settled. */
static void advance(struct llmobs_adopt *adopt, const struct claim *claim)
{
    struct progress *progress = known(adopt, claim->name);

    if (!progress || !claim->newest)
        return;
    progress->file = claim->newest;
    progress->from = claim->read_to;
    progress->size = claim->size;
}

static size_t newest_of(const struct llmobs_adopt *adopt)
{
    size_t i = adopt->file_count;

    while (i > 0 && adopt->files[i - 1] >= SEALED)
        i--;
    return i > 0 ? i - 1 : 0;
}

static __attribute__((noinline)) bool has_news(const struct llmobs_adopt *adopt,
                                               const struct progress *progress)
{
    uint32_t file = adopt->files[newest_of(adopt)];
    char path[PATH_MAX];
    struct stat st;

    if (file != progress->file)
        return true;
    file_path(false, adopt->dir, file, path);
    return fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
           (size_t)st.st_size != progress->size;
}

/* True where somebody needs an entry of this file: the relay, or the process
 * whose call has not ended. */
static bool is_needed(struct llmobs_adopt *adopt, uint32_t file, bool *by_relay)
{
    struct llmobs_entry entry;
    bool needed = false;
    size_t at = 0;

    *by_relay = false;
    if (read_file(adopt, adopt->dir, file, LLMOBS_SPOOL_TEXT))
        return true;
    while (!*by_relay && next_entry(adopt, &at, &entry)) {
        bool open = is_open(adopt, &entry);

        needed |= open;
        *by_relay = open && llmobs_entry_is_for_relay(&entry);
    }
    return needed;
}

/* A thread of the process has written to a file after the process had begun a
 * newer one, and the relay has read that one: it reads the older one again. */
static void go_back(struct llmobs_adopt *adopt, struct progress *progress,
                    uint32_t file)
{
    if (file < progress->file) {
        progress->file = file;
        progress->from = 0;
    }
    progress->size = SIZE_MAX; /* of no file: there is news */
    adopt->walk.found = true;
}

/* A lease proves that no thread has the file open, and its size that none has
 * written since it was read. Where the file system has no leases, time has to
 * do. */
static __attribute__((noinline)) void remove_sealed(const char *path,
                                                    size_t size)
{
    int fd = llmobs_spool_open(path, O_RDONLY);
    struct stat st;
    int64_t age;

    if (fd < 0)
        return;
    age = fstat(fd, &st) == 0
              ? llmobs_clock_wall_ns() / 1000000000 - st.st_ctime
              : 0;
    if (age > SEALED_S &&
        (fcntl(fd, F_SETLEASE, F_WRLCK) == 0 ||
         (errno != EAGAIN && age > SEALED_LONG_S)) &&
        fstat(fd, &st) == 0 && (size_t)st.st_size == size) {
        llmobs_crash_point("removing a sealed file");
        unlink(path);
        llmobs_crash_point("removed a sealed file");
    }
    close(fd);
}

/* Takes an old file away from its process, and later from the disk. */
static __attribute__((noinline)) void put_away(const struct llmobs_adopt *adopt,
                                               uint32_t file, size_t size)
{
    char path[PATH_MAX], sealed[PATH_MAX];

    file_path(false, adopt->dir, file, path);
    if (file >= SEALED) {
        remove_sealed(path, size);
        return;
    }
    file_path(false, adopt->dir, file | SEALED, sealed);
    llmobs_crash_point("sealing a file");
    (void)rename(path, sealed);
    llmobs_crash_point("sealed a file");
}

static void tidy_file(struct llmobs_adopt *adopt, struct progress *progress,
                      uint32_t file)
{
    size_t size = note_file(adopt, file);
    bool by_relay;

    if (!is_needed(adopt, file, &by_relay))
        put_away(adopt, file, size);
    else if (by_relay)
        go_back(adopt, progress, file);
}

static bool is_untidy(const struct llmobs_adopt *adopt)
{
    return adopt->file_count >= 2 && !adopt->old &&
           llmobs_clock_mono_ns() - adopt->at_living->tidied_ns >=
               TIDY_MS * LLMOBS_NS_PER_MS;
}

/* Removes the files of the present directory that nobody needs, but the
 * newest. */
static void tidy(struct llmobs_adopt *adopt)
{
    struct progress *progress = adopt->at_living;

    progress->tidied_ns = llmobs_clock_mono_ns();
    adopt->at_living = NULL; /* the survey is of all entries */
    if (survey(adopt) == 0)
        for (size_t i = 0; i < adopt->file_count; i++)
            if (!is_newest(adopt, i))
                tidy_file(adopt, progress, adopt->files[i]);
}

/* Opens the directory of a living process. -ENOENT: it is there no more. */
static int hold(struct llmobs_adopt *adopt, const char *name,
                const struct found *found, struct claim *claim)
{
    claim->fd = llmobs_fd_open(AT_FDCWD, found->path,
                               O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (claim->fd < 0)
        return -ENOENT;
    claim->used = claim->living = true;
    claim->inode = found->inode;
    memcpy(claim->name, name, strlen(name) + 1);
    adopt->here = claim;
    return claim_path(adopt, claim, adopt->dir);
}

/* Reads what the process has handed over since the last time. 1: there may be
 * some; 0: there is nothing new, or the next visit takes it: a process that
 * never rests has old files, too. */
static int read_living(struct llmobs_adopt *adopt)
{
    bool news = has_news(adopt, adopt->at_living);
    int rc = 0;

    adopt->walk.found |= news;
    if (is_untidy(adopt)) {
        tidy(adopt);
        return 0;
    }
    if (!news)
        return 0;
    llmobs_owner_config(adopt->owner, adopt->config, &adopt->names);
    rc = survey(adopt);
    if (rc)
        give_up(adopt, adopt->here);
    return rc ? rc : 1;
}

static int open_living(struct llmobs_adopt *adopt, const char *name,
                       const struct found *found)
{
    struct claim *claim = free_claim(adopt);
    struct progress *progress = progress_of(adopt, name);
    int rc = progress && !adopt->old ? 0 : -ENOMEM;

    if (!rc)
        rc = hold(adopt, name, found, claim);
    if (!rc) {
        adopt->at_living = progress;
        rc = read_living(adopt);
        if (rc == 1)
            return 1;
    }
    drop_claim(claim);
    leave_dir(adopt);
    return rc == -ENOMEM && !progress ? rc : 0;
}

/* -- finding one -------------------------------------------------------- */

/* Lists the files of a directory of the spool, and finds out about its process.
 * False where it is that of no process, of another user, or of this process.
 * Root, too, leaves a directory to its user, and makes a process for that.
 *
 * The look at the process comes first: where it has ended, nobody writes to the
 * files that are listed and read after it. */
static bool look_at(struct llmobs_adopt *adopt, const char *name,
                    struct found *found)
{
    struct stat st;

    if (!llmobs_record_parse(name, &found->who) ||
        dir_path(adopt, name, found->path) != 0)
        return false;
    if (is_own(adopt, found->path) ||
        fstatat(AT_FDCWD, found->path, &st, AT_SYMLINK_NOFOLLOW) ||
        !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
        return false;
    found->changed_s = st.st_ctime;
    found->inode = st.st_ino;
    found->gone = llmobs_record_start(found->who.pid, &found->start) == -ESRCH;
    return list_files(adopt, found->path) == 0 && !is_own(adopt, found->path);
}

/* True for a directory that another process, a relay, delivers. It may have
 * calls of it under way, read while the program still lived. */
static bool has_relay(const struct llmobs_adopt *adopt)
{
    int base;
    bool has;

    if (!adopt->beside_relay ||
        llmobs_spool_base(adopt->config, false, &base) != 0)
        return false;
    has = llmobs_relay_sign_is_up(base, adopt->owner);
    close(base);
    return has;
}

/* 1: this process has claimed it; 0: it is not for this process. */
static int try_dir(struct llmobs_adopt *adopt, const char *name)
{
    struct found found;
    int rc;

    meet(adopt, name);
    if (is_ours(adopt, name) || !look_at(adopt, name, &found) ||
        is_held(adopt, found.inode))
        return 0;
    if (adopt->file_count == 0) {
        if (is_old(found.path))
            rmdir(found.path);
        return 0;
    }
    rc = find_owner(adopt, found.path);
    if (rc == -ENODATA)
        remove_stub(adopt, found.path, &found.who);
    if (rc || !is_for_us(adopt))
        return 0;
    if (is_dead(adopt, &found))
        return has_relay(adopt) ? 0 : open_dir(adopt, &found);
    return adopt->unset ? open_living(adopt, name, &found) : 0;
}

/* True where the spool has no directory but that of this process, so that it
 * need not be listed. Many file systems count each directory as a link to the
 * one above. */
static bool has_own_alone(const struct llmobs_adopt *adopt, int base)
{
    struct stat st;

    return adopt->own && llmobs_spool_path(adopt->own)[0] &&
           fstat(base, &st) == 0 && st.st_nlink == 3;
}

/* Opens the list of the spool; NULL with 0 where there is nothing to visit. */
static int open_list(struct llmobs_adopt *adopt, DIR **list)
{
    int fd, rc = llmobs_spool_base(adopt->config, true, &fd);

    *list = NULL;
    if (rc)
        return rc == -ENOENT ? 0 : rc;
    if (has_own_alone(adopt, fd)) {
        close(fd);
        return 0;
    }
    *list = llmobs_fd_list(fd);
    return *list ? 0 : -errno;
}

/* Visits each name in the spool until a visit gives other than 0, and gives
 * that. */
static int walk(struct llmobs_adopt *adopt,
                int (*visit)(struct llmobs_adopt *, const char *, void *),
                void *ctx)
{
    struct dirent *entry;
    DIR *list;
    int rc = open_list(adopt, &list);

    while (list && rc == 0 && !is_late(adopt) && (entry = readdir(list)))
        rc = visit(adopt, entry->d_name, ctx);
    if (list)
        closedir(list);
    return rc;
}

static void end_walk(struct llmobs_adopt *adopt)
{
    free(adopt->walk.list);
    adopt->walk = (struct names){0};
}

/* A walk begins: it visits all. */
static int begin_walk(struct llmobs_adopt *adopt)
{
    adopt->given_up_count = 0;
    adopt->walk.list = malloc(NAMES_MAX * sizeof(dir_name));
    return adopt->walk.list ? 0 : -ENOMEM;
}

/* Reads the names that come next. A directory that was made meanwhile may have
 * been passed over: the next walk finds it. */
static int next_names(struct llmobs_adopt *adopt)
{
    struct names *names = &adopt->walk;
    struct llmobs_record_owner who;
    struct dirent *entry = NULL;
    DIR *list;
    int rc = names->list ? 0 : begin_walk(adopt);

    names->at = names->count = 0;
    if (!rc)
        rc = open_list(adopt, &list);
    if (rc)
        return rc;
    adopt->beside_relay =
        list && !adopt->unset && llmobs_relay_sign_is_up(dirfd(list), NULL);
    if (list && names->next)
        seekdir(list, names->next);
    while (list && names->count < NAMES_MAX && (entry = readdir(list)))
        if (llmobs_record_parse(entry->d_name, &who))
            strcpy(names->list[names->count++], entry->d_name);
    names->all = !entry;
    names->next = entry ? telldir(list) : 0;
    if (list)
        closedir(list);
    return 0;
}

/* Claims the next directory: 1; 0: there is none. After an end at which some
 * were found the walk begins anew, until it finds none. */
static int find_dir(struct llmobs_adopt *adopt)
{
    struct names *names = &adopt->walk;
    int rc = 0;

    for (;;) {
        while (rc == 0 && names->at < names->count && !is_late(adopt))
            rc = try_dir(adopt, names->list[names->at++]);
        if (rc > 0)
            return rc;
        if (rc || is_late(adopt) || (names->all && !names->found))
            break;
        if (names->all)
            names->found = false;
        rc = next_names(adopt);
    }
    if (names->all && !is_late(adopt))
        forget_unmet(adopt);
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
    adopt->walk = (struct names){0};
    adopt->given_up = NULL;
    adopt->progress = NULL;
    adopt->progress_count = 0;
    adopt->files = NULL;
    adopt->given_up_count = 0;
    memset(adopt->claims, 0, sizeof(adopt->claims));
    forget_dir(adopt);
}

void llmobs_adopt_free(struct llmobs_adopt *adopt)
{
    if (!adopt)
        return;
    leave_dir(adopt);
    for (size_t i = 0; i < CLAIMS_MAX; i++)
        drop_claim(&adopt->claims[i]);
    free(adopt->walk.list);
    free(adopt->given_up);
    free(adopt->progress);
    free(adopt->files);
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

void llmobs_adopt_except(struct llmobs_adopt *adopt,
                         const struct llmobs_spool *own)
{
    adopt->own = own;
}

/* Removes the directory and its files once nothing is left to deliver. */
static void remove_dir(const struct llmobs_adopt *adopt,
                       const struct claim *claim)
{
    char dir[PATH_MAX], path[PATH_MAX];

    if (dir_path(adopt, claim->name, dir) != 0)
        return;
    for (size_t i = 0; i < claim->file_count; i++) {
        file_path(claim->old, dir, claim->files[i], path);
        llmobs_crash_point("removing an adopted file");
        unlink(path);
    }
    llmobs_crash_point("removing an adopted directory");
    rmdir(dir);
    llmobs_crash_point("removed an adopted directory");
}

static void close_if_done(struct llmobs_adopt *adopt, struct claim *claim)
{
    if (!claim->used || claim->out > 0 || !claim->read)
        return;
    if (claim->kept > 0)
        give_up(adopt, claim);
    else if (claim->living)
        advance(adopt, claim);
    else
        remove_dir(adopt, claim);
    drop_claim(claim);
}

/* All entries of the present directory were given: it is forgotten, and its
 * claim waits for these. */
static void finish_here(struct llmobs_adopt *adopt)
{
    struct claim *claim = adopt->here;

    claim->read = true;
    claim->kept += adopt->kept;
    leave_dir(adopt);
    close_if_done(adopt, claim);
}

int llmobs_adopt_next(struct llmobs_adopt *adopt, struct llmobs_adopted *out)
{
    int rc;

    for (;;) {
        if (adopt->here) {
            rc = next_here(adopt, out);
            if (rc != 0)
                return rc;
            finish_here(adopt);
        }
        if (!free_claim(adopt))
            return -EAGAIN;
        rc = find_dir(adopt);
        if (rc != 1)
            return rc;
    }
}

/* Prepares to write to a file of a claimed directory, which no other process
 * writes to, unless its process lives. Reads the key again, as the file that
 * was read last may have another. */
static int open_target(const struct llmobs_adopt *adopt,
                       const struct llmobs_spooled *spooled,
                       char path[PATH_MAX], struct llmobs_entry_key *key,
                       struct llmobs_spool_target *out)
{
    const struct claim *claim = &adopt->claims[spooled->claim];
    char dir[PATH_MAX];

    *out = (struct llmobs_spool_target){.path = path, .alone = !claim->living};
    if (claim_path(adopt, claim, dir) != 0)
        return -ENAMETOOLONG;
    file_path(claim->old, dir, spooled->file, path);
    if (claim->old)
        return 0;
    out->key = key;
    return llmobs_spool_key(path, key);
}

/* Releases the first entries of `list` that are in one file, as many as one
 * note holds; gives how many. Where the disk has no room for the note, it
 * releases them in place. */
static size_t note_some(const struct llmobs_adopt *adopt,
                        const struct llmobs_spooled *list, size_t count)
{
    uint64_t ids[LLMOBS_RELEASE_MAX];
    struct llmobs_spool_target target;
    struct llmobs_entry_key key;
    char path[PATH_MAX];
    size_t n = 0;

    for (; n < count && n < LLMOBS_RELEASE_MAX && list[n].file == list->file;
         n++)
        ids[n] = list[n].id;
    if (open_target(adopt, list, path, &key, &target) != 0 ||
        llmobs_spool_note(&target, ids, n) == 0)
        return n;
    for (size_t i = 0; i < n; i++)
        (void)llmobs_spool_strike(path, list[i].offset, list[i].id);
    return n;
}

/* Releases entries of one claim. Nothing is noted in a directory that goes. */
static void let_go_of(struct llmobs_adopt *adopt,
                      const struct llmobs_spooled *list, size_t count)
{
    struct claim *claim = &adopt->claims[list->claim];
    bool stays =
        claim->out > count || !claim->read || claim->kept > 0 || claim->living;

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

void llmobs_adopt_note_delivered_to(struct llmobs_adopt *adopt,
                                    const struct llmobs_spooled *spooled,
                                    unsigned delivered_to)
{
    struct llmobs_spool_target target;
    struct llmobs_entry_key key;
    char path[PATH_MAX];

    if (open_target(adopt, spooled, path, &key, &target) == 0)
        (void)llmobs_spool_write_delivered_to(&target, spooled->id,
                                              delivered_to);
}

void llmobs_adopt_give_back(struct llmobs_adopt *adopt,
                            const struct llmobs_spooled *spooled)
{
    struct claim *claim = &adopt->claims[spooled->claim];

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

        rc = have_file(adopt, adopt->files[i]);
        while (!rc && next_entry(adopt, &at, &entry))
            if (is_due(adopt, &entry) &&
                (dead || !llmobs_entry_has_begun(entry.type)))
                count_entry(&entry, count, out);
        rc = rc == -ENOMEM ? rc : 0;
    }
    out->unreadable += adopt->kept;
    return rc;
}

static int count_dir(struct llmobs_adopt *adopt, const char *name, void *ctx)
{
    struct llmobs_adopt_left *out = ctx;
    struct found found;
    bool dead;
    int rc = 0;

    if (!look_at(adopt, name, &found) || adopt->file_count == 0)
        return 0;
    memcpy(adopt->dir, found.path, sizeof(adopt->dir));
    if (find_owner(adopt, adopt->dir)) {
        out->unreadable++;
    } else {
        dead = is_dead(adopt, &found);
        rc = count_files(adopt, dead, out);
    }
    leave_dir(adopt);
    return rc;
}

static bool is_busy(const struct llmobs_adopt *adopt)
{
    for (size_t i = 0; i < CLAIMS_MAX; i++)
        if (adopt->claims[i].used)
            return true;
    return false;
}

int llmobs_adopt_count(struct llmobs_adopt *adopt,
                       struct llmobs_adopt_left *out)
{
    memset(out, 0, sizeof(*out));
    return is_busy(adopt) ? -EBUSY : walk(adopt, count_dir, out);
}

static int is_left(struct llmobs_adopt *adopt, const char *name, void *ctx)
{
    struct found found;
    int yes;

    (void)ctx;
    if (!look_at(adopt, name, &found) || adopt->file_count == 0)
        return 0;
    yes = find_owner(adopt, found.path) == 0 && is_dead(adopt, &found) &&
          is_for_us(adopt);
    leave_dir(adopt);
    return yes;
}

int llmobs_adopt_any(struct llmobs_adopt *adopt)
{
    return is_busy(adopt) ? -EBUSY : walk(adopt, is_left, NULL);
}
