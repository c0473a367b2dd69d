/* Tests lists of trace headers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/trace/carrier.h"
#include "core/trace/inject.h"
#include "tests/unit/unit.h"

#define URL "http://gw.example:4000/v1/chat/completions"
#define PARENT                                          \
    "traceparent: 00-6affe73a00000000c3d1e2f3a4b5c6d7-" \
    "6573f78e6e7bca2b-01"

static struct llmobs_config base(void)
{
    return (struct llmobs_config){
        .ml_app = (char *)"app",
        .sample_rate = 1,
        .trace_id_128 = true,
        .tags_header_max = 512,
        .inject_styles = {{LLMOBS_STYLE_DATADOG, LLMOBS_STYLE_TRACECONTEXT,
                           LLMOBS_STYLE_BAGGAGE},
                          3},
        .extract_styles = {{LLMOBS_STYLE_DATADOG, LLMOBS_STYLE_TRACECONTEXT,
                            LLMOBS_STYLE_BAGGAGE},
                           3}};
}

/* A list in static memory: texts end with NULL. */
static struct curl_slist *list_of(const char *const *texts)
{
    static struct curl_slist nodes[16];
    size_t n = 0;

    for (; texts[n]; n++)
        nodes[n] =
            (struct curl_slist){(char *)(uintptr_t)texts[n], &nodes[n + 1]};
    if (n == 0)
        return NULL;
    nodes[n - 1].next = NULL;
    return nodes;
}

static struct llmobs_inject inject;
static struct llmobs_context context;

/* As capture does it; the names that were added, each with a blank behind. */
static const char *added_for(const struct llmobs_config *config,
                             struct curl_slist *list, const char *url)
{
    static char out[512];
    struct llmobs_own_headers own;
    struct llmobs_inject_plan plan = {.config = config,
                                      .own = &own,
                                      .url = url,
                                      .baggage = config->carrier.baggage};

    out[0] = '\0';
    llmobs_inject_scan(list, url, &own);
    plan.continued =
        llmobs_context_from_carrier(&context, config, &own.carrier);
    plan.sender = llmobs_propagate_span(&context);
    if (plan.continued)
        plan.sender.apm_span_id = context.apm_parent_id;
    if (!llmobs_inject_fill(&inject, &plan))
        return out;
    for (const struct curl_slist *node = llmobs_inject_link(&inject, list);
         node != list; node = node->next)
        snprintf(out + strlen(out), sizeof(out) - strlen(out), "%.*s ",
                 (int)strcspn(node->data, ":"), node->data);
    return out;
}

static const char *value_of(const char *name)
{
    for (size_t i = 0; i < inject.count; i++) {
        if (strncmp(inject.nodes[i].data, name, strlen(name)) == 0)
            return inject.nodes[i].data + strlen(name) + 2;
    }
    return "";
}

#define DATADOG                                                           \
    "x-datadog-trace-id x-datadog-parent-id x-datadog-sampling-priority " \
    "x-datadog-tags "
#define W3C "traceparent tracestate "

static const struct {
    const char *list[5];
    const char *added;
} owns[] = {
    {{NULL}, DATADOG W3C},
    {{"Content-Type: a", "X-Other: b", "Tracer: c", "B: d", NULL}, DATADOG W3C},
    /* A context of its own is completed, never overwritten. */
    {{PARENT, NULL}, DATADOG},
    {{"TraceParent:  00-6affe73a00000000c3d1e2f3a4b5c6d7-6573f78e6e7bca2b-00",
      NULL},
     DATADOG},
    {{PARENT, "x-datadog-tags: _dd.p.dm=-1", NULL}, ""},
    {{"x-datadog-trace-id: 5", "x-datadog-parent-id: 6", NULL},
     "x-datadog-tags "},
    {{"X-Datadog-Trace-Id: 5", "X-Datadog-Parent-Id: 6",
      "X-Datadog-Tags: _dd.p.dm=-1", NULL},
     ""},
    {{"x-datadog-trace-id: 5", "x-datadog-parent-id: 6", PARENT, NULL},
     "x-datadog-tags "},
    {{"x-datadog-tags: _dd.p.dm=-1", NULL}, W3C},
    {{"x-datadog-origin: rum", NULL}, W3C},
    {{"tracestate: a=b", NULL}, DATADOG},
    {{"baggage: a=b", NULL}, DATADOG W3C},
    /* Not readable: it is still the app's. */
    {{"traceparent: x", NULL}, ""},
    {{"x-datadog-trace-id: 0", NULL}, ""},
    {{"traceparent:", NULL}, ""},
    {{"Traceparent;", NULL}, ""},
    {{"x-datadog-tags;", NULL}, W3C},
    {{"traceparent", NULL}, DATADOG W3C}, /* libcurl does not send it */
    {{"", NULL}, DATADOG W3C},
    /* A signature covers these. */
    {{"Authorization: AWS4-HMAC-SHA256 Credential=x, "
      "SignedHeaders=host;tracestate;x-amz-date, Signature=y",
      NULL},
     DATADOG},
    {{"authorization: AWS4-HMAC-SHA256 SignedHeaders=x-datadog-origin", NULL},
     W3C},
    {{"Authorization: AWS4-HMAC-SHA256 SignedHeaders=host;x-amz-date, "
      "Signature=tracestate",
      NULL},
     DATADOG W3C},
    {{"Authorization: Bearer traceparent", NULL}, DATADOG W3C},
};

