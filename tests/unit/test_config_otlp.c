/* Tests OpenTelemetry's variables. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/config/config.h"
#include "core/config/config_otlp.h"
#include "tests/unit/config_case.h"
#include "tests/unit/unit.h"

#define TO "LLMOBS_EXPORTER=otlp"
#define BASE "OTEL_EXPORTER_OTLP_"
#define COUNT(list) (sizeof(list) / sizeof(*list))

static const struct llmobs_otlp_signal *traces(const struct llmobs_config *c)
{
    return &c->otlp.signals[LLMOBS_SIGNAL_TRACES];
}

TEST(defaults)
{
    static const char *const urls[] = {
        "http://localhost:4318/v1/traces",
        "http://localhost:4318/v1/metrics",
        "http://localhost:4318/v1/logs",
    };
    struct llmobs_config *c = LOAD(TO);
    const struct llmobs_otlp_config *otlp = &c->otlp;

    for (int i = 0; i < LLMOBS_SIGNAL_COUNT; i++) {
        const struct llmobs_otlp_signal *signal = &otlp->signals[i];

        ck_assert_int_eq(signal->on, i == LLMOBS_SIGNAL_TRACES);
        ck_assert_str_eq(signal->url, urls[i]);
        ck_assert(!signal->given && !signal->grpc && !signal->json);
        ck_assert(!signal->gzip && !signal->headers);
        ck_assert_int_eq(signal->timeout_ms, 10000);
        ck_assert(!signal->ca_file && !signal->cert_file && !signal->key_file);
    }
    ck_assert_int_eq(otlp->semconv, LLMOBS_SEMCONV_1_41);
    ck_assert(!otlp->service && !otlp->resource && otlp->parent_based);
    ck_assert_int_eq(otlp->sampler, LLMOBS_OTLP_SAMPLER_ON);
    ck_assert(!otlp->span_content && !otlp->event_content);
    ck_assert(otlp->content_unasked && !otlp->delta);
    ck_assert_int_eq(otlp->metric_interval_ms, 60000);
    ck_assert_int_eq(otlp->batch_max, 512);
    ck_assert_int_eq(otlp->value_max, INT64_MAX);
    ck_assert_int_eq(otlp->attribute_max, 128);
    ck_assert_int_eq(complaint_count, 0);
}

/* NULL: the signal is off, for the place that the user meant is unknown. */
static const struct {
    const char *base, *own;
    const char *traces;
    bool grpc;
} endpoints[] = {
    {"https://a.test", "", "https://a.test/v1/traces", false},
    {"https://a.test/", "", "https://a.test/v1/traces", false},
    {"https://a.test//", "", "https://a.test/v1/traces", false},
    {" http://a.test:80/x/y/ ", "", "http://a.test:80/x/y/v1/traces", false},
    {"HTTP://A.test/x", "", "HTTP://A.test/x/v1/traces", false},
    {"http://a.test/x/?k=v#f", "", "http://a.test/x/v1/traces?k=v", false},
    {"http://a.test?k=v", "", "http://a.test/v1/traces?k=v", false},
    {"http://[::1]:4318", "", "http://[::1]:4318/v1/traces", false},
    {"", "http://b.test", "http://b.test/", false},
    {"", "http://b.test/", "http://b.test/", false},
    {"", "http://b.test/x/", "http://b.test/x/", false},
    {"", "http://b.test?k=v", "http://b.test/?k=v", false},
    {"", "http://b.test/in?k=v#f", "http://b.test/in?k=v", false},
    {"https://a.test/x", "http://b.test/y", "http://b.test/y", false},
    {"nonsense", "http://b.test/y", "http://b.test/y", false},
    {"http://a.test", "  ", "http://a.test/v1/traces", false},
    {"http://a.test:4317", "", "http://a.test:4317/v1/traces", true},
    {"", "http://u:p@a.test:4317/", "http://u:p@a.test:4317/", true},
    {"", "http://a.test:14317/", "http://a.test:14317/", false},
    {"http://a.test/x:4317", "", "http://a.test/x:4317/v1/traces", false},
    {"http://[::4317]", "", "http://[::4317]/v1/traces", false},
    {"a.test:4318", "", NULL, false},
    {"grpc://a.test:4318", "", NULL, false},
    {"unix:///run/x", "", NULL, false},
    {"http://", "", NULL, false},
    {"http:///v1", "", NULL, false},
    {"http://a b", "", NULL, false},
    {"http://a.test/\r\nX: y", "", NULL, false},
    {"http://a.test/\x80", "", NULL, false},
    {"https://a.test", "b.test", NULL, false},
    {"http://a.test:65535/x", "", "http://a.test:65535/x/v1/traces", false},
    {"http://a.test:", "", "http://a.test:/v1/traces", false},
    {"http://u:99999@a.test:00080", "", "http://u:99999@a.test:00080/v1/traces",
     false},
    {"http://[::99999]:1/?u=b:0", "", "http://[::99999]:1/v1/traces?u=b:0",
     false},
    {"http://a.test:0", "", NULL, false},
    {"http://a.test:65536/x", "", NULL, false},
    {"http://u@a.test:99999", "", NULL, false},
    {"", "https://[::1]:4294967297?k=v", NULL, false},
    {"", "http://a.test:-1", NULL, false},
    {"", "http://a.test:http#f", NULL, false},
    {"", "http://a.test:80:80", NULL, false},
};

