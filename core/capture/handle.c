/* Keeps the record of each easy handle. */
#include "core/capture/handle.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/cold.h"
#include "core/capture/mime.h"
#include "core/export/target.h"
#include "core/trace/probe.h"

/* For a longer body (before 7.70 above 1 KiB) libcurl sends "Expect:
 * 100-continue", unless the app's header list has its own Expect. */
#define EXPECTS_ABOVE (1024 * 1024)

/* One level is enough for a hundred handles. Its lines fill one page; with more
 * lines each handle of a short program would touch another page. */
#define LINE_BITS 6

LLMOBS_COLD _Alignas(
    4096) static struct llmobs_keyed_line lines[1 << LINE_BITS];
static struct llmobs_keyed_state state;
static const struct llmobs_keyed_table table = {
    lines, LINE_BITS, sizeof(struct llmobs_handle), &state};

/* The first search would read the page of `lines`, and its end write to it: two
 * faults, where a page that is written first has one. */
void llmobs_handle_init(void)
{
    atomic_store(&lines[0].places[0].key, 0);
}

struct llmobs_handle *llmobs_handle_find(CURL *curl)
{
    return llmobs_keyed_find(&table, curl);
}

struct llmobs_exchange *llmobs_handle_claim_exchange(
    struct llmobs_handle *handle)
{
    struct llmobs_exchange *exchange;

    llmobs_handle_lock(handle);
    exchange = handle->exchange;
    handle->exchange = NULL;
    llmobs_handle_unlock(handle);
    return exchange;
}

static void forget_transfer(struct llmobs_handle *handle)
{
    llmobs_exchange_free(llmobs_handle_claim_exchange(handle));
    llmobs_handle_drop_transfer(handle);
    llmobs_members_remove(&handle->member);
    llmobs_handle_join(handle, NULL);
}

void llmobs_handle_drop_origin(struct llmobs_handle *handle)
{
    free(handle->origin.annotations);
    free(handle->origin.baggage);
    free(handle->origin.url);
    llmobs_exchange_free(handle->origin.exchange);
    memset(&handle->origin, 0, sizeof(handle->origin));
    handle->verdict = LLMOBS_UNJUDGED;
}

void llmobs_handle_drop_transfer(struct llmobs_handle *handle)
{
    if (handle->step)
        memset(&handle->outgoing, 0, sizeof(handle->outgoing));
    handle->step = LLMOBS_STEP_NONE;
    llmobs_handle_drop_origin(handle);
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
    /* The app may free its list, or lose it. */
    if (handle->in & LLMOBS_IN_HEADERS)
        (void)llmobs_inject_link(handle->inject, NULL);
    handle->in_perform = false;
    handle->in = 0;
    llmobs_replay_end(handle->replay);
}

void llmobs_handle_reset(struct llmobs_handle *handle)
{
    llmobs_settings_reset(&handle->app);
    handle->verdict = LLMOBS_UNJUDGED;
    llmobs_handle_unswap(handle);
    llmobs_replay_forget(&handle->replay);
    free(handle->script);
    handle->script = NULL;
}

void llmobs_handle_detach(struct llmobs_handle *handle)
{
    llmobs_keyed_rename(&handle->keyed, handle);
}

void llmobs_handle_release(struct llmobs_handle *handle)
{
    llmobs_handle_reset(handle);
    llmobs_settings_fini(&handle->app);
    free(handle->inject);
    handle->inject = NULL;
    forget_transfer(handle);
    llmobs_keyed_release(&table, &handle->keyed);
}

/* -- settings -------------------------------------------------------------- */

bool llmobs_handle_copy(struct llmobs_handle *to,
                        const struct llmobs_handle *from)
{
    return llmobs_settings_copy(&to->app, &from->app) &&
           llmobs_replay_copy(&to->replay, from->replay);
}

/* Additional work for a few options. Not inlined, so that other calls need no
 * stack frame for it. */
