/* adopt_inner - what the parts of adopt share; see adopt.h.
 *
 * adopt.c: what others call; adopt_find.c: which directory is next;
 * adopt_read.c: what is in it; adopt_count.c: how much there is in all.
 *
 * Owns:    see adopt.h.
 * Threads: one at a time.
 * Errors:  negative errno.
 * Limits:  LLMOBS_ADOPT_FILES files of a directory.
 * Fork:    see adopt.h.
 */
#ifndef LLMOBS_ADOPT_INNER_H
#define LLMOBS_ADOPT_INNER_H

#include <limits.h>
#include <stdatomic.h>

#include "core/base/clock.h"
#include "core/ledger/ledger_dir.h"
#include "core/spool/adopt.h"

#define LLMOBS_ADOPT_FILES 4096

/* Numbers, sorted once and then looked up. */
struct llmobs_ids {
    uint64_t *list;
    size_t count, cap;
};

typedef char llmobs_dir_name[LLMOBS_RECORD_NAME_MAX];

/* Who had an entry already; sorted by the id, its first member. */
struct llmobs_delivered_to {
    uint64_t id;
    unsigned bits;
};

struct llmobs_adopt {
    const struct llmobs_config *config;
    enum llmobs_adopt_whose whose;
    const struct llmobs_live_namespaces *living;
    _Atomic int64_t until_ns;
    struct llmobs_owner *self; /* from the first owner on */
    const struct llmobs_spool *own;
    char base[PATH_MAX];
    /* What is left of these was looked at in this walk over all. */
    llmobs_dir_name *given_up;
    size_t given_up_count;
    /* The directory that it is in; ours. */
    bool open;
    char dir[PATH_MAX];
    struct llmobs_owner *owner;
    struct llmobs_config names;
    uint32_t *files; /* LLMOBS_ADOPT_FILES, once there is one */
    size_t file_count, file;
    bool old; /* they are the last release's */
    struct llmobs_ids released, begun, ended;
    struct llmobs_delivered_to
        *delivered_to; /* few, in the order of their file */
    size_t delivered_to_count, had_cap;
    struct llmobs_recalls *recalls;
    struct llmobs_buf text;      /* of the present file */
    struct llmobs_entry_key key; /* likewise, unless it is old */
    size_t at;
    size_t out;      /* given and neither let go nor given back */
    size_t kept;     /* given back, or not readable */
    int64_t died_ns; /* wall clock: the last write there */
};

/* Nobody waits for it any more. */
static inline bool llmobs_adopt_is_late(struct llmobs_adopt *adopt)
{
    int64_t until = atomic_load(&adopt->until_ns);

    return until != INT64_MAX && llmobs_clock_mono_ns() >= until;
}

/* Closes the present directory, whatever is left of it. */
void llmobs_adopt_leave(struct llmobs_adopt *adopt);

/* -- adopt_find.c -- */

/* Claims a directory and surveys it: 1; 0: there is none; negative errno. */
int llmobs_adopt_find(struct llmobs_adopt *adopt);

/* What stays of the present directory is not looked at again in this walk. */
void llmobs_adopt_give_up(struct llmobs_adopt *adopt);

/* Visits each name in the spool until a visit answers other than 0; that is
 * the answer. */
int llmobs_adopt_walk(struct llmobs_adopt *adopt,
                      int (*visit)(struct llmobs_adopt *, const char *, void *),
                      void *ctx);

/* Lists the files of a directory of the spool; tells whose name it has, its
 * path, and when it was last changed. False: not a process's, not this user's,
 * or our own. */
bool llmobs_adopt_look_at(struct llmobs_adopt *adopt, const char *name,
                          struct llmobs_record_owner *who, char path[PATH_MAX],
                          int64_t *changed_s);

/* Reads the owner from the listed files; -ENODATA: nobody's. */
int llmobs_adopt_find_owner(struct llmobs_adopt *adopt, const char *dir);

/* Of the owner that was found. */
bool llmobs_adopt_is_dead(const struct llmobs_adopt *adopt,
                          const struct llmobs_record_owner *who,
                          int64_t changed_s);
bool llmobs_adopt_is_for_us(const struct llmobs_adopt *adopt);

/* -- adopt_read.c -- */

/* The path of a file of the listed ones. */
void llmobs_adopt_path(const struct llmobs_adopt *adopt, const char *dir,
                       uint32_t file, char out[PATH_MAX]);

/* Reads at most `max` bytes of a file into adopt->text, and its key. One that
 * ends before its first entry is empty; -EBADMSG, -ENOTSUP: see entry.h. */
int llmobs_adopt_read(struct llmobs_adopt *adopt, const char *dir,
                      uint32_t file, size_t max);

/* The next entry of the file that was read, from *at on. */
bool llmobs_adopt_entry(const struct llmobs_adopt *adopt, size_t *at,
                        struct llmobs_entry *entry);

/* The first walk: what was released, what began, what ended. A file that cannot
 * be read keeps its directory. */
int llmobs_adopt_survey(struct llmobs_adopt *adopt);

/* Nobody has delivered it, as far as the survey tells. */
bool llmobs_adopt_is_due(const struct llmobs_adopt *adopt,
                         const struct llmobs_entry *entry);

/* The next entry of the present directory: 1; 0: there is none. */
int llmobs_adopt_next_here(struct llmobs_adopt *adopt,
                           struct llmobs_adopted *out);

#endif
