/* attach - the operations behind the shim's thunks, and the life of the core
 * in its process. */
#include "core/deliver/open.h"
#include "core/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fd.h"
#include "core/base/file.h"
#include "core/base/fork.h"
#include "core/base/log.h"
#include "core/base/stack.h"
#include "core/callsite/caller.h"
#include "core/callsite/loaded.h"
#include "core/capture/callbacks.h"
#include "core/capture/capture.h"
#include "core/capture/outgoing.h"
#include "core/config/inbound.h"
#include "core/net/http.h"
#include "core/ops/c_api.h"
#include "core/ops/command.h"
#include "core/ops/global.h"
#include "core/ops/multi.h"
#include "core/ops/multi_messages.h"
#include "core/sdk/evaluation_submit.h"
#include "core/text/budget.h"

#define RULES_FILE_MAX (1024 * 1024)

/* Made in attach, before any other thread calls us; constant afterwards. */
static const struct llmobs_config *config;
static struct llmobs_worker *worker;

/* ---- life ------------------------------------------------------------- */

static void complain(void *ctx, const char *text)
{
    (void)ctx;
    llmobs_log(LLMOBS_LOG_WARN, "%s", text);
}

/* What load says comes before the log is open: kept until then. */
struct complaints {
    struct llmobs_buf text;
};

static void complain_later(void *ctx, const char *text)
{
    struct complaints *complaints = ctx;

    (void)llmobs_buf_adds(&complaints->text, text);
    (void)llmobs_buf_addc(&complaints->text, '\n');
}

static void log_complaints(struct complaints *complaints)
{
    char *at = complaints->text.data;
    char *line;

    while (at && (line = strsep(&at, "\n")) != NULL) {
        if (line[0])
            llmobs_log(LLMOBS_LOG_WARN, "%s", line);
    }
    llmobs_buf_fini(&complaints->text);
}