static __attribute__((noinline)) void set_and_follow(
    struct llmobs_handle *handle, const struct llmobs_setting *setting,
    void *arg, size_t copy_max)
{
    bool injected = handle->in & LLMOBS_IN_HEADERS;

    if (handle->app.unseen)
        llmobs_settings_learn(&handle->app, setting, arg != NULL);
    if (injected && setting->redirects)
        llmobs_inject_blank(handle->inject);
    if (injected && setting->in == LLMOBS_IN_HEADERS)
        llmobs_inject_relink(handle->inject, arg);
    if (setting->option == LLMOBS_OPT_REQUEST_TARGET)
        handle->outgoing.target_set = handle->step;
    if (setting->mocked)
        llmobs_replay_set(&handle->replay, (CURLoption)setting->option, arg);
    llmobs_settings_set(&handle->app, setting, arg, copy_max);
}

void llmobs_handle_set(struct llmobs_handle *handle,
                       const struct llmobs_setting *setting, void *arg,
                       size_t copy_max)
{
    handle->verdict = LLMOBS_UNJUDGED;
    if ((handle->in & LLMOBS_IN_HEADERS) || setting->mocked ||
        handle->app.unseen)
        set_and_follow(handle, setting, arg, copy_max);
    else
        llmobs_settings_set(&handle->app, setting, arg, copy_max);
}

void llmobs_handle_refuse(struct llmobs_handle *handle,
                          const struct llmobs_setting *setting, CURLcode rc)
{
    struct llmobs_settings *app = &handle->app;

    if (rc != CURLE_BAD_FUNCTION_ARGUMENT && rc != CURLE_OUT_OF_MEMORY)
        return;
    handle->verdict = LLMOBS_UNJUDGED;
    if (setting->text)
        llmobs_handle_set(handle, setting, NULL, 0);
    else if (setting->option == CURLOPT_COPYPOSTFIELDS)
        llmobs_settings_refuse_copy(
            app,
            app->postfieldsize < 0 ? 0 : llmobs_real_version(handle->real));
    else if (setting->option == CURLOPT_MIMEPOST)
        app->mime = llmobs_hide(NULL);
}

unsigned llmobs_real_version(const struct llmobs_real *real)
{
    const curl_version_info_data *info =
        real->version_info ? real->version_info(CURLVERSION_NOW) : NULL;

    return info ? info->version_num : 0;
}

/* -- the request: its method and its body ---------------------------------- */

enum llmobs_http_verb llmobs_handle_verb(const struct llmobs_handle *handle)
{
    return handle->step ? handle->outgoing.request : handle->app.request;
}

/* The app's POSTFIELDS, which libcurl sends. */
static const char *fields_at(const struct llmobs_handle *handle)
{
    return llmobs_shown(handle->app.postfields);
}

bool llmobs_handle_early(const struct llmobs_handle *handle)
{
    return llmobs_handle_multi(handle) &&
           !llmobs_members_is_single(&handle->member);
}

/* For an unseen handle it is unknown whether POSTFIELDS is a string. */
void llmobs_handle_measure(struct llmobs_handle *handle)
{
    const char *fields = fields_at(handle);
    curl_off_t size = handle->app.postfieldsize;

    if (!handle->app.unseen) {
        if (!fields && !handle->app.has_copy)
            return;
        if (handle->app.request != LLMOBS_HTTP_POST || handle->app.no_body)
            size = -1;
        else if (size < 0)
            size = handle->app.has_copy ? (curl_off_t)handle->app.copied.total
                                        : (curl_off_t)strlen(fields);
    }
    handle->outgoing.size = size;
}

/* True where libcurl may authenticate by several requests: by each method but
 * basic, bearer and AWS_SIGV4, whose credentials go with the first one. */
static bool takes_rounds(long methods)
{
    return ((unsigned long)methods & ~(CURLAUTH_BASIC | 64UL | 128UL)) != 0;
}

void llmobs_handle_begin_transfer(struct llmobs_handle *handle,
                                  enum llmobs_step step)
{
    const struct llmobs_settings *app = &handle->app;