TEST(endpoints_as_specified)
{
    for (size_t i = 0; i < COUNT(endpoints); i++) {
        char base[128], own[128];
        struct llmobs_config *c;

        snprintf(base, sizeof(base), BASE "ENDPOINT=%s", endpoints[i].base);
        snprintf(own, sizeof(own), BASE "TRACES_ENDPOINT=%s", endpoints[i].own);
        c = LOAD(base, TO, own);
        ck_assert_msg(traces(c)->on == (endpoints[i].traces != NULL), "%s %s",
                      base, own);
        ck_assert_int_eq(traces(c)->given, endpoints[i].traces != NULL);
        ck_assert_int_eq(traces(c)->misplaced, endpoints[i].traces == NULL);
        ck_assert_str_eq(traces(c)->url,
                         endpoints[i].traces
                             ? endpoints[i].traces
                             : "http://localhost:4318/v1/traces");
        ck_assert_int_eq(traces(c)->grpc, endpoints[i].grpc);
        ck_assert_int_eq(complaint_count,
                         !endpoints[i].traces || endpoints[i].grpc ||
                             strcmp(endpoints[i].base, "nonsense") == 0);
    }
}

TEST(a_signal_wins_and_is_never_mixed)
{
    struct llmobs_config *c =
        LOAD(TO, BASE "ENDPOINT=http://a.test/base", BASE "PROTOCOL=http/json",
             BASE "HEADERS=a=1,b=2", BASE "TIMEOUT=7", BASE "COMPRESSION=GZIP",
             BASE "CERTIFICATE=/ca", BASE "CLIENT_CERTIFICATE=/cert",
             BASE "CLIENT_KEY=/key", BASE "INSECURE=true",
             BASE "METRICS_ENDPOINT=https://m.test:1/in",
             BASE "METRICS_PROTOCOL=HTTP/Protobuf", BASE "METRICS_HEADERS=c=3",
             BASE "METRICS_TIMEOUT=0", BASE "METRICS_COMPRESSION=none",
             BASE "METRICS_CERTIFICATE=/ca2", BASE "METRICS_CLIENT_KEY=/key2");
    const struct llmobs_otlp_signal *metrics =
        &c->otlp.signals[LLMOBS_SIGNAL_METRICS];

    for (int i = 0; i < LLMOBS_SIGNAL_COUNT; i += 2) {
        const struct llmobs_otlp_signal *signal = &c->otlp.signals[i];

        ck_assert_str_eq(signal->url, i ? "http://a.test/base/v1/logs"
                                        : "http://a.test/base/v1/traces");
        ck_assert(signal->given && signal->json && signal->gzip);
        ck_assert_str_eq(signal->headers[0], "a: 1");
        ck_assert_str_eq(signal->headers[1], "b: 2");
        ck_assert_ptr_null(signal->headers[2]);
        ck_assert_int_eq(signal->timeout_ms, 7);
        ck_assert_str_eq(signal->ca_file, "/ca");
        ck_assert_str_eq(signal->cert_file, "/cert");
        ck_assert_str_eq(signal->key_file, "/key");
    }
    ck_assert_str_eq(metrics->url, "https://m.test:1/in");
    ck_assert(metrics->given && !metrics->json && !metrics->gzip);
    ck_assert_str_eq(metrics->headers[0], "c: 3");
    ck_assert_ptr_null(metrics->headers[1]);
    ck_assert_int_eq(metrics->timeout_ms, 0);
    ck_assert_str_eq(metrics->ca_file, "/ca2");
    ck_assert_str_eq(metrics->cert_file, "/cert");
    ck_assert_str_eq(metrics->key_file, "/key2");
    ck_assert_int_eq(complaint_count, 0);
}

