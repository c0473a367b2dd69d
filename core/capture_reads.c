/* capture_reads - our callbacks by which libcurl reads a body and rewinds it: a
 * part of capture_calls. */
#include "core/capture_inner.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* CURLOPT_IOCTLFUNCTION, deprecated in newer headers. */
#define OPT_IOCTLFUNCTION ((CURLoption)20130)

/* ---- our callbacks ---------------------------------------------------- */

static size_t on_read(char *data, size_t size, size_t count, void *user)
{
    struct llmobs_handle *handle = user;
    const struct llmobs_callback *app = &handle->latch.read;
    curl_read_callback read = (curl_read_callback)app->function;
    size_t got =
        read ? read(data, size, count, llmobs_capture_data(app, stdin))
             : fread(data, size, count, llmobs_capture_data(app, stdin));
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
    FILE *file = llmobs_capture_data(&handle->latch.read, stdin);

    if (handle->latch.read.function || offset != 0 || origin != SEEK_SET ||
        fseeko(file, 0, SEEK_SET) != 0)
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

/* ---- swapping --------------------------------------------------------- */

/* libcurl rewinds its default fread by fseek, which it no longer recognises
 * behind our read callback: we give it a seek that does the same. */
static bool reads_file(const struct llmobs_handle *handle)
{
    return !handle->latch.read.function && !handle->ioctl_function &&
           llmobs_capture_data(&handle->latch.read, stdin);
}

/* A file with a descriptor is asked there: ftello would wait for a thread that
 * is reading it. */
static bool file_seeks(FILE *file)
{
    int fd = fileno(file);

    return fd >= 0 ? lseek(fd, 0, SEEK_CUR) >= 0 : ftello(file) >= 0;
}

bool llmobs_capture_reads(const struct llmobs_handle *handle)
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
    return llmobs_capture_put(handle, curl, CURLOPT_SEEKFUNCTION,
                              (void *)on_seek, CURLOPT_SEEKDATA, handle);
}

/* Where fseek would fail there must be no seek, or the app would see another
 * error text. The file may be asked only where libcurl is about to read it. */
void llmobs_capture_check_rewind(struct llmobs_handle *handle, CURL *curl)
{
    if (!handle->swapped_seek || handle->seek.function || !reads_file(handle) ||
        file_seeks(llmobs_capture_data(&handle->latch.read, stdin)))
        return;
    handle->swapped_seek = false;
    (void)llmobs_capture_put(handle, curl, CURLOPT_SEEKFUNCTION, NULL,
                             CURLOPT_SEEKDATA,
                             llmobs_capture_data(&handle->seek, NULL));
}

bool llmobs_capture_swap_reads(struct llmobs_handle *handle, CURL *curl)
{
    handle->swapped_read = true;
    return llmobs_capture_put(handle, curl, CURLOPT_READFUNCTION,
                              (void *)on_read, CURLOPT_READDATA, handle) &&
           swap_rewind(handle, curl);
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
        (void)handle->real->easy_setopt(curl, OPT_IOCTLFUNCTION,
                                        handle->ioctl_function);
}
