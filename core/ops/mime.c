#include "core/ops/mime.h"

#include <errno.h>

#include "core/capture/mime.h"

curl_mime *llmobs_ops_mime_init(const struct llmobs_real *real, CURL *curl)
{
    curl_mime *mime = real->mime_init(curl);
    int saved = errno;

    if (mime)
        llmobs_mime_begin(mime);
    errno = saved;
    return mime;
}

/* libcurl may give the address to another form as soon as this one is freed. */
void llmobs_ops_mime_free(const struct llmobs_real *real, curl_mime *mime)
{
    int saved = errno;

    llmobs_mime_end(mime);
    errno = saved;
    real->mime_free(mime);
}

curl_mimepart *llmobs_ops_mime_addpart(const struct llmobs_real *real,
                                       curl_mime *mime)
{
    curl_mimepart *part = real->mime_addpart(mime);
    int saved = errno;

    if (part)
        llmobs_mime_part(mime, part);
    errno = saved;
    return part;
}

CURLcode llmobs_ops_mime_name(const struct llmobs_real *real,
                              curl_mimepart *part, const char *name)
{
    CURLcode rc = real->mime_name(part, name);
    int saved = errno;

    if (rc == CURLE_OK)
        llmobs_mime_name(part, name);
    errno = saved;
    return rc;
}

CURLcode llmobs_ops_mime_filename(const struct llmobs_real *real,
                                  curl_mimepart *part, const char *name)
{
    CURLcode rc = real->mime_filename(part, name);
    int saved = errno;

    if (rc == CURLE_OK)
        llmobs_mime_filename(part, name);
    errno = saved;
    return rc;
}

/* Whatever libcurl refuses, it has dropped the part's former bytes. */
CURLcode llmobs_ops_mime_data(const struct llmobs_real *real,
                              curl_mimepart *part, const char *data,
                              size_t size)
{
    CURLcode rc = real->mime_data(part, data, size);
    int saved = errno;

    llmobs_mime_data(part, rc == CURLE_OK ? data : NULL, size);
    errno = saved;
    return rc;
}

CURLcode llmobs_ops_mime_filedata(const struct llmobs_real *real,
                                  curl_mimepart *part, const char *path)
{
    CURLcode rc = real->mime_filedata(part, path);
    int saved = errno;

    llmobs_mime_file(part, -1, NULL);
    if (rc == CURLE_OK) /* libcurl gives it the file's own */
        llmobs_mime_filename(part, path);
    errno = saved;
    return rc;
}

CURLcode llmobs_ops_mime_data_cb(const struct llmobs_real *real,
                                 curl_mimepart *part, curl_off_t size,
                                 curl_read_callback read,
                                 curl_seek_callback seek,
                                 curl_free_callback end, void *user)
{
    CURLcode rc = real->mime_data_cb(part, size, read, seek, end, user);
    int saved = errno;

    llmobs_mime_file(part, size, NULL);
    errno = saved;
    return rc;
}

CURLcode llmobs_ops_mime_subparts(const struct llmobs_real *real,
                                  curl_mimepart *part, curl_mime *within)
{
    CURLcode rc = real->mime_subparts(part, within);
    int saved = errno;

    llmobs_mime_file(part, -1, rc == CURLE_OK ? within : NULL);
    errno = saved;
    return rc;
}

CURLcode llmobs_ops_mime_type(const struct llmobs_real *real,
                              curl_mimepart *part, const char *type)
{
    CURLcode rc = real->mime_type(part, type);
    int saved = errno;

    if (rc == CURLE_OK)
        llmobs_mime_type(part, type);
    errno = saved;
    return rc;
}

CURLcode llmobs_ops_mime_encoder(const struct llmobs_real *real,
                                 curl_mimepart *part, const char *coding)
{
    CURLcode rc = real->mime_encoder(part, coding);
    int saved = errno;

    if (rc == CURLE_OK)
        llmobs_mime_encoder(part, coding);
    errno = saved;
    return rc;
}
