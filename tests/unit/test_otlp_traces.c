/* Tests spans as OTLP. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "core/export/otlp_traces.h"
#include "core/export/resource.h"
#include "llmobs.h"
#include "tests/support/otlp_reader.h"
#include "tests/unit/json_case.h"

#define SCHEMA "https://opentelemetry.io/schemas/"
#define TRACE_A "0000000000000001ffffffffffffffff"
#define TRACE_B "00000000000000010000000000000001"

/* An event with these members beside the ids. */
#define EVENT(id, more)                                                        \
    "{" more "\"_dd\": {\"apm_trace_id\": \"" TRACE_A "\", \"span_id\": \"" id \
    "\"}, \"duration\": 5, \"meta\": "                                         \
    "{\"span\": {\"kind\": \"llm\"}}, \"metrics\": {}, \"name\": "             \
    "\"n\", \"parent_id\": \"undefined\", \"span_id\": \"" id "\", "           \
    "\"start_ns\": 1000, \"status\": \"ok\", \"trace_id\": \"" TRACE_A "\"}"

static struct llmobs_text text_of(const char *string)
{
    return (struct llmobs_text){string, strlen(string)};
}

/* Gives the request of these events, which end with NULL. */
static struct llmobs_json *request_of(const char *const *events, bool json,
                                      size_t *left_out)
{
    struct llmobs_config config = {.otlp.semconv = LLMOBS_SEMCONV_1_41};
    struct llmobs_text texts[8];
    struct llmobs_json *read;
    struct llmobs_buf out;
    const char *why;
    size_t count = 0;

    config.otlp.signals[LLMOBS_SIGNAL_TRACES].json = json;
    config.otlp.value_max = config.otlp.attribute_max = INT64_MAX;
    for (; events[count]; count++)
        texts[count] = text_of(events[count]);
    llmobs_buf_init(&out, SIZE_MAX);
    ck_assert_int_eq(
        llmobs_otlp_traces(&config, true, texts, count, &out, left_out), 0);
    read = (json ? otlp_read_json : otlp_read_protobuf)(
        "traces", (struct llmobs_text){out.data, out.len}, &why);
    ck_assert_msg(read != NULL, "%s", why);
    llmobs_buf_fini(&out);
    return read;
}

static const struct llmobs_json *resource_at(const struct llmobs_json *request,
                                             size_t i)
{
    return llmobs_json_at(llmobs_json_get(request, "resourceSpans"), i);
}

static const struct llmobs_json *scope_of(const struct llmobs_json *resource)
{
    return llmobs_json_at(llmobs_json_get(resource, "scopeSpans"), 0);
}

/* -- groups ---------------------------------------------------------------- */

TEST(test_otlp_groups)
{
    static const char *const events[] = {
        EVENT("1", "\"_call\": {\"pid\": 10}, "),
        EVENT("2", "\"_call\": {\"pid\": 11}, "),
        "no event",
        "{}",
        EVENT("3", "\"_call\": {\"pid\": 10}, "),
        EVENT("0", "\"_call\": {\"pid\": 10}, "),
        NULL,
    };
    static const char *const ids[][2] = {
        {"0000000000000001", "0000000000000003"}, {"0000000000000002", NULL}};
    size_t left_out;

    for (int json = 0; json < 2; json++) {
        struct llmobs_json *read = request_of(events, json, &left_out);

        ck_assert_uint_eq(left_out, 3);
        ck_assert_uint_eq(
            llmobs_json_len(llmobs_json_get(read, "resourceSpans")), 2);
        for (size_t i = 0; i < 2; i++) {
            const struct llmobs_json *scope = scope_of(resource_at(read, i));
            const struct llmobs_json *spans = llmobs_json_get(scope, "spans");

            ck_assert_str_eq(llmobs_json_gets(scope, "schemaUrl"),
                             SCHEMA "1.41.0");
            for (size_t k = 0; k < 2 && ids[i][k]; k++)
                ck_assert_str_eq(
                    llmobs_json_gets(llmobs_json_at(spans, k), "spanId"),
                    ids[i][k]);
            ck_assert_uint_eq(llmobs_json_len(spans), ids[i][1] ? 2 : 1);
        }
        llmobs_json_free(read);
    }
}

TEST(test_otlp_nothing_to_send)
{
    struct llmobs_config config = {.service = NULL};
    struct llmobs_text text = text_of("{}");
    UNIT_ENDS(llmobs_buf) out;
    size_t left_out;

    llmobs_buf_init(&out, SIZE_MAX);
    ck_assert_int_eq(
        llmobs_otlp_traces(&config, true, &text, 1, &out, &left_out), -EINVAL);
    ck_assert_uint_eq(left_out, 1);
    ck_assert_uint_eq(out.len, 0);
}

