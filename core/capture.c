#include "core/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/curlcode.h"
#include "core/log.h"

/* How long the exit handler waits for a thread that is appending. */
#define EXIT_GATE_MS 5

/* Set once before any handle exists, constant afterwards. */
static const struct llmobs_config *config;
static const struct llmobs_rules *rules;
static struct llmobs_worker *worker;

void llmobs_capture_init(const struct llmobs_config *the_config,
                         const struct llmobs_rules *the_rules,
                         struct llmobs_worker *the_worker)
{
    config = the_config;
    rules = the_rules;
    worker = the_worker;
}

/* ---- our callbacks ---------------------------------------------------- */

static void *data_or(const struct llmobs_callback *callback, void *fallback)
{
    return callback->data_set ? callback->data : fallback;
}

static size_t app_write(const struct llmobs_handle *handle, char *data,
                        size_t size, size_t count)
{
    curl_write_callback write = (curl_write_callback)handle->write.function;

    if (write)
        return write(data, size, count, data_or(&handle->write, stdout));
    return fwrite(data, size, count, data_or(&handle->write, stdout));
}

static size_t on_write(char *data, size_t size, size_t count, void *user)
{
    struct llmobs_handle *handle = user;
    size_t took = app_write(handle, data, size, count);
    int saved = errno;

    /* A paused delivery comes again: counting it now would count it twice. */
    if (took == CURL_WRITEFUNC_PAUSE)
        return took;
    llmobs_handle_lock(handle);
    if (handle->exchange)
        llmobs_exchange_received(handle->exchange, data, size * count);
    llmobs_handle_unlock(handle);
    errno = saved;
    return took;
}

/* With HEADERDATA alone libcurl sends headers to the write function. */
static size_t app_header(const struct llmobs_handle *handle, char *data,
                         size_t size, size_t count)
{
    curl_write_callback header = (curl_write_callback)handle->header.function;

    if (!header && !data_or(&handle->header, NULL))
        return size * count;
    if (!header)
        header = (curl_write_callback)handle->write.function;
    if (!header)
        return fwrite(data, size, count, handle->header.data);
    return header(data, size, count, data_or(&handle->header, NULL));
}

static long status_of(const char *line, size_t len)
{
    const char *space = memchr(line, ' ', len);
    long status = 0;

    if (!space || len - (size_t)(space - line) < 4)
        return 0;
    for (int i = 1; i <= 3; i++) {
        if (space[i] < '0' || space[i] > '9')
            return 0;
        status = status * 10 + (space[i] - '0');
    }
    return status;
}

static void keep_header(struct llmobs_exchange *exchange, const char *data,
                        size_t len, bool in_body)
{
    long status;

    if (len > 5 && memcmp(data, "HTTP/", 5) == 0) {
        status = status_of(data, len);
        llmobs_exchange_restart(exchange);
        exchange->status = status >= 200 ? status : 0;
        return;
    }
    if (in_body)
        llmobs_exchange_unreceive(exchange, data, len);
    llmobs_headers_keep(&exchange->response_headers, data, len);
}

static size_t on_header(char *data, size_t size, size_t count, void *user)
{
    struct llmobs_handle *handle = user;
    size_t took = app_header(handle, data, size, count);
    int saved = errno;

    if (took == CURL_WRITEFUNC_PAUSE)
        return took;
    llmobs_handle_lock(handle);
    if (handle->exchange)
        keep_header(handle->exchange, data, size * count,
                    handle->header_in_body);
    llmobs_handle_unlock(handle);
    errno = saved;
    return took;
}

static size_t on_read(char *data, size_t size, size_t count, void *user)
{
    struct llmobs_handle *handle = user;
    curl_read_callback read = (curl_read_callback)handle->read.function;
    size_t got = read ? read(data, size, count, data_or(&handle->read, stdin))
                      : fread(data, size, count, data_or(&handle->read, stdin));
    int saved = errno;

    /* PAUSE, ABORT and plain nonsense are all beyond the room given. */
    if (got > size * count)
        return got;
    llmobs_handle_lock(handle);
    if (handle->exchange)
        (void)llmobs_body_add(&handle->exchange->request, data, got);
    llmobs_handle_unlock(handle);
    errno = saved;
    return got;
}

static int on_seek(void *user, curl_off_t offset, int origin)
{
    struct llmobs_handle *handle = user;
    curl_seek_callback seek = (curl_seek_callback)handle->seek.function;
    int result;

    if (seek)
        result = seek(data_or(&handle->seek, NULL), offset, origin);
    else
        result = fseeko(data_or(&handle->read, stdin), offset, origin)
                     ? CURL_SEEKFUNC_CANTSEEK
                     : CURL_SEEKFUNC_OK;
    if (result != CURL_SEEKFUNC_OK || origin != SEEK_SET || offset < 0)
        return result;
    llmobs_handle_lock(handle);
    if (handle->exchange)
        llmobs_body_rewind(&handle->exchange->request, (uint64_t)offset);
    llmobs_handle_unlock(handle);
    return result;
}