/* The general value stands where the signal's is wrong. */
TEST(bad_values_of_a_signal)
{
    struct llmobs_config *c =
        LOAD(TO, BASE "PROTOCOL=http/json", BASE "TRACES_PROTOCOL=http/xml",
             BASE "TIMEOUT=5", BASE "TRACES_TIMEOUT=-1",
             BASE "COMPRESSION=gzip", BASE "TRACES_COMPRESSION=zstd");

    ck_assert(traces(c)->json && traces(c)->gzip);
    ck_assert_int_eq(traces(c)->timeout_ms, 5);
    ck_assert_int_eq(complaint_count, 3);
    c = LOAD(TO, BASE "PROTOCOL=x", BASE "TIMEOUT=1.5", BASE "COMPRESSION=x",
             BASE "HEADERS=nothing");
    ck_assert(!traces(c)->json && !traces(c)->gzip);
    ck_assert_int_eq(traces(c)->timeout_ms, 10000);
    ck_assert_int_eq(complaint_count, 4);
    c = LOAD(TO, BASE "TIMEOUT=99999999999999999999999999");
    ck_assert_int_eq(traces(c)->timeout_ms, 10000);
    ck_assert_int_eq(complaint_count, 1);
}

TEST(grpc_is_for_the_programs_own_signals)
{
    struct llmobs_config *c =
        LOAD("OTEL_METRICS_EXPORTER=otlp", "OTEL_LOGS_EXPORTER=otlp",
             BASE "METRICS_ENDPOINT=http://a.test:4317/v1/metrics",
             BASE "LOGS_PROTOCOL=grpc");

    ck_assert(!c->otlp.signals[LLMOBS_SIGNAL_METRICS].on);
    ck_assert(!c->otlp.signals[LLMOBS_SIGNAL_LOGS].on);
    c = LOAD("OTEL_METRICS_EXPORTER=otlp", "OTEL_LOGS_EXPORTER=otlp");
    ck_assert(c->otlp.signals[LLMOBS_SIGNAL_METRICS].on);
    ck_assert(c->otlp.signals[LLMOBS_SIGNAL_LOGS].on);
}

TEST(grpc_is_told_once)
{
    struct llmobs_config *c = LOAD(TO, BASE "PROTOCOL=grpc");

    ck_assert(traces(c)->grpc && !traces(c)->json);
    ck_assert_int_eq(complaint_count, 1);
    c = LOAD(TO, BASE "PROTOCOL=GRPC", BASE "TRACES_PROTOCOL=http/json");
    ck_assert(!traces(c)->grpc && traces(c)->json);
    ck_assert(c->otlp.signals[LLMOBS_SIGNAL_LOGS].grpc);
}

/* The variables may be there for the app's own telemetry alone. */
TEST(nothing_is_told_of_the_apps_own_telemetry)
{
    struct llmobs_config *c =
        LOAD(BASE "PROTOCOL=grpc", "OTEL_RESOURCE_ATTRIBUTES=x",
             "OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental");

    ck_assert_int_eq(complaint_count, 0);
    c = LOAD("LLMOBS_EXPORTER=store", BASE "ENDPOINT=http://a.test:4317");
    ck_assert_int_eq(complaint_count, 0);
    c = LOAD(BASE "ENDPOINT=http://a.test:4317", BASE "PROTOCOL=grpc");
    ck_assert_int_eq(complaint_count, 2);
    c = LOAD(TO, "OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental");
    ck_assert_int_eq(complaint_count, 1);
    ck_assert_int_eq(c->otlp.semconv, LLMOBS_SEMCONV_1_41);
}

