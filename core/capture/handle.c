#include "core/capture/handle.h"

#include <ctype.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/cold.h"
#include "core/capture/adds.h"

/* Bodies that do not look like JSON are copied only up to this size: a form
 * post to a proxy is small, and a 200 MB upload must not cost 200 MB more. */
#define COPY_TEXT_MAX (64 * 1024)

LLMOBS_COLD static llmobs_keyed_chain chains[LLMOBS_HANDLE_CHAINS];
static const struct llmobs_keyed_table table = {chains, LLMOBS_HANDLE_CHAINS,
                                                sizeof(struct llmobs_handle)};

struct llmobs_handle *llmobs_handle_find(CURL *curl)
{
    return llmobs_keyed_find(&table, curl);
}

/* A handle may keep its copy for ever, and never call a model: the budget is
 * for calls, each of which has a copy of its own. */
static void drop_copy(struct llmobs_handle *handle, size_t copy_max)
{
    llmobs_body_fini(&handle->copied);
    llmobs_body_init(&handle->copied, copy_max);
    handle->copied.free = true;
    handle->has_copy = false;
}

static void forget_transfer(struct llmobs_handle *handle)
{
    struct llmobs_exchange *exchange;

    llmobs_handle_lock(handle);
    exchange = handle->exchange;
    handle->exchange = NULL;
    llmobs_handle_unlock(handle);
    llmobs_exchange_free(exchange);
    llmobs_handle_drop_origin(handle);
    /* A multi's list does not outlive its handles: it was left by cleanup. */
    llmobs_adds_part(atomic_load(&handle->multi), handle);
    atomic_store(&handle->multi, NULL);
    handle->capturing = handle->latch.on = false;
}

void llmobs_handle_drop_origin(struct llmobs_handle *handle)
{
    const struct llmobs_origin none = {0};

    free(handle->origin.annotations);
    free(handle->origin.baggage);
    free(handle->origin.url);
    llmobs_exchange_free(handle->origin.exchange);
    handle->origin = none;
}

struct llmobs_handle *llmobs_handle_create(const struct llmobs_real *real,
                                           CURL *curl)
{
    struct llmobs_handle *handle = llmobs_keyed_claim(&table, curl);

    if (!handle)
        return NULL;
    handle->real = real;
    forget_transfer(handle);
    llmobs_handle_reset(handle);
    return handle;
}

void llmobs_handle_unswap(struct llmobs_handle *handle)
{
    handle->inside = false;
    handle->swapped = handle->swapped_read = handle->swapped_seek = false;
    handle->swapped_ioctl = handle->swapped_prereq = handle->injected = false;
}

void llmobs_handle_reset(struct llmobs_handle *handle)
{
    const struct llmobs_callback none = {0};

    drop_copy(handle, 0);
    if (handle->url)
        handle->url[0] = '\0';
    handle->curlu = NULL;
    handle->port = 0;
    handle->default_protocol[0] = '\0';
    handle->custom_request[0] = '\0';
    handle->request = LLMOBS_HTTP_GET;
    handle->no_body = false;
    handle->postfields = NULL;
    handle->postfieldsize = -1;
    handle->headers = NULL;
    handle->unified_set = handle->unified = handle->signs = false;
    handle->rounds = handle->proxy_rounds = false;
    handle->elsewhere = false;
    handle->proxy = LLMOBS_PROXY_BY_ENVIRONMENT;
    handle->header_in_body = false;
    handle->connect_only = false;
    handle->ioctl_function = NULL;
    handle->write = handle->header = handle->read = handle->seek = none;
    handle->prereq = none;
    handle->origin.not_ours = false;
    handle->error_buffer = NULL;
    llmobs_handle_unswap(handle);
}

void llmobs_handle_detach(struct llmobs_handle *handle)
{
    llmobs_keyed_set(&handle->keyed, handle);
}

