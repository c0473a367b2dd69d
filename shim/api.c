/* llmobs_get_api, the only function that is exported for programs
 * (include/llmobs.h), gives the core's table. Any thread may call it. The core
 * is loaded only where the program or its environment wants it. */
#include "shim/dl.h"
#include "shim/host.h"
#include "shim/load.h"
#include "shim/scan.h"

__attribute__((visibility("default"))) const struct llmobs_api *llmobs_get_api(
    unsigned version, const struct llmobs_enable_options *enable);

const struct llmobs_api *llmobs_get_api(
    unsigned version, const struct llmobs_enable_options *enable)
{
    enum llmobs_scan_question asked =
        enable ? LLMOBS_SCAN_ENABLE : LLMOBS_SCAN_DECIDE;
    const struct llmobs_ops *ops;

    llmobs_scan_late(llmobs_dl_ours);
    if (llmobs_host_state() <= LLMOBS_HOST_OFF || !llmobs_scan_ask(asked))
        return NULL;
    ops = llmobs_load_alone(enable);
    return ops ? ops->api(version) : NULL;
}
