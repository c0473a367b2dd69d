#include "core/export/otlp_route.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/log.h"
#include "lib/base/network.h"
#include "core/export/target.h"
#include "core/export/answer.h"
#include "lib/text/gzip.h"
#include "llmobs.h"

#define USER_AGENT \
    "llmobs/" LLMOBS_VERSION " OTel-OTLP-Exporter-C/" LLMOBS_VERSION
#define KEPT ((size_t)1024 * 1024)
/* A request without its own time limit ends after a day. */
#define NO_LIMIT_MS (INT64_C(86400) * 1000)

static const struct llmobs_backoff backoff = {.first_ms = 1000,
                                              .most_ms = 30000,
                                              .growth = 150,
                                              .jitter = 100,
                                              .firm = true};

/* -- life ---------------------------------------------------------------- */

/* True for a receiver on this host or network: a TLS handshake takes longer
 * than an exit waits for such a neighbour. */
static bool is_near(const char *url)
{
    struct llmobs_target target;

    return llmobs_target_parse(url, NULL, &target) == 0 &&
           strcmp(target.scheme, "http") == 0 &&
           llmobs_network_private_host(target.host);
}

int llmobs_otlp_route_init(struct llmobs_otlp_route *route,
                           struct llmobs_exporter *exporter,
                           const struct llmobs_config *config,
                           enum llmobs_signal kind,
                           const struct llmobs_post_form *form,
                           struct llmobs_http *http, const char *events)
{
    static const char *const reserved[] = {"User-Agent", "Host", NULL};
    const struct llmobs_otlp_signal *signal = &config->otlp.signals[kind];
    bool near = is_near(signal->url);
    struct llmobs_post *post = &route->post;
    struct llmobs_http_request *request = &post->request;

    memset(route, 0, sizeof(*route));
    route->signal = signal;
    route->own_http = !http;
    llmobs_buf_init(&route->body, LLMOBS_POST_BODY_MAX);
    llmobs_buf_init(&route->plain, LLMOBS_POST_BODY_MAX);
    llmobs_post_init(post, exporter, config);
    post->form = form;
    post->http = http ? http : llmobs_http_new(config);
    post->events = events;
    post->body = &route->body;
    post->silent_ms = near ? LLMOBS_SILENT_NEAR_MS : LLMOBS_SILENT_FAR_MS;
    post->room = LLMOBS_OTLP_REQUEST_MAX;
    if (config->otlp.batch_max > 0 &&
        config->otlp.batch_max < (int64_t)post->limit)
        post->limit = post->most = (size_t)config->otlp.batch_max;
    request->url = signal->url;
    request->local = near;
    request->timeout_ms =
        signal->timeout_ms > 0 ? signal->timeout_ms : NO_LIMIT_MS;
    request->user_agent = USER_AGENT;
    request->ca_file = signal->ca_file;
    request->cert_file = signal->cert_file;
    request->key_file = signal->key_file;
    request->body_max = LLMOBS_OTLP_ANSWER_MAX;
    exporter->backoff = &backoff;
    exporter->wants_warm = !near;
    atomic_store(&exporter->remote, true);
    atomic_store(&exporter->exit_ms,
                 near ? LLMOBS_EXIT_AGENT_MS : LLMOBS_EXIT_INTAKE_MS);
    post->peer.url = strdup(signal->url);
    if (!post->http || !post->peer.url)
        return -ENOMEM;
    llmobs_post_add_header(post, "Content-Type: ",
                           signal->json ? "application/json"
                                        : "application/x-protobuf");
    if (signal->gzip)
        llmobs_post_add_header(post, "Content-Encoding: ", "gzip");
    return llmobs_post_add_headers(post, signal->headers, reserved);
}

void llmobs_otlp_route_fini(struct llmobs_otlp_route *route)
{
    if (route->own_http)
        llmobs_http_free(route->post.http);
    llmobs_post_fini(&route->post);
    llmobs_buf_fini(&route->body);
    llmobs_buf_fini(&route->plain);
}

void llmobs_otlp_route_forget(struct llmobs_otlp_route *route)
{
    if (route->own_http)
        llmobs_http_forget(route->post.http);
    llmobs_buf_init(&route->body, LLMOBS_POST_BODY_MAX);
    llmobs_buf_init(&route->plain, LLMOBS_POST_BODY_MAX);
    llmobs_post_forget(&route->post);
}

/* -- requests ------------------------------------------------------------ */

struct llmobs_buf *llmobs_otlp_route_begin(struct llmobs_otlp_route *route)
{
    llmobs_buf_cut(&route->plain, 0);
    return route->signal->gzip ? &route->plain : &route->body;
}

