"""Tests of logs and metrics."""
import os
import time

import expect
import harness
import replay
from bench import Differences, Exchanges, ROOT, Run, that_fail, with_values
from doubles import wait_for
from harness import Failure, equal, ok


def soon(check, seconds=10):
    """A receiver that answers before it decodes may say a moment later what it
    has."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            return check()
        except Failure:
            time.sleep(0.2)
    return check()


# ---- tests of logs ---------------------------------------------------------------

def run_logs(bench, url, form, json):
    """Evaluations, and calls of which some fail; gives the run."""
    if not hasattr(bench, "few"):
        rules = list(replay.of_rules(os.path.join(ROOT, "tests")))
        bench.few = Exchanges(os.path.join(bench.folder, "few"), rules[::6],
                              that_fail(bench.servers.http))
    run = Run(bench, url, form, json, {
        "OTEL_LOGS_EXPORTER": "otlp", "OTEL_TRACES_EXPORTER": "none",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT":
        "SPAN_AND_EVENT"})
    run.make_calls(bench.few)
    run.program(bench.client, "evaluations")
    run.drain()
    return run


def compare_logs(bench, run, logs, form):
    """Each evaluation that names a span, and each call, once."""
    events, evaluations = run.events()
    found = Differences(bench.verbose)
    want = list(filter(None, (expect.evaluation_of(e, True)
                              for e in evaluations)))
    want += [expect.details_of(e, form) for e in events
             if expect.has_details(e, form)]
    want += [expect.exception_of(e, form) for e in events
             if expect.has_exception(e)]
    ok(len(want) > 100, "only %d log records" % len(want))

    def key(log):
        return (log["event"], log["spanId"],
                log["attributes"].get("gen_ai.evaluation.name", ""))
    by_key = {key(log): log for log in logs}
    equal(len(by_key), len(logs), "log records, by what they are of")
    found.compare_sets("records", by_key, map(key, want))
    for one in want:
        got = by_key.get(key(one))
        if not got:
            continue
        where = "%s %s" % (one["event"], one["spanId"])
        for name in ("traceId", "time"):
            found.compare("%s, %s" % (where, name), got[name], one[name])
        found.compare_dicts(where, with_values(got["attributes"]),
                            with_values(one["attributes"]))
    found.settle()


EVENTS = (("gen_ai.evaluation.name", "gen_ai.evaluation.result"),
          ("exception.type", "gen_ai.client.operation.exception"),
          ("gen_ai.operation.name", "gen_ai.client.inference.operation.details"))


def with_event(log):
    """The messages that Elastic's server decodes have no name of an event."""
    name = next(n for a, n in EVENTS if a in log["attributes"])
    return dict(log, event=name)


def elastic_logs(bench, form, json):
    receiver = bench.elastic()
    receiver.forget()
    run = run_logs(bench, receiver.url, form, json)
    soon(lambda: compare_logs(bench, run, list(
        map(with_event, receiver.got("logs"))), form))


def strict_logs(bench, form, json):
    strict = bench.strict()
    strict.forget()
    run = run_logs(bench, strict.url, form, json)
    equal(strict.refused, [], "requests that are refused")
    compare_logs(bench, run, strict.got("logs"), form)


# ---- tests of metrics ------------------------------------------------------------

def a_while(port):
    """Calls that keep a process alive for some exports, and two more."""
    url = "http://127.0.0.1:%d/v1/chat/completions" % port
    yield url, harness.body("hi", "stall", stream=True), ["max-time = 1.3"]
    for stream in (False, True):
        yield url, harness.body("hello there", stream=stream), []


def run_metrics(bench, url, form, json, **more):
    """Processes that live long enough; gives the spans of their store."""
    if not hasattr(bench, "asking"):
        rules = list(replay.of_rules(os.path.join(ROOT, "tests")))
        bench.asking = Exchanges(os.path.join(bench.folder, "living"),
                                 rules[::6], a_while(bench.servers.http))
    run = Run(bench, url, form, json, dict({
        "OTEL_METRICS_EXPORTER": "otlp", "OTEL_TRACES_EXPORTER": "none",
        "OTEL_METRIC_EXPORT_INTERVAL": "400"}, **more))
    run.make_calls(bench.asking)
    run.program(bench.living)
    return run.events()[0]


