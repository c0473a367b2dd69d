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
#include "core/capture/mime.h"
#include "core/capture/parts.h"
#include "core/capture/replay.h"
#include "core/capture/talk.h"
#include "core/net/target.h"
#include "core/privacy/account.h"

/* Bodies that do not look like JSON are copied only up to this size: a form
 * post to a proxy is small, and a 200 MB upload must not cost 200 MB more. */
#define COPY_TEXT_MAX (64 * 1024)

/* libcurl asks for the server's consent to a longer body (before 7.70 to one
 * above 1 KiB), unless the app's list has an Expect of its own. */
#define EXPECTS_ABOVE (1024 * 1024)

/* One level is enough for a hundred handles, and lies in one page: with more of
 * them each handle of a short program would touch another one. */
#define LINE_BITS 6

LLMOBS_COLD _Alignas(
    4096) static struct llmobs_keyed_line lines[1 << LINE_BITS];
static struct llmobs_keyed_state state;
static const struct llmobs_keyed_table table = {
    lines, LINE_BITS, sizeof(struct llmobs_handle), &state};

/* The first search would read the page of `lines`, and its end write to it: two
 * faults, where a page that is written first has one. */
void llmobs_handle_begin(void)
{
    atomic_store(&lines[0].places[0].key, NULL);
}

struct llmobs_handle *llmobs_handle_find(CURL *curl)
{
    return llmobs_keyed_find(&table, curl);
}

/* A handle may keep its copy for ever and never call a model, so the copy does
 * not count for the budget; each call has a copy of its own that does. */
static void drop_copy(struct llmobs_handle *handle, size_t copy_max)
{
    llmobs_body_fini(&handle->copied);
    llmobs_body_init(&handle->copied, copy_max);
    handle->copied.free = true;
    handle->has_copy = handle->form_copy = false;
}

static void forget_transfer(struct llmobs_handle *handle)
{
    struct llmobs_exchange *exchange;

    llmobs_handle_lock(handle);
    exchange = handle->exchange;
    handle->exchange = NULL;
    llmobs_handle_unlock(handle);
    llmobs_exchange_free(exchange);
    llmobs_talk_free(handle);
    llmobs_handle_drop_origin(handle);
    llmobs_adds_part(handle);
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
    handle->judged = LLMOBS_UNJUDGED;
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
    handle->swapped = handle->swapped_write = false;
    handle->swapped_read = handle->swapped_seek = false;
    handle->swapped_ioctl = handle->swapped_prereq = handle->injected = false;
    llmobs_replay_unlead(handle);
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
    handle->list = NULL;
    handle->mime = NULL;
    handle->no_body = false;
    handle->postfields = NULL;
    handle->postfieldsize = -1;
    handle->headers = NULL;
    handle->unified_set = handle->unified = handle->signs = false;
    memset(handle->account, 0, sizeof(handle->account));
    handle->rounds = handle->proxy_rounds = false;
    handle->elsewhere = false;
    handle->proxy = LLMOBS_PROXY_BY_ENVIRONMENT;
    handle->header_in_body = false;
    handle->connect_only = 0;
    handle->ioctl_function = NULL;
    handle->write = handle->header = handle->read = handle->seek = none;
    handle->prereq = none;
    handle->judged = LLMOBS_UNJUDGED;
    handle->error_buffer = NULL;
    llmobs_handle_unswap(handle);
    llmobs_replay_forget(handle);
}

void llmobs_handle_detach(struct llmobs_handle *handle)
{
    llmobs_keyed_rename(&handle->keyed, handle);
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
    llmobs_keyed_release(&table, &handle->keyed);
}

/* ---- settings --------------------------------------------------------- */

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
    to->form_copy = from->form_copy;
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
    to->list = from->list;
    to->mime = NULL; /* libcurl has made a form of the twin's own */
    to->headers = from->headers;
    to->unified_set = from->unified_set;
    to->unified = from->unified;
    to->proxy = from->proxy;
    to->signs = from->signs;
    memcpy(to->account, from->account, sizeof(to->account));
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
    return llmobs_replay_copy(to, from) && set_url(to, from->url);
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

/* Copies as CURLOPT_COPYPOSTFIELDS does: as many bytes as the size in force
 * says, else a string. */
