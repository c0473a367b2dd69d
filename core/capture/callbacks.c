#include "core/capture/callbacks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/capture/outgoing.h"
#include "core/capture/replay.h"

#define PREREQ_OK 0

/* The first version of libcurl that rewinds before it takes a new reader. */
#define REWINDS_FIRST 0x080700

typedef int (*prereq_callback)(void *, char *, char *, int, int);

static void *callback_data(const struct llmobs_callback *callback,
                           void *fallback)
{
    return callback->data_set ? callback->data : fallback;
}

static bool put(const struct llmobs_handle *handle, CURL *curl,
                CURLoption function_option, void *function,
                CURLoption data_option, void *data)
{
    const struct llmobs_real *real = handle->real;

    return real->easy_setopt(curl, function_option, function) == CURLE_OK &&
           real->easy_setopt(curl, data_option, data) == CURLE_OK;
}

/* ---- our callbacks ---------------------------------------------------- */

static size_t app_write(const struct llmobs_handle *handle, char *data,
                        size_t size, size_t count)
{
    curl_write_callback write = (curl_write_callback)handle->write.function;

    if (write)
        return write(data, size, count, callback_data(&handle->write, stdout));
    return fwrite(data, size, count, callback_data(&handle->write, stdout));
}

/* libcurl delivers again the bytes that the app refused by a pause; they are
 * recorded already. */
static size_t skip_again(size_t *again, size_t len)
{
    size_t skip = *again < len ? *again : len;

    *again -= skip;
    return skip;
}

/* Records the bytes before the app sees them: the app may write into the
 * buffer, and may take its time. */
static size_t on_write(char *data, size_t size, size_t count, void *user)
{
    struct llmobs_handle *handle = user;
    size_t len = size * count, skip, took;
    int saved = errno;

    llmobs_outgoing_take_sent(handle);
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

    if (!header && !callback_data(&handle->header, NULL))
        return size * count;
    if (!header)
        header = (curl_write_callback)handle->write.function;
    if (!header)
        return fwrite(data, size, count, handle->header.data);
    return header(data, size, count, callback_data(&handle->header, NULL));
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

/* A chunked body may end with trailers of any name, so a line after body bytes
 * is never taken for a status line. */
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
    llmobs_exchange_expect(exchange, line, len);
    llmobs_headers_keep_answer(&exchange->response_headers, line, len);
}

/* libcurl delivers one line as a rule, but after a pause all lines that came
 * meanwhile, in one piece. */
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
    llmobs_outgoing_take_sent(handle);
    llmobs_handle_lock(handle);
    if (handle->exchange)
        keep_lines(handle, data, len);
    llmobs_handle_unlock(handle);
    errno = saved;
    took = app_header(handle, data, size, count);
    if (took == len)
        llmobs_outgoing_answered(handle, data, len);
    if (took != CURL_WRITEFUNC_PAUSE)
        return took;
    llmobs_handle_lock(handle);
    if (handle->exchange)
        handle->exchange->header_again += len;
    llmobs_handle_unlock(handle);
    return took;
}

static bool swap_write(struct llmobs_handle *handle, CURL *curl)
{
    handle->swapped_write = true;
    return put(handle, curl, CURLOPT_WRITEFUNCTION, (void *)on_write,
               CURLOPT_WRITEDATA, handle) &&
           put(handle, curl, CURLOPT_HEADERFUNCTION, (void *)on_header,
               CURLOPT_HEADERDATA, handle);
}

/* The header list may have decided just now that this is a call: libcurl asks
 * for the callbacks that take the answer as it has one. */
void llmobs_callbacks_settle(struct llmobs_handle *handle, CURL *curl)
{
    llmobs_outgoing_settle(handle, curl);
    if (handle->capturing && !handle->swapped_write)
        (void)swap_write(handle, curl);
}

/* libcurl calls this once for each request, when the connection stands, and
 * then reads header list and body: they may differ from those that were set
 * before. Where the app refuses the request, libcurl reads nothing. */
