/* capture_reads - our callbacks by which libcurl reads a body and rewinds it: a
 * part of capture_calls. */
#include "core/capture/capture_inner.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* From this one on libcurl rewinds before it takes a reader anew. */
#define REWINDS_FIRST 0x080700

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

/* Whom libcurl rewinds: the one it has read from, or the newest. */
static struct llmobs_reader *rewound(struct llmobs_handle *handle)
{
    if (handle->reading && handle->reading != newest(handle) &&
        rewinds_first(handle->real))
        return handle->reading;
    return newest(handle);
}

/* As libcurl does it for its own fread: to the start only, and only while the
 * data is a FILE. */
static int default_seek(struct llmobs_handle *handle, curl_off_t offset,
                        int origin)
{
    const struct llmobs_callback *app = &rewound(handle)->app;

    if (app->function || offset != 0 || origin != SEEK_SET ||
        fseeko(llmobs_capture_data(app, stdin), 0, SEEK_SET) != 0)
        return CURL_SEEKFUNC_CANTSEEK;
    return CURL_SEEKFUNC_OK;
}

static int on_seek(void *user, curl_off_t offset, int origin)
{
    struct llmobs_handle *handle = user;
    curl_seek_callback seek = (curl_seek_callback)handle->seek.function;
    int result =
        seek ? seek(llmobs_capture_data(&handle->seek, NULL), offset, origin)
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

/* libcurl rewinds its default fread by fseek, which it no longer recognises
 * behind our read callback: we give it a seek that does the same. */
static bool reads_file(struct llmobs_handle *handle)
{
    const struct llmobs_callback *app = &rewound(handle)->app;

    return !app->function && !handle->ioctl_function &&
           llmobs_capture_data(app, stdin);
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
    return llmobs_capture_put(handle, curl, CURLOPT_SEEKFUNCTION, NULL,
                              CURLOPT_SEEKDATA,
                              llmobs_capture_data(&handle->seek, NULL));
}

/* Which of seek, ioctl and fseek rewinds is libcurl's choice: what the app did
 * not set stays unset. */
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
    return llmobs_capture_put(handle, curl, CURLOPT_SEEKFUNCTION,
                              (void *)on_seek, CURLOPT_SEEKDATA, handle);
}

/* A file with a descriptor is asked there: ftello would wait for a thread that
 * is reading it. */
static bool file_seeks(FILE *file)
{
    int fd = fileno(file);

    return fd >= 0 ? lseek(fd, 0, SEEK_CUR) >= 0 : ftello(file) >= 0;
}

/* Where fseek would fail there must be no seek, or the app would see another
 * error text. The file may be asked only where libcurl is about to read it. */
static void check_rewind(struct llmobs_handle *handle, CURL *curl)
{
    struct llmobs_reader *reader = rewound(handle);

    if (!handle->swapped_seek || handle->seek.function || !reads_file(handle) ||
        file_seeks(llmobs_capture_data(&reader->app, stdin)))
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
    got = read ? read(data, size, count, llmobs_capture_data(app, stdin))
               : fread(data, size, count, llmobs_capture_data(app, stdin));
    saved = errno;
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

bool llmobs_capture_reads(const struct llmobs_handle *handle)
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
    return llmobs_capture_put(handle, curl, CURLOPT_READFUNCTION,
                              (void *)on_read, CURLOPT_READDATA, reader);
}

bool llmobs_capture_swap_reads(struct llmobs_handle *handle, CURL *curl)
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

/* Without room libcurl gets the app's own. */
static void follow_reader(struct llmobs_handle *handle, CURL *curl)
{
    if (is_newest(handle))
        return;
    if (handle->reader_count < LLMOBS_READERS_MAX) {
        (void)put_reader(handle, curl);
        return;
    }
    llmobs_capture_restore_reads(handle, curl);
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

void llmobs_capture_follow_reads(struct llmobs_handle *handle, CURL *curl,
                                 CURLoption option)
{
    if (!handle->swapped || handle->unread || !concerns_body(option))
        return;
    if (handle->swapped_read)
        follow_reader(handle, curl);
    else if (llmobs_capture_reads(handle))
        (void)llmobs_capture_swap_reads(handle, curl);
    if (handle->swapped_read)
        (void)swap_rewind(handle, curl);
}

void llmobs_capture_restore_reads(const struct llmobs_handle *handle,
                                  CURL *curl)
{
    if (handle->swapped_read)
        llmobs_capture_put(handle, curl, CURLOPT_READFUNCTION,
                           handle->read.function, CURLOPT_READDATA,
                           llmobs_capture_data(&handle->read, stdin));
    if (handle->swapped_seek)
        llmobs_capture_put(handle, curl, CURLOPT_SEEKFUNCTION,
                           handle->seek.function, CURLOPT_SEEKDATA,
                           llmobs_capture_data(&handle->seek, NULL));
    if (handle->swapped_ioctl)
        (void)handle->real->easy_setopt(curl, LLMOBS_OPT_IOCTLFUNCTION,
                                        handle->ioctl_function);
}
