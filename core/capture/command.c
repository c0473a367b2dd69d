/* Executes the commands of the language helpers. */
#include "core/capture/command.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lib/base/floats.h"
#include "lib/base/log.h"
#include "lib/base/scratch.h"
#include "lib/base/stats.h"
#include "core/capture/global.h"
#include "core/capture/served.h"
#include "core/config/inbound.h"
#include "core/config/php_request.h"
#include "core/sdk/evaluation_json.h"
#include "core/sdk/own_span.h"
#include "core/sdk/span_table.h"
#include "core/sdk/thread_state.h"
#include "lib/text/json.h"

#define SCHEME "llmobs://"

/* Constant after init. */
static bool on;                /* commands by a URL are done */
static const char *entry_name; /* LLMOBS_ENTRY; NULL: none */

/* -- spans ----------------------------------------------------------------- */

/* The members that `what` still has annotate the span. */
static int annotate_by(uint64_t span, const struct llmobs_json *what)
{
    return llmobs_json_len(what) ? llmobs_own_span_annotate_json(span, what)
                                 : 0;
}

/* *number: the span's number; if the span did not start,
 * LLMOBS_OWN_SPAN_NONE. */
static int begin_span(struct llmobs_json *what, bool detached, uint64_t *number)
{
    static const char *const own[] = {
        "kind",       "name",           "session_id",    "ml_app",
        "model_name", "model_provider", "agent_service", "agent_version"};
    const char *service = llmobs_json_gets(what, "agent_service");
    struct llmobs_own_span_start start = {
        .name = llmobs_json_gets(what, "name"),
        .session_id = llmobs_json_gets(what, "session_id"),
        .ml_app = service ? service : llmobs_json_gets(what, "ml_app"),
        .agent_version = llmobs_json_gets(what, "agent_version"),
        .model_name = llmobs_json_gets(what, "model_name"),
        .model_provider = llmobs_json_gets(what, "model_provider"),
        .detached = detached,
    };
    int rc = llmobs_kind_read(llmobs_json_gets(what, "kind"), &start.kind);

    if (rc == 0)
        rc = llmobs_own_span_start(&start, number);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
        llmobs_json_unset(what, own[i]);
    return annotate_by(*number, what);
}

static int start_span(struct llmobs_json *what)
{
    uint64_t span;

    return begin_span(what, false, &span);
}

static int finish_span(uint64_t span, struct llmobs_json *what)
{
    const struct llmobs_json *error = llmobs_json_get(what, "error");
    const char *type = llmobs_json_gets(error, "type");
    const char *message = llmobs_json_gets(error, "message");
    int annotated, finished, rc = 0;

    if (error)
        rc = llmobs_own_span_fail(span, type ? type : "error",
                                  message ? message : "", NULL);
    llmobs_json_unset(what, "error");
    annotated = annotate_by(span, what);
    finished = llmobs_own_span_finish(span);
    return finished ? finished : annotated ? annotated : rc;
}

/* -- requests -------------------------------------------------------------- */

static int end_unfinished(uint64_t span)
{
    int rc = llmobs_own_span_fail(span, "unfinished",
                                  "left open by its request", NULL);

    return rc ? rc : llmobs_own_span_finish(span);
}

/* Ends the open spans; `entry` is for the outermost. A child cannot end spans
 * of its parent: they only stop being current. The same is true for the entry
 * of a request that continues while the thread serves others. */
static int unwind(struct llmobs_json *entry)
{
    uint64_t span = llmobs_thread_state_top(), outer;
    int rc = 0, one;

    for (; span; span = outer) {
        (void)llmobs_thread_state_remove(span);
        outer = llmobs_thread_state_top();
        if (llmobs_own_span_is_detached(span))
            continue;
        if (!outer && entry) {
            one = finish_span(span, entry);
        } else {
            one = end_unfinished(span);
        }
        if (one != 0)
            rc = one;
    }
    return rc;
}

/* A header that came several times is an array of its values. `made`: a key's
 * caller, which is given; NULL: the thread's. */
static int take_headers(const struct llmobs_json *headers,
                        struct llmobs_caller **made)
{
    struct llmobs_header *list =
        llmobs_scratch_alloc(LLMOBS_COMMAND_HEADERS * sizeof(*list));
    size_t count = 0;
    int rc;

