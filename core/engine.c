/* engine - the operations behind the shim's thunks, and the life of the core
 * in its process. */
#include "core/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/capture.h"
#include "core/log.h"

#define RULES_FILE_MAX (1024 * 1024)
#define EXIT_FLUSH_STORE_MS 1000
#define PUSH_MULTIS_MAX 64

/* Made in attach, before any other thread calls us; constant afterwards. */
static const struct llmobs_config *config;
static struct llmobs_worker *worker;

/* ---- life ------------------------------------------------------------- */

static void at_exit(void)
{
    int64_t ms = config->exit_flush_ms;

    llmobs_capture_abandon_all();
    llmobs_worker_stop(worker, ms >= 0 ? ms : EXIT_FLUSH_STORE_MS);
}

/* Registered right after libcurl's own first init: handlers run in reverse
 * order, so ours runs before the TLS library takes itself down. */
static void register_exit(void)
{
    static atomic_flag done = ATOMIC_FLAG_INIT;

    if (!atomic_flag_test_and_set(&done) && atexit(at_exit) != 0)
        llmobs_log_once(LLMOBS_LOG_ERROR, "atexit",
                        "no exit handler: spans may stay undelivered");
}

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

static int read_all(int fd, struct llmobs_buf *text)
{
    char part[4096];
    ssize_t got;
    int rc = 0;

    while (rc == 0 && (got = read(fd, part, sizeof(part))) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        rc = got < 0 ? -errno : llmobs_buf_add(text, part, (size_t)got);
    }
    return rc;
}

static int read_rules(const char *path, struct llmobs_buf *text)
{
    /* Not a pipe or device: reading must not block the app. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    int rc;

    if (fd < 0)
        return -errno;
    rc = fstat(fd, &st) ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
    if (rc == 0)
        rc = read_all(fd, text);
    close(fd);
    return rc;
}

static const struct llmobs_rules *load_rules(void)
{
    struct llmobs_rules_config rules_config = {
        .proxy_urls = config->proxy_urls,
        .never_urls = (const char *const *)config->never_urls,
        .complain = complain,
    };
    struct llmobs_buf text;
    struct llmobs_rules *rules;
    int rc = 0;

    llmobs_buf_init(&text, RULES_FILE_MAX);
    if (config->rules_path)
        rc = read_rules(config->rules_path, &text);
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

static struct llmobs_exporter *make_exporter(void)
{
    if (strcmp(config->exporter, "auto") != 0 &&
        strcmp(config->exporter, "store") != 0)
        llmobs_log(LLMOBS_LOG_WARN,
                   "LLMOBS_EXPORTER: no exporter \"%s\": the local store is "
                   "used",
                   config->exporter);
    return llmobs_store_new(config);
}

static bool start(const char *const *env)
{
    struct complaints complaints;
    const struct llmobs_rules *rules;
    struct llmobs_buffer *buffer;
    struct llmobs_exporter *exporter;

    llmobs_buf_init(&complaints.text, 64 * 1024);
    config = llmobs_config_load(env, complain_later, &complaints);
    if (!config)
        return false;
    llmobs_log_init(config->log_path, (enum llmobs_log_level)config->log_level);
    log_complaints(&complaints);
    rules = load_rules();
    buffer = llmobs_buffer_memory((size_t)config->buffer_max);
    exporter = make_exporter();
    if (!rules || !buffer || !exporter)
        return false;
    worker = llmobs_worker_new(config, buffer, exporter);
    if (!worker)
        return false;
    llmobs_capture_init(config, rules, worker);
    return true;
}

/* ---- global operations ------------------------------------------------ */

static CURLcode op_global_init(const struct llmobs_real *real, long flags)
{
    CURLcode rc = real->global_init(flags);

    register_exit();
    return rc;
}

static CURLcode op_global_init_mem(const struct llmobs_real *real, long flags,
                                   curl_malloc_callback m, curl_free_callback f,
                                   curl_realloc_callback r,
                                   curl_strdup_callback s,
                                   curl_calloc_callback c)
{
    CURLcode rc = real->global_init_mem(flags, m, f, r, s, c);

    register_exit();
    return rc;
}

static void op_global_cleanup(const struct llmobs_real *real)
{
    real->global_cleanup();
}

/* ---- easy operations -------------------------------------------------- */

static CURL *op_easy_init(const struct llmobs_real *real)
{
    CURL *curl = real->easy_init();
    int saved = errno;

    register_exit();
    if (curl)
        (void)llmobs_handle_born(real, curl);
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
    if (!llmobs_capture_owns(handle, option))
        rc = real->easy_setopt(curl, option, arg);
    saved = errno;
    if (rc == CURLE_OK)
        llmobs_handle_note(handle, option, arg, (size_t)config->capture_max);
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

    llmobs_capture_measure(handle, curl);
    llmobs_capture_swap_out(handle, curl);
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
    busy = handle->swapped;
    if (!busy && !llmobs_capture_begin(handle, curl))
        return real->easy_perform(curl);
    rc = real->easy_perform(curl);
    if (!busy || !refused(rc))
        end_perform(handle, curl, rc);
    return rc;
}

static void op_easy_reset(const struct llmobs_real *real, CURL *curl)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);

    real->easy_reset(curl);
    if (!handle) {
        /* Its settings are known from here on, wherever it came from. */
        (void)llmobs_handle_born(real, curl);
        return;
    }
    /* Our callbacks went with the app's; what arrived until now is kept. */
    llmobs_handle_reset(handle);
    handle->swapped = handle->swapped_read = handle->swapped_seek = false;
}

