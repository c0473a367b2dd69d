/* Copies the options of libcurl that matter, as the app sets them. */
#include "core/capture/settings.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/capture/mime.h"
#include "lib/span/account.h"

/* Bodies that do not look like JSON are copied only up to this size: a form
 * post to a proxy is small, and a 200 MB upload must not cost 200 MB more. */
#define COPY_TEXT_MAX (64 * 1024)

/* Each kind says which part of an option's value the library saves. */
enum kind {
    NOTHING, /* replay.h alone saves it */
    NUMBER,
    FLAG,
    EVER,    /* a flag that stays set: libcurl uses each address it got */
    POINTER, /* the app's memory */
    FUNCTION,
    DATA, /* a callback's data; `what`: what libcurl passes if none is set */
    NAME,
    SECRET, /* `what`: the label of its number */
    PROXY,
    ADDRESS,
    TARGET,
    VERB, /* from here on, options of the verb; `what`: the kind of request */
    NO_BODY,
    LIST,
    MIME,
    FIELDS,
    COPY,
    SIZE
};

enum { DATA_NULL, DATA_STDOUT, DATA_STDIN };

static const char labels[][9] = {"userpwd", "username", "password", "bearer"};

/* Words of the rows of LLMOBS_WATCHED. */
#define IN(bit) .in = LLMOBS_IN_##bit
#define OF(value) .what = (value)
#define LEADS .redirects = true
#define TEXT .text = true
#define BODY .body = true
#define MOCKED .mocked = true

/* The place of an option in the table: two options at one place would be a
 * compile error. */
#define PLACE(option) (((unsigned)(option) ^ (unsigned)(option) >> 6) & 255)

static const struct llmobs_setting settings[256] = {
#define X(with, number, member, how, ...)                                  \
    [PLACE(number)] = {.option = (number),                                 \
                       .offset = offsetof(struct llmobs_settings, member), \
                       .kind = (how),                                      \
                       __VA_ARGS__},
    LLMOBS_WATCHED(X, )
#undef X
};

const struct llmobs_setting *llmobs_setting(CURLoption option)
{
    static const struct llmobs_setting none;
    const struct llmobs_setting *setting = &settings[PLACE(option)];

    return setting->option == (unsigned)option ? setting : &none;
}

/* -- all of them ----------------------------------------------------------- */

/* The copy does not count for the budget, as a handle may have it for ever and
 * never call a model. Each call has a copy of its own, which counts. */
static void begin_copy(struct llmobs_settings *app, size_t copy_max)
{
    llmobs_body_init(&app->copied, copy_max);
    app->copied.free = true;
    app->has_copy = app->form_copy = false;
}

static void drop_copy(struct llmobs_settings *app, size_t copy_max)
{
    llmobs_body_fini(&app->copied);
    begin_copy(app, copy_max);
}

/* The memory of the URL stays for the next one. */
void llmobs_settings_reset(struct llmobs_settings *app)
{
    char *url = app->url;
    size_t url_cap = app->url_cap;

    llmobs_body_fini(&app->copied);
    free(app->target);
    memset(app, 0, sizeof(*app));
    begin_copy(app, 0);
    app->url = url;
    app->url_cap = url_cap;
    if (url)
        url[0] = '\0';
    app->postfieldsize = -1;
    app->headeropt = LONG_MIN;
}

void llmobs_settings_fini(struct llmobs_settings *app)
{
    llmobs_settings_reset(app);
    free(app->url);
    app->url = NULL;
    app->url_cap = 0;
}

static bool set_url(struct llmobs_settings *app, const char *url)
{
    size_t need = url ? strlen(url) + 1 : 1;

    if (need > app->url_cap) {
        size_t cap = need < 128 ? 128 : need;
        char *grown = realloc(app->url, cap);

        if (!grown) {
            if (app->url)
                app->url[0] = '\0';
            return false;
        }
        app->url = grown;
        app->url_cap = cap;
    }
    memcpy(app->url, url ? url : "", need);
    /* clears old bytes: a leak checker reads them (hidden.h) */
    memset(app->url + need, 0, app->url_cap - need);
    return true;
}

/* False: memory ran out. Then the request's path is unknown, and no URL at all
 * is better than a wrong one. */
static bool set_target(struct llmobs_settings *app, const char *target)
{
    char *copy = target ? strdup(target) : NULL;

    free(app->target);
    app->target = copy;
    if (target && !copy)
        (void)set_url(app, NULL);
    return copy || !target;
}

