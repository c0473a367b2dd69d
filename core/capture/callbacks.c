/* Wraps the app's callbacks of libcurl, and passes each call on. */
#include "core/capture/callbacks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/capture/outgoing.h"

#define PREREQ_OK 0

/* The first version of libcurl that rewinds before it reads from a new reader.
 */
#define REWINDS_FIRST 0x080700

/* The callbacks for the reading of a body. */
#define IN_READS ((unsigned)LLMOBS_IN_READ | LLMOBS_IN_SEEK | LLMOBS_IN_IOCTL)

typedef int (*prereq_callback)(void *, char *, char *, int, int);

static bool set_pair(const struct llmobs_handle *handle, CURL *curl,
                     CURLoption function_option, void *function,
                     CURLoption data_option, void *data)
{
    const struct llmobs_real *real = handle->real;

    return real->easy_setopt(curl, function_option, function) == CURLE_OK &&
           real->easy_setopt(curl, data_option, data) == CURLE_OK;
}

/* -- our callbacks --------------------------------------------------------- */

/* libcurl delivers again the bytes that the app refused by a pause; they are
 * recorded already. */
static size_t skip_again(size_t *again, size_t len)
{
    size_t skip = *again < len ? *again : len;

    *again -= skip;
    return skip;
}

/* Records the bytes before the app sees them: the app may write into the
 * buffer, and may run for long. */
static size_t on_write(char *data, size_t size, size_t count, void *user)
{
    struct llmobs_handle *handle = user;
    curl_write_callback write = (curl_write_callback)handle->app.write.function;
    size_t len = size * count, skip, took;
    int saved = errno;
    void *to;

    llmobs_outgoing_copy_sent(handle);
    llmobs_handle_lock(handle);
    if (handle->exchange) {
        skip = skip_again(&handle->exchange->again, len);
        llmobs_exchange_received(handle->exchange, data + skip, len - skip);
    }
    llmobs_handle_unlock(handle);
    errno = saved;
    to = llmobs_callback_data(&handle->app.write, stdout);
    took = write ? write(data, size, count, to) : fwrite(data, size, count, to);
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
    curl_write_callback header =
        (curl_write_callback)handle->app.header.function;
    void *to = llmobs_callback_data(&handle->app.header, NULL);

    if (!header && !to)
        return size * count;
    if (!header)
        header = (curl_write_callback)handle->app.write.function;
    return header ? header(data, size, count, to)
                  : fwrite(data, size, count, to);
}

static long status_in(const char *line, size_t len)
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

/* libcurl delivers one line as a rule, but after a pause all lines that came
 * meanwhile, in one piece. A chunked body may end with trailers of any name, so
 * a line after body bytes never counts as a status line. */
static void read_header_lines(struct llmobs_handle *handle, const char *data,
                              size_t len)
{
    struct llmobs_exchange *exchange = handle->exchange;
    size_t skip, line;

    if (handle->app.header_in_body)
        llmobs_exchange_unreceive(exchange, data, len);
    skip = skip_again(&exchange->header_again, len);
    for (data += skip, len -= skip; len > 0; data += line, len -= line) {
        const char *end = memchr(data, '\n', len);

        line = end ? (size_t)(end + 1 - data) : len;
        if (exchange->response.total == 0 && line > 5 &&
            memcmp(data, "HTTP/", 5) == 0) {
            long status = status_in(data, line);

            llmobs_exchange_restart(exchange);
            exchange->status = status >= 200 ? status : 0;
            continue;
        }
        llmobs_exchange_expect(exchange, data, line);
        llmobs_headers_add_answer(&exchange->response_headers, data, line);
    }
}