static const struct {
    const char *text;
    const char *headers; /* each with a line end */
    int complaints;
} header_lists[] = {
    {"api-key=" SECRET, "api-key: " SECRET "\n", 0},
    {" a = 1 ,, b=2, ", "a: 1\nb: 2\n", 0},
    {"Authorization=Basic%20" SECRET "==",
     "Authorization: Basic " SECRET "==\n", 0},
    {"a=1%2C2%3b,b=%C3%A4", "a: 1,2;\nb: \xc3\xa4\n", 0},
    {"a=1;p=2", "a: 1;p=2\n", 0},
    {"a=50%,b=%zz", "a: 50%\nb: %zz\n", 0},
    {"a=1+2", "a: 1+2\n", 0},
    {"a=1,A=2", "A: 2\n", 0},
    {SECRET, "", 1},
    {"=" SECRET ",a=1", "a: 1\n", 1},
    {"a=" SECRET "%0d%0aX:%20y,b=" SECRET "%00,c=%7f,d=%C2%85,e=1", "e: 1\n",
     1},
    {"a=%ff,b=%c3,c=%ed%a0%80,d=" SECRET "\xfe,e=1", "e: 1\n", 1},
    {"a b=" SECRET ",c:d=1,\xc3\xa4=1,f=1", "f: 1\n", 1},
    {"Content-Length=1,content-type=" SECRET ",Content-Encoding=x,a=1",
     "a: 1\n", 1},
    {"a=", "", 1},
    {"a=%20%20", "", 1},
};

static void write_headers(const struct llmobs_config *c, char *out)
{
    out[0] = '\0';
    for (char **h = traces(c)->headers; *h; h++)
        strcat(strcat(out, *h), "\n");
}

TEST(headers_are_decoded_and_secret)
{
    for (size_t i = 0; i < COUNT(header_lists); i++) {
        char env[512], out[512];
        struct llmobs_config *c;

        snprintf(env, sizeof(env), BASE "HEADERS=%s", header_lists[i].text);
        c = LOAD(TO, env);
        write_headers(c, out);
        ck_assert_str_eq(out, header_lists[i].headers);
        ck_assert_int_eq(complaint_count, header_lists[i].complaints);
    }
}

/* A list of `count` members, all different. */
static char *many(const char *name, int count)
{
    char *text = malloc((size_t)count * 16 + 64), *at = text;

    ck_assert_ptr_nonnull(text);
    at += sprintf(at, "%s=", name);
    for (int i = 0; i < count; i++)
        at += sprintf(at, "k%d=v%d,", i, i);
    return text;
}

TEST(lists_are_bounded)
{
    char *text = many(BASE "HEADERS", 6000);
    struct llmobs_config *c = LOAD(TO, text);
    size_t n = 0;

    while (traces(c)->headers[n])
        n++;
    ck_assert_uint_eq(n, 256);
    ck_assert_int_eq(complaint_count, 1);
    ck_assert_ptr_nonnull(
        strstr(complaints, BASE "HEADERS: left out what is beyond 256 "));
    free(text);
    text = many("OTEL_RESOURCE_ATTRIBUTES", 6000);
    c = LOAD(TO, text);
    ck_assert_ptr_null(c->otlp.resource);
    ck_assert_int_eq(complaint_count, 1);
    free(text);
}

static const struct {
    const char *traces, *metrics, *logs, *off;
    bool on[LLMOBS_SIGNAL_COUNT];
} switches[] = {
    {"", "", "", "", {true, false, false}},
    {"otlp", "otlp", "otlp", "", {true, true, true}},
    {"none", "none", "none", "", {false, false, false}},
    {" NONE ", "OTLP", "console", "", {false, true, false}},
    {"console", "prometheus,otlp", "x , otlp", "", {true, true, true}},
    {"none,otlp", ",", "otlp2", "", {true, false, false}},
    {"otlp", "otlp", "otlp", "true", {false, false, false}},
    {"otlp", "otlp", "otlp", "TRUE", {false, false, false}},
    {"otlp", "", "", "1", {true, false, false}},
    {"otlp", "", "", "yes", {true, false, false}},
    {"otlp", "", "", "false", {true, false, false}},
};

TEST(signals_are_switched)
{
    for (size_t i = 0; i < COUNT(switches); i++) {
        char texts[4][64];
        struct llmobs_config *c;

        sprintf(texts[0], "OTEL_TRACES_EXPORTER=%s", switches[i].traces);
        sprintf(texts[1], "OTEL_METRICS_EXPORTER=%s", switches[i].metrics);
        sprintf(texts[2], "OTEL_LOGS_EXPORTER=%s", switches[i].logs);
        sprintf(texts[3], "OTEL_SDK_DISABLED=%s", switches[i].off);
        c = LOAD(texts[0], texts[1], texts[2], texts[3]);
        for (int k = 0; k < LLMOBS_SIGNAL_COUNT; k++)
            ck_assert_msg(c->otlp.signals[k].on == switches[i].on[k],
                          "%zu: signal %d", i, k);
    }
}