static CURL *op_easy_duphandle(const struct llmobs_real *real, CURL *curl)
{
    struct llmobs_handle *from = llmobs_handle_find(curl);
    CURL *twin = real->easy_duphandle(curl);
    struct llmobs_handle *to;
    int saved = errno;

    if (!twin || !from)
        return twin;
    llmobs_capture_restore(from, twin);
    to = llmobs_handle_born(real, twin);
    if (to && !llmobs_handle_copy(to, from)) {
        llmobs_handle_detach(to);
        llmobs_handle_release(to);
    }
    errno = saved;
    return twin;
}

static void op_easy_cleanup(const struct llmobs_real *real, CURL *curl)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);

    if (!handle) {
        real->easy_cleanup(curl);
        return;
    }
    llmobs_capture_measure(handle, curl);
    /* The address may be a new handle's as soon as it is freed. */
    llmobs_handle_detach(handle);
    real->easy_cleanup(curl);
    llmobs_capture_finish(handle, LLMOBS_END_REMOVED, CURLE_OK);
    llmobs_handle_release(handle);
}

/* ---- multi operations ------------------------------------------------- */

/* Multis with server push: pushed handles inherit callback data, which must
 * not be ours. Written rarely; a slot is claimed or freed by one store. */
static _Atomic(CURLM *) push_multis[PUSH_MULTIS_MAX];
static atomic_bool push_overflow;

static bool pushes(CURLM *multi)
{
    for (size_t i = 0; i < PUSH_MULTIS_MAX; i++) {
        if (atomic_load(&push_multis[i]) == multi)
            return true;
    }
    return atomic_load(&push_overflow);
}

static void note_push(CURLM *multi)
{
    if (pushes(multi))
        return;
    for (size_t i = 0; i < PUSH_MULTIS_MAX; i++) {
        CURLM *none = NULL;

        if (atomic_compare_exchange_strong(&push_multis[i], &none, multi))
            return;
    }
    atomic_store(&push_overflow, true);
}

static void forget_push(CURLM *multi)
{
    for (size_t i = 0; i < PUSH_MULTIS_MAX; i++) {
        CURLM *expected = multi;

        atomic_compare_exchange_strong(&push_multis[i], &expected, NULL);
    }
}

