/* Where deliveries go and what they and trace headers carry, as values. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/config/config.h"
#include "tests/unit/config_case.h"
#include "tests/unit/unit.h"

TEST(defaults)
{
    struct llmobs_config *c = LOAD("PATH=/bin");

    ck_assert_int_eq(c->agentless, -1);
    ck_assert_ptr_null(c->api_key);
    ck_assert_str_eq(c->site, "datadoghq.com");
    ck_assert_int_eq(c->agent_timeout_ms, 2000);
    ck_assert_ptr_null(c->override_origin);
    ck_assert_ptr_nonnull(c->extra_headers);
    ck_assert_ptr_null(c->extra_headers[0]);
    ck_assert_ptr_null(c->external_env);
    ck_assert_int_eq(c->payload_max, 5242880);
    ck_assert_int_eq(c->writer_timeout_ms, 5000);
    ck_assert_ptr_null(c->ca_file);
    ck_assert_uint_eq(c->inject_styles.count, 3);
    ck_assert_int_eq(c->inject_styles.list[0], LLMOBS_STYLE_DATADOG);
    ck_assert_int_eq(c->inject_styles.list[1], LLMOBS_STYLE_TRACECONTEXT);
    ck_assert_int_eq(c->inject_styles.list[2], LLMOBS_STYLE_BAGGAGE);
    ck_assert_mem_eq(&c->inject_styles, &c->extract_styles,
                     sizeof(c->inject_styles));
    ck_assert(!c->extract_first);
    ck_assert_int_eq(c->extract, LLMOBS_EXTRACT_CONTINUE);
    ck_assert_int_eq(c->tags_header_max, 512);
    ck_assert(c->trace_id_128);
    ck_assert_int_eq(c->inject, LLMOBS_INJECT_DEFAULT);
    ck_assert_int_eq(complaint_count, 0);
}

static const struct {
    const char *value;
    int want;
    int complaints;
} tristates[] = {
    {"DD_LLMOBS_AGENTLESS_ENABLED=", -1, 0},
    {"DD_LLMOBS_AGENTLESS_ENABLED=1", 1, 0},
    {"DD_LLMOBS_AGENTLESS_ENABLED=True", 1, 0},
    {"DD_LLMOBS_AGENTLESS_ENABLED=0", 0, 0},
    {"DD_LLMOBS_AGENTLESS_ENABLED=FALSE", 0, 0},
    {"DD_LLMOBS_AGENTLESS_ENABLED=yes", 0, 1},
    {"DD_LLMOBS_AGENTLESS_ENABLED= 1", 0, 1},
};

TEST(agentless_is_yes_no_or_open)
{
    for (size_t i = 0; i < sizeof(tristates) / sizeof(*tristates); i++) {
        struct llmobs_config *c = LOAD(tristates[i].value);

        ck_assert_msg(c->agentless == tristates[i].want, "%s",
                      tristates[i].value);
        ck_assert_int_eq(complaint_count, tristates[i].complaints);
    }
}

static const struct {
    const char *env[4];
    const char *url;
    bool configured;
    int complaints;
} agents[] = {
    {{"DD_TRACE_AGENT_URL=http://a:1"}, "http://a:1", true, 0},
    {{"DD_TRACE_AGENT_URL=http://a:1/"}, "http://a:1", true, 0},
    {{"DD_TRACE_AGENT_URL= HTTPS://A:1/b// "}, "https://A:1/b", true, 0},
    {{"DD_TRACE_AGENT_URL=unix:///run/a.socket"},
     "unix:///run/a.socket",
     true,
     0},
    {{"DD_TRACE_AGENT_URL=http://a:1", "DD_AGENT_HOST=b"},
     "http://a:1",
     true,
     0},
    {{"DD_AGENT_HOST=b"}, "http://b:8126", true, 0},
    {{"DD_AGENT_PORT=99"}, "http://localhost:99", true, 0},
    {{"DD_AGENT_HOST=b", "DD_AGENT_PORT=99"}, "http://b:99", true, 0},
    {{"DD_AGENT_HOST=b", "DD_TRACE_AGENT_HOSTNAME=old"},
     "http://old:8126",
     true,
     0},
    {{"DD_AGENT_PORT=99", "DD_TRACE_AGENT_PORT=98"},
     "http://localhost:98",
     true,
     0},
    {{"DD_AGENT_PORT=99", "DD_TRACE_AGENT_PORT=x"},
     "http://localhost:99",
     true,
     1},
    {{"DD_AGENT_HOST=::1"}, "http://[::1]:8126", true, 0},
    {{"DD_AGENT_HOST=[fe80::1]", "DD_AGENT_PORT=7"},
     "http://[fe80::1]:7",
     true,
     0},
    {{"DD_AGENT_HOST= b "}, "http://b:8126", true, 0},
    {{"DD_AGENT_HOST=b", "DD_AGENT_PORT=0"}, "http://b:8126", true, 1},
    {{"DD_TRACE_AGENT_URL=ftp://a", "DD_AGENT_HOST=b"},
     "http://b:8126",
     true,
     1},
    {{"DD_TRACE_AGENT_URL=unix://", "DD_AGENT_HOST=b"},
     "http://b:8126",
     true,
     1},
    {{"DD_TRACE_AGENT_URL=unix://rel/x", "DD_AGENT_HOST=b"},
     "http://b:8126",
     true,
     1},
    {{"DD_TRACE_AGENT_URL=http:///x", "DD_AGENT_HOST=b"},
     "http://b:8126",
     true,
     1},
    {{"DD_TRACE_AGENT_URL=http://", "DD_AGENT_HOST=b"},
     "http://b:8126",
     true,
     1},
    {{"DD_TRACE_AGENT_URL=http://a:0/x", "DD_AGENT_HOST=b"},
     "http://b:8126",
     true,
     1},
    {{"DD_TRACE_AGENT_URL=http://a:65536", "DD_AGENT_HOST=b"},
     "http://b:8126",
     true,
     1},
    {{"DD_TRACE_AGENT_URL=/", "DD_AGENT_HOST=b"}, "http://b:8126", true, 1},
    {{"DD_TRACE_AGENT_URL=http://a\r\nX: y", "DD_AGENT_HOST=b"},
     "http://b:8126",
     true,
     1},
    {{"DD_AGENT_HOST=b/c", "DD_AGENT_PORT=1"}, "http://localhost:1", true, 1},
    {{"DD_AGENT_HOST=" SECRET "@b", "DD_AGENT_PORT=1"},
     "http://localhost:1",
     true,
     1},
};

TEST(the_agent_is_found_in_order)
{
    for (size_t i = 0; i < sizeof(agents) / sizeof(*agents); i++) {
        struct llmobs_config *c = config_case_load(agents[i].env);

        ck_assert_msg(strcmp(c->agent_url, agents[i].url) == 0, "%s: %s",
                      agents[i].env[0], c->agent_url);
        ck_assert(c->agent_configured == agents[i].configured);
        ck_assert_msg(complaint_count == agents[i].complaints, "%s: %s",
                      agents[i].env[0], complaints);
    }
}

/* Step 3 depends on the machine: both answers are right where they hold. */
TEST(the_agent_of_nothing)
{
    static const char socket[] = "/var/run/datadog/apm.socket";
    struct llmobs_config *c = LOAD("DD_AGENT_HOST=", "DD_TRACE_AGENT_PORT=");
    struct stat st;
    bool there = stat(socket, &st) == 0;

    ck_assert_str_eq(c->agent_url, there ? "unix:///var/run/datadog/apm.socket"
                                         : "http://localhost:8126");
    ck_assert(c->agent_configured == there);
}

