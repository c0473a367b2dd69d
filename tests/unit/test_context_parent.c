/* A parent from outside: what of it is believed, and what is inherited. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/trace/carrier.h"
#include "core/trace/propagate.h"
#include "tests/unit/context_case.h"

TEST(a_traceparent_alone_makes_a_root_of_ours)
{
    struct llmobs_context c;

    ck_assert(context_from(&c, PARENT, NULL));
    ck_assert(context_same(c.apm_trace_id, context_trace));
    ck_assert(!context_same(c.trace_id, c.apm_trace_id));
    ck_assert_uint_eq(c.parent_id, 0);
    ck_assert_str_eq(c.ml_app, "local-app");
    ck_assert_str_eq(c.sample_rate, "1");
    ck_assert_int_eq(c.priority, 1);
}

TEST(a_sibling_has_ids_of_its_own_alone)
{
    struct llmobs_context c, twin;

    ck_assert(context_from(&c, PARENT, NULL));
    twin = c;
    llmobs_context_sibling(&twin);
    ck_assert_uint_ne(twin.span_id, c.span_id);
    ck_assert(!context_same(twin.trace_id, c.trace_id));
    ck_assert(context_same(twin.apm_trace_id, c.apm_trace_id));
    ck_assert(context_from(&c, PARENT, context_state));
    twin = c;
    llmobs_context_sibling(&twin);
    ck_assert_uint_ne(twin.span_id, c.span_id);
    twin.span_id = c.span_id;
    ck_assert_mem_eq(&twin, &c, sizeof(c));
}

TEST(a_distributed_parent_is_inherited)
{
    struct llmobs_context c;

    ck_assert(context_from(&c, PARENT, context_state));
    ck_assert_uint_eq(c.parent_id, 7310458811263470123u);
    ck_assert(context_same(c.trace_id, context_trace));
    ck_assert_uint_ne(c.span_id, 0);
    ck_assert_uint_ne(c.span_id, c.parent_id);
    ck_assert_str_eq(c.ml_app, "upstream=app");
    ck_assert_str_eq(c.sample_rate, "0.5");
    ck_assert_str_eq(c.sampled, "0");
    ck_assert_str_eq(c.session_id, "sess-7");
    ck_assert_uint_eq(c.pagent_span_id, 99);
    ck_assert_str_eq(c.pagent_name, "planner");
    ck_assert_int_eq(c.priority, 2);
    ck_assert_str_eq(c.origin, "rum");
    ck_assert_str_eq(c.dm, "-4");
    ck_assert_str_eq(c.vendors, "other=1,third=2");
}

TEST(what_was_not_sent_is_not_made_up)
{
    struct llmobs_context c;

    ck_assert(context_from(&c, PARENT, "dd=t.llmobs_parent_id:5"));
    ck_assert_uint_eq(c.parent_id, 5);
    ck_assert_str_eq(c.sample_rate, "");
    ck_assert_str_eq(c.sampled, "");
    ck_assert(context_same(c.trace_id, c.apm_trace_id));
    ck_assert(context_from(&c, PARENT,
                           "dd=t.llmobs_parent_id:5;"
                           "t.llmobs_ml_app:a-ghp_0aB1cD2eF3gH4iJ5"));
    ck_assert_str_eq(c.ml_app, "a-ghp_****************");
    /* Not a parent, yet its names count. */
    ck_assert(context_from(&c, PARENT,
                           "dd=t.llmobs_parent_id:undefined;t.llmobs_ml_app:up;"
                           "t.llmobs_sid:s;t.llmobs_sr:0.1;t.llmobs_sd:0"));
    ck_assert_uint_eq(c.parent_id, 0);
    ck_assert_str_eq(c.ml_app, "up");
    ck_assert_str_eq(c.session_id, "s");
    ck_assert_str_eq(c.sample_rate, "1");
}

static const struct {
    const char *text;
    struct llmobs_id128 id;
} trace_ids[] = {
    {"00000000000000000000000000000010", {0, 0x10}},
    {"6affe73a00000000c3d1e2f3a4b5c6d7",
     {0x6affe73a00000000, 0xc3d1e2f3a4b5c6d7}},
    {"12345", {0, 12345}},
    {"11111111111111111111111111111111", {602334540269u, 0}},
    /* Not readable: the APM trace stands in. */
    {"340282366920938463463374607431768211456", {0, 0}},
    {"340282366920938463463374607431768211457", {0, 0}},
    {"99999999999999999999999999999999999999999", {0, 0}},
    {"xyz", {0, 0}},
    {"0", {0, 0}},
    {"6affe73a00000000c3d1e2f3a4b5c6d", {0, 0}},
    {"6affe73a00000000c3d1e2f3a4b5c6d77", {0, 0}},
    {"-5", {0, 0}},
};

