/* capture_calls - our callbacks, and how they get in and out: the middle of
 * capture.h. */
#include "core/capture_inner.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* CURLOPT_IOCTLFUNCTION, deprecated in newer headers. */
#define OPT_IOCTLFUNCTION ((CURLoption)20130)
/* CURLOPT_PREREQFUNCTION and _PREREQDATA, since 7.80. */
#define OPT_PREREQFUNCTION ((CURLoption)20312)
#define OPT_PREREQDATA ((CURLoption)10313)
#define PREREQ_OK 0

typedef int (*prereq_callback)(void *, char *, char *, int, int);

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
    llmobs_handle_lock(handle);
    if (handle->exchange)
        keep_lines(handle, data, len);
    llmobs_handle_unlock(handle);
    errno = saved;
    took = app_header(handle, data, size, count);
    if (took != CURL_WRITEFUNC_PAUSE)
        return took;
    llmobs_handle_lock(handle);
    if (handle->exchange)
        handle->exchange->header_again += len;
    llmobs_handle_unlock(handle);
    return took;
}

static size_t on_read(char *data, size_t size, size_t count, void *user)
{
    struct llmobs_handle *handle = user;
    const struct llmobs_callback *app = &handle->latch.read;
    curl_read_callback read = (curl_read_callback)app->function;
    size_t got = read ? read(data, size, count, data_or(app, stdin))
                      : fread(data, size, count, data_or(app, stdin));
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

static void rewind_request(struct llmobs_handle *handle, curl_off_t offset)
{
    int saved = errno;

    llmobs_handle_lock(handle);
    if (handle->exchange)
        llmobs_exchange_rewind(handle->exchange, (uint64_t)offset);
    llmobs_handle_unlock(handle);
    errno = saved;
}

/* As libcurl does it for its own fread: to the start only, and only while the
 * data is a FILE. */
static int default_seek(const struct llmobs_handle *handle, curl_off_t offset,
                        int origin)
{
    FILE *file = data_or(&handle->latch.read, stdin);

    if (handle->latch.read.function || offset != 0 || origin != SEEK_SET ||
        fseeko(file, 0, SEEK_SET) != 0)
        return CURL_SEEKFUNC_CANTSEEK;
    return CURL_SEEKFUNC_OK;
}

static int on_seek(void *user, curl_off_t offset, int origin)
{
    struct llmobs_handle *handle = user;
    curl_seek_callback seek = (curl_seek_callback)handle->seek.function;
    int result = seek ? seek(data_or(&handle->seek, NULL), offset, origin)
                      : default_seek(handle, offset, origin);

    if (result == CURL_SEEKFUNC_OK && origin == SEEK_SET && offset >= 0)
        rewind_request(handle, offset);
    return result;
}

/* Its data stays the app's own: the easy handle itself says whose it is. */
static curlioerr on_ioctl(CURL *curl, int command, void *user)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);
    curl_ioctl_callback ioctl =
        handle ? (curl_ioctl_callback)handle->ioctl_function : NULL;
    curlioerr result = ioctl ? ioctl(curl, command, user) : CURLIOE_FAILRESTART;

    if (handle && result == CURLIOE_OK && command == CURLIOCMD_RESTARTREAD)
        rewind_request(handle, 0);
    return result;
}

/* Once for each request, when the connection stands: header list and body are
 * what libcurl reads next, whatever they were before. Where the app refuses the
 * request, it reads nothing. */
