/* Writes and reads entries: header, key, sum and pieces. */
#include "core/log/entry.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>

#include "lib/base/clock.h"
#include "lib/base/fork.h"
#include "lib/base/mix.h"
#include "lib/base/scratch.h"
#include "lib/base/sha256.h"
#include "lib/base/sys.h"

static const char file_magic[8] = "\x93LLMSPL";

/* -- keys ---------------------------------------------------------------- */

/* The key does not come from the generator of the ids, because gateways see
 * ids, and can compute the next one. GRND_NONBLOCK: an app at early boot must
 * not wait. */
void llmobs_entry_key(struct llmobs_entry_key *key)
{
    if (llmobs_sys(SYS_getrandom, key, sizeof(*key), GRND_NONBLOCK) !=
        sizeof(*key)) {
        /* If the kernel gives no random bytes, makes a key of those that the
         * process got at its start, by a hash from which they cannot be
         * computed. */
        const void *start = (const void *)(uintptr_t)getauxval(AT_RANDOM);
        uint8_t hash[LLMOBS_SHA256_LEN];
        struct {
            uint8_t random[16];
            int64_t mono_ns, wall_ns;
            const void *stack;
            long process;
        } from = {.mono_ns = llmobs_clock_mono_ns(),
                  .wall_ns = llmobs_clock_wall_ns(),
                  .stack = &from,
                  .process = llmobs_fork_process()};

        if (start)
            memcpy(from.random, start, sizeof(from.random));
        llmobs_sha256(&from, sizeof(from), hash);
        memcpy(key, hash, sizeof(*key));
    }
}

void llmobs_entry_file(struct llmobs_entry_file *file,
                       const struct llmobs_entry_key *key)
{
    memset(file, 0, sizeof(*file));
    memcpy(file->magic, file_magic, sizeof(file_magic));
    file->version = LLMOBS_ENTRY_VERSION;
    file->key = *key;
}

int llmobs_entry_file_read(struct llmobs_text text,
                           struct llmobs_entry_key *key)
{
    struct llmobs_entry_file file;

    if (text.len < sizeof(file))
        return -ENODATA;
    memcpy(&file, text.data, sizeof(file));
    if (memcmp(file.magic, file_magic, sizeof(file_magic)) != 0)
        return -EBADMSG;
    if (file.version != LLMOBS_ENTRY_VERSION)
        return -ENOTSUP;
    *key = file.key;
    return 0;
}

/* -- writing ------------------------------------------------------------- */

/* A larger field is not copied: its own iovec costs less. */
#define SMALL 512

void llmobs_entry_begin(struct llmobs_entry_writer *writer,
                        enum llmobs_entry_type type, uint64_t id)
{
    struct llmobs_entry_head *head = &writer->start.head;

    memset(head, 0, sizeof(*head));
    head->type = (uint16_t)type;
    head->id = id;
    writer->fields = 0;
    writer->filled = sizeof(*head);
    writer->pieces = 1;
    writer->failed = 0;
    writer->iov[0] = (struct iovec){&writer->start, sizeof(*head)};
}

static void add_copied(struct llmobs_entry_writer *writer, const void *data,
                       size_t len)
{
    char *to = (char *)&writer->start + writer->filled;
    struct iovec *last = &writer->iov[writer->pieces - 1];

    memcpy(to, data, len);
    writer->filled += len;
    if ((char *)last->iov_base + last->iov_len == to)
        last->iov_len += len;
    else
        writer->iov[writer->pieces++] = (struct iovec){to, len};
}

static void add_piece(struct llmobs_entry_writer *writer,
                      struct llmobs_text text)
{
    /* the marks of later fields and the tail still need room */
    size_t kept = (LLMOBS_ENTRY_FIELDS - writer->fields) *
                      sizeof(struct llmobs_entry_mark) +
                  sizeof(uint64_t);

    writer->start.head.len += text.len;
    if (text.len == 0)
        return;
    if (text.len <= SMALL &&
        text.len <= sizeof(writer->start) - writer->filled - kept)
        add_copied(writer, text.data, text.len);
    else
        writer->iov[writer->pieces++] =
            (struct iovec){(void *)(uintptr_t)text.data, text.len};
}

void llmobs_entry_add_two(struct llmobs_entry_writer *writer, uint32_t tag,
                          struct llmobs_text first, struct llmobs_text second)
{
    struct llmobs_entry_mark mark = {.tag = tag, .len = first.len + second.len};

    if (writer->fields == LLMOBS_ENTRY_FIELDS) {
        writer->failed = writer->failed ? writer->failed : -ENOSPC;
        return;
    }
    writer->fields++;
    writer->start.head.len += sizeof(mark);
    add_copied(writer, &mark, sizeof(mark));
    add_piece(writer, first);
    add_piece(writer, second);
}

