#include "core/handle.h"

#include <ctype.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* Bodies that do not look like JSON are copied only up to this size: a form
 * post to a proxy is small, and a 200 MB upload must not cost 200 MB more. */
#define COPY_TEXT_MAX (64 * 1024)

static _Atomic(struct llmobs_handle *) buckets[LLMOBS_HANDLE_BUCKETS];

static _Atomic(struct llmobs_handle *) *bucket_of(const CURL *curl)
{
    uint64_t hash = (uint64_t)(uintptr_t)curl * UINT64_C(0x9E3779B97F4A7C15);

    return &buckets[hash >> 54];
}

struct llmobs_handle *llmobs_handle_find(CURL *curl)
{
    struct llmobs_handle *handle;

    if (!curl)
        return NULL;
    handle = atomic_load_explicit(bucket_of(curl), memory_order_acquire);
    while (handle &&
           atomic_load_explicit(&handle->key, memory_order_acquire) != curl)
        handle = handle->next;
    return handle;
}

/* Only a free record is ever written here, and its key is the claim. */
static struct llmobs_handle *recycle(CURL *curl)
{
    struct llmobs_handle *handle =
        atomic_load_explicit(bucket_of(curl), memory_order_acquire);

    for (; handle; handle = handle->next) {
        CURL *none = NULL;

        if (atomic_compare_exchange_strong(&handle->key, &none, curl))
            return handle;
    }
    return NULL;
}

static struct llmobs_handle *make(CURL *curl)
{
    struct llmobs_handle *handle = calloc(1, sizeof(*handle));
    _Atomic(struct llmobs_handle *) *bucket = bucket_of(curl);

    if (!handle)
        return NULL;
    atomic_init(&handle->key, curl);
    handle->next = atomic_load_explicit(bucket, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(bucket, &handle->next, handle,
                                                  memory_order_release,
                                                  memory_order_relaxed))
        ;
    return handle;
}

struct llmobs_handle *llmobs_handle_born(const struct llmobs_real *real,
                                         CURL *curl)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);

    if (!handle)
        handle = recycle(curl);
    if (!handle)
        handle = make(curl);
    if (!handle)
        return NULL;
    handle->real = real;
    llmobs_handle_reset(handle);
    return handle;
}

static void drop_copy(struct llmobs_handle *handle)
{
    free(handle->copied);
    handle->copied = NULL;
    handle->copied_len = 0;
    handle->copy_skipped = false;
}

void llmobs_handle_reset(struct llmobs_handle *handle)
{
    const struct llmobs_callback none = {0};

    drop_copy(handle);
    if (handle->url)
        handle->url[0] = '\0';
    handle->curlu = NULL;
    handle->port = 0;
    handle->default_protocol[0] = '\0';
    handle->custom_request[0] = '\0';
    handle->request = LLMOBS_HTTP_GET;
    handle->postfields = NULL;
    handle->postfieldsize = -1;
    handle->headers = NULL;
    handle->header_in_body = false;
    handle->connect_only = false;
    handle->ioctl_set = false;
    handle->write = handle->header = handle->read = handle->seek = none;
    handle->error_buffer = NULL;
}

void llmobs_handle_detach(struct llmobs_handle *handle)
{
    /* A key that no easy handle can have: not findable, not recyclable. */
    atomic_store_explicit(&handle->key, (CURL *)handle, memory_order_release);
}

void llmobs_handle_release(struct llmobs_handle *handle)
{
    llmobs_handle_reset(handle);
    free(handle->url);
    handle->url = NULL;
    handle->url_cap = 0;
    atomic_store(&handle->multi, NULL);
    handle->swapped = handle->swapped_read = handle->swapped_seek = false;
    handle->capturing = false;
    atomic_store_explicit(&handle->key, NULL, memory_order_release);
}