TEST(headers_of_the_app)
{
    struct llmobs_config config = base();

    for (size_t i = 0; i < sizeof(owns) / sizeof(*owns); i++) {
        const char *got = added_for(&config, list_of(owns[i].list), URL);

        ck_assert_msg(strcmp(got, owns[i].added) == 0, "row %zu: %s", i, got);
    }
    ck_assert_str_eq(
        added_for(&config, NULL,
                  URL "?a=b&X-Amz-SignedHeaders=host%3Btracestate&x=y"),
        DATADOG);
    ck_assert_str_eq(
        added_for(&config, NULL, URL "?X-Amz-SignedHeaders=host&x=traceparent"),
        DATADOG W3C);
}

TEST(an_apps_trace_is_continued)
{
    struct llmobs_config config = base();
    const char *const list[] = {PARENT, NULL};
    const char *const ids[] = {"x-datadog-trace-id: 5",
                               "x-datadog-parent-id: 6", NULL};
    char want[64];

    (void)added_for(&config, list_of(list), URL);
    ck_assert_str_eq(value_of("x-datadog-trace-id"), "14110308643596781271");
    ck_assert_str_eq(value_of("x-datadog-parent-id"), "7310458811263470123");
    snprintf(want, sizeof(want),
             "_dd.p.tid=6affe73a00000000,_dd.p.llmobs_parent_id=%llu,",
             (unsigned long long)context.span_id);
    ck_assert_int_eq(strncmp(value_of("x-datadog-tags"), want, strlen(want)),
                     0);
    (void)added_for(&config, list_of(ids), URL);
    ck_assert_ptr_null(strstr(value_of("x-datadog-tags"), "tid="));
    snprintf(want, sizeof(want), "_dd.p.llmobs_parent_id=%llu,",
             (unsigned long long)context.span_id);
    ck_assert_int_eq(strncmp(value_of("x-datadog-tags"), want, strlen(want)),
                     0);
}

static const struct {
    struct llmobs_styles styles;
    const char *added;
} styles[] = {
    {{{0}, 0}, ""},
    {{{LLMOBS_STYLE_DATADOG}, 1}, DATADOG},
    {{{LLMOBS_STYLE_TRACECONTEXT}, 1}, W3C},
    {{{LLMOBS_STYLE_TRACECONTEXT, LLMOBS_STYLE_DATADOG}, 2}, DATADOG W3C},
    {{{LLMOBS_STYLE_BAGGAGE}, 1}, "baggage "},
    {{{LLMOBS_STYLE_B3}, 1}, "b3 "},
    {{{LLMOBS_STYLE_B3MULTI}, 1}, "x-b3-traceid x-b3-spanid x-b3-sampled "},
    {{{LLMOBS_STYLE_B3MULTI, LLMOBS_STYLE_B3, LLMOBS_STYLE_BAGGAGE,
       LLMOBS_STYLE_TRACECONTEXT, LLMOBS_STYLE_DATADOG},
      5},
     DATADOG W3C "baggage b3 x-b3-traceid x-b3-spanid x-b3-sampled "},
};

TEST(styles_in_any_combination)
{
    struct llmobs_config config = base();

    config.carrier.baggage = "k=v,k2=v2";
    for (size_t i = 0; i < sizeof(styles) / sizeof(*styles); i++) {
        config.inject_styles = styles[i].styles;
        ck_assert_str_eq(added_for(&config, NULL, URL), styles[i].added);
    }
    ck_assert_str_eq(value_of("baggage"), "k=v,k2=v2");
}

TEST(no_tags_header_when_switched_off)
{
    struct llmobs_config config = base();

    config.tags_header_max = 0;
    ck_assert_str_eq(added_for(&config, NULL, URL),
                     "x-datadog-trace-id x-datadog-parent-id "
                     "x-datadog-sampling-priority " W3C);
    config.tags_header_max = 1 << 30;
    ck_assert_str_eq(added_for(&config, NULL, URL), DATADOG W3C);
}

