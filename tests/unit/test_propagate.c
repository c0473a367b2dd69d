/* Tests the values of trace headers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/config/config.h"
#include "core/trace/carrier.h"
#include "core/trace/propagate.h"
#include "tests/unit/unit.h"

static struct llmobs_config config = {
    .ml_app = (char *)"my-ml-app",
    .sample_rate = 1,
    .trace_id_128 = true,
    .extract_styles = {{LLMOBS_STYLE_DATADOG, LLMOBS_STYLE_TRACECONTEXT}, 2}};

/* The example of WIRE 5.5. */
static struct llmobs_context example(void)
{
    struct llmobs_context c;

    llmobs_context_root(&c, &config);
    c.trace_id = (struct llmobs_id128){0x6affe73a00000000, 0xc3d1e2f3a4b5c6d7};
    c.apm_trace_id = c.trace_id;
    c.span_id = 7310458811263470123u;
    return c;
}

static const char *tags_of(const struct llmobs_context *c, bool llm_only,
                           size_t max)
{
    static char out[LLMOBS_TAGS_LEN];
    struct llmobs_sender sender = llmobs_propagate_span(c);
    size_t len =
        llmobs_propagate_tags(&sender, llm_only, max, out, sizeof(out));

    ck_assert_uint_eq(strlen(out), len);
    ck_assert_uint_le(len, max);
    return out;
}

TEST(numbers)
{
    static const uint64_t list[] = {
        0,       1, 9, 10, 99, 100, 18446744073709551615u, 7310458811263470123u,
        1u << 31};
    static const int small[] = {0,   1,    -1,         2,
                                128, -128, 2147483647, -2147483647 - 1};
    char got[33], want[40];

    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) {
        snprintf(want, sizeof(want), "%llu", (unsigned long long)list[i]);
        ck_assert_uint_eq(llmobs_text_decimal(list[i], got), strlen(want));
        ck_assert_str_eq(got, want);
        snprintf(want, sizeof(want), "%016llx", (unsigned long long)list[i]);
        ck_assert_uint_eq(llmobs_propagate_hex64(list[i], got), 16);
        ck_assert_str_eq(got, want);
    }
    for (size_t i = 0; i < sizeof(small) / sizeof(*small); i++) {
        snprintf(want, sizeof(want), "%d", small[i]);
        ck_assert_uint_eq(llmobs_propagate_int(small[i], got), strlen(want));
        ck_assert_str_eq(got, want);
    }
}

TEST(tags_as_documented)
{
    struct llmobs_context c = example();

    ck_assert_str_eq(
        tags_of(&c, false, 512),
        "_dd.p.tid=6affe73a00000000,"
        "_dd.p.llmobs_parent_id=7310458811263470123,"
        "_dd.p.llmobs_trace_id=142226893083979332950388645837860619991,"
        "_dd.p.llmobs_sd=1,_dd.p.llmobs_sr=1,_dd.p.llmobs_ml_app=my-ml-app");
    strcpy(c.dm, "-4");
    strcpy(c.session_id, "s 1");
    strcpy(c.pagent_name, "planner");
    c.pagent_span_id = 99;
    ck_assert_str_eq(
        tags_of(&c, false, 512),
        "_dd.p.tid=6affe73a00000000,_dd.p.dm=-4,"
        "_dd.p.llmobs_parent_id=7310458811263470123,"
        "_dd.p.llmobs_trace_id=142226893083979332950388645837860619991,"
        "_dd.p.llmobs_sd=1,_dd.p.llmobs_sr=1,_dd.p.llmobs_ml_app=my-ml-app,"
        "_dd.p.llmobs_sid=s 1,_dd.p.llmobs_pagent_span_id=99,"
        "_dd.p.llmobs_pagent_name=planner");
    c.apm_trace_id.hi = 0;
    c.dm[0] = '\0';
    ck_assert_ptr_null(strstr(tags_of(&c, false, 512), "tid="));
}

TEST(llm_only_beside_an_apps_ids)
{
    struct llmobs_context c = example();

    strcpy(c.dm, "-4");
    ck_assert_int_eq(strncmp(tags_of(&c, true, 512),
                             "_dd.p.llmobs_parent_id=7310458811263470123,", 42),
                     0);
    ck_assert_ptr_null(strstr(tags_of(&c, true, 512), "_dd.p.dm"));
}

static const struct {
    const char *ml_app;
    const char *in_tags; /* NULL: left out */
    const char *in_state;
} values[] = {
    {"my app=v2", "my app=v2", "my app~v2"},
    {"a,b", NULL, "a_b"},
    {"caf\xc3\xa9", NULL, "caf_"},
    {"  blank  ", "blank", "  blank  "},
    {"   ", NULL, "   "},
    {"a;b~c", "a;b~c", "a_b_c"},
    {"a\r\nx-evil: 1", NULL, "a_x-evil: 1"},
    {"a\tb", NULL, "a_b"},
    {"a\x7f", NULL, "a_"},
    {"", NULL, NULL},
};