    handle->outgoing = (struct llmobs_outgoing){
        .request = app->request,
        .early = llmobs_handle_early(handle),
        .auth_rounds = takes_rounds(app->auth),
        .proxy_rounds = takes_rounds(app->proxy_auth),
        .body_later = app->unseen && fields_at(handle) && !app->has_copy,
        .size = -1,
    };
    handle->step = (unsigned char)step;
    if (handle->outgoing.early)
        handle->outgoing.size = app->postfieldsize;
    else if (step != LLMOBS_STEP_HEADERS)
        llmobs_handle_measure(handle);
}

const char *llmobs_handle_method(const struct llmobs_handle *handle)
{
    static const char *const names[] = {
        [LLMOBS_HTTP_GET] = "GET",   [LLMOBS_HTTP_HEAD] = "HEAD",
        [LLMOBS_HTTP_POST] = "POST", [LLMOBS_HTTP_PUT] = "PUT",
        [LLMOBS_HTTP_FORM] = "POST",
    };

    if (handle->app.custom_request[0])
        return handle->app.custom_request;
    return handle->app.no_body ? "HEAD" : names[llmobs_handle_verb(handle)];
}

bool llmobs_handle_sends_body(const struct llmobs_handle *handle)
{
    enum llmobs_http_verb verb = llmobs_handle_verb(handle);

    return !handle->app.no_body && verb != LLMOBS_HTTP_GET &&
           verb != LLMOBS_HTTP_HEAD;
}