void llmobs_handle_release(struct llmobs_handle *handle)
{
    llmobs_handle_reset(handle);
    free(handle->url);
    handle->url = NULL;
    handle->url_cap = 0;
    free(handle->inject);
    handle->inject = NULL;
    forget_transfer(handle);
    llmobs_keyed_set(&handle->keyed, NULL);
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
    drop_copy(to, 0);
    to->has_copy = from->has_copy;
    if (llmobs_body_clone(&to->copied, &from->copied) != 0)
        return false;
    to->no_body = from->no_body;
    to->postfields = from->postfields;
    to->postfieldsize = from->postfieldsize;
    to->curlu = from->curlu;
    to->port = from->port;
    memcpy(to->default_protocol, from->default_protocol,
           sizeof(to->default_protocol));
    memcpy(to->custom_request, from->custom_request,
           sizeof(to->custom_request));
    to->request = from->request;
    to->headers = from->headers;
    to->unified_set = from->unified_set;
    to->unified = from->unified;
    to->proxy = from->proxy;
    to->signs = from->signs;
    to->rounds = from->rounds;
    to->proxy_rounds = from->proxy_rounds;
    to->elsewhere = from->elsewhere;
    to->header_in_body = from->header_in_body;
    to->connect_only = from->connect_only;
    to->ioctl_function = from->ioctl_function;
    to->write = from->write;
    to->header = from->header;
    to->read = from->read;
    to->seek = from->seek;
    to->prereq = from->prereq;
    /* libcurl gives a copy no error buffer. */
    to->error_buffer = NULL;
    return set_url(to, from->url);
}

static bool worth_a_copy(const char *data, size_t len)
{
    size_t i = 0;

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

    drop_copy(handle, copy_max);
    handle->postfields = NULL;
    if (!data)
        return;
    handle->has_copy = true;
    len = handle->postfieldsize < 0 ? strlen(data)
                                    : (size_t)handle->postfieldsize;
    if (worth_a_copy(data, len) &&
        llmobs_buf_add(&handle->copied.head, data, 0) == 0)
        (void)llmobs_body_add(&handle->copied, data, len);
    else
        llmobs_body_miss(&handle->copied, len);
    llmobs_buf_fit(&handle->copied.head);
}

/* libcurl drops its own copy when a later size exceeds the earlier one. */
static void set_postfieldsize(struct llmobs_handle *handle, curl_off_t size)
{
    if (size < -1)
        return;
    if (handle->has_copy && handle->postfieldsize < size)
        drop_copy(handle, 0);
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

/* As libcurl's own setopt does it. */
static void note_request(struct llmobs_handle *handle, CURLoption option,
                         bool on)
{
    bool body = on;

    switch ((int)option) {
    case CURLOPT_HTTPGET:
        if (on)
            handle->request = LLMOBS_HTTP_GET;
        break;
    case CURLOPT_POST:
        handle->request = on ? LLMOBS_HTTP_POST : LLMOBS_HTTP_GET;
        break;
    case CURLOPT_UPLOAD:
    case LLMOBS_OPT_PUT:
        handle->request = on ? LLMOBS_HTTP_PUT : LLMOBS_HTTP_GET;
        break;
    default: /* HTTPPOST, MIMEPOST */
        handle->request = LLMOBS_HTTP_FORM;
        body = true;
        break;
    }
    if (body)
        handle->no_body = false;
}

static void note_nobody(struct llmobs_handle *handle, bool on)
{
    handle->no_body = on;
    if (on)
        handle->request = LLMOBS_HTTP_HEAD;
    else if (handle->request == LLMOBS_HTTP_HEAD)
        handle->request = LLMOBS_HTTP_GET;
}

static void note_headers(struct llmobs_handle *handle, struct curl_slist *list)
{
    handle->headers = list;
    if (handle->injected)
        llmobs_inject_relink(handle->inject, list);
}

static void note_proxy(struct llmobs_handle *handle, const char *proxy)
{
    if (!proxy)
        handle->proxy = LLMOBS_PROXY_BY_ENVIRONMENT;
    else
        handle->proxy = *proxy ? LLMOBS_PROXY_SET : LLMOBS_PROXY_NONE;
}

static void note_headeropt(struct llmobs_handle *handle, long mask)
{
    handle->unified_set = true;
    handle->unified = !(mask & 1); /* CURLHEADER_SEPARATE */
}

/* All but those that go with the first request: basic, bearer, AWS_SIGV4. */
static bool takes_rounds(unsigned long methods)
{
    return (methods & ~(CURLAUTH_BASIC | 64UL | 128UL)) != 0;
}

/* Options that lead the request to another place, or its headers to others
 * than its peer. */
static bool redirects(CURLoption option)
{
    switch ((int)option) {
    case CURLOPT_URL:
    case CURLOPT_CURLU:
    case CURLOPT_PORT:
    case CURLOPT_DEFAULT_PROTOCOL:
    case CURLOPT_PROXY:
    case CURLOPT_RESOLVE:
    case 229:   /* CURLOPT_HEADEROPT */
    case 10243: /* CURLOPT_CONNECT_TO */
    case 10305: /* CURLOPT_AWS_SIGV4 */
        return true;
    default:
        return false;
    }
}

void llmobs_handle_note(struct llmobs_handle *handle, CURLoption option,
                        void *arg, size_t copy_max)
{
    long number = (long)(intptr_t)arg;

    handle->origin.not_ours = false;
    if (handle->injected && redirects(option))
        llmobs_inject_blank(handle->inject);
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
    case LLMOBS_OPT_PUT:
    case 10024: /* CURLOPT_HTTPPOST */
    case CURLOPT_MIMEPOST:
        note_request(handle, option, arg != NULL);
        break;
    case CURLOPT_NOBODY:
        note_nobody(handle, number != 0);
        break;
    case CURLOPT_POSTFIELDS:
        drop_copy(handle, 0);
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
        note_headers(handle, arg);
        break;
    case CURLOPT_PROXY:
        note_proxy(handle, arg);
        break;
    case 229: /* CURLOPT_HEADEROPT */
        note_headeropt(handle, number);
        break;
    case CURLOPT_HTTPAUTH:
        handle->rounds = takes_rounds((unsigned long)number);
        break;
    case CURLOPT_PROXYAUTH:
        handle->proxy_rounds = takes_rounds((unsigned long)number);
        break;
    case 10305: /* CURLOPT_AWS_SIGV4 */
        handle->signs = arg != NULL;
        break;
    case CURLOPT_RESOLVE:
    case 10243:                           /* CURLOPT_CONNECT_TO */
        handle->elsewhere |= arg != NULL; /* libcurl keeps what it was told */
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
    case LLMOBS_OPT_PREREQFUNCTION:
        set_function(&handle->prereq, arg);
        break;
    case LLMOBS_OPT_PREREQDATA:
        set_data(&handle->prereq, arg);
        break;
    case CURLOPT_ERRORBUFFER:
        handle->error_buffer = arg;
        break;
    case LLMOBS_OPT_IOCTLFUNCTION:
        handle->ioctl_function = arg;
        break;
    default:
        break;
    }
}