/* A signal that is switched off needs no place. */
TEST(a_bad_port_is_named_as_such)
{
    struct llmobs_config *c = LOAD(TO, BASE "ENDPOINT=http://a.test:0");

    ck_assert(traces(c)->misplaced && !traces(c)->on);
    ck_assert_ptr_nonnull(strstr(
        complaints, BASE "ENDPOINT: no port from 1 to 65535: nothing is sent"));
    ck_assert(!c->otlp.signals[LLMOBS_SIGNAL_LOGS].misplaced);
    c = LOAD(TO, BASE "ENDPOINT=nonsense", "OTEL_TRACES_EXPORTER=none");
    ck_assert(!traces(c)->misplaced && !traces(c)->on);
}

static const struct {
    const char *text;
    bool good;
} resources[] = {
    {"service.name=x,deployment.environment.name=prod", true},
    {" a = b c ,, d= ", true},
    {"a=%2C%3D%25,%C3%A4=\xc3\xa4", true},
    {"a=b=c", true},
    {"a", false},
    {"a=1,b", false},
    {"a=1,=2", false},
    {"a=1,b=%", false},
    {"a=1,b=%4", false},
    {"a=1,b=%zz", false},
    {"a=1,b=%ff", false},
    {"a=1,b=\xc3", false},
    {"a=1,b=%c0%80", false},
    {"a=1,b=%00", false},
    {"a=1,b=%0a", false},
    {"a=1,%0a=2", false},
    {"a=1,b=\x1b[0m", false},
};

TEST(a_wrong_resource_goes_as_a_whole)
{
    for (size_t i = 0; i < COUNT(resources); i++) {
        char env[128];
        struct llmobs_config *c;

        sprintf(env, "OTEL_RESOURCE_ATTRIBUTES=%s", resources[i].text);
        c = LOAD(TO, env);
        if (resources[i].good)
            ck_assert_str_eq(c->otlp.resource, resources[i].text);
        else
            ck_assert_msg(!c->otlp.resource, "%s", env);
        ck_assert_int_eq(complaint_count, !resources[i].good);
    }
}

TEST(a_service_is_plain_text)
{
    struct llmobs_config *c = LOAD("OTEL_SERVICE_NAME=my shop 100%0a");

    ck_assert_str_eq(c->otlp.service, "my shop 100%0a");
    ck_assert_str_eq(c->service, "my shop 100%0a");
    c = LOAD("OTEL_SERVICE_NAME=a\nb", "DD_LLMOBS_ML_APP=x");
    ck_assert_ptr_null(c->otlp.service);
    ck_assert_int_eq(complaint_count, 1);
    c = LOAD("OTEL_SERVICE_NAME=a\xff", "DD_SERVICE=b");
    ck_assert_ptr_null(c->otlp.service);
    ck_assert_str_eq(c->service, "b");
}

static const struct {
    const char *name, *arg;
    enum llmobs_otlp_sampler sampler;
    bool parent_based;
    double ratio;
    int complaints;
} samplers[] = {
    {"", "", LLMOBS_OTLP_SAMPLER_ON, true, 1, 0},
    {"always_on", "0.5", LLMOBS_OTLP_SAMPLER_ON, false, 1, 0},
    {"Always_Off", "", LLMOBS_OTLP_SAMPLER_OFF, false, 1, 0},
    {"traceidratio", "0.25", LLMOBS_OTLP_SAMPLER_RATIO, false, 0.25, 0},
    {"traceidratio", "", LLMOBS_OTLP_SAMPLER_RATIO, false, 1, 0},
    {"traceidratio", "1.5", LLMOBS_OTLP_SAMPLER_RATIO, false, 1, 1},
    {"traceidratio", "-0.1", LLMOBS_OTLP_SAMPLER_RATIO, false, 1, 1},
    {"traceidratio", "x", LLMOBS_OTLP_SAMPLER_RATIO, false, 1, 1},
    {"parentbased_always_on", "", LLMOBS_OTLP_SAMPLER_ON, true, 1, 0},
    {"parentbased_always_off", "", LLMOBS_OTLP_SAMPLER_OFF, true, 1, 0},
    {"parentbased_traceidratio", "0", LLMOBS_OTLP_SAMPLER_RATIO, true, 0, 0},
    {"jaeger_remote", "endpoint=x", LLMOBS_OTLP_SAMPLER_ON, true, 1, 1},
    {"parentbased_jaeger_remote", "", LLMOBS_OTLP_SAMPLER_ON, true, 1, 1},
    {"xray", "", LLMOBS_OTLP_SAMPLER_ON, true, 1, 1},
};