TEST(the_key_is_trimmed_and_never_told)
{
    struct llmobs_config *c = LOAD("DD_API_KEY= \t" SECRET "\n ");

    ck_assert_str_eq(c->api_key, SECRET);
    ck_assert_int_eq(complaint_count, 0);
    c = LOAD("DD_API_KEY= \n");
    ck_assert_ptr_null(c->api_key);
    c = LOAD("DD_API_KEY=" SECRET "\r\nX-Evil: 1");
    ck_assert_ptr_null(c->api_key);
    ck_assert_int_eq(complaint_count, 1);
    ck_assert_ptr_null(strstr(complaints, "Evil"));
    c = LOAD("DD_EXTERNAL_ENV= it-false,cn-x ", "DD_API_KEY=a\x7f");
    ck_assert_str_eq(c->external_env, "it-false,cn-x");
    ck_assert_ptr_null(c->api_key);
    c = LOAD("DD_EXTERNAL_ENV=a\nb");
    ck_assert_ptr_null(c->external_env);
    ck_assert_int_eq(complaint_count, 1);
}

static const struct {
    const char *value;
    const char *site;
    int complaints;
} sites[] = {
    {"DD_SITE=", "datadoghq.com", 0},
    {"DD_SITE= ", "datadoghq.com", 0},
    {"DD_SITE= datadoghq.eu ", "datadoghq.eu", 0},
    {"DD_SITE=localhost:8443", "localhost:8443", 0},
    {"DD_SITE=ddog-gov.com", "ddog-gov.com", 1},
    {"DD_SITE=us2.DDOG-GOV.com", "us2.DDOG-GOV.com", 1},
    {"DD_SITE=https://datadoghq.eu/", "https://datadoghq.eu/", 1},
    {"DD_SITE=not-ddog-gov.com", "not-ddog-gov.com", 0},
    {"DD_SITE=a b", "a b", 1},
    {"DD_SITE=eu", "eu", 0}, /* no key goes there */
};

