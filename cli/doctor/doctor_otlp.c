/* Asks a receiver of OTLP whether it would accept spans. */
#include "cli/doctor/doctor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/shared/destinations.h"
#include "core/export/otlp_route.h"
#include "core/export/http.h"

/* Whether an endpoint of OTLP takes what the program would send.
 *
 * The doctor sends an empty request: a whole Export...ServiceRequest without a
 * resource, to the URL, with the headers and the certificates of the exporter.
 * The answer shows whether the path, the keys and the form of the request are
 * right, and the server stores nothing; OTLP demands success as the answer.
 * An invented span would show more, but would stand in somebody's data. If the
 * server answers "bad request", the doctor sends a resource without a span.
 */

#define ABOUT "otlp"
#define ENDPOINT_MS 10000

/* In protobuf an empty request has no bytes. For a server that takes this for a
 * missing body, the request is one resource (the first field) without members,
 * which holds no telemetry. */
static const struct llmobs_text no_bytes = {"", 0};
static const struct llmobs_text bare_resource = {"\n\0", 2};

/* How a signal is asked for. */
static const struct kind {
    const char *name;
    const char *empty;  /* the request as JSON */
    const char *remedy; /* of a warning; NULL for spans, whose fault is a
                         * failure where a program sends them nowhere else */
} kinds[LLMOBS_SIGNAL_COUNT] = {
    [LLMOBS_SIGNAL_TRACES] = {"traces", "{\"resourceSpans\":[]}", NULL},
    [LLMOBS_SIGNAL_METRICS] = {"metrics", "{\"resourceMetrics\":[]}",
                               "mend that, or give OTEL_METRICS_EXPORTER=none"},
    [LLMOBS_SIGNAL_LOGS] = {"logs", "{\"resourceLogs\":[]}",
                            "mend that, or give OTEL_LOGS_EXPORTER=none"},
};

/* One endpoint that is asked. */
struct inquiry {
    struct llmobs_doctor *doctor;
    const struct llmobs_otlp_signal *signal;
    const struct kind *kind;
    char *url;                    /* as it may be shown */
    enum llmobs_report_level bad; /* the level of a finding that keeps spans
                                   * away */
    struct llmobs_http_reply reply;
    int rc;
    bool accepts;
    char why[LLMOBS_DESTINATION_WHY]; /* it does not */
};

/* -- asking --------------------------------------------------------------- */

static const char *form_of(const struct llmobs_otlp_signal *signal)
{
    return signal->json ? "http/json" : "http/protobuf";
}

static int send_body(struct inquiry *inquiry, struct llmobs_otlp_route *route,
                     struct llmobs_text body)
{
    struct llmobs_http_request *request = &route->post.request;
    int rc;

    llmobs_buf_cut(&route->body, 0);
    rc = llmobs_buf_add(llmobs_otlp_route_begin(route), body.data, body.len);
    if (rc == 0)
        rc = llmobs_otlp_route_end(route, 1);
    if (rc != 0)
        return rc;
    request->body = (struct llmobs_text){route->body.data, route->body.len};
    if (request->timeout_ms > ENDPOINT_MS)
        request->timeout_ms = ENDPOINT_MS;
    llmobs_http_reply_fini(&inquiry->reply);
    return llmobs_http_send(route->post.http, request, &inquiry->reply);
}

/* Sends a request without telemetry, as JSON or without any bytes. */
static void ask(struct inquiry *inquiry, const struct llmobs_config *config,
                enum llmobs_signal signal)
{
    struct llmobs_http *http = llmobs_doctor_open_http(inquiry->doctor, config);
    struct llmobs_exporter nobody = {.ops = NULL};
    struct llmobs_otlp_route route;

    inquiry->rc = -ENOMEM;
    if (!http)
        return;
    inquiry->rc = llmobs_otlp_route_init(&route, &nobody, config, signal, NULL,
                                         http, inquiry->kind->name);
    if (inquiry->rc == 0)
        inquiry->rc = send_body(inquiry, &route,
                                inquiry->signal->json
                                    ? llmobs_text_of(inquiry->kind->empty)
                                    : no_bytes);
    if (inquiry->rc == 0 && !inquiry->signal->json &&
        inquiry->reply.status == 400)
        inquiry->rc = send_body(inquiry, &route, bare_resource);
    llmobs_otlp_route_fini(&route);
    llmobs_http_free(http);
}

/* -- an answer ------------------------------------------------------------ */

/* Finds fault with the endpoint of the `inquiry` in scope. */
#define BAD(format, ...)                                                   \
    llmobs_report_add(                                                     \
        &inquiry->doctor->report, inquiry->bad, ABOUT,                     \
        inquiry->bad == LLMOBS_REPORT_WARN ? inquiry->kind->remedy : NULL, \
        "%s: %s " format, inquiry->kind->name, inquiry->url, __VA_ARGS__)