TEST(samplers_as_specified)
{
    for (size_t i = 0; i < COUNT(samplers); i++) {
        char name[64], arg[64];
        struct llmobs_config *c;

        sprintf(name, "OTEL_TRACES_SAMPLER=%s", samplers[i].name);
        sprintf(arg, "OTEL_TRACES_SAMPLER_ARG=%s", samplers[i].arg);
        c = LOAD(TO, name, arg);
        ck_assert_msg(c->otlp.sampler == samplers[i].sampler, "%s", name);
        ck_assert_int_eq(c->otlp.parent_based, samplers[i].parent_based);
        ck_assert(c->otlp.sampler_ratio == samplers[i].ratio);
        ck_assert_int_eq(complaint_count, samplers[i].complaints);
    }
}

static const struct {
    const char *env;
    bool flags;
} speakers[] = {
    {"OTEL_PROPAGATORS=tracecontext", true},
    {TO, true},
    {"LLMOBS_EXPORTER=store", true},
    {"DD_SERVICE=x", true},
    {"DD_LLMOBS_ML_APP=x", true},
    {"LLMOBS_EXPORTER=otlp,agent", false},
    {"LLMOBS_EXPORTER=agentless", false},
    {"DD_API_KEY=x", false},
    {"DD_AGENT_HOST=x", false},
    {"DD_TRACE_AGENT_URL=unix:///run/x", false},
    {"DD_LLMOBS_AGENTLESS_ENABLED=true", false},
    {"DD_LLMOBS_AGENTLESS_ENABLED=false", false},
    {"DD_LLMOBS_OVERRIDE_ORIGIN=http://x", false},
    {"DD_TRACE_PROPAGATION_STYLE=tracecontext", false},
    {"DD_TRACE_PROPAGATION_STYLE_EXTRACT=tracecontext", false},
};

/* An app's own sampler says nothing to Datadog's tracers. */
TEST(the_sampler_has_the_flags_where_datadog_is_absent)
{
    for (size_t i = 0; i < COUNT(speakers); i++) {
        struct llmobs_config *c =
            LOAD(speakers[i].env, "OTEL_TRACES_SAMPLER=always_off");

        ck_assert_msg(c->otlp.sampler_flags == speakers[i].flags, "%s",
                      speakers[i].env);
    }
}

#define CAPTURE "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="

static const struct {
    const char *content, *capture;
    bool span, event, details, unasked; /* events: with logs on */
} contents[] = {
    {"", CAPTURE, false, false, false, true},
    {"LLMOBS_CONTENT=full", CAPTURE, true, true, false, false},
    {"LLMOBS_CONTENT=off", CAPTURE, false, false, false, false},
    {"LLMOBS_CONTENT=maybe", CAPTURE, false, false, false, false},
    {"", CAPTURE "true", true, false, false, false},
    {"", CAPTURE "1", true, false, false, false},
    {"", CAPTURE "SPAN_ONLY", true, false, false, false},
    {"", CAPTURE "span_and_event", true, true, true, false},
    {"", CAPTURE "EVENT_ONLY", false, true, true, false},
    {"", CAPTURE "NO_CONTENT", false, false, false, false},
    {"", CAPTURE "false", false, false, false, false},
    {"", CAPTURE "yes", false, false, false, false},
    {"LLMOBS_CONTENT=full", CAPTURE "NO_CONTENT", false, false, false, false},
    {"LLMOBS_CONTENT=full", CAPTURE "EVENT_ONLY", false, true, true, false},
    {"LLMOBS_CONTENT=off", CAPTURE "SPAN_AND_EVENT", false, false, false,
     false},
    {"LLMOBS_CONTENT=off", CAPTURE "true", false, false, false, false},
    {"LLMOBS_REDACT=/nonexistent/x", CAPTURE "true", false, false, false,
     false},
};

