/* handle_body - what a handle sends, and what of it libcurl fixes as a transfer
 * begins: the part of handle.h about requests. */
#include <string.h>
#include <strings.h>

#include "core/capture/adds.h"
#include "core/capture/handle.h"

/* libcurl asks for the server's consent to more (to more than 1 KiB before
 * 7.70), unless the app's list has an Expect of its own. */
#define EXPECTS_ABOVE (1024 * 1024)

enum llmobs_http_verb llmobs_handle_verb(const struct llmobs_handle *handle)
{
    return handle->latch.on ? handle->latch.request : handle->request;
}

static curl_off_t size_of(const struct llmobs_handle *handle)
{
    if (handle->request != LLMOBS_HTTP_POST || handle->no_body)
        return -1;
    if (handle->postfieldsize >= 0)
        return handle->postfieldsize;
    if (handle->has_copy)
        return (curl_off_t)handle->copied.total;
    return handle->postfields ? (curl_off_t)strlen(handle->postfields) : -1;
}

bool llmobs_handle_early(const struct llmobs_handle *handle)
{
    CURLM *multi = atomic_load(&handle->multi);

    return multi && !llmobs_adds_single(multi);
}

void llmobs_handle_latch(struct llmobs_handle *handle)
{
    handle->latch.request = handle->request;
    handle->latch.early = llmobs_handle_early(handle);
    handle->latch.unsure = handle->latch.led = handle->latch.url_pending =
        false;
    handle->latch.seen_url = NULL;
    handle->latch.rounds = handle->rounds;
    handle->latch.proxy_rounds = handle->proxy_rounds;
    handle->latch.later = false;
    handle->latch.size = -1;
    if (handle->latch.early)
        handle->latch.size = handle->postfieldsize;
    else if (handle->postfields || handle->has_copy)
        handle->latch.size = size_of(handle);
    handle->latch.on = true;
}

const char *llmobs_handle_method(const struct llmobs_handle *handle)
{
    static const char *const names[] = {
        [LLMOBS_HTTP_GET] = "GET",   [LLMOBS_HTTP_HEAD] = "HEAD",
        [LLMOBS_HTTP_POST] = "POST", [LLMOBS_HTTP_PUT] = "PUT",
        [LLMOBS_HTTP_FORM] = "POST",
    };

    if (handle->custom_request[0])
        return handle->custom_request;
    return handle->no_body ? "HEAD" : names[llmobs_handle_verb(handle)];
}

bool llmobs_handle_sends_body(const struct llmobs_handle *handle)
{
    enum llmobs_http_verb verb = llmobs_handle_verb(handle);

    return !handle->no_body && verb != LLMOBS_HTTP_GET &&
           verb != LLMOBS_HTTP_HEAD;
}

/* The smaller one of two of which either may be unknown, -1. */
static curl_off_t smaller(curl_off_t a, curl_off_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* Of POSTFIELDS or of the copy; -1: not known. Where libcurl has this or that
 * size, both are there for certain as far as the smaller one goes. */
static curl_off_t body_size(const struct llmobs_handle *handle)
{
    if (!handle->latch.on)
        return handle->postfieldsize;
    return handle->latch.early
               ? smaller(handle->latch.size, handle->postfieldsize)
               : handle->latch.size;
}

/* Of the app's own, which may be a string: then it ends there in any case. */
static size_t fields_len(const struct llmobs_handle *handle, const char *fields,
                         size_t most)
{
    const struct llmobs_latch *latch = &handle->latch;
    curl_off_t size = body_size(handle);

    if (size >= 0 && (size_t)size < most)
        most = (size_t)size;
    if (size >= 0 && (!latch->on || !latch->early ||
                      (latch->size >= 0 && handle->postfieldsize >= 0)))
        return most;
    return strnlen(fields, most);
}

static bool has_fields(const struct llmobs_handle *handle)
{
    return handle->postfields && (!handle->latch.on || handle->latch.early ||
                                  handle->latch.size >= 0);
}

/* libcurl sends the size in force as it begins, of the copy that it made
 * before. */
static uint64_t copy_len(const struct llmobs_handle *handle)
{
    uint64_t total = handle->copied.total;
    curl_off_t size = body_size(handle);

    return size >= 0 && (uint64_t)size < total ? (uint64_t)size : total;
}

/* Before 8.1 libcurl makes a PUT of what becomes an upload after it began, too:
 * then the app may have freed the fields. */
static bool sends_fields(const struct llmobs_handle *handle)
{
    const struct llmobs_latch *latch = &handle->latch;

    if (latch->on && (latch->unsure || handle->request == LLMOBS_HTTP_PUT))
        return false;
    return !handle->no_body && llmobs_handle_verb(handle) == LLMOBS_HTTP_POST;
}

struct llmobs_text llmobs_handle_body(const struct llmobs_handle *handle)
{
    struct llmobs_text body = {NULL, 0};

    if (!sends_fields(handle) || (handle->latch.on && handle->latch.later))
        return body;
    if (handle->has_copy) {
        body = llmobs_body_head(&handle->copied);
        if (body.len > copy_len(handle))
            body.len = (size_t)copy_len(handle);
    } else if (has_fields(handle)) {
        body.data = handle->postfields;
        body.len = fields_len(handle, body.data, SIZE_MAX);
    }
    return body;
}

/* libcurl waits for the server to want it: as the app's list says, or where
 * libcurl puts that into the request by itself. */
static bool expects(const struct llmobs_handle *handle)
{
    const char *value = llmobs_handle_header(handle, "expect:");

    if (value)
        return strcasestr(value, "100-continue");
    return fields_len(handle, handle->postfields, EXPECTS_ABOVE + 1) >
           EXPECTS_ABOVE;
}

/* A proxy that makes a tunnel asks before the request. */
static bool takes_rounds(const struct llmobs_handle *handle)
{
    const char *url = handle->origin.url;

    return handle->latch.rounds ||
           (handle->latch.proxy_rounds &&
            !(url && strncasecmp(url, "https:", 6) == 0));
}

void llmobs_handle_defer(struct llmobs_handle *handle)
{
    struct llmobs_latch *latch = &handle->latch;
    bool goes = sends_fields(handle) && !handle->has_copy && has_fields(handle);

    latch->fields = goes ? handle->postfields : NULL;
    latch->taken = 0;
    latch->continued = false;
    if (!goes || latch->later)
        return;
    latch->rounds = takes_rounds(handle);
    latch->later = latch->rounds || expects(handle);
}

struct llmobs_text llmobs_handle_fields(const struct llmobs_handle *handle,
                                        uint64_t most)
{
    struct llmobs_text body = {handle->latch.fields, 0};

    if (body.data)
        body.len = fields_len(handle, body.data, (size_t)most);
    return body;
}

void llmobs_handle_copy_body(const struct llmobs_handle *handle,
                             struct llmobs_body *to)
{
    struct llmobs_text body;

    if (handle->has_copy && sends_fields(handle)) {
        (void)llmobs_body_clone(to, &handle->copied);
        llmobs_body_rewind(to, copy_len(handle));
        return;
    }
    body = llmobs_handle_body(handle);
    if (body.data)
        (void)llmobs_body_add(to, body.data, body.len);
}