static const struct {
    const char *value;
    bool sent;
} bags[] = {
    {"a=b", true},         {" a = b , c=d;p ", true},
    {"", false},           {"a", false},
    {"a=", false},         {"=b", false},
    {"a=b,", false},       {"a=b,c", false},
    {"a=\xc3\xa9", false}, {"a=b\r\nx: y", false},
};

TEST(baggage_goes_on_or_not_at_all)
{
    struct llmobs_config config = base();
    char big[9000];

    config.inject_styles = (struct llmobs_styles){{LLMOBS_STYLE_BAGGAGE}, 1};
    for (size_t i = 0; i < sizeof(bags) / sizeof(*bags); i++) {
        config.carrier.baggage = bags[i].value;
        ck_assert_msg((*added_for(&config, NULL, URL) != '\0') == bags[i].sent,
                      "row %zu", i);
    }
    memset(big, 'x', sizeof(big));
    big[0] = 'a';
    big[1] = '=';
    big[8192] = '\0';
    config.carrier.baggage = big;
    config.inject_styles = styles[7].styles;
    ck_assert_str_eq(added_for(&config, NULL, URL), styles[7].added);
    ck_assert_uint_eq(strlen(value_of("baggage")), 8192);
    big[8192] = 'x';
    big[8193] = '\0';
    ck_assert_ptr_null(strstr(added_for(&config, NULL, URL), "baggage"));
    for (size_t i = 0; i < 65; i++)
        memcpy(big + 4 * i, "a=b,", 4);
    big[4 * 65 - 1] = '\0';
    ck_assert_ptr_null(strstr(added_for(&config, NULL, URL), "baggage"));
    big[4 * 64 - 1] = '\0';
    ck_assert_ptr_nonnull(strstr(added_for(&config, NULL, URL), "baggage"));
    config.extract = LLMOBS_EXTRACT_IGNORE;
    ck_assert_ptr_null(strstr(added_for(&config, NULL, URL), "baggage"));
    config.extract = LLMOBS_EXTRACT_RESTART;
    ck_assert_ptr_nonnull(strstr(added_for(&config, NULL, URL), "baggage"));
}

/* True when nothing of ours would be sent. */
static bool blank(void)
{
    for (size_t i = 0; i < inject.count; i++) {
        size_t len = strlen(inject.nodes[i].data);

        if (inject.nodes[i].data[len - 1] != ':')
            return false;
    }
    return true;
}

static const struct {
    const char *line;
    bool stays;
} redirects[] = {
    {"Location: /other\r\n", true},
    {"location: other\r\n", true},
    {"LOCATION: ?x=y\r\n", true},
    {"Location: #x\r\n", true},
    {"Location: ../x:y/z\r\n", true},
    {"Location: http://gw.example:4000/x\r\n", true},
    {"Location:HTTP://GW.Example:4000\r\n", true},
    {"Location:   http://u:p@gw.example:4000/x?http://evil.example \r\n", true},
    {"Location: //gw.example:4000/x\r\n", true},
    {"Location: http:/gw.example:4000/x\r\n", true},
    {"Location: https://gw.example:4000/x\r\n", false},
    {"Location: http://gw.example/x\r\n", false},
    {"Location: http://gw.example:4001/x\r\n", false},
    {"Location: http://evil.example:4000/\r\n", false},
    {"Location: http://gw.example:4000@evil.example/\r\n", false},
    {"Location: http://gw.example:4000.evil.example/\r\n", false},
    {"Location: http://gw.example:4000\\@evil.example/\r\n", false},
    {"Location: //evil.example:4000/\r\n", false},
    {"Location: ///evil.example:4000/\r\n", false},
    {"Location: /\\evil.example:4000/\r\n", false},
    {"Location: \\\\evil.example:4000/\r\n", false},
    {"Location: http:evil\r\n", false},
    {"Location: ftp://gw.example:4000/\r\n", false},
    {"Location: javascript:1\r\n", false},
    {"Location: \vhttp://evil.example/\r\n", false},
    {"Location: \fhttp://evil.example/\r\n", false},
    {"Location:\v//evil.example/ \f\r\n", false},
    {"Location: \001http://evil.example/\r\n", false},
    {"Location: /\t/evil.example/\r\n", false},
    {"Location: \v/other\f\r\n", true},
    {"Location: //\r\n", false},
    {"Location:\r\n", false},
    {"Location: \t\r\n", false},
    {"Content-Location: http://evil.example/\r\n", true},
    {"Locations: http://evil.example/\r\n", true},
    {"Loc", true},
    {"\r\n", true},
};

TEST(redirects_away_blank_ours)
{
    struct llmobs_config config = base();

    for (size_t i = 0; i < sizeof(redirects) / sizeof(*redirects); i++) {
        const char *line = redirects[i].line;

        (void)added_for(&config, NULL, URL);
        ck_assert(!blank());
        llmobs_inject_response(&inject, line, strlen(line));
        ck_assert_msg(blank() == !redirects[i].stays, "%s", line);
        if (redirects[i].stays)
            continue;
        /* Having left, never again. */
        llmobs_inject_response(&inject, "Location: " URL, 10 + strlen(URL));
        ck_assert(blank());
    }
}

