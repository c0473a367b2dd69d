/* entry - what the spool keeps, one piece of bytes a thing that happened.
 *
 * On disk, in the byte order of the host: a head (mark, type, length, id),
 * fields (tag, length, bytes), a seal. A file of them begins with its version
 * and its key, random numbers that no peer can know. Mark and seal are of that
 * key: most bytes of an entry are a stranger's, and half an entry, which a full
 * disk or a kill leaves, would otherwise have the next one looked for in them.
 * The seal covers the head, the tags and lengths of all fields, and the first
 * and last LLMOBS_ENTRY_SUM bytes of them: big bodies cost no second walk on
 * the app's thread.
 *
 * The last release wrote files without a key: they are read, and notes are
 * added to them, in their own form (magic, version and checksum in each head,
 * the id again behind the fields).
 *
 * Owns:    nothing: a writer borrows what is added until write, or copies it
 *          where it is small; an entry borrows from the text it was read from.
 *          A key is never logged.
 * Threads: one at a time.
 * Errors:  add: -ENOSPC. A file: -ENODATA where it ends too early, -EBADMSG
 *          where it is none of ours, -ENOTSUP where it is a later version's.
 * Limits:  LLMOBS_ENTRY_FIELDS fields, LLMOBS_ENTRY_MAX bytes.
 * Fork:    plain memory.
 */
#ifndef LLMOBS_ENTRY_H
#define LLMOBS_ENTRY_H

#include <stdint.h>
#include <sys/uio.h>

#include "core/base/buf.h"

#define LLMOBS_ENTRY_FIELDS 96
#define LLMOBS_ENTRY_MAX ((size_t)192 * 1024 * 1024)
#define LLMOBS_ENTRY_SUM ((size_t)16 * 1024)

enum llmobs_entry_type {
    LLMOBS_ENTRY_OWNER = 1,    /* who writes here */
    LLMOBS_ENTRY_BEGIN,        /* its request is made: ids and request */
    LLMOBS_ENTRY_END,          /* it ended: all of it */
    LLMOBS_ENTRY_EVENT,        /* an event as it is delivered */
    LLMOBS_ENTRY_RELEASE,      /* ids that were delivered or given up */
    LLMOBS_ENTRY_DELIVERED_TO, /* an id that some destinations have */
    LLMOBS_ENTRY_START         /* a call began: as a BEGIN, of method and URL */
};

/* The call of such an entry may have ended since. */
static inline bool llmobs_entry_has_begun(enum llmobs_entry_type type)
{
    return type == LLMOBS_ENTRY_START || type == LLMOBS_ENTRY_BEGIN;
}

/* Every mark and the tail have their place in it. */
#define LLMOBS_ENTRY_SMALL \
    (2048 + LLMOBS_ENTRY_FIELDS * sizeof(struct llmobs_entry_mark) + 8)

/* In an entry's type: it is released, by a byte over its own where the disk
 * has no room for a note. */
#define LLMOBS_ENTRY_DONE 0x8000

struct llmobs_entry_key {
    uint64_t mark;
    uint64_t seal[2];
};

/* The begin of a file. */
struct llmobs_entry_file {
    char magic[8];
    uint32_t version;
    uint32_t zero;
    struct llmobs_entry_key key;
};

struct llmobs_entry_head {
    union {
        uint64_t mark;
        char magic[8]; /* without a key */
    };
    uint16_t version; /* without a key, else 0 */
    uint16_t type;
    uint32_t sum; /* likewise */
    uint64_t len; /* of the fields */
    uint64_t id;
};

struct llmobs_entry_mark {
    uint32_t tag;
    uint32_t zero;
    uint64_t len;
};

/* Head, marks and what is small are copied one behind the other: a piece more
 * costs the write as much as some hundred bytes. */
struct llmobs_entry_writer {
    struct {
        struct llmobs_entry_head head;
        char small[LLMOBS_ENTRY_SMALL];
    } start;
    size_t filled; /* bytes of start */
    size_t fields;
    int pieces;
    struct iovec iov[3 * LLMOBS_ENTRY_FIELDS + 2];
};

/* One entry as read. */
struct llmobs_entry {
    enum llmobs_entry_type type;
    bool done;
    uint64_t id;
    struct llmobs_text fields;
    size_t offset; /* in the text */
    size_t size;   /* all of it, head and tail included */
};

void llmobs_entry_begin(struct llmobs_entry_writer *writer,
                        enum llmobs_entry_type type, uint64_t id);

/* Adds a field of one piece, or of two that belong together. */
int llmobs_entry_add(struct llmobs_entry_writer *writer, uint32_t tag,
                     const void *data, size_t len);
int llmobs_entry_add_two(struct llmobs_entry_writer *writer, uint32_t tag,
                         struct llmobs_text first, struct llmobs_text second);

/* Ends the entry; its bytes are then writer->iov, `pieces` of them. Gives
 * their number. Borrows the key of its file; NULL: that has none. */
size_t llmobs_entry_end(struct llmobs_entry_writer *writer,
                        const struct llmobs_entry_key *key);

/* Makes an ended entry, whole at `bytes`, one of another key. */
void llmobs_entry_seal(char *bytes, size_t len,
                       const struct llmobs_entry_key *key);

/* Fills a key that nobody can guess. */
void llmobs_entry_key(struct llmobs_entry_key *key);

/* The begin of a file, to be written before its first entry. */
void llmobs_entry_file(struct llmobs_entry_file *file,
                       const struct llmobs_entry_key *key);
/* Reads the key from the begin of a file. */
int llmobs_entry_file_read(struct llmobs_text text,
                           struct llmobs_entry_key *key);

/* The next whole entry of a text from *at on, of this key, or NULL; what
 * stands between is passed over. False at the end. */
bool llmobs_entry_next(const struct llmobs_entry_key *key,
                       struct llmobs_text text, size_t *at,
                       struct llmobs_entry *entry);

/* The next field from *at (0 at first) on; false after the last. */
bool llmobs_entry_field(const struct llmobs_entry *entry, size_t *at,
                        uint32_t *tag, struct llmobs_text *value);

#endif
