/* Delivers the spans of a command, such as `llmobs evaluate`. */
#include "cli/shared/deliver.h"

#include <errno.h>
#include <unistd.h>

#include "cli/shared/open_libcurl.h"
#include "core/export/curl_access.h"
#include "core/export/plain_http.h"
#include "lib/base/paths.h"
#include "core/log/relay_sign.h"

#define BUFFER_BYTES (1u * 1024 * 1024)
/* The time for a thread that is still inside libcurl, which is unloaded at the
 * end. */
#define STRAGGLER_MS 100

bool llmobs_cli_observing(const struct llmobs_config *config)
{
    return config->enabled && access(LLMOBS_DISABLED_FILE, F_OK) != 0;
}

const char *llmobs_cli_why_off(const struct llmobs_config *config)
{
    bool by_file;

    if (access(LLMOBS_DISABLED_FILE, F_OK) == 0)
        return "by " LLMOBS_DISABLED_FILE ", for all programs, until it is "
               "removed";
    if (config->enabled ||
        !llmobs_config_value(config, (const char *const *)environ,
                             "DD_LLMOBS_ENABLED", &by_file))
        return NULL;
    return by_file ? "by DD_LLMOBS_ENABLED in the configuration file; "
                     "DD_LLMOBS_ENABLED=1 in the environment switches it on"
                   : "by DD_LLMOBS_ENABLED; unset it, or set it to 1";
}

/* No thread for a peer on this host: it answers sooner than a thread begins. */
static void open_way(struct llmobs_config *config)
{
    if (!llmobs_plain_serves(config)) {
        llmobs_cli_open_libcurl();
        return;
    }
    config->thread = false;
}

int llmobs_cli_deliver(struct llmobs_config *config, llmobs_cli_give_fn *give,
                       void *ctx)
{
    bool relayed = llmobs_relay_find(config) == LLMOBS_RELAY_UP;
    struct llmobs_worker *worker;
    int rc;

    if (relayed)
        config->thread = false;
    else
        open_way(config);
    worker = llmobs_worker_open(config, BUFFER_BYTES);
    if (!worker)
        return -ENOMEM;
    rc = give(ctx, worker);
    if (relayed && llmobs_worker_pending(worker) != 0)
        open_way(config); /* the spool has no room for what is given */
    llmobs_worker_stop(worker, llmobs_worker_wait_ms(worker, true));
    (void)llmobs_curl_access_exited(STRAGGLER_MS);
    return rc;
}