TEST(content_is_asked_for)
{
    for (size_t i = 0; i < COUNT(contents); i++) {
        struct llmobs_config *c = LOAD(contents[i].content, contents[i].capture,
                                       "OTEL_LOGS_EXPORTER=otlp");

        ck_assert_msg(c->otlp.span_content == contents[i].span, "%s %s",
                      contents[i].content, contents[i].capture);
        ck_assert_int_eq(c->otlp.event_content, contents[i].event);
        ck_assert_int_eq(c->otlp.event_details, contents[i].details);
        ck_assert_int_eq(c->otlp.content_unasked, contents[i].unasked);
        c = LOAD(contents[i].content, contents[i].capture);
        ck_assert_int_eq(c->otlp.span_content, contents[i].span);
        ck_assert(!c->otlp.event_content && !c->otlp.event_details);
    }
}

TEST(limits_of_spans)
{
    struct llmobs_config *c = LOAD(
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT=100",
        "OTEL_ATTRIBUTE_COUNT_LIMIT=50", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=10",
        "LLMOBS_OTLP_SEMCONV=latest", "OTEL_METRIC_EXPORT_INTERVAL=500",
        BASE "METRICS_TEMPORALITY_PREFERENCE=Delta");

    ck_assert_int_eq(c->otlp.value_max, 100);
    ck_assert_int_eq(c->otlp.attribute_max, 50);
    ck_assert_int_eq(c->otlp.batch_max, 10);
    ck_assert_int_eq(c->otlp.metric_interval_ms, 500);
    ck_assert_int_eq(c->otlp.semconv, LLMOBS_SEMCONV_LATEST);
    ck_assert(c->otlp.delta);
    c = LOAD("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT=100",
             "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT=0",
             "OTEL_ATTRIBUTE_COUNT_LIMIT=50",
             "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=7", "LLMOBS_OTLP_SEMCONV=1.37",
             BASE "METRICS_TEMPORALITY_PREFERENCE=lowmemory");
    ck_assert_int_eq(c->otlp.value_max, 0);
    ck_assert_int_eq(c->otlp.attribute_max, 7);
    ck_assert_int_eq(c->otlp.semconv, LLMOBS_SEMCONV_1_41);
    ck_assert(c->otlp.delta);
    ck_assert_int_eq(complaint_count, 0);
    c = LOAD("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT=x",
             "OTEL_ATTRIBUTE_COUNT_LIMIT=0", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=0",
             "OTEL_METRIC_EXPORT_INTERVAL=0", "LLMOBS_OTLP_SEMCONV=1.36",
             BASE "METRICS_TEMPORALITY_PREFERENCE=both");
    ck_assert_int_eq(c->otlp.value_max, INT64_MAX);
    ck_assert_int_eq(c->otlp.attribute_max, 128);
    ck_assert_int_eq(c->otlp.batch_max, 512);
    ck_assert_int_eq(c->otlp.metric_interval_ms, 60000);
    ck_assert_int_eq(c->otlp.semconv, LLMOBS_SEMCONV_1_41);
    ck_assert(!c->otlp.delta);
    ck_assert_int_eq(complaint_count, 6);
}

TEST(files_are_found_after_a_chdir)
{
    char want[4200], here[4096];
    struct llmobs_config *c = LOAD(BASE "CERTIFICATE=certs/ca.pem");

    ck_assert_ptr_nonnull(getcwd(here, sizeof(here)));
    snprintf(want, sizeof(want), "%s/certs/ca.pem", here);
    ck_assert_str_eq(traces(c)->ca_file, want);
}

TEST(own_telemetry_of_each_signal_is_never_observed)
{
    struct llmobs_config *c = LOAD(
        BASE "ENDPOINT= http://a.test ", BASE "TRACES_ENDPOINT=http://t.test",
        BASE "METRICS_ENDPOINT=http://m.test",
        BASE "LOGS_ENDPOINT=http://l.test", "OTEL_SDK_DISABLED=true");

    ck_assert_str_eq(c->never_urls[1], "http://a.test");
    ck_assert_str_eq(c->never_urls[2], "http://t.test");
    ck_assert_str_eq(c->never_urls[3], "http://m.test");
    ck_assert_str_eq(c->never_urls[4], "http://l.test");
    ck_assert_ptr_null(c->never_urls[5]);
}
