#include "core/entry.h"

#include <errno.h>
#include <string.h>

#define VERSION 2

static const char magic[8] = "\x93LLMOBS";

/* What is larger stays where it is: to copy it would cost more than a piece. */
#define SMALL 512

void llmobs_entry_begin(struct llmobs_entry_writer *writer,
                        enum llmobs_entry_type type, uint64_t id)
{
    struct llmobs_entry_head *head = &writer->start.head;

    memset(head, 0, sizeof(*head));
    memcpy(head->magic, magic, sizeof(magic));
    head->version = VERSION;
    head->type = (uint16_t)type;
    head->id = id;
    writer->fields = 0;
    writer->filled = sizeof(*head);
    writer->pieces = 1;
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

/* The marks to come, and the tail, find room whatever is copied here. */
static bool is_small(const struct llmobs_entry_writer *writer, size_t len)
{
    size_t kept = (LLMOBS_ENTRY_FIELDS - writer->fields) *
                      sizeof(struct llmobs_entry_mark) +
                  sizeof(uint64_t);

    return len <= SMALL && len <= sizeof(writer->start) - writer->filled - kept;
}

static void add_piece(struct llmobs_entry_writer *writer,
                      struct llmobs_text text)
{
    writer->start.head.len += text.len;
    if (text.len == 0)
        return;
    if (is_small(writer, text.len))
        add_copied(writer, text.data, text.len);
    else
        writer->iov[writer->pieces++] =
            (struct iovec){(void *)(uintptr_t)text.data, text.len};
}

int llmobs_entry_add_two(struct llmobs_entry_writer *writer, uint32_t tag,
                         struct llmobs_text first, struct llmobs_text second)
{
    struct llmobs_entry_mark mark = {.tag = tag, .len = first.len + second.len};

    if (writer->fields == LLMOBS_ENTRY_FIELDS)
        return -ENOSPC;
    writer->fields++;
    writer->start.head.len += sizeof(mark);
    add_copied(writer, &mark, sizeof(mark));
    add_piece(writer, first);
    add_piece(writer, second);
    return 0;
}

int llmobs_entry_add(struct llmobs_entry_writer *writer, uint32_t tag,
                     const void *data, size_t len)
{
    return llmobs_entry_add_two(writer, tag, (struct llmobs_text){data, len},
                                (struct llmobs_text){NULL, 0});
}

/* Two running sums over words of eight bytes, as Fletcher's: what they are for
 * is bytes that were not written, and zlib's crc32 costs the app's thread ten
 * times as much. */
struct sum {
    uint64_t plain;
    uint64_t running;
    char word[8];
    size_t filled; /* bytes of the word */
};

/* Four words at a time, in sums of their own that wait for no other. A word of
 * the first of them is in the running sum four times for each time that its own
 * has it; one of the next once less, and so on. */
typedef uint64_t pair __attribute__((vector_size(16)));

static pair load(const char *data)
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
        low += load(data);
        high += load(data + sizeof(pair));
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

/* Where the pieces begin and end does not matter. */
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

/* The multiplier is odd and has no pattern: each bit of both sums counts. */
static uint32_t sum_end(struct sum *sum)
{
    uint64_t both;

    memset(sum->word + sum->filled, 0, sizeof(sum->word) - sum->filled);
    sum_words(sum, sum->word, 1);
    both = (sum->running ^ (sum->plain << 32 | sum->plain >> 32)) *
           UINT64_C(0x9E3779B97F4A7C15);
    return (uint32_t)(both >> 32);
}

/* `len` bytes of the pieces, from `skip` on. */
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

/* Of the head without its own sum, and as it was written, then of both ends of
 * the fields, which are the pieces from `skip` on. */
static uint32_t sum_of(struct llmobs_entry_head head, const struct iovec *iov,
                       int count, size_t skip)
{
    size_t first = head.len < LLMOBS_ENTRY_SUM ? head.len : LLMOBS_ENTRY_SUM;
    size_t last = head.len - first;
    struct sum sum = {.plain = 1};

    head.sum = 0;
    head.type &= (uint16_t)~LLMOBS_ENTRY_DONE;
    sum_bytes(&sum, (const char *)&head, sizeof(head));
    sum_range(&sum, iov, count, skip, first);
    if (last > LLMOBS_ENTRY_SUM)
        last = LLMOBS_ENTRY_SUM;
    sum_range(&sum, iov, count, skip + head.len - last, last);
    return sum_end(&sum);
}

size_t llmobs_entry_end(struct llmobs_entry_writer *writer)
{
    struct llmobs_entry_head *head = &writer->start.head;
    const uint64_t tail = ~head->id;

    head->sum = sum_of(*head, writer->iov, writer->pieces, sizeof(*head));
    add_copied(writer, &tail, sizeof(tail));
    return sizeof(*head) + head->len + sizeof(tail);
}

/* -- reading ------------------------------------------------------------- */

static bool is_entry(struct llmobs_text text, struct llmobs_entry *entry)
{
    struct llmobs_entry_head head;
    struct iovec fields;
    uint64_t tail;

    if (text.len < sizeof(head) + sizeof(tail))
        return false;
    memcpy(&head, text.data, sizeof(head));
    if (memcmp(head.magic, magic, sizeof(magic)) != 0 ||
        head.version != VERSION || head.len > LLMOBS_ENTRY_MAX ||
        head.len > text.len - sizeof(head) - sizeof(tail))
        return false;
    memcpy(&tail, text.data + sizeof(head) + head.len, sizeof(tail));
    fields = (struct iovec){(void *)(uintptr_t)(text.data + sizeof(head)),
                            (size_t)head.len};
    if (tail != ~head.id || sum_of(head, &fields, 1, 0) != head.sum)
        return false;
    entry->type = (enum llmobs_entry_type)(head.type & ~LLMOBS_ENTRY_DONE);
    entry->done = head.type & LLMOBS_ENTRY_DONE;
    entry->id = head.id;
    entry->fields = (struct llmobs_text){fields.iov_base, fields.iov_len};
    entry->size = sizeof(head) + (size_t)head.len + sizeof(tail);
    return true;
}

bool llmobs_entry_next(struct llmobs_text text, size_t *at,
                       struct llmobs_entry *entry)
{
    const char *from, *found;

    while (*at < text.len) {
        from = text.data + *at;
        found = memmem(from, text.len - *at, magic, sizeof(magic));
        if (!found)
            break;
        *at += (size_t)(found - from);
        entry->offset = *at;
        if (is_entry((struct llmobs_text){found, text.len - *at}, entry)) {
            *at += entry->size;
            return true;
        }
        *at += 1;
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