/* ---- swapping --------------------------------------------------------- */

static bool set(const struct llmobs_handle *handle, CURL *curl,
                CURLoption function_option, void *function,
                CURLoption data_option, void *data)
{
    const struct llmobs_real *real = handle->real;

    return real->easy_setopt(curl, function_option, function) == CURLE_OK &&
           real->easy_setopt(curl, data_option, data) == CURLE_OK;
}

static void restore_write(const struct llmobs_handle *handle, CURL *curl)
{
    set(handle, curl, CURLOPT_WRITEFUNCTION, handle->write.function,
        CURLOPT_WRITEDATA, data_or(&handle->write, stdout));
    set(handle, curl, CURLOPT_HEADERFUNCTION, handle->header.function,
        CURLOPT_HEADERDATA, data_or(&handle->header, NULL));
}

void llmobs_capture_restore(const struct llmobs_handle *handle, CURL *curl)
{
    if (handle->swapped)
        restore_write(handle, curl);
    if (handle->swapped_read)
        set(handle, curl, CURLOPT_READFUNCTION, handle->read.function,
            CURLOPT_READDATA, data_or(&handle->read, stdin));
    if (handle->swapped_seek)
        set(handle, curl, CURLOPT_SEEKFUNCTION, handle->seek.function,
            CURLOPT_SEEKDATA, data_or(&handle->seek, NULL));
}

void llmobs_capture_swap_out(struct llmobs_handle *handle, CURL *curl)
{
    llmobs_capture_restore(handle, curl);
    handle->swapped = handle->swapped_read = handle->swapped_seek = false;
}

/* libcurl rewinds its default fread by fseek, which it no longer recognises
 * behind our read callback: we give it a seek that does the same. Where fseek
 * would fail there must be none, or the app would see another error text. */
static bool default_read_seeks(const struct llmobs_handle *handle)
{
    FILE *file = data_or(&handle->read, stdin);

    return !handle->read.function && file &&
           lseek(fileno(file), 0, SEEK_CUR) >= 0;
}

static bool reads_body(const struct llmobs_handle *handle)
{
    if (handle->ioctl_set)
        return false;
    if (handle->request == LLMOBS_HTTP_PUT)
        return true;
    return handle->request == LLMOBS_HTTP_POST && !handle->postfields &&
           !handle->copy_skipped;
}

static bool swap_in(struct llmobs_handle *handle, CURL *curl)
{
    handle->swapped = true;
    if (!set(handle, curl, CURLOPT_WRITEFUNCTION, (void *)on_write,
             CURLOPT_WRITEDATA, handle) ||
        !set(handle, curl, CURLOPT_HEADERFUNCTION, (void *)on_header,
             CURLOPT_HEADERDATA, handle))
        return false;
    if (!reads_body(handle))
        return true;
    handle->swapped_read = true;
    if (!set(handle, curl, CURLOPT_READFUNCTION, (void *)on_read,
             CURLOPT_READDATA, handle))
        return false;
    if (!handle->seek.function && !default_read_seeks(handle))
        return true;
    handle->swapped_seek = true;
    return set(handle, curl, CURLOPT_SEEKFUNCTION, (void *)on_seek,
               CURLOPT_SEEKDATA, handle);
}

bool llmobs_capture_owns(const struct llmobs_handle *handle, CURLoption option)
{
    switch ((int)option) {
    case CURLOPT_WRITEFUNCTION:
    case CURLOPT_WRITEDATA:
    case CURLOPT_HEADERFUNCTION:
    case CURLOPT_HEADERDATA:
        return handle->swapped;
    case CURLOPT_READFUNCTION:
    case CURLOPT_READDATA:
        return handle->swapped_read;
    case CURLOPT_SEEKFUNCTION:
    case CURLOPT_SEEKDATA:
        return handle->swapped_seek;
    default:
        return false;
    }
}

/* ---- begin ------------------------------------------------------------ */

static const char *content_type_of(const struct curl_slist *headers)
{
    static const char name[] = "content-type:";
    const char *value;

    for (; headers; headers = headers->next) {
        if (!headers->data ||
            strncasecmp(headers->data, name, sizeof(name) - 1) != 0)
            continue;
        value = headers->data + sizeof(name) - 1;
        return value + strspn(value, " \t");
    }
    return NULL;
}