void llmobs_entry_add(struct llmobs_entry_writer *writer, uint32_t tag,
                      const void *data, size_t len)
{
    llmobs_entry_add_two(writer, tag, (struct llmobs_text){data, len},
                         (struct llmobs_text){NULL, 0});
}

/* Two running sums over words of eight bytes, like Fletcher's. They detect
 * bytes that were not written; zlib's crc32 would cost the app's thread ten
 * times as much. */
struct sum {
    uint64_t plain;
    uint64_t running;
    char word[8];
    size_t filled; /* bytes of the unfinished word */
};

/* Sums four words at a time, each in a sum of its own, so that no addition
 * waits for another. The running sum has the first of four words four times as
 * often as the word's own sum, the next three times, and so on. */
typedef uint64_t pair __attribute__((vector_size(16)));

static pair load_pair(const char *data)
{
    pair words;

    memcpy(&words, data, sizeof(words));
    return words;
}

static size_t sum_fours(struct sum *sum, const char *data, size_t words)
{
    const size_t count = words / 4;
    pair low = {0}, high = {0}, low_running = {0}, high_running = {0};

    for (size_t i = 0; i < count; i++, data += 2 * sizeof(pair)) {
        low += load_pair(data);
        high += load_pair(data + sizeof(pair));
        low_running += low;
        high_running += high;
    }
    sum->running += sum->plain * 4 * count;
    sum->running += 4 * (low_running[0] + low_running[1] + high_running[0] +
                         high_running[1]);
    sum->running -= low[1] + 2 * high[0] + 3 * high[1];
    sum->plain += low[0] + low[1] + high[0] + high[1];
    return 4 * count;
}

static void sum_words(struct sum *sum, const char *data, size_t words)
{
    uint64_t word;

    for (size_t i = sum_fours(sum, data, words); i < words; i++) {
        memcpy(&word, data + i * sizeof(word), sizeof(word));
        sum->plain += word;
        sum->running += sum->plain;
    }
}

/* Adds bytes; the sum does not depend on how they are cut into pieces. */
static void sum_bytes(struct sum *sum, const char *data, size_t len)
{
    size_t part = sizeof(sum->word) - sum->filled;

    if (sum->filled > 0 || len < part) {
        part = len < part ? len : part;
        memcpy(sum->word + sum->filled, data, part);
        sum->filled += part;
        data += part;
        len -= part;
        if (sum->filled < sizeof(sum->word))
            return;
        sum_words(sum, sum->word, 1);
        sum->filled = 0;
    }
    sum_words(sum, data, len / sizeof(sum->word));
    sum->filled = len % sizeof(sum->word);
    memcpy(sum->word, data + len - sum->filled, sum->filled);
}

/* Adds `len` bytes of the pieces, from `skip` on. */
static void sum_range(struct sum *sum, const struct iovec *iov, int count,
                      size_t skip, size_t len)
{
    for (int i = 0; i < count && len > 0; i++) {
        size_t from = skip < iov[i].iov_len ? skip : iov[i].iov_len;
        size_t part = iov[i].iov_len - from;

        if (part > len)
            part = len;
        sum_bytes(sum, (const char *)iov[i].iov_base + from, part);
        skip -= from;
        len -= part;
    }
}

/* -- the seal ------------------------------------------------------------ */

/* A position in a list of pieces. */
struct cursor {
    const struct iovec *iov;
    const struct iovec *end;
    size_t at; /* in the first piece */
};

static void skip_to(struct cursor *cursor, uint64_t len)
{
    while (cursor->iov < cursor->end &&
           len >= cursor->iov->iov_len - cursor->at) {
        len -= cursor->iov->iov_len - cursor->at;
        cursor->at = 0;
        cursor->iov++;
    }
    cursor->at += (size_t)len;
}

/* Adds the tag and the length of each field; false where the fields do not have
 * `len` bytes in all. A mark is never cut into two pieces. */
static bool seal_marks(uint64_t *state, struct cursor cursor, uint64_t len)
{
    struct llmobs_entry_mark mark;
    size_t fields = 0;

    while (len > 0) {
        if (len < sizeof(mark) || ++fields > LLMOBS_ENTRY_FIELDS)
            return false;
        memcpy(&mark, (const char *)cursor.iov->iov_base + cursor.at,
               sizeof(mark));
        len -= sizeof(mark);
        if (mark.len > len)
            return false;
        *state = llmobs_mix(*state ^ mark.len) + mark.tag;
        len -= mark.len;
        skip_to(&cursor, sizeof(mark) + mark.len);
    }
    return true;
}

/* Makes the seal of the head as it was written, all marks, and both ends of the
 * fields. The key is hashed before and after them: otherwise a peer that knows
 * an entry could compute the seal of another. */
