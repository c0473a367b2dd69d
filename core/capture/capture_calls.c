/* capture_calls - our callbacks, and how they get in and out: the middle of
 * capture.h. */
#include "core/capture/capture_inner.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PREREQ_OK 0

typedef int (*prereq_callback)(void *, char *, char *, int, int);

/* ---- our callbacks ---------------------------------------------------- */

void *llmobs_capture_data(const struct llmobs_callback *callback,
                          void *fallback)
{
    return callback->data_set ? callback->data : fallback;
}

static size_t app_write(const struct llmobs_handle *handle, char *data,
                        size_t size, size_t count)
{
    curl_write_callback write = (curl_write_callback)handle->write.function;

    if (write)
        return write(data, size, count,
                     llmobs_capture_data(&handle->write, stdout));
    return fwrite(data, size, count,
                  llmobs_capture_data(&handle->write, stdout));
}

/* What was recorded of a delivery that the app then paused comes again. */
static size_t skip_again(size_t *again, size_t len)
{
    size_t skip = *again < len ? *again : len;

    *again -= skip;
    return skip;
}

/* Recorded before the app sees it: the app may write into what it is given,
 * and may take its time. */
static size_t on_write(char *data, size_t size, size_t count, void *user)
{
    struct llmobs_handle *handle = user;
    size_t len = size * count, skip, took;
    int saved = errno;

    llmobs_capture_take_sent(handle);
    llmobs_handle_lock(handle);
    if (handle->exchange) {
        skip = skip_again(&handle->exchange->again, len);
        llmobs_exchange_received(handle->exchange, data + skip, len - skip);
    }
    llmobs_handle_unlock(handle);
    errno = saved;
    took = app_write(handle, data, size, count);
    if (took != CURL_WRITEFUNC_PAUSE)
        return took;
    llmobs_handle_lock(handle);
    if (handle->exchange)
        handle->exchange->again += len;
    llmobs_handle_unlock(handle);
    return took;
}