/* libcurl makes a form of the twin's own, and sets no error buffer. */
bool llmobs_settings_copy(struct llmobs_settings *to,
                          const struct llmobs_settings *from)
{
    char *url = to->url;
    size_t url_cap = to->url_cap;

    llmobs_body_fini(&to->copied);
    free(to->target);
    *to = *from;
    to->url = url;
    to->url_cap = url_cap;
    to->target = NULL;
    to->mime = to->error_buffer = llmobs_hide(NULL);
    begin_copy(to, 0);
    to->has_copy = from->has_copy;
    to->form_copy = from->form_copy;
    return llmobs_body_clone(&to->copied, &from->copied) == 0 &&
           set_target(to, from->target) && set_url(to, from->url);
}

static void *value_of(const struct llmobs_settings *app,
                      const struct llmobs_setting *setting)
{
    const void *at = (const char *)app + setting->offset;

    if (setting->kind == FUNCTION)
        return ((const struct llmobs_callback *)at)->function;
    if (setting->kind == POINTER)
        return llmobs_shown(*(const struct llmobs_hidden *)at);
    return llmobs_callback_data(at, setting->what == DATA_STDOUT  ? stdout
                                    : setting->what == DATA_STDIN ? stdin
                                                                  : NULL);
}

bool llmobs_settings_restore(const struct llmobs_settings *app, unsigned in,
                             const struct llmobs_real *real, CURL *curl)
{
    static const uint16_t in_order[] = {
        CURLOPT_HTTPHEADER,    CURLOPT_WRITEFUNCTION,
        CURLOPT_WRITEDATA,     CURLOPT_HEADERFUNCTION,
        CURLOPT_HEADERDATA,    LLMOBS_OPT_PREREQFUNCTION,
        LLMOBS_OPT_PREREQDATA, CURLOPT_READFUNCTION,
        CURLOPT_READDATA,      CURLOPT_SEEKFUNCTION,
        CURLOPT_SEEKDATA,      LLMOBS_OPT_IOCTLFUNCTION};
    bool whole = true;

    for (size_t i = 0; i < sizeof(in_order) / sizeof(*in_order); i++) {
        const struct llmobs_setting *setting = &settings[PLACE(in_order[i])];

        if (setting->in & in)
            whole &= real->easy_setopt(curl, (CURLoption)setting->option,
                                       value_of(app, setting)) == CURLE_OK;
    }
    return whole;
}

/* -- the body -------------------------------------------------------------- */

/* Copies as CURLOPT_COPYPOSTFIELDS does: as many bytes as the size in force
 * says, else a string. */
static void copy_postfields(struct llmobs_settings *app, const char *data,
                            size_t copy_max)
{
    size_t len, first = 0;
    bool worth;

    drop_copy(app, copy_max);
    app->postfields = llmobs_hide(NULL);
    if (!data)
        return;
    app->has_copy = true;
    if (app->unseen && !app->knows_size)
        return;
    len = app->postfieldsize < 0 ? strlen(data) : (size_t)app->postfieldsize;
    while (first < len && isspace((unsigned char)data[first]))
        first++;
    worth = len <= COPY_TEXT_MAX ||
            (first < len && (data[first] == '{' || data[first] == '['));
    app->form_copy = !worth && memcmp(data, "--", 2) == 0;
    if (app->form_copy)
        llmobs_body_limit(&app->copied, COPY_TEXT_MAX);
    if ((app->form_copy || worth) &&
        llmobs_buf_add(&app->copied.head, data, 0) == 0)
        (void)llmobs_body_add(&app->copied, data, len);
    else
        llmobs_body_miss(&app->copied, len);
    llmobs_buf_fit(&app->copied.head);
}

/* libcurl has refused a new copy. By then it has freed the former copy (for a
 * string, and before 8.6 for any value) and set the method (for a string, and
 * before 8.11 for any value). */
void llmobs_settings_refuse_copy(struct llmobs_settings *app, unsigned version)
{
    if (version < 0x080600)
        copy_postfields(app, NULL, 0);
    if (version < 0x080b00)
        app->request = LLMOBS_HTTP_POST;
}

/* Derives the kind of request as libcurl's own setopt does. */
static void set_verb(struct llmobs_settings *app, enum llmobs_http_verb request,
                     bool on)
{
    if (on)
        app->no_body = false;
    if (on || request != LLMOBS_HTTP_GET)
        app->request = on ? request : LLMOBS_HTTP_GET;
}

static void set_form(struct llmobs_settings *app, void *list, void *mime)
{
    set_verb(app, LLMOBS_HTTP_FORM, true);
    app->list = llmobs_hide(list);
    app->mime = llmobs_hide(mime);
    app->mime_since = mime ? llmobs_mime_now() : 0;
}

