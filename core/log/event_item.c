#include "core/log/event_item.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TAG_BEGAN 64

struct llmobs_item *llmobs_event_item_new(enum llmobs_event_kind kind,
                                          struct llmobs_text text)
{
    struct llmobs_event_item *event = malloc(sizeof(*event) + text.len);

    if (!event)
        return NULL;
    memset(event, 0, sizeof(*event));
    event->item.type = LLMOBS_ITEM_EVENT;
    event->item.kind = kind;
    event->len = text.len;
    memcpy(event->data, text.data, text.len);
    return &event->item;
}

struct llmobs_text llmobs_event_item_text(const struct llmobs_item *item)
{
    const struct llmobs_event_item *event =
        (const struct llmobs_event_item *)item;

    return (struct llmobs_text){event->data, event->len};
}

void llmobs_event_add(struct llmobs_entry_writer *writer,
                      enum llmobs_event_kind kind, struct llmobs_text text,
                      const int64_t *began_ns)
{
    llmobs_entry_add(writer, LLMOBS_EVENT_TAG + (uint32_t)kind, text.data,
                     text.len);
    llmobs_entry_add(writer, TAG_BEGAN, began_ns, sizeof(*began_ns));
}

int llmobs_event_read(const struct llmobs_entry *entry,
                      enum llmobs_event_kind *kind, struct llmobs_text *text)
{
    size_t at = 0;
    uint32_t tag;

    if (entry->type != LLMOBS_ENTRY_EVENT ||
        !llmobs_entry_field(entry, &at, &tag, text) || tag < LLMOBS_EVENT_TAG ||
        tag >= LLMOBS_EVENT_TAG + LLMOBS_EVENT_KINDS)
        return -EINVAL;
    *kind = (enum llmobs_event_kind)(tag - LLMOBS_EVENT_TAG);
    return 0;
}

/* Finds the key by its quotes, which are escaped within any string. */
static int64_t start_of_span(struct llmobs_text event)
{
    static const char key[] = "\"start_ns\":";
    const char *end = event.data + event.len;
    const char *at = memmem(event.data, event.len, key, sizeof(key) - 1);
    int64_t start = 0;

    if (!at)
        return 0;
    at += sizeof(key) - 1;
    while (at < end && *at == ' ')
        at++;
    for (; at < end && *at >= '0' && *at <= '9'; at++)
        if (start <= (INT64_MAX - 9) / 10)
            start = start * 10 + (*at - '0');
    return start;
}

int64_t llmobs_event_start(const struct llmobs_entry *entry)
{
    struct llmobs_text value;
    int64_t start = 0;
    size_t at = 0;
    uint32_t tag;

    while (llmobs_entry_field(entry, &at, &tag, &value)) {
        if (tag == LLMOBS_EVENT_TAG + LLMOBS_EVENT_SPAN)
            return start_of_span(value);
        if (tag == TAG_BEGAN && value.len == sizeof(start))
            memcpy(&start, value.data, sizeof(start));
    }
    return start;
}