/* The host alone: paths and queries may hold keys. */
static void log_verdict(const char *method, const char *url,
                        const struct llmobs_match *match, bool ours)
{
    const char *host = strstr(url, "://");
    const char *at;
    size_t len;

    host = host ? host + 3 : url;
    len = strcspn(host, "/?#");
    at = memrchr(host, '@', len);
    if (at) {
        len -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    llmobs_log(LLMOBS_LOG_DEBUG, "%s %.*s: %s (%s)", method, (int)len, host,
               ours ? "captured" : "not ours", match->why ? match->why : "");
}

static bool classify(const struct llmobs_handle *handle, const char *url,
                     const struct llmobs_text *body, struct llmobs_match *match)
{
    struct llmobs_request request = {
        .method = llmobs_handle_method(handle),
        .url = url,
        .content_type = content_type_of(handle->headers),
        .body = *body,
        .body_pending = !body->data && (handle->request == LLMOBS_HTTP_PUT ||
                                        handle->request == LLMOBS_HTTP_POST),
        .multipart = handle->request == LLMOBS_HTTP_FORM,
    };
    bool ours = llmobs_rules_match(rules, &request, match);

    if (llmobs_log_on(LLMOBS_LOG_DEBUG))
        log_verdict(request.method, url, match, ours);
    return ours;
}

static const char *find_header(const struct llmobs_headers *headers,
                               const char *name)
{
    return llmobs_header_find(headers->list, headers->count, name);
}

/* The context that the app itself sends comes before the process's own. */
static void find_parent(struct llmobs_exchange *exchange)
{
    const struct llmobs_headers *sent = &exchange->request_headers;
    const struct llmobs_carrier own = {
        .traceparent = find_header(sent, "traceparent"),
        .tracestate = find_header(sent, "tracestate"),
        .x_datadog_trace_id = find_header(sent, "x-datadog-trace-id"),
        .x_datadog_parent_id = find_header(sent, "x-datadog-parent-id"),
        .x_datadog_tags = find_header(sent, "x-datadog-tags"),
    };

    if (!llmobs_context_from_carrier(&exchange->context, config, &own))
        (void)llmobs_context_from_carrier(&exchange->context, config,
                                          &config->carrier);
}

static struct llmobs_exchange *begin_exchange(
    const struct llmobs_handle *handle, const char *url,
    const struct llmobs_text *body, const struct llmobs_match *match)
{
    struct llmobs_exchange *exchange =
        llmobs_exchange_new((size_t)config->capture_max);

    if (!exchange)
        return NULL;
    exchange->url = strdup(url);
    if (!exchange->url) {
        llmobs_exchange_free(exchange);
        return NULL;
    }
    exchange->match = *match;
    snprintf(exchange->method, sizeof(exchange->method), "%s",
             llmobs_handle_method(handle));
    exchange->multipart = handle->request == LLMOBS_HTTP_FORM;
    for (const struct curl_slist *h = handle->headers; h; h = h->next) {
        if (h->data)
            llmobs_headers_keep(&exchange->request_headers, h->data,
                                strlen(h->data));
    }
    if (body->data)
        (void)llmobs_body_add(&exchange->request, body->data, body->len);
    find_parent(exchange);
    return exchange;
}

/* True for a request that may have a body: all others are none of ours, and
 * most calls of most programs end here. */
static bool may_have_body(const struct llmobs_handle *handle)
{
    return handle->request != LLMOBS_HTTP_GET &&
           handle->request != LLMOBS_HTTP_HEAD && !handle->connect_only;
}

bool llmobs_capture_begin(struct llmobs_handle *handle, CURL *curl)
{
    struct llmobs_match match = {0};
    struct llmobs_text body;
    struct llmobs_exchange *exchange = NULL;
    const char *url;
    char *owned = NULL;

    if (!may_have_body(handle))
        return false;
    url = llmobs_handle_url(handle, &owned);
    if (!url)
        goto out;
    body = llmobs_handle_body(handle);
    if (!classify(handle, url, &body, &match))
        goto out;
    exchange = begin_exchange(handle, url, &body, &match);
    if (!exchange)
        goto out;
    llmobs_handle_lock(handle);
    handle->exchange = exchange;
    llmobs_handle_unlock(handle);
    handle->capturing = true;
    if (!swap_in(handle, curl)) {
        llmobs_capture_cancel(handle, curl);
        exchange = NULL;
    }
out:
    free(owned);
    return exchange != NULL;
}

/* ---- end -------------------------------------------------------------- */

static struct llmobs_exchange *take(struct llmobs_handle *handle)
{
    struct llmobs_exchange *exchange;

    llmobs_handle_lock(handle);
    exchange = handle->exchange;
    handle->exchange = NULL;
    llmobs_handle_unlock(handle);
    handle->capturing = false;
    return exchange;
}

void llmobs_capture_cancel(struct llmobs_handle *handle, CURL *curl)
{
    llmobs_capture_swap_out(handle, curl);
    llmobs_exchange_free(take(handle));
}

static double time_ms(const struct llmobs_real *real, CURL *curl, CURLINFO info)
{
    double seconds = 0;

    if (real->easy_getinfo(curl, info, &seconds) != CURLE_OK || seconds <= 0)
        return -1;
    return seconds * 1000;
}

static int64_t count_of(const struct llmobs_real *real, CURL *curl,
                        CURLINFO info)
{
    curl_off_t count = -1;

    if (real->easy_getinfo(curl, info, &count) != CURLE_OK)
        return -1;
    return count;
}

static long long_of(const struct llmobs_real *real, CURL *curl, CURLINFO info)
{
    long value = 0;

    if (real->easy_getinfo(curl, info, &value) != CURLE_OK)
        return 0;
    return value;
}

/* The app's own error buffer says more than the code; else libcurl's text. */
static void copy_error(const struct llmobs_handle *handle,
                       struct llmobs_exchange *exchange)
{
    const char *text = handle->error_buffer;

    if ((!text || !text[0]) && handle->real->easy_strerror)
        text = handle->real->easy_strerror((CURLcode)exchange->code);
    snprintf(exchange->error_text, sizeof(exchange->error_text), "%s",
             text ? text : "");
}

void llmobs_capture_measure(struct llmobs_handle *handle, CURL *curl)
{
    const struct llmobs_real *real = handle->real;
    struct llmobs_transfer transfer;
    double total_ms;

    if (!handle->capturing || !real->easy_getinfo)
        return;
    transfer.http_version = long_of(real, curl, CURLINFO_HTTP_VERSION);
    transfer.redirects = long_of(real, curl, CURLINFO_REDIRECT_COUNT);
    transfer.bytes_sent = count_of(real, curl, CURLINFO_SIZE_UPLOAD_T);
    transfer.bytes_received = count_of(real, curl, CURLINFO_SIZE_DOWNLOAD_T);
    transfer.dns_ms = time_ms(real, curl, CURLINFO_NAMELOOKUP_TIME);
    transfer.connect_ms = time_ms(real, curl, CURLINFO_CONNECT_TIME);
    transfer.tls_ms = time_ms(real, curl, CURLINFO_APPCONNECT_TIME);
    transfer.first_byte_ms = time_ms(real, curl, CURLINFO_STARTTRANSFER_TIME);
    total_ms = time_ms(real, curl, CURLINFO_TOTAL_TIME);
    llmobs_handle_lock(handle);
    if (handle->exchange) {
        handle->exchange->transfer = transfer;
        if (total_ms > 0)
            handle->exchange->duration_ns = (int64_t)(total_ms * 1000000);
    }
    llmobs_handle_unlock(handle);
}

static void give(struct llmobs_exchange *exchange)
{
    exchange->item.weight = sizeof(*exchange) + exchange->request.head.cap +
                            exchange->response.head.cap +
                            exchange->request.tail_len +
                            exchange->response.tail_len +
                            exchange->mark_cap * sizeof(*exchange->marks);
    llmobs_worker_give(worker, &exchange->item);
}

void llmobs_capture_finish(struct llmobs_handle *handle, enum llmobs_end end,
                           CURLcode code)
{
    struct llmobs_exchange *exchange;

    if (!handle->capturing)
        return;
    exchange = take(handle);
    if (!exchange)
        return;
    if (exchange->pid != getpid()) {
        llmobs_exchange_free(exchange);
        return;
    }
    exchange->end = end;
    if (end == LLMOBS_END_DONE) {
        exchange->code = (int)code;
        exchange->code_name = llmobs_curlcode_name((int)code);
        if (code != CURLE_OK)
            copy_error(handle, exchange);
    }
    /* A multi transfer ends when libcurl says, not when the app asks for the
     * news; an easy one, and one cut off, ends now. */
    if (!atomic_load(&handle->multi) || end != LLMOBS_END_DONE ||
        exchange->duration_ns <= 0)
        exchange->duration_ns =
            llmobs_clock_mono_ns() - exchange->start_mono_ns;
    give(exchange);
}

static void abandon(struct llmobs_handle *handle, void *ctx)
{
    struct llmobs_exchange *exchange;

    (void)ctx;
    if (!llmobs_handle_trylock(handle, EXIT_GATE_MS))
        return;
    exchange = handle->exchange;
    handle->exchange = NULL;
    llmobs_handle_unlock(handle);
    if (!exchange || exchange->pid != getpid())
        return;
    exchange->end = LLMOBS_END_EXIT;
    exchange->duration_ns = llmobs_clock_mono_ns() - exchange->start_mono_ns;
    give(exchange);
}

void llmobs_capture_abandon_all(void)
{
    llmobs_handle_each(abandon, NULL);
}
