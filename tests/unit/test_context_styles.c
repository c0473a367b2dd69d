/* Several forms of trace context at once, and which of them has the word. */
#include <string.h>

#include "core/trace/carrier.h"
#include "tests/unit/context_case.h"

#define W3C LLMOBS_STYLE_TRACECONTEXT
#define DATADOG LLMOBS_STYLE_DATADOG
#define B3 LLMOBS_STYLE_B3
#define B3MULTI LLMOBS_STYLE_B3MULTI

/* One carrier with a trace in each style: 1 in Datadog's, 2 in W3C's, 3 and 4
 * in b3's. */
static const struct llmobs_carrier every = {
    .traceparent = "00-00000000000000000000000000000002-0000000000000022-01",
    .tracestate = "dd=t.llmobs_parent_id:222,o=2",
    .x_datadog_trace_id = "1",
    .x_datadog_parent_id = "17",
    .x_datadog_tags = "_dd.p.llmobs_parent_id=111",
    .b3 = "00000000000000000000000000000003-0000000000000033-d",
    .x_b3_traceid = "0000000000000004",
    .x_b3_spanid = "0000000000000044",
    .x_b3_sampled = "0",
};

static const struct {
    struct llmobs_styles styles;
    uint64_t trace, span, parent;
    int priority;
} orders[] = {
    {{{DATADOG, W3C}, 2}, 1, 17, 111, 1},
    {{{W3C, DATADOG}, 2}, 2, 0x22, 222, 1},
    {{{W3C}, 1}, 2, 0x22, 222, 1},
    {{{LLMOBS_STYLE_BAGGAGE, DATADOG}, 2}, 1, 17, 111, 1},
    {{{B3, DATADOG}, 2}, 3, 0x33, 0, 2},
    {{{B3MULTI}, 1}, 4, 0x44, 0, 0},
    {{{B3MULTI, B3}, 2}, 4, 0x44, 0, 0},
    {{{LLMOBS_STYLE_BAGGAGE}, 1}, 0, 0, 0, 1},
    {{{0}, 0}, 0, 0, 0, 1},
};

TEST(the_first_style_has_the_word)
{
    struct llmobs_config config = context_base;

    for (size_t i = 0; i < 2 * sizeof(orders) / sizeof(*orders); i++) {
        struct llmobs_context c;
        size_t row = i / 2;
        bool found;

        config.extract_styles = orders[row].styles;
        config.extract_first = i % 2;
        found = llmobs_context_from_carrier(&c, &config, &every);
        ck_assert_msg(found == (orders[row].trace != 0), "row %zu", row);
        if (!found)
            continue;
        ck_assert_uint_eq(c.apm_trace_id.lo, orders[row].trace);
        ck_assert_uint_eq(c.apm_parent_id, orders[row].span);
        ck_assert_uint_eq(c.parent_id, orders[row].parent);
        ck_assert_int_eq(c.priority, orders[row].priority);
    }
}

TEST(the_first_alone_where_asked_for)
{
    struct llmobs_config config = context_base;
    struct llmobs_carrier both = every;
    struct llmobs_context c;

    both.traceparent =
        "00-00000000000000000000000000000001-0000000000000022-01";
    ck_assert(llmobs_context_from_carrier(&c, &config, &both));
    ck_assert_uint_eq(c.apm_parent_id, 0x22);
    ck_assert_uint_eq(c.parent_id, 111);
    ck_assert_str_eq(c.vendors, "o=2");
    config.extract_first = true;
    ck_assert(llmobs_context_from_carrier(&c, &config, &both));
    ck_assert_uint_eq(c.apm_parent_id, 17);
    ck_assert_str_eq(c.vendors, "");
    /* Another trace lends nothing. */
    ck_assert(llmobs_context_from_carrier(&c, &context_base, &every));
    ck_assert_str_eq(c.vendors, "");
}

