/* The functions that are exported for programs. llmobs_get_api gives the core's
 * table (include/llmobs.h), llmobs_command takes a command (core/capture/
 * command.h) and gives its answer in its place: R's .C knows no other form. Any
 * thread may call them. The core is loaded only where the program or its
 * environment wants it. */
#include "shim/api.h"

#include "shim/dl.h"
#include "shim/host.h"
#include "shim/load.h"
#include "shim/scan.h"

__attribute__((visibility("default"))) const struct llmobs_api *llmobs_get_api(
    unsigned version, const struct llmobs_enable_options *enable);

void llmobs_command(const char **text) __attribute__((visibility("default")));

static const struct llmobs_ops *ops_for(
    const struct llmobs_enable_options *enable)
{
    enum llmobs_scan_question asked =
        enable ? LLMOBS_SCAN_ENABLE : LLMOBS_SCAN_DECIDE;

    llmobs_scan_late(llmobs_dl_find);
    if (llmobs_host_state() <= LLMOBS_HOST_OFF || !llmobs_scan_ask(asked))
        return NULL;
    return llmobs_load_without_copy(enable);
}

const struct llmobs_api *llmobs_get_api(
    unsigned version, const struct llmobs_enable_options *enable)
{
    const struct llmobs_ops *ops = ops_for(enable);

    return ops ? ops->api(version) : NULL;
}

const char *llmobs_api_command(const char *text)
{
    const struct llmobs_ops *ops = ops_for(NULL);

    return ops ? ops->command(text) : NULL;
}

void llmobs_command(const char **text)
{
    const char *answer = llmobs_api_command(*text);

    *text = answer ? answer : "";
}