static void report_answer(struct inquiry *inquiry)
{
    struct llmobs_doctor *doctor = inquiry->doctor;
    const struct llmobs_otlp_signal *signal = inquiry->signal;
    const struct llmobs_http_reply *reply = &inquiry->reply;
    const struct llmobs_buf *body = &reply->body;
    const char *form =
        signal->json ? "application/json" : "application/x-protobuf";
    const char *other = signal->json ? "http/protobuf" : "http/json";
    long status = reply->status;

    inquiry->accepts = status / 100 == 2 && !llmobs_http_reply_is_page(reply);
    if (inquiry->accepts)
        LLMOBS_FIND(OK, ABOUT, "%s: %s takes a request by %s",
                    inquiry->kind->name, inquiry->url, form_of(signal));
    /* OTLP wants an answer in the request's form. */
    if (inquiry->accepts && body->len > 0 && reply->type[0] != '\0' &&
        strcasecmp(reply->type, form) != 0)
        LLMOBS_FIND(NOTE, ABOUT,
                    "%s: it answers %s by %s: see whether what is sent "
                    "arrives there, or try "
                    "OTEL_EXPORTER_OTLP_PROTOCOL=%s",
                    inquiry->kind->name, form_of(signal), reply->type, other);
    if (inquiry->accepts)
        return;
    if (status <= 0 && inquiry->rc == -ENOTCONN &&
        llmobs_doctor_is_held(doctor))
        llmobs_doctor_tell_held(doctor, inquiry->bad, ABOUT, inquiry->url);
    else if (status <= 0)
        BAD("does not answer: %s", inquiry->why);
    else if (status != 400 && status != 415)
        BAD("answers with %s", inquiry->why);
    else if (status == 400 && strncmp(signal->url, "http:", 5) == 0 &&
             body->data && memmem(body->data, body->len, "HTTPS", 5))
        BAD("answers with status %ld: it speaks TLS: the URL must begin with "
            "https",
            status);
    else if (signal->gzip)
        BAD("answers with status %ld: it may not take gzip: try "
            "OTEL_EXPORTER_OTLP_COMPRESSION=none",
            status);
    else if (status == 415 || signal->json)
        BAD("answers with status %ld: it %s not take %s: try "
            "OTEL_EXPORTER_OTLP_PROTOCOL=%s",
            status, signal->json ? "may" : "does", form_of(signal), other);
    else
        LLMOBS_FIND(NOTE, ABOUT,
                    "%s: %s was reached, and refuses a request without "
                    "spans by status %ld; whether it takes spans is not "
                    "known",
                    inquiry->kind->name, inquiry->url, status);
}

/* -- an endpoint ---------------------------------------------------------- */

static void inquire(struct llmobs_doctor *doctor,
                    const struct llmobs_config *config,
                    enum llmobs_signal signal, enum llmobs_report_level bad,
                    struct llmobs_json *list)
{
    struct inquiry inquiry = {.doctor = doctor,
                              .signal = &config->otlp.signals[signal],
                              .kind = &kinds[signal],
                              .bad = bad};
    struct llmobs_json *fact = llmobs_json_object();
    long status;

    inquiry.url = llmobs_doctor_shown("", inquiry.signal->url);
    doctor->report.no_memory |= !inquiry.url;
    ask(&inquiry, config, signal);
    status = inquiry.reply.status;
    llmobs_destination_why(&(struct llmobs_answer){.exporter = "otlp",
                                                   .status = (int)status,
                                                   .error = inquiry.rc,
                                                   .code = inquiry.reply.code},
                           inquiry.why);
    report_answer(&inquiry);
    if (signal == LLMOBS_SIGNAL_TRACES && bad == LLMOBS_REPORT_FAIL)
        doctor->no_exporter |= !inquiry.accepts;
    (void)llmobs_json_set_texts(fact, "signal", inquiry.kind->name, "url",
                                inquiry.url, "protocol",
                                form_of(inquiry.signal), NULL);
    if (status > 0)
        (void)llmobs_json_set(fact, "status", llmobs_json_int(status));
    (void)llmobs_json_set(fact, "accepts", llmobs_json_bool(inquiry.accepts));
    doctor->report.no_memory |= llmobs_json_add(list, fact) != 0;
    llmobs_http_reply_fini(&inquiry.reply);
    free(inquiry.url);
}

void llmobs_doctor_otlp(struct llmobs_doctor *doctor,
                        const struct llmobs_config *config, const char *why_not)
{
    const struct llmobs_otlp_signal *signals = config->otlp.signals;
    enum llmobs_report_level bad =
        !why_not ? LLMOBS_REPORT_FAIL : LLMOBS_REPORT_WARN;
    struct llmobs_json *list = llmobs_json_array();

    if (why_not && signals[LLMOBS_SIGNAL_TRACES].given) {
        char *url = llmobs_doctor_shown("", signals[LLMOBS_SIGNAL_TRACES].url);

        doctor->report.no_memory |= !url;
        LLMOBS_FIND(NOTE, ABOUT, "%s gets no spans: %s", url, why_not);
        free(url);
    } else if (!why_not && !signals[LLMOBS_SIGNAL_TRACES].on) {
        doctor->no_exporter = true;
        LLMOBS_FIND(FAIL, ABOUT,
                    signals[LLMOBS_SIGNAL_TRACES].misplaced
                        ? "traces: nothing is sent, as the endpoint is no URL"
                        : "traces: switched off by OTEL_SDK_DISABLED or "
                          "OTEL_TRACES_EXPORTER");
    }
    for (int i = 0; i < LLMOBS_SIGNAL_COUNT; i++)
        if (signals[i].on && (i != LLMOBS_SIGNAL_TRACES || !why_not))
            inquire(doctor, config, (enum llmobs_signal)i, bad, list);
    /* Tells once how to have the texts of messages. */
    if (!why_not || signals[LLMOBS_SIGNAL_LOGS].on)
        LLMOBS_FIND(NOTE, ABOUT, "the texts of messages are %s",
                    config->otlp.span_content || config->otlp.event_content
                        ? "sent"
                    : config->otlp.content_unasked
                        ? "not sent, as OpenTelemetry wants them asked for: "
                          "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="
                          "SPAN_ONLY, or LLMOBS_CONTENT=full"
                        : "switched off");
    if (llmobs_json_len(list) > 0)
        LLMOBS_KNOWN(ABOUT, list);
    else
        llmobs_json_free(list);
}
