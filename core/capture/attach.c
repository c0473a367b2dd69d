/* Makes the parts of the core in a process, and returns the table of operations
 * to the shim. */
#include "core/capture/attach.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "include/engine.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "lib/base/filter.h"
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
#include "core/export/curl_access.h"
#include "core/export/direct.h"
#include "core/capture/c_api.h"
#include "core/capture/command.h"
#include "core/capture/easy.h"
#include "core/capture/global.h"
#include "core/capture/multi_members.h"
#include "core/capture/mime.h"
#include "core/capture/multi.h"
#include "core/capture/multi_messages.h"
#include "core/capture/served.h"
#include "core/capture/unseen.h"
#include "core/capture/wire.h"
#include "core/capture/wire_insert.h"
#include "core/capture/judge.h"
#include "core/deliver/start_relay.h"
#include "core/deliver/worker.h"
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

/* Withholds content where a file that is bad, or cannot be read, may say never:
 * the calls that it means are not known. */
static const struct llmobs_rules *load_rules(struct llmobs_config *loaded)
{
    bool withhold = false;
    struct llmobs_rules_config rules_config = {
        .proxy_urls = config->proxy_urls,
        .inject_hosts = config->inject_hosts,
        .never_urls = (const char *const *)config->never_urls,
        .observe = config->observe,
        .vector = config->observe_vector,
        .search = config->observe_search,
        .complain = llmobs_log_complaint,
        .withhold = &withhold,
    };
    struct llmobs_buf text;
    struct llmobs_rules *rules;
    int rc = 0;

    llmobs_buf_init(&text, RULES_FILE_MAX);
    if (config->rules_path)
        rc = llmobs_file_settings(config->rules_path, &text);
    withhold = rc != 0 && rc != -ENOENT;
    if (rc != 0)
        llmobs_log(LLMOBS_LOG_WARN, "LLMOBS_RULES: %s: %s%s",
                   config->rules_path, strerror(-rc),
                   withhold ? "; LLMOBS_CONTENT is off" : "");
    else if (config->rules_path)
        rules_config.rules_json =
            (struct llmobs_text){text.data ? text.data : "", text.len};
    rules = llmobs_rules_new(&rules_config);
    llmobs_buf_fini(&text);
    if (withhold) {
        loaded->privacy.content = LLMOBS_CONTENT_OFF;
        if (loaded->privacy.redact) /* tags are not redacted then */
            loaded->request_tags = LLMOBS_REQUEST_TAGS_OFF;
    }
    return rules;
}

LLMOBS_FLOATS_WITHIN static bool start(const struct llmobs_host *host)
{
    const struct llmobs_rules *rules;
    struct complaints complaints;
    const char *const *env = host->env, **joined;
    struct llmobs_config *loaded;
    char *at, *line;

    (void)llmobs_fork_init();
    llmobs_thread_watch(host->watch_alone);
    llmobs_loaded_by(host->objects);
    llmobs_theirs_find(host->symbol);
    llmobs_direct_only(host->connect_held);
    llmobs_unseen_watch(host->wrappers);
    llmobs_multi_messages_watch(&host->wrappers->unseen);
    llmobs_served_init(host->tls_now);
    /* Reads the configuration, and opens the log that it names. The options of
     * the program win over its environment, which is kept for the relay. */
    llmobs_buf_init(&complaints.text, 64 * 1024);
    if (host->enable &&
        (joined = llmobs_c_api_environment(env, host->enable)) != NULL)
        env = joined;
    config = loaded = llmobs_config_load(env, complain_later, &complaints);
    llmobs_start_relay_from(env);
    llmobs_origin_defer(loaded);
    if (!loaded)
        return false;
    llmobs_log_init(config->log_path, (enum llmobs_log_level)config->log_level);
    at = complaints.text.data;
    while (at && (line = strsep(&at, "\n")) != NULL) {
        if (line[0])
            llmobs_log(LLMOBS_LOG_WARN, "%s", line);
    }
    llmobs_buf_fini(&complaints.text);
    rules = load_rules(loaded);
    if (llmobs_privacy_applies(&config->privacy))
        llmobs_log(LLMOBS_LOG_INFO, "content is %s",
                   config->privacy.content == LLMOBS_CONTENT_OFF ? "off"
                                                                 : "redacted");
    llmobs_budget_init((size_t)config->buffer_max);
    if (!rules)
        return false;
    worker = llmobs_worker_open(config, (size_t)config->buffer_max);
    if (!worker)
        return false;
    llmobs_capture_init(config, rules, worker);
    llmobs_inbound_set_lookups(llmobs_members_count_all);
    llmobs_c_api_open(config, worker);
    llmobs_evaluation_init(config, worker);
    llmobs_inbound_init(config->inbound);
    llmobs_command_init(config->commands || config->inbound, config->entry);
    llmobs_fork_record_load_pid();
    llmobs_fd_guest(false);
    llmobs_global_start(worker, llmobs_capture_abandon_all);
    if (host->tls_inside)
        llmobs_stats_add(host->tls_inside > 0 ? LLMOBS_STAT_tls_inside
                                              : LLMOBS_STAT_tls_left,
                         1);
    return true;
}