def close_to(a, b):
    return abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1)


def compare_metrics(bench, events, metrics, form):
    """The last cumulative point of each series is what the store's spans add
    up to."""
    found = Differences(bench.verbose)
    last = {}
    for metric in metrics:
        equal(metric["resource"].get("service.name"), "service-of-tests",
              "resource of a metric")
        ok(metric["resource"].get("service.instance.id"), "no instance id")
        for point in metric["points"]:
            key = expect.key_of(metric["name"], point["attributes"])
            equal(metric["temporality"], 2, "temporality of " + metric["name"])
            if metric["type"] == "histogram":
                equal(len(point["buckets"]), len(point["bounds"]) + 1,
                      "buckets of " + metric["name"])
                equal(metric["unit"], "{token}" if expect.BOUNDS[
                    metric["name"]] is expect.TOKENS else "s",
                      "unit of " + metric["name"])
                equal(point["bounds"], expect.BOUNDS[metric["name"]],
                      "bounds of " + metric["name"])
                last[key] = (point["count"], point["sum"], point["buckets"])
            else:
                equal(metric["monotonic"], True, metric["name"] + " monotonic")
                last[key] = point["value"]
    want = expect.metrics_of(events, form)
    ok(len(want) > 20, "only %d series" % len(want))
    found.compare_sets("series", map(str, last), map(str, want))
    for key in set(last) & set(want):
        a, b = last[key], want[key]
        if isinstance(a, tuple) and close_to(a[1], b[1]):
            a = (a[0], b[1], a[2])
        found.compare(str(key), a, b)
    found.settle()


def elastic_metrics(bench, form, json):
    receiver = bench.elastic()
    receiver.forget()
    events = run_metrics(bench, receiver.url, form, json)
    soon(lambda: compare_metrics(bench, events, receiver.got("metrics"), form))


def strict_metrics(bench, form, json):
    strict = bench.strict()
    strict.forget()
    events = run_metrics(bench, strict.url, form, json)
    equal(strict.refused, [], "requests that are refused")
    ok(len(strict.raw) >= 2, "%d exports in the life of a process" % len(
        strict.raw))
    compare_metrics(bench, events, strict.got("metrics"), form)


def with_bound(name, labels):
    """A series; bounds of buckets are texts, which may be spelled otherwise."""
    return expect.key_of(name, {k: "%.6g" % float(v) if k == "le" else str(v)
                                for k, v in labels.items()})


def at_victoria(victoria):
    """{series: value}, by the labels that the conventions name."""
    found = {}
    for labels, value in victoria.got():
        equal(labels.get("service.name"), "service-of-tests", "service.name")
        found[with_bound(labels["__name__"], {
            k: v for k, v in labels.items()
            if k.startswith(("gen_ai.", "mcp.", "server.", "error."))
            or k == "le"})] = value
    return found


def series_of(events, form):
    """The same of what the spans of the store add up to."""
    found = {}
    for (name, attributes), (count, total, buckets) in expect.metrics_of(
            events, form).items():
        labels = dict(attributes)
        found[with_bound(name + "_count", labels)] = count
        found[with_bound(name + "_sum", labels)] = total
        for i, bound in enumerate(expect.BOUNDS[name] + ["+Inf"]):
            found[with_bound(name + "_bucket", dict(labels, le=bound))] = \
                sum(buckets[:i + 1])
    return found


def victoria_metrics(bench):
    """Counts, sums and each bucket of every series, read back by the API."""
    victoria = bench.victoria()
    events = run_metrics(
        bench, "http://127.0.0.1:1", "1.41", False,
        OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=victoria.url)
    want = series_of(events, "1.41")

    def all_there():
        got = at_victoria(victoria)
        return got if set(got) == set(want) and all(
            close_to(got[k], want[k]) for k in want) else None
    # It takes a moment to show a series that is new.
    got = wait_for(all_there, 5, 0.2) or at_victoria(victoria)
    found = Differences(bench.verbose)
    found.compare_sets("series", got, want)
    for key in set(got) & set(want):
        if not close_to(got[key], want[key]):
            found.compare(str(key), got[key], want[key])
    found.settle()