static const struct llmobs_rules *load_rules(void)
{
    struct llmobs_rules_config rules_config = {
        .proxy_urls = config->proxy_urls,
        .inject_hosts = config->inject_hosts,
        .never_urls = (const char *const *)config->never_urls,
        .everything = config->capture_all,
        .complain = complain,
    };
    struct llmobs_buf text;
    struct llmobs_rules *rules;
    int rc = 0;

    llmobs_buf_init(&text, RULES_FILE_MAX);
    if (config->rules_path)
        rc = llmobs_file_read(config->rules_path, &text);
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

/* What the program says comes before its environment. */
static const struct llmobs_config *load_config(const struct llmobs_host *host,
                                               struct complaints *complaints)
{
    const char **env =
        host->enable ? llmobs_c_api_environment(host->env, host->enable) : NULL;
    const struct llmobs_config *loaded =
        llmobs_config_load(env ? env : host->env, complain_later, complaints);

    free(env);
    return loaded;
}

/* The log is known once the configuration is. */
static bool configure(const struct llmobs_host *host)
{
    struct complaints complaints;

    llmobs_buf_init(&complaints.text, 64 * 1024);
    config = load_config(host, &complaints);
    if (!config)
        return false;
    llmobs_log_init(config->log_path, (enum llmobs_log_level)config->log_level);
    log_complaints(&complaints);
    if (llmobs_privacy_applies(&config->privacy))
        llmobs_log(LLMOBS_LOG_INFO, "content is %s",
                   config->privacy.content == LLMOBS_CONTENT_OFF ? "off"
                                                                 : "redacted");
    return true;
}

static bool start(const struct llmobs_host *host)
{
    const struct llmobs_rules *rules;
    struct llmobs_buffer *buffer;

    (void)llmobs_fork_init();
    llmobs_loaded_by(host->objects);
    llmobs_http_direct_only(host->connect_held);
    if (!configure(host))
        return false;
    rules = load_rules();
    llmobs_budget_init((size_t)config->buffer_max);
    buffer = llmobs_buffer_new((size_t)config->buffer_max);
    if (!rules || !buffer)
        return false;
    worker = llmobs_worker_open(config, buffer);
    if (!worker)
        return false;
    llmobs_capture_init(config, rules, worker);
    llmobs_inbound_lookups(llmobs_ops_multi_count);
    llmobs_c_api_open(config, worker);
    llmobs_evaluation_init(config, worker);
    llmobs_command_init(config->commands);
    if (config->callsite != LLMOBS_CALLSITE_OFF)
        llmobs_caller_watch();
    llmobs_fd_guest(false);
    llmobs_global_start(worker, llmobs_capture_abandon_all);
    return true;
}

/* ---- global operations ------------------------------------------------ */

static CURLcode op_global_init(const struct llmobs_real *real, long flags)
{
    bool first = llmobs_global_turn(real);
    CURLcode rc = real->global_init(flags);
    int saved = errno;

    if (rc == CURLE_OK)
        llmobs_global_up(real, LLMOBS_UP_INIT);
    if (first)
        llmobs_global_turn_end(real);
    errno = saved;
    return rc;
}

static CURLcode op_global_init_mem(const struct llmobs_real *real, long flags,
                                   curl_malloc_callback m, curl_free_callback f,
                                   curl_realloc_callback r,
                                   curl_strdup_callback s,
                                   curl_calloc_callback c)
{
    bool first = llmobs_global_turn(real);
    CURLcode rc = real->global_init_mem(flags, m, f, r, s, c);
    int saved = errno;

    if (rc == CURLE_OK)
        llmobs_global_up(real, LLMOBS_UP_INIT_MEM);
    if (first)
        llmobs_global_turn_end(real);
    errno = saved;
    return rc;
}

static void op_global_cleanup(const struct llmobs_real *real)
{
    int saved = errno;
    bool safe;

    /* An extension that is about to be unloaded calls this: PHP's at its
     * end, before our exit handler. */
    if (config->callsite != LLMOBS_CALLSITE_OFF)
        llmobs_global_prepare();
    safe = llmobs_global_leave(real);
    errno = saved;
    if (safe)
        real->global_cleanup();
    saved = errno;
    llmobs_global_left(real, safe);
    errno = saved;
}

/* ---- easy operations -------------------------------------------------- */

static CURL *op_easy_init(const struct llmobs_real *real)
{
    bool first = llmobs_global_turn(real);
    CURL *curl = real->easy_init();
    int saved = errno;

    if (curl) {
        llmobs_global_up(real, LLMOBS_UP_HANDLE);
        (void)llmobs_capture_new_handle(real, curl);
    }
    if (first)
        llmobs_global_turn_end(real);
    errno = saved;
    return curl;
}

static CURLcode op_easy_setopt(const struct llmobs_real *real, CURL *curl,
                               CURLoption option, void *arg)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);
    CURLcode rc = CURLE_OK;
    int saved;

    if (!handle)
        return real->easy_setopt(curl, option, arg);
    llmobs_outgoing_before_set(handle, curl, option);
    if (!llmobs_callbacks_own(handle, option))
        rc = real->easy_setopt(curl, option, arg);
    saved = errno;
    if (rc == CURLE_OK) {
        llmobs_handle_note(handle, option, arg, llmobs_capture_body_max());
        llmobs_callbacks_follow_reads(handle, curl, option);
        llmobs_outgoing_after_set(handle, curl, option);
    }
    errno = saved;
    return rc;
}

/* True when libcurl refused to start: the handle is busy already, in a multi
 * or in the very callback that calls. Nothing of ours may change then. */
static bool refused(CURLcode rc)
{
    return rc == CURLE_FAILED_INIT || (int)rc == 93; /* RECURSIVE_API_CALL */
}

static void end_perform(struct llmobs_handle *handle, CURL *curl, CURLcode rc)
{
    int saved = errno;

    llmobs_outgoing_take_sent(handle);
    llmobs_capture_measure(handle, curl);
    llmobs_callbacks_swap_out(handle, curl);
    llmobs_capture_finish(handle, LLMOBS_END_DONE, rc);
    errno = saved;
}

