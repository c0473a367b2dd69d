#include "core/export/intake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/export/agent.h"
#include "core/export/peer.h"
#include "core/net/http.h"
#include "core/net/listener.h"
#include "llmobs.h"

#define PROXY "/evp_proxy/v2"

/* How a kind of event is sent. */
static const struct form {
    const char *events; /* the word for them in a message */
    const char *path;
    const char *host;           /* at the site; for an agent: the subdomain */
    const char *first, *last;   /* around a whole body */
    const char *before, *after; /* around each event in it */
} forms[LLMOBS_EVENT_KINDS] = {
    [LLMOBS_EVENT_SPAN] =
        {
            .events = "spans",
            .path = "/api/v2/llmobs",
            .host = "llmobs-intake",
            .first = "[",
            .before = "{\"_dd.stage\": \"raw\", \"_dd.tracer_version\": "
                      "\"" LLMOBS_VERSION
                      "\", \"event_type\": \"span\", \"spans\": [",
            .after = "]}",
            .last = "]",
        },
    [LLMOBS_EVENT_EVALUATION] =
        {
            .events = "evaluations",
            .path = "/api/intake/llm-obs/v2/eval-metric",
            .host = "api",
            .first = "{\"data\": {\"type\": \"evaluation_metric\", "
                     "\"attributes\": {\"metrics\": [",
            .before = "",
            .after = "",
            .last = "]}}}",
        },
};

#define BODY_MAX ((size_t)1 << 31)
#define BODY_KEPT ((size_t)1024 * 1024)
#define HEADERS_MAX 64
#define RETRY_AFTER_MAX_MS 60000
/* The key or the destination is wrong, until a person corrects it. */
#define DENIED_PAUSE_MS 60000
/* A request that was cut before its time-out proves the peer silent only if it
 * lasted this long. */
#define SILENT_LOCAL_MS 50
#define SILENT_REMOTE_MS 1000

/* Where events of one kind go, and the state of that peer. */
struct route {
    const struct form *form;
    struct llmobs_endpoint endpoint;
    struct llmobs_peer peer;
    const char *guard; /* of the endpoint, as in a request */
    char *headers[HEADERS_MAX + 1];
    size_t header_count;
    size_t most; /* events in the next request; fewer after a refusal */
};

struct intake {
    struct llmobs_exporter base; /* first */
    const struct llmobs_config *config;
    struct llmobs_http *http;
    bool own_http;
    bool agentless;
    struct route routes[LLMOBS_EVENT_KINDS];
    struct llmobs_buf body;
};

/* -- headers ------------------------------------------------------------- */

static bool names(const char *header, const char *name)
{
    size_t len = strlen(name);

    return strncasecmp(header, name, len) == 0 &&
           header[len + strspn(header + len, " \t")] == ':';
}

/* Headers that the configuration may not add: the key for one of the two modes
 * must never reach the other, and the exporter itself sets the rest. */
static bool is_reserved(const char *header)
{
    static const char *const reserved[] = {
        "DD-API-KEY",   "DD-APPLICATION-KEY", "X-Datadog-EVP-Subdomain",
        "Content-Type", "Content-Length",     "Content-Encoding"};

    for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++) {
        if (names(header, reserved[i]))
            return true;
    }
    return false;
}

/* A line end would begin another header. */
static bool is_clean(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 && *text != '\t')
            return false;
    }
    return true;
}

static int add_header(struct route *route, const char *name, const char *value)
{
    char *header;

    if (!is_clean(name) || !is_clean(value)) {
        llmobs_log_once(LLMOBS_LOG_WARN, "header",
                        "a header with a control character is left out");
        return 0;
    }
    if (route->header_count == HEADERS_MAX)
        return 0;
    if (asprintf(&header, "%s%s", name, value) < 0)
        return -ENOMEM;
    route->headers[route->header_count++] = header;
    return 0;
}