void llmobs_handle_each(void (*visit)(struct llmobs_handle *, void *),
                        void *ctx)
{
    for (size_t i = 0; i < LLMOBS_HANDLE_CHAINS; i++) {
        struct llmobs_keyed *record =
            atomic_load_explicit(&chains[i], memory_order_acquire);

        for (; record; record = record->next) {
            if (atomic_load_explicit(&record->key, memory_order_acquire))
                visit((struct llmobs_handle *)record, ctx);
        }
    }
}

/* The holder of `exchange`. */
enum { GATE_NOBODY, GATE_OWNER, GATE_EXIT };

/* The exit handler keeps it for a pointer swap; a child may have been forked
 * meanwhile, where nobody gives it back. */
#define EXIT_PATIENCE_MS 100

static bool pass(struct llmobs_handle *handle, int from, int to)
{
    return atomic_compare_exchange_strong_explicit(
        &handle->exchange_holder, &from, to, memory_order_acquire,
        memory_order_relaxed);
}

bool llmobs_handle_trylock(struct llmobs_handle *handle, int ms)
{
    const struct timespec nap = {.tv_nsec = 100000};

    for (int i = 0; i < 10 * ms + 1; i++) {
        if (pass(handle, GATE_NOBODY, GATE_EXIT))
            return true;
        nanosleep(&nap, NULL);
    }
    return false;
}

/* One that the owner has already was left by siglongjmp, out of a write to the
 * disk: nobody waits for it. */
void llmobs_handle_lock(struct llmobs_handle *handle)
{
    int64_t until = 0;

    while (!pass(handle, GATE_NOBODY, GATE_OWNER) &&
           !pass(handle, GATE_OWNER, GATE_OWNER)) {
        if (!until)
            until =
                llmobs_clock_mono_ns() + EXIT_PATIENCE_MS * LLMOBS_NS_PER_MS;
        else if (llmobs_clock_mono_ns() >= until)
            (void)pass(handle, GATE_EXIT, GATE_NOBODY);
        sched_yield();
    }
}

void llmobs_handle_unlock(struct llmobs_handle *handle)
{
    atomic_store_explicit(&handle->exchange_holder, GATE_NOBODY,
                          memory_order_release);
}
