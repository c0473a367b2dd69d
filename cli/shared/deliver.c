#include "cli/shared/deliver.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/shared/open_libcurl.h"
#include "core/base/paths.h"
#include "core/deliver/open.h"
#include "core/net/http.h"

#define BUFFER_BYTES (1u * 1024 * 1024)
/* The time for a thread that is still inside libcurl, which is unloaded at the
 * end. */
#define STRAGGLER_MS 100

bool llmobs_cli_observing(const struct llmobs_config *config)
{
    return config->enabled && access(LLMOBS_DISABLED_FILE, F_OK) != 0;
}

int llmobs_cli_deliver(const struct llmobs_config *config,
                       int (*give)(void *ctx, struct llmobs_worker *worker),
                       void *ctx)
{
    struct llmobs_buffer *buffer = llmobs_buffer_new(BUFFER_BYTES);
    struct llmobs_worker *worker = NULL;
    int rc;

    if (strcmp(config->exporter, "store") != 0 ||
        config->otlp.signals[LLMOBS_SIGNAL_LOGS].on)
        llmobs_cli_open_libcurl();
    if (buffer != NULL)
        worker = llmobs_worker_open(config, buffer);
    if (worker == NULL)
        return -ENOMEM;
    rc = give(ctx, worker);
    llmobs_worker_stop(worker, llmobs_worker_exit_ms(worker));
    (void)llmobs_curl_access_exited(STRAGGLER_MS);
    return rc;
}