/* The smaller of two sizes; -1: unknown, then the other size. */
static curl_off_t smaller(curl_off_t a, curl_off_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* The size of POSTFIELDS or of the copy; -1: not known. If it is unknown which
 * of two sizes libcurl uses, the smaller one counts, because that many bytes
 * certainly exist. */
static curl_off_t body_size(const struct llmobs_handle *handle)
{
    if (!handle->step)
        return handle->app.postfieldsize;
    return handle->outgoing.early
               ? smaller(handle->outgoing.size, handle->app.postfieldsize)
               : handle->outgoing.size;
}

/* How many bytes of the app's memory libcurl sends, `most` at most. Where the
 * memory may hold a string, the NUL ends it in any case. */
static size_t fields_len(const struct llmobs_handle *handle, const char *fields,
                         size_t most)
{
    const struct llmobs_outgoing *outgoing = &handle->outgoing;
    curl_off_t size = body_size(handle);

    if (size >= 0 && (size_t)size < most)
        most = (size_t)size;
    if (size >= 0 && (!outgoing->early ||
                      (outgoing->size >= 0 && handle->app.postfieldsize >= 0)))
        return most;
    return strnlen(fields, most);
}

static bool has_fields(const struct llmobs_handle *handle)
{
    return fields_at(handle) &&
           (!handle->step || handle->outgoing.early || handle->app.unseen ||
            handle->outgoing.size >= 0);
}

/* When the transfer begins, the size that is then set decides how many bytes
 * libcurl sends of the copy that it made earlier. */
static uint64_t copy_len(const struct llmobs_handle *handle)
{
    uint64_t total = handle->app.copied.total;
    curl_off_t size = body_size(handle);

    return size >= 0 && (uint64_t)size < total ? (uint64_t)size : total;
}

/* Before 8.1 libcurl also makes a PUT of a transfer that becomes an upload
 * after it began: then the app may have freed the fields. */
static bool sends_fields(const struct llmobs_handle *handle)
{
    if (handle->step && (handle->outgoing.verb_unsure ||
                         handle->app.request == LLMOBS_HTTP_PUT))
        return false;
    return !handle->app.no_body &&
           llmobs_handle_verb(handle) == LLMOBS_HTTP_POST;
}

struct llmobs_text llmobs_handle_body(const struct llmobs_handle *handle)
{
    struct llmobs_text body = {NULL, 0};

    if (!sends_fields(handle) || handle->outgoing.body_later)
        return body;
    if (handle->app.has_copy) {
        body = llmobs_body_head(&handle->app.copied);
        if (body.len > copy_len(handle))
            body.len = (size_t)copy_len(handle);
    } else if (has_fields(handle) && !handle->app.unseen) {
        body.data = fields_at(handle);
        body.len = fields_len(handle, body.data, SIZE_MAX);
    }
    return body;
}

void llmobs_handle_defer(struct llmobs_handle *handle)
{
    struct llmobs_outgoing *outgoing = &handle->outgoing;
    const char *url = handle->origin.url, *expect;
    bool goes =
        sends_fields(handle) && !handle->app.has_copy && has_fields(handle);

    outgoing->fields = goes ? handle->app.postfields : llmobs_hide(NULL);
    outgoing->fields_sent = 0;
    outgoing->got_100 = false;
    if (!goes || outgoing->body_later)
        return;
    /* A proxy that makes a tunnel (for https) authenticates before the request.
     */
    if (outgoing->proxy_rounds && !(url && strncasecmp(url, "https:", 6) == 0))
        outgoing->auth_rounds = true;
    /* libcurl waits for the server to ask for the body where the app's list
     * says so, or where libcurl adds an Expect by itself. */
    expect = llmobs_handle_header(handle, "expect:");
    outgoing->body_later =
        outgoing->auth_rounds ||
        (expect ? strcasestr(expect, "100-continue") != NULL
                : fields_len(handle, fields_at(handle), EXPECTS_ABOVE + 1) >
                      EXPECTS_ABOVE);
}

struct llmobs_text llmobs_handle_fields(const struct llmobs_handle *handle,
                                        uint64_t most)
{
    struct llmobs_text body = {llmobs_shown(handle->outgoing.fields), 0};

    if (body.data)
        body.len = fields_len(handle, body.data, (size_t)most);
    return body;
}

#define UNSENT_MAX (1 << 20)

/* A program that knows that nothing will be sent may have freed it: asks the
 * kernel. */
bool llmobs_handle_body_is_there(const struct llmobs_handle *handle)
{
    const char *at =
        llmobs_shown(handle->outgoing.body_later ? handle->outgoing.fields
                                                 : handle->app.postfields);
    curl_off_t size = body_size(handle);
    struct llmobs_probe probe = {.found = 0};
    struct llmobs_text text;

    if (handle->app.has_copy || !at || size == 0)
        return true;
    if (!llmobs_probe_works())
        return false;
    /* Each page is a question of the kernel, on the app's thread. */
    if (size > UNSENT_MAX)
        return false;
    return size > 0 ? llmobs_probe_sees(&probe, at, (size_t)size)
                    : llmobs_probe_text(&probe, at, UNSENT_MAX, &text);
}

void llmobs_handle_copy_body(const struct llmobs_handle *handle,
                             struct llmobs_exchange *exchange)
{
    struct llmobs_text body;

    if (handle->app.form_copy && sends_fields(handle)) {
        llmobs_body_miss(&exchange->request, copy_len(handle));
        return;
    }
    if (handle->app.has_copy && sends_fields(handle)) {
        llmobs_exchange_sent_copy(exchange, &handle->app.copied,
                                  copy_len(handle));
        return;
    }
    body = llmobs_handle_body(handle);
    if (body.data)
        llmobs_exchange_sent_text(exchange, body.data, body.len);
}

void llmobs_handle_forget_list(struct llmobs_handle *handle)
{
    handle->app.list = llmobs_hide(NULL);
}

void llmobs_handle_send_form(struct llmobs_handle *handle,
                             struct llmobs_exchange *exchange)
{
    struct llmobs_text body = llmobs_handle_body(handle), tail;

    if (llmobs_handle_verb(handle) == LLMOBS_HTTP_FORM) {
        if (handle->outgoing.verb_unsure)
            return;
        llmobs_mime_append_list(llmobs_shown(handle->app.list),
                                &exchange->request);
        llmobs_mime_append_form(llmobs_shown(handle->app.mime),
                                handle->app.mime_since, &exchange->request);
        return;
    }
    if (!body.data || !exchange->form)
        return;
    llmobs_exchange_sent(exchange, body.data, body.len);
    if (!handle->app.form_copy || copy_len(handle) < handle->app.copied.total)
        return;
    llmobs_form_gap(exchange->form);
    tail = llmobs_body_tail(&handle->app.copied);
    llmobs_exchange_sent(exchange, tail.data, tail.len);
}

/* -- headers --------------------------------------------------------------- */

const char *llmobs_lines_value(const struct curl_slist *list, const char *name)
{
    size_t len = strlen(name);

    for (const struct curl_slist *h = list; h; h = h->next) {
        /* Few lines have the name's first letter: no call for the others. */
        if (h->data && ((*h->data ^ *name) & ~0x20) == 0 &&
            strncasecmp(h->data, name, len) == 0)
            return h->data + len + strspn(h->data + len, " \t");
    }
    return NULL;
}

const char *llmobs_handle_header(const struct llmobs_handle *handle,
                                 const char *name)
{
    return llmobs_lines_value(llmobs_handle_headers(handle), name);
}

/* -- where the request goes ------------------------------------------------ */

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

    if (handle->app.default_protocol[0])
        return handle->app.default_protocol;
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        if (strncasecmp(url, other[i], strlen(other[i])) == 0)
            return NULL;
    }
    return "http";
}