/* -- one of them ----------------------------------------------------------- */

/* The body's. */
static void set_body(struct llmobs_settings *app, enum kind kind, void *arg,
                     size_t copy_max)
{
    curl_off_t size = (curl_off_t)(intptr_t)arg;

    switch (kind) {
    case NO_BODY:
        app->no_body = (long)(intptr_t)arg != 0;
        if (app->no_body)
            app->request = LLMOBS_HTTP_HEAD;
        else if (app->request == LLMOBS_HTTP_HEAD)
            app->request = LLMOBS_HTTP_GET;
        break;
    case LIST:
        set_form(app, arg, NULL);
        break;
    case MIME:
        set_form(app, NULL, arg);
        break;
    case FIELDS:
        drop_copy(app, 0);
        app->postfields = llmobs_hide(arg);
        app->request = LLMOBS_HTTP_POST;
        break;
    case COPY:
        copy_postfields(app, arg, copy_max);
        app->request = LLMOBS_HTTP_POST;
        break;
    case SIZE:
        if (size < -1)
            break;
        /* libcurl drops its own copy when a later size exceeds the earlier
         * one. */
        if (app->has_copy && app->postfieldsize < size)
            drop_copy(app, 0);
        app->postfieldsize = size;
        break;
    default:
        break;
    }
}

/* True where the URL of a proxy is of that place, "127.0.0.1:40123". */
static bool names_place(const char *url, const char *place)
{
    char other[sizeof("localhost:65535")];

    snprintf(other, sizeof(other), "localhost%.6s",
             place + strcspn(place, ":"));
    return strstr(url, place) || strstr(url, other);
}

/* Options whose value needs a function. Not inlined, so that all other options
 * need no stack frame. */
static __attribute__((noinline)) void set_by_function(
    struct llmobs_settings *app, const struct llmobs_setting *setting,
    void *arg, size_t copy_max)
{
    void *at = (char *)app + setting->offset;
    const char *text;
    size_t cap;

    switch ((enum kind)setting->kind) {
    case NAME:
        /* No name that the rules know is that long: it counts as unknown. */
        cap = at == app->custom_request ? sizeof(app->custom_request)
                                        : sizeof(app->default_protocol);
        text = arg ? arg : "";
        strcpy(at, strlen(text) < cap ? text : "?");
        break;
    case SECRET:
        *(uint64_t *)at = llmobs_account_secret(labels[setting->what], arg);
        break;
    case PROXY:
        /* That of a run with --intercept is of the environment, whoever read
         * it there. */
        text = arg ? getenv("LLMOBS_INTERCEPT") : NULL;
        app->proxy = !arg || (text && names_place(arg, text))
                         ? LLMOBS_PROXY_BY_ENVIRONMENT
                     : *(const char *)arg ? LLMOBS_PROXY_SET
                                          : LLMOBS_PROXY_NONE;
        break;
    case ADDRESS:
        (void)set_url(app, arg);
        break;
    case TARGET:
        (void)set_target(app, arg);
        break;
    case VERB:
        set_verb(app, setting->what, arg != NULL);
        break;
    default:
        set_body(app, (enum kind)setting->kind, arg, copy_max);
        break;
    }
}

void llmobs_settings_learn(struct llmobs_settings *app,
                           const struct llmobs_setting *setting, bool on)
{
    if (setting->kind == SIZE)
        app->knows_size = true;
    else if (setting->kind == ADDRESS || setting->option == CURLOPT_CURLU)
        app->knows_url |= on;
    else if (setting->kind >= VERB)
        app->knows_verb |= on || (setting->kind != NO_BODY &&
                                  setting->option != CURLOPT_HTTPGET);
}

void llmobs_settings_set(struct llmobs_settings *app,
                         const struct llmobs_setting *setting, void *arg,
                         size_t copy_max)
{
    void *at = (char *)app + setting->offset;

    switch ((enum kind)setting->kind) {
    case NUMBER:
        *(long *)at = (long)(intptr_t)arg;
        break;
    case FLAG:
        *(bool *)at = arg != NULL;
        break;
    case EVER:
        *(bool *)at |= arg != NULL;
        break;
    case POINTER:
        *(struct llmobs_hidden *)at = llmobs_hide(arg);
        break;
    case FUNCTION:
        ((struct llmobs_callback *)at)->function = arg;
        ((struct llmobs_callback *)at)->function_set = true;
        break;
    case DATA:
        ((struct llmobs_callback *)at)->data = llmobs_hide(arg);
        ((struct llmobs_callback *)at)->data_set = true;
        break;
    default:
        set_by_function(app, setting, arg, copy_max);
        break;
    }
}