TEST(trace_ids_in_both_forms)
{
    for (size_t i = 0; i < sizeof(trace_ids) / sizeof(*trace_ids); i++) {
        struct llmobs_context c;
        char state[256];
        struct llmobs_id128 want = trace_ids[i].id;

        snprintf(state, sizeof(state),
                 "dd=t.llmobs_parent_id:5;t.llmobs_trace_id:%s",
                 trace_ids[i].text);
        ck_assert(context_from(&c, PARENT, state));
        if (i == 3) {
            char decimal[40];

            llmobs_id128_decimal(c.trace_id, decimal);
            ck_assert_str_eq(decimal, trace_ids[i].text);
            continue;
        }
        if (!want.hi && !want.lo)
            want = context_trace;
        ck_assert_msg(context_same(c.trace_id, want), "%s", trace_ids[i].text);
    }
}

static const char *const bad_parents[] = {
    "",
    "00",
    "00-" TRACE "-6573f78e6e7bca2b-0",
    "00-" TRACE "-6573f78e6e7bca2b-01-x",
    "00-" TRACE "-6573f78e6e7bca2b-011",
    "ff-" TRACE "-6573f78e6e7bca2b-01",
    "00-00000000000000000000000000000000-6573f78e6e7bca2b-01",
    "00-" TRACE "-0000000000000000-01",
    "00-6AFFE73A00000000C3D1E2F3A4B5C6D7-6573f78e6e7bca2b-01",
    "00-" TRACE "_6573f78e6e7bca2b-01",
    "0x-" TRACE "-6573f78e6e7bca2b-01",
    "01-" TRACE "-6573f78e6e7bca2b-01x",
    "00-" TRACE "-6573f78e6e7bca2\xc3-01",
    "00-" TRACE "-6573f78e6e7bca2b-01\n",
};

TEST(a_bad_traceparent_is_no_parent)
{
    for (size_t i = 0; i < sizeof(bad_parents) / sizeof(*bad_parents); i++) {
        struct llmobs_context c;

        ck_assert_msg(!context_from(&c, bad_parents[i], context_state), "%s",
                      bad_parents[i]);
        ck_assert(context_same(c.trace_id, c.apm_trace_id));
        ck_assert_str_eq(c.ml_app, "local-app");
        ck_assert_uint_eq(c.parent_id, 0);
    }
}

TEST(a_later_version_is_read)
{
    struct llmobs_context c;

    ck_assert(context_from(&c, "01-" TRACE "-6573f78e6e7bca2b-01-more", NULL));
    ck_assert(context_from(&c, " " PARENT " ", NULL));
}

static const char *const bad_states[] = {
    "dd=no colon here",
    "dd=s:x;t.llmobs_parent_id:5",
    "dd=t.llmobs_parent_id:5;nocolon",
    "dd=t.llmobs_parent_id:5\x01",
    "dd=t.llmobs_parent_id:\xc3\xa9",
    "other=t.llmobs_parent_id:5",
    "dd=t.llmobs_parent_id:0",
    "dd=t.llmobs_parent_id:-1",
    "dd=t.llmobs_parent_id:18446744073709551616",
    "dd=t.llmobs_parent_id:5x",
    "dd=t.llmobs_parent_id:",
    "dd=t.llmobs_parent_id:5,dd=s:1",
    "dd=",
    ",",
    "=",
};

TEST(a_bad_tracestate_is_no_parent)
{
    for (size_t i = 0; i < sizeof(bad_states) / sizeof(*bad_states); i++) {
        struct llmobs_context c;

        ck_assert(context_from(&c, PARENT, bad_states[i]));
        ck_assert_msg(c.parent_id == 0, "%s", bad_states[i]);
    }
}