static bool is_absolute(const char *target)
{
    return target && scheme_len(target) > 0;
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

/* The path and query are those of CURLOPT_REQUEST_TARGET, which libcurl sends
 * as it stands, for https and with a proxy as well. A whole URL in it beats
 * the URL of the connection (RFC 9112, 3.2.2). */
static const char *with_target(const char *url, const char *target,
                               char **owned)
{
    size_t scheme = scheme_len(url);
    char *made = NULL;
    int end;

    if (is_absolute(target))
        made = strdup(target);
    else if (scheme) {
        scheme += 3;
        end = (int)(scheme + strcspn(url + scheme, "/?#"));
        if (asprintf(&made, "%.*s%s%s", end, url, *target == '/' ? "" : "/",
                     target) < 0)
            made = NULL;
    }
    free(*owned);
    *owned = made;
    return made;
}

/* The URL with the other options that decide the address put in. */
static const char *as_sent(const struct llmobs_handle *handle, const char *url,
                           char **owned)
{
    if (url && handle->app.port > 0)
        url = with_port(url, handle->app.port, owned);
    if (url && handle->app.target)
        url = with_target(url, handle->app.target, owned);
    return url;
}

const char *llmobs_handle_url_at(const struct llmobs_handle *handle,
                                 const char *url, char **owned)
{
    *owned = NULL;
    return as_sent(handle, url, owned);
}

const char *llmobs_handle_url(const struct llmobs_handle *handle, char **owned)
{
    const struct llmobs_real *real = handle->real;
    const char *url = handle->app.url, *scheme;
    char *text = NULL;

    *owned = NULL;
    if (llmobs_handle_curlu(handle)) {
        if (!real->url_get || !real->free ||
            real->url_get(llmobs_handle_curlu(handle), CURLUPART_URL, &text,
                          0) != CURLUE_OK ||
            !text)
            return NULL;
        /* libcurl's own memory goes back through its own free. */
        url = *owned = strdup(text);
        real->free(text);
    } else if (!url || !url[0]) {
        return NULL;
    } else if (!scheme_len(url)) {
        scheme = scheme_of(handle, url);
        if (!scheme || asprintf(owned, "%s://%s", scheme, url) < 0)
            *owned = NULL;
        url = *owned;
    }
    return as_sent(handle, url, owned);
}

/* -- who sees the headers -------------------------------------------------- */

/* SEPARATE is the default since 7.42.1. To ask libcurl for its version takes a
 * microsecond, and twelve the first time. So a copy that has the functions of
 * 7.62 is not asked, and an older copy is asked once. */
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
    long mask = handle->app.headeropt;
    bool unified = mask == LONG_MIN ? unified_by_default(handle->real)
                                    : !(mask & 1); /* CURLHEADER_SEPARATE */

    if (is_absolute(handle->app.target))
        return true;
    if (handle->app.list_signed)
        return true;
    if (!unified || handle->app.proxy == LLMOBS_PROXY_NONE)
        return false;
    return handle->app.proxy == LLMOBS_PROXY_SET || llmobs_proxies_named();
}

/* -- all records ----------------------------------------------------------- */

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