static bool make_seal(const struct llmobs_entry_key *key,
                      const struct llmobs_entry_head *head,
                      const struct iovec *iov, int count, size_t skip,
                      uint64_t *out)
{
    struct cursor cursor = {iov, iov + count, 0};
    struct sum sum = {.plain = key->seal[0], .running = key->seal[1]};
    uint64_t state = llmobs_mix(key->seal[0] ^ head->id);
    size_t len = (size_t)head->len;
    size_t first = len < LLMOBS_ENTRY_SUM ? len : LLMOBS_ENTRY_SUM;
    size_t last = len - first;

    state = llmobs_mix(state ^ head->len);
    state = llmobs_mix(state ^ (head->type & (unsigned)~LLMOBS_ENTRY_DONE));
    skip_to(&cursor, skip);
    if (!seal_marks(&state, cursor, head->len))
        return false;
    sum_range(&sum, iov, count, skip, first);
    last = last < LLMOBS_ENTRY_SUM ? last : LLMOBS_ENTRY_SUM;
    sum_range(&sum, iov, count, skip + len - last, last);
    memset(sum.word + sum.filled, 0, sizeof(sum.word) - sum.filled);
    sum_words(&sum, sum.word, 1);
    *out = llmobs_mix(llmobs_mix(llmobs_mix(state) ^ sum.plain) + sum.running) ^
           key->seal[1];
    *out = llmobs_mix(*out);
    return true;
}

int64_t llmobs_entry_end(struct llmobs_entry_writer *writer,
                         const struct llmobs_entry_key *key)
{
    struct llmobs_entry_head *head = &writer->start.head;
    uint64_t tail = 0;

    if (writer->failed)
        return writer->failed;
    head->mark = key->mark;
    (void)make_seal(key, head, writer->iov, writer->pieces, sizeof(*head),
                    &tail);
    add_copied(writer, &tail, sizeof(tail));
    return (int64_t)(sizeof(*head) + head->len + sizeof(tail));
}

/* Most of a writer was never written: only the used parts are wiped
 * (scratch.h). */
void llmobs_entry_free(struct llmobs_entry_writer *writer)
{
    memset(&writer->start, 0, writer->filled);
    memset(writer->iov, 0, (size_t)writer->pieces * sizeof(writer->iov[0]));
    llmobs_scratch_free_text((char *)writer);
}

/* -- reading ------------------------------------------------------------- */

bool llmobs_entry_next(const struct llmobs_entry_key *key,
                       struct llmobs_text text, size_t *at,
                       struct llmobs_entry *entry)
{
    const size_t around = sizeof(struct llmobs_entry_head) + sizeof(uint64_t);

    for (; *at < text.len; *at += 1) {
        const char *from = text.data + *at;
        const char *found =
            memmem(from, text.len - *at, &key->mark, sizeof(key->mark));
        struct llmobs_entry_head head;
        struct iovec fields;
        uint64_t tail, seal;
        size_t left;

        if (!found)
            break;
        *at += (size_t)(found - from);
        left = text.len - *at;
        if (left < around)
            continue;
        memcpy(&head, found, sizeof(head));
        if (head.len > LLMOBS_ENTRY_MAX || head.len > left - around)
            continue;
        fields = (struct iovec){(void *)(uintptr_t)(found + sizeof(head)),
                                (size_t)head.len};
        memcpy(&tail, found + sizeof(head) + head.len, sizeof(tail));
        if (head.zero != 0 || head.zeros != 0 ||
            !make_seal(key, &head, &fields, 1, 0, &seal) || tail != seal)
            continue;
        entry->type = (enum llmobs_entry_type)(head.type & ~LLMOBS_ENTRY_DONE);
        entry->done = head.type & LLMOBS_ENTRY_DONE;
        entry->id = head.id;
        entry->fields = (struct llmobs_text){fields.iov_base, fields.iov_len};
        entry->offset = *at;
        entry->size = around + (size_t)head.len;
        *at += entry->size;
        return true;
    }
    *at = text.len;
    return false;
}

bool llmobs_entry_field(const struct llmobs_entry *entry, size_t *at,
                        uint32_t *tag, struct llmobs_text *value)
{
    struct llmobs_entry_mark mark;
    size_t left = entry->fields.len - *at;

    if (left < sizeof(mark))
        return false;
    memcpy(&mark, entry->fields.data + *at, sizeof(mark));
    left -= sizeof(mark);
    if (mark.len > left)
        return false;
    *tag = mark.tag;
    value->data = entry->fields.data + *at + sizeof(mark);
    value->len = (size_t)mark.len;
    *at += sizeof(mark) + value->len;
    return true;
}

int llmobs_entry_copy(char **text, struct llmobs_text value)
{
    free(*text);
    *text = strndup(value.data, value.len);
    return *text ? 0 : -ENOMEM;
}

bool llmobs_entry_has(const struct llmobs_entry *entry, uint32_t wanted)
{
    struct llmobs_text value;
    size_t at = 0;
    uint32_t tag;

    while (llmobs_entry_field(entry, &at, &tag, &value))
        if (tag == wanted)
            return true;
    return false;
}