TEST(hostile_lengths_are_bounded)
{
    size_t len = 200000;
    char *text = unit_own(malloc(len + 1));
    struct llmobs_context c;
    char state[2048];

    memset(text, 'a', len);
    text[len] = '\0';
    ck_assert(!context_from(&c, text, text));
    ck_assert(context_from(&c, PARENT, text));
    memcpy(text, "dd=t.llmobs_ml_app:", 19);
    ck_assert(context_from(&c, PARENT, text));
    ck_assert_str_eq(c.ml_app, "local-app");
    text[3000] = '\0';
    ck_assert(context_from(&c, PARENT, text));
    ck_assert_uint_eq(strlen(c.ml_app), LLMOBS_ML_APP_LEN * 4);
    ck_assert_int_eq(llmobs_context_tracestate(&c, state, sizeof(state)), 0);
    ck_assert_ptr_null(strstr(state, "ml_app"));
    memset(text, ',', 8000);
    text[8000] = '\0';
    ck_assert(context_from(&c, PARENT, text));
}

TEST(priorities_join)
{
    static const struct {
        const char *parent;
        const char *state;
        int priority;
    } cases[] = {
        {PARENT, "dd=s:2", 2},
        {PARENT, "dd=s:0", 1},
        {PARENT, "dd=s:-1", 1},
        {PARENT, "x=y", 1},
        {"00-" TRACE "-6573f78e6e7bca2b-00", "dd=s:2", 0},
        {"00-" TRACE "-6573f78e6e7bca2b-00", "dd=s:-1", -1},
        {"00-" TRACE "-6573f78e6e7bca2b-00", NULL, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct llmobs_context c;

        ck_assert(context_from(&c, cases[i].parent, cases[i].state));
        ck_assert_int_eq(c.priority, cases[i].priority);
    }
}

TEST(datadog_headers)
{
    struct llmobs_carrier carrier = {
        .x_datadog_trace_id = "14110308643596781271",
        .x_datadog_parent_id = "42",
        .x_datadog_sampling_priority = "2",
        .x_datadog_tags =
            "_dd.p.tid=6affe73a00000000,_dd.p.llmobs_parent_id=7,"
            "_dd.p.llmobs_trace_id=142226893083979332950388645837860619991,"
            "_dd.p.llmobs_ml_app=up=stream",
    };
    struct llmobs_context c;

    ck_assert(llmobs_context_from_carrier(&c, &context_base, &carrier));
    ck_assert(context_same(c.apm_trace_id, context_trace));
    ck_assert(context_same(c.trace_id, context_trace));
    ck_assert_uint_eq(c.parent_id, 7);
    ck_assert_str_eq(c.ml_app, "up=stream");
    ck_assert_int_eq(c.priority, 2);
    /* One bad entry: no tag counts, the trace does. */
    carrier.x_datadog_tags = "_dd.p.llmobs_parent_id=7,bad";
    ck_assert(llmobs_context_from_carrier(&c, &context_base, &carrier));
    ck_assert_uint_eq(c.parent_id, 0);
    ck_assert_uint_eq(c.apm_trace_id.lo, context_trace.lo);
    ck_assert_uint_eq(c.apm_trace_id.hi, 0);
    /* Its span is that of traceparent, where the trace is the same. */
    carrier.x_datadog_tags = "_dd.p.llmobs_parent_id=8";
    carrier.x_datadog_parent_id = NULL;
    ck_assert(llmobs_context_from_carrier(&c, &context_base, &carrier));
    ck_assert_uint_eq(c.parent_id, 0);
    carrier.traceparent = PARENT;
    ck_assert(llmobs_context_from_carrier(&c, &context_base, &carrier));
    ck_assert_uint_eq(c.parent_id, 8);
    /* The first style has the word; its tags are the only ones. */
    carrier.traceparent = PARENT;
    carrier.tracestate = context_state;
    carrier.x_datadog_tags = "_dd.p.llmobs_parent_id=8";
    ck_assert(llmobs_context_from_carrier(&c, &context_base, &carrier));
    ck_assert_uint_eq(c.parent_id, 8);
    ck_assert_str_eq(c.ml_app, "local-app");
    for (size_t i = 0; i < 4; i++) {
        static const char *const bad[] = {"0", "x", "18446744073709551616",
                                          "-1"};
        struct llmobs_carrier only = {.x_datadog_trace_id = bad[i],
                                      .x_datadog_parent_id = "1"};

        ck_assert(!llmobs_context_from_carrier(&c, &context_base, &only));
    }
}

/* Nobody from outside names, groups, drops or chooses what is sampled. */
TEST(a_stranger_gives_ids_alone)
{
    struct llmobs_config config = context_base;
    struct llmobs_carrier carrier = {
        .stranger = true,
        .x_datadog_trace_id = "1",
        .x_datadog_parent_id = "2",
        .x_datadog_sampling_priority = "-1",
        .x_datadog_origin = "rum",
        .x_datadog_tags = "_dd.p.llmobs_parent_id=7,_dd.p.llmobs_trace_id=9,"
                          "_dd.p.llmobs_ml_app=evil,_dd.p.llmobs_sid=s,"
                          "_dd.p.llmobs_sd=0,_dd.p.llmobs_sr=0.5,_dd.p.dm=-4,"
                          "_dd.p.llmobs_pagent_span_id=5,"
                          "_dd.p.llmobs_pagent_name=boss"};
    struct llmobs_context c, root;

    config.session_id = "ours";
    llmobs_context_root(&root, &config);
    ck_assert(llmobs_context_from_carrier(&c, &config, &carrier));
    ck_assert_uint_eq(c.parent_id, 7);
    ck_assert_uint_eq(c.trace_id.lo, 9);
    ck_assert_uint_eq(c.apm_trace_id.lo, 1);
    ck_assert_str_eq(c.ml_app, root.ml_app);
    ck_assert_str_eq(c.session_id, "ours");
    ck_assert_str_eq(c.sampled, "1");
    ck_assert_str_eq(c.sample_rate, root.sample_rate);
    ck_assert_int_eq(c.priority, 1);
    ck_assert_str_eq(c.dm, "");
    ck_assert_str_eq(c.origin, "");
    ck_assert_uint_eq(c.pagent_span_id, 0);
    config.trust = LLMOBS_TRUST_ALL;
    ck_assert(llmobs_context_from_carrier(&c, &config, &carrier));
    ck_assert_str_eq(c.ml_app, "evil");
    ck_assert_str_eq(c.session_id, "s");
    ck_assert_str_eq(c.sampled, "0");
    ck_assert_int_eq(c.priority, -1);
    carrier.stranger = false;
    config.trust = LLMOBS_TRUST_NONE;
    ck_assert(llmobs_context_from_carrier(&c, &config, &carrier));
    ck_assert_str_eq(c.ml_app, root.ml_app);
    config.trust = LLMOBS_TRUST_DEFAULT;
    ck_assert(llmobs_context_from_carrier(&c, &config, &carrier));
    ck_assert_str_eq(c.ml_app, "evil");
}

/* Its trace id is no way to be dropped, either. */
TEST(a_stranger_does_not_choose_what_is_sampled)
{
    struct llmobs_config config = context_base;
    struct llmobs_carrier carrier = {.stranger = true,
                                     .x_datadog_trace_id = "1",
                                     .x_datadog_parent_id = "2"};
    struct llmobs_context c;
    int kept = 0;

    config.sample_rate = 0.5;
    for (int i = 0; i < 200; i++) {
        ck_assert(llmobs_context_from_carrier(&c, &config, &carrier));
        kept += c.sampled[0] == '1';
    }
    ck_assert_int_gt(kept, 20);
    ck_assert_int_lt(kept, 180);
}

static const struct {
    enum llmobs_otlp_sampler sampler;
    bool parent_based, flags;
    const char *parent; /* its flags; NULL: a root */
    bool unsampled;
    int priority;
} decisions[] = {
    {LLMOBS_OTLP_SAMPLER_ON, true, true, NULL, false, 1},
    {LLMOBS_OTLP_SAMPLER_ON, true, true, "-01", false, 1},
    {LLMOBS_OTLP_SAMPLER_ON, true, true, "-00", true, 0},
    {LLMOBS_OTLP_SAMPLER_ON, true, false, "-00", true, 0},
    {LLMOBS_OTLP_SAMPLER_OFF, true, true, NULL, true, 0},
    {LLMOBS_OTLP_SAMPLER_OFF, true, false, NULL, true, 1},
    {LLMOBS_OTLP_SAMPLER_OFF, true, true, "-01", false, 1},
    {LLMOBS_OTLP_SAMPLER_OFF, false, true, "-01", true, 0},
    {LLMOBS_OTLP_SAMPLER_OFF, false, false, "-01", true, 1},
    {LLMOBS_OTLP_SAMPLER_ON, false, true, "-00", false, 1},
    {LLMOBS_OTLP_SAMPLER_ON, false, false, "-00", false, 0},
};

/* The carrier of a decision: a stranger's flag counts as little as its other
 * words. */
static void check_decision(size_t i, bool stranger)
{
    struct llmobs_config config = context_base;
    char parent[] = PARENT;
    struct llmobs_carrier carrier = {.traceparent = parent,
                                     .stranger = stranger};
    struct llmobs_context c, child;

    config.otlp.sampler = decisions[i].sampler;
    config.otlp.parent_based = decisions[i].parent_based;
    config.otlp.sampler_flags = decisions[i].flags;
    if (decisions[i].parent) {
        memcpy(parent + strlen(parent) - 3, decisions[i].parent, 3);
        ck_assert(llmobs_context_from_carrier(&c, &config, &carrier));
    } else {
        llmobs_context_root(&c, &config);
    }
    llmobs_context_child(&child, &c);
    ck_assert_int_eq(child.unsampled, c.unsampled);
    ck_assert_int_eq(child.priority, c.priority);
    if (stranger) {
        ck_assert_int_eq(c.unsampled,
                         decisions[i].sampler == LLMOBS_OTLP_SAMPLER_OFF);
        return;
    }
    ck_assert_msg(c.unsampled == decisions[i].unsampled, "%zu", i);
    ck_assert_msg(c.priority == decisions[i].priority, "%zu: %d", i,
                  c.priority);
}

/* Processes that share a ratio agree on a trace, also on a stranger's, whose
 * flag does not count. */
TEST(a_ratio_is_of_the_trace_that_the_spans_have)
{
    struct llmobs_config config = context_base;
    char parent[] = PARENT;
    struct llmobs_carrier carrier = {.traceparent = parent, .stranger = true};
    struct llmobs_context c;

    config.otlp.sampler = LLMOBS_OTLP_SAMPLER_RATIO;
    config.otlp.sampler_ratio = 0.5;
    config.otlp.sampler_flags = true;
    for (int i = 0; i < 64; i++) {
        bool low = i & 1;

        config.otlp.parent_based = i & 2;
        parent[19] = low ? '1' : 'e'; /* the upper digit of the lower half */
        parent[strlen(parent) - 1] = i & 4 ? '1' : '0';
        ck_assert(llmobs_context_from_carrier(&c, &config, &carrier));
        ck_assert_uint_eq(c.apm_trace_id.lo >> 60, low ? 1 : 14);
        ck_assert_int_eq(c.unsampled, !low);
        ck_assert_int_eq(c.priority, low);
    }
}

TEST(the_sampler_decides_once_for_a_trace)
{
    for (size_t i = 0; i < sizeof(decisions) / sizeof(*decisions); i++) {
        check_decision(i, false);
        check_decision(i, true);
    }
}

/* The flag of each style says the same. */
TEST(a_dropped_root_tells_nobody_that_it_is_sampled)
{
    struct llmobs_config config = context_base;
    struct llmobs_context c;
    struct llmobs_sender sender;
    char text[LLMOBS_TRACESTATE_LEN + 1];

    config.otlp.sampler = LLMOBS_OTLP_SAMPLER_OFF;
    config.otlp.sampler_flags = true;
    llmobs_context_root(&c, &config);
    sender = llmobs_propagate_span(&c);
    ck_assert(llmobs_propagate_traceparent(&sender, text, sizeof(text)));
    ck_assert_str_eq(text + 52, "-00");
    ck_assert(llmobs_propagate_b3(&sender, text, sizeof(text)));
    ck_assert_str_eq(text + strlen(text) - 2, "-0");
    ck_assert(llmobs_propagate_tracestate(&sender, text, sizeof(text)));
    ck_assert_ptr_nonnull(strstr(text, ";s:0;"));
}

TEST(long_datadog_tags_are_ignored)
{
    char tags[600] = "_dd.p.llmobs_parent_id=8,_dd.p.x=";
    struct llmobs_carrier carrier = {.x_datadog_trace_id = "1",
                                     .x_datadog_parent_id = "2",
                                     .x_datadog_tags = tags};
    struct llmobs_context c;

    memset(tags + strlen(tags), 'y', 512 - strlen(tags));
    ck_assert_uint_eq(strlen(tags), 512);
    ck_assert(llmobs_context_from_carrier(&c, &context_base, &carrier));
    ck_assert_uint_eq(c.parent_id, 8);
    tags[512] = 'y';
    ck_assert(llmobs_context_from_carrier(&c, &context_base, &carrier));
    ck_assert_uint_eq(c.parent_id, 0);
}