int llmobs_otlp_route_end(struct llmobs_otlp_route *route, size_t count)
{
    struct llmobs_buf *plain = &route->plain;
    size_t len = route->signal->gzip ? plain->len : route->body.len;
    int rc = 0;

    if (len > LLMOBS_OTLP_REQUEST_MAX && count > 1)
        return -E2BIG;
    if (route->signal->gzip)
        rc = llmobs_gzip(llmobs_buf_text(plain), &route->body);
    if (plain->cap > KEPT)
        llmobs_buf_fini(plain);
    return rc;
}

/* -- events -------------------------------------------------------------- */

void llmobs_otlp_pick(struct llmobs_otlp_picked *picked,
                      struct llmobs_text event, size_t place)
{
    picked->places[picked->count] = place;
    picked->events[picked->count++] = event;
}

int llmobs_otlp_send_picked(struct llmobs_otlp_route *route,
                            const struct llmobs_otlp_picked *picked,
                            size_t count)
{
    size_t sent;
    int rc;

    if (picked->count == 0)
        return (int)count;
    rc = llmobs_post_send(&route->post, picked->events, picked->count);
    /* The caller expects the refused event to be the first. */
    if (rc == -EBADMSG && picked->places[0] > 0)
        return (int)picked->places[0];
    if (rc <= 0)
        return rc;
    sent = (size_t)rc;
    if (route->post.first_refused)
        llmobs_exporter_set_outcome(route->post.exporter, picked->places[0],
                                    LLMOBS_OUTCOME_REFUSED);
    /* A receiver does not say which records of a request it threw away. */
    for (size_t i = 0; i < (size_t)route->rejected && i < sent; i++)
        llmobs_exporter_set_outcome(route->post.exporter,
                                    picked->places[sent - 1 - i],
                                    LLMOBS_OUTCOME_REJECTED);
    return (int)(sent < picked->count ? picked->places[sent] : count);
}

/* -- answers ------------------------------------------------------------- */

enum llmobs_verdict llmobs_otlp_judge(long status)
{
    if (status >= 200 && status < 300)
        return LLMOBS_VERDICT_ACCEPTED;
    if (status == 429 || (status >= 502 && status <= 504))
        return LLMOBS_VERDICT_LATER;
    if (status < 400 ||
        (status >= 401 && status <= 407 && status != 402 && status != 406) ||
        status == 415)
        return LLMOBS_VERDICT_DENIED;
    return LLMOBS_VERDICT_REFUSED;
}

/* True for a body in one of the two forms of OTLP. */
static bool has_form(const struct llmobs_http_reply *reply, bool *json)
{
    *json = strcasecmp(reply->type, "application/json") == 0;
    return *json || strcasecmp(reply->type, "application/x-protobuf") == 0;
}

const char *llmobs_otlp_hint(struct llmobs_post *post,
                             const struct llmobs_http_reply *reply)
{
    struct llmobs_otlp_route *route = (struct llmobs_otlp_route *)post;
    struct llmobs_text body = llmobs_buf_text(&reply->body);
    struct llmobs_otlp_answer answer = {0};
    bool json;

    if (body.len == 0 || !has_form(reply, &json) ||
        llmobs_otlp_read_refusal(body, json, &answer) != 0 ||
        answer.message[0] == '\0')
        return NULL;
    (void)snprintf(route->words, sizeof(route->words), "%s", answer.message);
    return route->words;
}

/* True for a text that the log does not have yet. After LLMOBS_OTLP_SAID_MAX
 * texts the log gets no other text. */
static bool is_new(struct llmobs_otlp_route *route, const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < route->said_count; i++)
        if (route->said[i] == hash)
            return false;
    if (route->said_count == LLMOBS_OTLP_SAID_MAX)
        return false;
    route->said[route->said_count++] = hash;
    return true;
}

void llmobs_otlp_accepted(struct llmobs_post *post,
                          const struct llmobs_http_reply *reply, size_t count)
{
    struct llmobs_otlp_route *route = (struct llmobs_otlp_route *)post;
    struct llmobs_text body = llmobs_buf_text(&reply->body);
    struct llmobs_otlp_answer answer = {0};
    bool json;

    route->rejected = 0;
    if (body.len == 0)
        return;
    if (!has_form(reply, &json) ||
        llmobs_otlp_read_answer(body, json, &answer) != 0)
        llmobs_log_once(LLMOBS_LOG_INFO, "otlp answer",
                        "exporter %s: an answer of status %ld cannot be read: "
                        "it counts as accepted",
                        post->form->name, reply->status);
    if (answer.rejected > 0)
        route->rejected =
            answer.rejected > (int64_t)count ? (int64_t)count : answer.rejected;
    if ((!route->rejected && !*answer.message) ||
        !is_new(route, answer.message))
        return;
    if (route->rejected)
        llmobs_log(LLMOBS_LOG_ERROR,
                   "exporter %s: the receiver threw %lld %s away: %s",
                   post->form->name, (long long)route->rejected, post->events,
                   answer.message);
    else
        llmobs_log(LLMOBS_LOG_WARN, "exporter %s: the receiver warns: %s",
                   post->form->name, answer.message);
}
