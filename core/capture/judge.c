/* Asks the rules about a transfer, and logs the answer. */
#include "core/capture/judge.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/log.h"
#include "lib/span/allowlist.h"
#include "core/sdk/own_span.h"
#include "core/sdk/thread_state.h"

/* Set once before any handle exists, constant afterwards. */
static const struct llmobs_config *config;
static const struct llmobs_rules *rules;
static bool bodyless; /* one of the user's rules wants requests without body */
static atomic_bool integrated = true; /* calls of models make spans */
static atomic_bool traced; /* a tracer in the program reports its calls */
static bool passes;        /* requests without a span may carry a context on */
static bool names;         /* LLMOBS_INJECT names a host */
bool llmobs_judge_adds;
/* Some APIs give the answer to a call by a later request. True once the program
 * has called such an API: from then on a request without a body may be that
 * later request, and is judged, too. */
static atomic_bool resumes;

static bool injects(void)
{
    return config->inject != LLMOBS_INJECT_NONE &&
           config->inject_styles.count > 0;
}

/* True where a proxy is configured, or the program says that it calls one. */
bool llmobs_judge_may_pass(const struct llmobs_handle *handle)
{
    return passes ||
           (injects() && handle->origin.proxying == LLMOBS_PROXYING_YES);
}

static bool observes(void)
{
    return llmobs_own_span_is_on() && atomic_load(&integrated);
}

void llmobs_judge_integrate(bool wanted)
{
    atomic_store(&integrated, wanted);
}

void llmobs_judge_init(const struct llmobs_config *the_config,
                       const struct llmobs_rules *the_rules)
{
    config = the_config;
    rules = the_rules;
    bodyless = llmobs_rules_has_bodyless(rules);
    passes = injects() && llmobs_rules_has_proxies(rules, NULL);
    names = injects() && config->inject_hosts && *config->inject_hosts;
    llmobs_judge_adds = passes || names;
}

/* -- the rules ------------------------------------------------------------- */

/* The method is cut, because the app may have set any text. */
void llmobs_judge_log(const char *method, const char *url,
                      const struct llmobs_match *match, bool is_call)
{
    struct llmobs_buf words;

    if (!llmobs_log_on(LLMOBS_LOG_DEBUG))
        return;
    llmobs_buf_init(&words, LLMOBS_LOG_LINE_MAX);
    (void)llmobs_allowlist_words(url, &words); /* a long URL is cut */
    llmobs_log(LLMOBS_LOG_DEBUG, "%.16s %s: %s (%s)", method,
               words.data ? words.data : "", is_call ? "captured" : "not ours",
               match->why ? match->why : "");
    llmobs_buf_fini(&words);
}

void llmobs_judge_log_bodyless(const struct llmobs_handle *handle)
{
    const struct llmobs_match none = {
        .why = handle->app.connect_only ? "connect only" : "no body"};
    char *owned = NULL;
    const char *url;

    if (!llmobs_log_on(LLMOBS_LOG_DEBUG) ||
        (llmobs_handle_curlu(handle) && llmobs_handle_early(handle)))
        return;
    url = llmobs_handle_url(handle, &owned);
    if (url)
        llmobs_judge_log(llmobs_handle_method(handle), url, &none, false);
    free(owned);
}

void llmobs_judge_log_unsent(const struct llmobs_handle *handle)
{
    const struct llmobs_match none = {
        .why = "no known method and path, and no request was made"};

    llmobs_judge_log(llmobs_handle_method(handle), handle->origin.url, &none,
                     false);
}

static struct llmobs_request request_of(const struct llmobs_handle *handle,
                                        const char *url)
{
    return (struct llmobs_request){
        .method = llmobs_handle_method(handle),
        .url = url,
        .multipart = llmobs_handle_verb(handle) == LLMOBS_HTTP_FORM,
        .proxying = handle->origin.proxying,
    };
}

static bool sends_some(const struct llmobs_handle *handle)
{
    enum llmobs_http_verb verb = llmobs_handle_verb(handle);

    return !handle->app.no_body &&
           (verb == LLMOBS_HTTP_PUT || verb == LLMOBS_HTTP_POST);
}

/* True where the match that was made by method and URL holds for the header
 * list and the body as well: most requests are judged once. */