static void copy_postfields(struct llmobs_handle *handle, const char *data,
                            size_t copy_max)
{
    size_t len;
    bool worth;

    drop_copy(handle, copy_max);
    handle->postfields = NULL;
    if (!data)
        return;
    handle->has_copy = true;
    len = handle->postfieldsize < 0 ? strlen(data)
                                    : (size_t)handle->postfieldsize;
    worth = worth_a_copy(data, len);
    handle->form_copy = !worth && memcmp(data, "--", 2) == 0;
    if (handle->form_copy)
        llmobs_body_limit(&handle->copied, COPY_TEXT_MAX);
    if ((handle->form_copy || worth) &&
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

    /* No name that the rules know is that long: it is kept as unknown. */
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

/* Derives the kind of request as libcurl's own setopt does. */
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

/* Every method takes several requests but those that go with the first one:
 * basic, bearer and AWS_SIGV4. */
static bool takes_rounds(unsigned long methods)
{
    return (methods & ~(CURLAUTH_BASIC | 64UL | 128UL)) != 0;
}

/* Options that lead the request to another address, or its headers to hosts
 * beside its peer. */
static bool redirects(CURLoption option)
{
    switch ((int)option) {
    case CURLOPT_URL:
    case CURLOPT_CURLU:
    case CURLOPT_PORT:
    case CURLOPT_DEFAULT_PROTOCOL:
    case CURLOPT_PROXY:
    case CURLOPT_RESOLVE:
    case 229: /* CURLOPT_HEADEROPT */
    case LLMOBS_OPT_CONNECT_TO:
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

    handle->judged = LLMOBS_UNJUDGED;
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
        note_request(handle, option, arg != NULL);
        break;
    case 10024: /* CURLOPT_HTTPPOST */
    case CURLOPT_MIMEPOST:
        note_request(handle, option, true);
        handle->list = option == CURLOPT_MIMEPOST ? NULL : arg;
        handle->mime = option == CURLOPT_MIMEPOST ? arg : NULL;
        handle->mime_since = handle->mime ? llmobs_mime_now() : 0;
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
        llmobs_replay_note(handle, option, arg);
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
    case CURLOPT_USERPWD:
        handle->account[0] = llmobs_account_secret("userpwd", arg);
        break;
    case CURLOPT_USERNAME:
        handle->account[1] = llmobs_account_secret("username", arg);
        break;
    case CURLOPT_PASSWORD:
        handle->account[2] = llmobs_account_secret("password", arg);
        break;
    case CURLOPT_XOAUTH2_BEARER:
        handle->account[3] = llmobs_account_secret("bearer", arg);
        break;
    case 10305: /* CURLOPT_AWS_SIGV4 */
        handle->signs = arg != NULL;
        break;
    case CURLOPT_RESOLVE:
    case LLMOBS_OPT_CONNECT_TO:
        handle->elsewhere |= arg != NULL; /* libcurl keeps what it was told */
        llmobs_replay_note(handle, option, arg);
        break;
    case CURLOPT_HEADER:
        handle->header_in_body = number != 0;
        break;
    case CURLOPT_CONNECT_ONLY:
        handle->connect_only = number == LLMOBS_CONNECT_FOR_FRAMES
                                   ? LLMOBS_CONNECT_FOR_FRAMES
                                   : number != 0;
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
        llmobs_replay_note(handle, option, arg);
        break;
    }
}

/* ---- the request: its method and its body ------------------------------- */

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
    return atomic_load(&handle->multi) && !llmobs_adds_single(handle);
}

static void measure(struct llmobs_handle *handle)
{
    if (handle->postfields || handle->has_copy)
        handle->latch.size = size_of(handle);
}

void llmobs_handle_latch(struct llmobs_handle *handle)
{
    handle->latch.request = handle->request;
    handle->latch.early = llmobs_handle_early(handle);
    handle->latch.unsure = handle->latch.led = handle->latch.url_pending =
        false;
    handle->latch.changed = false;
    handle->latch.seen_url = NULL;
    handle->latch.rounds = handle->rounds;
    handle->latch.proxy_rounds = handle->proxy_rounds;
    handle->latch.later = false;
    handle->latch.size = -1;
    handle->latch.unmeasured = handle->origin.asks;
    if (handle->latch.early)
        handle->latch.size = handle->postfieldsize;
    else if (!handle->latch.unmeasured)
        measure(handle);
    handle->latch.on = true;
}

void llmobs_handle_measure(struct llmobs_handle *handle)
{
    if (handle->latch.unmeasured && !handle->latch.early)
        measure(handle);
    handle->latch.unmeasured = false;
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

/* The size of POSTFIELDS or of the copy; -1: not known. Where libcurl may have
 * taken either of two sizes, the bytes are there for certain as far as the
 * smaller one goes. */
static curl_off_t body_size(const struct llmobs_handle *handle)
{
    if (!handle->latch.on)
        return handle->postfieldsize;
    return handle->latch.early
               ? smaller(handle->latch.size, handle->postfieldsize)
               : handle->latch.size;
}

/* How many of at most `most` bytes of the app's memory libcurl sends. Where
 * that may be a string, it ends at its NUL in any case. */
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

/* Of the copy that libcurl made earlier, it sends as many bytes as the size in
 * force says when the transfer begins. */
static uint64_t copy_len(const struct llmobs_handle *handle)
{
    uint64_t total = handle->copied.total;
    curl_off_t size = body_size(handle);

    return size >= 0 && (uint64_t)size < total ? (uint64_t)size : total;
}

/* Before 8.1 libcurl also makes a PUT of a transfer that becomes an upload
 * after it began: then the app may have freed the fields. */
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

/* True where libcurl waits for the server to ask for the body: because the
 * app's list says so, or because libcurl adds an Expect by itself. */
static bool expects(const struct llmobs_handle *handle)
{
    const char *value = llmobs_handle_header(handle, "expect:");

    if (value)
        return strcasestr(value, "100-continue");
    return fields_len(handle, handle->postfields, EXPECTS_ABOVE + 1) >
           EXPECTS_ABOVE;
}

/* A proxy that makes a tunnel (for https) authenticates before the request. */
static bool goes_in_rounds(const struct llmobs_handle *handle)
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
    latch->rounds = goes_in_rounds(handle);
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
                             struct llmobs_exchange *exchange)
{
    struct llmobs_text body;

    if (handle->form_copy && sends_fields(handle)) {
        llmobs_body_miss(&exchange->request, copy_len(handle));
        return;
    }
    if (handle->has_copy && sends_fields(handle)) {
        llmobs_exchange_sent_copy(exchange, &handle->copied, copy_len(handle));
        return;
    }
    body = llmobs_handle_body(handle);
    if (body.data)
        llmobs_exchange_sent_text(exchange, body.data, body.len);
}

/* The form that libcurl makes now, of whichever parts. */
static void send_parts(const struct llmobs_handle *handle,
                       struct llmobs_body *out)
{
    if (handle->latch.on && handle->latch.unsure)
        return;
    llmobs_parts_list(handle->list, out);
    llmobs_mime_fields(handle->mime, handle->mime_since, out);
}

void llmobs_handle_forget_list(struct llmobs_handle *handle)
{
    handle->list = NULL;
}

void llmobs_handle_send_form(struct llmobs_handle *handle,
                             struct llmobs_exchange *exchange)
{
    struct llmobs_text body = llmobs_handle_body(handle), tail;

    if (llmobs_handle_verb(handle) == LLMOBS_HTTP_FORM) {
        send_parts(handle, &exchange->request);
        return;
    }
    if (!body.data || !exchange->form)
        return;
    llmobs_exchange_sent(exchange, body.data, body.len);
    if (!handle->form_copy || copy_len(handle) < handle->copied.total)
        return;
    llmobs_form_gap(exchange->form);
    tail = llmobs_body_tail(&handle->copied);
    llmobs_exchange_sent(exchange, tail.data, tail.len);
}

/* -- the URL ------------------------------------------------------------- */

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Length of the scheme that `url` begins with, 0: none. "://" follows it. */
static size_t scheme_len(const char *url)
{
    size_t len = 0;

    if (!is_letter(url[0]))
        return 0;
    while (is_letter(url[len]) || (url[len] >= '0' && url[len] <= '9') ||
           (url[len] && strchr("+-.", url[len])))
        len++;
    return strncmp(url + len, "://", 3) == 0 ? len : 0;
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

    if (scheme_len(url))
        return url;
    scheme = scheme_of(handle, url);
    if (!scheme || asprintf(owned, "%s://%s", scheme, url) < 0)
        *owned = NULL;
    return *owned;
}

/* CURLOPT_PORT beats the port of the URL. */
static const char *with_port(const char *url, long port, char **owned)
{
    const char *host = url + scheme_len(url);
    const char *end, *at, *colon;
    char *made = NULL;

    if (host == url)
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

const char *llmobs_handle_url_at(const struct llmobs_handle *handle,
                                 const char *url, char **owned)
{
    *owned = NULL;
    return handle->port > 0 ? with_port(url, handle->port, owned) : url;
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

/* -- who sees the headers ------------------------------------------------ */

/* 7.42.1 made SEPARATE the default. Asking libcurl for its version takes a
 * microsecond, and twelve the first time: a copy with the functions of 7.62 is
 * therefore not asked, and an older copy that answered well is remembered. */
static bool unified_by_default(const struct llmobs_real *real)
{
    static _Atomic(const struct llmobs_real *) separate;
    const curl_version_info_data *info;

    if (real->url_get || atomic_load(&separate) == real)
        return false;
    info = real->version_info ? real->version_info(CURLVERSION_FIRST) : NULL;
    if (!info || info->version_num < 0x072a01)
        return true;
    atomic_store(&separate, real);
    return false;
}

bool llmobs_handle_exposes_headers(const struct llmobs_handle *handle)
{
    bool unified = handle->unified_set ? handle->unified
                                       : unified_by_default(handle->real);

    if (handle->signs)
        return true;
    if (!unified || handle->proxy == LLMOBS_PROXY_NONE)
        return false;
    return handle->proxy == LLMOBS_PROXY_SET || llmobs_proxies_named();
}

/* -- headers ------------------------------------------------------------- */

const char *llmobs_handle_header(const struct llmobs_handle *handle,
                                 const char *name)
{
    size_t len = strlen(name);

    for (const struct curl_slist *h = handle->headers; h; h = h->next) {
        if (h->data && strncasecmp(h->data, name, len) == 0)
            return h->data + len + strspn(h->data + len, " \t");
    }
    return NULL;
}

/* ---- all records -------------------------------------------------------- */

void llmobs_handle_each(void (*visit)(struct llmobs_handle *, void *),
                        void *ctx)
{
    struct llmobs_keyed *record =
        atomic_load_explicit(&state.all, memory_order_acquire);

    for (; record; record = record->next) {
        if (atomic_load_explicit(&record->key, memory_order_acquire))
            visit((struct llmobs_handle *)record, ctx);
    }
}

/* ---- the lock of `exchange` ---------------------------------------------- */

/* Values of exchange_holder. */
enum { HELD_BY_NOBODY, HELD_BY_OWNER, HELD_BY_EXIT };

/* The exit handler holds `exchange` for a pointer swap. A child that is forked
 * meanwhile has no thread that gives it back, so it waits this long at most. */
#define EXIT_PATIENCE_MS 100

static bool hand_over(struct llmobs_handle *handle, int from, int to)
{
    return atomic_compare_exchange_strong_explicit(
        &handle->exchange_holder, &from, to, memory_order_acquire,
        memory_order_relaxed);
}

bool llmobs_handle_trylock(struct llmobs_handle *handle, int ms)
{
    const struct timespec nap = {.tv_nsec = 100000};

    for (int i = 0; i < 10 * ms + 1; i++) {
        if (hand_over(handle, HELD_BY_NOBODY, HELD_BY_EXIT))
            return true;
        nanosleep(&nap, NULL);
    }
    return false;
}

/* An owner that holds it already has left by siglongjmp, out of a write to the
 * disk: it gets it again without a wait. */
void llmobs_handle_lock(struct llmobs_handle *handle)
{
    int64_t until = 0;

    while (!hand_over(handle, HELD_BY_NOBODY, HELD_BY_OWNER) &&
           !hand_over(handle, HELD_BY_OWNER, HELD_BY_OWNER)) {
        if (!until)
            until =
                llmobs_clock_mono_ns() + EXIT_PATIENCE_MS * LLMOBS_NS_PER_MS;
        else if (llmobs_clock_mono_ns() >= until)
            (void)hand_over(handle, HELD_BY_EXIT, HELD_BY_NOBODY);
        sched_yield();
    }
}

void llmobs_handle_unlock(struct llmobs_handle *handle)
{
    atomic_store_explicit(&handle->exchange_holder, HELD_BY_NOBODY,
                          memory_order_release);
}