/* -- resources ------------------------------------------------------------- */

/* "key=value" of each attribute but the library's, with ";" behind it. */
static char *resource_text(const struct llmobs_json *resource)
{
    const struct llmobs_json *list =
        llmobs_json_get(llmobs_json_get(resource, "resource"), "attributes");
    struct llmobs_buf out;
    size_t own = 0;

    llmobs_buf_init(&out, SIZE_MAX);
    llmobs_buf_adds(&out, "");
    for (size_t i = 0; i < llmobs_json_len(list); i++) {
        const struct llmobs_json *pair = llmobs_json_at(list, i);
        const struct llmobs_json *value = llmobs_json_get(pair, "value");
        const char *key = llmobs_json_gets(pair, "key");
        const char *text = llmobs_json_gets(value, "stringValue");

        if (strncmp(key, "telemetry.sdk.", 14) == 0)
            own++;
        else
            llmobs_buf_addf(&out, "%s=%s;", key,
                            text ? text : llmobs_json_gets(value, "intValue"));
    }
    ck_assert_uint_eq(own, 3);
    return llmobs_buf_take(&out, NULL);
}

static const struct {
    const char *event;
    const char *resource;
} origins[] = {
    /* the name of the service, by its order */
    {EVENT("1", ""), "service.name=unknown_service;"},
    {EVENT("1", "\"_call\": {\"executable\": \"curl\"}, "),
     "service.name=unknown_service:curl;process.executable.name=curl;"},
    {EVENT("1", "\"_call\": {\"hostname\": \"box\"}, "),
     "service.name=unknown_service;host.name=box;"},
    {EVENT("1", "\"_call\": {\"hostname\": \"box\", "
                "\"resource\": \"host.name=mine\"}, "),
     "service.name=unknown_service;host.name=mine;"},
    {EVENT("1", "\"tags\": [\"ml_app:unnamed-ml-app\"], "),
     "service.name=unknown_service;"},
    {EVENT("1", "\"tags\": [\"ml_app:m\", \"service:\"], "), "service.name=m;"},
    {EVENT("1", "\"tags\": [\"ml_app:m\", \"service:s:t\"], "),
     "service.name=s:t;"},
    {EVENT("1", "\"_call\": {\"resource\": \"service.name=a%20b\"}, "
                "\"tags\": [\"service:s\"], "),
     "service.name=a b;"},
    {EVENT("1", "\"_call\": {\"resource\": \"service.name=r\", "
                "\"service\": \"o\"}, \"tags\": [\"service:s\"], "),
     "service.name=o;"},
    {EVENT("1", "\"_call\": {\"resource\": \"service.name=\"}, "
                "\"tags\": [\"service:s\"], "),
     "service.name=s;"},
    /* the user's attributes win, the last of a key */
    {EVENT("1", "\"_call\": {\"pid\": 7, \"resource\": \"a=1,deployment."
                "environment.name=x,a=2,b=%2C,process.pid=9\"}, "
                "\"tags\": [\"env:e\", \"service:s\", \"version:v\"], "),
     "service.name=s;service.version=v;a=2;deployment.environment.name=x;b=,;"
     "process.pid=9;"},
    {EVENT("1", "\"_call\": {\"pid\": 7}, "
                "\"tags\": [\"env:e\", \"service:s\", \"version:v\"], "),
     "service.name=s;service.version=v;deployment.environment.name=e;"
     "process.pid=7;"},
    /* but not over the library's name */
    {EVENT("1", "\"_call\": {\"resource\": \"telemetry.sdk.name=x,"
                "service%2Ename=y\"}, "),
     "service.name=y;"},
};

TEST(test_otlp_resources)
{
    for (size_t i = 0; i < sizeof(origins) / sizeof(*origins); i++) {
        const char *const events[] = {origins[i].event, NULL};

        for (int json = 0; json < 2; json++) {
            size_t left_out;
            struct llmobs_json *read = request_of(events, json, &left_out);
            char *text = resource_text(resource_at(read, 0));

            ck_assert_str_eq(text, origins[i].resource);
            free(text);
            llmobs_json_free(read);
        }
    }
}

/* As long as the configuration takes one: the time must not grow with the
 * square of it. */