TEST(default_ports_are_one_origin)
{
    struct llmobs_config config = base();
    const char *same = "Location: https://gw.example:443/x";
    const char *other = "Location: http://gw.example:443/x";

    (void)added_for(&config, NULL, "https://u:p@gw.example/v1");
    llmobs_inject_response(&inject, same, strlen(same));
    ck_assert(!blank());
    llmobs_inject_response(&inject, other, strlen(other));
    ck_assert(blank());
}

TEST(a_new_list_is_linked)
{
    struct llmobs_config config = base();
    const char *const plain[] = {"A: b", NULL};
    const char *const own[] = {"A: b", PARENT, NULL};
    struct curl_slist *list;

    (void)added_for(&config, NULL, URL);
    list = list_of(plain);
    llmobs_inject_relink(&inject, list);
    ck_assert_ptr_eq(inject.nodes[inject.count - 1].next, list);
    ck_assert(!blank());
    llmobs_inject_relink(&inject, NULL);
    ck_assert_ptr_null(inject.nodes[inject.count - 1].next);
    llmobs_inject_relink(&inject, list_of(own));
    ck_assert(blank());
    llmobs_inject_relink(&inject, NULL);
    ck_assert(blank());
}

TEST(a_url_of_any_length)
{
    struct llmobs_config config = base();
    char *url = unit_own(malloc(100001));

    memset(url, 'a', 100000);
    url[100000] = '\0';
    memcpy(url, "http://gw.example/", 18);
    ck_assert_str_eq(added_for(&config, NULL, url), DATADOG W3C);
    memset(url + 7, 'a', 1000);
    ck_assert_str_eq(added_for(&config, NULL, url), "");
    ck_assert_str_eq(added_for(&config, NULL, "no url"), "");
}

/* A provider that is merely named learns ids, and nothing beside own ones. */
TEST(ids_alone)
{
    struct llmobs_config config = base();
    struct llmobs_own_headers own = {0};
    struct llmobs_inject_plan plan = {.config = &config,
                                      .own = &own,
                                      .url = URL,
                                      .baggage = "a=b",
                                      .ids_alone = true};
    char all[2000] = "";

    config.inject_styles = styles[7].styles;
    llmobs_context_root(&context, &config);
    memset(context.origin, 'o', 3);
    plan.sender = llmobs_propagate_span(&context);
    ck_assert(llmobs_inject_fill(&inject, &plan));
    for (size_t i = 0; i < inject.count; i++)
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "%.*s ",
                 (int)strcspn(inject.nodes[i].data, ":"), inject.nodes[i].data);
    ck_assert_str_eq(all, "x-datadog-trace-id x-datadog-parent-id "
                          "x-datadog-sampling-priority traceparent b3 "
                          "x-b3-traceid x-b3-spanid x-b3-sampled ");
    own.names = 1;
    plan.continued = true;
    ck_assert(!llmobs_inject_fill(&inject, &plan));
}

/* The longest of everything at once stays within the room. */
TEST(all_at_their_longest)
{
    struct llmobs_config config = base();
    struct llmobs_own_headers own = {0};
    struct llmobs_inject_plan plan = {
        .config = &config, .own = &own, .url = URL};
    char bag[8193];

    memset(bag, 'x', 8192);
    bag[1] = '=';
    bag[8192] = '\0';
    plan.baggage = bag;
    config.inject_styles = styles[7].styles;
    config.tags_header_max = 1 << 20;
    llmobs_context_root(&context, &config);
    memset(context.ml_app, 'm', sizeof(context.ml_app) - 1);
    memset(context.session_id, 's', sizeof(context.session_id) - 1);
    memset(context.pagent_name, 'p', sizeof(context.pagent_name) - 1);
    memset(context.origin, 'o', sizeof(context.origin) - 1);
    memset(context.dm, 'd', sizeof(context.dm) - 1);
    memset(context.vendors, 'v', sizeof(context.vendors) - 1);
    context.pagent_span_id = UINT64_MAX;
    context.span_id = UINT64_MAX;
    plan.sender = llmobs_propagate_span(&context);
    ck_assert(llmobs_inject_fill(&inject, &plan));
    ck_assert_uint_eq(inject.count, LLMOBS_INJECT_NODES);
    ck_assert_uint_le(inject.len, sizeof(inject.text));
    ck_assert_uint_gt(strlen(value_of("x-datadog-tags")), 1000);
    ck_assert_uint_eq(strlen(value_of("baggage")), 8192);
}