static int add_headers(const struct intake *intake, struct route *route)
{
    const struct llmobs_config *config = intake->config;
    int rc = add_header(route, "Content-Type: ", "application/json");

    if (!rc && intake->agentless)
        rc = add_header(route, "DD-API-KEY: ", config->api_key);
    else if (!rc)
        rc = add_header(route, "X-Datadog-EVP-Subdomain: ", route->form->host);
    if (!rc && config->external_env)
        rc = add_header(route, "Datadog-External-Env: ", config->external_env);
    for (size_t i = 0; !rc && config->extra_headers && config->extra_headers[i];
         i++) {
        if (!is_reserved(config->extra_headers[i]))
            rc = add_header(route, config->extra_headers[i], "");
    }
    return rc;
}

/* -- the body ------------------------------------------------------------ */

/* How many of the events go into one request. */
static size_t fit(const struct intake *intake, const struct route *route,
                  const struct llmobs_text *events, size_t count)
{
    const struct form *form = route->form;
    size_t around = strlen(form->before) + strlen(form->after) + 2;
    size_t bytes = strlen(form->first) + strlen(form->last), n = 0;
    size_t room = (size_t)intake->config->payload_max;

    while (n < count && n < route->most) {
        bytes += events[n].len + around;
        if (n > 0 && bytes > room)
            break;
        n++;
    }
    return n;
}

static int write_body(struct llmobs_buf *body, const struct form *form,
                      const struct llmobs_text *events, size_t count)
{
    int rc = llmobs_buf_adds(body, form->first);

    for (size_t i = 0; !rc && i < count; i++) {
        if (i > 0)
            rc = llmobs_buf_adds(body, ", ");
        if (!rc)
            rc = llmobs_buf_adds(body, form->before);
        if (!rc)
            rc = llmobs_buf_add(body, events[i].data, events[i].len);
        if (!rc)
            rc = llmobs_buf_adds(body, form->after);
    }
    return rc ? rc : llmobs_buf_adds(body, form->last);
}

/* -- the meaning of an answer -------------------------------------------- */

enum verdict {
    VERDICT_ACCEPTED,
    VERDICT_LATER,   /* the peer cannot take the events now */
    VERDICT_REFUSED, /* an event is wrong, or they are too many */
    VERDICT_DENIED   /* the key, the site or the URL is wrong, no event */
};

static enum verdict judge(long status)
{
    if (status >= 200 && status < 300)
        return VERDICT_ACCEPTED;
    if (status == 408 || status == 425 || status == 429 || status >= 500)
        return VERDICT_LATER;
    if (status < 400 || (status >= 401 && status <= 407) || status == 410)
        return VERDICT_DENIED;
    return VERDICT_REFUSED;
}

static const char *mode_of(const struct intake *intake)
{
    return intake->base.ops->name;
}

static void say_denied(const struct intake *intake, const struct route *route,
                       long status)
{
    const char *hint = "";

    if (intake->agentless && status == 403)
        hint = ": DD_API_KEY and DD_SITE do not belong together";
    else if (!intake->agentless && status == 404)
        hint = ": it has no EVP proxy";
    llmobs_log_once(LLMOBS_LOG_ERROR,
                    intake->agentless ? "denied intake" : "denied agent",
                    "exporter %s: status %ld%s; %s are kept and tried again",
                    mode_of(intake), status, hint, route->form->events);
}

static int put_off(struct intake *intake, const struct route *route,
                   const struct llmobs_http_reply *reply)
{
    int64_t ms = reply->retry_after_ms;

    intake->base.retry_ms = ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS
                            : ms > 0                ? ms
                                                    : 0;
    llmobs_log_once(LLMOBS_LOG_WARN,
                    intake->agentless ? "later intake" : "later agent",
                    "exporter %s: status %ld; %s are tried again",
                    mode_of(intake), reply->status, route->form->events);
    return -EAGAIN;
}

static int no_answer(struct intake *intake, struct route *route, int rc,
                     int64_t began_ns)
{
    llmobs_peer_failed(&route->peer, rc, began_ns,
                       intake->agentless ? SILENT_REMOTE_MS : SILENT_LOCAL_MS);
    if (rc != -ECANCELED && rc != -ENOTCONN)
        llmobs_log_once(LLMOBS_LOG_WARN,
                        intake->agentless ? "no intake" : "no agent",
                        "exporter %s: no answer (%s); %s are tried again",
                        mode_of(intake), strerror(-rc), route->form->events);
    return rc;
}

/* -- sending ------------------------------------------------------------- */

/* Sends one request. An answer counts as soon as its status is there, even if
 * the rest of it fails: events that were accepted must not be sent twice. */