TEST(test_otlp_many_attributes)
{
    struct llmobs_otlp_origin origin = {.pid = 0};
    struct llmobs_otlp_writer w;
    struct llmobs_buf list, out;
    int64_t begun = llmobs_clock_read_ns(CLOCK_THREAD_CPUTIME_ID);

    llmobs_buf_init(&list, SIZE_MAX);
    llmobs_buf_init(&out, SIZE_MAX);
    for (int i = 0; i < 20000; i++)
        llmobs_buf_addf(&list, "k%d=%d,", i, i);
    origin.parts[LLMOBS_ORIGIN_RESOURCE] =
        (struct llmobs_text){list.data, list.len};
    llmobs_otlp_begin(&w, &out, true);
    llmobs_otlp_resource(&w, &origin, (struct llmobs_text){NULL, 0});
    ck_assert_int_eq(llmobs_otlp_end(&w), 0);
    ck_assert_ptr_nonnull(strstr(out.data, "\"k19999\""));
    /* The square takes minutes. */
    ck_assert_int_lt(llmobs_clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - begun,
                     INT64_C(5000000000));
    llmobs_buf_fini(&list);
    llmobs_buf_fini(&out);
}

TEST(test_otlp_library)
{
    static const char *const events[] = {EVENT("1", ""), NULL};
    size_t left_out;
    struct llmobs_json *read = request_of(events, true, &left_out);
    char *resource =
        llmobs_json_dumps(llmobs_json_get(resource_at(read, 0), "resource"), 0);
    char *scope = llmobs_json_dumps(
        llmobs_json_get(scope_of(resource_at(read, 0)), "scope"), 0);

    ck_assert_ptr_nonnull(strstr(resource, "\"llmobs-preload\""));
    ck_assert_ptr_nonnull(strstr(resource, "\"c\""));
    ck_assert_ptr_nonnull(strstr(resource, LLMOBS_VERSION));
    ck_assert_str_eq(scope, "{\"name\": \"llmobs-preload\", "
                            "\"version\": \"" LLMOBS_VERSION "\"}");
    free(resource);
    free(scope);
    llmobs_json_free(read);
}

TEST(test_otlp_schemas)
{
    static const char *const urls[] = {
        [LLMOBS_SEMCONV_1_41] = SCHEMA "1.41.0",
        [LLMOBS_SEMCONV_LATEST] = SCHEMA "gen-ai/1.42.0",
    };

    for (int i = 0; i <= LLMOBS_SEMCONV_LATEST; i++)
        ck_assert_str_eq(llmobs_otlp_schema_url((enum llmobs_semconv)i).data,
                         urls[i]);
}

/* -- sampling -------------------------------------------------------------- */

static bool is_sampled(enum llmobs_otlp_sampler sampler, double ratio,
                       const char *event)
{
    struct llmobs_config config = {
        .otlp = {.sampler = sampler, .sampler_ratio = ratio},
    };

    return llmobs_otlp_is_sampled(&config,
                                  (struct llmobs_text){event, strlen(event)});
}

#define FLAGS(flags)                  \
    "{\"_call\": {\"flags\": " #flags \
    "}, \"_dd\": {\"apm_trace_id\": \"" TRACE_A "\"}}"
#define OLD(trace) "{\"_dd\": {\"apm_trace_id\": \"" trace "\"}}"

static const struct {
    const char *event;
    const char *kept; /* by always_on, always_off, traceidratio 0.5 */
} samples[] = {
    /* the process that made the span has decided */
    {FLAGS(257), "111"},
    {FLAGS(769), "111"},
    {FLAGS(256), "000"},
    {FLAGS(768), "000"},
    /* an event of an older version, in both halves of the ids */
    {OLD(TRACE_A), "100"},
    {OLD(TRACE_B), "101"},
};

TEST(test_otlp_samplers)
{
    for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
        char kept[4] = "";

        for (int k = 0; k < 3; k++)
            kept[k] =
                is_sampled((enum llmobs_otlp_sampler)k, 0.5, samples[i].event)
                    ? '1'
                    : '0';
        ck_assert_msg(strcmp(kept, samples[i].kept) == 0, "%zu: %s", i, kept);
    }
}

TEST(test_otlp_ratios)
{
    ck_assert(is_sampled(LLMOBS_OTLP_SAMPLER_RATIO, 1, OLD(TRACE_A)));
    ck_assert(!is_sampled(LLMOBS_OTLP_SAMPLER_RATIO, 0, OLD(TRACE_B)));
    ck_assert(is_sampled(LLMOBS_OTLP_SAMPLER_RATIO, 0.0001, OLD(TRACE_B)));
    ck_assert(!is_sampled(LLMOBS_OTLP_SAMPLER_RATIO, 0.9999, OLD(TRACE_A)));
}