static CURLcode op_easy_perform(const struct llmobs_real *real, CURL *curl)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);
    bool busy;
    CURLcode rc;

    if (!handle)
        return real->easy_perform(curl);
    llmobs_callbacks_leave_behind(handle, curl);
    busy = handle->swapped || atomic_load(&handle->multi);
    if (!busy)
        llmobs_command_run(handle);
    if (!busy)
        handle->called_from = LLMOBS_STACK_ENTRY();
    if (!busy && !llmobs_capture_begin(handle, curl))
        return real->easy_perform(curl);
    if (!busy)
        handle->inside = true;
    rc = real->easy_perform(curl);
    if (!busy || !refused(rc))
        end_perform(handle, curl, rc);
    return rc;
}

static void op_easy_reset(const struct llmobs_real *real, CURL *curl)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);
    int saved = errno;

    /* What libcurl measured is lost with the settings. */
    if (handle)
        llmobs_capture_measure(handle, curl);
    errno = saved;
    real->easy_reset(curl);
    saved = errno;
    /* Without a record: its settings are known from here on, wherever it came
     * from. With one: our callbacks went with the app's; what arrived until
     * now is kept. */
    if (!handle)
        (void)llmobs_handle_create(real, curl);
    else
        llmobs_handle_reset(handle);
    errno = saved;
}

static CURL *op_easy_duphandle(const struct llmobs_real *real, CURL *curl)
{
    struct llmobs_handle *from = llmobs_handle_find(curl);
    CURL *twin = real->easy_duphandle(curl);
    int saved = errno;

    if (twin && from)
        (void)llmobs_capture_twin(from, twin);
    errno = saved;
    return twin;
}

static void op_easy_cleanup(const struct llmobs_real *real, CURL *curl)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);
    struct llmobs_ending ending;
    int saved = errno;

    if (!handle) {
        real->easy_cleanup(curl);
        return;
    }
    llmobs_capture_measure(handle, curl);
    ending = llmobs_ops_multi_ending(handle, curl);
    llmobs_multi_messages_forget(atomic_load(&handle->multi), curl);
    /* The address may be a new handle's as soon as it is freed. */
    llmobs_handle_detach(handle);
    errno = saved;
    real->easy_cleanup(curl);
    saved = errno;
    llmobs_capture_finish(handle, ending.end, ending.code);
    llmobs_handle_release(handle);
    errno = saved;
}

/* ---- attach ----------------------------------------------------------- */

static const struct llmobs_ops ops = {
    .abi = LLMOBS_ENGINE_ABI,
    .global_init = op_global_init,
    .global_init_mem = op_global_init_mem,
    .global_cleanup = op_global_cleanup,
    .easy_init = op_easy_init,
    .easy_setopt = op_easy_setopt,
    .easy_perform = op_easy_perform,
    .easy_reset = op_easy_reset,
    .easy_duphandle = op_easy_duphandle,
    .easy_cleanup = op_easy_cleanup,
    .multi_add_handle = llmobs_ops_multi_add_handle,
    .multi_remove_handle = llmobs_ops_multi_remove_handle,
    .multi_perform = llmobs_ops_multi_perform,
    .multi_socket = llmobs_ops_multi_socket,
    .multi_socket_action = llmobs_ops_multi_socket_action,
    .multi_socket_all = llmobs_ops_multi_socket_all,
    .multi_info_read = llmobs_ops_multi_info_read,
    .multi_cleanup = llmobs_ops_multi_cleanup,
    .multi_setopt = llmobs_ops_multi_setopt,
    .api = llmobs_c_api_table,
};

__attribute__((visibility("default"))) const struct llmobs_ops *
llmobs_core_attach(const struct llmobs_host *host);

const struct llmobs_ops *llmobs_core_attach(const struct llmobs_host *host)
{
    if (!host || host->abi != LLMOBS_ENGINE_ABI || !start(host))
        return NULL;
    return &ops;
}