static int post(struct intake *intake, struct route *route,
                const struct llmobs_text *events, size_t count,
                struct llmobs_http_reply *reply)
{
    struct llmobs_http_request request = {
        .method = "POST",
        .url = route->endpoint.url,
        .unix_socket = route->endpoint.unix_socket,
        .headers = (const char *const *)route->headers,
        .local = !intake->agentless,
        .guard = route->guard,
        .timeout_ms = intake->config->writer_timeout_ms,
        .tick = intake->base.tick,
    };
    int64_t start = llmobs_clock_mono_ns();
    int rc = write_body(&intake->body, route->form, events, count);

    memset(reply, 0, sizeof(*reply));
    if (!rc) {
        request.body =
            (struct llmobs_text){intake->body.data, intake->body.len};
        rc = llmobs_http_send(intake->http, &request, reply);
        if (rc && reply->status > 0)
            rc = 0;
        if (rc)
            rc = no_answer(intake, route, rc, start);
        llmobs_http_reply_fini(reply);
    }
    if (intake->body.cap > BODY_KEPT)
        llmobs_buf_fini(&intake->body);
    else
        llmobs_buf_cut(&intake->body, 0);
    return rc;
}

/* Halves a refused batch until one event is left: that is the wrong one. */
static int settle(const struct intake *intake, struct route *route,
                  size_t count, long status)
{
    if (count > 1) {
        route->most = count / 2;
        return 0;
    }
    llmobs_log_once(
        LLMOBS_LOG_ERROR,
        intake->agentless ? "refused intake" : "refused agent",
        "exporter %s: status %ld for a single event, which is dropped",
        mode_of(intake), status);
    return -EBADMSG;
}

static int intake_send(struct llmobs_exporter *exporter,
                       const struct llmobs_text *events, size_t count)
{
    struct intake *intake = (struct intake *)exporter;
    struct route *route = &intake->routes[exporter->kind];
    struct llmobs_http_reply reply;
    int rc = llmobs_peer_begin(&route->peer);

    while (rc == 0) {
        size_t n = fit(intake, route, events, count);

        rc = post(intake, route, events, n, &reply);
        if (rc)
            break;
        llmobs_peer_answered(&route->peer);
        switch (judge(reply.status)) {
        case VERDICT_ACCEPTED:
            route->most = n * 2 > LLMOBS_SEND_MAX ? LLMOBS_SEND_MAX : n * 2;
            return (int)n;
        case VERDICT_LATER:
            return put_off(intake, route, &reply);
        case VERDICT_DENIED:
            say_denied(intake, route, reply.status);
            exporter->retry_ms = DENIED_PAUSE_MS;
            return -EACCES;
        case VERDICT_REFUSED:
            rc = settle(intake, route, n, reply.status);
            break;
        }
    }
    return rc;
}

/* Opens the connection ahead, unless the peer is near or was silent before. */
static void intake_warm(struct llmobs_exporter *exporter)
{
    struct intake *intake = (struct intake *)exporter;
    struct route *route = &intake->routes[LLMOBS_EVENT_SPAN];
    int64_t began = llmobs_clock_mono_ns();
    int rc;

    if (route->guard)
        return; /* an agent on this host */
    if (llmobs_peer_is_silent(&route->peer))
        return;
    rc =
        llmobs_http_warm(intake->http, route->endpoint.url, !intake->agentless,
                         intake->config->writer_timeout_ms, &intake->base.tick);
    if (rc)
        (void)no_answer(intake, route, rc, began);
}

/* -- life ---------------------------------------------------------------- */

static void intake_forget(struct llmobs_exporter *exporter)
{
    struct intake *intake = (struct intake *)exporter;

    if (intake->own_http)
        llmobs_http_forget(intake->http);
    llmobs_buf_init(&intake->body, BODY_MAX);
    for (size_t i = 0; i < LLMOBS_EVENT_KINDS; i++) {
        llmobs_peer_forget(&intake->routes[i].peer);
        intake->routes[i].most = LLMOBS_SEND_MAX;
    }
}

static void route_fini(struct route *route)
{
    llmobs_endpoint_fini(&route->endpoint);
    free(route->peer.url);
    for (size_t i = 0; i < route->header_count; i++)
        free(route->headers[i]);
}

