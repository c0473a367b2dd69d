/* adopt_state - the state of an adoption, for the files adopt*.c. */
#ifndef LLMOBS_ADOPT_STATE_H
#define LLMOBS_ADOPT_STATE_H

#include <limits.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "lib/base/clock.h"
#include "core/log/ledger_dir.h"
#include "core/log/adopted.h"
#include "core/log/owner.h"
#include "lib/base/hazard.h"

#define LLMOBS_ADOPT_FILES 4096
/* A file of a living process with this bit in its number is sealed: all its
 * entries are settled, and its process does not know it by that name. */
#define LLMOBS_ADOPT_SEALED 0x80000000u
/* Short programs leave a directory each: so many directories give one batch. */
#define LLMOBS_ADOPT_CLAIMS 64
/* The names that are read from the spool at a time. */
#define LLMOBS_ADOPT_NAMES 1024

/* Numbers, to be sorted once and then searched. */
struct llmobs_adopt_ids {
    uint64_t *list;
    size_t count, cap;
};

typedef char llmobs_adopt_name[LLMOBS_RECORD_NAME_MAX];

/* The destinations that have an entry already. by_number sorts the list by its
 * first member, the id. */
struct llmobs_adopt_delivered {
    uint64_t id;
    unsigned bits;
};

/* A directory that this process has claimed, until it is read and each entry is
 * let go or given back. */
struct llmobs_adopt_claim {
    bool used;
    bool read; /* all its entries were given */
    llmobs_adopt_name name;
    uint32_t *files;
    size_t file_count;
    size_t out;  /* entries given, and neither let go nor given back */
    size_t kept; /* entries given back, and unreadable files or entries */
    /* Of a living process, which may rename the directory: fd holds it open
     * (-1: it is this process's own), and its inode identifies it. */
    bool living;
    int fd;
    ino_t inode;
    uint32_t newest; /* its newest file at the survey */
    size_t read_to;  /* the end of the last whole entry in `newest` */
    size_t size;     /* the size of `newest` */
};

/* How far the entries of a living process are delivered: */
struct llmobs_adopt_progress {
    llmobs_adopt_name name;
    uint32_t file; /* all files before this file are settled, */
    size_t from;   /* and its own bytes up to here; 0: no byte */
    size_t size;   /* of that file at the last look */
    int64_t tidied_ns;
    bool seen; /* seen in this walk */
    /* Since when it has had nothing new, monotonic (0: it may have news), its
     * directory's last change before that, and whether its pid counts here. */
    int64_t rests_ns;
    int64_t modified_ns;
    bool here;
};

/* The names in the spool that a walk has still to visit. The spool is not held
 * open from one directory to the next: the app owns the descriptors. */
struct llmobs_adopt_names {
    llmobs_adopt_name *list; /* LLMOBS_ADOPT_NAMES, while a walk is under way */
    size_t count, at;
    long next;  /* where in the spool to read on */
    bool all;   /* the end of the spool was reached */
    bool found; /* the walk has claimed a directory */
};

/* A directory in the spool, as far as it is known. */
struct llmobs_adopt_found {
    struct llmobs_record_owner who; /* as the directory's name says */
    bool gone;                      /* the process has ended */
    bool marked;                    /* it takes back what it had handed over */
    ino_t inode;
    uint64_t start; /* of the process that has that pid now */
    int64_t changed_s;
    int64_t modified_ns; /* 0: so recent that the next change may have the same
                          * time */
    char path[PATH_MAX];
};

struct llmobs_adopt {
    const struct llmobs_config *config;
    /* A process that adopts nothing uses only the next members, in one page. */
    struct llmobs_buf text; /* of the file that was read last */
    enum llmobs_adopt_whose whose;
    _Atomic int64_t until_ns;
    struct llmobs_spool *own;
    char base[PATH_MAX];
    /* For a relay: the owner without destinations, and the living processes. */
    struct llmobs_owner *unset;
    struct llmobs_adopt_progress *progress;
    size_t progress_count;
    bool beside_relay; /* not for a relay: a relay has this spool */
    struct llmobs_adopt_progress
        *at_living; /* of `here`; NULL: `here` is an ended process's */
    const struct llmobs_live_namespaces *living;
    struct llmobs_owner *self; /* set at the first owner that is read */
    /* The claim of this process's own directory, while it takes back what it
     * had handed over (take_back.h), and how much that was. */
    struct llmobs_adopt_claim *taken;
    struct llmobs_adopt_progress own_progress;
    unsigned own_handed;
    struct llmobs_record_owner me; /* the pid is 0 before the first use */
    struct llmobs_adopt_names walk;
    /* Directories that this walk has visited, and not emptied. */
    llmobs_adopt_name *given_up;
    size_t given_up_count;
    struct llmobs_adopt_claim claims[LLMOBS_ADOPT_CLAIMS];
    /* The directory that is read, and its claim; NULL: it is only counted. */
    struct llmobs_adopt_claim *here;
    struct llmobs_owner *owner;
    struct llmobs_config names;
    uint32_t *files; /* LLMOBS_ADOPT_FILES, once a directory was read */
    size_t file_count, file;
    struct llmobs_adopt_ids released, begun, ended;
    struct llmobs_adopt_delivered
        *delivered_to; /* few, in the order of their files */
    size_t delivered_to_count, delivered_to_cap;
    struct llmobs_recalls *recalls;
    uint32_t have;               /* the file of which `text` has all bytes */
    struct llmobs_entry_key key; /* of `have` */
    size_t at;
    size_t kept;     /* unreadable files and entries */
    int64_t died_ns; /* wall clock: the last write in the directory */
    char dir[PATH_MAX];
};

/* True where the time that the caller allows is over. */
static inline bool llmobs_adopt_is_late(struct llmobs_adopt *adopt)
{
    int64_t until = atomic_load(&adopt->until_ns);

    return LLMOBS_HAZARD(adopts_without_end, until != INT64_MAX, false) &&
           llmobs_clock_mono_ns() >= until;
}

#endif