static bool set_url(struct llmobs_handle *handle, const char *url)
{
    size_t need = url ? strlen(url) + 1 : 1;

    if (need > handle->url_cap) {
        size_t cap = need < 128 ? 128 : need;
        char *grown = realloc(handle->url, cap);

        if (!grown) {
            if (handle->url)
                handle->url[0] = '\0';
            return false;
        }
        handle->url = grown;
        handle->url_cap = cap;
    }
    memcpy(handle->url, url ? url : "", need);
    return true;
}

bool llmobs_handle_copy(struct llmobs_handle *to,
                        const struct llmobs_handle *from)
{
    struct llmobs_handle kept = *to;

    if (from->copied) {
        kept.copied = malloc(from->copied_len + 1);
        if (!kept.copied)
            return false;
        memcpy(kept.copied, from->copied, from->copied_len + 1);
    }
    to->copied = kept.copied;
    to->copied_len = from->copied_len;
    to->copy_skipped = from->copy_skipped;
    to->postfields = from->copied ? kept.copied : from->postfields;
    to->postfieldsize = from->postfieldsize;
    to->curlu = from->curlu;
    to->port = from->port;
    memcpy(to->default_protocol, from->default_protocol,
           sizeof(to->default_protocol));
    memcpy(to->custom_request, from->custom_request,
           sizeof(to->custom_request));
    to->request = from->request;
    to->headers = from->headers;
    to->header_in_body = from->header_in_body;
    to->connect_only = from->connect_only;
    to->ioctl_set = from->ioctl_set;
    to->write = from->write;
    to->header = from->header;
    to->read = from->read;
    to->seek = from->seek;
    /* libcurl gives a copy no error buffer. */
    to->error_buffer = NULL;
    return set_url(to, from->url);
}

static bool worth_a_copy(const char *data, size_t len, size_t copy_max)
{
    size_t i = 0;

    if (len > copy_max)
        return false;
    if (len <= COPY_TEXT_MAX)
        return true;
    while (i < len && isspace((unsigned char)data[i]))
        i++;
    return i < len && (data[i] == '{' || data[i] == '[');
}

/* As CURLOPT_COPYPOSTFIELDS does it: the size in force now, else a string. */
static void copy_postfields(struct llmobs_handle *handle, const char *data,
                            size_t copy_max)
{
    size_t len;

    drop_copy(handle);
    handle->postfields = NULL;
    if (!data)
        return;
    len = handle->postfieldsize < 0 ? strlen(data)
                                    : (size_t)handle->postfieldsize;
    if (worth_a_copy(data, len, copy_max))
        handle->copied = malloc(len + 1);
    if (!handle->copied) {
        handle->copy_skipped = true;
        return;
    }
    memcpy(handle->copied, data, len);
    handle->copied[len] = '\0';
    handle->copied_len = len;
    handle->postfields = handle->copied;
}

/* libcurl drops its own copy when a later size exceeds the earlier one. */
static void set_postfieldsize(struct llmobs_handle *handle, curl_off_t size)
{
    if (size < -1)
        return;
    if ((handle->copied || handle->copy_skipped) &&
        handle->postfieldsize < size) {
        drop_copy(handle);
        handle->postfields = NULL;
    }
    handle->postfieldsize = size;
}

static void set_name(char *field, size_t cap, const char *text)
{
    size_t len = text ? strlen(text) : 0;

    /* A name that does not fit is none that we know: kept as unknown. */
    if (len >= cap)
        text = "?", len = 1;
    memcpy(field, text ? text : "", len);
    field[len] = '\0';
}

static void set_function(struct llmobs_callback *callback, void *function)
{
    callback->function = function;
}

static void set_data(struct llmobs_callback *callback, void *data)
{
    callback->data = data;
    callback->data_set = true;
}