static size_t on_header(char *data, size_t size, size_t count, void *user)
{
    struct llmobs_handle *handle = user;
    size_t len = size * count, took;
    int saved = errno;

    if (handle->in & LLMOBS_IN_HEADERS)
        llmobs_inject_response(handle->inject, data, len);
    llmobs_outgoing_copy_sent(handle);
    llmobs_handle_lock(handle);
    if (handle->exchange)
        read_header_lines(handle, data, len);
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

/* True where libcurl may call the write function for headers: it does so where
 * HEADERDATA is set and no header function is, and passes HEADERDATA. Then
 * on_write must not be in, as it would get the program's data in place of the
 * handle. */
static bool may_get_headers(const struct llmobs_handle *handle)
{
    const struct llmobs_callback *header = &handle->app.header;

    return !llmobs_handle_knows(handle, header) &&
           !(header->function_set && header->function) &&
           !(header->data_set && !llmobs_shown(header->data));
}

static bool swap_write(struct llmobs_handle *handle, CURL *curl)
{
    if (!llmobs_handle_knows(handle, &handle->app.write) ||
        may_get_headers(handle))
        return true;
    handle->in |= LLMOBS_IN_WRITE;
    if (!set_pair(handle, curl, CURLOPT_WRITEFUNCTION, (void *)on_write,
                  CURLOPT_WRITEDATA, handle))
        return false;
    if (!llmobs_handle_knows(handle, &handle->app.header))
        return true;
    handle->in |= LLMOBS_IN_HEADER;
    return set_pair(handle, curl, CURLOPT_HEADERFUNCTION, (void *)on_header,
                    CURLOPT_HEADERDATA, handle);
}

/* The header list may have shown just now that this is a call. There is time to
 * put in the callbacks for the answer: libcurl reads them when it has one. */
void llmobs_callbacks_read_request(struct llmobs_handle *handle, CURL *curl)
{
    llmobs_outgoing_read(handle, curl);
    if (handle->step == LLMOBS_STEP_CALL && !(handle->in & LLMOBS_IN_WRITE))
        (void)swap_write(handle, curl);
}

/* libcurl calls this once for each request, when the connection stands, and
 * then reads header list and body: they may differ from those that were set
 * before. Where the app refuses the request, libcurl reads nothing. */
static int on_prereq(void *user, char *peer, char *own, int peer_port,
                     int own_port)
{
    struct llmobs_handle *handle = user;
    prereq_callback prereq = (prereq_callback)handle->app.prereq.function;
    int answer = prereq
                     ? prereq(llmobs_callback_data(&handle->app.prereq, NULL),
                              peer, own, peer_port, own_port)
                     : PREREQ_OK;

    if (answer == PREREQ_OK)
        llmobs_callbacks_read_request(handle, llmobs_keyed_key(&handle->keyed));
    return answer;
}

/* -- rewinding ------------------------------------------------------------- */

static void rewind_request(struct llmobs_handle *handle, curl_off_t offset)
{
    int saved = errno;

    llmobs_handle_lock(handle);
    if (handle->exchange)
        llmobs_exchange_rewind(handle->exchange, (uint64_t)offset);
    llmobs_handle_unlock(handle);
    errno = saved;
}

static struct llmobs_reader *newest(struct llmobs_handle *handle)
{
    return &handle->readers[handle->reader_count - 1];
}

/* The reader that libcurl rewinds: the one it has read from, or the newest. */
static struct llmobs_reader *rewound(struct llmobs_handle *handle)
{
    if (handle->reading && handle->reading != newest(handle) &&
        llmobs_real_version(handle->real) >= REWINDS_FIRST)
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
        fseeko(llmobs_callback_data(app, stdin), 0, SEEK_SET) != 0)
        return CURL_SEEKFUNC_CANTSEEK;
    return CURL_SEEKFUNC_OK;
}

static int on_seek(void *user, curl_off_t offset, int origin)
{
    struct llmobs_handle *handle = user;
    curl_seek_callback seek = (curl_seek_callback)handle->app.seek.function;
    int result = seek ? seek(llmobs_callback_data(&handle->app.seek, NULL),
                             offset, origin)
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
        handle ? (curl_ioctl_callback)handle->app.ioctl.function : NULL;
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

    return !app->function && !handle->app.ioctl.function &&
           llmobs_callback_data(app, stdin);
}

static bool swap_ioctl(struct llmobs_handle *handle, CURL *curl)
{
    bool wanted = handle->app.ioctl.function != NULL;

    if (wanted == !!(handle->in & LLMOBS_IN_IOCTL))
        return true;
    handle->in ^= LLMOBS_IN_IOCTL;
    return handle->real->easy_setopt(curl, LLMOBS_OPT_IOCTLFUNCTION,
                                     wanted ? (void *)on_ioctl : NULL) ==
           CURLE_OK;
}

static bool unswap_seek(struct llmobs_handle *handle, CURL *curl)
{
    handle->in &= ~(unsigned)LLMOBS_IN_SEEK;
    return llmobs_settings_restore(&handle->app, LLMOBS_IN_SEEK, handle->real,
                                   curl);
}

/* libcurl rewinds by seek, ioctl or fseek, depending on which are set: so a
 * callback that the app did not set stays unset. */
static bool swap_rewind(struct llmobs_handle *handle, CURL *curl)
{
    bool wanted = handle->app.seek.function ||
                  (reads_file(handle) && !rewound(handle)->unseekable);

    if (!swap_ioctl(handle, curl))
        return false;
    if (wanted == !!(handle->in & LLMOBS_IN_SEEK))
        return true;
    if (!wanted)
        return unswap_seek(handle, curl);
    handle->in |= LLMOBS_IN_SEEK;
    return set_pair(handle, curl, CURLOPT_SEEKFUNCTION, (void *)on_seek,
                    CURLOPT_SEEKDATA, handle);
}

/* -- reading --------------------------------------------------------------- */

/* Where fseek would fail, libcurl must have no seek callback, or the app would
 * see another error text. Only where libcurl is about to read the file may the
 * library ask whether it can seek. */