static int on_prereq(void *user, char *peer, char *own, int peer_port,
                     int own_port)
{
    struct llmobs_handle *handle = user;
    prereq_callback prereq = (prereq_callback)handle->prereq.function;
    int answer = prereq ? prereq(callback_data(&handle->prereq, NULL), peer,
                                 own, peer_port, own_port)
                        : PREREQ_OK;

    if (answer == PREREQ_OK)
        llmobs_callbacks_settle(handle, atomic_load(&handle->keyed.key));
    return answer;
}

/* ---- rewinding --------------------------------------------------------- */

static void rewind_request(struct llmobs_handle *handle, curl_off_t offset)
{
    int saved = errno;

    llmobs_handle_lock(handle);
    if (handle->exchange)
        llmobs_exchange_rewind(handle->exchange, (uint64_t)offset);
    llmobs_handle_unlock(handle);
    errno = saved;
}

static bool rewinds_first(const struct llmobs_real *real)
{
    const curl_version_info_data *info =
        real->version_info ? real->version_info(CURLVERSION_NOW) : NULL;

    return info && info->version_num >= REWINDS_FIRST;
}

static struct llmobs_reader *newest(struct llmobs_handle *handle)
{
    return &handle->readers[handle->reader_count - 1];
}

/* The reader that libcurl rewinds: the one it has read from, or the newest. */
static struct llmobs_reader *rewound(struct llmobs_handle *handle)
{
    if (handle->reading && handle->reading != newest(handle) &&
        rewinds_first(handle->real))
        return handle->reading;
    return newest(handle);
}

/* Rewinds as libcurl does for its own fread: to the start only, and only while
 * the data is a FILE. */
static int default_seek(struct llmobs_handle *handle, curl_off_t offset,
                        int origin)
{
    const struct llmobs_callback *app = &rewound(handle)->app;

    if (app->function || offset != 0 || origin != SEEK_SET ||
        fseeko(callback_data(app, stdin), 0, SEEK_SET) != 0)
        return CURL_SEEKFUNC_CANTSEEK;
    return CURL_SEEKFUNC_OK;
}

static int on_seek(void *user, curl_off_t offset, int origin)
{
    struct llmobs_handle *handle = user;
    curl_seek_callback seek = (curl_seek_callback)handle->seek.function;
    int result = seek ? seek(callback_data(&handle->seek, NULL), offset, origin)
                      : default_seek(handle, offset, origin);

    if (result == CURL_SEEKFUNC_OK && origin == SEEK_SET && offset >= 0)
        rewind_request(handle, offset);
    return result;
}

/* IOCTLDATA stays the app's own: the record is found by the easy handle. */
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

/* libcurl rewinds its own fread by fseek, but does not recognise the fread
 * behind our read callback: on_seek then does the same. */
static bool reads_file(struct llmobs_handle *handle)
{
    const struct llmobs_callback *app = &rewound(handle)->app;

    return !app->function && !handle->ioctl_function &&
           callback_data(app, stdin);
}

static bool swap_ioctl(struct llmobs_handle *handle, CURL *curl)
{
    bool wanted = handle->ioctl_function != NULL;

    if (wanted == handle->swapped_ioctl)
        return true;
    handle->swapped_ioctl = wanted;
    return handle->real->easy_setopt(curl, LLMOBS_OPT_IOCTLFUNCTION,
                                     wanted ? (void *)on_ioctl : NULL) ==
           CURLE_OK;
}

static bool unswap_seek(struct llmobs_handle *handle, CURL *curl)
{
    handle->swapped_seek = false;
    return put(handle, curl, CURLOPT_SEEKFUNCTION, NULL, CURLOPT_SEEKDATA,
               callback_data(&handle->seek, NULL));
}

/* libcurl chooses whether seek, ioctl or fseek rewinds by those that are set:
 * so a callback that the app did not set stays unset. */
