#include "core/capture/mime_ops.h"

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

typedef void told(curl_mimepart *part, const char *text);

/* Tells of a text that libcurl has taken for a part. Returns `rc`, libcurl's
 * own result. */
static CURLcode mime_ops_tell(CURLcode rc, told *tell_of, curl_mimepart *part,
                              const char *text)
{
    int saved = errno;

    if (rc == CURLE_OK)
        tell_of(part, text);
    errno = saved;
    return rc;
}

/* Notes bytes that are no text, which libcurl has taken for a part. */
static CURLcode tell_file(CURLcode rc, curl_mimepart *part, int64_t size,
                          curl_mime *within)
{
    int saved = errno;

    llmobs_mime_file(part, size, rc == CURLE_OK ? within : NULL);
    errno = saved;
    return rc;
}

CURLcode llmobs_ops_mime_name(const struct llmobs_real *real,
                              curl_mimepart *part, const char *name)
{
    return mime_ops_tell(real->mime_name(part, name), llmobs_mime_name, part,
                         name);
}

CURLcode llmobs_ops_mime_filename(const struct llmobs_real *real,
                                  curl_mimepart *part, const char *name)
{
    return mime_ops_tell(real->mime_filename(part, name), llmobs_mime_filename,
                         part, name);
}

/* libcurl drops the part's former bytes, also where it refuses the new ones. */
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
    CURLcode rc = tell_file(real->mime_filedata(part, path), part, -1, NULL);

    /* libcurl gives the part the file's own name. */
    return mime_ops_tell(rc, llmobs_mime_filename, part, path);
}

CURLcode llmobs_ops_mime_data_cb(const struct llmobs_real *real,
                                 curl_mimepart *part, curl_off_t size,
                                 curl_read_callback read,
                                 curl_seek_callback seek,
                                 curl_free_callback end, void *user)
{
    return tell_file(real->mime_data_cb(part, size, read, seek, end, user),
                     part, size, NULL);
}

CURLcode llmobs_ops_mime_subparts(const struct llmobs_real *real,
                                  curl_mimepart *part, curl_mime *within)
{
    return tell_file(real->mime_subparts(part, within), part, -1, within);
}

CURLcode llmobs_ops_mime_type(const struct llmobs_real *real,
                              curl_mimepart *part, const char *type)
{
    return mime_ops_tell(real->mime_type(part, type), llmobs_mime_type, part,
                         type);
}

CURLcode llmobs_ops_mime_encoder(const struct llmobs_real *real,
                                 curl_mimepart *part, const char *coding)
{
    return mime_ops_tell(real->mime_encoder(part, coding), llmobs_mime_encoder,
                         part, coding);
}

CURLcode llmobs_ops_mime_headers(const struct llmobs_real *real,
                                 curl_mimepart *part,
                                 struct curl_slist *headers, int owned)
{
    CURLcode rc = real->mime_headers(part, headers, owned);
    int saved = errno;

    if (rc == CURLE_OK)
        llmobs_mime_headers(part, headers);
    errno = saved;
    return rc;
}