static void note_request(struct llmobs_handle *handle, CURLoption option,
                         bool on)
{
    switch ((int)option) {
    case CURLOPT_HTTPGET:
        if (on)
            handle->request = LLMOBS_HTTP_GET;
        break;
    case CURLOPT_POST:
        handle->request = on ? LLMOBS_HTTP_POST : LLMOBS_HTTP_GET;
        break;
    case CURLOPT_UPLOAD:
    case 54: /* CURLOPT_PUT */
        handle->request = on ? LLMOBS_HTTP_PUT : LLMOBS_HTTP_GET;
        break;
    case CURLOPT_NOBODY:
        if (on)
            handle->request = LLMOBS_HTTP_HEAD;
        else if (handle->request == LLMOBS_HTTP_HEAD)
            handle->request = LLMOBS_HTTP_GET;
        break;
    default: /* HTTPPOST, MIMEPOST */
        handle->request = LLMOBS_HTTP_FORM;
        break;
    }
}

void llmobs_handle_note(struct llmobs_handle *handle, CURLoption option,
                        void *arg, size_t copy_max)
{
    long number = (long)(intptr_t)arg;

    switch ((int)option) {
    case CURLOPT_URL:
        (void)set_url(handle, arg);
        break;
    case CURLOPT_CURLU:
        handle->curlu = arg;
        break;
    case CURLOPT_PORT:
        handle->port = number;
        break;
    case CURLOPT_DEFAULT_PROTOCOL:
        set_name(handle->default_protocol, sizeof(handle->default_protocol),
                 arg);
        break;
    case CURLOPT_CUSTOMREQUEST:
        set_name(handle->custom_request, sizeof(handle->custom_request), arg);
        break;
    case CURLOPT_HTTPGET:
    case CURLOPT_POST:
    case CURLOPT_UPLOAD:
    case 54:    /* CURLOPT_PUT */
    case 10024: /* CURLOPT_HTTPPOST */
    case CURLOPT_MIMEPOST:
    case CURLOPT_NOBODY:
        note_request(handle, option, number != 0);
        break;
    case CURLOPT_POSTFIELDS:
        drop_copy(handle);
        handle->postfields = arg;
        handle->request = LLMOBS_HTTP_POST;
        break;
    case CURLOPT_COPYPOSTFIELDS:
        copy_postfields(handle, arg, copy_max);
        handle->request = LLMOBS_HTTP_POST;
        break;
    case CURLOPT_POSTFIELDSIZE:
        set_postfieldsize(handle, number);
        break;
    case CURLOPT_POSTFIELDSIZE_LARGE:
        set_postfieldsize(handle, (curl_off_t)(intptr_t)arg);
        break;
    case CURLOPT_HTTPHEADER:
        handle->headers = arg;
        break;
    case CURLOPT_HEADER:
        handle->header_in_body = number != 0;
        break;
    case CURLOPT_CONNECT_ONLY:
        handle->connect_only = number != 0;
        break;
    case CURLOPT_WRITEFUNCTION:
        set_function(&handle->write, arg);
        break;
    case CURLOPT_WRITEDATA:
        set_data(&handle->write, arg);
        break;
    case CURLOPT_HEADERFUNCTION:
        set_function(&handle->header, arg);
        break;
    case CURLOPT_HEADERDATA:
        set_data(&handle->header, arg);
        break;
    case CURLOPT_READFUNCTION:
        set_function(&handle->read, arg);
        break;
    case CURLOPT_READDATA:
        set_data(&handle->read, arg);
        break;
    case CURLOPT_SEEKFUNCTION:
        set_function(&handle->seek, arg);
        break;
    case CURLOPT_SEEKDATA:
        set_data(&handle->seek, arg);
        break;
    case CURLOPT_ERRORBUFFER:
        handle->error_buffer = arg;
        break;
    case 20130: /* CURLOPT_IOCTLFUNCTION */
        handle->ioctl_set = arg != NULL;
        break;
    default:
        break;
    }
}

void llmobs_handle_each(void (*visit)(struct llmobs_handle *, void *),
                        void *ctx)
{
    for (size_t i = 0; i < LLMOBS_HANDLE_BUCKETS; i++) {
        struct llmobs_handle *handle =
            atomic_load_explicit(&buckets[i], memory_order_acquire);

        for (; handle; handle = handle->next) {
            if (atomic_load_explicit(&handle->key, memory_order_acquire))
                visit(handle, ctx);
        }
    }
}

