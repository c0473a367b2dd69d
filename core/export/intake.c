/* Sends events to an agent's proxy or to Datadog's intake. */
#include "core/export/intake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/log.h"
#include "core/event/facts.h"
#include "core/export/agent.h"
#include "core/export/post.h"
#include "core/export/listener.h"
#include "llmobs.h"

#define PROXY "/evp_proxy/v2"
#define SCOPE "scope\": \"experiments\""

/* How a kind of event is sent. */
static const struct form {
    const char *events; /* their name in a message */
    const char *path;
    const char *host;         /* at the site; for an agent: the subdomain */
    const char *first, *last; /* before and behind a whole body */
    const char *opens; /* before each event in it, and before its scope */
    const char *before, *after; /* before and behind each event */
} forms[LLMOBS_EVENT_KINDS] = {
    [LLMOBS_EVENT_SPAN] =
        {
            .events = "spans",
            .path = "/api/v2/llmobs",
            .host = "llmobs-intake",
            .first = "[",
            .opens = "{",
            .before = "\"_dd.stage\": \"raw\", \"_dd.tracer_version\": "
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
            .opens = "",
            .before = "",
            .after = "",
            .last = "]}}}",
        },
};

#define RETRY_AFTER_MAX_MS 60000
#define DENIED_PAUSE_MS 60000

/* Where events of one kind go, and the state of that peer. */
struct route {
    struct llmobs_post post; /* first */
    const struct form *form;
    struct llmobs_endpoint endpoint;
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

/* -- requests ------------------------------------------------------------ */

/* The scope in the envelope of a span whose `_dd`, its first member, has that
 * of experiments; else "". */
static const char *scope_of(const struct llmobs_facts_parts *parts)
{
    struct llmobs_text text = parts->rest.len ? parts->rest : parts->lead;
    const char *end = text.len ? memchr(text.data, '}', text.len) : NULL;

    return end &&
                   (llmobs_text_begins(text, "\"_dd\"") ||
                    llmobs_text_begins(text, "{\"_dd\"")) &&
                   memmem(text.data, (size_t)(end - text.data), "\"" SCOPE,
                          strlen("\"" SCOPE))
               ? "\"_dd." SCOPE ", "
               : "";
}

/* The facts of an event are not sent, because they are not part of Datadog's
 * event; they are longer than the scope that is. */
static int write_body(struct llmobs_post *post,
                      const struct llmobs_text *events, size_t count,
                      struct llmobs_buf *body)
{
    const struct form *form = ((const struct route *)post)->form;

