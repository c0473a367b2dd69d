/* entry - a record in a file of the spool: a step of a call, an event, or what
 * became of other entries.
 *
 * On the disk it is, in the byte order of the host: a head (mark, type, length,
 * id), fields (tag, length, bytes), a seal. A file begins with its version and
 * its key, random numbers that no peer can know. The mark and the seal depend
 * on the key. Most bytes of an entry come from a peer, and a full disk or a
 * kill may leave an incomplete entry: without a key, the reader, which looks
 * for the next entry in its bytes, could find an entry that the peer made. The
 * seal covers the head, the tags and lengths of all fields, and the first and
 * last LLMOBS_ENTRY_SUM bytes of them. So the app's thread does not walk
 * through a big body a second time.
 *
 * Owns:    nothing: a writer borrows the fields until write, or copies small
 *          ones; an entry borrows from the text from which it was read. A key
 *          is never logged.
 * Threads: one thread at a time.
 * Errors:  a writer: -ENOSPC. A file: -ENODATA where it ends too early,
 *          -EBADMSG if it is not a file of entries, -ENOTSUP if it is of
 *          another version.
 * Limits:  LLMOBS_ENTRY_FIELDS fields, LLMOBS_ENTRY_MAX bytes.
 */
#ifndef LLMOBS_ENTRY_H
#define LLMOBS_ENTRY_H

#include <stdint.h>
#include <sys/uio.h>

#include "lib/base/buf.h"

/* The version of the files in the spool, and of a relay's sign, because a relay
 * reads only files of its own version. Raised whenever a reader of the last
 * version would lose, double or misread something: a new type of entry, a field
 * with another meaning, another rule for names. A new field that may be missing
 * needs no new number. */
#define LLMOBS_ENTRY_VERSION 4
#define LLMOBS_ENTRY_FIELDS 96
#define LLMOBS_ENTRY_MAX ((size_t)192 * 1024 * 1024)
#define LLMOBS_ENTRY_SUM ((size_t)16 * 1024)

enum llmobs_entry_type {
    LLMOBS_ENTRY_OWNER = 1,    /* the process that writes the file */
    LLMOBS_ENTRY_BEGIN,        /* a call's request is sent: ids and request */
    LLMOBS_ENTRY_END,          /* a call has ended: everything of it */
    LLMOBS_ENTRY_EVENT,        /* an encoded event */
    LLMOBS_ENTRY_RELEASE,      /* ids of entries that are released */
    LLMOBS_ENTRY_DELIVERED_TO, /* an id, and the destinations that have it */
    LLMOBS_ENTRY_START,        /* a call begins: ids, method and URL */
    LLMOBS_ENTRY_CHILDS_END,   /* as END, by a child that has completed its
                                * parent's transfer: an END of the parent's own
                                * goes before it */
    LLMOBS_ENTRY_TRIED         /* a reader has died of an entry with this id, by
                                * which version; an earlier version ignores it,
                                * and reads the entry */
};

/* True for an entry whose call may have ended since then. */
static inline bool llmobs_entry_has_begun(enum llmobs_entry_type type)
{
    return type == LLMOBS_ENTRY_START || type == LLMOBS_ENTRY_BEGIN;
}

/* Has room for all marks and the tail, and 2048 bytes of small fields. */
#define LLMOBS_ENTRY_SMALL \
    (2048 + LLMOBS_ENTRY_FIELDS * sizeof(struct llmobs_entry_mark) + 8)

/* The tag of a field that says that the entry is for the relay: the process
 * that wrote it lives, but does not deliver it. Greater than all tags of an
 * exchange or event. */
#define LLMOBS_ENTRY_FOR_RELAY 0x4000

/* The tag of an EVENT that stands beside the call of which it was inferred, or
 * which it replaces: it counts wherever in the call's file it is
 * (spool_file.h). */
#define LLMOBS_ENTRY_BESIDE 0x4001