static CURLMcode op_multi_setopt(const struct llmobs_real *real, CURLM *multi,
                                 CURLMoption option, void *arg)
{
    CURLMcode rc = real->multi_setopt(multi, option, arg);

    if (rc == CURLM_OK && option == CURLMOPT_PUSHFUNCTION && arg)
        note_push(multi);
    return rc;
}

static CURLMcode op_multi_add_handle(const struct llmobs_real *real,
                                     CURLM *multi, CURL *curl)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);
    bool begun;
    CURLMcode rc;

    if (!handle || atomic_load(&handle->multi) || handle->swapped ||
        pushes(multi))
        return real->multi_add_handle(multi, curl);
    begun = llmobs_capture_begin(handle, curl);
    rc = real->multi_add_handle(multi, curl);
    if (rc == CURLM_OK)
        atomic_store(&handle->multi, multi);
    else if (begun)
        llmobs_capture_cancel(handle, curl);
    return rc;
}

static CURLMcode op_multi_remove_handle(const struct llmobs_real *real,
                                        CURLM *multi, CURL *curl)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);
    CURLMcode rc;
    int saved;

    if (!handle || atomic_load(&handle->multi) != multi)
        return real->multi_remove_handle(multi, curl);
    llmobs_capture_measure(handle, curl);
    rc = real->multi_remove_handle(multi, curl);
    if (rc != CURLM_OK)
        return rc;
    saved = errno;
    llmobs_capture_swap_out(handle, curl);
    llmobs_capture_finish(handle, LLMOBS_END_REMOVED, CURLE_OK);
    atomic_store(&handle->multi, NULL);
    errno = saved;
    return rc;
}

static CURLMsg *op_multi_info_read(const struct llmobs_real *real, CURLM *multi,
                                   int *left)
{
    CURLMsg *message = real->multi_info_read(multi, left);
    struct llmobs_handle *handle;
    int saved = errno;

    if (!message || message->msg != CURLMSG_DONE)
        return message;
    handle = llmobs_handle_find(message->easy_handle);
    if (handle) {
        llmobs_capture_measure(handle, message->easy_handle);
        llmobs_capture_swap_out(handle, message->easy_handle);
        llmobs_capture_finish(handle, LLMOBS_END_DONE, message->data.result);
    }
    errno = saved;
    return message;
}

struct leaving {
    CURLM *multi;
    bool left; /* libcurl has let the handles go */
};

static void leave_multi(struct llmobs_handle *handle, void *ctx)
{
    const struct leaving *leaving = ctx;
    CURL *curl = atomic_load(&handle->key);

    if (atomic_load(&handle->multi) != leaving->multi)
        return;
    if (!leaving->left) {
        llmobs_capture_measure(handle, curl);
        return;
    }
    llmobs_capture_swap_out(handle, curl);
    llmobs_capture_finish(handle, LLMOBS_END_REMOVED, CURLE_OK);
    atomic_store(&handle->multi, NULL);
}

static CURLMcode op_multi_cleanup(const struct llmobs_real *real, CURLM *multi)
{
    struct leaving leaving = {multi, false};
    CURLMcode rc;

    if (!multi)
        return real->multi_cleanup(multi);
    llmobs_handle_each(leave_multi, &leaving);
    forget_push(multi);
    rc = real->multi_cleanup(multi);
    leaving.left = true;
    if (rc == CURLM_OK)
        llmobs_handle_each(leave_multi, &leaving);
    return rc;
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
    .multi_add_handle = op_multi_add_handle,
    .multi_remove_handle = op_multi_remove_handle,
    .multi_info_read = op_multi_info_read,
    .multi_cleanup = op_multi_cleanup,
    .multi_setopt = op_multi_setopt,
};

__attribute__((visibility("default"))) const struct llmobs_ops *
llmobs_core_attach(const struct llmobs_host *host);

const struct llmobs_ops *llmobs_core_attach(const struct llmobs_host *host)
{
    if (!host || host->abi != LLMOBS_ENGINE_ABI || !start(host->env))
        return NULL;
    return &ops;
}
