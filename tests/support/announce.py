"""The trace headers of a caller that does not exist."""
import time

STARTED = int(time.time())


def members(span, ml_app, trace):
    return [("llmobs_parent_id", span), ("llmobs_ml_app", ml_app),
            ("llmobs_trace_id", trace), ("llmobs_sr", "1"),
            ("llmobs_sd", "1")]


def announce(ml_app, style, number):
    """Gives the ids of the caller's span as an event has them, and the headers,
    "name: value"; `number` makes them differ."""
    low, span = 0x1122334455667788 + number, 123456789 + number
    high = STARTED << 32
    trace = high << 64 | low
    headers = []
    if "datadog" in style:
        headers += ["x-datadog-trace-id: %d" % low,
                    "x-datadog-parent-id: %d" % span,
                    "x-datadog-sampling-priority: 1",
                    "x-datadog-tags: _dd.p.tid=%016x,%s" % (high, ",".join(
                        "_dd.p.%s=%s" % m
                        for m in members(span, ml_app, trace)))]
    if "tracecontext" in style:
        headers += ["traceparent: 00-%032x-%016x-01" % (trace, span),
                    "tracestate: dd=s:1;p:%016x;t.tid:%016x;%s" % (
                        span, high, ";".join(
                            "t.%s:%s" % m
                            for m in members(span, ml_app, trace)))]
    return {"trace_id": "%032x" % trace, "span_id": str(span)}, headers