TEST(a_site_is_kept_as_it_is)
{
    for (size_t i = 0; i < sizeof(sites) / sizeof(*sites); i++) {
        struct llmobs_config *c = LOAD(sites[i].value);

        ck_assert_str_eq(c->site, sites[i].site);
        ck_assert_msg(complaint_count == sites[i].complaints, "%s: %s",
                      sites[i].value, complaints);
    }
}

static const struct {
    const char *value;
    const char *origin;
    int complaints;
} origins[] = {
    {"DD_LLMOBS_OVERRIDE_ORIGIN=http://h:8080/foo", "http://h:8080/foo", 0},
    {"DD_LLMOBS_OVERRIDE_ORIGIN=http://h:8080/", "http://h:8080", 0},
    {"DD_LLMOBS_OVERRIDE_ORIGIN=unix:///x", "unix:///x", 0},
    {"DD_LLMOBS_OVERRIDE_ORIGIN=h:8080", NULL, 1},
    {"DD_LLMOBS_OVERRIDE_ORIGIN=http://h x", NULL, 1},
    {"DD_LLMOBS_OVERRIDE_ORIGIN=http://?", NULL, 1},
    {"DD_LLMOBS_OVERRIDE_ORIGIN=https://:80", NULL, 1},
    {"DD_LLMOBS_OVERRIDE_ORIGIN=https://[::1]:80", "https://[::1]:80", 0},
};

TEST(another_origin)
{
    for (size_t i = 0; i < sizeof(origins) / sizeof(*origins); i++) {
        struct llmobs_config *c = LOAD(origins[i].value);

        if (origins[i].origin)
            ck_assert_str_eq(c->override_origin, origins[i].origin);
        else
            ck_assert_ptr_null(c->override_origin);
        ck_assert_msg(complaint_count == origins[i].complaints, "%s",
                      origins[i].value);
    }
}

#define HEADERS "_DD_TRACE_WRITER_ADDITIONAL_HEADERS="

static const struct {
    const char *value;
    const char *headers[4];
    int complaints;
} header_maps[] = {
    {HEADERS "X-Datadog-Test-Session-Token:abc",
     {"X-Datadog-Test-Session-Token: abc"},
     0},
    {HEADERS "A:1,B : x:y ,A:2", {"A: 2", "B: x:y"}, 0},
    {HEADERS "A:1 B:2", {"A: 1", "B: 2"}, 0},
    {HEADERS "A:b c,B:2", {"A: b c", "B: 2"}, 0},
    {HEADERS "A:1\r\nX-Evil: 1", {NULL}, 1},
    {HEADERS "A:1,B:x\ny,C:3", {"A: 1", "C: 3"}, 1},
    {HEADERS "A\r\nX-Evil:1,C:3", {"C: 3"}, 1},
    {HEADERS "Bad Name:" SECRET ",C:3", {"C: 3"}, 1},
    {HEADERS "A:,B,C:3", {"C: 3"}, 1},
    {HEADERS "content-length:3,Transfer-Encoding:chunked,C:3", {"C: 3"}, 1},
    {HEADERS ":x,,", {NULL}, 0},
};

TEST(further_headers_cannot_be_injected)
{
    for (size_t i = 0; i < sizeof(header_maps) / sizeof(*header_maps); i++) {
        struct llmobs_config *c = LOAD(header_maps[i].value);
        size_t k = 0;

        for (; header_maps[i].headers[k]; k++) {
            ck_assert_msg(c->extra_headers[k], "%s", header_maps[i].value);
            ck_assert_str_eq(c->extra_headers[k], header_maps[i].headers[k]);
        }
        ck_assert_ptr_null(c->extra_headers[k]);
        ck_assert_msg(complaint_count == header_maps[i].complaints, "%s",
                      header_maps[i].value);
    }
}

