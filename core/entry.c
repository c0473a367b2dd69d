#include "core/entry.h"

#include <errno.h>
#include <string.h>

#include <zlib.h>

#define VERSION 1

static const char magic[8] = "\x93LLMOBS";

void llmobs_entry_begin(struct llmobs_entry_writer *writer,
                        enum llmobs_entry_type type, uint64_t id)
{
    memset(&writer->head, 0, sizeof(writer->head));
    memcpy(writer->head.magic, magic, sizeof(magic));
    writer->head.version = VERSION;
    writer->head.type = (uint16_t)type;
    writer->head.id = id;
    writer->tail = ~id;
    writer->fields = 0;
    writer->pieces = 1;
    writer->iov[0] = (struct iovec){&writer->head, sizeof(writer->head)};
}

static void add_piece(struct llmobs_entry_writer *writer, const void *data,
                      size_t len)
{
    writer->iov[writer->pieces++] =
        (struct iovec){(void *)(uintptr_t)data, len};
    writer->head.len += len;
}

int llmobs_entry_add_two(struct llmobs_entry_writer *writer, uint32_t tag,
                         struct llmobs_text first, struct llmobs_text second)
{
    struct llmobs_entry_mark *mark;

    if (writer->fields == LLMOBS_ENTRY_FIELDS)
        return -ENOSPC;
    mark = &writer->marks[writer->fields++];
    mark->tag = tag;
    mark->zero = 0;
    mark->len = first.len + second.len;
    add_piece(writer, mark, sizeof(*mark));
    if (first.len > 0)
        add_piece(writer, first.data, first.len);
    if (second.len > 0)
        add_piece(writer, second.data, second.len);
    return 0;
}

int llmobs_entry_add(struct llmobs_entry_writer *writer, uint32_t tag,
                     const void *data, size_t len)
{
    return llmobs_entry_add_two(writer, tag, (struct llmobs_text){data, len},
                                (struct llmobs_text){NULL, 0});
}

/* Of the bytes from *left on, as many of this piece as are wanted. */
static uint32_t sum_piece(uint32_t sum, const struct iovec *piece, size_t *skip,
                          size_t *left)
{
    size_t from = *skip < piece->iov_len ? *skip : piece->iov_len;
    size_t len = piece->iov_len - from;

    *skip -= from;
    if (len > *left)
        len = *left;
    *left -= len;
    return (uint32_t)crc32(sum, (const Bytef *)piece->iov_base + from,
                           (uInt)len);
}

static uint32_t sum_range(uint32_t sum, const struct iovec *iov, int count,
                          size_t skip, size_t len)
{
    for (int i = 0; i < count && len > 0; i++)
        sum = sum_piece(sum, &iov[i], &skip, &len);
    return sum;
}

/* Of the head without its own sum, and as it was written, then of both ends of
 * the fields. */
static uint32_t sum_of(struct llmobs_entry_head head, const struct iovec *iov,
                       int count)
{
    size_t first = head.len < LLMOBS_ENTRY_SUM ? head.len : LLMOBS_ENTRY_SUM;
    size_t last = head.len - first;
    uint32_t sum;

    head.sum = 0;
    head.type &= (uint16_t)~LLMOBS_ENTRY_DONE;
    sum = (uint32_t)crc32(0, (const Bytef *)&head, sizeof(head));
    sum = sum_range(sum, iov, count, 0, first);
    if (last > LLMOBS_ENTRY_SUM)
        last = LLMOBS_ENTRY_SUM;
    return sum_range(sum, iov, count, head.len - last, last);
}

size_t llmobs_entry_end(struct llmobs_entry_writer *writer)
{
    writer->head.sum =
        sum_of(writer->head, writer->iov + 1, writer->pieces - 1);
    writer->iov[writer->pieces++] =
        (struct iovec){&writer->tail, sizeof(writer->tail)};
    return sizeof(writer->head) + writer->head.len + sizeof(writer->tail);
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
    if (tail != ~head.id || sum_of(head, &fields, 1) != head.sum)
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