static bool still_holds(const struct llmobs_handle *handle,
                        const struct llmobs_match *match)
{
    struct llmobs_request request = request_of(handle, handle->origin.url);

    if (match->proxied || handle->outgoing.request_changed ||
        strcmp(request.method, handle->exchange->method) != 0)
        return false;
    if (!match->settled) {
        request.content_encoding =
            llmobs_handle_header(handle, "content-encoding:");
        request.body = llmobs_handle_body(handle);
    }
    return llmobs_rules_holds(match, &request);
}

/* A body that is sent later is judged by its bytes, whatever its type. */
static bool match_lines(struct llmobs_request *request,
                        const struct curl_slist *lines, bool later,
                        struct llmobs_match *match)
{
    const char *type = llmobs_lines_value(lines, "content-type:");
    const char *place = atomic_load(&resumes)
                            ? llmobs_lines_value(lines, "last-event-id:")
                            : NULL;

    request->says_form = llmobs_form_type(type);
    request->content_type =
        later && !request->says_form ? "application/json" : type;
    request->content_encoding = llmobs_lines_value(lines, "content-encoding:");
    request->resumes = place && *place;
    if (llmobs_rules_match(rules, request, match))
        return true;
    if (!match->asks)
        return false;
    for (const struct curl_slist *h = lines; h; h = h->next)
        if (h->data && llmobs_rules_is_sign(rules, h->data) &&
            llmobs_rules_match_sign(rules, request, h->data, match))
            return true;
    return false;
}

static void expect_resumption(const struct llmobs_match *match)
{
    if (match->goes_on)
        atomic_store(&resumes, true);
}

bool llmobs_judge_request(const struct llmobs_handle *handle, const char *url,
                          struct llmobs_match *match)
{
    struct llmobs_request request = request_of(handle, url);

    if (handle->exchange && still_holds(handle, &handle->exchange->match)) {
        *match = handle->exchange->match;
    } else {
        request.body = llmobs_handle_body(handle);
        request.body_pending = !request.body.data && sends_some(handle);
        if (!match_lines(&request, llmobs_handle_headers(handle),
                         handle->outgoing.body_later, match))
            return false;
    }
    expect_resumption(match);
    return true;
}

bool llmobs_judge_wire_listed(const struct llmobs_wire_request *asked,
                              struct llmobs_match *match)
{
    bool no = llmobs_thread_state_proxied() == LLMOBS_PROXYING_NO;
    struct llmobs_request request = {.method = asked->method,
                                     .url = asked->url,
                                     .body_pending = true,
                                     .proxying = no ? LLMOBS_PROXYING_NO
                                                    : LLMOBS_PROXYING_BY_URL};

    if (!llmobs_judge_adds)
        return false;
    return (llmobs_rules_has_proxies(rules, asked->url) &&
            llmobs_rules_match(rules, &request, match) && match->proxied) ||
           (names && match_lines(&request, asked->lines, false, match) &&
            match->inject);
}

bool llmobs_judge_ids_alone(const char *url, const struct llmobs_match *match)
{
    return !match->proxied && !match->near && llmobs_rules_is_provider(url);
}

bool llmobs_judge_wire_request(const struct llmobs_wire_request *asked,
                               bool listed, struct llmobs_match *match)
{
    struct llmobs_request request = {.method = asked->method,
                                     .url = asked->url,
                                     .content_encoding = llmobs_lines_value(
                                         asked->lines, "content-encoding:"),
                                     .body = asked->body,
                                     .body_pending = listed,
                                     .proxying = llmobs_thread_state_proxied()};
    bool is_call = (listed && request.proxying != LLMOBS_PROXYING_NO &&
                    llmobs_rules_holds(match, &request)) ||
                   match_lines(&request, asked->lines, false, match);

    if (is_call)
        expect_resumption(match);
    llmobs_judge_log(asked->method, asked->url, match, is_call);
    return is_call;
}

const struct llmobs_websocket_words *llmobs_judge_wire_upgrade(
    const struct llmobs_wire_request *asked)
{
    struct llmobs_request request = {.method = "POST",
                                     .url = asked->url,
                                     .body_pending = true,
                                     .proxying = llmobs_thread_state_proxied()};
    struct llmobs_match match;

    return llmobs_judge_may_be_call(asked->url, true) &&
                   match_lines(&request, asked->lines, true, &match)
               ? llmobs_rules_websocket(&match)
               : NULL;
}