static int on_prereq(void *user, char *peer, char *own, int peer_port,
                     int own_port)
{
    struct llmobs_handle *handle = user;
    prereq_callback prereq = (prereq_callback)handle->prereq.function;
    int answer = prereq ? prereq(data_or(&handle->prereq, NULL), peer, own,
                                 peer_port, own_port)
                        : PREREQ_OK;

    if (answer == PREREQ_OK)
        llmobs_capture_settle(handle, atomic_load(&handle->keyed.key));
    return answer;
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

/* `curl` may be a duplicate of the handle's own. */
static void restore(const struct llmobs_handle *handle, CURL *curl)
{
    if (handle->injected)
        (void)handle->real->easy_setopt(curl, CURLOPT_HTTPHEADER,
                                        handle->headers);
    if (handle->swapped)
        restore_write(handle, curl);
    if (handle->swapped_prereq)
        set(handle, curl, OPT_PREREQFUNCTION, handle->prereq.function,
            OPT_PREREQDATA, data_or(&handle->prereq, NULL));
    if (handle->swapped_read)
        set(handle, curl, CURLOPT_READFUNCTION, handle->read.function,
            CURLOPT_READDATA, data_or(&handle->read, stdin));
    if (handle->swapped_seek)
        set(handle, curl, CURLOPT_SEEKFUNCTION, handle->seek.function,
            CURLOPT_SEEKDATA, data_or(&handle->seek, NULL));
    if (handle->swapped_ioctl)
        (void)handle->real->easy_setopt(curl, OPT_IOCTLFUNCTION,
                                        handle->ioctl_function);
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
    to = llmobs_capture_born(from->real, twin);
    if (!to || llmobs_handle_copy(to, from))
        return to;
    llmobs_handle_detach(to);
    llmobs_handle_release(to);
    return NULL;
}

/* libcurl rewinds its default fread by fseek, which it no longer recognises
 * behind our read callback: we give it a seek that does the same. */
static bool reads_file(const struct llmobs_handle *handle)
{
    return !handle->latch.read.function && !handle->ioctl_function &&
           data_or(&handle->latch.read, stdin);
}

/* A file with a descriptor is asked there: ftello would wait for a thread that
 * is reading it. */
static bool file_seeks(FILE *file)
{
    int fd = fileno(file);

    return fd >= 0 ? lseek(fd, 0, SEEK_CUR) >= 0 : ftello(file) >= 0;
}

static bool reads_body(const struct llmobs_handle *handle)
{
    if (handle->request == LLMOBS_HTTP_PUT)
        return true;
    return handle->request == LLMOBS_HTTP_POST && !handle->postfields &&
           !handle->has_copy;
}

/* Which of seek, ioctl and fseek rewinds is libcurl's choice: what the app did
 * not set stays unset. */
static bool swap_rewind(struct llmobs_handle *handle, CURL *curl)
{
    if (handle->ioctl_function) {
        handle->swapped_ioctl = true;
        if (handle->real->easy_setopt(curl, OPT_IOCTLFUNCTION,
                                      (void *)on_ioctl) != CURLE_OK)
            return false;
    }
    if (!handle->seek.function && !reads_file(handle))
        return true;
    handle->swapped_seek = true;
    return set(handle, curl, CURLOPT_SEEKFUNCTION, (void *)on_seek,
               CURLOPT_SEEKDATA, handle);
}

/* Where fseek would fail there must be no seek, or the app would see another
 * error text. The file may be asked only where libcurl is about to read it. */
void llmobs_capture_check_rewind(struct llmobs_handle *handle, CURL *curl)
{
    if (!handle->swapped_seek || handle->seek.function || !reads_file(handle) ||
        file_seeks(data_or(&handle->latch.read, stdin)))
        return;
    handle->swapped_seek = false;
    (void)set(handle, curl, CURLOPT_SEEKFUNCTION, NULL, CURLOPT_SEEKDATA,
              data_or(&handle->seek, NULL));
}

bool llmobs_capture_swap_in(struct llmobs_handle *handle, CURL *curl)
{
    handle->swapped = true;
    if (!set(handle, curl, CURLOPT_WRITEFUNCTION, (void *)on_write,
             CURLOPT_WRITEDATA, handle) ||
        !set(handle, curl, CURLOPT_HEADERFUNCTION, (void *)on_header,
             CURLOPT_HEADERDATA, handle))
        return false;
    handle->swapped_prereq = set(handle, curl, OPT_PREREQFUNCTION,
                                 (void *)on_prereq, OPT_PREREQDATA, handle);
    if (!reads_body(handle))
        return true;
    handle->swapped_read = true;
    if (!set(handle, curl, CURLOPT_READFUNCTION, (void *)on_read,
             CURLOPT_READDATA, handle))
        return false;
    return swap_rewind(handle, curl);
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
    case 20130: /* CURLOPT_IOCTLFUNCTION */
        return handle->swapped_ioctl;
    case 20312: /* CURLOPT_PREREQFUNCTION */
    case 10313: /* CURLOPT_PREREQDATA */
        return handle->swapped_prereq;
    default:
        return false;
    }
}