/* -- rest ------------------------------------------------------------------ */

/* Before a call of the program that a process of one thread alone may make, or
 * that concerns its own thread alone, the library's threads end, and they may
 * start again after it (shim/alone.h says which calls). Any thread may ask; all
 * preserve errno. If a thread does not end in time, the program continues: in
 * REST_MS, once for the same threads, and as long again where the program's
 * call has failed because of a thread of the library; HURRY_MS more before a
 * filter. A worker that is idle, or delivers to this host, needs some tenths of
 * a millisecond. */
#define REST_MS 50
#define HURRY_MS 25

/* Ends the request that a thread of the library waits for. True where the
 * library has no thread then. Called between begin and end. */
static bool rest_longer(void)
{
    int saved = errno;
    bool alone;

    llmobs_curl_access_deadline(llmobs_clock_mono_ns());
    alone = llmobs_thread_rest(REST_MS, LLMOBS_THREAD_REST_AGAIN) == 0;
    llmobs_thread_rest_end();
    llmobs_curl_access_deadline(INT64_MAX);
    errno = saved;
    return alone;
}

/* The filter also applies to a thread of the library that has not ended. */
static bool prepare_for_sandbox(const void *filter)
{
    bool hinders = filter && llmobs_filter_hinders(filter);

    llmobs_worker_hurry(worker, HURRY_MS);
    if (llmobs_thread_rest(REST_MS, LLMOBS_THREAD_REST_ALL) != 0 && hinders)
        (void)rest_longer();
    llmobs_worker_hold_spool(worker);
    if (hinders)
        llmobs_log(LLMOBS_LOG_WARN,
                   "the program takes on a filter that forbids calls of the "
                   "system which this library needs: no call after it is seen");
    return hinders;
}

/* Called before the program enters a sandbox, which may forbid system calls.
 * Sends at once as much as it can of what waits, and holds the spool's file
 * open. `filter`: the program of a seccomp filter, or NULL; _HINDERED: this
 * library cannot work under that filter, as the log says. _NOT in a child that
 * shares its parent's memory (vfork): it has no thread of the library, and the
 * parent's stay. After _NOT nobody calls the two functions below. */
static enum llmobs_rest rest_begin(enum llmobs_confined how, const void *filter)
{
    enum llmobs_rest said = LLMOBS_REST_HERE;
    int saved = errno;

    if (llmobs_filter_still() || llmobs_fork_shares_since_load())
        said = LLMOBS_REST_NOT;
    else if (how == LLMOBS_CONFINED_NOT)
        (void)llmobs_thread_rest(REST_MS, LLMOBS_THREAD_REST_ONCE);
    else if (prepare_for_sandbox(filter))
        said = LLMOBS_REST_HINDERED;
    errno = saved;
    return said;
}

/* Called by a thread that is about to end by pthread_exit. */
static void rest_leaves(void)
{
    int saved = errno;

    if (!llmobs_filter_still() && !llmobs_fork_shares_since_load())
        llmobs_thread_leaves();
    errno = saved;
}

/* Goes on with what waits for delivery, if the process is not confined. _STILL:
 * the library makes no system call any more, and captures no call of the
 * program; the spool has the calls that were under way. */
static void rest_end(enum llmobs_confined how)
{
    int saved = errno;

    if (how == LLMOBS_CONFINED_STILL)
        llmobs_filter_be_still();
    llmobs_thread_rest_end();
    llmobs_worker_rested(worker, how != LLMOBS_CONFINED_NOT);
    errno = saved;
}

/* -- attach ---------------------------------------------------------------- */

static const struct llmobs_ops ops = {
    .abi = LLMOBS_ENGINE_ABI,
#define X(result, name, ...) .name = llmobs_ops_##name,
    LLMOBS_HOOKS(X)
#undef X
        .api = llmobs_c_api_table,
    .command = llmobs_command_say,
    .rest = rest_begin,
    .rest_longer = rest_longer,
    .rested = rest_end,
    .leaves = rest_leaves,
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