bool llmobs_judge_may_be_call(const char *url, bool sends)
{
    static const char path[] = "/api/v2/llmobs";
    bool plain = strncasecmp(url, "http:", 5) == 0;
    /* A tracer that the program has loaded itself sends its spans by the agent
     * (/evp_proxy/v2/api/v2/llmobs), or to the intake. It has spans of all
     * calls. The user may want ours, too. */
    const char *at = sends ? strstr(url, path) : NULL;

    if (at && (at[sizeof(path) - 1] == '\0' || at[sizeof(path) - 1] == '?') &&
        !atomic_exchange(&traced, true))
        llmobs_log(LLMOBS_LOG_WARN,
                   "a tracer in the program reports its calls: from now on "
                   "those over TLS libraries are left to it, unless "
                   "LLMOBS_TLS=on, and by plain HTTP, unless "
                   "LLMOBS_SOCKETS=on");
    return observes() &&
           ((plain ? config->sockets : config->tls) == LLMOBS_TLS_ON ||
            !atomic_load(&traced)) &&
           (sends || bodyless || atomic_load(&resumes) ||
            llmobs_rules_fetches(url));
}

bool llmobs_judge_knows(const char *host)
{
    return observes() && llmobs_rules_knows(rules, host);
}

bool llmobs_judge_has_sign(const struct llmobs_handle *handle)
{
    for (const struct curl_slist *h = llmobs_handle_headers(handle); h;
         h = h->next)
        if (h->data && llmobs_rules_is_sign(rules, h->data))
            return true;
    return false;
}

bool llmobs_judge_wants_headers(const struct llmobs_handle *handle,
                                const struct llmobs_match *match)
{
    bool wanted = match->inject || config->inject == LLMOBS_INJECT_ALL;

    if (!injects() || (!wanted && !match->near) || handle->app.unseen ||
        handle->origin.headers_exposed || llmobs_handle_exposes_headers(handle))
        return false;
    if (!wanted && handle->app.hosts_named)
        llmobs_log_once(LLMOBS_LOG_INFO, "hosts elsewhere",
                        "the program gives addresses of hosts itself "
                        "(CURLOPT_RESOLVE, CURLOPT_CONNECT_TO): a private name "
                        "may lead anywhere, so its requests get no trace "
                        "headers unless DD_LLMOBS_INSTRUMENTED_PROXY_URLS or "
                        "LLMOBS_INJECT names it");
    return wanted || !handle->app.hosts_named;
}

bool llmobs_judge_may_begin(const struct llmobs_handle *handle)
{
    const char *path =
        handle->app.target ? handle->app.target : handle->app.url;

    if (!observes() || handle->app.connect_only)
        return false;
    if (llmobs_handle_sends_body(handle) || llmobs_judge_may_pass(handle) ||
        bodyless)
        return true;
    /* Only libcurl may ask a URL handle, and a request without a body is hardly
     * ever a call. */
    if (path && !llmobs_handle_curlu(handle) && llmobs_rules_fetches(path))
        return true;
    return llmobs_handle_headers(handle) && atomic_load(&resumes);
}

enum llmobs_verdict llmobs_judge_url(const struct llmobs_handle *handle,
                                     const char *url,
                                     struct llmobs_match *match)
{
    struct llmobs_request request = request_of(handle, url);

    /* The header list and the body are not read yet: assumes that they show a
     * call.
     */
    request.content_type = "application/json";
    request.body_pending = sends_some(handle);
    request.resumes = atomic_load(&resumes);
    if (llmobs_rules_match(rules, &request, match))
        return match->bodyless || llmobs_handle_sends_body(handle)
                   ? LLMOBS_PERHAPS_CALL
                   : LLMOBS_NO_CALL;
    if (match->asks && llmobs_handle_headers(handle))
        return LLMOBS_HEADERS_DECIDE;
    return llmobs_judge_may_pass(handle) && match->inject &&
                   llmobs_judge_wants_headers(handle, match)
               ? LLMOBS_PASSES_ON
               : LLMOBS_NO_CALL;
}
