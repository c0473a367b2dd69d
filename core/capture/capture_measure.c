/* capture_measure - what libcurl itself knows of a captured transfer. */
#include "core/capture/capture_inner.h"

#include <errno.h>

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

/* What libcurl says, where it still knows (not after a reset). A header line
 * alone may as well be a proxy's, that refused the tunnel. */
static long status_now(const struct llmobs_real *real, CURL *curl, long seen)
{
    long status = long_of(real, curl, CURLINFO_RESPONSE_CODE);

    if (status >= 200)
        return status;
    return seen == long_of(real, curl, CURLINFO_HTTP_CONNECTCODE) ? 0 : seen;
}

void llmobs_capture_measure(struct llmobs_handle *handle, CURL *curl)
{
    const struct llmobs_real *real = handle->real;
    struct llmobs_transfer transfer;
    int saved = errno;
    double total_ms;

    llmobs_capture_follow_unsent(handle, curl);
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
    /* After a reset libcurl knows nothing more. */
    if (handle->exchange && (total_ms > 0 || !handle->exchange->duration_ns)) {
        handle->exchange->transfer = transfer;
        handle->exchange->status =
            status_now(real, curl, handle->exchange->status);
        if (total_ms > 0)
            handle->exchange->duration_ns = (int64_t)(total_ms * 1000000);
    }
    llmobs_handle_unlock(handle);
    errno = saved;
}