TEST(numbers_of_deliveries)
{
    struct llmobs_config *c = LOAD("DD_LLMOBS_PAYLOAD_SIZE_BYTES=1024",
                                   "_DD_LLMOBS_WRITER_TIMEOUT=0.25",
                                   "DD_TRACE_AGENT_TIMEOUT_SECONDS=3",
                                   "DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH=-5");

    ck_assert_int_eq(c->payload_max, 1024);
    ck_assert_int_eq(c->writer_timeout_ms, 250);
    ck_assert_int_eq(c->agent_timeout_ms, 3000);
    ck_assert_int_eq(c->tags_header_max, 0);
    ck_assert_int_eq(complaint_count, 0);
    c = LOAD("DD_LLMOBS_PAYLOAD_SIZE_BYTES=1023", "_DD_LLMOBS_WRITER_TIMEOUT=0",
             "DD_TRACE_AGENT_TIMEOUT_SECONDS=-1",
             "DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH=many");
    ck_assert_int_eq(c->payload_max, 5242880);
    ck_assert_int_eq(c->writer_timeout_ms, 5000);
    ck_assert_int_eq(c->agent_timeout_ms, 2000);
    ck_assert_int_eq(c->tags_header_max, 512);
    ck_assert_int_eq(complaint_count, 4);
    c = LOAD("DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH=0");
    ck_assert_int_eq(c->tags_header_max, 0);
}

TEST(certificates_in_order)
{
    struct llmobs_config *c = LOAD("CURL_CA_BUNDLE=/c");

    ck_assert_str_eq(c->ca_file, "/c");
    c = LOAD("CURL_CA_BUNDLE=/c", "SSL_CERT_FILE=/s");
    ck_assert_str_eq(c->ca_file, "/s");
    c = LOAD("CURL_CA_BUNDLE=/c", "SSL_CERT_FILE=/s", "LLMOBS_CA_FILE=/l");
    ck_assert_str_eq(c->ca_file, "/l");
}

/* Styles as letters, in their order. */
static const char *letters(const struct llmobs_styles *styles)
{
    static char text[LLMOBS_STYLE_COUNT + 1];

    for (size_t i = 0; i < styles->count; i++)
        text[i] = "dtbsm"[styles->list[i]];
    text[styles->count] = '\0';
    return text;
}

#define STYLE "DD_TRACE_PROPAGATION_STYLE"
#define OTEL "OTEL_PROPAGATORS"

static const struct {
    const char *env[4];
    const char *inject;
    const char *extract;
    int complaints;
} styles[] = {
    {{STYLE "=datadog"}, "d", "d", 0},
    {{STYLE "= TraceContext , B3,b3multi "}, "tsm", "tsm", 0},
    {{STYLE "=none"}, "", "", 0},
    {{STYLE "=none,datadog"}, "d", "d", 0},
    {{STYLE "=datadog,datadog,tracecontext,datadog"}, "dt", "dt", 0},
    {{STYLE "=jaeger,datadog"}, "d", "d", 1},
    {{STYLE "=jaeger"}, "", "", 1},
    {{STYLE "=,,datadog,"}, "d", "d", 0},
    {{STYLE "=datadog tracecontext"}, "", "", 1},
    {{STYLE "_INJECT=none"}, "", "dtb", 0},
    {{STYLE "_EXTRACT=b3"}, "dtb", "s", 0},
    {{STYLE "=b3", STYLE "_INJECT=datadog"}, "d", "s", 0},
    {{STYLE "=b3", STYLE "_EXTRACT=tracecontext,datadog"}, "s", "td", 0},
    {{STYLE "=bad", STYLE "_INJECT=datadog", STYLE "_EXTRACT=none"},
     "d",
     "",
     0},
    {{STYLE "_INJECT=odd,tracecontext", STYLE "_EXTRACT=odd"}, "t", "", 2},
    {{STYLE "_INJECT="}, "dtb", "dtb", 0},
    {{OTEL "=tracecontext"}, "t", "t", 0},
    {{OTEL "= TraceContext,baggage ,b3,B3Multi"}, "tbsm", "tbsm", 0},
    {{OTEL "=none"}, "", "", 0},
    {{OTEL "="}, "dtb", "dtb", 0},
    {{OTEL "=jaeger,tracecontext,xray,ottrace"}, "t", "t", 3},
    {{OTEL "=jaeger"}, "", "", 1},
    {{OTEL "=tracecontext", STYLE "=datadog"}, "d", "d", 0},
    {{OTEL "=tracecontext", STYLE "="}, "t", "t", 0},
    {{OTEL "=none", STYLE "_INJECT=b3"}, "s", "dtb", 0},
    {{OTEL "=jaeger", STYLE "_EXTRACT=none"}, "dtb", "", 0},
};