    if (!list)
        return -ENOMEM;
    for (void *it = llmobs_json_iter(headers); it;
         it = llmobs_json_next(headers, it)) {
        const struct llmobs_json *value = llmobs_json_iter_value(it);
        size_t values =
            llmobs_json_is_array(value) ? llmobs_json_len(value) : 1;

        for (size_t i = 0; i < values && count < LLMOBS_COMMAND_HEADERS; i++) {
            const char *text = llmobs_json_text(
                llmobs_json_is_array(value) ? llmobs_json_at(value, i) : value);

            if (text)
                list[count++] = (struct llmobs_header){
                    (char *)(uintptr_t)llmobs_json_iter_key(it),
                    (char *)(uintptr_t)text}; /* only read */
        }
    }
    rc = made ? llmobs_own_span_caller(list, count, made)
              : llmobs_own_span_activate(list, count);
    llmobs_scratch_free(list);
    return rc;
}

/* *key: the request's key; 0: the request has no key, and its entry belongs to
 * the thread. -EINVAL: the value is not a key. */
static int read_key(const struct llmobs_json *what, uintptr_t *key)
{
    const struct llmobs_json *given = llmobs_json_get(what, "request");
    int64_t number = given ? llmobs_json_to_int(given) : 0;

    *key = 0;
    if (given && (!llmobs_json_is_int(given) || number <= 0 ||
                  (uint64_t)number > UINTPTR_MAX))
        return -EINVAL;
    *key = (uintptr_t)number;
    return 0;
}

/* Keeps the caller by its key, and begins the entry; of the thread all stays.
 */
static int keep_request(uintptr_t key, struct llmobs_json *what)
{
    struct llmobs_json *entry = llmobs_json_get(what, "entry");
    struct llmobs_caller *caller;
    struct llmobs_serving before;
    uint64_t span = LLMOBS_OWN_SPAN_NONE;
    int rc = take_headers(llmobs_json_get(what, "headers"), &caller);

    rc = rc ? rc : llmobs_served_keep(key, caller);
    if (rc || !entry)
        return rc;
    before = llmobs_served_enter(key);
    rc = begin_span(entry, true, &span);
    llmobs_served_leave(before);
    if (span != LLMOBS_OWN_SPAN_NONE)
        llmobs_served_set_entry(key, span);
    return rc;
}

static int start_request(struct llmobs_json *what)
{
    struct llmobs_json *entry = llmobs_json_get(what, "entry");
    uintptr_t key;
    int wrong = read_key(what, &key), rc;

    if (key)
        return keep_request(key, what);
    (void)unwind(NULL);
    rc = take_headers(llmobs_json_get(what, "headers"), NULL);
    if (rc == -ENOENT) /* no caller: the request begins a trace */
        rc = 0;
    if (rc != 0 || wrong != 0)
        return rc ? rc : wrong;
    return entry ? start_span(entry) : 0;
}

static int finish_request(struct llmobs_json *what)
{
    struct llmobs_json *entry = llmobs_json_get(what, "entry");
    uint64_t span;
    uintptr_t key;
    int rc = read_key(what, &key);

    if (rc != 0)
        return rc;
    if (key) {
        /* The thread may serve another request, whose entry stays open. */
        span = llmobs_served_set_entry(key, 0);
        if (!span)
            return -ENOENT;
        return entry ? finish_span(span, entry) : llmobs_own_span_finish(span);
    }
    rc = unwind(entry);
    (void)llmobs_own_span_activate(NULL, 0);
    return rc;
}

/* Spans of its own that the program did not finish end with it, those of this
 * thread. */
static int forget_request(struct llmobs_json *what)
{
    struct llmobs_serving before;
    uint64_t span;
    uintptr_t key;
    int rc = read_key(what, &key);

    if (rc || !key)
        return rc ? rc : -EINVAL;
    before = llmobs_served_enter(key);
    (void)unwind(NULL);
    llmobs_served_leave(before);
    span = llmobs_served_set_entry(key, 0);
    if (span)
        rc = end_unfinished(span);
    return llmobs_served_forget(key) ? rc : -ENOENT;
}

static int finish_current(struct llmobs_json *what)
{
    uint64_t span = llmobs_thread_state_top();

    return span ? finish_span(span, what) : -ENOENT;
}

static int annotate_current(struct llmobs_json *what)
{
    return annotate_by(0, what);
}

static int evaluate(struct llmobs_json *what)
{
    return llmobs_evaluation_submit_json(what);
}

/* -- hooks ----------------------------------------------------------------- */

/* A hook names each cause once: what it did not find, or its function. */
static int count_hook_failure(struct llmobs_json *what)
{
    static const char lost[] =
        "a hook of LLMOBS_INBOUND failed: some requests have no caller";
    const char *name = llmobs_json_gets(what, "name");

    llmobs_stats_add(LLMOBS_STAT_hook_failed, 1);
    if (name)
        llmobs_log(LLMOBS_LOG_WARN, "%s: %.100s", lost, name);
    else
        llmobs_log_once(LLMOBS_LOG_WARN, "hook", "%s", lost);
    return 0;
}

