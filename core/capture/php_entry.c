#include "core/capture/php_entry.h"

#include <errno.h>

#include "core/config/inbound.h"
#include "core/config/php_request.h"
#include "core/sdk/own_span.h"
#include "core/sdk/thread_state.h"

static const char *entry; /* constant after init; NULL: none */
static uint64_t open;     /* 0: none */

void llmobs_php_entry_init(const char *name)
{
    entry = llmobs_inbound_entry_name(name);
}

static void php_entry_end(void)
{
    uint64_t span = open;
    int saved = errno;

    open = 0;
    if (span)
        (void)llmobs_own_span_finish(span);
    errno = saved;
}

void llmobs_php_entry_begin(void)
{
    struct llmobs_own_span_start start = {.kind = LLMOBS_KIND_WORKFLOW,
                                          .name = entry};
    int saved = errno;

    if (!entry)
        return;
    if (llmobs_inbound_is_php() && !open && llmobs_thread_state_top() == 0) {
        llmobs_php_on_request_end(php_entry_end);
        if (llmobs_own_span_start(&start, &open) != 0)
            open = 0;
    }
    errno = saved;
}