static bool swap_rewind(struct llmobs_handle *handle, CURL *curl)
{
    bool wanted = handle->seek.function ||
                  (reads_file(handle) && !rewound(handle)->unseekable);

    if (!swap_ioctl(handle, curl))
        return false;
    if (wanted == handle->swapped_seek)
        return true;
    if (!wanted)
        return unswap_seek(handle, curl);
    handle->swapped_seek = true;
    return put(handle, curl, CURLOPT_SEEKFUNCTION, (void *)on_seek,
               CURLOPT_SEEKDATA, handle);
}

/* Asks the descriptor where there is one: ftello would wait for a thread that
 * is reading the file. */
static bool file_seeks(FILE *file)
{
    int fd = fileno(file);

    return fd >= 0 ? lseek(fd, 0, SEEK_CUR) >= 0 : ftello(file) >= 0;
}

/* Where fseek would fail libcurl must have no seek callback, or the app would
 * see another error text. The file may be asked only where libcurl is about to
 * read it. */
static void check_rewind(struct llmobs_handle *handle, CURL *curl)
{
    struct llmobs_reader *reader = rewound(handle);

    if (!handle->swapped_seek || handle->seek.function || !reads_file(handle) ||
        file_seeks(callback_data(&reader->app, stdin)))
        return;
    reader->unseekable = true;
    (void)unswap_seek(handle, curl);
}

/* ---- reading ------------------------------------------------------------ */

static void begin_to_read(struct llmobs_handle *handle,
                          struct llmobs_reader *reader)
{
    CURL *curl = atomic_load(&handle->keyed.key);
    int saved = errno;

    if (handle->reading == reader || !handle->swapped_read)
        return;
    handle->reading = reader;
    (void)swap_rewind(handle, curl);
    check_rewind(handle, curl);
    errno = saved;
}

static size_t on_read(char *data, size_t size, size_t count, void *user)
{
    struct llmobs_reader *reader = user;
    struct llmobs_handle *handle = reader->handle;
    const struct llmobs_callback *app = &reader->app;
    curl_read_callback read = (curl_read_callback)app->function;
    size_t got;
    int saved;

    begin_to_read(handle, reader);
    got = read ? read(data, size, count, callback_data(app, stdin))
               : fread(data, size, count, callback_data(app, stdin));
    saved = errno;
    /* PAUSE, ABORT and invalid answers are all greater than the buffer. */
    if (got > size * count)
        return got;
    llmobs_handle_lock(handle);
    if (handle->exchange)
        llmobs_exchange_sent(handle->exchange, data, got);
    llmobs_handle_unlock(handle);
    errno = saved;
    return got;
}

static bool reads_body(const struct llmobs_handle *handle)
{
    if (handle->request == LLMOBS_HTTP_PUT)
        return true;
    return handle->request == LLMOBS_HTTP_POST && !handle->postfields &&
           !handle->has_copy;
}

static bool put_reader(struct llmobs_handle *handle, CURL *curl)
{
    struct llmobs_reader *reader = &handle->readers[handle->reader_count++];

    reader->handle = handle;
    reader->app = handle->read;
    reader->unseekable = false;
    return put(handle, curl, CURLOPT_READFUNCTION, (void *)on_read,
               CURLOPT_READDATA, reader);
}

static bool swap_reads(struct llmobs_handle *handle, CURL *curl)
{
    handle->swapped_read = true;
    return put_reader(handle, curl) && swap_rewind(handle, curl);
}

static bool is_newest(struct llmobs_handle *handle)
{
    const struct llmobs_callback *app = &newest(handle)->app;

    return app->function == handle->read.function &&
           app->data == handle->read.data &&
           app->data_set == handle->read.data_set;
}

static void restore_reads(const struct llmobs_handle *handle, CURL *curl)
{
    if (handle->swapped_read)
        put(handle, curl, CURLOPT_READFUNCTION, handle->read.function,
            CURLOPT_READDATA, callback_data(&handle->read, stdin));
    if (handle->swapped_seek)
        put(handle, curl, CURLOPT_SEEKFUNCTION, handle->seek.function,
            CURLOPT_SEEKDATA, callback_data(&handle->seek, NULL));
    if (handle->swapped_ioctl)
        (void)handle->real->easy_setopt(curl, LLMOBS_OPT_IOCTLFUNCTION,
                                        handle->ioctl_function);
}