TEST(styles_as_documented)
{
    for (size_t i = 0; i < sizeof(styles) / sizeof(*styles); i++) {
        struct llmobs_config *c = config_case_load(styles[i].env);

        ck_assert_msg(strcmp(letters(&c->inject_styles), styles[i].inject) == 0,
                      "%zu: inject %s", i, letters(&c->inject_styles));
        ck_assert_msg(strcmp(letters(&c->extract_styles), styles[i].extract) ==
                          0,
                      "%zu: extract %s", i, letters(&c->extract_styles));
        ck_assert_msg(complaint_count == styles[i].complaints, "%zu: %s", i,
                      complaints);
    }
}

static const struct {
    const char *value;
    int extract;
    int inject;
    int complaints;
} choices[] = {
    {"DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT=continue", 0, 0, 0},
    {"DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT=Restart", 1, 0, 0},
    {"DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT=ignore", 2, 0, 0},
    {"DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT=ignor", 0, 0, 1},
    {"DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT=restart, ignore", 0, 0, 1},
    {"LLMOBS_INJECT=default", 0, 0, 0},
    {"LLMOBS_INJECT=all", 0, 1, 0},
    {"LLMOBS_INJECT=NONE", 0, 2, 0},
    {"LLMOBS_INJECT=off", 0, 0, 1},
    {"LLMOBS_INJECT=gateway:4000,[::1]", 0, 0, 0},
    {"LLMOBS_INJECT=https://api.example.com", 0, 0, 1},
};

static const struct {
    const char *value;
    int callsite;
    int complaints;
} callsites[] = {
    {"LLMOBS_CALLSITE=", 8, 0},
    {"LLMOBS_CALLSITE=off", LLMOBS_CALLSITE_OFF, 0},
    {"LLMOBS_CALLSITE=Address", LLMOBS_CALLSITE_ADDRESS, 0},
    {"LLMOBS_CALLSITE=stack:1", 1, 0},
    {"LLMOBS_CALLSITE=STACK:16", 16, 0},
    {"LLMOBS_CALLSITE=stack:007", 7, 0},
    {"LLMOBS_CALLSITE=stack:0", 8, 1},
    {"LLMOBS_CALLSITE=stack:17", 8, 1},
    {"LLMOBS_CALLSITE=stack:4294967297", 8, 1},
    {"LLMOBS_CALLSITE=stack:-1", 8, 1},
    {"LLMOBS_CALLSITE=stack:8x", 8, 1},
    {"LLMOBS_CALLSITE=stack:", 8, 1},
    {"LLMOBS_CALLSITE=stack", 8, 1},
    {"LLMOBS_CALLSITE=8", 8, 1},
    {"LLMOBS_CALLSITE=on", 8, 1},
};

TEST(callsites_are_counted)
{
    for (size_t i = 0; i < sizeof(callsites) / sizeof(*callsites); i++) {
        struct llmobs_config *c = LOAD(callsites[i].value);

        ck_assert_msg(c->callsite == callsites[i].callsite, "%s: %d",
                      callsites[i].value, c->callsite);
        ck_assert_int_eq(complaint_count, callsites[i].complaints);
    }
}

TEST(choices_are_words)
{
    for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
        struct llmobs_config *c = LOAD(choices[i].value);

        ck_assert_msg((int)c->extract == choices[i].extract, "%s",
                      choices[i].value);
        ck_assert_msg((int)c->inject == choices[i].inject, "%s",
                      choices[i].value);
        ck_assert_int_eq(complaint_count, choices[i].complaints);
    }
}

TEST(switches_of_tracing)
{
    struct llmobs_config *c =
        LOAD("DD_TRACE_PROPAGATION_EXTRACT_FIRST=1",
             "DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED=false");

    ck_assert(c->extract_first);
    ck_assert(!c->trace_id_128);
    c = LOAD("DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED=TRUE",
             "DD_APM_TRACING_ENABLED=false", "DD_TRACE_ENABLED=false");
    ck_assert(c->trace_id_128);
    ck_assert_int_eq(complaint_count, 0);
    c = LOAD("DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED=64");
    ck_assert(!c->trace_id_128);
    ck_assert_int_eq(complaint_count, 1);
}

TEST(baggage_of_the_environment)
{
    struct llmobs_config *c = LOAD("BAGGAGE=a=1");

    ck_assert_str_eq(c->carrier.baggage, "a=1");
    c = LOAD("BAGGAGE=a=1", "HTTP_BAGGAGE=b=2");
    ck_assert_str_eq(c->carrier.baggage, "a=1");
    c = LOAD("HTTP_BAGGAGE=b=2");
    ck_assert_str_eq(c->carrier.baggage, "b=2");
    c = LOAD("TRACEPARENT=tp", "HTTP_BAGGAGE=b=2");
    ck_assert_ptr_null(c->carrier.baggage);
}