/* The tag of an EVENT that came from the local store, which has it still. */
#define LLMOBS_ENTRY_STORED 0x4002

/* The tag of the only field of a TRIED entry: the version of the reader. */
#define LLMOBS_TRIED_FIELD 1

/* A bit of an entry's type: the entry is released. Set in place, if the disk
 * has no room for a RELEASE entry. */
#define LLMOBS_ENTRY_DONE 0x8000

struct llmobs_entry_key {
    uint64_t mark;
    uint64_t seal[2];
};

/* The beginning of a file. */
struct llmobs_entry_file {
    char magic[8];
    uint32_t version;
    uint32_t zero;
    struct llmobs_entry_key key;
};

struct llmobs_entry_head {
    uint64_t mark;
    uint16_t zero;
    uint16_t type;
    uint32_t zeros;
    uint64_t len; /* of the fields */
    uint64_t id;
};

struct llmobs_entry_mark {
    uint32_t tag;
    uint32_t zero;
    uint64_t len;
};

/* The head, the marks and small fields are copied one after the other, because
 * another iovec costs the write as much as some hundred bytes. */
struct llmobs_entry_writer {
    struct {
        struct llmobs_entry_head head;
        char small[LLMOBS_ENTRY_SMALL];
    } start;
    size_t filled; /* bytes of start */
    size_t fields;
    int pieces;
    int failed; /* the first failure, a negative errno; else 0 */
    struct iovec iov[3 * LLMOBS_ENTRY_FIELDS + 2];
};

/* An entry that was read. */
struct llmobs_entry {
    enum llmobs_entry_type type;
    bool done;
    uint64_t id;
    struct llmobs_text fields;
    size_t offset; /* in the text */
    size_t size;   /* with head and tail */
};

void llmobs_entry_begin(struct llmobs_entry_writer *writer,
                        enum llmobs_entry_type type, uint64_t id);

/* Adds a field of one piece, or of two pieces that belong together. The writer
 * keeps the first failure until _end. */
void llmobs_entry_add(struct llmobs_entry_writer *writer, uint32_t tag,
                      const void *data, size_t len);
void llmobs_entry_add_two(struct llmobs_entry_writer *writer, uint32_t tag,
                          struct llmobs_text first, struct llmobs_text second);

/* Ends the entry, whose bytes are then in writer->iov, in `pieces` pieces;
 * gives the number of bytes, or the first failure. Borrows the key of the file.
 */
int64_t llmobs_entry_end(struct llmobs_entry_writer *writer,
                         const struct llmobs_entry_key *key);

/* Frees a writer from llmobs_scratch_alloc. */
void llmobs_entry_free(struct llmobs_entry_writer *writer);

/* Fills a key that nobody can guess. */
void llmobs_entry_key(struct llmobs_entry_key *key);

/* Fills the beginning of a file, to be written before its first entry. */
void llmobs_entry_file(struct llmobs_entry_file *file,
                       const struct llmobs_entry_key *key);
/* Reads the key from the beginning of a file. */
int llmobs_entry_file_read(struct llmobs_text text,
                           struct llmobs_entry_key *key);

/* Gives the next whole entry with this key in a text, from *at on; passes over
 * other bytes. False at the end. */
bool llmobs_entry_next(const struct llmobs_entry_key *key,
                       struct llmobs_text text, size_t *at,
                       struct llmobs_entry *entry);

/* True where the entry has a field of this tag. */
bool llmobs_entry_has(const struct llmobs_entry *entry, uint32_t tag);

/* Replaces a text by a copy of the value. -ENOMEM: it is NULL then. */
int llmobs_entry_copy(char **text, struct llmobs_text value);

/* Gives the next field from *at (0 at first) on; false after the last. */
bool llmobs_entry_field(const struct llmobs_entry *entry, size_t *at,
                        uint32_t *tag, struct llmobs_text *value);

#endif
