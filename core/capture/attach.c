/* Makes the parts of the core in a process, and returns the table of operations
 * to the shim. */
#include "core/capture/attach.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "lib/base/floats.h"
#include "lib/base/fork.h"
#include "lib/base/log.h"
#include "lib/base/stats.h"
#include "lib/base/thread.h"
#include "lib/elf/loaded.h"
#include "core/capture/capture.h"
#include "core/config/inbound.h"
#include "core/config/origin.h"
#include "core/config/theirs.h"
#include "core/export/direct.h"
#include "core/capture/c_api.h"
#include "core/capture/command.h"
#include "core/capture/easy.h"
#include "core/capture/global.h"
#include "core/capture/multi_members.h"
#include "core/capture/mime.h"
#include "core/capture/multi.h"
#include "core/capture/multi_messages.h"
#include "core/capture/unseen.h"
#include "core/capture/wire.h"
#include "core/capture/wire_insert.h"
#include "core/capture/judge.h"
#include "core/capture/rest.h"
#include "core/deliver/start_relay.h"
#include "core/sdk/evaluation_submit.h"
#include "lib/text/budget.h"

#define RULES_FILE_MAX (1024 * 1024)

/* By this libc knows which object a handler of fork or exit belongs to. The
 * compiler's start files define it, but the core is linked without them; if
 * they are linked in after all, the linker uses theirs. */
__attribute__((weak, visibility("hidden"))) void *const __dso_handle =
    (void *)&__dso_handle;

/* Made in attach, before any other thread calls the core; constant afterwards.
 */
static const struct llmobs_config *config;
static struct llmobs_worker *worker;

/* -- life ------------------------------------------------------------------ */

/* The configuration complains before the log is open: its lines wait until
 * then.
 */
struct complaints {
    struct llmobs_buf text;
};

static void complain_later(void *ctx, const char *text)
{
    struct complaints *complaints = ctx;

    (void)llmobs_buf_adds(&complaints->text, text);
    (void)llmobs_buf_addc(&complaints->text, '\n');
}

static const struct llmobs_rules *load_rules(void)
{
    struct llmobs_rules_config rules_config = {
        .proxy_urls = config->proxy_urls,
        .inject_hosts = config->inject_hosts,
        .never_urls = (const char *const *)config->never_urls,
        .observe = config->observe,
        .vector = config->observe_vector,
        .search = config->observe_search,
        .complain = llmobs_log_complaint,
    };
    struct llmobs_buf text;
    struct llmobs_rules *rules;
    int rc = 0;

    llmobs_buf_init(&text, RULES_FILE_MAX);
    if (config->rules_path)
        rc = llmobs_file_settings(config->rules_path, &text);
    if (rc != 0)
        llmobs_log(LLMOBS_LOG_WARN, "LLMOBS_RULES: %s: %s", config->rules_path,
                   strerror(-rc));
    else if (config->rules_path)
        rules_config.rules_json =
            (struct llmobs_text){text.data ? text.data : "", text.len};
    rules = llmobs_rules_new(&rules_config);
    llmobs_buf_fini(&text);
    return rules;
}

/* The options of the program win over its environment. */
static const struct llmobs_config *load_config(const struct llmobs_host *host,
                                               struct complaints *complaints)
{
    const char **env =
        host->enable ? llmobs_c_api_environment(host->env, host->enable) : NULL;
    struct llmobs_config *loaded =
        llmobs_config_load(env ? env : host->env, complain_later, complaints);

    llmobs_start_relay_from(env ? env : host->env); /* kept for that */
    llmobs_origin_defer(loaded);
    return loaded;
}

LLMOBS_FLOATS_WITHIN static bool start(const struct llmobs_host *host)
{
    const struct llmobs_rules *rules;
    struct complaints complaints;
    char *at, *line;

    (void)llmobs_fork_init();
    llmobs_thread_watch(host->watch_alone);
    llmobs_loaded_by(host->objects);
    llmobs_theirs_find(host->symbol);
    llmobs_direct_only(host->connect_held);
    llmobs_unseen_watch(host->wrappers);
    llmobs_multi_messages_watch(&host->wrappers->unseen);
    /* Reads the configuration, and opens the log that it names. */
    llmobs_buf_init(&complaints.text, 64 * 1024);
    config = load_config(host, &complaints);
    if (!config)
        return false;
    llmobs_log_init(config->log_path, (enum llmobs_log_level)config->log_level);
    at = complaints.text.data;
    while (at && (line = strsep(&at, "\n")) != NULL) {
        if (line[0])
            llmobs_log(LLMOBS_LOG_WARN, "%s", line);
    }
    llmobs_buf_fini(&complaints.text);
    if (llmobs_privacy_applies(&config->privacy))
        llmobs_log(LLMOBS_LOG_INFO, "content is %s",
                   config->privacy.content == LLMOBS_CONTENT_OFF ? "off"
                                                                 : "redacted");
    rules = load_rules();
    llmobs_budget_init((size_t)config->buffer_max);
    if (!rules)
        return false;
    worker = llmobs_worker_open(config, (size_t)config->buffer_max, NULL);
    if (!worker)
        return false;
    llmobs_capture_init(config, rules, worker);
    llmobs_inbound_set_lookups(llmobs_members_count_all);
    llmobs_c_api_open(config, worker);
    llmobs_evaluation_init(config, worker);
    llmobs_inbound_init(config->inbound);
    llmobs_command_init(config->commands || config->inbound, config->entry);
    llmobs_rest_init(worker);
    llmobs_fd_guest(false);
    llmobs_global_start(worker, llmobs_capture_abandon_all);
    if (host->tls_inside)
        llmobs_stats_add(host->tls_inside > 0 ? LLMOBS_STAT_tls_inside
                                              : LLMOBS_STAT_tls_left,
                         1);
    return true;
}

/* -- attach ---------------------------------------------------------------- */

static const struct llmobs_ops ops = {
    .abi = LLMOBS_ENGINE_ABI,
#define X(result, name, ...) .name = llmobs_ops_##name,
    LLMOBS_HOOKS(X)
#undef X
        .api = llmobs_c_api_table,
    .command = llmobs_command_say,
    .rest = llmobs_rest_begin,
    .rest_longer = llmobs_rest_longer,
    .rested = llmobs_rest_end,
    .leaves = llmobs_rest_leaves,
    .wire = {llmobs_wire_begin, llmobs_wire_event, llmobs_wire_unfollowed,
             llmobs_wire_disturbed, llmobs_wire_take, llmobs_wire_give,
             llmobs_wire_insert_join, &llmobs_judge_adds},
};

const struct llmobs_ops *llmobs_core_attach(const struct llmobs_host *host)
{
    struct llmobs_floats floats = llmobs_floats_begin();
    bool works;
    int cancel;

    /* The program's thread must not be cancelled while it reads files here: the
     * function that it called may not be a point of cancellation. */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    /* A shim of another version sees by the table's number why not. */
    works = host && (host->abi != LLMOBS_ENGINE_ABI || start(host));
    pthread_setcancelstate(cancel, NULL);
    llmobs_floats_end(floats);
    return works ? &ops : NULL;
}
