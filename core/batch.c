#include "core/batch.h"

#include <string.h>

#include "core/encode.h"

/* More than any batch can hold: the buffer's own cap never decides. */
#define TEXT_MAX ((size_t)1 << 31)

void llmobs_batch_init(struct llmobs_batch *batch)
{
    memset(batch, 0, sizeof(*batch));
    llmobs_buf_init(&batch->text, TEXT_MAX);
}

bool llmobs_batch_is_empty(const struct llmobs_batch *batch)
{
    return batch->count == 0;
}

bool llmobs_batch_is_full(const struct llmobs_batch *batch)
{
    return batch->count == LLMOBS_BATCH_EVENTS ||
           batch->text.len >= LLMOBS_BATCH_BYTES;
}

int llmobs_batch_add(struct llmobs_batch *batch, const struct llmobs_span *span,
                     const struct llmobs_config *config)
{
    int rc = llmobs_encode_span(span, config, &batch->text);

    if (rc == 0)
        batch->ends[batch->count++] = batch->text.len;
    return rc;
}

int llmobs_batch_send(const struct llmobs_batch *batch,
                      struct llmobs_exporter *exporter)
{
    struct llmobs_text events[LLMOBS_BATCH_EVENTS];
    size_t count = batch->count - batch->first;
    int sent;

    for (size_t i = 0; i < count; i++) {
        size_t at = batch->first + i;
        size_t start = at ? batch->ends[at - 1] : 0;

        events[i].data = batch->text.data + start;
        events[i].len = batch->ends[at] - start;
    }
    sent = exporter->ops->send(exporter, events, count);
    return sent > (int)count ? (int)count : sent;
}

/* A big event's memory is not kept for the next small one. */
void llmobs_batch_skip(struct llmobs_batch *batch, size_t n)
{
    batch->first += n;
    if (batch->first < batch->count)
        return;
    batch->first = batch->count = 0;
    if (batch->text.cap > 2 * LLMOBS_BATCH_BYTES)
        llmobs_buf_fini(&batch->text);
    else
        llmobs_buf_cut(&batch->text, 0);
}