/* Without room for another reader libcurl gets the app's own callbacks. */
static void follow_reader(struct llmobs_handle *handle, CURL *curl)
{
    if (is_newest(handle))
        return;
    if (handle->reader_count < LLMOBS_READERS_MAX) {
        (void)put_reader(handle, curl);
        return;
    }
    restore_reads(handle, curl);
    handle->swapped_read = handle->swapped_seek = handle->swapped_ioctl = false;
    handle->unread = true;
}

static bool concerns_body(CURLoption option)
{
    switch ((int)option) {
    case CURLOPT_POST:
    case CURLOPT_UPLOAD:
    case LLMOBS_OPT_PUT:
    case CURLOPT_POSTFIELDS:
    case CURLOPT_COPYPOSTFIELDS:
    case CURLOPT_READFUNCTION:
    case CURLOPT_READDATA:
    case CURLOPT_SEEKFUNCTION:
    case CURLOPT_SEEKDATA:
    case LLMOBS_OPT_IOCTLFUNCTION:
        return true;
    default:
        return false;
    }
}

void llmobs_callbacks_follow_reads(struct llmobs_handle *handle, CURL *curl,
                                   CURLoption option)
{
    if (!handle->swapped || handle->unread || !concerns_body(option))
        return;
    if (handle->swapped_read)
        follow_reader(handle, curl);
    else if (reads_body(handle))
        (void)swap_reads(handle, curl);
    if (handle->swapped_read)
        (void)swap_rewind(handle, curl);
}

/* ---- swapping --------------------------------------------------------- */

static void restore_write(const struct llmobs_handle *handle, CURL *curl)
{
    put(handle, curl, CURLOPT_WRITEFUNCTION, handle->write.function,
        CURLOPT_WRITEDATA, callback_data(&handle->write, stdout));
    put(handle, curl, CURLOPT_HEADERFUNCTION, handle->header.function,
        CURLOPT_HEADERDATA, callback_data(&handle->header, NULL));
}

void llmobs_callbacks_restore(const struct llmobs_handle *handle, CURL *curl)
{
    if (handle->injected)
        (void)handle->real->easy_setopt(curl, CURLOPT_HTTPHEADER,
                                        handle->headers);
    if (handle->swapped_write)
        restore_write(handle, curl);
    if (handle->swapped_prereq)
        put(handle, curl, LLMOBS_OPT_PREREQFUNCTION, handle->prereq.function,
            LLMOBS_OPT_PREREQDATA, callback_data(&handle->prereq, NULL));
    restore_reads(handle, curl);
    llmobs_replay_restore(handle, curl);
}

void llmobs_callbacks_swap_out(struct llmobs_handle *handle, CURL *curl)
{
    llmobs_callbacks_restore(handle, curl);
    llmobs_handle_unswap(handle);
}

void llmobs_callbacks_leave_behind(struct llmobs_handle *handle, CURL *curl)
{
    if (handle->swapped && !handle->inside && !atomic_load(&handle->multi))
        llmobs_callbacks_swap_out(handle, curl);
}

bool llmobs_callbacks_swap_in(struct llmobs_handle *handle, CURL *curl)
{
    handle->swapped = true;
    handle->reader_count = 0;
    handle->reading = NULL;
    handle->unread = false;
    if (!handle->origin.asks && !swap_write(handle, curl))
        return false;
    handle->swapped_prereq =
        put(handle, curl, LLMOBS_OPT_PREREQFUNCTION, (void *)on_prereq,
            LLMOBS_OPT_PREREQDATA, handle);
    return !reads_body(handle) || swap_reads(handle, curl);
}

bool llmobs_callbacks_own(const struct llmobs_handle *handle, CURLoption option)
{
    switch ((int)option) {
    case CURLOPT_WRITEFUNCTION:
    case CURLOPT_WRITEDATA:
    case CURLOPT_HEADERFUNCTION:
    case CURLOPT_HEADERDATA:
        return handle->swapped_write;
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
        return llmobs_replay_owns(handle, option);
    }
}