static void intake_free(struct llmobs_exporter *exporter)
{
    struct intake *intake = (struct intake *)exporter;

    if (intake->own_http && intake->http)
        llmobs_http_free(intake->http);
    for (size_t i = 0; i < LLMOBS_EVENT_KINDS; i++)
        route_fini(&intake->routes[i]);
    llmobs_buf_fini(&intake->body);
    free(intake);
}

static const struct llmobs_exporter_ops agent_ops = {
    .name = "agent",
    .send = intake_send,
    .forget = intake_forget,
    .free = intake_free,
    .warm = intake_warm,
};

static const struct llmobs_exporter_ops agentless_ops = {
    .name = "agentless",
    .send = intake_send,
    .forget = intake_forget,
    .free = intake_free,
    .warm = intake_warm,
};

/* A base path in the override replaces the prefix of the agent. */
static int set_endpoint(const struct intake *intake, struct route *route,
                        const char *origin, bool bare)
{
    char path[128];

    snprintf(path, sizeof(path), "%s%s", intake->agentless || bare ? "" : PROXY,
             route->form->path);
    return llmobs_endpoint_init(&route->endpoint, origin, path);
}

static int settle_endpoint(const struct intake *intake, struct route *route)
{
    const struct llmobs_config *config = intake->config;
    const char *origin = config->override_origin;
    int rc;

    if (origin) {
        rc = set_endpoint(intake, route, origin,
                          llmobs_endpoint_has_base(origin));
        if (rc != -EINVAL) {
            route->peer.url = strdup(origin);
            return rc;
        }
        llmobs_log_once(LLMOBS_LOG_WARN, "override",
                        "DD_LLMOBS_OVERRIDE_ORIGIN is no URL: ignored");
    }
    if (!intake->agentless) {
        route->guard = llmobs_listener_guard(config);
        route->peer.url = strdup(config->agent_url);
    } else if (asprintf(&route->peer.url, "https://%s.%s", route->form->host,
                        config->site) < 0) {
        route->peer.url = NULL;
    }
    return route->peer.url ? set_endpoint(intake, route, route->peer.url, false)
                           : -ENOMEM;
}

static int settle_route(struct intake *intake, enum llmobs_event_kind kind)
{
    struct route *route = &intake->routes[kind];
    int rc;

    route->form = &forms[kind];
    route->most = LLMOBS_SEND_MAX;
    route->peer.exporter = &intake->base;
    route->peer.config = intake->config;
    rc = settle_endpoint(intake, route);
    if (!rc && !route->peer.url)
        rc = -ENOMEM;
    return rc ? rc : add_headers(intake, route);
}

/* A TLS handshake takes longer than an exit waits for an agent. */
static void settle_base(struct intake *intake)
{
    const char *url = intake->routes[LLMOBS_EVENT_SPAN].endpoint.url;
    bool tls = strncasecmp(url, "https", 5) == 0;
    bool far = intake->agentless || tls;

    intake->base.ops = intake->agentless ? &agentless_ops : &agent_ops;
    intake->base.wants_warm = far;
    atomic_store(&intake->base.remote, true);
    atomic_store(&intake->base.exit_ms,
                 far ? LLMOBS_EXIT_INTAKE_MS : LLMOBS_EXIT_AGENT_MS);
}

struct llmobs_exporter *llmobs_intake_new(const struct llmobs_config *config,
                                          bool agentless,
                                          struct llmobs_http *http)
{
    struct intake *intake;
    int rc = 0;

    if (agentless && (!config->api_key || !config->site))
        return NULL;
    intake = calloc(1, sizeof(*intake));
    if (!intake)
        return NULL;
    intake->config = config;
    intake->agentless = agentless;
    intake->own_http = !http;
    intake->http = http ? http : llmobs_http_new(config);
    llmobs_buf_init(&intake->body, BODY_MAX);
    for (int kind = 0; kind < LLMOBS_EVENT_KINDS && !rc; kind++)
        rc = settle_route(intake, (enum llmobs_event_kind)kind);
    if (!intake->http || rc) {
        intake_free(&intake->base);
        return NULL;
    }
    settle_base(intake);
    return &intake->base;
}
