/* Calls the program's span processor. */
#include "core/event/processor.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "lib/span/content_filter.h"

struct processor {
    llmobs_processor_call *call;
    const void *function;
    void *context;
    struct processor *before; /* the processor that was set before */
};

/* The processor that it points to is never freed, and never changes. */
static _Atomic(const struct processor *) current;
static _Atomic(struct processor *) all;
static atomic_int count;

int llmobs_processor_set(llmobs_processor_call *call, const void *function,
                         void *context)
{
    struct processor *processor = NULL;

    if (function) {
        if (atomic_fetch_add(&count, 1) >= LLMOBS_PROCESSORS_MAX)
            return -EMFILE;
        processor = malloc(sizeof(*processor));
        if (!processor)
            return -ENOMEM;
        *processor = (struct processor){call, function, context, NULL};
        processor->before = atomic_exchange(&all, processor);
    }
    if (processor)
        llmobs_privacy_hold(true);
    atomic_store(&current, processor);
    if (!processor)
        llmobs_privacy_hold(false);
    return 0;
}

int llmobs_processor_run(struct llmobs_span *span)
{
    const struct processor *processor = atomic_load(&current);

    return processor
               ? processor->call(processor->function, processor->context, span)
               : 0;
}