/* With HEADERDATA alone libcurl sends headers to the write function. */
static size_t app_header(const struct llmobs_handle *handle, char *data,
                         size_t size, size_t count)
{
    curl_write_callback header = (curl_write_callback)handle->header.function;

    if (!header && !llmobs_capture_data(&handle->header, NULL))
        return size * count;
    if (!header)
        header = (curl_write_callback)handle->write.function;
    if (!header)
        return fwrite(data, size, count, handle->header.data);
    return header(data, size, count,
                  llmobs_capture_data(&handle->header, NULL));
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

/* A chunked body may end with trailers of any name: after body bytes no status
 * line can come. */
static void keep_line(struct llmobs_exchange *exchange, const char *line,
                      size_t len)
{
    long status;

    if (exchange->response.total == 0 && len > 5 &&
        memcmp(line, "HTTP/", 5) == 0) {
        status = status_of(line, len);
        llmobs_exchange_restart(exchange);
        exchange->status = status >= 200 ? status : 0;
        return;
    }
    llmobs_headers_keep(&exchange->response_headers, line, len);
}

/* One line as a rule; after a pause all that came meanwhile, in one piece. */
static void keep_lines(struct llmobs_handle *handle, const char *data,
                       size_t len)
{
    struct llmobs_exchange *exchange = handle->exchange;
    const char *end;
    size_t skip, line;

    if (handle->header_in_body)
        llmobs_exchange_unreceive(exchange, data, len);
    skip = skip_again(&exchange->header_again, len);
    for (data += skip, len -= skip; len > 0; data += line, len -= line) {
        end = memchr(data, '\n', len);
        line = end ? (size_t)(end + 1 - data) : len;
        keep_line(exchange, data, line);
    }
}

static size_t on_header(char *data, size_t size, size_t count, void *user)
{
    struct llmobs_handle *handle = user;
    size_t len = size * count, took;
    int saved = errno;

    if (handle->injected)
        llmobs_inject_response(handle->inject, data, len);
    llmobs_capture_take_sent(handle);
    llmobs_handle_lock(handle);
    if (handle->exchange)
        keep_lines(handle, data, len);
    llmobs_handle_unlock(handle);
    errno = saved;
    took = app_header(handle, data, size, count);
    if (took == len)
        llmobs_capture_answered(handle, data, len);
    if (took != CURL_WRITEFUNC_PAUSE)
        return took;
    llmobs_handle_lock(handle);
    if (handle->exchange)
        handle->exchange->header_again += len;
    llmobs_handle_unlock(handle);
    return took;
}

/* Once for each request, when the connection stands: header list and body are
 * what libcurl reads next, whatever they were before. Where the app refuses the
 * request, it reads nothing. */
static int on_prereq(void *user, char *peer, char *own, int peer_port,
                     int own_port)
{
    struct llmobs_handle *handle = user;
    prereq_callback prereq = (prereq_callback)handle->prereq.function;
    int answer = prereq ? prereq(llmobs_capture_data(&handle->prereq, NULL),
                                 peer, own, peer_port, own_port)
                        : PREREQ_OK;

    if (answer == PREREQ_OK)
        llmobs_capture_settle(handle, atomic_load(&handle->keyed.key));
    return answer;
}

/* ---- swapping --------------------------------------------------------- */

bool llmobs_capture_put(const struct llmobs_handle *handle, CURL *curl,
                        CURLoption function_option, void *function,
                        CURLoption data_option, void *data)
{
    const struct llmobs_real *real = handle->real;

    return real->easy_setopt(curl, function_option, function) == CURLE_OK &&
           real->easy_setopt(curl, data_option, data) == CURLE_OK;
}

static void restore_write(const struct llmobs_handle *handle, CURL *curl)
{
    llmobs_capture_put(handle, curl, CURLOPT_WRITEFUNCTION,
                       handle->write.function, CURLOPT_WRITEDATA,
                       llmobs_capture_data(&handle->write, stdout));
    llmobs_capture_put(handle, curl, CURLOPT_HEADERFUNCTION,
                       handle->header.function, CURLOPT_HEADERDATA,
                       llmobs_capture_data(&handle->header, NULL));
}

/* `curl` may be a duplicate of the handle's own. */
static void restore(const struct llmobs_handle *handle, CURL *curl)
{
    if (handle->injected)
        (void)handle->real->easy_setopt(curl, CURLOPT_HTTPHEADER,
                                        handle->headers);
    if (handle->swapped)
        restore_write(handle, curl);
    if (handle->swapped_prereq)
        llmobs_capture_put(handle, curl, LLMOBS_OPT_PREREQFUNCTION,
                           handle->prereq.function, LLMOBS_OPT_PREREQDATA,
                           llmobs_capture_data(&handle->prereq, NULL));
    llmobs_capture_restore_reads(handle, curl);
}

void llmobs_capture_swap_out(struct llmobs_handle *handle, CURL *curl)
{
    restore(handle, curl);
    llmobs_handle_unswap(handle);
}

void llmobs_capture_leave_behind(struct llmobs_handle *handle, CURL *curl)
{
    if (handle->swapped && !handle->inside && !atomic_load(&handle->multi))
        llmobs_capture_swap_out(handle, curl);
}

struct llmobs_handle *llmobs_capture_twin(const struct llmobs_handle *from,
                                          CURL *twin)
{
    struct llmobs_handle *to;

    restore(from, twin);
    to = llmobs_capture_new_handle(from->real, twin);
    if (!to || llmobs_handle_copy(to, from))
        return to;
    llmobs_handle_detach(to);
    llmobs_handle_release(to);
    return NULL;
}

bool llmobs_capture_swap_in(struct llmobs_handle *handle, CURL *curl)
{
    handle->swapped = true;
    handle->reader_count = 0;
    handle->reading = NULL;
    handle->unread = false;
    if (!llmobs_capture_put(handle, curl, CURLOPT_WRITEFUNCTION,
                            (void *)on_write, CURLOPT_WRITEDATA, handle) ||
        !llmobs_capture_put(handle, curl, CURLOPT_HEADERFUNCTION,
                            (void *)on_header, CURLOPT_HEADERDATA, handle))
        return false;
    handle->swapped_prereq =
        llmobs_capture_put(handle, curl, LLMOBS_OPT_PREREQFUNCTION,
                           (void *)on_prereq, LLMOBS_OPT_PREREQDATA, handle);
    return !llmobs_capture_reads(handle) ||
           llmobs_capture_swap_reads(handle, curl);
}

bool llmobs_capture_owns(const struct llmobs_handle *handle, CURLoption option)
{
    switch ((int)option) {
    case CURLOPT_WRITEFUNCTION:
    case CURLOPT_WRITEDATA:
    case CURLOPT_HEADERFUNCTION:
    case CURLOPT_HEADERDATA:
        return handle->swapped;
    case CURLOPT_HTTPHEADER:
        return handle->injected;
    case CURLOPT_READFUNCTION:
    case CURLOPT_READDATA:
        return handle->swapped_read;
    case CURLOPT_SEEKFUNCTION:
    case CURLOPT_SEEKDATA:
        return handle->swapped_seek;
    case LLMOBS_OPT_IOCTLFUNCTION:
        return handle->swapped_ioctl;
    case LLMOBS_OPT_PREREQFUNCTION:
    case LLMOBS_OPT_PREREQDATA:
        return handle->swapped_prereq;
    default:
        return false;
    }
}