TEST(behaviours)
{
    struct llmobs_config config = context_base;
    struct llmobs_context c;
    struct llmobs_text bag;

    for (int i = 0; i < 2; i++) {
        config.extract = i ? LLMOBS_EXTRACT_RESTART : LLMOBS_EXTRACT_IGNORE;
        ck_assert(!llmobs_context_from_carrier(&c, &config, &every));
        ck_assert_uint_eq(c.parent_id, 0);
        ck_assert_uint_eq(c.apm_parent_id, 0);
        ck_assert_str_eq(c.ml_app, "local-app");
        ck_assert(context_same(c.trace_id, c.apm_trace_id));
        ck_assert(llmobs_context_baggage(&config, "a=b", &bag) == (i == 1));
    }
    ck_assert(llmobs_context_baggage(&context_base, " a=b ", &bag));
    ck_assert_uint_eq(bag.len, 3);
    ck_assert(!llmobs_context_baggage(&context_base, NULL, &bag));
}

static const char *const bad_b3[] = {
    "",
    "0",
    "-",
    "--",
    "00000000000000000000000000000003",
    "00000000000000000000000000000003-",
    "00000000000000000000000000000003-0000000000000000-1",
    "00000000000000000000000000000000-0000000000000033-1",
    "0000000000000000000000000000003-0000000000000033-1",
    "0000000000000000000000000000000g-0000000000000033-1",
    "00000000000000000000000000000003-33-1",
    "00000000000000000000000000000003-00000000000000000000000000000033-1",
    "00000000000000000000000000000003-000000000000003\n-1",
};

TEST(b3_is_checked)
{
    struct llmobs_config config = context_base;
    struct llmobs_context c;
    struct llmobs_carrier carrier = {0};

    config.extract_styles = (struct llmobs_styles){{B3, B3MULTI}, 2};
    for (size_t i = 0; i < sizeof(bad_b3) / sizeof(*bad_b3); i++) {
        carrier.b3 = bad_b3[i];
        ck_assert_msg(!llmobs_context_from_carrier(&c, &config, &carrier), "%s",
                      bad_b3[i]);
    }
    carrier.b3 = "6AFFE73A00000000C3D1E2F3A4B5C6D7-6573F78E6E7BCA2B";
    ck_assert(llmobs_context_from_carrier(&c, &config, &carrier));
    ck_assert(context_same(c.apm_trace_id, context_trace));
    ck_assert_int_eq(c.priority, 1);
    carrier = (struct llmobs_carrier){.x_b3_traceid = "0000000000000004",
                                      .x_b3_spanid = "0000000000000044",
                                      .x_b3_flags = "1"};
    ck_assert(llmobs_context_from_carrier(&c, &config, &carrier));
    ck_assert_int_eq(c.priority, 2);
    carrier.x_b3_spanid = NULL;
    ck_assert(!llmobs_context_from_carrier(&c, &config, &carrier));
}

TEST(a_starters_context_is_read_in_any_style)
{
    struct llmobs_config config = context_base;
    struct llmobs_carrier carrier = {.traceparent = PARENT,
                                     .tracestate = context_state};
    struct llmobs_context c;

    config.extract_styles = (struct llmobs_styles){{DATADOG}, 1};
    ck_assert(!llmobs_context_from_carrier(&c, &config, &carrier));
    carrier.process = true;
    ck_assert(llmobs_context_from_carrier(&c, &config, &carrier));
    ck_assert_uint_eq(c.parent_id, 7310458811263470123u);
    config.extract = LLMOBS_EXTRACT_IGNORE;
    ck_assert(!llmobs_context_from_carrier(&c, &config, &carrier));
}

TEST(apm_ids_of_64_bits)
{
    struct llmobs_config config = context_base;
    struct llmobs_context c;
    struct llmobs_carrier carrier = every;

    config.trace_id_128 = false;
    llmobs_context_root(&c, &config);
    ck_assert_uint_eq(c.apm_trace_id.hi, 0);
    ck_assert_uint_ne(c.trace_id.hi, 0);
    ck_assert_uint_eq(c.apm_trace_id.lo, c.trace_id.lo);
    carrier.x_datadog_tags = "_dd.p.tid=6affe73a00000000";
    ck_assert(llmobs_context_from_carrier(&c, &config, &carrier));
    ck_assert_uint_eq(c.apm_trace_id.hi, 0);
    ck_assert(llmobs_context_from_carrier(&c, &context_base, &carrier));
    ck_assert_uint_eq(c.apm_trace_id.hi, 0x6affe73a00000000);
}