bool llmobs_handle_trylock(struct llmobs_handle *handle, int ms)
{
    const struct timespec nap = {.tv_nsec = 100000};

    for (int i = 0; i < 10 * ms + 1; i++) {
        int none = 0;

        if (atomic_compare_exchange_strong_explicit(&handle->gate, &none, 1,
                                                    memory_order_acquire,
                                                    memory_order_relaxed))
            return true;
        nanosleep(&nap, NULL);
    }
    return false;
}

void llmobs_handle_lock(struct llmobs_handle *handle)
{
    /* The only other holder is the exit handler, which keeps it for a pointer
     * swap. */
    while (atomic_exchange_explicit(&handle->gate, 1, memory_order_acquire))
        sched_yield();
}

void llmobs_handle_unlock(struct llmobs_handle *handle)
{
    atomic_store_explicit(&handle->gate, 0, memory_order_release);
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
    return names[handle->request];
}

struct llmobs_text llmobs_handle_body(const struct llmobs_handle *handle)
{
    struct llmobs_text body = {NULL, 0};

    if (handle->request != LLMOBS_HTTP_POST || !handle->postfields)
        return body;
    body.data = handle->postfields;
    if (handle->postfieldsize >= 0)
        body.len = (size_t)handle->postfieldsize;
    else
        body.len = strlen(handle->postfields);
    if (handle->copied && body.len > handle->copied_len)
        body.len = handle->copied_len;
    return body;
}

/* libcurl guesses the scheme of a bare host by its first label. */
static const char *scheme_of(const struct llmobs_handle *handle,
                             const char *url)
{
    static const char *const other[] = {"ftp.",  "dict.", "ldap.",
                                        "imap.", "smtp.", "pop3."};

    if (handle->default_protocol[0])
        return handle->default_protocol;
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        if (strncasecmp(url, other[i], strlen(other[i])) == 0)
            return NULL;
    }
    return "http";
}

static const char *with_scheme(const struct llmobs_handle *handle,
                               const char *url, char **owned)
{
    const char *scheme;

    if (strstr(url, "://"))
        return url;
    scheme = scheme_of(handle, url);
    if (!scheme || asprintf(owned, "%s://%s", scheme, url) < 0)
        *owned = NULL;
    return *owned;
}

/* CURLOPT_PORT beats the port of the URL. */
static const char *with_port(const char *url, long port, char **owned)
{
    const char *host = strstr(url, "://");
    const char *end, *at, *colon;
    char *made = NULL;

    if (!host)
        return NULL;
    host += 3;
    end = host + strcspn(host, "/?#");
    at = memrchr(host, '@', (size_t)(end - host));
    if (at)
        host = at + 1;
    colon = memrchr(host, ':', (size_t)(end - host));
    if (!colon || memchr(colon, ']', (size_t)(end - colon)))
        colon = end;
    if (asprintf(&made, "%.*s:%ld%s", (int)(colon - url), url, port, end) < 0)
        made = NULL;
    free(*owned);
    *owned = made;
    return made;
}

static const char *url_of_curlu(const struct llmobs_handle *handle,
                                char **owned)
{
    char *text = NULL;

    if (!handle->real->url_get || !handle->real->free)
        return NULL;
    if (handle->real->url_get(handle->curlu, CURLUPART_URL, &text, 0) !=
            CURLUE_OK ||
        !text)
        return NULL;
    /* libcurl's own memory goes back through its own free. */
    *owned = strdup(text);
    handle->real->free(text);
    return *owned;
}

const char *llmobs_handle_url(const struct llmobs_handle *handle, char **owned)
{
    const char *url;

    *owned = NULL;
    if (handle->curlu)
        url = url_of_curlu(handle, owned);
    else if (handle->url && handle->url[0])
        url = with_scheme(handle, handle->url, owned);
    else
        return NULL;
    if (url && handle->port > 0)
        url = with_port(url, handle->port, owned);
    return url;
}
