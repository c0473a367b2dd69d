/* Makes contexts for tests. */
#include "core/trace/carrier.h"
#include "tests/unit/context_case.h"

const struct llmobs_config context_base = {
    .ml_app = (char *)"local-app",
    .sample_rate = 1,
    .trace_id_128 = true,
    .extract_styles = {
        {LLMOBS_STYLE_DATADOG, LLMOBS_STYLE_TRACECONTEXT, LLMOBS_STYLE_BAGGAGE},
        3}};

const struct llmobs_id128 context_trace = {0x6affe73a00000000,
                                           0xc3d1e2f3a4b5c6d7};

const char context_state[] =
    "dd=p:6573f78e6e7bca2b;s:2;o:rum;t.dm:-4;t.tid:6affe73a00000000;"
    "t.llmobs_parent_id:7310458811263470123;"
    "t.llmobs_trace_id:142226893083979332950388645837860619991;"
    "t.llmobs_sd:0;t.llmobs_sr:0.5;t.llmobs_ml_app:upstream~app;"
    "t.llmobs_sid:sess-7;t.llmobs_pagent_span_id:99;"
    "t.llmobs_pagent_name:planner,other=1,third=2";

bool context_from(struct llmobs_context *c, const char *traceparent,
                  const char *tracestate)
{
    struct llmobs_carrier carrier = {.traceparent = traceparent,
                                     .tracestate = tracestate};

    return llmobs_context_from_carrier(c, &context_base, &carrier);
}

bool context_same(struct llmobs_id128 a, struct llmobs_id128 b)
{
    return a.hi == b.hi && a.lo == b.lo;
}