TEST(a_value_that_cannot_be_encoded_costs_itself_alone)
{
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        struct llmobs_context c = example();
        char state[LLMOBS_TRACESTATE_LEN + 1], want[128];
        struct llmobs_sender sender = llmobs_propagate_span(&c);
        const char *at;

        strcpy(c.ml_app, values[i].ml_app);
        strcpy(c.session_id, "behind");
        at = strstr(tags_of(&c, false, 512), "_dd.p.llmobs_sr=1");
        ck_assert_ptr_nonnull(at);
        if (values[i].in_tags)
            snprintf(want, sizeof(want),
                     "_dd.p.llmobs_sr=1,_dd.p.llmobs_ml_app=%s,"
                     "_dd.p.llmobs_sid=behind",
                     values[i].in_tags);
        else
            strcpy(want, "_dd.p.llmobs_sr=1,_dd.p.llmobs_sid=behind");
        ck_assert_str_eq(at, want);
        ck_assert_uint_gt(
            llmobs_propagate_tracestate(&sender, state, sizeof(state)), 0);
        if (values[i].in_state)
            snprintf(want, sizeof(want), ";t.llmobs_ml_app:%s;t.llmobs_sid",
                     values[i].in_state);
        else
            strcpy(want, ";t.llmobs_sr:1;t.llmobs_sid:behind");
        ck_assert_msg(strstr(state, want) != NULL, "row %zu: %s", i, state);
    }
}

TEST(the_limit_of_the_tags_is_exact)
{
    struct llmobs_context c = example();
    size_t whole, most = 0;

    strcpy(c.session_id, "behind");
    for (size_t len = 1; len < sizeof(c.ml_app) - 1; len++) {
        const char *tags;

        memset(c.ml_app, 'm', len);
        c.ml_app[len] = '\0';
        tags = tags_of(&c, false, 512);
        ck_assert_ptr_nonnull(strstr(tags, "llmobs_trace_id="));
        if (strstr(tags, "ml_app") && strstr(tags, "sid=behind"))
            most = strlen(tags);
    }
    ck_assert_uint_eq(most, 512);
    strcpy(c.ml_app, "x");
    whole = strlen(tags_of(&c, false, 512));
    ck_assert_uint_eq(strlen(tags_of(&c, false, whole)), whole);
    ck_assert_ptr_null(strstr(tags_of(&c, false, whole - 1), "sid="));
    ck_assert_str_eq(tags_of(&c, false, 10), "");
    ck_assert_str_eq(tags_of(&c, false, 0), "");
}

TEST(a_context_is_passed_on_as_it_came)
{
    struct llmobs_context c = example();
    struct llmobs_sender sender = {&c, 5, 7};
    char text[LLMOBS_TRACESTATE_LEN + 1];

    llmobs_propagate_tags(&sender, false, 512, text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, "_dd.p.llmobs_parent_id=7,"));
    llmobs_propagate_traceparent(&sender, text, sizeof(text));
    ck_assert_str_eq(text, "00-6affe73a00000000c3d1e2f3a4b5c6d7-"
                           "0000000000000005-01");
    /* No parent in LLM Observability: the name alone is known. */
    sender.parent_id = 0;
    llmobs_propagate_tags(&sender, false, 512, text, sizeof(text));
    ck_assert_str_eq(text, "_dd.p.tid=6affe73a00000000,"
                           "_dd.p.llmobs_parent_id=undefined,"
                           "_dd.p.llmobs_ml_app=my-ml-app");
}

TEST(what_was_not_decided_is_not_written)
{
    struct llmobs_context c = example();

    c.sampled[0] = c.sample_rate[0] = '\0';
    ck_assert_ptr_null(strstr(tags_of(&c, false, 512), "llmobs_s"));
}

TEST(b3)
{
    struct llmobs_context c = example();
    struct llmobs_sender sender = llmobs_propagate_span(&c);
    char text[64];

    ck_assert_uint_eq(llmobs_propagate_b3(&sender, text, sizeof(text)), 51);
    ck_assert_str_eq(text,
                     "6affe73a00000000c3d1e2f3a4b5c6d7-6573f78e6e7bca2b-1");
    c.apm_trace_id.hi = 0;
    c.priority = 2;
    llmobs_propagate_b3(&sender, text, sizeof(text));
    ck_assert_str_eq(text, "c3d1e2f3a4b5c6d7-6573f78e6e7bca2b-d");
    c.priority = -1;
    llmobs_propagate_b3(&sender, text, sizeof(text));
    ck_assert_str_eq(text, "c3d1e2f3a4b5c6d7-6573f78e6e7bca2b-0");
    ck_assert_uint_eq(llmobs_propagate_b3(&sender, text, 40), 0);
}

/* A reader of either style reads our headers as a child of our span. */
TEST(both_styles_are_read_back)
{
    struct llmobs_context c = example(), back;
    struct llmobs_sender sender = llmobs_propagate_span(&c);
    char parent[64], state[LLMOBS_TRACESTATE_LEN + 1], tags[LLMOBS_TAGS_LEN];
    struct llmobs_carrier w3c = {.traceparent = parent, .tracestate = state};
    struct llmobs_carrier datadog = {
        .x_datadog_trace_id = "14110308643596781271",
        .x_datadog_parent_id = "7310458811263470123",
        .x_datadog_tags = tags};

    strcpy(c.session_id, "s");
    strcpy(c.ml_app, "my app=v2");
    llmobs_propagate_traceparent(&sender, parent, sizeof(parent));
    llmobs_propagate_tracestate(&sender, state, sizeof(state));
    llmobs_propagate_tags(&sender, false, 512, tags, sizeof(tags));
    for (int i = 0; i < 2; i++) {
        ck_assert(
            llmobs_context_from_carrier(&back, &config, i ? &w3c : &datadog));
        ck_assert_uint_eq(back.parent_id, c.span_id);
        ck_assert_uint_eq(back.apm_parent_id, c.span_id);
        ck_assert_uint_eq(back.trace_id.hi, c.trace_id.hi);
        ck_assert_uint_eq(back.trace_id.lo, c.trace_id.lo);
        ck_assert_uint_eq(back.apm_trace_id.hi, c.trace_id.hi);
        ck_assert_str_eq(back.ml_app, "my app=v2");
        ck_assert_str_eq(back.session_id, "s");
        ck_assert_str_eq(back.sample_rate, "1");
    }
}