static void begin_to_read(struct llmobs_handle *handle,
                          struct llmobs_reader *reader)
{
    CURL *curl = llmobs_keyed_key(&handle->keyed);
    int fd, saved = errno;
    FILE *file;

    if (handle->reading == reader || !(handle->in & LLMOBS_IN_READ))
        return;
    handle->reading = reader;
    (void)swap_rewind(handle, curl);
    reader = rewound(handle);
    if ((handle->in & LLMOBS_IN_SEEK) && !handle->app.seek.function &&
        reads_file(handle)) {
        file = llmobs_callback_data(&reader->app, stdin);
        fd = fileno(file);
        /* ftello would wait for a thread that is reading the file. */
        reader->unseekable =
            fd >= 0 ? lseek(fd, 0, SEEK_CUR) < 0 : ftello(file) < 0;
        if (reader->unseekable)
            (void)unswap_seek(handle, curl);
    }
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
    got = read ? read(data, size, count, llmobs_callback_data(app, stdin))
               : fread(data, size, count, llmobs_callback_data(app, stdin));
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
    if (handle->app.request == LLMOBS_HTTP_PUT)
        return true;
    return handle->app.request == LLMOBS_HTTP_POST &&
           !llmobs_shown(handle->app.postfields) && !handle->app.has_copy;
}

static bool put_reader(struct llmobs_handle *handle, CURL *curl)
{
    struct llmobs_reader *reader = &handle->readers[handle->reader_count++];

    reader->handle = handle;
    reader->app = handle->app.read;
    reader->unseekable = false;
    return set_pair(handle, curl, CURLOPT_READFUNCTION, (void *)on_read,
                    CURLOPT_READDATA, reader);
}

static bool swap_reads(struct llmobs_handle *handle, CURL *curl)
{
    handle->in |= LLMOBS_IN_READ;
    return put_reader(handle, curl) && swap_rewind(handle, curl);
}

/* Without room for another reader libcurl gets the app's own callbacks. */
static void follow_reader(struct llmobs_handle *handle, CURL *curl)
{
    const struct llmobs_callback *app = &newest(handle)->app;

    if (app->function == handle->app.read.function &&
        app->data.negative == handle->app.read.data.negative &&
        app->data_set == handle->app.read.data_set)
        return;
    if (handle->reader_count < LLMOBS_READERS_MAX) {
        (void)put_reader(handle, curl);
        return;
    }
    (void)llmobs_settings_restore(&handle->app, handle->in & IN_READS,
                                  handle->real, curl);
    handle->in &= ~IN_READS;
    handle->readers_full = true;
}

void llmobs_callbacks_follow_reads(struct llmobs_handle *handle, CURL *curl)
{
    if (handle->readers_full || handle->app.unseen)
        return;
    if (handle->in & LLMOBS_IN_READ)
        follow_reader(handle, curl);
    else if (reads_body(handle))
        (void)swap_reads(handle, curl);
    if (handle->in & LLMOBS_IN_READ)
        (void)swap_rewind(handle, curl);
}

/* -- swapping -------------------------------------------------------------- */

void llmobs_callbacks_restore(const struct llmobs_handle *handle, CURL *curl)
{
    (void)llmobs_settings_restore(&handle->app, handle->in, handle->real, curl);
    llmobs_replay_restore(handle->replay, &handle->app, handle->real, curl);
}

void llmobs_callbacks_swap_out(struct llmobs_handle *handle, CURL *curl)
{
    llmobs_callbacks_restore(handle, curl);
    llmobs_handle_unswap(handle);
}

void llmobs_callbacks_drop_stale(struct llmobs_handle *handle, CURL *curl)
{
    if (handle->in && !handle->in_perform && !llmobs_handle_multi(handle))
        llmobs_callbacks_swap_out(handle, curl);
}

bool llmobs_callbacks_swap_in(struct llmobs_handle *handle, CURL *curl)
{
    handle->in |= LLMOBS_IN_ANY;
    handle->reader_count = 0;
    handle->reading = NULL;
    handle->readers_full = false;
    if (handle->step != LLMOBS_STEP_HEADERS && !swap_write(handle, curl))
        return false;
    if (llmobs_handle_knows(handle, &handle->app.prereq) &&
        set_pair(handle, curl, LLMOBS_OPT_PREREQFUNCTION, (void *)on_prereq,
                 LLMOBS_OPT_PREREQDATA, handle))
        handle->in |= LLMOBS_IN_PREREQ;
    return handle->app.unseen || !reads_body(handle) ||
           swap_reads(handle, curl);
}

bool llmobs_callbacks_own(const struct llmobs_handle *handle,
                          const struct llmobs_setting *setting)
{
    return (handle->in & setting->in) ||
           llmobs_replay_owns(handle->replay, (CURLoption)setting->option);
}