    llmobs_buf_adds(body, form->first);
    for (size_t i = 0; i < count && !body->error; i++) {
        struct llmobs_facts_parts parts = llmobs_facts_split(events[i]);

        llmobs_buf_adds(body, i > 0 ? ", " : "");
        llmobs_buf_adds(body, form->opens);
        llmobs_buf_adds(body, scope_of(&parts));
        llmobs_buf_adds(body, form->before);
        llmobs_buf_add(body, parts.lead.data, parts.lead.len);
        llmobs_buf_add(body, parts.rest.data, parts.rest.len);
        llmobs_buf_adds(body, form->after);
    }
    llmobs_buf_adds(body, form->last);
    return body->error;
}

/* -- answers ------------------------------------------------------------- */

static enum llmobs_verdict intake_judge(long status)
{
    if (status >= 200 && status < 300)
        return LLMOBS_VERDICT_ACCEPTED;
    if (status == 408 || status == 425 || status == 429 || status >= 500)
        return LLMOBS_VERDICT_LATER;
    if (status < 400 || (status >= 401 && status <= 407) || status == 410)
        return LLMOBS_VERDICT_DENIED;
    return LLMOBS_VERDICT_REFUSED;
}

#define FORM(exporter, peer)                                                   \
    {                                                                          \
        .name = exporter, LLMOBS_POST_CAUSES(peer),                            \
        .pause_ms = DENIED_PAUSE_MS, .retry_after_max_ms = RETRY_AFTER_MAX_MS, \
        .judge = intake_judge, .write = write_body                             \
    }

static const struct llmobs_post_form agent_form = FORM("agent", "agent");
static const struct llmobs_post_form agentless_form =
    FORM("agentless", "intake");

/* -- sending ------------------------------------------------------------- */

static int intake_send(struct llmobs_exporter *exporter,
                       const struct llmobs_text *events, size_t count)
{
    struct intake *intake = (struct intake *)exporter;
    struct llmobs_post *post = &intake->routes[exporter->kind].post;
    int rc;

    if (exporter->old) /* WIRE 2.4 */
        return -ESTALE;
    rc = llmobs_post_send(post, events, count);
    if (post->first_refused)
        llmobs_exporter_set_outcome(exporter, 0, LLMOBS_OUTCOME_REFUSED);
    return rc;
}

/* Warms only the intake's connection: an agent on this host is near enough. */
static void intake_warm(struct llmobs_exporter *exporter)
{
    struct intake *intake = (struct intake *)exporter;
    struct llmobs_post *post = &intake->routes[LLMOBS_EVENT_SPAN].post;

    if (!post->request.guard)
        llmobs_post_warm(post);
}

/* -- life ---------------------------------------------------------------- */

static void intake_forget(struct llmobs_exporter *exporter)
{
    struct intake *intake = (struct intake *)exporter;

    if (intake->own_http)
        llmobs_http_forget(intake->http);
    llmobs_buf_init(&intake->body, LLMOBS_POST_BODY_MAX);
    for (size_t i = 0; i < LLMOBS_EVENT_KINDS; i++)
        llmobs_post_forget(&intake->routes[i].post);
}

static void intake_free(struct llmobs_exporter *exporter)
{
    struct intake *intake = (struct intake *)exporter;

    if (intake->own_http)
        llmobs_http_free(intake->http);
    for (size_t i = 0; i < LLMOBS_EVENT_KINDS; i++) {
        llmobs_endpoint_fini(&intake->routes[i].endpoint);
        llmobs_post_fini(&intake->routes[i].post);
    }
    llmobs_buf_fini(&intake->body);
    free(intake);
}

#define OPS(exporter)                                                   \
    {                                                                   \
        .name = exporter, .send = intake_send, .forget = intake_forget, \
        .free = intake_free, .warm = intake_warm                        \
    }

static const struct llmobs_exporter_ops agent_ops = OPS("agent");
static const struct llmobs_exporter_ops agentless_ops = OPS("agentless");

/* A base path in the override replaces the prefix of the agent. */
static int set_endpoint(const struct intake *intake, struct route *route,
                        const char *origin, bool bare)
{
    char path[128];

    snprintf(path, sizeof(path), "%s%s", intake->agentless || bare ? "" : PROXY,
             route->form->path);
    return llmobs_endpoint_init(&route->endpoint, origin, path);
}

static int choose_endpoint(const struct intake *intake, struct route *route)
{
    const struct llmobs_config *config = intake->config;
    const char *origin = config->override_origin;
    struct llmobs_peer *peer = &route->post.peer;
    int rc;

    if (origin) {
        rc = set_endpoint(intake, route, origin,
                          llmobs_endpoint_has_base(origin));
        if (rc != -EINVAL) {
            peer->url = strdup(origin);
            return rc;
        }
        llmobs_log_once(LLMOBS_LOG_WARN, "override",
                        "DD_LLMOBS_OVERRIDE_ORIGIN is no URL: ignored");
    }
    if (!intake->agentless) {
        route->post.request.guard = llmobs_listener_guard(config);
        peer->url = strdup(config->agent_url);
    } else if (asprintf(&peer->url, "https://%s.%s", route->form->host,
                        config->site) < 0) {
        peer->url = NULL;
    }
    return peer->url ? set_endpoint(intake, route, peer->url, false) : -ENOMEM;
}

static int init_route(struct intake *intake, enum llmobs_event_kind kind)
{
    struct route *route = &intake->routes[kind];
    const struct form *form = &forms[kind];
    struct llmobs_post *post = &route->post;
    int rc;
    static const char *const reserved[] = {"DD-API-KEY", "DD-APPLICATION-KEY",
                                           "X-Datadog-EVP-Subdomain", NULL};
    const struct llmobs_config *config = intake->config;

    route->form = form;
    llmobs_post_init(post, &intake->base, intake->config);
    post->form = intake->agentless ? &agentless_form : &agent_form;
    post->http = intake->http;
    post->events = form->events;
    post->body = &intake->body;
    post->room = (size_t)intake->config->payload_max;
    post->frame = strlen(form->first) + strlen(form->last);
    post->around =
        strlen(form->opens) + strlen(form->before) + strlen(form->after) + 2;
    post->silent_ms =
        intake->agentless ? LLMOBS_SILENT_FAR_MS : LLMOBS_SILENT_NEAR_MS;
    post->request.local = !intake->agentless;
    post->request.timeout_ms = intake->config->writer_timeout_ms;
    rc = choose_endpoint(intake, route);
    if (rc == 0 && !post->peer.url)
        rc = -ENOMEM;
    post->request.url = route->endpoint.url;
    post->request.unix_socket = route->endpoint.unix_socket;
    if (rc)
        return rc;
    /* The key for one mode must never reach the peer of the other mode. */
    llmobs_post_add_header(post, "Content-Type: ", "application/json");
    if (intake->agentless)
        llmobs_post_add_header(post, "DD-API-KEY: ", config->api_key);
    else
        llmobs_post_add_header(post,
                               "X-Datadog-EVP-Subdomain: ", route->form->host);
    if (config->external_env)
        llmobs_post_add_header(post,
                               "Datadog-External-Env: ", config->external_env);
    return llmobs_post_add_headers(post, config->extra_headers, reserved);
}

struct llmobs_exporter *llmobs_intake_new(const struct llmobs_config *config,
                                          bool agentless,
                                          struct llmobs_http *http)
{
    struct intake *intake;
    bool far;
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
    llmobs_buf_init(&intake->body, LLMOBS_POST_BODY_MAX);
    for (int kind = 0; kind < LLMOBS_EVENT_KINDS && !rc; kind++)
        rc = init_route(intake, (enum llmobs_event_kind)kind);
    if (!intake->http || rc) {
        intake_free(&intake->base);
        return NULL;
    }
    /* A TLS handshake takes longer than an exit waits for an agent. */
    far =
        agentless || strncasecmp(intake->routes[LLMOBS_EVENT_SPAN].endpoint.url,
                                 "https", 5) == 0;
    intake->base.ops = agentless ? &agentless_ops : &agent_ops;
    intake->base.wants_warm = far;
    atomic_store(&intake->base.remote, true);
    atomic_store(&intake->base.exit_ms,
                 far ? LLMOBS_EXIT_INTAKE_MS : LLMOBS_EXIT_AGENT_MS);
    return &intake->base;
}

int llmobs_intake_ask(const struct llmobs_config *config, bool agentless,
                      struct llmobs_http *http, struct llmobs_answer *answer)
{
    struct llmobs_exporter *exporter =
        llmobs_intake_new(config, agentless, http);
    struct llmobs_http_request request;
    struct llmobs_http_reply reply;
    struct llmobs_post *post;

    if (!exporter)
        return -ENOMEM;
    post = &((struct intake *)exporter)->routes[LLMOBS_EVENT_SPAN].post;
    request = post->request;
    (void)write_body(post, NULL, 0, post->body);
    request.body = llmobs_buf_text(post->body);
    answer->error = llmobs_http_send(http, &request, &reply);
    strcpy(answer->exporter, exporter->ops->name);
    answer->status = (int)reply.status;
    answer->code = reply.code;
    answer->accepted =
        reply.status / 100 == 2 && !llmobs_http_reply_is_page(&reply);
    llmobs_http_reply_fini(&reply);
    intake_free(exporter);
    return 0;
}