/* -- commands -------------------------------------------------------------- */

static const struct {
    const char *name;
    int (*run)(struct llmobs_json *what);
} commands[] = {
    {"request/start", start_request},
    {"request/finish", finish_request},
    {"request/forget", forget_request},
    {"span/start", start_span},
    {"span/annotate", annotate_current},
    {"span/finish", finish_current},
    {"evaluate", evaluate},
    {"hook/failed", count_hook_failure},
};

static int run_command(struct llmobs_text name, struct llmobs_text body)
{
    struct llmobs_json *what = NULL;
    size_t i = 0, count = sizeof(commands) / sizeof(*commands);
    int rc;

    while (i < count && !llmobs_text_is(name, commands[i].name))
        i++;
    if (i == count || !body.data)
        return -EPERM;
    rc = llmobs_json_parse(body, &what);
    if (rc == 0)
        rc = llmobs_json_is_object(what) ? commands[i].run(what) : -EINVAL;
    llmobs_json_free(what);
    return rc;
}

static void log_result(int rc)
{
    if (rc < 0)
        llmobs_log_once(LLMOBS_LOG_WARN, "command", "a command: %s",
                        strerror(-rc));
}

/* -- by a call of the program ---------------------------------------------- */

const char *llmobs_command_say(const char *text)
{
    struct llmobs_text name = {text, strcspn(text, " ")};
    struct llmobs_floats floats;
    const char *answer = NULL;
    uint64_t outer;
    int saved = errno;

    if (llmobs_served_tell(text)) {
        errno = saved;
        return "";
    }
    floats = llmobs_floats_begin();
    llmobs_global_deliver_at_exit();
    outer = llmobs_thread_state_top();
    log_result(run_command(name, llmobs_text_of(text + name.len)));
    if (llmobs_text_is(name, "span/start") &&
        llmobs_thread_state_top() != outer)
        answer = llmobs_own_span_variables(0);
    llmobs_floats_end(floats);
    errno = saved;
    return answer ? answer : "";
}

/* -- the entry of a request of PHP (LLMOBS_ENTRY) -------------------------- */

/* A workflow span around each request that PHP serves. It begins with the first
 * transfer of that request, be it libcurl's or not, since the library sees
 * nothing of a request before that, and ends with the request. A page that
 * opens its own spans earlier, as with llmobs.php, gets no such span. A process
 * of PHP serves one request at a time. */
static uint64_t php_entry; /* the number of the open span; 0: none */

static void end_php_entry(void)
{
    uint64_t span = php_entry;
    int saved = errno;

    php_entry = 0;
    if (span)
        (void)llmobs_own_span_finish(span);
    errno = saved;
}

void llmobs_command_enter(int64_t since_mono_ns)
{
    struct llmobs_own_span_start start = {.kind = LLMOBS_KIND_WORKFLOW,
                                          .name = entry_name,
                                          .since_mono_ns = since_mono_ns};
    int saved = errno;

    if (!entry_name)
        return;
    if (llmobs_inbound_is_php() && !php_entry &&
        llmobs_thread_state_top() == 0) {
        llmobs_php_on_request_end(end_php_entry);
        if (llmobs_own_span_start(&start, &php_entry) != 0)
            php_entry = 0;
    }
    errno = saved;
}

/* -- a transfer begins ----------------------------------------------------- */

void llmobs_command_init(bool by_url, const char *entry)
{
    on = by_url;
    entry_name = llmobs_inbound_entry_name(entry);
}

void llmobs_command_transfer(const struct llmobs_handle *handle)
{
    struct llmobs_floats floats;
    const char *type;
    int saved = errno, rc;

    if (handle->app.url &&
        strncasecmp(handle->app.url, SCHEME, sizeof(SCHEME) - 1) == 0) {
        floats = llmobs_floats_begin();
        type = llmobs_handle_header(handle, "content-type:");
        rc = !on ? 0
             : type && strcasecmp(type, LLMOBS_COMMAND_TYPE) == 0
                 ? run_command(
                       llmobs_text_of(handle->app.url + sizeof(SCHEME) - 1),
                       llmobs_handle_body(handle))
                 : -EPERM;
        if (!on)
            llmobs_log_once(LLMOBS_LOG_WARN, "commands",
                            "a command, without LLMOBS_COMMANDS: passed over");
        log_result(rc);
        llmobs_floats_end(floats);
        errno = saved;
    }
    llmobs_command_enter(0);
}
